"""How much faster phonemes are in this process than with a process of the espeak-ng program for each sentence.

Needs the espeak-ng program (Debian: apt-get install espeak-ng).

    python benchmarks/phonemize.py
    python benchmarks/phonemize.py --sentences 500 --library system
"""

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Callable

from result import Column, Result, add_save_argument, finish

from finetune_tts.text.espeak import espeak_library
from finetune_tts.text.phonemizer import EspeakPhonemizer

SENTENCES = {
    "en-us": (
        "The quick brown fox jumps over the lazy dog.",
        "Printing, in the only sense with which we are at present concerned, differs from most arts and crafts.",
        "In being comparatively modern (as we shall see), it owes little to the past.",
        "Where did you put the keys, and who had them last?",
    ),
    "de": ("Der schnelle braune Fuchs springt über den faulen Hund.", "Am dritten Mai, so sagt man, wird alles neu!"),
    "fr-fr": ("Le petit prince habitait une planète à peine plus grande que lui.", "Où vas-tu, mon ami ?"),
    "cmn": ("你好，世界。今天天气很好。", "我们去公园玩吧！"),
    "hi": ("नमस्ते दुनिया। आप कैसे हैं?", "आज मौसम बहुत अच्छा है।"),
}
TARGET = 20


def microseconds(work: Callable[[str], object], texts: list[str], repeats: int = 3) -> float:
    """Best mean time of one text over several rounds: the round that other programs disturbed least."""
    rounds = []
    for _ in range(repeats):
        started = time.perf_counter()
        for text in texts:
            work(text)
        rounds.append((time.perf_counter() - started) / len(texts) * 1e6)
    return min(rounds)


def main() -> int:
    """Measure both ways for each language and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=40, help="sentences a language")
    parser.add_argument("--library", choices=("bundled", "system"), default="bundled", help="espeak-ng in this process")
    add_save_argument(parser)
    arguments = parser.parse_args()
    program = shutil.which("espeak-ng")
    if program is None:
        print("The program espeak-ng is not installed; there is nothing to compare with.", file=sys.stderr)
        return 2

    library = espeak_library(arguments.library)
    rows = []
    slowest = float("inf")
    for language, sentences in SENTENCES.items():
        texts = [sentences[index % len(sentences)] for index in range(arguments.sentences)]
        phonemizer = EspeakPhonemizer(language, arguments.library)
        command = [program, "-q", "-b", "1", "-v", language, "--ipa=1"]

        def by_process(text: str, command: list[str] = command) -> None:
            subprocess.run([*command, text], capture_output=True, check=True)

        phonemizer.phonemize(sentences[0])
        ours = microseconds(phonemizer.phonemize, texts)
        theirs = microseconds(by_process, texts)
        slowest = min(slowest, theirs / ours)
        rows.append([language, theirs, ours, theirs / ours])
    columns = [
        Column("language"),
        Column("a process for each sentence", ",.0f", "µs"),
        Column("in this process", ",.0f", "µs"),
        Column("times faster", ".0f"),
    ]
    about = f"A sentence, the mean of {arguments.sentences} in each language; espeak-ng {library.version}."
    finish(Result("How fast text becomes phonemes", about, columns, rows), arguments.save)
    print(f"\nSlowest gain: {slowest:.0f} times (goal: {TARGET}).")
    return 0 if slowest >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
