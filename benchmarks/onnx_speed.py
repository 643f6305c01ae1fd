"""Exported models beside torch: python benchmarks/onnx_speed.py [--threads 1] [--repeats 5]

Measures speed, size and word errors. The demo's base speaks its held-out sentences, which pocketsphinx writes down;
VITS and HiFi-GAN are networks of the released shapes with fresh weights, which take as long as trained ones and say
nothing. Needs the extras ``export`` and ``eval``.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from result import Cell, Column, Result, add_save_argument, finish

from finetune_tts.checkpoints.writing import write_checkpoint
from finetune_tts.config.making import save_config
from finetune_tts.families.building import build_model
from finetune_tts.families.hifigan.config import HifiganConfig
from finetune_tts.families.reading import tokenizer_of
from finetune_tts.families.speech import Exported
from finetune_tts.families.vits.config import VitsConfig
from finetune_tts.files import read_text
from finetune_tts.hearing.held_out_sentences import Sentence
from finetune_tts.hearing.speech_recognition import POCKETSPHINX, find_recogniser
from finetune_tts.sharing.onnx import export_vocoder, export_voice
from finetune_tts.sharing.onnx_precision import store_as
from finetune_tts.sharing.onnx_voice import OnnxVoice
from finetune_tts.sharing.word_errors import Hearing
from finetune_tts.synthesis.loading import load_voice
from finetune_tts.synthesis.vocoder import load_vocoder

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "finetune_tts" / "assets" / "demo" / "base"
SENTENCES = ROOT / "recipes" / "demo" / "heldout_sentences.txt"
PRECISIONS = ("fp32", "fp16", "int8")
TOKENS, FRAMES = 100, 430


@dataclass(frozen=True)
class Subject:
    """A network, and what it is asked.

    Attributes:
        name: in the table.
        exported: its ONNX file.
        torch_bytes: of its checkpoint, in 32 bits.
        ask_torch: lets it answer.
        feed: the same question for the file.
        seconds: of speech that the answer lasts.
    """

    name: str
    exported: Exported
    torch_bytes: int
    ask_torch: Callable[[], object]
    feed: Mapping[str, np.ndarray]
    seconds: float


def fresh(config: VitsConfig | HifiganConfig, symbols: int, folder: Path) -> Path:
    """A release with fresh weights."""
    folder.mkdir()
    torch.manual_seed(0)
    network = build_model(config, symbols, for_training=False)
    write_checkpoint(folder / "model_file.pth", {"model": network.state_dict()})
    save_config(config, folder / "config.json")
    return folder


def speaking(name: str, release: Path, file: Path, scales: list[float]) -> Subject:
    """A model that reads text."""
    voice = load_voice(release)
    exported = export_voice(voice, file)
    ids, lengths = torch.arange(TOKENS)[None] % len(voice.tokenizer.vocabulary), torch.tensor([TOKENS])
    feed = {"input": ids.numpy(), "input_lengths": lengths.numpy(), "scales": np.array(scales, np.float32)}
    quiet = {"noise_scale": 0.0, "length_scale": scales[1]} | ({"duration_noise_scale": 0.0} if scales[2:] else {})
    output = session_of(file, 1).run(None, feed)[0]
    rate = voice.extractor.sample_rate
    samples = output.shape[2] if scales[2:] else output.shape[1] * voice.extractor.hop_length
    size = sum(4 * tensor.numel() for tensor in voice.network.state_dict().values())
    return Subject(name, exported, size, lambda: voice.network.inference(ids, lengths, **quiet), feed, samples / rate)


def generating(name: str, release: Path, file: Path) -> Subject:
    """A vocoder."""
    vocoder = load_vocoder(release)
    exported = export_vocoder(vocoder, file)
    mel = torch.randn(1, vocoder.config.audio.num_mels, FRAMES, generator=torch.Generator().manual_seed(0))
    size = sum(4 * tensor.numel() for tensor in vocoder.network.state_dict().values())
    seconds = FRAMES * vocoder.extractor.hop_length / vocoder.sample_rate
    return Subject(name, exported, size, lambda: vocoder.network.inference(mel), {"mel": mel.numpy()}, seconds)


def session_of(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """An ONNX file, opened."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def fastest(ways: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Seconds of the fastest of some turns, in which all ways take part one after the other."""
    best = dict.fromkeys(ways, float("inf"))
    for turn in range(repeats + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            if turn:  # the first is for warming up
                best[name] = min(best[name], time.perf_counter() - started)
    return best


def rows_of(subject: Subject, errors: Mapping[str, float], threads: int, repeats: int) -> list[list[Cell]]:
    """A row for torch and one for each precision."""
    files = {precision: file_of(subject.exported, precision) for precision in PRECISIONS}
    sessions = {precision: session_of(path, threads) for precision, path in files.items()}
    ways: dict[str, Callable[[], object]] = {"torch": subject.ask_torch}
    for precision, session in sessions.items():
        ways[precision] = lambda session=session: session.run(None, dict(subject.feed))
    times = fastest(ways, repeats)
    sizes = {"torch": subject.torch_bytes, **{name: path.stat().st_size for name, path in files.items()}}
    return [
        [
            subject.name,
            "torch" if name == "torch" else f"onnxruntime, {name}",
            sizes[name] / 1e6,
            times[name] / subject.seconds,
            errors.get(name),
        ]
        for name in ways
    ]


def file_of(exported: Exported, precision: str) -> Path:
    """The file in a precision, made if it is not there."""
    if precision == "fp32":
        return exported.path
    path = exported.path.with_stem(f"{exported.path.stem}_{precision}")
    if not path.exists():
        store_as(exported.path, path, precision)
    return path


def word_errors(exported: Exported) -> dict[str, float]:
    """Word error rates of the demo's base, with its network in torch and in each precision."""
    recogniser = find_recogniser(POCKETSPHINX, "en")
    assert recogniser is not None
    hearing = Hearing([Sentence(line) for line in read_text(SENTENCES).splitlines() if line.strip()], recogniser)
    voice = load_voice(DEMO)
    rates = {"torch": hearing.word_error_rate(voice)}
    for precision in PRECISIONS:
        rates[precision] = hearing.word_error_rate(OnnxVoice(voice, exported, file_of(exported, precision)))
    return rates


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    add_save_argument(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    folder = Path(tempfile.mkdtemp())
    try:
        demo = speaking("the demo's Glow-TTS", DEMO, folder / "demo.onnx", [0.0, 1.0])
        vits_config = VitsConfig()
        symbols = len(tokenizer_of(vits_config).vocabulary)
        vits = speaking("VITS", fresh(vits_config, symbols, folder / "vits"), folder / "vits.onnx", [0.0, 4.0, 0.0])
        hifigan = generating("HiFi-GAN V1", fresh(HifiganConfig(), 0, folder / "hifigan"), folder / "hifigan.onnx")
        errors = word_errors(demo.exported)
        rows = [
            row
            for subject in (demo, vits, hifigan)
            for row in rows_of(subject, errors if subject is demo else {}, arguments.threads, arguments.repeats)
        ]
    finally:
        shutil.rmtree(folder)
    note = (
        "A time below 1 is faster than speech. Weights are stored in fewer bits and computed with as 32-bit floats. "
        "Word errors are those of 20 held-out sentences of the demo, made audible by Griffin-Lim; a dash stands where "
        "fresh weights say nothing."
    )
    columns = [
        Column("network"),
        Column("runs in"),
        Column("size", ".1f", "MB"),
        Column("time for a second of speech", ".3f", "s"),
        Column("word error rate", ".3f"),
    ]
    about = f"Exported models in onnxruntime beside torch, on {arguments.threads} thread(s) of a CPU."
    finish(Result("Exported models", about, columns, rows, note), arguments.save)


if __name__ == "__main__":
    main()
