"""XTTS at the command line: fine-tuned whole and by adapters, spoken with, and what its run folder holds."""

import json
import shutil
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest
import torch

from finetune_tts.audio.reading import write_waveform
from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.config.making import save_config
from finetune_tts.families.building import build_model
from finetune_tts.families.loading import load_config
from finetune_tts.families.reading import locate, tokenizer_of
from finetune_tts.families.xtts.voices import read_voices

TINY = Path(__file__).parents[1] / "families" / "tiny"
RATE = 22050
TEXTS = ("abba had", "a bad egg", "dad fed a cab", "head bed", "deaf aged", "cage faced", "beef", "faded", "a hag")

pytestmark = pytest.mark.usefixtures("small_widths")


@pytest.fixture
def released(tmp_path):
    """A release of a tiny XTTS with random weights."""
    folder = tmp_path / "release"
    shutil.copytree(TINY / "xtts", folder)
    config = load_config(TINY / "xtts.json", quiet=True)
    locate(config, folder)
    torch.manual_seed(1)
    network = build_model(config, len(tokenizer_of(config).vocabulary))
    network.mel_stats.copy_(torch.load(folder / "mel_stats.pth"))
    with torch.no_grad():  # it does not come to its end at once
        network.gpt.mel_head.bias[network.gpt.stop_audio] = -1.0
    torch.save({"model": network.state_dict(), "step": 7}, folder / "model.pth")
    save_config(load_config(TINY / "xtts.json", quiet=True), folder / "config.json")
    return folder


@pytest.fixture
def clips(tmp_path):
    """Nine clips of 0.8 to 1.6 s, and who speaks them."""
    folder = tmp_path / "mine"
    (folder / "wavs").mkdir(parents=True)
    random = np.random.default_rng(5)
    lines = []
    for number, text in enumerate(TEXTS):
        samples = int((0.8 + 0.1 * number) * RATE)
        tone = 0.3 * np.sin(2 * np.pi * (150 + 20 * number) * np.arange(samples) / RATE)
        wav = (tone + 0.02 * random.standard_normal(samples)).astype(np.float32)
        write_waveform(folder / "wavs" / f"clip{number}.wav", wav, RATE)
        lines.append(f"clip{number}|{text}|{text}")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def start(released, clips):
    """What begins a run."""
    data = ["--dataset_path", clips, "--coqpit.datasets.0.language", "en", "--coqpit.datasets.0.dataset_name", "ann"]
    return ["--restore_path", released, *data, "--no_report", "--no_check"]


ADAPTERS = ("--coqpit.lora_rank", 4)


def weights(run, step):
    return read_checkpoint(run / f"checkpoint_{step}.pth").model


def test_the_folder_of_a_run_has_all_that_speaking_needs(start, released, tune, tts):
    outcome = tune(*start, "--max_steps", 2)
    assert outcome.status == 0, outcome.err
    run = outcome.run_folder
    values = json.loads((run / "config.json").read_text())
    assert values["model_args"]["tokenizer_file"] == "vocab.json"
    assert values["model_args"]["mel_norm_file"] == "mel_stats.pth"
    model = torch.load(run / "model.pth", weights_only=True)
    assert "optimizer" not in model
    best = read_checkpoint(run / "best_model.pth").model
    assert model["model"].keys() == best.keys() == torch.load(released / "model.pth")["model"].keys()
    assert list(read_voices(run / "speakers_xtts.pth")) == ["ann"]
    # It can be moved, and the release and the recordings be gone.
    moved = run.rename(run.parent / "moved")
    shutil.rmtree(released)
    spoken = tts("--model_path", moved, "--text", "a bad egg.", "--language_idx", "en", "--out_path", "egg.wav")
    assert spoken.status == 0, spoken.err
    with wave.open("egg.wav") as sound:
        assert sound.getframerate() == 24000
    assert tts("--model_path", moved, "--list_speaker_idxs").out == "ann\n"


def test_only_the_language_model_learns_and_norms_do_not_decay(start, released, tune):
    run = tune(*start, "--max_steps", 2, "--coqpit.lr", 0.01).run_folder
    before, after = torch.load(released / "model.pth")["model"], weights(run, 2)
    changed = {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}
    assert {name.split(".")[0] for name in changed} == {"gpt"}
    assert {"gpt.gpt.h.0.attn.c_attn.weight", "gpt.text_head.bias", "gpt.conditioning_encoder.init.weight"} <= changed
    (optimizer,) = read_checkpoint(run / "checkpoint_2.pth").optimizer
    groups = optimizer["param_groups"]
    assert [group["weight_decay"] for group in groups] == [0.01, 0.0]


