"""What is exported to ONNX says what torch says, is understood in fewer bits, and tells what it is and whose."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from finetune_tts.cli import finetune
from finetune_tts.families.building import build_model
from finetune_tts.families.loading import any_config_from_dict
from finetune_tts.families.registry import family_of, names
from finetune_tts.hearing.speech_recognition import Recogniser
from finetune_tts.sharing.onnx import export_voice
from finetune_tts.synthesis.loading import load_voice
from finetune_tts.synthesis.vocoder import load_vocoder

TINY = Path(__file__).parents[1] / "families" / "tiny"
VOCODERS = [name for name in names(vocoders=True) if "onnx" in family_of(name).implementation.exporters]
#: These have channels that a config cannot lower.
LARGE = ("melgan", "fullband_melgan", "univnet")

pytestmark = pytest.mark.skipif(importlib.util.find_spec("onnxruntime") is None, reason="onnxruntime is not there")


def opened(path):
    import onnxruntime

    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def about(path):
    return dict(opened(path).get_modelmeta().custom_metadata_map)


def write_vocoder(folder, name):
    folder.mkdir()
    config = any_config_from_dict(json.loads((TINY / f"{name}.json").read_text()), quiet=True)
    torch.manual_seed(1)
    network = build_model(config, for_training=False)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    torch.save({"model": network.state_dict()}, folder / "model_file.pth")
    (folder / "config.json").write_text(json.dumps(config.to_dict()))
    return folder


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LARGE)) for name in VOCODERS])
def test_a_vocoder_generates_what_it_generates_in_torch(name, tmp_path):
    folder = write_vocoder(tmp_path / "run", name)
    assert finetune.main(["--export", "onnx", str(folder)]) == 0
    vocoder, session, told = load_vocoder(folder), opened(folder / "model.onnx"), about(folder / "model.onnx")
    frames = 31
    given = [torch.randn(1, vocoder.config.audio.num_mels, frames)]
    for entry in session.get_inputs()[1:]:
        a_frame, more = json.loads(told["noise_length"])
        given.append(torch.randn(1, entry.shape[1], frames * a_frame + more))
    (made,) = session.run(None, {e.name: t.numpy() for e, t in zip(session.get_inputs(), given, strict=True)})
    expected = vocoder.network.inference(*given)
    assert made.shape == tuple(expected.shape)
    assert np.abs(made - expected.numpy()).max() < 1e-4
    assert (told["output"], told["sample_rate"]) == ("waveform", str(vocoder.sample_rate))


def test_a_glow_tts_draws_what_it_draws_in_torch_for_each_speaker_and_speed(make_run, tmp_path):
    voice = load_voice(make_run())
    exported = export_voice(voice, tmp_path / "voice.onnx")
    ids, lengths = torch.randint(0, 8, (1, 29)), torch.tensor([29])
    session = opened(exported.path)
    for speaker, factor in ((0, 1.0), (1, 2.5)):
        feed = {"input": ids, "input_lengths": lengths, "scales": torch.tensor([0.0, factor]),
                "sid": torch.tensor([speaker])}  # fmt: skip
        (drawn,) = session.run(None, {name: tensor.numpy() for name, tensor in feed.items()})
        expected = voice.network.inference(ids, lengths, speaker_ids=feed["sid"], length_scale=factor).mel
        assert drawn.shape == tuple(expected.shape)
        assert np.abs(drawn - expected.numpy()).max() < 1e-4


def test_noise_of_the_file_is_drawn_anew_each_time(make_run, tmp_path):
    exported = export_voice(load_voice(make_run()), tmp_path / "voice.onnx")
    feed = {"input": np.ones((1, 9), np.int64), "input_lengths": np.array([9]), "sid": np.array([0]),
            "scales": np.array([0.7, 1.0], np.float32)}  # fmt: skip
    session = opened(exported.path)
    assert not np.array_equal(session.run(None, feed)[0], session.run(None, feed)[0])


def test_the_file_tells_what_it_is_how_it_reads_and_on_which_terms_it_is_had(make_run, capsys):
    run = make_run("CPML", inference_noise_scale=0.25)
    assert finetune.main(["--export", "onnx", str(run), "--data_licence", "CC0"]) == 0
    assert "scales: noise 0.25, durations 1" in capsys.readouterr().out
    told = about(run / "model.onnx")
    assert json.loads(told["scales"]) == {"noise": 0.25, "durations": 1.0}
    assert told["base_model_restriction"] == "non-commercial use only, terms to be accepted"
    assert (told["data_licence"], told["output"], told["opset"]) == ("CC0", "mel spectrogram", "17")
    voice = load_voice(run)
    assert json.loads(told["reading"])["symbols"] == list(voice.tokenizer.vocabulary.symbols)


@pytest.mark.parametrize(("precision", "share"), [("fp16", 0.6), ("int8", 0.45)])
def test_fewer_bits_make_a_smaller_file_that_still_draws(precision, share, make_run, capsys, monkeypatch):
    monkeypatch.setattr("finetune_tts.sharing.word_errors.find_recogniser", lambda name, language: None)
    run = make_run(hidden_channels_enc=128, hidden_channels_dec=64)
    for flags in ([], ["--precision", precision]):
        assert finetune.main(["--export", "onnx", str(run), *flags]) == 0
    assert "word errors: not measured" in capsys.readouterr().out
    full, lesser = run / "model.onnx", run / f"model_{precision}.onnx"
    assert lesser.stat().st_size < share * full.stat().st_size
    feed = {"input": np.arange(9)[None] % 5, "input_lengths": np.array([9]), "sid": np.array([0]),
            "scales": np.array([0.0, 4.0], np.float32)}  # fmt: skip
    frames = [opened(path).run(None, feed)[0].shape[1] for path in (full, lesser)]
    assert abs(frames[0] - frames[1]) <= 2


@pytest.mark.parametrize(("precision", "tolerance"), [("fp16", 0.01), ("int8", 0.1)])
def test_a_vocoder_in_fewer_bits_generates_nearly_the_same(precision, tolerance, tmp_path):
    folder = write_vocoder(tmp_path / "run", "hifigan")
    for flags in ([], ["--precision", precision]):
        assert finetune.main(["--export", "onnx", str(folder), *flags]) == 0
    mel = np.random.default_rng(2).standard_normal((1, 20, 40)).astype(np.float32)
    paths = (folder / "model.onnx", folder / f"model_{precision}.onnx")
    full, lesser = (opened(path).run(None, {"mel": mel})[0] for path in paths)
    assert 0 < np.abs(full - lesser).max() < tolerance * np.abs(full).max()


def heard_as(answers, monkeypatch):
    """Let a speech recogniser that answers in this order be the one that is found."""
    remaining = iter(answers)
    listener = Recogniser("somebody", lambda wav: next(remaining))
    monkeypatch.setattr("finetune_tts.sharing.word_errors.find_recogniser", lambda name, language: listener)


def test_a_file_that_is_understood_worse_is_not_kept(make_run, monkeypatch, capsys):
    run = make_run(test_sentences=["aba aba"])
    heard_as(["a secret sentence", "aba aba", "a secret", "aba"], monkeypatch)
    assert finetune.main(["--export", "onnx", str(run), "--precision", "int8"]) == 2
    assert "--precision int8: not written, as the voice would be understood worse: " in capsys.readouterr().err
    assert list(run.glob("*.onnx")) == []


def test_what_was_heard_is_said(make_run, monkeypatch, capsys):
    run = make_run(test_sentences=["aba aba"])
    heard_as(["a secret sentence", "aba"] * 2, monkeypatch)
    assert finetune.main(["--export", "onnx", str(run), "--precision", "fp16"]) == 0
    assert "word errors: 0.200 → 0.200 (2 sentences, heard by somebody)" in capsys.readouterr().out


def test_a_model_that_cannot_be_exported_names_those_that_can(tmp_path, capsys):
    folder = write_vocoder(tmp_path / "run", "wavegrad")
    assert finetune.main(["--export", "onnx", str(folder)]) == 2
    assert "a model of wavegrad cannot be exported yet; glow_tts, " in capsys.readouterr().err
