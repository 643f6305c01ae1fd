"""A server with a voice of a few thousand parameters."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.data.speakers import SpeakerNames
from finetune_tts.data.tokenizing import build_tokenizer
from finetune_tts.families.building import build_model
from finetune_tts.families.loading import config_from_dict
from finetune_tts.speech_server.asked import Rules
from finetune_tts.speech_server.server import SpeechServer
from finetune_tts.synthesis.delivery import Delivery
from finetune_tts.synthesis.likeness import Likeness
from finetune_tts.synthesis.voice import Voice

FIELDS: dict[str, Any] = {
    "model": "glow_tts",
    "characters": {"pad": "_", "characters": "abcdefgh", "punctuations": " ."},
    "audio": {"sample_rate": 8000, "fft_size": 256, "win_length": 256, "hop_length": 64, "num_mels": 8,
              "mel_fmax": 4000.0, "griffin_lim_iters": 2, "do_trim_silence": False},
    "out_channels": 8, "hidden_channels_enc": 8, "hidden_channels_dec": 8, "hidden_channels_dp": 8,
    "num_flow_blocks_dec": 1, "num_block_layers": 1, "use_speaker_embedding": True,
    "encoder_params": {"kernel_size": 3, "dropout_p": 0.1, "num_layers": 1, "num_heads": 2,
                       "hidden_channels_ffn": 8, "input_length": None},
}  # fmt: skip


def make_voice(*names: str) -> Voice:
    config = config_from_dict({**FIELDS, "use_speaker_embedding": bool(names)})
    torch.manual_seed(1)
    network = build_model(config, len(build_tokenizer(config).vocabulary), len(names))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
        network.encoder.duration_predictor.proj.bias.fill_(1.5)
    speakers = SpeakerNames({name: row for row, name in enumerate(names)}) if names else None
    return Voice(network.eval(), config, build_tokenizer(config), SpectrogramExtractor(config.audio), speakers=speakers)


@pytest.fixture
def voice() -> Voice:
    return make_voice("ann", "bob")


def serving(voice: Voice, stack: ExitStack, rules: Rules, folder: Path, model: str, **options: Any) -> SpeechServer:
    server = stack.enter_context(SpeechServer(rules, Likeness(voice, folder), model, **options))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    stack.callback(thread.join)
    stack.callback(server.shutdown)
    return server


@pytest.fixture
def serve(voice: Voice, tmp_path: Path) -> Iterator[Callable[..., SpeechServer]]:
    with ExitStack() as stack:

        def start(
            most_text: int = 500, wav_dir: Path | None = None, model: str = "tiny", **options: Any
        ) -> SpeechServer:
            rules = Rules(voice, Delivery(speaker="ann"), most_text, wav_dir)
            return serving(voice, stack, rules, tmp_path, model, **options)

        yield start


@pytest.fixture
def lone_voice(tmp_path: Path) -> Iterator[Callable[[], SpeechServer]]:
    """A server of a model of one voice."""
    with ExitStack() as stack:
        voice = make_voice()
        yield lambda: serving(voice, stack, Rules(voice, Delivery(), 500), tmp_path, "tiny")


@pytest.fixture
def ask() -> Callable[..., tuple[int, dict[str, str], bytes]]:
    """Ask a server: status, headers and content of its answer."""

    def send(
        server: SpeechServer, path: str, body: bytes | None = None, method: str | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method or ("GET" if body is None else "POST"), path, body, named)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content

    return send
