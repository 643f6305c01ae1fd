"""What the feature cache costs and saves: python benchmarks/feature_cache.py [CLIPS] [PROCESSES]"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from result import Column, Result, add_save_argument, finish

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.config.audio import AudioConfig
from finetune_tts.data.features import FeatureCache
from finetune_tts.data.sample import Sample

RATE, SECONDS = 22_050, 6.57  # rate and mean length of LJSpeech's clips
LJSPEECH_CLIPS = 13_100


def make_clips(folder: Path, count: int) -> list[Sample]:
    """Recordings of noise under a slow envelope; what is in them does not matter for the time."""
    random = np.random.default_rng(0)
    envelope = np.abs(np.sin(np.linspace(0, 40, int(RATE * SECONDS))))
    samples = []
    for number in range(count):
        file = folder / f"{number}.wav"
        soundfile.write(file, 0.3 * envelope * random.standard_normal(len(envelope)), RATE)
        samples.append(Sample("", file, "", "", f"#{number}"))
    return samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="?", type=int, default=200)
    parser.add_argument("processes", nargs="?", type=int, default=2)
    add_save_argument(parser)
    arguments = parser.parse_args()
    count, processes = arguments.clips, arguments.processes
    rows: list[list[str | float]] = []

    def report(what: str, count: int, work: Callable[[], object]) -> None:
        """Time ``work`` and note what it comes to for a clip and for LJSpeech."""
        start = time.perf_counter()
        work()
        each = (time.perf_counter() - start) / count
        rows.append([what, 1000 * each, each * LJSPEECH_CLIPS])

    extractor = SpectrogramExtractor(AudioConfig(sample_rate=RATE))
    folder = Path(tempfile.mkdtemp())
    try:
        samples = make_clips(folder, count)
        extractor.mel(extractor.load(samples[0].audio_file))
        report(
            "decode and compute, no cache",
            count,
            lambda: [extractor.mel(extractor.load(s.audio_file)) for s in samples],
        )
        report("fill the cache", count, lambda: FeatureCache(folder / "one", extractor).precompute(samples))
        filled = folder / "many"
        many = FeatureCache(filled, extractor)
        report(f"fill the cache, {processes} processes", count, lambda: many.precompute(samples, processes))
        report("start with a full cache", count, lambda: FeatureCache(filled, extractor).precompute(samples))
        cache = FeatureCache(filled, extractor)
        report("all lengths", count, lambda: [cache.length(sample) for sample in samples])
        report("read a spectrogram", count, lambda: [cache.mel(sample) for sample in samples])
        voiced = FeatureCache(filled, extractor, waveforms=True)
        report("add waveforms", count, lambda: voiced.precompute(samples))
        report(
            "read a spectrogram and its waveform", count, lambda: [(voiced.mel(s), voiced.waveform(s)) for s in samples]
        )
        sizes = []
        for kind, what in (("mel", "spectrograms"), ("wav", "waveforms")):
            size = sum(path.stat().st_size for path in filled.rglob(f"*.{kind}.npy"))
            sizes.append(f"{size / count / SECONDS * 3600 / 2**20:.0f} MiB of {what}")
    finally:
        shutil.rmtree(folder)
    columns = [Column(""), Column("a clip", ".2f", "ms"), Column(f"LJSpeech ({LJSPEECH_CLIPS:,} clips)", ".1f", "s")]
    about = f"{count} clips of LJSpeech's mean length ({SECONDS} s) at 22,050 Hz with 80 mel bands."
    note = f"An hour of recordings takes {' and '.join(sizes)}."
    finish(Result("What the feature cache costs and saves", about, columns, rows, note), arguments.save)


if __name__ == "__main__":
    main()
