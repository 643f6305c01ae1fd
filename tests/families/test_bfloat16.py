"""What Glow-TTS and VITS keep in float32 while they compute in bfloat16, which has three digits."""

from pathlib import Path

import numpy as np
import pytest
import torch

import finetune_tts
from finetune_tts.data.batch import Collate, Item
from finetune_tts.families.vits.network import VITS
from finetune_tts.families.vits.passes import Draws
from finetune_tts.synthesis.loading import load_voice

DEMO = Path(finetune_tts.__file__).parent / "assets" / "demo"


def in_bfloat16(enabled: bool = True):
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled)


def share_of_few_digits(x: torch.Tensor) -> float:
    """Which share of numbers, but for zeros, bfloat16 could hold."""
    numbers = x[x != 0]
    return float((numbers == numbers.bfloat16()).float().mean())


@torch.no_grad()
def test_the_bundled_model_aligns_recordings_as_in_float32():
    voice = load_voice(DEMO / "base")
    items = []
    for line in (DEMO / "recordings" / "metadata.csv").read_text(encoding="utf-8").splitlines()[:4]:
        name, text = line.split("|")[:2]
        mel = voice.extractor.mel(voice.extractor.load(DEMO / "recordings" / "wavs" / f"{name}.flac"))
        items.append(Item(token_ids=np.asarray(voice.tokenizer.encode(text).ids), mel=mel, name=name, text=text))
    batch = Collate(0)(items)
    passes = []
    for enabled in (False, True):
        with in_bfloat16(enabled):
            speaker = torch.zeros(len(batch), dtype=torch.int64)
            passes.append(voice.network(batch.token_ids, batch.token_lengths, batch.mels, batch.mel_lengths, speaker))
    exact, rough = passes
    frames = exact.alignment.sum(dim=2) > 0
    error = (rough.z - exact.z)[frames].norm() / exact.z[frames].norm()
    assert error > 1e-5, "nothing was computed in bfloat16"
    # 0.004; with convolutions between the channels in bfloat16 0.044, with the couplings' last layers 0.010.
    assert error < 0.008
    elsewhere = (rough.alignment != exact.alignment).any(dim=2)
    assert elsewhere[frames].float().mean() < 0.005


@pytest.fixture
def vits() -> VITS:
    torch.manual_seed(0)
    network = VITS(
        num_symbols=9,
        out_channels=17,
        hidden_channels=16,
        text_encoder={
            "hidden_channels_ffn": 16,
            "num_heads": 2,
            "num_layers": 1,
            "kernel_size": 3,
            "dropout_p": 0.0,
        },
        posterior_encoder={"kernel_size": 3, "dilation_rate": 1, "num_layers": 1},
        flow={"kernel_size": 3, "dilation_rate": 1, "num_layers": 1},
        waveform_decoder={
            "resblock_type": "1",
            "resblock_kernel_sizes": [3],
            "resblock_dilation_sizes": [[1]],
            "upsample_factors": [4],
            "upsample_kernel_sizes": [8],
            "upsample_initial_channel": 16,
        },
        discriminator=None,
        segment_frames=8,
    )
    for name, parameter in network.named_parameters():
        if name.endswith("post.weight"):  # zeros in a fresh one
            torch.nn.init.normal_(parameter, std=0.1)
    return network.eval()


@torch.no_grad()
def test_vits_keeps_the_digits_of_distributions_and_of_the_waveform(vits):
    draws = Draws(posterior=torch.randn(2, 16, 20), slice_starts=torch.tensor([2, 5]))
    lengths = torch.tensor([6, 4]), torch.tensor([20, 15])
    with in_bfloat16():
        output = vits(torch.randint(1, 9, (2, 6)), lengths[0], torch.rand(2, 17, 20), lengths[1], draws=draws)
        assert vits.waveform_decoder.conv_pre(torch.rand(1, 16, 9)).dtype == torch.bfloat16
    for name in ("waveforms", "z_prior", "mean", "log_scale", "posterior_mean", "posterior_log_scale"):
        tensor = getattr(output, name)
        assert tensor.dtype == torch.float32, name
        assert share_of_few_digits(tensor) < 0.1, name
