"""A voice goes to the model hub with its card in one commit, for nobody else's eyes, and comes back the same."""

import importlib.util
import json

import pytest
import torch

from finetune_tts.cli import finetune, speak
from finetune_tts.synthesis.loading import load_voice

TOKEN = "hf_a_very_secret_token"


def upload(run, *flags, name="ana/voice"):
    return finetune.main(["--export", "hub", str(run), "--hub_name", name, *flags])


def test_it_is_uploaded_in_one_commit_for_nobody_else_to_see(make_run, hub, capsys):
    run = make_run()
    assert upload(run) == 0
    repository = hub.repositories["ana/voice"]
    assert repository.private
    assert repository.commits == 1
    folder = run / "hub"
    assert set(repository.files) == {"README.md", "model.safetensors", "config.json", "speakers.json",
                                     "samples/sample_1.wav"}  # fmt: skip
    for name, content in repository.files.items():
        assert (folder / name).read_bytes() == content
    said = capsys.readouterr()
    assert f"uploaded: {hub.url}/ana/voice (you alone see it" in said.out
    assert "non-commercial use only" in said.out
    assert TOKEN not in said.out + said.err
    assert all(TOKEN.encode() not in content for content in repository.files.values())


def test_what_was_uploaded_is_downloaded_by_name_and_is_the_same(make_run, hub, tmp_path):
    run = make_run()
    before = load_voice(run).network.state_dict()
    assert upload(run, "--hub_public") == 0
    catalog = tmp_path / "models.json"
    address = {"hub": "ana/voice", "ignore": ["samples/*"]}
    entry = {"name": "tts_models/en/ana/voice", "addresses": [address], "license": "CC BY-NC-ND 4.0"}
    catalog.write_text(json.dumps({"models": [entry]}))
    words = ["--model_name", entry["name"], "--models_file", str(catalog), "--speaker_idx", "ana"]
    assert speak.main([*words, "--text", "a bad egg", "--out_path", str(tmp_path / "out.wav")]) == 0
    folder = tmp_path / "cache" / "tts" / "tts_models--en--ana--voice"
    after = load_voice(folder).network.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_only_who_says_so_shows_it_to_everybody(make_run, hub, capsys):
    run = make_run()
    assert upload(run, "--hub_public") == 0
    assert not hub.repositories["ana/voice"].private
    said = capsys.readouterr()
    assert "(everybody sees it)" in said.out
    assert "whose base model has a restricted licence" in said.err
    assert upload(run) == 2
    assert "everybody sees this repository. Add --hub_public" in capsys.readouterr().err
    assert hub.repositories["ana/voice"].commits == 1


def test_a_repository_of_ones_own_is_not_opened_by_an_upload(make_run, hub, capsys):
    run = make_run()
    assert upload(run) == 0
    assert upload(run) == 0
    assert hub.repositories["ana/voice"].commits == 2
    assert upload(run, "--hub_public") == 2
    assert "is there already, and you alone see it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("part", "status", "message"),
    [
        ("/api/repos/create", 401, "does not know this token: log in anew with hf auth login. Nothing was uploaded."),
        ("/api/repos/create", 403, "this token may not write there"),
        ("/commit/", 403, "this token may not write there"),
        ("/upload/", 413, "the hub finds a file too large. Nothing was published by halves; "),
        ("/preupload/", 400, "BadRequestError: "),
    ],
)
def test_a_hub_that_refuses_leaves_nothing_half_published(part, status, message, make_run, hub, capsys):
    hub.refused[part] = status
    run = make_run()
    assert upload(run) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert TOKEN not in said.out + said.err
    assert all(not repository.files for repository in hub.repositories.values())
    hub.refused.clear()
    assert upload(run) == 0
    assert hub.repositories["ana/voice"].commits == 1


def test_without_a_token_nothing_is_asked_of_the_hub(make_run, hub, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    assert upload(make_run()) == 2
    assert "no token of the hub is here. Log in with hf auth login, or set HF_TOKEN" in capsys.readouterr().err
    assert hub.asked == []


def test_a_missing_package_is_named(make_run, monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert upload(make_run()) == 2
    assert "pip install 'finetune-tts[hub]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["hub", "ana/voice"], "which repository? Name it with --hub_name USER/NAME"),
        (["hub", "run", "--hub_name", "voice"], "--hub_name voice: not of the form USER/NAME"),
        (["hub", "run", "--hub_name", "../x/y"], "not of the form USER/NAME"),
        (["hub", "run", "--hub_name", "ana/vo ice"], "not of the form USER/NAME"),
        (["hub", "run", "--hub_name", "ana/voice.git"], "not of the form USER/NAME"),
        (["onnx", "run", "--hub_name", "ana/voice"], "it belongs to --export hub"),
        (["card", "run", "--hub_public"], "it belongs to --export hub"),
        (["hub", "run", "--hub_name", "ana/voice", "--precision", "int8"], "--export hub writes fp32 or fp16"),
    ],
)
def test_names_are_checked_before_anything_is_loaded(flags, message, capsys):
    assert finetune.main(["--export", *flags]) == 2
    assert message in capsys.readouterr().err
