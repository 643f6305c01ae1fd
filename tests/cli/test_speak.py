"""``tts`` from its flags to a wav file."""

import io
import json
import shutil
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from finetune_tts.cli import speak

NAME = "tts_models/xx/test/glow-tts"


def read(path):
    with wave.open(str(path)) as file:
        assert file.getparams()[:3] == (1, 2, 8000)
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")


def test_a_run_speaks_from_wherever_its_folder_stands(tts, tuned, tmp_path):
    first = tts("--model_path", tuned, "--text", "a bad egg", "--out_path", "here.wav")
    assert first.status == 0, first.err
    moved = shutil.copytree(tuned, tmp_path / "given" / "away")
    for number, model in enumerate([moved, moved / "best_model.pth", moved / "checkpoint_3.pth"]):
        outcome = tts("--model_path", model, "--text", "a bad egg", "--out_path", f"{number}.wav")
        assert outcome.status == 0, outcome.err
        assert np.array_equal(read(f"{number}.wav"), read("here.wav"))
    assert len(read("here.wav")) > 2000


def test_what_was_made_is_told(tts, release):
    outcome = tts("--model_path", release, "--text", "a bad egg", "--out_path", "egg.wav")
    seconds = len(read("egg.wav")) / 8000
    assert outcome.line("wrote: ") == f"egg.wav ({seconds:.2f} s)"
    assert float(outcome.line("real-time factor: ").split()[0]) > 0
    assert [line.split(":")[0] for line in outcome.out.splitlines()] == ["wrote", "real-time factor"]


def test_the_default_file(tts, release):
    assert tts("--model_path", release, "--text", "egg").status == 0
    assert Path("tts_output.wav").is_file()


def test_a_config_from_elsewhere(tts, release, tmp_path):
    model = shutil.copy(release / "model_file.pth", tmp_path)
    assert tts("--model_path", model, "--text", "egg").status == 0  # by the config inside the checkpoint
    contents = torch.load(model, weights_only=False)
    torch.save({"model": contents["model"]}, model)
    tts("--model_path", model, "--text", "egg").refused("config.json", "--config_path")
    outcome = tts("--model_path", model, "--config_path", release / "config.json", "--text", "egg")
    assert outcome.status == 0


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"hidden_channels_dec": -1}, "hidden_channels_dec = -1: must be at least 1"),
        ({"num_flow_blocks_dec": 10**9}, "num_flow_blocks_dec = 1000000000: must be"),
        ({"audio": {"fft_size": 2**30}}, "audio.fft_size = 1073741824: must be"),
        ({"audio": {"hop_length": 0}}, "audio.hop_length = 0: must be at least 1"),
        ({"audio": {"stats_path": "a\0b"}}, "a?b: the statistics cannot be read"),
    ],
)
def test_a_config_that_no_network_can_have_is_refused_before_it_is_built(tts, release, tmp_path, fields, told):
    values = json.loads((release / "config.json").read_text())
    values["audio"] |= fields.pop("audio", {})
    (tmp_path / "odd.json").write_text(json.dumps(values | fields))
    tts("--model_path", release, "--config_path", "odd.json", "--text", "egg").refused(told)


def test_what_only_a_run_cares_about_does_not_keep_a_model_from_speaking(tts, release, tmp_path):
    values = json.loads((release / "config.json").read_text())
    odd = {"batch_size": 0, "optimizer": "Sgdd", "dashboard_logger": "mine", "eval_split_size": 0, "lr": -1}
    (tmp_path / "odd.json").write_text(json.dumps(values | odd))
    assert tts("--model_path", release, "--config_path", "odd.json", "--text", "egg").status == 0


def test_a_pipe_gets_the_wav_and_nothing_else(release, capsysbinary):
    status = speak.main(["--model_path", str(release), "--text", "a bad egg", "--pipe_out"])
    out, err = capsysbinary.readouterr()
    assert status == 0
    Path("piped.wav").write_bytes(out)
    assert len(read("piped.wav")) > 2000
    assert b"real-time factor: " in err
    assert not Path("tts_output.wav").exists()


def test_standard_output_by_its_name_is_a_pipe_too(release, capfdbinary):
    status = speak.main(["--model_path", str(release), "--text", "a bad egg", "--out_path", "/dev/stdout"])
    out, err = capfdbinary.readouterr()
    assert status == 0
    Path("piped.wav").write_bytes(out)
    assert len(read("piped.wav")) > 2000
    assert b"real-time factor: " in err


