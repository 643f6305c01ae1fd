"""Spectrograms under teacher forcing: mel bands, as long as the recordings."""

from dataclasses import replace

import pytest
import torch

from finetune_tts.data.batch import Batch
from finetune_tts.errors import UserError
from finetune_tts.families.speaking import forced_mels, require_force
from finetune_tts.families.tacotron.capacitron import CapacitronOptions
from finetune_tts.families.tacotron.network import NetworkOptions
from finetune_tts.families.tacotron.tacotron import Tacotron, TacotronSizes
from finetune_tts.families.tacotron.tacotron2 import Tacotron2, Tacotron2Sizes

OPTIONS = NetworkOptions(num_symbols=9, frame_channels=8, frames_per_step=4)


def small(model, **fields):
    options = replace(OPTIONS, **fields)
    if model == "tacotron2":
        sizes = Tacotron2Sizes(recurrent=12, prenet=6, postnet=6)
        return Tacotron2(options=options, encoder_channels=8, sizes=sizes).eval()
    sizes = TacotronSizes(recurrent=12, prenet=(8, 6), cbhg=4, encoder_bank=3, postnet_bank=2, postnet_projection=6)
    return Tacotron(options=options, linear_channels=17, encoder_channels=8, sizes=sizes).eval()


@pytest.fixture
def batch():
    return Batch(
        token_ids=torch.tensor([[1, 2, 3], [4, 5, 0]]),
        token_lengths=torch.tensor([3, 2]),
        mels=torch.randn(2, 10, 8),
        mel_lengths=torch.tensor([10, 7]),
        names=["a", "b"],
        texts=["", ""],
    )


@pytest.mark.parametrize("model", ["tacotron", "tacotron2"])
def test_a_tacotron_gives_mel_bands_for_the_frames_of_each_recording(model, batch):
    mels = forced_mels(small(model), require_force(model), batch)
    assert [mel.shape for mel in mels] == [(8, 10), (8, 7)]


@pytest.mark.parametrize("model", ["tacotron", "tacotron2"])
def test_a_model_with_capacitron_gives_the_same_each_time(model, batch):
    network = small(model, prenet_dropout=False, capacitron=CapacitronOptions(channels=4, text_channels=3))
    first, again = (forced_mels(network, require_force(model), batch) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))


def test_a_model_that_makes_waveforms_is_refused():
    with pytest.raises(UserError, match="a vits model gives no spectrograms"):
        require_force("vits")
