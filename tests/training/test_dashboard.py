"""Dashboards: TensorBoard always, others where their package is installed; here none of them needs a network."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finetune_tts.errors import UserError
from finetune_tts.tasks.spoken_samples import SpokenSample
from finetune_tts.training import dashboard
from finetune_tts.training.dashboard import PACKAGES, dashboard_command, make_dashboard, require_dashboard, show_heard


def speak(network: Any, sentence: Any) -> SpokenSample:
    return SpokenSample(np.zeros(800, np.float32), 16000, np.zeros((5, 4), np.float32), np.eye(5, 3, dtype=np.float32))


@pytest.fixture
def run_with(make_run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Run a tiny run to its end with a dashboard; return the folder that all its files are in."""

    def fit(name: str, **fields: Any) -> Path:
        for package in PACKAGES[name]:
            pytest.importorskip(package)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        run = make_run(epochs=2, speak=speak, test_sentences=["Hello."], dashboard_logger=name, **fields)
        run.fit()
        return Path(run.output_path)

    return fit


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_a_dashboard_without_its_package_is_refused_with_the_command_that_installs_it(name, tiny_config, monkeypatch):
    monkeypatch.setattr(dashboard, "find_spec", lambda package: None)
    with pytest.raises(UserError, match=rf"dashboard_logger {name}: .*\(pip install 'finetune-tts\[{name}\]'\)"):
        require_dashboard(tiny_config(dashboard_logger=name))


def test_every_dashboard_is_an_extra():
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert all(f'\n{name} = ["{packages[0]}>=' in text for name, packages in PACKAGES.items())


def test_a_dashboard_that_cannot_begin_is_a_mistake_in_words(tiny_config, monkeypatch, tmp_path):
    class UsageError(Exception):
        pass

    def fail(*arguments: Any) -> None:
        raise UsageError("no key is configured")

    monkeypatch.setattr(dashboard, "logger_factory", fail)
    with pytest.raises(UserError, match="dashboard_logger mlflow: cannot begin .no key is configured"):
        make_dashboard(tiny_config(dashboard_logger="mlflow"), tmp_path)


def test_what_a_dashboard_gathers_is_flushed_at_each_evaluation_and_before_the_end(make_run, monkeypatch):
    calls: list[str] = []

    class Gathering:
        def __getattr__(self, name: str) -> Any:
            return lambda *arguments, **more: calls.append(name)

    monkeypatch.setattr("finetune_tts.training.loop.make_dashboard", lambda *arguments, **more: Gathering())
    make_run(epochs=2, run_eval_steps=4, speak=speak, test_sentences=["Hello."]).fit()
    assert calls[-2:] == ["flush", "finish"]
    for number, name in enumerate(calls):
        if name == "eval_stats":
            later = calls[number + 1 :]
            assert "flush" in later[: later.index("eval_stats") if "eval_stats" in later else None]


def test_the_command_that_shows_it_is_told(tiny_config, tmp_path):
    def command(name: str, **fields: Any) -> str | None:
        return dashboard_command(tiny_config(dashboard_logger=name, **fields), Path("a run"))

    assert command("tensorboard") == "tensorboard --logdir 'a run'"
    assert command("tensorboard", logger_uri="there") == "tensorboard --logdir there"
    assert command("mlflow") == "mlflow ui --backend-store-uri 'sqlite:///a run/mlruns.db'"
    assert command("aim") == "aim up --repo 'a run'"
    assert command("wandb") is None


@pytest.mark.filterwarnings("default")
def test_wandb_writes_all_into_the_run_folder_without_a_network(run_with, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    folder = run_with("wandb", project_name="voices")
    (stored,) = folder.glob("wandb/offline-run-*/*.wandb")
    assert list(folder.glob("wandb/offline-run-*/files/media/audio/TestAudios/*.wav"))
    assert list(folder.glob("wandb/offline-run-*/files/media/images/TestFigures/1/alignment*.png"))
    content = stored.read_bytes()
    assert b"EvalStats/avg_loss" in content
    assert b"TrainIterStats/loss" in content


@pytest.mark.filterwarnings("default")
def test_mlflow_writes_all_into_the_run_folder(run_with):
    folder = run_with("mlflow", project_name="voices")
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{folder / 'mlruns.db'}")
    (run,) = client.search_runs([client.get_experiment_by_name("voices@tiny").experiment_id])
    assert {"EvalStats/avg_loss", "TrainIterStats/loss"} <= set(run.data.metrics)
    assert run.info.status == "FINISHED"
    assert list(folder.glob("mlruns/*/artifacts/TestAudios/1/*.wav/*.wav"))


@pytest.mark.filterwarnings("default")
def test_aim_writes_all_into_the_run_folder(run_with):
    folder = run_with("aim")
    import aim

    # Its interface makes the index when it is opened; without one a run is not found.
    program = str(Path(sys.executable).with_name("aim"))
    subprocess.run([program, "storage", "--repo", str(folder), "reindex", "-y"], check=True, capture_output=True)
    (run,) = aim.Repo(str(folder)).iter_runs()
    assert {"EvalStats/avg_loss", "TrainIterStats/loss"} <= {metric.name for metric in run.metrics()}


@pytest.mark.filterwarnings("default")
def test_clearml_writes_a_session_without_a_network(run_with, monkeypatch, tmp_path):
    monkeypatch.setenv("CLEARML_OFFLINE_MODE", "1")
    monkeypatch.setenv("CLEARML_CACHE_DIR", str(tmp_path / "cache"))
    run_with("clearml", project_name="voices")
    assert b"avg_loss" in b"".join(path.read_bytes() for path in tmp_path.rglob("metrics.jsonl"))


def test_no_dashboard_but_the_one_that_is_named_is_loaded():
    code = f"import sys, finetune_tts.training.run; print(*sorted({set(PACKAGES)} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_what_was_heard_of_a_past_step_reaches_a_dashboard_that_takes_none():
    class Shown:
        def __init__(self):
            self.told = []

        def add_scalars(self, scope_name, scalars, step):
            self.told.append((scope_name, scalars, step))

    class WandbLogger(Shown):
        pass

    plain, forward = Shown(), WandbLogger()
    for one in (plain, forward):
        show_heard(one, {"mcd": 5.0}, 100, 300)
    assert plain.told == [("Heard", {"mcd": 5.0}, 100)]
    assert forward.told == [("Heard", {"mcd": 5.0, "step": 100}, 300)]