def test_a_device_and_the_target_of_a_link_are_written_to(tts, release, tmp_path):
    device, link = tmp_path / "device.wav", tmp_path / "link.wav"
    device.symlink_to("/dev/null")
    link.symlink_to(tmp_path / "target.wav")
    for path in (device, link):
        outcome = tts("--model_path", release, "--text", "egg", "--out_path", path)
        assert outcome.line("wrote: ").startswith(str(path))
        assert path.is_symlink()
    assert Path("/dev/null").is_char_device()
    assert len(read(tmp_path / "target.wav")) > 0
    flags = ("--model_path", release, "--text", "egg", "--save_spectrogram", "--out_path", device)
    tts(*flags).refused("--save_spectrogram", "no file")


def test_a_long_text_is_spoken_sentence_by_sentence(tts, release):
    for name, text in {"one": "a bad egg.", "two": "had a hag.", "both": "a bad egg.\n\nhad a hag."}.items():
        assert tts("--model_path", release, "--text", text, "--out_path", f"{name}.wav").status == 0
    lengths = {name: len(read(f"{name}.wav")) for name in ("one", "two", "both")}
    assert lengths["both"] == lengths["one"] + lengths["two"] + 8000 // 4


def test_a_text_of_standard_input(tts, release, monkeypatch):
    def given(content):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        return tts("--model_path", release, "--text_file", "-", "--out_path", "egg.wav")

    assert given("a bad egg.\r\n".encode("utf-8-sig")).status == 0
    assert Path("egg.wav").exists()
    given(b"caf\xe9").refused("standard input", "line 1")
    given(b"").refused("--text_file - is empty")


@pytest.mark.parametrize(("name", "kind"), [("egg.mp3", "MP3"), ("egg.FLAC", "FLAC"), ("egg.opus", "OGG")])
def test_the_name_of_the_file_says_what_is_written(tts, release, name, kind):
    assert tts("--model_path", release, "--text", "a bad egg", "--out_path", name).status == 0
    assert soundfile.info(name).format == kind


def test_a_stream_is_written_as_its_name_says_too(tts, release):
    words = ("--model_path", release, "--text", "a bad egg", "--stream", "--out_path")
    assert tts(*words, "egg.flac").status == 0
    assert tts(*words, "egg.wav").status == 0
    np.testing.assert_allclose(soundfile.read("egg.flac", dtype="int16")[0], read("egg.wav"), atol=1)


@pytest.mark.parametrize("name", ["egg.m4a", "egg.AIFF"])
def test_a_name_that_promises_what_cannot_be_written_is_refused(tts, release, name):
    outcome = tts("--model_path", release, "--text", "a bad egg", "--out_path", name)
    outcome.refused(f"--out_path {name}", "ffmpeg -i egg.wav")
    assert not Path(name).exists()


def test_a_text_file(tts, release):
    Path("story.txt").write_text("a bad egg.\r\n\r\nhad a hag.\r\n", encoding="utf-8-sig")
    outcome = tts("--model_path", release, "--text_file", "story.txt")
    assert outcome.status == 0
    assert "left out" not in outcome.err
    Path("story.txt").write_text("\n")
    tts("--model_path", release, "--text_file", "story.txt").refused("--text_file story.txt is empty")


def test_slower_and_livelier(tts, release):
    words = ("--model_path", release, "--text", "a bad egg")
    tts(*words, "--out_path", "plain.wav")
    tts(*words, "--out_path", "slow.wav", "--length_scale", 2)
    tts(*words, "--out_path", "lively.wav", "--noise_scale", 0.7)
    plain, slow, lively = (read(f"{name}.wav") for name in ("plain", "slow", "lively"))
    assert len(slow) > 1.7 * len(plain)
    assert not np.array_equal(lively, plain)


def test_characters_that_the_model_lacks_are_named(tts, release):
    outcome = tts("--model_path", release, "--text", "a xaxy egg. Ω")
    assert outcome.status == 0
    assert "not in the model's vocabulary, left out: x y" in outcome.err
    tts("--model_path", release, "--text", "Ωxyz").refused("Ωxyz", "nothing in it")


