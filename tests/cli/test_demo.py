"""``tts-finetune --demo``."""

from pathlib import Path

import pytest

from finetune_tts.cli.demo import RECORDINGS, SENTENCES, demo_config
from finetune_tts.families.overrides import Override


def test_the_demo_takes_overrides():
    config, weights = demo_config([Override("lr", ("0.001",)), Override("output_path", ("elsewhere",))])
    assert (config.lr, config.output_path, config.run_name) == (0.001, "elsewhere", "demo")
    assert [dataset.path for dataset in config.datasets] == [str(RECORDINGS)]
    assert weights.is_file()


def test_the_sentences_are_none_of_the_recordings():
    recorded = (RECORDINGS / "metadata.csv").read_text(encoding="utf-8")
    assert not [sentence for sentence in SENTENCES if sentence in recorded]


@pytest.mark.slow
def test_the_demo_leaves_something_to_hear(tune):
    outcome = tune("--demo", "--max_steps", 2, "--run_name", "mine")
    folder = outcome.run_folder
    assert folder.parent == Path("demo_output").resolve()
    assert folder.name.startswith("mine-")
    heard = sorted(path.name for path in (folder / "listen").iterdir())
    spoken = [f"{when}_{number}.wav" for when in ("after", "before") for number in (1, 2, 3)]
    assert heard == [*spoken, "recording.flac"]
    assert all(path.stat().st_size > 10_000 for path in (folder / "listen").iterdir())
    assert Path(outcome.line("loss curve:")).is_file()
    assert outcome.line("next:").startswith(f"tts --model_path {folder}/best_model.pth --text ")
    assert "audio amplitude" not in outcome.out


@pytest.mark.slow
def test_the_recordings_of_the_demo_pass_the_check(tune):
    outcome = tune("--demo", "--check")
    assert outcome.status == 0
    assert "Ready to run; nothing to complain about." in outcome.out
    assert "90 clips" in outcome.out
    assert not list(Path("demo_output").glob("*-*"))
