"""An architecture that is added as CONTRIBUTING.md says: a folder and a line, and nothing is forgotten."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from finetune_tts.families.family import Family
from finetune_tts.families.registry import ENTRIES, FINE_TUNE, Entry

TOY = Path(__file__).parents[1] / "families" / "toy"


@pytest.fixture(autouse=True)
def toy(tmp_path, monkeypatch):
    """The folder, somewhere, and the line."""
    shutil.copytree(TOY, tmp_path / "families" / "toy")
    monkeypatch.syspath_prepend(tmp_path / "families")

    def load() -> Family:
        from toy.family import FAMILY

        return FAMILY

    monkeypatch.setitem(ENTRIES, "toy", Entry(FINE_TUNE, load))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "toy"]:
        del sys.modules[name]


def test_it_trains_from_scratch_is_fine_tuned_resumed_checked_and_speaks(tmp_path, recordings, tune, tts):
    config = tmp_path / "config.json"
    config.write_text(
        json.dumps(
            {
                "model": "toy",
                "audio": {"sample_rate": 8000, "fft_size": 256, "win_length": 256, "hop_length": 64, "num_mels": 20,
                          "mel_fmax": 4000.0, "griffin_lim_iters": 2},
                "text_cleaner": "basic_cleaners", "batch_size": 4, "eval_batch_size": 4,
                "test_sentences": ["a bad egg."], "optimizer": "AdamW", "optimizer_params": {}, "lr": 0.1,
                "lr_scheduler": None,
            }
        )
    )  # fmt: skip
    first = tune("--config_path", config, "--dataset_path", recordings, "--max_steps", 2, "--run_name", "first")
    assert first.status == 0, first.err
    again = tune("--restore_path", first.run_folder, "--dataset_path", recordings, "--max_steps", 2, "--run_name", "on")
    assert again.status == 0, again.err
    assert "spectra.weight" in again.err
    resumed = tune("--continue_path", again.run_folder, "--max_steps", 3)
    assert (resumed.run_folder / "checkpoint_3.pth").exists()
    assert (resumed.run_folder / "report.html").exists()
    checked = tune("--restore_path", first.run_folder, "--dataset_path", recordings, "--check")
    assert checked.status == 0, checked.err
    spoken = tts("--model_path", resumed.run_folder, "--text", "a bad egg", "--out_path", "egg.wav")
    assert spoken.status == 0, spoken.err


def test_what_it_does_not_say_is_refused_in_words(tmp_path, recordings, tune):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"model": "toy", "frames_a_symbol": 0}))
    tune("--config_path", config, "--dataset_path", recordings).refused("frames_a_symbol = 0", "at least 1")
    tune("--config_path", config, "--dataset_path", recordings, "--coqpit.frame_a_symbol", "2").refused("Did you mean")
