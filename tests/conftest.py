"""Fixtures for all tests, and the reference cases: what an independent implementation computes."""

import base64
import json
import os

# Before numpy or torch is imported: tests run in parallel with others, and small arrays gain nothing from threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import shutil
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings

from finetune_tts.config.base import Config
from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.families.loading import load_config, load_vocoder_config
from finetune_tts.families.registry import ENTRIES
from finetune_tts.families.tacotron.building import build_tacotron, build_tacotron2
from finetune_tts.families.tacotron.tacotron import TacotronSizes
from finetune_tts.families.tacotron.tacotron2 import Tacotron2Sizes
from finetune_tts.families.vits.building import build_vits
from finetune_tts.families.xtts.building import DecoderSizes, build_xtts
from finetune_tts.layers.waveform_discriminators import ScaleLayer

REFERENCE = Path(os.environ.get("TTS_REFERENCE_DIR") or Path(__file__).parent / "reference")
SEED = int(os.environ.get("TTS_REFERENCE_SEED") or 7)

#: The environment that ``make test-slow`` makes of the programs that speak exported voices.
CLIENTS = Path(os.environ.get("TTS_CLIENTS_DIR") or f"{sys.prefix}-clients")

# Inputs that hypothesis makes up. A test gets the same few hundred in every run and on every machine, and no file of
# failed ones is kept, so that a red test means a change of the code. `pytest --hypothesis-profile=many -k fuzz` looks
# for new ones; what it finds becomes a plain test.
_ANY_SPEED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile(
    "quick", max_examples=200, derandomize=True, deadline=None, database=None, suppress_health_check=_ANY_SPEED
)
settings.register_profile("many", settings.get_profile("quick"), max_examples=5_000, derandomize=False, print_blob=True)
settings.load_profile("quick")


def rule_weight(key: str, shape: tuple[int, ...], seed: int) -> torch.Tensor:
    """The weight that the rule of the reference cases gives a tensor of this name and shape."""
    last = key.rpartition(".")[2]
    if last == "num_batches_tracked":
        return torch.tensor(0)
    noise = np.random.RandomState(zlib.crc32(key.encode()) ^ seed).standard_normal(shape)
    if last in ("running_var", "weight_g"):
        value = 0.5 + np.abs(noise)
    elif len(shape) == 2 and shape[0] == shape[1] <= 8:
        value = np.eye(shape[0]) + 0.1 * noise
    elif len(shape) <= 1:
        value = 0.1 * noise + (1 if last in ("weight", "gamma") else 0)
    else:
        value = noise / np.sqrt(np.prod(shape[1:]))
        if ".end." in key or ".post." in key:
            value = value / 10
    return torch.from_numpy(np.asarray(value, dtype=np.float32))


@dataclass
class ReferenceCase:
    """One folder of the reference."""

    folder: Path

    @cached_property
    def config(self) -> Config:
        """The config of the case."""
        return load_config(self.folder / "config.json")

    @cached_property
    def vocoder_config(self) -> VocoderConfig:
        """The config of a vocoder's case."""
        return load_vocoder_config(self.folder / "config.json")

    def tensors(self) -> dict[str, torch.Tensor]:
        """The batch; its real numbers are of torch's default type."""
        with np.load(self.folder / "inputs.npz") as arrays:
            tensors = {name: torch.from_numpy(arrays[name]) for name in arrays}
        default = torch.get_default_dtype()
        return {name: tensor.to(default) if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}

    def expected(self) -> dict[str, np.ndarray]:
        """The outputs."""
        with np.load(self.folder / "expected.npz") as arrays:
            return dict(arrays)

    def buffers(self) -> dict[str, torch.Tensor]:
        """The tensors that the rule does not give, by name; none where the case has no file of them."""
        if not (self.folder / "buffers.npz").exists():
            return {}
        with np.load(self.folder / "buffers.npz") as arrays:
            return {name: torch.from_numpy(arrays[name]) for name in arrays}

    def weights(self) -> dict[str, torch.Tensor]:
        """All tensors of the case's checkpoint, by their names there."""
        buffers = self.buffers()
        return {
            name: buffers[name] if name in buffers else rule_weight(name, tuple(shape), SEED)
            for name, shape in self.read("shapes.json").items()
        }

    def read(self, name: str) -> dict[str, Any]:
        """A JSON file of the case."""
        return json.loads((self.folder / name).read_text(encoding="utf-8"))


def reference_folders(model: str) -> list[Path]:
    """The case folders of an architecture; none is an error of the set-up, not a reason to pass."""
    found = []
    for config in sorted(REFERENCE.glob("*/config.json")):
        fields = json.loads(config.read_text(encoding="utf-8"))
        if fields.get("model", "").lower() == model:
            found.append(config.parent)
    return found


