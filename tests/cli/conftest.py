"""A released Glow-TTS of a few thousand parameters, recordings to fine-tune it to, and the programs as functions."""

import io
import json
import logging
import re
import threading
import wave
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from finetune_tts.cli import finetune, speak
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.data.tokenizing import build_tokenizer
from finetune_tts.families.building import build_model
from finetune_tts.families.loading import config_from_dict

RATE = 8000
LETTERS = "abcdefgh"
TEXTS = ("abba had", "a bad egg", "dad fed a cab", "head bed", "deaf aged", "cage faced", "beef", "faded", "a hag")
CONFIG: dict[str, Any] = {
    "model": "glow_tts",
    "run_name": "released-elsewhere",
    "output_path": "/home/someone/runs",
    "dashboard_logger": "tensorboard",
    "save_best_after": 10_000,
    "batch_size": 4,
    "eval_batch_size": 4,
    "epochs": 1000,
    "lr": 1e-3,
    "lr_scheduler": "NoamLR",
    "lr_scheduler_params": {"warmup_steps": 4000},
    "text_cleaner": "basic_cleaners",
    "characters": {"characters_class": "TTS.tts.utils.text.characters.Graphemes", "pad": "_", "characters": LETTERS,
                   "punctuations": " .", "eos": None, "bos": None, "blank": None},
    "test_sentences": ["a bad egg."],
    "datasets": [{"formatter": "ljspeech", "path": "/home/someone/corpus", "meta_file_train": "metadata.csv"}],
    "audio": {"sample_rate": RATE, "fft_size": 256, "win_length": 256, "hop_length": 64, "num_mels": 20,
              "mel_fmax": 4000.0, "griffin_lim_iters": 3, "do_trim_silence": False},
    "out_channels": 20,
    "hidden_channels_enc": 16,
    "hidden_channels_dec": 16,
    "hidden_channels_dp": 16,
    "num_flow_blocks_dec": 1,
    "num_block_layers": 1,
    "encoder_params": {"kernel_size": 3, "dropout_p": 0.1, "num_layers": 1, "num_heads": 2,
                       "hidden_channels_ffn": 16, "input_length": None},
    "a_field_of_tomorrow": 7,
}  # fmt: skip
NAME = "tts_models/xx/test/glow-tts"


@dataclass(frozen=True)
class Outcome:
    """What a program did."""

    status: int
    out: str
    err: str

    def refused(self, *parts: str) -> None:
        """Assert that a mistake of the user's was named, with all ``parts``, in a few lines without a traceback."""
        message = self.err[self.err.rfind("error: ") :]
        assert self.status == 2, self.err
        assert message.startswith("error: "), self.err
        assert "Traceback" not in self.err
        for part in parts:
            assert part in message, message
        assert len(message.splitlines()) <= 12, message

    @property
    def run_folder(self) -> Path:
        """The run folder that the results name."""
        assert self.status == 0, self.err
        return Path(self.line("run folder: "))

    def line(self, start: str) -> str:
        """The rest of the only line of the results that begins with ``start``."""
        (line,) = [line for line in self.out.splitlines() if line.startswith(start)]
        return line.removeprefix(start).strip()


