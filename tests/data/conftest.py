from pathlib import Path

import numpy as np
import pytest
import soundfile

import finetune_tts.data
from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.config.audio import AudioConfig
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.data.gathering import load_samples
from finetune_tts.data.sample import Sample
from finetune_tts.text.building import tokenizer_from_fields


@pytest.fixture
def write_wav():
    """Writes a short recording (a tone whose pitch depends on the name), making its folder."""

    def write(path, seconds=0.1, rate=8000, **options):
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        pitch = 200 + sum(path.name.encode()) % 300
        time = np.arange(int(seconds * rate)) / rate
        soundfile.write(path, 0.5 * np.sin(2 * np.pi * pitch * time).astype(np.float32), rate, **options)
        return path

    return write


@pytest.fixture
def write_text():
    def write(path, text, encoding="utf-8"):
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode(encoding))
        return path

    return write


@pytest.fixture
def read_folder(tmp_path, write_wav, write_text):
    """Samples of a folder ``voice`` with metadata files (name → content) and recordings, read by ``auto``."""

    def read(files, recordings=tuple(f"wavs/{number}.wav" for number in range(1, 9)), **options):
        root = tmp_path / "voice"
        for name, content in files.items():
            write_text(root / name, content)
        for recording in recordings:
            write_wav(root / recording)
        layouts = options.pop("layouts", None)
        return load_samples([DatasetConfig(**{"formatter": "auto", "path": str(root), **options})], layouts=layouts)

    return read


@pytest.fixture
def make_samples():
    """Samples without files: ``make_samples(anna=3, bert=2)``."""

    def make(**counts):
        return [
            Sample(
                f"Text {number} of {speaker}.", Path(f"{speaker}/{number}.wav"), speaker, "en", f"#{speaker}/{number}"
            )
            for speaker, count in counts.items()
            for number in range(count)
        ]

    return make


@pytest.fixture
def extractor():
    """Small spectrograms of 8 kHz audio; ``loads`` counts the recordings that it decoded."""

    class CountingExtractor(SpectrogramExtractor):
        loads = 0

        def load(self, path):
            self.loads += 1
            return super().load(path)

    return CountingExtractor(audio_config())


@pytest.fixture
def other_extractor():
    """An extractor with another setting that changes the features."""
    return SpectrogramExtractor(audio_config(preemphasis=0.5))


@pytest.fixture
def audio():
    """Audio settings of the extractor, with other fields."""
    return audio_config


def audio_config(**fields):
    sizes = {"sample_rate": 8000, "fft_size": 256, "win_length": 256, "hop_length": 64, "num_mels": 20}
    return AudioConfig(**sizes, do_trim_silence=False, **fields)


@pytest.fixture
def tokenizer():
    symbols = {"characters": "abcdefghijklmnopqrstuvwxyzT0123456789", "punctuations": " .", "pad": "_", "blank": "#"}
    return tokenizer_from_fields({"characters": {"characters_class": None, "eos": "", "bos": "", **symbols}})


@pytest.fixture
def recorded(tmp_path, write_wav):
    """Samples with recordings of 0.1 s, 0.15 s, ... by one or several speakers: ``recorded(3)``, ``recorded(a=2)``."""

    def make(count=0, **counts):
        found = []
        for speaker, number in ((s, n) for s, total in (counts or {"anna": count}).items() for n in range(total)):
            file = write_wav(tmp_path / "wavs" / f"{speaker}{number}.wav", seconds=0.1 + 0.05 * len(found))
            found.append(Sample(f"Text {'x' * number}.", file, speaker, "en", f"lj#wavs/{speaker}{number}", "lj"))
        return found

    return make


VOICE = Path(finetune_tts.data.__file__).parents[1] / "assets" / "demo" / "recordings"


@pytest.fixture(scope="session")
def voice_lines():
    """Text by recording, of a real voice that is clean."""
    lines = (VOICE / "metadata.csv").read_text(encoding="utf-8").splitlines()
    return {VOICE / "wavs" / f"{line.split('|')[0]}.flac": line.split("|")[1] for line in lines}


@pytest.fixture
def voice_samples(voice_lines):
    return [Sample(text, path, "slt", "en", f"demo#wavs/{path.stem}", "demo") for path, text in voice_lines.items()]
