"""Speech that is made bit by bit is the speech that is made at once."""

import dataclasses

import numpy as np
import pytest
import torch

from finetune_tts.families.speech import Request
from finetune_tts.families.xtts.decoder import FramesOnTheWay
from finetune_tts.families.xtts.speech import Manner, filled_in, speak, stream
from finetune_tts.families.xtts.voices import XttsVoice


@pytest.fixture
def voice():
    random = torch.Generator().manual_seed(6)
    return XttsVoice(torch.randn(1, 8, 32, generator=random), torch.randn(1, 16, 1, generator=random))


@pytest.mark.parametrize("length_scale", [1.0, 1.5, 0.7])
@pytest.mark.parametrize("part", [1, 7, 40])
@torch.inference_mode()
def test_parts_of_any_size_make_the_waveform_of_all(xtts, voice, part, length_scale):
    latents = torch.randn(1, 40, 32, generator=torch.Generator().manual_seed(1))
    way = FramesOnTheWay(xtts.hifigan_decoder, voice.speaker, length_scale)
    parts = [way.add(latents[:, start : start + part]) for start in range(0, 40, part)]
    found = torch.cat([*parts, way.finish()])
    stretched = latents
    if length_scale != 1:
        stretched = torch.nn.functional.interpolate(latents.transpose(1, 2), scale_factor=length_scale, mode="linear")
        stretched = stretched.transpose(1, 2)
    expected = xtts.hifigan_decoder(stretched, voice.speaker)[0, 0]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    if part < 40:
        assert sum(len(part) for part in parts) > 0  # not all of it comes at the end


@torch.inference_mode()
def test_a_streamed_sentence_is_the_spoken_one(xtts, xtts_config, voice):
    style = filled_in(xtts_config, Manner(temperature=0.0, repetition_penalty=1.0))
    xtts.gpt.mel_head.bias[xtts.gpt.stop_audio] = -1e4
    request = Request(token_ids=torch.tensor([[3, 12, 13, 14, 2, 15]]), voice=voice, style=style)
    parts = list(stream(xtts, xtts_config, request))
    whole = speak(xtts, xtts_config, request).waveform
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_a_sentence_without_end_is_tried_again_cut_and_said(xtts, xtts_config, voice, caplog):
    xtts.gpt.mel_head.bias[xtts.gpt.stop_audio] = -1e4
    style = filled_in(xtts_config, Manner(temperature=0.8))
    request = Request(token_ids=torch.tensor([[3, 12]]), voice=voice, style=style)
    with caplog.at_level("INFO"):
        answer = speak(xtts, xtts_config, request)
    assert "speaks the sentence again" in caplog.text
    assert "was cut after 2.6 s" in caplog.text
    assert len(answer.waveform) / 24000 == pytest.approx(57 * 1024 / 22050, rel=0.01)


@torch.inference_mode()
def test_of_several_candidates_one_that_ends_is_taken(xtts, xtts_config, voice):
    style = filled_in(xtts_config, Manner(temperature=1.0, top_k=0, top_p=1.0, candidates=6))
    xtts.gpt.mel_head.bias[xtts.gpt.stop_audio] = 1.0
    request = Request(token_ids=torch.tensor([[3, 12, 13]]), voice=voice, style=style)
    longest = len(speak(xtts, xtts_config, dataclasses.replace(request)).waveform)
    assert longest < 24000 * 57 * 1024 / 22050 * 0.95
