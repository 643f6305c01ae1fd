"""The recipes that make the demo's base model and its recordings."""

import json
import math
import runpy
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from finetune_tts.families.loading import load_config
from finetune_tts.synthesis.loading import load_voice

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "recipes" / "demo"
BASE = ROOT / "finetune_tts" / "assets" / "demo" / "base"


@pytest.mark.slow
def test_a_base_is_trained_exported_in_half_precision_and_speaks(train, run_program, ljspeech, tmp_path):
    # The corpus is two data sets; here the second one has the same recordings under other names.
    other = tmp_path / "verses"
    (other / "wavs").mkdir(parents=True)
    for path in (ljspeech / "wavs").iterdir():
        (other / "wavs" / f"verse_{path.name}").write_bytes(path.read_bytes())
    rows = (ljspeech / "metadata.csv").read_text(encoding="utf-8").splitlines()
    (other / "metadata.csv").write_text("".join(f"verse_{row}\n" for row in rows), encoding="utf-8")
    paths = ["--coqpit.datasets.0.path", ljspeech, "--coqpit.datasets.1.path", other]
    run = train("recipes/demo/train_base.py", *paths, "--coqpit.eval_split_size", "0.2")
    out = tmp_path / "base"
    assert run_program("recipes/demo/export_base.py", run, "--out", out) == 0
    content = torch.load(out / "model_file.pth", weights_only=True)
    assert content.keys() == {"model", "step", "config"}
    assert content["step"] == 2
    assert {tensor.dtype for tensor in content["model"].values() if tensor.is_floating_point()} == {torch.float16}
    config = load_config(out / "config.json")
    assert (config.datasets, config.lr_scheduler, config.output_path) == ([], None, "output")
    speech = load_voice(out, device=torch.device("cpu")).speak("one two")
    assert speech.sample_rate == 16000
    assert np.isfinite(speech.waveform).all()


def test_a_recipe_that_tunes_a_model_of_the_catalog_keeps_its_own_settings(run_program, ljspeech, tmp_path):
    words = ["--model_name", "tts_models/en/demo/glow-tts", "--coqpit.datasets", json.dumps([{"path": str(ljspeech)}])]
    words += ["--max_steps", "1", "--device", "cpu", "--coqpit.output_path", tmp_path, "--coqpit.run_eval", "false"]
    assert run_program("recipes/demo/train_base.py", *words, "--coqpit.test_sentences", "[]") == 0
    (run,) = tmp_path.glob("demo-base-*")
    config = load_config(run / "config.json")
    assert (config.batch_size, config.epochs, config.lr) == (16, 40, 1e-3)


def test_the_schedule_of_the_base_fits_its_corpus():
    config = runpy.run_path(str(DEMO / "train_base.py"))["make_config"]()
    lines = [
        len((DEMO / name).read_text(encoding="utf-8").splitlines())
        for name in ("base_sentences.txt", "base_verses.txt")
    ]
    held_out = round(config.eval_split_size * sum(lines))
    batches = math.ceil((sum(lines) - held_out) / config.batch_size)
    assert config.lr_scheduler_params["total_steps"] == batches * config.epochs
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=config.lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, **config.lr_scheduler_params)
    rates = []
    for _ in range(batches * config.epochs):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    assert max(rates) == pytest.approx(config.lr)
    assert rates.index(max(rates)) == pytest.approx(400, abs=1)
    assert rates[-1] == pytest.approx(0.02 * config.lr)


def test_the_recipe_describes_the_bundled_base():
    bundled = load_config(BASE / "config.json").to_dict()
    recipe = runpy.run_path(str(DEMO / "train_base.py"))["make_config"]().to_dict()
    of_the_run = {
        "datasets",
        "epochs",
        "eval_split_size",
        "lr_scheduler",
        "lr_scheduler_params",
        "scheduler_after_epoch",
    }
    assert {name for name in bundled if bundled[name] != recipe.get(name)} <= of_the_run


def test_the_bundled_recordings_keep_every_sample_of_the_corpus(run_program, ljspeech, tmp_path):
    out = tmp_path / "recordings"
    assert run_program("recipes/demo/make_recordings.py", ljspeech, "--out", out) == 0
    assert (out / "metadata.csv").read_bytes() == (ljspeech / "metadata.csv").read_bytes()
    for path in (ljspeech / "wavs").iterdir():
        copy = out / "wavs" / f"{path.stem}.flac"
        assert soundfile.info(copy).format == "FLAC"
        before, after = (soundfile.read(file, dtype="int16")[0] for file in (path, copy))
        assert np.array_equal(before, after)


def test_a_corpus_that_is_not_whole_is_refused(run_program, ljspeech, tmp_path, capfd):
    (ljspeech / "wavs" / "clip3.wav").write_bytes(b"")
    assert run_program("recipes/demo/make_recordings.py", ljspeech, "--out", tmp_path / "recordings") == 1
    assert not (tmp_path / "recordings" / "metadata.csv").exists()
    assert run_program("recipes/demo/export_base.py", tmp_path / "recordings", "--out", tmp_path / "base") == 1
