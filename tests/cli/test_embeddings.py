"""``tts-finetune --compute_embeddings`` and the classic script: from flags to a file of d-vectors."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from finetune_tts.cli import embeddings
from finetune_tts.data.d_vectors import DVectors

ROOT = Path(__file__).parents[2]


@pytest.fixture
def encoder(make_encoder, tmp_path):
    return make_encoder(tmp_path / "encoder")


@pytest.fixture
def compute(tune, encoder, recordings):
    """The command with an encoder and recordings."""

    def run(out, *words):
        return tune("--compute_embeddings", out, "--encoder_path", encoder[0], "--dataset_path", recordings, *words)

    return run


@pytest.fixture
def classic(capsys):
    def run(*words):
        status = embeddings.main([str(word) for word in words])
        return status, *capsys.readouterr()

    return run


def other_data_set(folder):
    """Nine recordings with the names of the others, in which something else is heard."""
    (folder / "wavs").mkdir(parents=True)
    for number in range(9):
        noise = 0.1 * np.random.default_rng(number).standard_normal(8000)
        soundfile.write(folder / "wavs" / f"clip{number}.wav", noise, 8000)
    lines = [f"clip{number}|a bad egg|a bad egg\n" for number in range(9)]
    (folder / "metadata.csv").write_text("".join(lines), encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["vectors.json", "vectors.pth"])
def test_a_file_of_vectors_in_the_form_of_coqui(compute, name, recordings):
    outcome = compute(name)
    assert outcome.status == 0, outcome.err
    assert outcome.line("wrote: ") == f"{name} (9 d-vectors of 6 numbers, 1 speakers)"
    assert outcome.line("use them: ").endswith(f"--coqpit.d_vector_file {name} --coqpit.d_vector_dim 6")
    plain = json.loads(Path(name).read_text()) if name.endswith("json") else torch.load(name, weights_only=True)
    entry = plain["#wavs/clip0"]
    assert entry["name"] == recordings.name
    assert len(entry["embedding"]) == 6
    assert all(isinstance(number, float) for number in entry["embedding"])
    assert DVectors.read(name).size == 6


def test_the_second_time_is_free_and_gives_the_same_file(compute, encoder):
    assert compute("vectors.json").status == 0
    before = Path("vectors.json").read_bytes()
    for cached in Path("output/feature_cache/d_vectors").iterdir():
        assert len(cached.read_text().split()) == 18  # nine lines of a key and a vector
    assert compute("vectors.json").status == 0
    assert Path("vectors.json").read_bytes() == before


def test_data_sets_of_a_config_with_their_names(tune, encoder, config_file):
    path = config_file()
    values = json.loads(path.read_text())
    values["datasets"][0]["dataset_name"] = "mine"
    path.write_text(json.dumps(values))
    outcome = tune("--compute_embeddings", "out.json", "--encoder_path", encoder[0], "--config_path", path)
    assert outcome.status == 0, outcome.err
    assert "mine#wavs/clip0" in DVectors.read("out.json").vectors


def test_the_encoder_that_a_model_brings(tune, make_encoder, make_release, recordings, tmp_path):
    folder = make_release(tmp_path / "model")
    words = ("--compute_embeddings", "out.json", "--dataset_path", recordings, "--restore_path")
    tune(*words, folder).refused("brings no speaker encoder", "--encoder_path")
    make_encoder(folder)
    assert tune(*words, folder).status == 0
    assert tune(*words, folder / "model_file.pth").status == 0


def test_the_catalog_model_has_no_encoder(tune, catalog, recordings):
    words = ("--models_file", catalog, "--model_name", "tts_models/xx/test/glow-tts")
    outcome = tune("--compute_embeddings", "out.json", "--dataset_path", recordings, *words)
    outcome.refused("--model_name tts_models/xx/test/glow-tts brings no speaker encoder")


def test_a_file_of_other_recordings_is_not_overwritten(compute, tmp_path):
    DVectors({"other": np.ones(6, dtype=np.float32)}, {"other": "x"}).write("vectors.json")
    compute("vectors.json").refused("vectors.json", "1 d-vectors that would be lost", "Choose another name")
    assert list(DVectors.read("vectors.json").vectors) == ["other"]


def test_a_file_of_other_recordings_with_the_same_names_is_not_overwritten(compute, classic, encoder, tune, tmp_path):
    assert compute("vectors.json").status == 0
    before = Path("vectors.json").read_bytes()
    second = other_data_set(tmp_path / "second")
    words = ("--encoder_path", encoder[0], "--dataset_path", second)
    tune("--compute_embeddings", "vectors.json", *words).refused("9 d-vectors that would be lost")
    script = ("--model_path", encoder[0], "--dataset_path", second, "--output_path", "vectors.json")
    status, _, err = classic(*script)
    assert (status, "9 d-vectors that would be lost" in err) == (2, True)
    assert Path("vectors.json").read_bytes() == before
    assert tune("--compute_embeddings", "second.json", *words).status == 0


def test_two_data_sets_with_the_same_file_names_have_a_vector_for_each_recording(
    tune, encoder, recordings, config_file, tmp_path
):
    second = other_data_set(tmp_path / "second")
    alone = {}
    for folder in (recordings, second):
        words = ("--encoder_path", encoder[0], "--dataset_path", folder)
        assert tune("--compute_embeddings", f"{folder.name}.json", *words).status == 0
        alone[folder.name] = DVectors.read(f"{folder.name}.json")
    datasets = [{"formatter": "auto", "path": str(folder)} for folder in (recordings, second)]
    config = config_file(datasets=datasets, use_d_vector_file=True, d_vector_dim=6)
    words = ("--encoder_path", encoder[0], "--config_path", config)
    outcome = tune("--compute_embeddings", "both.json", *words)
    assert outcome.line("wrote: ").startswith("both.json (18 d-vectors")
    assert "another data set has recordings of the same names" in outcome.err
    both = DVectors.read("both.json")
    for name, own in alone.items():
        for number in range(9):
            key = f"{name}#wavs/clip{number}"
            assert np.array_equal(both.vectors[key], own.vectors[f"#wavs/clip{number}"])
    # A run finds them again; files of the two alone are told to be ambiguous.
    run = ("--config_path", config, "--max_steps", 1)
    assert tune(*run, "--coqpit.d_vector_file", "both.json").status == 0
    files = [f"{folder.name}.json" for folder in (recordings, second)]
    tune(*run, "--coqpit.d_vector_file", json.dumps(files)).refused("two recordings have that name", "dataset_name")
    tune(*run, "--coqpit.d_vector_file", files[0]).refused("18 of 18 recordings have no d-vector")


def test_a_pipe_in_the_place_of_the_file_is_refused(compute, tmp_path):
    os.mkfifo("pipe.json")
    compute("pipe.json").refused("pipe.json", "a device or a pipe")


def test_what_cannot_be_is_said_before_anything_is_read(compute, tune, encoder, recordings, tmp_path):
    compute("vectors.txt").refused("vectors.txt", ".json or .pth")
    compute("nowhere/vectors.json").refused("nowhere", "does not exist")
    Path("folder").mkdir()
    compute("folder").refused("is a folder")
    tune("--compute_embeddings", "a.json", "--dataset_path", recordings).refused("Name one with --encoder_path")
    tune("--compute_embeddings", "a.json", "--encoder_path", encoder[0]).refused("No data set is given")
    tune("--encoder_config_path", "x.json", "--restore_path", "y").refused("without --encoder_path")
    compute("a.json", "--continue_path", "x").refused("--continue_path", "do not go together")
    compute("a.json", "--encoder_config_path", "none.json").refused("none.json: no such file")


def test_bad_recordings_and_encoders_are_named(compute, make_recordings, make_encoder, tune, tmp_path):
    own = make_recordings(tmp_path / "own")
    (own / "wavs" / "clip3.wav").write_bytes(b"RIFF")
    compute("a.json", "--coqpit.datasets.0.path", own).refused("differ")
    model, config = make_encoder(tmp_path / "other")
    words = ("--compute_embeddings", "a.json", "--dataset_path", own, "--encoder_path", model)
    tune(*words).refused("clip3.wav")
    config.write_text(json.dumps({"model": "glow_tts"}))
    tune(*words).refused("not the config of a speaker encoder")
    assert not Path("a.json").exists()


def test_the_classic_script(classic, encoder, recordings):
    data = ("--formatter_name", "ljspeech", "--dataset_name", "lj", "--dataset_path", recordings,
            "--meta_file_train", "metadata.csv")  # fmt: skip
    status, out, err = classic("--model_path", encoder[0], "--config_path", encoder[1], *data)
    assert status == 0, err
    assert out.startswith("wrote: speakers.pth (9 d-vectors")
    computed = DVectors.read("speakers.pth")
    assert "lj#wavs/clip0" in computed.vectors

    old = DVectors({"lj#wavs/clip0": np.ones(6), "old": np.zeros(6)}, {"lj#wavs/clip0": "ljspeech", "old": "y"})
    old.write("old.json")
    words = ("--model_path", encoder[0], *data, "--old_file", "old.json", "--disable_cuda", "--no_eval")
    assert classic(*words, "--output_path", "new.json")[0] == 0
    new = DVectors.read("new.json")
    assert new.vectors["lj#wavs/clip0"].tolist() == [1] * 6
    assert np.array_equal(new.vectors["lj#wavs/clip1"], computed.vectors["lj#wavs/clip1"])
    assert "old" not in new.vectors
    assert classic(*words, "--output_path", "all.json", "--old_append")[0] == 0
    assert len(DVectors.read("all.json").vectors) == 10


def test_the_classic_script_with_a_config_of_data_sets(classic, encoder, config_file):
    Path("out").mkdir()
    words = ("--model_path", encoder[0], "--config_dataset_path", config_file(), "--output_path", "out")
    status, out, err = classic(*words)
    assert status == 0, err
    assert len(DVectors.read("out/speakers.pth").vectors) == 9


def test_the_classic_script_says_what_is_missing(classic):
    status, _, err = classic()
    assert (status, "--model_path is missing" in err) == (2, True)
    status, _, err = classic("--mdoel_path", "x")
    assert (status, "Did you mean --model_path" in err) == (2, True)


def test_the_classic_script_is_a_file_to_run(tmp_path):
    script = ROOT / "finetune_tts" / "bin" / "compute_embeddings.py"
    run = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 0
    assert "--old_append" in run.stdout
