"""How fast do other programs speak an exported voice, beside this one?

    python benchmarks/sharing.py --threads 2

A VITS of full size on phonemes of espeak-ng (fresh weights; how long speaking takes does not depend on them) is
exported for Piper, and speaks a sentence here, by torch, and in Piper, each in a process of its own. Needs the
environment that ``make test-slow`` makes, or one that TTS_CLIENTS_DIR names.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from result import Column, Result, add_save_argument, finish

from finetune_tts.families.building import build_model
from finetune_tts.families.reading import tokenizer_of
from finetune_tts.families.vits.config import VitsConfig
from finetune_tts.sharing.piper import write
from finetune_tts.sharing.source import source_of
from finetune_tts.synthesis.loading import load_voice

CLIENTS = Path(os.environ.get("TTS_CLIENTS_DIR") or f"{sys.prefix}-clients")
TEXT = "Printing, in the only sense with which we are at present concerned, differs from most arts and crafts."
FRAMES = 3.0  # a symbol, blanks counted
THERE = """
import json, statistics, sys, time
import onnxruntime
from piper import PiperVoice
path, text, sentences, threads = json.loads(sys.argv[1])
voice = PiperVoice.load(path)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
voice.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
seconds = []
for number in range(sentences + 1):
    started = time.perf_counter()
    chunks = list(voice.synthesize(text))
    seconds.append(time.perf_counter() - started)
print(statistics.median(seconds[1:]), sum(len(c.audio_float_array) / c.sample_rate for c in chunks))
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sentences", type=int, default=5)
    add_save_argument(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_voice(folder)
        exported, _ = write(source_of(folder)).files
        rows = [["here, by torch", *spoken_here(folder, arguments.sentences)]]
        said = json.dumps([str(exported), TEXT, arguments.sentences, arguments.threads])
        answer = subprocess.check_output([CLIENTS / "bin" / "python", "-c", THERE, said], text=True)
        clock, length = map(float, answer.split())
        rows.append(["Piper, by onnxruntime", clock, length, clock / length])
    columns = [
        Column(""),
        Column("a sentence", ".2f", "s"),
        Column("of speech", ".1f", "s"),
        Column("real-time factor", ".2f"),
    ]
    about = (
        f"A VITS of full size, exported with `--export piper`, speaks a sentence, phonemes included; "
        f"{arguments.threads} threads, the median of {arguments.sentences}."
    )
    finish(Result("How fast Piper speaks a VITS", about, columns, rows), arguments.save)


def write_voice(folder: Path) -> None:
    """Write a voice whose symbols last about as long as those of speech."""
    config = VitsConfig(use_phonemes=True, phonemizer="espeak", phoneme_language="en-us")
    config.model_args.use_sdp = False  # one number, which can be chosen
    (folder / "config.json").write_text(json.dumps(config.to_dict()))
    network = build_model(config, len(tokenizer_of(config).vocabulary), for_training=False)
    with torch.no_grad():
        network.duration_predictor.proj.weight.zero_()
        network.duration_predictor.proj.bias.fill_(float(torch.tensor(FRAMES).log()))
    torch.save({"model": network.state_dict()}, folder / "model_file.pth")


def spoken_here(folder: Path, sentences: int) -> tuple[float, float, float]:
    """Median of seconds for the sentence, seconds of speech, and their ratio."""
    voice = load_voice(folder)
    seconds = []
    for _ in range(sentences + 1):
        started = time.perf_counter()
        speech = voice.speak(TEXT)
        seconds.append(time.perf_counter() - started)
    clock = statistics.median(seconds[1:])
    return clock, speech.seconds, clock / speech.seconds


if __name__ == "__main__":
    main()
