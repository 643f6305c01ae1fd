"""Long recordings that are put together from sentences, and a small data set that was cut from a recording."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from finetune_tts.audio.reading import write_waveform
from finetune_tts.corpus.clips import WAV, Clip, Corpus
from finetune_tts.corpus.review import reviewing
from finetune_tts.corpus.review_server import ReviewServer
from finetune_tts.text.espeak import espeak_library

RATE = 22050
SENTENCES = (
    "The early train was full of sleepy students.",
    "Would you hand me that blue folder, please?",
    "A light rain fell over the quiet village.",
    "Nobody had seen the keeper since the end of the summer.",
    "We had soup, bread and a little cheese for supper.",
    "The last letter arrived on a cold morning in December.",
    "Seven boats were waiting for the wind to change.",
    "His answer was short, and nobody asked him again.",
    "There is a garden behind the old brick house.",
    "Please remember to water the plants on Thursday.",
    "The children were singing on their way home.",
    "It takes an hour to walk from here to the harbour.",
)


@dataclass(frozen=True)
class Said:
    """A sentence in a recording, in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Recording:
    """A long recording and what is said in it."""

    path: Path
    said: list[Said]

    def words_within(self, start: float, end: float) -> str:
        """The sentences between two moments; the test fails where one of them is cut."""
        found = [said for said in self.said if said.start < end and said.end > start]
        for said in found:
            assert start <= said.start
            assert said.end <= end
        return " ".join(said.text for said in found)


def spoken(text: str, voice: str) -> np.ndarray:
    """A sentence by espeak-ng, ``[T]`` float32, without silence at its ends."""
    library = espeak_library()
    sound = library.speak(text, library.voice(voice)).sound
    samples = np.frombuffer(sound, np.int16).astype(np.float32) / 32768
    loud = np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max())
    return samples[loud[0] : loud[-1] + 1]


def record(
    path: Path, sentences: Sequence[str], *, voice: str = "en-gb", seed: int = 0, noise: float = 1e-3
) -> Recording:
    """Have espeak-ng read sentences with pauses of 0.3 to 1 s between them, in a noisy room."""
    random = np.random.default_rng(seed)
    parts: list[np.ndarray] = [np.zeros(RATE // 2, np.float32)]
    said: list[Said] = []
    length = len(parts[0])
    for sentence in sentences:
        samples = spoken(sentence, voice)
        said.append(Said(sentence, length / RATE, (length + len(samples)) / RATE))
        pause = np.zeros(round(random.uniform(0.3, 1.0) * RATE), np.float32)
        parts += [samples, pause]
        length += len(samples) + len(pause)
    samples = np.concatenate(parts)
    write_waveform(path, 0.7 * samples + noise * random.normal(size=len(samples)), RATE)
    return Recording(path, said)


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Three quarters of a minute."""
    return record(tmp_path_factory.mktemp("recording") / "reading.wav", SENTENCES)


@pytest.fixture
def recording_in_noise(tmp_path: Path) -> Callable[[float], Recording]:
    """Some sentences with so much noise."""
    return lambda noise: record(tmp_path / "noisy.wav", SENTENCES[:5], noise=noise)


# The data set of a review.
REVIEW_RATE = 8000
SECONDS = 12
TEXTS = ("The first of all.", "Dropped by the maker.", "The third, größer.", "Wel said.")
CONFIDENCES = (0.95, 0.2, 0.5, 0.4)


def write_speech(path: Path, seed: int = 0) -> None:
    """Write seconds of noise of which every tenth has a loudness of its own, so that no two places are alike."""
    random = np.random.default_rng(seed)
    loudness = np.repeat(random.uniform(0.02, 0.9, SECONDS * 10), REVIEW_RATE // 10)
    write_waveform(path, (loudness * random.uniform(-1, 1, SECONDS * REVIEW_RATE)).astype(np.float32), REVIEW_RATE)


@pytest.fixture
def make_speech() -> Callable[..., None]:
    return write_speech


@pytest.fixture
def make_data_set(tmp_path: Path) -> Callable[..., Path]:
    """Write a data set of four clips, of 2 s each with 1 s between them, beside its recording ``long.wav``."""

    def make(kind: str = WAV) -> Path:
        folder, recording = tmp_path / "my-voice", tmp_path / "long.wav"
        folder.mkdir()
        write_speech(recording)
        clips = [
            Clip(f"clip_{number}", recording, 3.0 * number, 3.0 * number + 2, text, confidence, number != 1)
            for number, (text, confidence) in enumerate(zip(TEXTS, CONFIDENCES, strict=True))
        ]
        corpus = Corpus(folder, kind)
        for clip in clips:
            corpus.write_sound(clip)
        corpus.save(clips)
        return folder

    return make


@pytest.fixture
def data_set(make_data_set: Callable[..., Path]) -> Path:
    return make_data_set()


@pytest.fixture
def server(data_set: Path) -> Iterator[ReviewServer]:
    with reviewing(data_set) as review, ReviewServer(review) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        found.shutdown()
        thread.join()
