"""A model that is set up from recordings is so from all of them, once: when it starts from scratch."""

import shutil
from pathlib import Path

import pytest

from finetune_tts.checkpoints.reading import read_checkpoint

CONFIG = Path(__file__).parents[1] / "families" / "tiny" / "neuralhmm_tts.json"


@pytest.fixture
def trained(recordings, tune):
    """``(name, flags) → folder of a run of one step``."""

    def train(name, *flags):
        outcome = tune(
            *flags, "--dataset_path", recordings, "--output_path", name, "--max_steps", 1, "--no_report", "--no_check"
        )
        assert outcome.status == 0, outcome.err
        return outcome.run_folder

    return train


def statistics(folder):
    weights = read_checkpoint(folder / "checkpoint_1.pth").model
    return float(weights["mean"]), float(weights["std"])


def test_statistics_are_of_all_recordings_and_stay_with_the_model(tmp_path, trained, recordings, make_recordings, tune):
    small = trained("small", "--config_path", CONFIG, "--coqpit.batch_size", 2)
    large = trained("large", "--config_path", CONFIG, "--coqpit.batch_size", 4)
    assert statistics(small) == pytest.approx(statistics(large), rel=1e-5)
    assert statistics(small) != (0.0, 1.0)
    # Louder recordings would have others; a model that is fine-tuned keeps those that it has learned with.
    release = tmp_path / "release"
    release.mkdir()
    shutil.copy(small / "config.json", release)
    shutil.copy(small / "checkpoint_1.pth", release / "model_file.pth")
    tuned = trained("tuned", "--restore_path", release, "--coqpit.audio.ref_level_db", 40)
    assert statistics(tuned) == statistics(small)