def write_wav(path: Path, waveform: np.ndarray, rate: int = RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((waveform * 32767).astype("<i2").tobytes())


def spoken(text: str) -> np.ndarray:
    """A tone for each letter, a little noise for the rest: something that can be learned."""
    random = np.random.default_rng(len(text))
    time = np.arange(800) / RATE
    parts = [0.3 * np.sin(2 * np.pi * (300 + 150 * LETTERS.find(letter)) * time) for letter in text]
    return np.concatenate(parts) + 0.01 * random.normal(size=800 * len(text))


def write_recordings(folder: Path, texts: tuple[str, ...] = TEXTS, start: str = "clip") -> Path:
    """A data set in LJSpeech's layout."""
    lines = []
    for number, text in enumerate(texts):
        write_wav(folder / "wavs" / f"{start}{number}.wav", spoken(text))
        lines.append(f"{start}{number}|{text}|{text}\n")
    (folder / "metadata.csv").write_text("".join(lines), encoding="utf-8")
    return folder


def write_release(folder: Path, speakers: tuple[str, ...] = (), **fields: Any) -> Path:
    """A model as 🐸 releases one: ``model_file.pth`` with ``config.json``."""
    folder.mkdir(parents=True)
    values = {**deepcopy(CONFIG), **fields}
    if speakers:
        values |= {"use_speaker_embedding": True, "speakers_file": "/home/someone/speakers.json"}
        (folder / "speaker_ids.json").write_text(json.dumps({name: row for row, name in enumerate(speakers)}))
    config = config_from_dict(values)
    torch.manual_seed(3)
    network = build_model(config, len(build_tokenizer(config).vocabulary), len(speakers))
    with torch.no_grad():
        for parameter in network.parameters():  # a fresh flow passes everything through, the speaker unheard
            parameter += 0.05 * torch.randn_like(parameter)
        network.encoder.duration_predictor.proj.bias.fill_(2.0)  # some seven frames a token
    torch.save({"model": network.state_dict(), "step": 1000, "config": values}, folder / "model_file.pth")
    if speakers:
        values["speakers_file"] = "speaker_ids.json"
    (folder / "config.json").write_text(json.dumps(values), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(tmp_path_factory.mktemp("models") / "release")


@pytest.fixture(scope="session")
def choir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release that knows two speakers."""
    return write_release(tmp_path_factory.mktemp("models") / "choir", speakers=("ann", "bob"))


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recordings(tmp_path_factory.mktemp("data") / "recordings")


@pytest.fixture
def make_recordings() -> Callable[..., Path]:
    return write_recordings


@pytest.fixture
def make_release() -> Callable[..., Path]:
    return write_release


@pytest.fixture
def make_wav() -> Callable[..., None]:
    return write_wav


@pytest.fixture
def config_file(tmp_path: Path, release: Path, recordings: Path) -> Callable[..., Path]:
    """Write a config of your own for the released network."""

    def write(**fields: Any) -> Path:
        values = json.loads((release / "config.json").read_text())
        values |= {"run_name": "own", "output_path": str(tmp_path / "output"), "save_best_after": 0}
        values["datasets"] = [{"formatter": "ljspeech", "path": str(recordings), "meta_file_train": "metadata.csv"}]
        path = tmp_path / "own" / "config.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(values | fields), encoding="utf-8")
        return path

    return write


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty folder to type commands in, an empty cache; nothing of what a program sets up reaches other tests."""
    for variable in ("TTS_MODELS_FILE", "XDG_DATA_HOME", "http_proxy", "HTTP_PROXY", "RANK", "WORLD_SIZE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TTS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.chdir(tmp_path)
    package = logging.getLogger("finetune_tts")
    before = package.handlers[:], package.level, package.propagate
    yield
    package.handlers[:], package.level, package.propagate = before


@pytest.fixture
def tune(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """``tts-finetune`` with the words given."""

    def run(*words: object, config: SpeechConfig | None = None, **keywords: Any) -> Outcome:
        status = finetune.main([str(word) for word in words], config=config, **keywords)
        return Outcome(status, *capsys.readouterr())

    return run


@pytest.fixture
def tts(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """``tts`` with the words given."""

    def run(*words: object) -> Outcome:
        status = speak.main([str(word) for word in words])
        return Outcome(status, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def tuned(release: Path, recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of three steps; tests that change it work on a copy."""
    output = tmp_path_factory.mktemp("runs")
    words = ["--restore_path", release, "--dataset_path", recordings, "--output_path", output, "--max_steps", 3]
    package = logging.getLogger("finetune_tts")
    before = package.handlers[:], package.level, package.propagate
    assert finetune.main([str(word) for word in words]) == 0
    package.handlers[:], package.level, package.propagate = before
    (folder,) = [path for path in output.iterdir() if path.name != "feature_cache"]
    return folder


@contextmanager
def served(
    model: Path, catalog: Path, architecture: str = "glow_tts", beside: Mapping[str, bytes] | None = None, **fields: Any
) -> Iterator[Path]:
    """Serve a model as a zip, and write the catalog file in which it is called :data:`NAME`.

    ``beside`` are the files that only fine-tuning needs; ``fields`` are further ones of the entry.
    """
    pages = {f"/{name}": data for name, data in (beside or {}).items()}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in sorted(model.iterdir()):
            archive.write(path, f"tts_models--xx--test--glow-tts/{path.name}")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path, content.getvalue())
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """The test's output stays clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    entry = {"name": NAME, "architecture": architecture, "addresses": [f"{address}/release.zip"], **fields}
    if beside:
        entry["training_files"] = [address + page for page in pages]
    catalog.write_text(json.dumps({"models": [entry]}))
    try:
        yield catalog
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def catalog(tmp_path: Path, release: Path) -> Iterator[Path]:
    """A catalog file whose model :data:`NAME` is served as a zip by this machine."""
    with served(release, tmp_path / "my_models.json") as path:
        yield path


@pytest.fixture
def make_catalog(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Serve another model under that name."""
    with ExitStack() as stack:
        yield lambda model, **options: stack.enter_context(served(model, tmp_path / "other_models.json", **options))


def original_name(name: str) -> str:
    """A tensor's name in the original program."""
    name = re.sub(r"^flow\.flows\.(\d+)", lambda match: f"flow.flows.{2 * int(match[1])}", name)
    name = re.sub(r"flows\.0\.translation$", "flows.0.m", name)
    name = re.sub(r"flows\.0\.log_scale$", "flows.0.logs", name)
    name = re.sub(r"^(duration_predictor\.(?:post_)?flows)\.([1-9])\.", lambda m: f"{m[1]}.{2 * int(m[2]) - 1}.", name)
    for ours, theirs in (
        ("text_encoder", "enc_p"), ("posterior_encoder", "enc_q"),
        ("waveform_decoder", "dec"), ("duration_predictor", "dp"),
    ):  # fmt: skip
        name = re.sub(rf"^{ours}\.", f"{theirs}.", name)
    return name


@pytest.fixture
def original_names() -> Callable[[Mapping[str, torch.Tensor]], dict[str, torch.Tensor]]:
    """Gives the tensors of a VITS the names of the original program."""
    return lambda state: {original_name(name): tensor for name, tensor in state.items()}
