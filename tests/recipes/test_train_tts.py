"""The classic script."""

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.families.loading import load_config

SCRIPT = "finetune_tts/bin/train_tts.py"
CONFIG = """// a config of one's own
{
    "model": "glow_tts",
    "run_name": "classic",
    "text_cleaner": "english_cleaners",
    "datasets": [{"formatter": "ljspeech", "path": "%s", "meta_file_train": "metadata.csv"}]
}
"""


def test_train_tts_trains_restores_and_goes_on(train, run_program, ljspeech, tmp_path, capfd):
    path = tmp_path / "config.json"
    path.write_text(CONFIG % ljspeech.as_posix(), encoding="utf-8")
    first = train(SCRIPT, "--config_path", path)
    second = train(SCRIPT, "--config_path", path, "--restore_path", first / "best_model.pth", "--coqpit.lr", "0.00001")
    assert load_config(second / "config.json").lr == 1e-5
    assert run_program(SCRIPT, "--continue_path", second, "--max_steps", "3", "--device", "cpu") == 0
    assert read_checkpoint(second / "checkpoint_3.pth").step == 3
    assert f"run folder: {second}" in capfd.readouterr().out


def test_train_tts_says_what_is_missing(run_program, tmp_path, capfd):
    assert run_program(SCRIPT, "--config_path", tmp_path / "none.json") == 2
    assert "none.json" in capfd.readouterr().err
    assert run_program(SCRIPT) == 2
