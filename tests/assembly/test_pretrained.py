import json
import logging

import pytest
import torch

from finetune_tts.assembly.pretrained import config_to_tune, read_pretrained, warn_of_other_audio
from finetune_tts.errors import UserError
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.families.loading import config_from_dict


def alphabet(letters: str) -> dict:
    return {"pad": "_", "characters": letters, "punctuations": "."}


def config_of(letters: str = "ab", **fields) -> GlowTTSConfig:
    return config_from_dict({"model": "glow_tts", "characters": alphabet(letters), **fields})


def write_checkpoint(folder, rows: int, *, inside: dict | None = None, beside: dict | None = None, speakers: int = 0):
    model = {"encoder.emb.weight": torch.zeros(rows, 4)}
    if speakers:
        model["emb_g.weight"] = torch.zeros(speakers, 4)
    content = {"model": model} if inside is None else {"model": model, "config": {"model": "glow_tts", **inside}}
    torch.save(content, folder / "model_file.pth")
    if beside is not None:
        (folder / "config.json").write_text(json.dumps({"model": "glow_tts", **beside}))
    return folder / "model_file.pth"


ABC, ABD, AB = (("_", *letters, ".") for letters in ("abc", "abd", "ab"))


@pytest.mark.parametrize(
    ("beside", "inside", "run", "symbols"),
    [
        ("abc", None, "ab", ABC),
        ("abc", "ab", "ab", ABC),
        # What has not as many symbols as the weights have rows was changed since.
        ("abcd", "abc", "ab", ABC),
        (None, "abc", "ab", ABC),
        (None, None, "abc", ABC),
        ("abcd", None, "abd", ABD),
        # Nothing fits: the restore report says so.
        ("ab", None, "abcd", AB),
    ],
)
def test_the_alphabet_is_that_of_the_config_that_fits_the_weights(tmp_path, beside, inside, run, symbols):
    path = write_checkpoint(
        tmp_path,
        rows=5,
        beside={"characters": alphabet(beside)} if beside else None,
        inside={"characters": alphabet(inside)} if inside else None,
    )
    assert read_pretrained(path, config_of(run)).symbols == symbols


def test_two_alphabets_that_fit_are_told(tmp_path, caplog):
    path = write_checkpoint(
        tmp_path, rows=5, beside={"characters": alphabet("abc")}, inside={"characters": alphabet("abd")}
    )
    assert read_pretrained(path, config_of("ab")).symbols == ABC
    assert "name different alphabets" in caplog.text


def test_a_config_beside_that_cannot_be_read_is_left_aside(tmp_path, caplog):
    path = write_checkpoint(tmp_path, rows=5, inside={"characters": alphabet("abc")})
    (tmp_path / "config.json").write_text("{")
    assert read_pretrained(path, config_of("ab")).symbols == ABC
    assert "is ignored" in caplog.text


def test_speakers_have_names_for_every_row(tmp_path, caplog):
    (tmp_path / "speakers.json").write_text('{"ann": 0, "cleo": 2}')
    beside = {"characters": alphabet("abc"), "use_speaker_embedding": True, "speakers_file": "speakers.json"}
    path = write_checkpoint(tmp_path, rows=5, beside=beside, speakers=4)
    speakers = read_pretrained(path, config_of("abc")).speakers
    assert speakers.row_names() == ["ann", "speaker_1", "cleo", "speaker_3"]
    assert "names 2 of the 4 speakers; the others are called speaker_1 to speaker_3" in caplog.text


def test_a_model_of_one_voice_knows_no_speakers(tmp_path):
    assert read_pretrained(write_checkpoint(tmp_path, rows=5), config_of("abc")).speakers is None


def test_more_names_than_rows_do_not_belong_to_the_weights(tmp_path):
    (tmp_path / "speakers.json").write_text('{"ann": 0, "bob": 7}')
    beside = {"characters": alphabet("abc"), "speakers_file": "speakers.json"}
    path = write_checkpoint(tmp_path, rows=5, beside=beside, speakers=2)
    with pytest.raises(UserError, match="names 8 speakers, .* has 2: they do not belong together"):
        read_pretrained(path, config_of("abc"))


def test_a_config_to_tune_keeps_the_model_and_forgets_the_run(tmp_path):
    (tmp_path / "here").mkdir()
    beside = {
        "lr": 0.02,
        "hidden_channels_enc": 32,
        "output_path": "/home/someone/runs",
        "run_name": "theirs",
        "dashboard_logger": "wandb",
        "save_best_after": 10000,
        "run_eval": False,
        "test_delay_epochs": 10,
        "phoneme_cache_path": "/home/someone/cache",
        "datasets": [{"path": "/home/someone/data"}, {"path": "here"}, {"path": ""}],
        "of_tomorrow": 1,
    }
    config = config_to_tune(write_checkpoint(tmp_path, rows=5, beside=beside))
    assert (config.lr, config.hidden_channels_enc, config.kept_fields()) == (0.02, 32, {"of_tomorrow": 1})
    assert (config.output_path, config.run_name, config.dashboard_logger) == ("output", "run", "tensorboard")
    assert (config.save_best_after, config.run_eval, config.test_delay_epochs) == (0, True, 0)
    assert config.phoneme_cache_path is None
    assert [dataset.path for dataset in config.datasets] == [str(tmp_path / "here")]


def test_a_config_to_tune_has_to_be_there(tmp_path):
    with pytest.raises(UserError, match="--config_path"):
        config_to_tune(write_checkpoint(tmp_path, rows=5))
    with pytest.raises(UserError, match="does not exist"):
        config_to_tune(tmp_path / "model.pth")


def test_other_spectrograms_are_named(tmp_path, caplog):
    path = write_checkpoint(tmp_path, rows=5, beside={"characters": alphabet("abc"), "audio": {"sample_rate": 22050}})
    caplog.set_level(logging.WARNING)
    run = config_of("abc", audio={"sample_rate": 22050, "griffin_lim_iters": 3})
    warn_of_other_audio(read_pretrained(path, run), run)
    assert not caplog.text
    run.audio.sample_rate, run.audio.mel_fmax = 16000, 7600.0
    warn_of_other_audio(read_pretrained(path, run), run)
    assert "audio.sample_rate 22050 → 16000, audio.mel_fmax None → 7600.0" in caplog.text
