"""Recordings that take no time to make, a network that takes none to train, and programs run in this process."""

import logging
import runpy
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).parents[2]
TEXTS = ("one two", "two three four", "four five", "five six seven", "seven eight", "eight nine ten")

#: the smallest network of each architecture.
TINY_GLOW_TTS = {
    "hidden_channels_enc": 16,
    "hidden_channels_dec": 16,
    "hidden_channels_dp": 16,
    "num_flow_blocks_dec": 1,
    "num_block_layers": 1,
    "encoder_params.num_layers": 1,
    "encoder_params.hidden_channels_ffn": 16,
}
TINY_TACOTRON2 = {"encoder_in_features": 8, "decoder_in_features": 8, "max_decoder_steps": 5}
#: the least work around it.
TINY_FIELDS = {
    "audio.griffin_lim_iters": 1,
    "batch_size": 4,
    "eval_batch_size": 4,
    "num_loader_workers": 0,
    "num_eval_loader_workers": 0,
    "precompute_num_workers": 0,
    "test_sentences": '["one"]',
}


def tiny_words(network: Mapping[str, Any]) -> list[str]:
    """The command line of two steps of a tiny network."""
    fields = {**network, **TINY_FIELDS}
    return ["--device=cpu", "--max_steps=2", *(f"--coqpit.{field}={value}" for field, value in fields.items())]


def write_tone(path: Path, number: int) -> None:
    """Write 0.8 s of a tone at 16 kHz, of a pitch of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(12800) / 16000
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * (200 + 30 * number) * time), 16000, subtype="PCM_16")


@pytest.fixture
def ljspeech(tmp_path: Path) -> Path:
    """Six tones in LJSpeech's layout."""
    root = tmp_path / "LJSpeech-1.1"
    for number, _ in enumerate(TEXTS):
        write_tone(root / "wavs" / f"clip{number}.wav", number)
    rows = [f"clip{number}|{text}|{text}\n" for number, text in enumerate(TEXTS)]
    (root / "metadata.csv").write_text("".join(rows), encoding="utf-8")
    return root


@pytest.fixture
def vctk(tmp_path: Path) -> Path:
    """Six tones of two speakers in VCTK's layout."""
    root = tmp_path / "VCTK-Corpus-0.92"
    for number, text in enumerate(TEXTS):
        name = f"p22{number % 2}/p22{number % 2}_00{number}"
        write_tone(root / "wav48_silence_trimmed" / f"{name}_mic1.flac", number)
        (root / "txt" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "txt" / f"{name}.txt").write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def my_recordings(tmp_path: Path) -> Path:
    """Six tones in the layout of the custom recipe."""
    root = tmp_path / "my_recordings"
    for number, _ in enumerate(TEXTS):
        write_tone(root / "clips" / f"clip{number}.wav", number)
    rows = [f"clip{number}.wav;{text}\n" for number, text in enumerate(TEXTS)]
    (root / "transcripts.txt").write_text("".join(rows), encoding="utf-8")
    return root


@pytest.fixture
def run_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., int]]:
    """Run a program of the repository as ``python PROGRAM WORDS`` would, in an empty folder; gives its exit status."""
    folder = tmp_path / "cwd"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    package = logging.getLogger("finetune_tts")
    before = package.handlers[:], package.level, package.propagate
    # A handler that an earlier test left writes to what was standard error then.
    package.handlers.clear()

    def run(program: str, *words: str | Path) -> int:
        monkeypatch.setattr(sys, "argv", [str(ROOT / program), *map(str, words)])
        try:
            runpy.run_path(str(ROOT / program), run_name="__main__")
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else 1
        return 0

    yield run
    package.handlers[:], package.level, package.propagate = before


@pytest.fixture
def train_tacotron2(train: Callable[..., Path], small_widths: None) -> Callable[..., Path]:
    """The same for Tacotron 2, whose widths no config names."""
    return partial(train, network=TINY_TACOTRON2)


@pytest.fixture
def train(run_program: Callable[..., int], tmp_path: Path) -> Callable[..., Path]:
    """Run a program that trains, for two steps of a tiny network; gives the folder of the run."""

    def train(program: str, *words: str | Path, network: Mapping[str, Any] = TINY_GLOW_TTS) -> Path:
        output = tmp_path / "runs"
        before = set(output.glob("*/config.json"))
        assert run_program(program, *tiny_words(network), "--coqpit.output_path", output, *words) == 0
        (config,) = set(output.glob("*/config.json")) - before
        return config.parent

    return train
