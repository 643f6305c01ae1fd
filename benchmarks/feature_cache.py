"""What the feature cache costs and saves: python benchmarks/feature_cache.py [CLIPS] [PROCESSES]"""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

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


def report(what: str, count: int, work: Callable[[], object]) -> None:
    """Time ``work`` and say what it comes to for a clip and for LJSpeech."""
    start = time.perf_counter()
    work()
    each = (time.perf_counter() - start) / count
    print(f"{what:<42} {1000 * each:8.2f} ms a clip {each * LJSPEECH_CLIPS:8.1f} s for {LJSPEECH_CLIPS:,}")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    processes = int(sys.argv[2]) if len(sys.argv) > 2 else 2
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
        for kind in ("mel", "wav"):
            size = sum(path.stat().st_size for path in filled.rglob(f"*.{kind}.npy"))
            print(f"size of .{kind}.npy: {size / count / SECONDS * 3600 / 2**20:.0f} MiB an hour")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