def test_adapters_are_small_resume_to_the_last_bit_and_speak_when_merged(start, released, tune, tts):
    straight = tune(*start, *ADAPTERS, "--coqpit.lr", 0.01, "--output_path", "straight", "--max_steps", 4)
    assert straight.status == 0, straight.err
    stopped = tune(*start, *ADAPTERS, "--coqpit.lr", 0.01, "--output_path", "stopped", "--max_steps", 2)
    again = tune("--continue_path", stopped.run_folder, "--max_steps", 4, "--no_report", "--no_check")
    assert again.status == 0, again.err
    run = again.run_folder
    found, expected = weights(run, 4), weights(straight.run_folder, 4)
    assert found.keys() == expected.keys()
    assert all(".adapter." in name for name in found)
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name
    # The release's tensors, with what was learned added to four matrices.
    base, merged = torch.load(released / "model.pth")["model"], read_checkpoint(run / "model.pth").model
    assert merged.keys() == base.keys()
    changed = {name for name, tensor in base.items() if not torch.equal(tensor, merged[name])}
    assert changed == {
        f"gpt.gpt.h.0.{part}.weight" for part in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
    }
    shutil.rmtree(released)
    for path in (run, run / "best_model.pth"):
        outcome = tts("--model_path", path, "--text", "a bad egg.", "--language_idx", "en", "--out_path", "egg.wav")
        assert outcome.status == 0, outcome.err


def test_adapters_stand_where_patterns_of_a_shell_want_them(start, tune):
    run = tune(*start, *ADAPTERS, "--coqpit.lora_targets", "gpt.gpt.h.*.mlp,gpt.gpt.h.0.attn.c_proj", "--max_steps", 1)
    found = {name.partition(".adapter.")[0].rpartition(".h.0.")[2] for name in weights(run.run_folder, 1)}
    assert found == {"mlp.c_fc", "mlp.c_proj", "attn.c_proj"}


def test_a_run_of_adapters_whose_base_is_gone_says_so(start, tune, tts):
    run = tune(*start, *ADAPTERS, "--max_steps", 1).run_folder
    (run / "base_model.pth").unlink()
    words = ("--text", "a bad egg.", "--language_idx", "en")
    tts("--model_path", run / "best_model.pth", *words).refused("base_model.pth is missing", "model.pth")
    assert tts("--model_path", run, *words).status == 0
    tune("--continue_path", run, "--max_steps", 2).refused("base_model.pth is missing")


@pytest.mark.parametrize(("pattern", "said"), [("(", "no regular expression"), ("nothing", "names no layer")])
def test_a_pattern_that_names_no_layer_is_refused(start, tune, pattern, said):
    tune(*start, *ADAPTERS, "--coqpit.lora_pattern", pattern).refused("lora_pattern", said)


def test_recordings_that_do_not_say_their_language_are_refused(released, clips, tune):
    tune("--restore_path", released, "--dataset_path", clips).refused(
        "language", "--coqpit.datasets.0.language", "en, de"
    )


@pytest.mark.parametrize("name", ["dvae.pth", "mel_stats.pth", "vocab.json"])
def test_a_missing_file_of_the_release_is_named(start, released, tune, name):
    (released / name).unlink()
    tune(*start).refused(name)


def test_clips_that_do_not_fit_are_named_and_counted(start, clips, tune):
    write_waveform(clips / "wavs" / "clip0.wav", np.zeros(60000, np.float32), RATE)
    write_waveform(clips / "wavs" / "clip1.wav", np.zeros(1500, np.float32), RATE)
    outcome = tune(*start, "--max_steps", 1)
    assert outcome.status == 0, outcome.err
    assert "recording longer than 2.3 s" in outcome.err
    assert "recording shorter than 0.091 s" in outcome.err
    assert "6 clips to train on, 1 held out" in outcome.err