@pytest.fixture
def reference_case(request: pytest.FixtureRequest) -> ReferenceCase:
    """The case of a parametrized folder."""
    return ReferenceCase(request.param)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test that asks for ``reference_case`` every case of its module's ``REFERENCE_MODEL``."""
    if "reference_case" in metafunc.fixturenames:
        folders = reference_folders(metafunc.module.REFERENCE_MODEL)
        metafunc.parametrize("reference_case", folders, ids=[folder.name for folder in folders], indirect=True)


@pytest.fixture
def in_float64(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compute in float64, also where the code asks for float32: for quantities that float32 does not determine.

    Networks and inputs made before, or of numpy arrays, are for the test to convert with ``double()``.
    """
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(default)


@pytest.fixture
def with_rule_weights() -> Any:
    """Fill a network with the rule's weights and return it in eval mode; golden numbers of a test need a ``seed``."""

    def fill(
        network: torch.nn.Module, buffers: dict[str, torch.Tensor] | None = None, seed: int = SEED
    ) -> torch.nn.Module:
        state = {name: rule_weight(name, tuple(tensor.shape), seed) for name, tensor in network.state_dict().items()}
        network.load_state_dict({**state, **(buffers or {})})
        return network.eval()

    return fill


@pytest.fixture
def assert_close() -> Any:
    """Compare by the relative difference of norms over the finite entries, as the reference asks."""

    def check(name: str, ours: torch.Tensor, expected: np.ndarray, tolerance: float = 1e-4) -> None:
        found = ours.detach().numpy()
        assert found.shape == expected.shape, name
        finite = np.isfinite(expected)
        assert np.array_equal(finite, np.isfinite(found)), name
        difference = np.linalg.norm(found[finite] - expected[finite])
        assert difference <= tolerance * max(np.linalg.norm(expected[finite]), 1e-12), f"{name}: {difference}"

    return check


class ThreadTeam:
    """One of several that share work as the processes of a run do, in a thread."""

    def __init__(self, rank: int, size: int, values: list[Any], barrier: threading.Barrier) -> None:
        self.rank, self.size, self.local_size = rank, size, size
        self._values, self._barrier = values, barrier

    def gathered(self, value: Any) -> list[Any]:
        self._values[self.rank] = value
        self._barrier.wait(60)
        values = list(self._values)
        self._barrier.wait(60)
        return values


@pytest.fixture
def as_team() -> Any:
    """Let a team of ``size`` do ``work(team)`` at once; gives what each of them returned or raised."""

    def run(size: int, work: Any) -> list[Any]:
        values, barrier = [None] * size, threading.Barrier(size)

        def one(rank: int) -> Any:
            try:
                return work(ThreadTeam(rank, size, values, barrier))
            except Exception as error:
                return error

        with ThreadPoolExecutor(size) as pool:
            return list(pool.map(one, range(size)))

    return run


@pytest.fixture
def make_encoder() -> Any:
    """Write a speaker encoder of a few thousand parameters as 🐸 releases one; gives its weights and its config."""

    def write(folder: Path, seed: int = 4, *, network: str = "resnet", **params: Any) -> tuple[Path, Path]:
        from finetune_tts.speaker_encoder.building import build_speaker_encoder
        from finetune_tts.speaker_encoder.config import load_encoder_config

        resnet = {"log_input": True, "layers": [1, 1, 1, 1], "num_filters": [8, 8, 8, 8]}
        sizes = resnet if network == "resnet" else {"lstm_dim": 8, "num_lstm_layers": 2}
        values = {
            "model": "speaker_encoder",
            "audio": {
                "sample_rate": 8000, "fft_size": 128, "win_length": 100, "hop_length": 40, "num_mels": 16,
                "preemphasis": 0.97, "mel_fmax": 4000.0, "do_trim_silence": False,
            },
            "model_params": {
                "model_name": network, "input_dim": 16, "proj_dim": 6, "use_torch_spec": True, **sizes, **params,
            },
            "num_loader_workers": 24,
        }  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        model, config = folder / "model_se.pth", folder / "config_se.json"
        config.write_text(json.dumps(values), encoding="utf-8")
        torch.manual_seed(seed)
        state = build_speaker_encoder(load_encoder_config(config)).state_dict()
        torch.save({"model": state, "criterion": {"w": torch.ones(1)}, "step": 7}, model)
        return model, config

    return write


# Golden numbers of vocoders come from coqui-tts 0.28.0 with the weights of the reference cases' rule, seed 7.
@pytest.fixture
def chirp() -> Any:
    """Make a batch of waveforms ``[B, 1, T]`` that is the same everywhere: a rising tone over a steady one."""

    def make(samples: int, batch: int = 1) -> torch.Tensor:
        time = torch.arange(samples * batch, dtype=torch.float64).reshape(batch, 1, samples)
        return (0.5 * torch.sin(time * time * 1e-4) + 0.3 * torch.cos(time * 0.37)).float()

    return make


@pytest.fixture
def assert_golden() -> Any:
    """Compare the sum and the norm of a tensor with the golden numbers."""

    def check(tensor: torch.Tensor, total: float, norm: float) -> None:
        tensor = tensor.detach().double()
        assert tensor.norm().item() == pytest.approx(norm, rel=1e-4)
        assert tensor.sum().item() == pytest.approx(total, rel=1e-4, abs=1e-4 * norm)

    return check


@pytest.fixture
def change_family(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Change what computes in a family, for example to build smaller networks: ``change_family(name, build=...)``."""

    def change(name: str, **changes: Any) -> None:
        entry = ENTRIES[name]
        family = entry.load()
        changed = replace(family, load=lambda: replace(family.implementation, **changes))
        monkeypatch.setitem(ENTRIES, name, replace(entry, load=lambda: changed))

    return change


@pytest.fixture
def small_widths(change_family: Callable[..., None]) -> None:
    """Make the widths of networks small that no config holds."""
    sizes = TacotronSizes(recurrent=12, prenet=(8, 6), cbhg=4, encoder_bank=3, postnet_bank=2, postnet_projection=6)
    change_family("tacotron", build=partial(build_tacotron, widths=sizes))
    change_family("tacotron2", build=partial(build_tacotron2, widths=Tacotron2Sizes(recurrent=12, prenet=6, postnet=6)))
    judge: Any = {"scale_layers": (ScaleLayer(4, 15, 4, 1), ScaleLayer(8, 5, 4, 2)), "period_channels": (4, 8)}
    decoder = DecoderSizes(channels=16, encoder_layers=(1, 1, 1, 1), encoder_filters=(8, 8, 8, 8), **judge)
    change_family("xtts", build=partial(build_xtts, decoder_sizes=decoder))
    change_family("vits", build=partial(build_vits, judge_sizes=judge))


@pytest.fixture
def client(tmp_path: Path) -> Callable[..., Any]:
    """Runs a program in the environment of the clients; what it prints as its last line is its answer, as JSON."""
    python = CLIENTS / "bin" / "python"
    if not python.is_file():
        pytest.skip(f"{CLIENTS}: not there; make test-slow installs what speaks exported voices")

    def run(program: str, **values: Any) -> Any:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            [python, "-c", program, json.dumps(values, default=str)],
            capture_output=True, text=True, cwd=tmp_path, env=environment, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


# A browser without a window, driven over a pipe by its DevTools protocol.
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--mute-audio",
    "--autoplay-policy=no-user-gesture-required", "--remote-debugging-pipe",
)  # fmt: skip
# The browser reads commands at descriptor 3 and answers at 4.
LAUNCHER = """
import os, sys
for place, word in ((100, sys.argv[1]), (101, sys.argv[2])):
    os.dup2(int(word), place)
os.dup2(100, 3)
os.dup2(101, 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""
PATIENCE = 60.0


class Browser:
    """One page at a time, and everything that it complained about."""

    def __init__(self, program: str, profile: Path) -> None:
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        words = [sys.executable, "-c", LAUNCHER, str(commands), str(answers), program, *FLAGS]
        words += [f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            words, pass_fds=(commands, answers), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(commands)
        os.close(answers)
        os.set_blocking(self._answers, False)
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self._events: list[str] = []
        self.complaints: list[str] = []
        self.requests: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for answer in self._received():
                if answer.get("id") == self._number:
                    if "navigated" in answer.get("error", {}).get("message", "") and method == "Runtime.evaluate":
                        return self.call(method, **parameters)  # asked of a page that was just being left
                    assert "error" not in answer, answer
                    return answer["result"]
        raise TimeoutError(method)

    def open(self, path: Path | str, *, width: int, dark: bool) -> None:
        """Show a file, or an address, in a window of some width, as a device in light or dark mode would."""
        self.complaints.clear()
        self.requests.clear()
        self._events.clear()
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=path if isinstance(path, str) else path.as_uri())
        deadline = time.monotonic() + PATIENCE
        while "Page.loadEventFired" not in self._events and time.monotonic() < deadline:
            self._received()

    def value(self, expression: str) -> Any:
        """What a JavaScript expression, or its promise, gives in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def screenshot(self, path: Path) -> None:
        """Write a picture of the whole page."""
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(picture["data"]))

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._commands)
        os.close(self._answers)

    def _received(self) -> list[dict[str, Any]]:
        try:
            piece = os.read(self._answers, 1 << 20)
        except BlockingIOError:
            time.sleep(0.005)
            return []
        assert piece, "the browser has gone"
        *whole, self._buffer = (self._buffer + piece).split(b"\0")
        messages = [json.loads(message) for message in whole]
        for message in messages:
            self._note(message)
        return messages

    def _note(self, message: dict[str, Any]) -> None:
        method, parameters = message.get("method", ""), message.get("params", {})
        self._events.append(method)
        if method == "Log.entryAdded" and parameters["entry"]["level"] in ("warning", "error"):
            self.complaints.append(parameters["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(str(parameters["args"]))
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(parameters["exceptionDetails"]))
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium is installed")
    found = Browser(program, tmp_path_factory.mktemp("profile"))
    yield found
    found.close()
