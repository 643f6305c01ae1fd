"""How long a check of recordings takes, first and again: python benchmarks/check_speed.py [CLIPS] [PROCESSES]

Makes clips whose lengths are spread as LJSpeech's are (1.1 to 10.1 s, 6.57 s on average), each with bytes of its own,
and measures what `--check` does with them: read the metadata, decode and measure every recording, phonemize every text,
and judge. The model and its trial steps, which do not depend on the number of clips, are left out.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from result import Column, Result, add_save_argument, finish

from finetune_tts.check.measuring import measure_samples
from finetune_tts.check.recording_checks import check_pace, check_recordings
from finetune_tts.check.transcript_checks import check_transcripts
from finetune_tts.check.transcripts import read_transcripts
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.data.gathering import load_samples
from finetune_tts.data.processes import usable_cpus
from finetune_tts.data.tokenizing import TokenCache
from finetune_tts.text.building import tokenizer_from_fields

RATE = 22_050
LJSPEECH_CLIPS = 13_100
WORDS = ("the", "of", "and", "to", "in", "was", "that", "he", "his", "with", "as", "had", "for", "it", "which", "from")


def make_data_set(folder: Path, clips: int) -> None:
    """Noise under an envelope of syllables; each clip is a piece of a long one, at a level of its own."""
    random = np.random.default_rng(0)
    seconds = np.clip(random.beta(4.0, 2.6, size=clips) * 10.1, 1.1, 10.1)
    seconds = np.clip(seconds * 6.57 / seconds.mean(), 1.1, 10.1)
    long = random.standard_normal(RATE * 60).astype(np.float32)
    long *= 0.1 * np.abs(np.sin(np.arange(len(long)) * 2 * np.pi * 2 / RATE)) ** 2 + 0.0003
    (folder / "wavs").mkdir()
    lines = []
    for number, length in enumerate(seconds):
        start = int(random.integers(0, len(long) - int(length * RATE)))
        piece = long[start : start + int(length * RATE)] * (0.9 + 0.1 * number / clips)
        soundfile.write(folder / "wavs" / f"LJ{number:05d}.wav", piece, RATE)
        text = " ".join(random.choice(WORDS, size=int(length * 2.6) + 1)) + f" {number}."
        lines.append(f"LJ{number:05d}|{text}|{text}")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n")


def check(folder: Path, cache: Path, processes: int) -> tuple[float, float, float]:
    """Seconds to read the metadata, to measure, and to read and judge the texts."""
    start = time.perf_counter()
    samples = load_samples([DatasetConfig(formatter="ljspeech", path=str(folder), meta_file_train="metadata.csv")])
    read = time.perf_counter()
    measured = measure_samples(samples, cache, workers=processes)
    heard = time.perf_counter()
    tokenizer = tokenizer_from_fields(
        {"use_phonemes": True, "phoneme_language": "en-us", "text_cleaner": "english_cleaners"}
    )
    transcripts = read_transcripts(samples, TokenCache(tokenizer))
    check_recordings(samples, measured, trims=True, levels=False, highest=8000.0)
    check_pace(samples, [transcript.symbols for transcript in transcripts], measured)
    check_transcripts(samples, transcripts, tokenizer.vocabulary)
    return read - start, heard - read, time.perf_counter() - heard


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="?", type=int, default=LJSPEECH_CLIPS)
    parser.add_argument("processes", nargs="?", type=int, default=usable_cpus())
    add_save_argument(parser)
    arguments = parser.parse_args()
    clips, processes = arguments.clips, arguments.processes
    folder = Path(tempfile.mkdtemp())
    try:
        make_data_set(folder, clips)
        rows = []
        for what in ("first check", "second check"):
            parts = check(folder, folder / "cache", processes)
            rows.append([what, *parts, sum(parts)])
    finally:
        shutil.rmtree(folder)
    columns = [Column(""), *(Column(part, ".1f", "s") for part in ("metadata", "recordings", "texts", "all"))]
    about = (
        f"`--check` of {clips:,} clips with the lengths of LJSpeech's, {processes} processes; the model and its trial "
        "steps come on top."
    )
    finish(Result("How long a check of recordings takes", about, columns, rows), arguments.save)


if __name__ == "__main__":
    main()
