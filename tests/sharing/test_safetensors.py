"""A model that leaves as a folder with safetensors is whole, and tells nothing of the machine that it comes from."""

import json

import pytest
import torch

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.checkpoints.safetensors import read_safetensors
from finetune_tts.cli import finetune
from finetune_tts.synthesis.loading import load_voice


def exported(run, *flags):
    assert finetune.main(["--export", "safetensors", str(run), *flags]) == 0
    return run / "safetensors"


def test_the_folder_holds_what_the_model_needs_and_no_more(make_run):
    folder = exported(make_run())
    names = {path.name for path in folder.iterdir()}
    assert names == {"model.safetensors", "config.json", "speakers.json", ".finetune-tts.json"}
    assert load_voice(folder).speaker_names == ("ana", "rui")
    text = (folder / "config.json").read_text()
    for private in ("/home/someone", "recordings", "secret", str(folder.parent)):
        assert private not in text
    assert json.loads(text)["speakers_file"] == "speakers.json"


def test_two_files_of_one_name_get_two(make_run, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "speakers.json").write_text('{"a": 1}')
    folder = exported(make_run(d_vector_file=[str(tmp_path / "other" / "speakers.json")]))
    values = json.loads((folder / "config.json").read_text())
    assert values["speakers_file"] == "speakers.json"
    assert values["d_vector_file"] == ["speakers_2.json"]
    assert json.loads((folder / "speakers_2.json").read_text()) == {"a": 1}


def test_the_file_tells_the_licence_and_the_step(make_run):
    _, metadata = read_safetensors(exported(make_run("CPML"), "--data_licence", "CC0") / "model.safetensors")
    assert metadata == {
        "format": "pt",
        "architecture": "glow_tts",
        "step": "70",
        "base_model": "tts_models/en/x/glow-tts",
        "base_model_licence": "CPML",
        "base_model_restriction": "non-commercial use only, terms to be accepted",
        "data_licence": "CC0",
    }


def test_half_precision_is_half_the_size_and_still_speaks(make_run):
    run = make_run()
    whole = (exported(run) / "model.safetensors").stat().st_size
    folder = exported(run, "--precision", "fp16")
    assert (folder / "model.safetensors").stat().st_size < 0.65 * whole
    half = read_checkpoint(folder).model["encoder.emb.weight"]
    assert half.dtype == torch.float16
    load_voice(folder)


def test_weights_that_are_no_numbers_do_not_leave(make_run, capsys):
    run = make_run()
    content = torch.load(run / "best_model.pth", weights_only=True)
    content["model"]["encoder.emb.weight"][0, 0] = float("nan")
    torch.save(content, run / "best_model.pth")
    assert finetune.main(["--export", "safetensors", str(run)]) == 2
    assert "encoder.emb.weight holds NaN or infinity" in capsys.readouterr().err
    assert not (run / "safetensors").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--export", "safetensors", "run", "--precision", "int8"], "--export safetensors writes fp32 or fp16"),
        (["--export", "onnx", "run", "--precision", "fp8"], "--precision fp8: unknown; there is fp32, fp16, int8"),
        (["--precision", "fp16", "--demo"], "--precision is given without --export"),
        (["--report", "run", "--data_licence", "MIT"], "--data_licence is given without --export"),
        (["--export", "safetensors", "nowhere"], "nowhere: does not exist"),
    ],
)
def test_flags_that_make_no_sense_are_refused(flags, message, capsys):
    assert finetune.main(flags) == 2
    assert message in capsys.readouterr().err