def test_codes_are_computed_once_and_without_the_autoencoder_after_that(start, tune):
    first = tune(*start, "--max_steps", 1)
    assert "Computing the codes of 9 recordings" in first.err
    second = tune(*start, "--max_steps", 1)
    assert "Computing the codes" not in second.err


@pytest.mark.parametrize("flag", ["--speaker_wav", "--speaker_idx"])
def test_it_speaks_like_a_recording_or_by_a_name(start, clips, tune, tts, flag):
    run = tune(*start, "--max_steps", 1).run_folder
    who = [clips / "wavs" / "clip3.wav", clips / "wavs" / "clip4.wav"] if flag == "--speaker_wav" else ["ann"]
    outcome = tts("--model_path", run, "--text", "a bad egg.", "--language_idx", "en", flag, *who)
    assert outcome.status == 0, outcome.err


def test_a_seed_decides_what_is_drawn(released, clips, tts):
    def spoken(*flags):
        like = ("--language_idx", "en", "--speaker_wav", clips / "wavs" / "clip8.wav", "--temperature", 2, "--top_k", 0)
        outcome = tts("--model_path", released, "--text", "a bad egg.", *like, "--out_path", "egg.wav", *flags)
        assert outcome.status == 0, outcome.err
        return Path("egg.wav").read_bytes()

    assert spoken("--seed", 3) == spoken("--seed", 3)
    assert spoken("--seed", 3) != spoken("--seed", 4)


def test_a_stream_is_a_whole_file_in_the_end(released, clips, tts):
    like = ("--language_idx", "en", "--speaker_wav", clips / "wavs" / "clip8.wav", "--temperature", 0)
    words = ("--model_path", released, "--text", "a bad egg. dad fed a cab.", *like)
    assert tts(*words, "--out_path", "whole.wav").status == 0
    outcome = tts(*words, "--stream", "--out_path", "stream.wav")
    assert outcome.status == 0, outcome.err
    assert "first sound after" in outcome.out
    with wave.open("whole.wav") as whole, wave.open("stream.wav") as stream:
        assert stream.getnframes() == whole.getnframes()
        assert stream.getframerate() == 24000


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--temperature", "hot"), "--temperature hot"),
        (("--top_p", 2), "--top_p 2"),
        (("--candidates", 0), "--candidates 0"),
        (("--speed", 0), "--speed 0"),
        (("--speed", 2, "--length_scale", 1), "--speed and --length_scale"),
        (("--seed", -1), "--seed -1"),
        (("--stream", "--save_spectrogram"), "--stream and --save_spectrogram"),
        (("--language_idx", "xx"), "en, de"),
        (("--speaker_idx", "eve"), "eve"),
    ],
)
def test_what_cannot_be_is_refused(start, released, clips, tts, flags, said):
    words = ["--model_path", released, "--text", "a bad egg.", *flags]
    if "--language_idx" not in flags:
        words += ["--language_idx", "en"]
    if "--speaker_idx" not in flags:
        words += ["--speaker_wav", clips / "wavs" / "clip8.wav"]
    tts(*words).refused(said)


def test_a_recording_that_is_too_short_to_listen_to_is_refused(released, clips, tts):
    write_waveform(clips / "short.wav", np.zeros(2000, np.float32), RATE)
    words = ("--model_path", released, "--text", "a bad egg.", "--language_idx", "en")
    tts(*words, "--speaker_wav", clips / "short.wav").refused("too short", "0.33 s")
    tts(*words).refused("--speaker_wav")


def test_the_report_compares_with_zero_shot_from_the_same_recordings(start, tune):
    outcome = tune(*start[:-2], "--max_steps", 2)
    assert outcome.status == 0, outcome.err
    page = (outcome.run_folder / "report.html").read_text(encoding="utf-8")
    assert "Base, zero-shot" in page
    assert "is not heard" not in page


def retold(clips, change):
    """Change the texts of recordings."""
    lines = (clips / "metadata.csv").read_text().splitlines()
    told = [(line.split("|")[0], change(line.split("|")[1])) for line in lines]
    (clips / "metadata.csv").write_text("\n".join(f"{clip}|{text}|{text}" for clip, text in told) + "\n")


