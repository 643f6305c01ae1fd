"""Does the pitch that models learn agree with that of librosa's pyin, and how long does each take?

    python benchmarks/pitch.py RECORDING...

Every recording is brought to 22,050 Hz and its pitch is computed by both for frames of 1024 samples every 256, as
coqui-tts asks pyin for it. librosa comes with the packages for tests.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from result import Column, Result, add_save_argument, finish

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.config.audio import AudioConfig

RATE, WINDOW, HOP, HIGHEST = 22_050, 1024, 256, 640.0
GROSS = 300.0  # cents


def main() -> None:
    import librosa

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", nargs="+", type=Path)
    add_save_argument(parser)
    arguments = parser.parse_args()
    extractor = SpectrogramExtractor(
        AudioConfig(sample_rate=RATE, win_length=WINDOW, hop_length=HOP, pitch_fmax=HIGHEST, do_trim_silence=False)
    )
    # As coqui-tts raises audio.pitch_fmin; pyin warns that a window holds less than two of its periods then.
    lowest = RATE / (WINDOW - 1) + 0.1
    rows: list[list[str | float]] = []
    for path in arguments.recordings:
        wav = extractor.load(path)
        started = time.perf_counter()
        ours = extractor.pitch(wav)
        between = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found, voiced, _ = librosa.pyin(
                wav.astype(np.float64), fmin=lowest, fmax=HIGHEST, sr=RATE, frame_length=WINDOW, hop_length=HOP,
                pad_mode="reflect",
            )  # fmt: skip
        ended = time.perf_counter()
        theirs = np.where(voiced, found, 0.0)[: len(ours)]
        both = (ours > 0) & (theirs > 0)
        cents = 1200 * np.abs(np.log2(ours[both] / theirs[both]))
        seconds = len(wav) / RATE
        rows.append(
            [
                path.stem, seconds, 100 * float(np.mean(ours > 0)), 100 * float(np.mean(theirs > 0)),
                100 * float(np.mean((ours > 0) == (theirs > 0))), float(np.median(cents)),
                100 * float(np.mean(cents > GROSS)), 1000 * (between - started) / seconds,
                1000 * (ended - between) / seconds,
            ]
        )  # fmt: skip
        print(*rows[-1], flush=True)
    columns = [
        Column("recording"), Column("length", ".1f", "s"), Column("voiced here", ".0f", "%"),
        Column("by pyin", ".0f", "%"), Column("the same", ".1f", "%"), Column("median difference", ".1f", "cents"),
        Column("beyond 3 semitones", ".1f", "%"), Column("here, a second of speech", ".1f", "ms"),
        Column("pyin", ".0f", "ms"),
    ]  # fmt: skip
    about = (
        "Voiced frames by both, the share of frames that both find voiced or both do not, and of those that both find "
        "voiced the difference of the pitch; and the time that each takes."
    )
    finish(Result("Pitch, compared with librosa's pyin", about, columns, rows), arguments.save)


if __name__ == "__main__":
    main()
