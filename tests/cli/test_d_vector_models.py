"""Models that know speakers by d-vectors: fine-tuned to new speakers, spoken with like a recording."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from finetune_tts.data.d_vectors import DVectors
from finetune_tts.families.loading import load_config

OLD = {"#wavs/clip0": "ann", "other#1": "ann", "other#2": "bob"}


@pytest.fixture
def model(make_release, make_encoder, tmp_path):
    """A release that knows two speakers by vectors of the encoder that it brings.

    One of its recordings has the name that one of the user's has.
    """
    folder = make_release(
        tmp_path / "model", use_d_vector_file=True, d_vector_dim=6, d_vector_file="/home/someone/speakers.json"
    )
    make_encoder(folder)
    random = np.random.default_rng(0)
    vectors = {key: random.normal(size=6).astype(np.float32) for key in OLD}
    DVectors(vectors, OLD).write(folder / "speakers.json")
    name_vectors(folder, "speakers.json")
    return folder


def name_vectors(folder, value):
    values = json.loads((folder / "config.json").read_text())
    values["d_vector_file"] = value
    (folder / "config.json").write_text(json.dumps(values))


@pytest.fixture
def tune_it(tune, model, recordings):
    def run(*words):
        return tune("--restore_path", model, "--dataset_path", recordings, "--max_steps", 1, *words)

    return run


@pytest.fixture
def say(tts, model):
    def run(name, *words):
        outcome = tts("--model_path", model, "--text", "a bad egg", "--out_path", name, *words)
        assert outcome.status == 0, outcome.err
        return soundfile.read(name)[0]

    return run


def test_new_speakers_come_beside_those_of_the_model(tune_it, tts, model, recordings, tmp_path):
    outcome = tune_it()
    run = outcome.run_folder
    assert f"New speakers: {recordings.name}; the 2 of the model keep their vectors." in outcome.err
    assert "D-vectors of 9 recordings come from" in outcome.err
    old, vectors = DVectors.read(model / "speakers.json"), DVectors.read(run / "d_vectors.json")
    assert vectors.names().names == ("ann", "bob", recordings.name)
    assert np.array_equal(vectors.of_speaker("bob"), old.of_speaker("bob"))
    # The recording of that name is the user's, not the one of the model's makers.
    assert not np.array_equal(vectors.vectors["#wavs/clip0"], old.vectors["#wavs/clip0"])
    assert np.array_equal(vectors.vectors["#wavs/clip0 (2)"], old.vectors["#wavs/clip0"])
    assert np.allclose(vectors.of_speaker("ann"), old.of_speaker("ann"))
    assert load_config(run / "config.json").d_vector_file == "d_vectors.json"
    assert "--speaker_idx recordings" in outcome.line("synthesise with it: ")

    away = shutil.move(run, tmp_path / "away")
    shutil.rmtree(model)
    for words in (["--speaker_idx", "bob"], ["--speaker_idx", recordings.name],
                  ["--speaker_wav", recordings / "wavs" / "clip1.wav"]):  # fmt: skip
        outcome = tts("--model_path", away, "--text", "egg", *words)
        assert outcome.status == 0, outcome.err


def test_a_run_goes_on_with_the_vectors_that_it_has(tune_it, tune, model):
    run = tune_it().run_folder
    shutil.rmtree(model)
    before = (run / "d_vectors.json").read_bytes()
    outcome = tune("--continue_path", run, "--max_steps", 2)
    assert outcome.status == 0, outcome.err
    assert "Speaker encoder" not in outcome.err
    assert (run / "d_vectors.json").read_bytes() == before


def test_a_check_computes_one_vector_and_not_all(tune_it, tmp_path):
    outcome = tune_it("--check")
    assert outcome.status == 0, outcome.err
    (kept,) = tmp_path.glob("output/feature_cache/d_vectors/*.jsonl")
    assert len(kept.read_text().split()) == 2  # a key and a vector


def test_vectors_in_torch_files_stay_in_torch_files(tune_it, model):
    vectors = DVectors.read(model / "speakers.json")
    (model / "speakers.json").unlink()
    vectors.write(model / "speakers.pth")
    name_vectors(model, "speakers.pth")
    assert len(DVectors.read(tune_it().run_folder / "d_vectors.pth").vectors) == 9 + 3


def test_without_the_old_vectors_the_new_ones_suffice(tune_it, model, recordings):
    (model / "speakers.json").unlink()
    outcome = tune_it()
    assert DVectors.read(outcome.run_folder / "d_vectors.json").names().names == (recordings.name,)
    assert "speakers.json is not there: the model's own speakers are lost" in outcome.err


def test_a_named_encoder_and_a_config_of_ones_own(tune, make_encoder, config_file, model, tmp_path):
    (model / "model_se.pth").unlink()
    files = make_encoder(tmp_path / "elsewhere", seed=8)
    config = config_file(use_d_vector_file=True, d_vector_dim=6)
    words = ("--config_path", config, "--restore_path", model, "--max_steps", 1)
    tune(*words).refused("d_vector_file names no file", "--encoder_path")
    outcome = tune(*words, "--encoder_path", files[0])
    run = outcome.run_folder
    assert len(DVectors.read(run / "d_vectors.json").vectors) == 9
    assert (run / "model_se.pth").read_bytes() == files[0].read_bytes()
    assert (run / "config_se.json").read_bytes() == files[1].read_bytes()


def test_a_file_that_the_person_names_is_taken_as_it_stands(tune, tune_it, model, recordings):
    outcome = tune("--compute_embeddings", "mine.json", "--restore_path", model, "--dataset_path", recordings)
    assert outcome.status == 0, outcome.err
    outcome = tune_it("--coqpit.d_vector_file", "mine.json")
    assert "Speaker encoder" not in outcome.err
    assert (outcome.run_folder / "d_vectors.json").read_bytes() == Path("mine.json").read_bytes()

    values = json.loads(Path("mine.json").read_text())
    del values["#wavs/clip3"]
    Path("mine.json").write_text(json.dumps(values))
    outcome = tune_it("--coqpit.d_vector_file", "mine.json")
    assert "D-vectors of 1 recordings come from" in outcome.err
    assert len(DVectors.read(outcome.run_folder / "d_vectors.json").vectors) == 9
    tune_it("--coqpit.d_vector_file", "none.json").refused("none.json: cannot be read")


def test_without_an_encoder_the_way_out_is_told(tune_it, model, tmp_path):
    (model / "config_se.json").unlink()
    # The model's own recording of the same name is another one.
    tune_it().refused("9 of 9 recordings have no d-vector in", "--encoder_path", "--coqpit.d_vector_file")
    assert not list(tmp_path.glob("output/*-*-*"))


def test_an_encoder_that_is_not_the_models_is_refused(tune_it, tts, make_encoder, model, recordings, tmp_path):
    small = make_encoder(tmp_path / "small", proj_dim=5)[0]
    tune_it("--encoder_path", small).refused("vectors of 5 numbers, d_vector_dim is 6")
    words = ("--model_path", model, "--text", "egg", "--speaker_wav", recordings / "wavs" / "clip1.wav")
    tts(*words, "--encoder_path", small).refused("vectors of 5 numbers, the model takes 6")
    (model / "model_se.pth").write_bytes(b"nothing")
    tts(*words).refused("model_se.pth", "is not a PyTorch checkpoint")


def test_an_encoder_for_a_model_without_vectors_is_refused(tune, tts, make_encoder, release, recordings, tmp_path):
    encoder = make_encoder(tmp_path / "encoder")[0]
    words = ("--restore_path", release, "--dataset_path", recordings, "--encoder_path", encoder)
    tune(*words).refused("does not know its speakers by d-vectors")
    wav = recordings / "wavs" / "clip1.wav"
    tts("--model_path", release, "--text", "egg", "--speaker_wav", wav).refused("--speaker_wav", "d-vectors")


def test_speech_like_a_recording(say, recordings):
    clips = [recordings / "wavs" / f"clip{number}.wav" for number in (1, 2)]
    first, second = (say(f"{clip.stem}.wav", "--speaker_wav", clip) for clip in clips)
    both = say("both.wav", "--speaker_wav", *clips)
    again = say("again.wav", "--speaker_wav", clips[0])
    assert np.array_equal(first, again)
    assert len({wav.tobytes() for wav in (first, second, both, say("bob.wav", "--speaker_idx", "bob"))}) == 4


def test_a_model_whose_vectors_are_gone_speaks_like_a_recording(tts, say, model, recordings):
    (model / "speakers.json").unlink()
    assert len(say("out.wav", "--speaker_wav", recordings / "wavs" / "clip1.wav"))
    words = ("--model_path", model, "--text", "egg")
    tts(*words).refused("the file of them is not there", "--speaker_wav")
    assert "names no speakers" in tts("--model_path", model, "--list_speaker_idxs").err


def test_a_catalog_model_brings_its_encoder_and_its_speakers(tune, tts, make_catalog, model, recordings):
    values = json.loads((model / "config.json").read_text())
    values |= {
        "d_vector_file": ["/home/someone/speakers.json"],
        "speaker_encoder_model_path": "/home/someone/encoder/best_model.pth",
        "speaker_encoder_config_path": "/home/someone/encoder/config.json",
    }
    (model / "config.json").write_text(json.dumps(values))
    words = ("--models_file", make_catalog(model), "--model_name", "tts_models/xx/test/glow-tts")
    wav = recordings / "wavs" / "clip1.wav"
    assert tts(*words, "--text", "egg", "--speaker_wav", wav).status == 0
    assert tts(*words, "--text", "egg", "--speaker_idx", "bob").status == 0
    assert tune(*words, "--compute_embeddings", "mine.json", "--dataset_path", recordings).status == 0
    run = tune(*words, "--dataset_path", recordings, "--max_steps", 1).run_folder
    config = json.loads((run / "config.json").read_text())
    assert config["d_vector_file"] == "d_vectors.json"
    assert config["speaker_encoder_model_path"] == "model_se.pth"
    assert config["speaker_encoder_config_path"] == "config_se.json"
    assert DVectors.read(run / "d_vectors.json").names().names == ("ann", "bob", recordings.name)


def test_bad_recordings_and_flags_are_named(tts, model, recordings, make_wav, tmp_path):
    words = ("--model_path", model, "--text", "egg")
    make_wav(tmp_path / "short.wav", np.zeros(10))
    tts(*words, "--speaker_wav", "short.wav").refused("short.wav", "too short")
    tts(*words, "--speaker_wav", "none.wav").refused("none.wav", "cannot be read")
    tts(*words, "--speaker_wav", "short.wav", "--speaker_idx", "bob").refused("give one of them")
    tts(*words, "--encoder_path", "x").refused("--encoder_path is for --speaker_wav")
    tts(*words, "--speaker_wav", "short.wav", "--encoder_config_path", "x").refused("without --encoder_path")
    (model / "model_se.pth").unlink()
    wav = recordings / "wavs" / "clip1.wav"
    tts(*words, "--speaker_wav", wav).refused("brings no speaker encoder", "--encoder_path")