@pytest.mark.parametrize("adapters", [(), ADAPTERS])
def test_a_new_language_needs_no_code(start, released, clips, tune, tts, adapters):
    retold(clips, lambda text: text.replace("a", "å"))
    words = [word if word != "en" else "sv" for word in start]
    outcome = tune(*words, *adapters, "--max_steps", 2, "--coqpit.lr", 1e-30)
    assert outcome.status == 0, outcome.err
    assert "does not know the language 'sv'" in outcome.err
    run = outcome.run_folder
    old = json.loads((released / "vocab.json").read_text())["model"]["vocab"]
    new = json.loads((run / "vocab.json").read_text())["model"]["vocab"]
    assert old.items() <= new.items()
    assert {"[sv]", "å"} <= new.keys()
    before, after = torch.load(released / "model.pth")["model"], read_checkpoint(run / "model.pth").model
    for name in ("gpt.text_embedding.weight", "gpt.text_head.weight", "gpt.text_head.bias"):
        rows = len(before[name])
        torch.testing.assert_close(after[name][:rows], before[name], rtol=0, atol=1e-6)
        fresh = after[name][rows:]
        # New rows are like the old ones, not as large as random ones.
        assert fresh.abs().max() <= before[name].abs().max() * 1.5
        assert len(fresh) >= 2
    for language in ("sv", "en"):
        spoken = tts("--model_path", run, "--text", "å båd egg.", "--language_idx", language, "--out_path", "egg.wav")
        assert spoken.status == 0, spoken.err
    again = tune("--continue_path", run, "--max_steps", 3, "--no_report", "--no_check")
    assert again.status == 0, again.err


def test_a_name_that_is_no_code_of_a_language_is_refused(start, tune):
    words = [word if word != "en" else "Swedish" for word in start]
    tune(*words).refused("Swedish", "no code of a language")


DECODER = ("--coqpit.train_decoder", "true", "--coqpit.decoder_segment_frames", 16, "--discriminator_warm_up", 1)


def test_the_decoder_learns_alone_and_the_model_speaks_without_its_judge(start, released, clips, tune, tts):
    outcome = tune(*start, *DECODER, "--max_steps", 3)
    assert outcome.status == 0, outcome.err
    run = outcome.run_folder
    before, after = torch.load(released / "model.pth")["model"], weights(run, 3)
    assert before.keys() <= after.keys()
    assert {name.split(".")[0] for name in after.keys() - before.keys()} == {"disc"}
    changed = {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}
    assert changed
    assert all(name.startswith("hifigan_decoder.waveform_decoder.") for name in changed)
    model = torch.load(run / "model.pth", weights_only=True)["model"]
    assert model.keys() == before.keys()
    shutil.rmtree(released)
    for path in (run, run / "best_model.pth"):
        spoken = tts("--model_path", path, "--text", "a bad egg.", "--language_idx", "en", "--out_path", "egg.wav")
        assert spoken.status == 0, spoken.err
    # What was trained of it can be trained on, the language model too.
    again = tune("--restore_path", run, *start[2:], "--coqpit.train_decoder", "false", "--max_steps", 1)
    assert again.status == 0, again.err


@pytest.mark.slow
def test_a_run_of_the_decoder_is_resumed_to_the_last_bit(start, tune):
    straight = tune(*start, *DECODER, "--output_path", "straight", "--max_steps", 4)
    assert straight.status == 0, straight.err
    stopped = tune(*start, *DECODER, "--output_path", "stopped", "--max_steps", 2)
    again = tune("--continue_path", stopped.run_folder, "--max_steps", 4, "--no_report", "--no_check")
    assert again.status == 0, again.err
    found, expected = weights(again.run_folder, 4), weights(straight.run_folder, 4)
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name


def test_the_decoder_follows_a_run_of_adapters(start, tune):
    first = tune(*start, *ADAPTERS, "--coqpit.lr", 0.01, "--max_steps", 1).run_folder
    outcome = tune("--restore_path", first, *start[2:], *DECODER, "--max_steps", 2)
    assert outcome.status == 0, outcome.err
    learned, after = read_checkpoint(first / "model.pth").model, weights(outcome.run_folder, 2)
    for name, tensor in learned.items():
        if name.startswith("gpt."):
            assert torch.equal(after[name], tensor), name
    assert json.loads((outcome.run_folder / "config.json").read_text())["lora_rank"] == 0
    assert not (outcome.run_folder / "base_model.pth").exists()


