import pytest
import torch

from finetune_tts.errors import UserError
from finetune_tts.families.speaking import answer_of
from finetune_tts.families.speech import Request


def test_glow_tts_answers_with_frames_of_the_config(make_config, make_network):
    config = make_config(length_scale=1.0)
    network = make_network(config)
    ids = torch.tensor([[1, 2, 3]])
    answer = answer_of(network, config, Request(ids))
    assert answer.mel.shape == (len(answer.alignment), 8)
    assert answer.alignment.shape[1] == 3
    config.length_scale = 2.0
    assert len(answer_of(network, config, Request(ids)).mel) > len(answer.mel)
    assert len(answer_of(network, config, Request(ids, length_scale=1.0)).mel) == len(answer.mel)


def test_an_architecture_that_cannot_speak_is_named(make_config, make_network):
    config = make_config()
    network = make_network(config)
    config.model = "wavenet"
    with pytest.raises(UserError, match="'wavenet' cannot synthesise yet; glow_tts"):
        answer_of(network, config, Request(torch.tensor([[1]])))
