"""Make a data set in LJSpeech's layout from a list of sentences, spoken by the `flite` program.

    python recipes/demo/make_corpus.py --voice slt --sentences recipes/demo/base_sentences.txt --out corpus/slt

The sentence file has one sentence per line; a line's recording keeps its name when more lines are added after it.
Writes OUT/metadata.csv (`id|text|text`) and OUT/wavs/ID.wav: 16 kHz, mono, 16 bits.

The sentences beside this script were written for it, except 500 of base_sentences.txt and all of base_verses.txt:
these come from the public domain, the King James Bible and Ambrose Bierce's The Devil's Dictionary (1911).
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
import wave
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from finetune_tts.errors import UserError
from finetune_tts.files import read_text, write_text

SAMPLE_RATE = 16000


def read_sentences(path: Path) -> list[str]:
    """Read the sentences, one per line.

    Raises:
        UserError: The file holds no sentence, or a line is empty or has the separator of metadata.csv in it.
    """
    sentences = [line.strip() for line in read_text(path).splitlines()]
    if not sentences:
        raise UserError(f"{path} is empty; write one sentence per line.")
    for number, sentence in enumerate(sentences, start=1):
        if not sentence or "|" in sentence:
            raise UserError(f"{path}, line {number}: {sentence!r} is not a sentence; remove the line or its '|'.")
    return sentences


def speak(item: tuple[str, Path], voice: str) -> float:
    """Speak one sentence into a wav file, which appears under its name only when it is whole.

    Args:
        item: The sentence and the path of its recording.
        voice: A voice of flite.

    Returns:
        The recording's length in seconds.

    Raises:
        UserError: flite failed, or its recording isn't 16 kHz, mono, 16 bits.
    """
    sentence, path = item
    part = path.with_suffix(".part")
    done = subprocess.run(["flite", "-voice", voice, "-t", sentence, "-o", str(part)], capture_output=True, text=True)
    if done.returncode != 0:
        raise UserError(f"flite could not say {sentence!r}: {done.stderr.strip() or done.stdout.strip()}")
    with wave.open(str(part)) as recording:
        form = (recording.getframerate(), recording.getnchannels(), recording.getsampwidth())
        seconds = recording.getnframes() / SAMPLE_RATE
    if form != (SAMPLE_RATE, 1, 2):
        raise UserError(f"flite's voice {voice} gives (rate, channels, bytes) {form}; take --voice slt or rms.")
    os.replace(part, path)
    return seconds


def make_corpus(sentences: list[str], voice: str, out: Path, prefix: str) -> float:
    """Speak all sentences into `out`, then write its metadata.csv; gives the total length in seconds."""
    if shutil.which("flite") is None:
        raise UserError("The program flite is not on the PATH; install it (Debian, Ubuntu: apt-get install flite).")
    wavs = out / "wavs"
    wavs.mkdir(parents=True, exist_ok=True)
    names = [f"{prefix}_{number:04d}" for number in range(1, len(sentences) + 1)]
    items = [(sentence, wavs / f"{name}.wav") for sentence, name in zip(sentences, names, strict=True)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        seconds = sum(pool.map(partial(speak, voice=voice), items))
    rows = (f"{name}|{sentence}|{sentence}\n" for name, sentence in zip(names, sentences, strict=True))
    write_text(out / "metadata.csv", "".join(rows))
    return seconds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voice", choices=("slt", "rms"), required=True, help="flite's voice")
    parser.add_argument("--sentences", type=Path, required=True, help="text file, one sentence per line")
    parser.add_argument("--out", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--prefix", default="base", help="start of each recording's name (default: base)")
    args = parser.parse_args()
    start = time.monotonic()
    try:
        spoken = read_sentences(args.sentences)
        length = make_corpus(spoken, args.voice, args.out, args.prefix)
    except UserError as error:
        sys.exit(f"make_corpus.py: {error}")
    print(f"{len(spoken)} recordings, {length / 60:.1f} minutes, made in {time.monotonic() - start:.0f} s: {args.out}")
