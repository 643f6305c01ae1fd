"""A voice of a few thousand parameters."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.data.tokenizing import build_tokenizer
from finetune_tts.families.building import build_model
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.families.loading import config_from_dict
from finetune_tts.synthesis.voice import Voice

FIELDS: dict[str, Any] = {
    "model": "glow_tts",
    "characters": {"pad": "_", "characters": "abcdefgh", "punctuations": " ."},
    "audio": {"sample_rate": 8000, "fft_size": 256, "win_length": 256, "hop_length": 64, "num_mels": 8,
              "mel_fmax": 4000.0, "griffin_lim_iters": 2, "do_trim_silence": False},
    "out_channels": 8, "hidden_channels_enc": 8, "hidden_channels_dec": 8, "hidden_channels_dp": 8,
    "num_flow_blocks_dec": 1, "num_block_layers": 1,
    "encoder_params": {"kernel_size": 3, "dropout_p": 0.1, "num_layers": 1, "num_heads": 2,
                       "hidden_channels_ffn": 8, "input_length": None},
}  # fmt: skip


def config_of(**fields: Any) -> GlowTTSConfig:
    return config_from_dict({**FIELDS, **fields})


def network_of(config: GlowTTSConfig, rows: int = 0) -> torch.nn.Module:
    torch.manual_seed(1)
    network = build_model(config, len(build_tokenizer(config).vocabulary), rows)
    with torch.no_grad():
        for parameter in network.parameters():  # a fresh flow passes everything through, the speaker unheard
            parameter += 0.05 * torch.randn_like(parameter)
        network.encoder.duration_predictor.proj.bias.fill_(1.5)  # some four frames a token
    return network.eval()


def voice_of(config: GlowTTSConfig | None = None, rows: int = 0, **parts: Any) -> Voice:
    config = config or config_of()
    extractor = SpectrogramExtractor(config.audio)
    return Voice(network_of(config, rows), config, build_tokenizer(config), extractor, **parts)


@pytest.fixture
def make_config() -> Callable[..., GlowTTSConfig]:
    return config_of


@pytest.fixture
def make_network() -> Callable[..., torch.nn.Module]:
    return network_of


@pytest.fixture
def make_voice() -> Callable[..., Voice]:
    return voice_of
