"""How long a large data set takes to start with, and its memory: python benchmarks/start_up.py [CLIPS] [--save]

Recordings are a tenth of a second long, so that what is measured is what each clip costs whatever its length: finding
it, reading its header and its text, and looking for its features. The file system's own cache is warm.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

import psutil
from result import Column, Result, add_save_argument, finish

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.data.batching import LengthBatchSampler
from finetune_tts.data.dataset import SpeechDataset
from finetune_tts.data.loader import make_loader
from finetune_tts.data.preparing import prepare_data
from finetune_tts.data.tokenizing import build_tokenizer
from finetune_tts.families.registry import family_of

RATE, SAMPLES = 22_050, 2205
CLIPS_IN_A_FOLDER = 1000
WORDS_OF_A_TEXT = range(8, 20)
BATCH_SIZE, BATCHES = 64, 400


def make_recordings(folder: Path, clips: int) -> None:
    """Recordings of noise, each with a text of its own, in folders of a thousand."""
    noise = random.Random(0)
    words = ["".join(noise.choices("etaoinshrdlucmfw", k=noise.randint(2, 8))) for _ in range(4000)]
    sound = noise.randbytes(2 * SAMPLES)
    with open(folder / "metadata.csv", "w", encoding="utf-8") as metadata:
        for number in range(clips):
            below = f"wavs/{number // CLIPS_IN_A_FOLDER:04d}"
            if number % CLIPS_IN_A_FOLDER == 0:
                (folder / below).mkdir(parents=True)
            with wave.open(str(folder / below / f"{number:07d}.wav"), "wb") as file:
                file.setparams((1, 2, RATE, 0, "NONE", ""))
                file.writeframes(number.to_bytes(4, "little") + sound)
            text = " ".join(noise.choices(words, k=noise.choice(WORDS_OF_A_TEXT)))
            metadata.write(f"{below}/{number:07d}.wav|{text}\n")


def start(folder: Path, phonemes: bool) -> None:
    """Start as a run does, up to its first batches, and print what it took as JSON."""
    begun = time.perf_counter()
    config = family_of("tacotron2").config_class()
    config.datasets = [DatasetConfig(path=str(folder / "voice"))]
    config.text_cleaner, config.min_audio_len = "basic_cleaners", 1
    config.use_phonemes, config.phoneme_language, config.phonemizer = phonemes, "en-us", "espeak"
    data = prepare_data(
        config,
        build_tokenizer(config),
        SpectrogramExtractor(config.audio),
        sample_rate=config.audio.sample_rate,
        cache_folder=folder / "cache",
    )
    dataset = SpeechDataset(data.split.train, data.tokens, data.cache)
    sampler = LengthBatchSampler(dataset.mel_lengths(), BATCH_SIZE)
    data.tokens.forget()
    loader = make_loader(dataset, sampler, num_workers=2)
    batches = iter(loader)
    next(batches)
    took = time.perf_counter() - begun
    for _, _batch in zip(range(BATCHES), batches, strict=False):
        pass
    workers = [process.memory_full_info().uss / 1e6 for process in psutil.Process().children()]
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(json.dumps({"seconds": took, "memory": own, "worker": max(workers)}))
    loader._end_workers()


def measured(folder: Path, phonemes: bool) -> dict[str, float]:
    """What a start in a process of its own takes."""
    command = [sys.executable, __file__, "--start", str(folder), *(["--phonemes"] if phonemes else [])]
    found: dict[str, float] = json.loads(subprocess.check_output(command, text=True).splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="?", type=int, default=20_000)
    parser.add_argument("--start", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--phonemes", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="where recordings and features are made, and used again if there")
    add_save_argument(parser)
    arguments = parser.parse_args()
    if arguments.start:
        start(arguments.start, arguments.phonemes)
        return
    rows: list[list[str | float]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.folder or Path(name)
        known = (folder / "voice").is_dir()
        if not known:
            (folder / "voice").mkdir(parents=True)
            make_recordings(folder / "voice", arguments.clips)
        for phonemes in (False, True):
            for times in ("second", "third") if known else ("first", "second", "third"):
                found = measured(folder, phonemes)
                kind = "phonemes" if phonemes else "letters"
                each = 1e6 * found["seconds"] / arguments.clips
                rows.append([f"{kind}, {times} time", found["seconds"], each, found["memory"], found["worker"]])
                print(*rows[-1], file=sys.stderr, flush=True)
    columns = [
        Column(""),
        Column("launch to first batch", ".1f", "s"),
        Column("a clip", ".0f", "µs"),
        Column("memory at most", ",.0f", "MB"),
        Column("of its own, a worker", ",.0f", "MB"),
    ]
    about = (
        f"{arguments.clips:,} recordings of a tenth of a second, each with a text of its own, from metadata to the "
        "first batch that a worker has loaded: the first time features are computed, with letters, and phonemes, "
        "with these; later what was kept of them is found. A worker's own memory is what it does not share with its "
        f"parent, after {BATCHES} batches of {BATCH_SIZE}."
    )
    finish(Result(f"Start with {arguments.clips:,} clips", about, columns, rows), arguments.save)


if __name__ == "__main__":
    main()