def test_what_the_decoder_cannot_be_trained_with_is_refused(start, clips, tune):
    tune(*start, *DECODER, *ADAPTERS).refused("lora_rank 4", "train_decoder true")
    tune(*start, *DECODER[:2], "--coqpit.decoder_segment_frames", 2).refused("decoder_segment_frames = 2")
    tune(*start, *DECODER, "--coqpit.model_args.min_wav_length", 500).refused("min_wav_length = 500")
    tune(*start, *DECODER, "--coqpit.lr", "[1e-4, 1e-4, 1e-4]").refused("--coqpit.lr", "two")
    words = [word if word != "en" else "sv" for word in start]
    tune(*words, *DECODER).refused("'sv'", "train_decoder", "fine-tune it on these recordings first")


@pytest.mark.slow
@pytest.mark.parametrize("adapters", [(), ADAPTERS])
def test_a_run_that_is_killed_is_resumed_to_the_last_bit(start, tune, tmp_path, adapters, monkeypatch):
    # Another process knows nothing of small widths: both have networks of the released decoder's size.
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    release = start[1]
    config = load_config(release / "config.json", quiet=True)
    locate(config, release)
    torch.manual_seed(1)
    torch.save({"model": build_model(config, len(tokenizer_of(config).vocabulary)).state_dict()}, release / "model.pth")
    # The size of batches goes by the memory that is free.
    words = [
        *start,
        *adapters,
        "--coqpit.batch_size",
        2,
        "--coqpit.lr",
        0.01,
        "--coqpit.save_step",
        1,
        "--coqpit.save_n_checkpoints",
        10,
    ]
    straight = tune(*words, "--output_path", "straight", "--max_steps", 5)
    assert straight.status == 0, straight.err
    command = [sys.executable, "-m", "finetune_tts", *map(str, words), "--output_path", "killed", "--max_steps", "5"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    end = time.monotonic() + 240
    while not (found := list(tmp_path.glob("killed/*/checkpoint_2.pth"))) and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.02)
    process.kill()
    process.communicate()
    again = tune("--continue_path", found[0].parent, "--max_steps", 5, "--no_report", "--no_check")
    assert again.status == 0, again.err
    resumed, expected = weights(found[0].parent, 5), weights(straight.run_folder, 5)
    assert resumed.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(resumed[name], tensor), name


@pytest.fixture
def check(start, tune, tmp_path):
    """Checks a run; gives the outcome, and what it wrote, its findings by id."""

    def run(*flags, language="en"):
        words = [language if word == "en" else word for word in start[: start.index("--no_report")]]
        outcome = tune(*words, "--check", "--check_json", tmp_path / "check.json", *flags)
        told = json.loads((tmp_path / "check.json").read_text())
        return outcome, {**told, "findings": {finding["id"]: finding for finding in told["findings"]}}

    return run


def test_a_check_tells_what_each_way_to_train_takes_of_memory(check):
    outcome, told = check("--coqpit.mixed_precision", "false")
    assert outcome.status == 0, outcome.err
    plans = told["trial"]["plans"]
    titles = [plan["title"] for plan in plans]
    assert {"all weights, float32", "adapters of rank 16, float32"} <= set(titles)
    assert [plan["title"] for plan in plans if plan["used"]] == ["all weights, float32"]
    whole, adapters = (plans[titles.index(f"{what}, float32")] for what in ("all weights", "adapters of rank 16"))
    for plan in (whole, adapters):
        assert plan["weights"] + plan["gradients"] + plan["states"] + plan["activations"] == plan["together"]
    # AdamW keeps two numbers, and a count, of each of the numbers that learn.
    assert 2 * whole["gradients"] < whole["states"] < 2.01 * whole["gradients"]
    assert adapters["gradients"] < whole["gradients"] / 10
    assert adapters["together"] < whole["together"] / 1.5
    assert "adapters of rank 16, float32" in outcome.out
    assert "--coqpit.lora_rank 16" in outcome.out


def test_what_the_check_says_of_this_run_counts_its_own_rank(check):
    outcome, told = check(*ADAPTERS, "--coqpit.mixed_precision", "false")
    assert outcome.status == 0, outcome.err
    (used,) = [plan for plan in told["trial"]["plans"] if plan["used"]]
    assert used["title"] == "adapters of rank 4, float32"
    # Two thin matrices beside each of four, of a network of one layer.
    width, rank = 32, 4
    assert used["gradients"] == 4 * rank * ((1 + 3) + (1 + 1) + (1 + 4) + (4 + 1)) * width


