"""Features in a file each and in shards: python benchmarks/feature_shards.py [CLIPS] [--save]

The features are random numbers of the shape that clips of one second have (a mel spectrogram, and the waveform in 16
bits), so that what is measured is how they are kept and not how they are computed. Each measurement runs in a process
of its own. Reading is measured after the system has forgotten what it held of these files, and again when it has them.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from result import Column, Result, add_save_argument, finish

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.config.audio import AudioConfig
from finetune_tts.data import features
from finetune_tts.data.features import FeatureCache
from finetune_tts.data.packed import PackedRecordings, Recording

RATE, SECONDS = 22_050, 1.0
BATCH, BATCHES = 32, 200
KINDS = ("mel", "wav")


def digest(number: int) -> str:
    """A digest, as evenly spread as a hash."""
    return f"{(number + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032x}"


def cache_at(folder: Path, form: str) -> FeatureCache:
    """The feature cache in a folder, which writes files or shards."""
    return FeatureCache(
        folder, SpectrogramExtractor(AudioConfig(sample_rate=RATE)), waveforms=True, shards=form == "shards"
    )


def seconds() -> tuple[float, float]:
    """Wall time and CPU time."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), used.ru_utime + used.ru_stime


def fill(folder: Path, form: str, clips: Sequence[int]) -> None:
    """Write the features of clips, as the cache does when it has computed them."""
    random, cache = np.random.default_rng(0), cache_at(folder, form)
    samples = int(RATE * SECONDS)
    wav = random.integers(-9999, 9999, samples, dtype=np.int16)
    mel = random.standard_normal((80, samples // 256 + 1), dtype=np.float32)
    for clip in clips:
        mel[0, 0] = wav[0] = clip % 2**15
        cache._write(digest(clip), {"mel": mel, "wav": wav})
        cache._lengths.remember(digest(clip), mel.shape[1], write=form == "files")
    cache._shards.seal()


def start(folder: Path, form: str, clips: Sequence[int]) -> None:
    """Find that nothing is left to be done."""
    cache = cache_at(folder, form)
    cache._look_for_many(len(clips))
    unknown = sum(cache._known_length(digest(clip)) is None or not cache._is_complete(digest(clip)) for clip in clips)
    assert unknown == 0


def read(folder: Path, form: str, clips: Sequence[int]) -> None:
    """Read random batches: a spectrogram and a waveform of each clip."""
    cache = cache_at(folder, form)
    digests = [digest(clip) for clip in clips]
    nothing = [""] * len(clips)
    packed = PackedRecordings(nothing, digests, [1 + int(RATE * SECONDS) // 256] * len(clips), nothing)
    order = np.random.default_rng(1).integers(len(clips), size=BATCH * BATCHES).tolist()
    begun = seconds()
    for place in order:
        recording: Recording = packed[place]
        assert cache.mel(recording).shape[0] == 80
        assert len(cache.waveform(recording)) > 0
    tell(begun, BATCHES)


def tell(begun: tuple[float, float], count: int) -> None:
    """Print as JSON what has passed, for each of ``count``."""
    print(json.dumps([(now - then) / count for now, then in zip(seconds(), begun, strict=True)]))


def drop_cached(folder: Path) -> None:
    """Have the system forget what it holds of the files."""
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def measured(work: str, folder: Path, form: str, clips: int) -> tuple[float, float]:
    """Wall time and CPU time of a piece of work in a process of its own."""
    command = [sys.executable, __file__, str(clips), "--work", work, "--form", form, "--folder", str(folder)]
    wall, cpu = json.loads(subprocess.check_output(command, text=True).splitlines()[-1])
    return wall, cpu


def write_index(folder: Path, form: str, clips: int) -> None:
    """What a start with so many clips reads: their index, without the features themselves."""
    if form == "shards":
        small = np.zeros((1, 1), dtype=np.float32)
        cache = cache_at(folder, form)
        for clip in range(clips):
            cache._write(digest(clip), {"mel": small, "wav": small})
        cache._shards.seal()
        return
    cache = cache_at(folder, form)
    cache._lengths.remember_all((digest(clip), 87) for clip in range(clips))
    for number in range(256):
        (cache._folder / f"{number:02x}").mkdir()
    for clip in range(clips):
        for kind in KINDS:
            (cache._folder / digest(clip)[:2] / f"{digest(clip)}.{kind}.npy").touch()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="?", type=int, default=20_000)
    parser.add_argument("--many", type=int, default=500_000, help="clips of a start")
    parser.add_argument("--folder", type=Path, help="where the features are written, to measure another file system")
    parser.add_argument("--work", choices=("fill", "start", "read"), help=argparse.SUPPRESS)
    parser.add_argument("--form", choices=("files", "shards"), help=argparse.SUPPRESS)
    add_save_argument(parser)
    arguments = parser.parse_args()
    if arguments.work:
        features._MANY = 1
        work, begun = {"fill": fill, "start": start, "read": read}[arguments.work], seconds()
        work(arguments.folder, arguments.form, range(arguments.clips))
        if arguments.work != "read":
            tell(begun, arguments.clips if arguments.work == "fill" else 1)
        return
    rows: list[list[str | float]] = []
    found: dict[str, list[float]] = {}
    for form in ("files", "shards"):
        with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
            folder = Path(name)
            numbers = [1000 * number for number in measured("fill", folder, form, arguments.clips)]
            paths = list(folder.rglob("*"))
            used = sum(path.stat().st_blocks * 512 for path in paths)
            drop_cached(folder)
            for _ in ("cold", "warm"):
                numbers += [1000 * number for number in measured("read", folder, form, arguments.clips)]
            found[form] = [float(len(paths)), used / 2**20, *numbers]
        with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
            write_index(Path(name), form, arguments.many)
            found[form] += measured("start", Path(name), form, arguments.many)
        print(form, found[form], file=sys.stderr, flush=True)
    what = [
        ("files and folders", ",.0f"),
        ("room, MiB", ",.0f"),
        ("write a clip, ms", ".2f"),
        ("… of CPU time", ".2f"),
        (f"read a batch of {BATCH}, not cached, ms", ".1f"),
        ("… of CPU time", ".1f"),
        (f"read a batch of {BATCH}, cached, ms", ".1f"),
        ("… of CPU time", ".1f"),
        (f"start with {arguments.many:,} clips, s", ".1f"),
        ("… of CPU time", ".1f"),
    ]
    for (title, form), *pair in zip(what, found["files"], found["shards"], strict=True):
        rows.append([title, *(format(number, form) for number in pair)])
    about = (
        f"Spectrograms and waveforms of {arguments.clips:,} clips of {SECONDS:.0f} s, each in a file and in shards: "
        "written by one process, then read as random batches by another. The start is that part of it which finds what "
        f"is in the cache, of {arguments.many:,} clips whose digests are known."
    )
    note = (
        f"A local disk; load average {os.getloadavg()[2]:.0f}: other work lengthens wall times, CPU times hardly. Each "
        "file is forced to the disk before it gets its name, a shard once, at its end. A network file system adds a "
        "round trip or more to each file that is opened and to each that is made; a shard is opened once."
    )
    columns = [Column(""), Column("files"), Column("shards")]
    finish(Result("Features in files and in shards", about, columns, rows, note), arguments.save)


if __name__ == "__main__":
    main()