def test_speakers_are_listed_and_chosen_by_name(tts, choir):
    assert tts("--model_path", choir, "--list_speaker_idxs").out == "ann\nbob\n"
    words = ("--model_path", choir, "--text", "a bad egg")
    for name in ("ann", "bob"):
        assert tts(*words, "--speaker_idx", name, "--out_path", f"{name}.wav").status == 0
    ann, bob = read("ann.wav"), read("bob.wav")
    assert len(ann) != len(bob) or not np.array_equal(ann, bob)
    tts(*words).refused("2 speakers", "--speaker_idx", "ann, bob")
    tts(*words, "--speaker_idx", "anne").refused("'anne'", "Did you mean ann?")


def test_a_model_of_one_voice_and_one_language(tts, release):
    outcome = tts("--model_path", release, "--list_speaker_idxs")
    assert (outcome.status, outcome.out) == (0, "")
    words = ("--model_path", release, "--text", "egg")
    tts(*words, "--speaker_idx", "ann").refused("--speaker_idx ann", "one voice")
    tts(*words, "--language_idx", "en").refused("--language_idx en", "one language")


def test_a_speakers_file_that_is_gone(tts, make_release):
    folder = make_release(Path("lost"), speakers=("ann", "bob"))
    (folder / "speaker_ids.json").unlink()
    tts("--model_path", folder, "--text", "egg").refused("speaker_ids.json")


def test_a_speakers_file_of_another_model(tts, make_release):
    folder = make_release(Path("other"), speakers=("ann", "bob"))
    (folder / "speaker_ids.json").write_text('{"ann": 0, "bob": 1, "cleo": 2}')
    words = ("--model_path", folder, "--text", "egg", "--speaker_idx", "cleo")
    tts(*words).refused("speaker_ids.json names 3 speakers", "has 2")


def test_a_model_that_has_diverged(tts, make_release):
    folder = make_release(Path("diverged"))
    path = folder / "model_file.pth"
    payload = torch.load(path, weights_only=False)
    payload["model"]["encoder.duration_predictor.proj.bias"].fill_(30.0)
    torch.save(payload, path)
    outcome = tts("--model_path", folder, "--text", "a bad egg.")
    assert outcome.status == 0, outcome.err
    assert "it is cut after 8.0 s" in outcome.err
    payload["model"]["encoder.duration_predictor.proj.bias"].fill_(float("nan"))
    torch.save(payload, path)
    tts("--model_path", folder, "--text", "egg").refused("duration_predictor.proj.bias holds NaN or infinity")


def test_a_catalog_model_is_brought_and_speaks(tts, catalog, tmp_path):
    words = ("--models_file", catalog, "--model_name", NAME)
    outcome = tts(*words)
    assert outcome.status == 0, outcome.err
    assert outcome.out == f"model: {tmp_path / 'home' / 'tts' / 'tts_models--xx--test--glow-tts'}\n"
    outcome = tts(*words, "--text", "a bad egg")
    assert outcome.status == 0, outcome.err
    assert len(read("tts_output.wav")) > 2000
    assert [line.split(":")[0] for line in outcome.out.splitlines()] == ["model", "wrote", "real-time factor"]


def test_a_model_that_cannot_be_spoken_with_is_not_downloaded(tts):
    outcome = tts("--model_name", "tts_models/multilingual/multi-dataset/bark", "--text", "egg")
    outcome.refused("bark")
    assert "Getting" not in outcome.err


@pytest.mark.parametrize("words", [["--list_models"], ["--list_models", "demo"]])
def test_the_catalog_is_listed(tts, words):
    assert "tts_models/en/demo/glow-tts\t" in tts(*words).out


def test_one_model_is_shown(tts, catalog):
    outcome = tts("--models_file", catalog, "--model_info", NAME)
    assert outcome.line("architecture:") == "glow_tts"


def test_help(tts):
    outcome = tts("-h")
    assert outcome.status == 0
    assert "--list_speaker_idxs" in outcome.out
    titles = ["what to do:", "model:", "speaker, language and style:", "vocoder:", "output:", "more examples:"]
    assert [line for line in outcome.out.splitlines() if line in titles] == titles


def test_a_recording_to_speak_like_needs_a_model_and_a_text_and_no_other_style(tts, release):
    words = ("--model_path", release, "--text", "egg")
    tts(*words, "--capacitron_style_text", "a head").refused("give both or none")
    tts(*words, "--capacitron_style_wav", "a.wav", "--gst_style", "b.wav").refused("both say how it is to sound")
    tts(*words, "--capacitron_style_wav", "a.wav").refused("--capacitron_style_wav: this model has no Capacitron")