def test_the_check_of_a_known_language_has_nothing_against_it(check):
    assert check()[1]["findings"]["languages"]["severity"] == "fine"


def test_the_check_says_that_a_language_is_new(check, clips):
    retold(clips, lambda text: text.replace("a", "å"))
    outcome, told = check(language="sv")
    assert outcome.status == 0, outcome.err
    finding = told["findings"]["languages"]
    assert finding["severity"] == "advises"
    assert "'sv' of the recordings: a mark and 5 pieces" in finding["title"]
    assert "en, de" in finding["advice"]


@pytest.mark.parametrize(
    ("code", "said"), [("", ("No language", "en, de", "--coqpit.datasets.0.language")), ("Swedish", ("Swedish", "sv"))]
)
def test_the_check_goes_on_without_a_language_that_it_can_use(check, code, said):
    outcome, told = check(language=code)
    assert outcome.status == 2
    assert all(words in told["findings"]["run"]["title"] for words in said)
    assert told["findings"]["noisy"]["severity"] == "fine"  # the recordings are looked at all the same


@pytest.mark.parametrize("name", ["dvae.pth", "mel_stats.pth", "vocab.json"])
def test_the_check_names_a_missing_file_of_the_release(check, released, name):
    (released / name).unlink()
    outcome, told = check()
    assert outcome.status == 2
    assert name in told["findings"]["run"]["title"]


def test_the_check_names_a_missing_package(check, clips, monkeypatch):
    retold(clips, lambda text: f"{text} 7919")  # which no other test has had read
    monkeypatch.setitem(sys.modules, "num2words", None)
    outcome, told = check()
    assert outcome.status == 2
    assert "num2words" in told["findings"]["run"]["title"]
    assert "pip install" in told["findings"]["run"]["title"]


def test_the_check_names_and_counts_clips_that_do_not_fit(check, clips):
    write_waveform(clips / "wavs" / "clip0.wav", np.zeros(60000, np.float32), RATE)
    retold(clips, lambda text: text * 8 if text == "dad fed a cab" else text)
    outcome, told = check()
    assert outcome.status == 0, outcome.err
    assert "1 clip left out: recording longer than 2.3 s" in outcome.out
    assert "#wavs/clip0: 2.7 s, 8 characters" in outcome.out
    assert "1 clip left out: text of more than 50 tokens" in outcome.out
    assert "cut long ones at pauses" in told["findings"]["left_out"]["advice"]


def test_the_check_counts_characters_that_nothing_stands_for(check, clips):
    retold(clips, lambda text: text.replace("hag", "ж"))
    outcome, told = check()
    finding = told["findings"]["unknown_symbols"]
    assert (outcome.status, finding["count"]) == (2, 1)
    assert "'ж' 1×" in finding["title"]


def test_the_check_finds_texts_longer_than_a_breath(check, clips):
    retold(clips, lambda text: " ".join(["a bad egg"] * 26) if text == "beef" else text)
    finding = check("--coqpit.model_args.max_text_length", 60)[1]["findings"]["long_text"]
    assert finding["count"] == 1
    assert finding["clips"][0]["note"] == "259 characters, and 250 are spoken at once"


def test_the_check_finds_that_most_clips_end_in_silence(check, clips):
    assert "usual_silence" not in check()[1]["findings"]
    random = np.random.default_rng(1)
    for file in (clips / "wavs").iterdir():
        with wave.open(str(file)) as sound:
            samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16) / 32768
        quiet = 1e-4 * random.standard_normal(int(0.6 * RATE))
        write_waveform(file, np.concatenate([samples, quiet]).astype(np.float32), RATE)
    finding = check()[1]["findings"]["usual_silence"]
    assert "end with 0.6 s" in finding["title"]
    assert "--coqpit.audio.do_trim_silence true" in finding["advice"]
    assert "usual_silence" not in check("--coqpit.audio.do_trim_silence", "true")[1]["findings"]


def test_the_check_says_that_there_is_little_to_learn_from(check):
    assert "0.2 min" in check()[1]["findings"]["amount"]["title"]
