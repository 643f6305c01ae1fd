"""What every architecture of the registry has to do: the same questions to each, asked at the command line.

A new one gets these tests with its line in the registry, and a config of a very small network in
``tests/families/tiny/<name>.json``.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.config.making import save_config
from finetune_tts.families.building import build_model
from finetune_tts.families.checks import check_config
from finetune_tts.families.loading import any_config_from_dict, load_any_config
from finetune_tts.families.reading import locate, tokenizer_of
from finetune_tts.families.registry import ENTRIES, FINE_TUNE, family_of, names
from finetune_tts.runs.history import read_history
from finetune_tts.synthesis.loading import load_voice
from finetune_tts.synthesis.vocoder import load_vocoder

TINY = Path(__file__).parents[1] / "families" / "tiny"
#: These have channels that a config cannot lower.
LARGE = ("melgan", "fullband_melgan", "univnet")
SPEECH, VOCODERS = names(vocoders=False), names(vocoders=True)

pytestmark = pytest.mark.usefixtures("small_widths")
each_speech = pytest.mark.parametrize("name", SPEECH)
each_vocoder = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LARGE)) for name in VOCODERS]
)
each = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LARGE)) for name in ENTRIES]
)


def tiny_config(name: str, **fields: Any) -> Any:
    values = json.loads((TINY / f"{name}.json").read_text(encoding="utf-8"))
    config = any_config_from_dict({**values, **fields}, quiet=True)
    locate(config, TINY / name)  # files that belong to its weights
    return config


def told(name: str) -> list[Any]:
    """Flags of a run for a model that has to be told the language of its recordings."""
    if name in SPEECH and tokenizer_of(tiny_config(name)).languages:
        return ["--coqpit.datasets.0.language", "en"]
    return []


def told_to_speak(name: str, recordings: Path) -> list[Any]:
    """Flags of ``tts`` for such a model, and for one that listens to a recording."""
    like = ["--speaker_wav", recordings / "wavs" / "clip0.wav"] if family_of(name).implementation.listening else []
    return [*(["--language_idx", "en"] if told(name) else []), *like]


def write_release(folder: Path, config: Any, speakers: int = 0) -> Path:
    """A release without what only training needs."""
    folder.mkdir()
    for file in (TINY / config.model).glob("*"):
        shutil.copy(file, folder)
    torch.manual_seed(1)
    symbols = len(tokenizer_of(config).vocabulary) if config.model in SPEECH else 0
    network = build_model(config, symbols, speakers, for_training=False)
    torch.save({"model": network.state_dict(), "step": 7}, folder / "model_file.pth")
    save_config(config, folder / "config.json")
    return folder


@pytest.fixture
def make_release(tmp_path):
    return lambda name: write_release(tmp_path / "release", tiny_config(name))


def weights(folder: Path, step: int) -> dict[str, torch.Tensor]:
    return read_checkpoint(folder / f"checkpoint_{step}.pth").model


def test_every_architecture_has_a_config_of_a_very_small_network():
    assert {path.stem for path in TINY.glob("*.json")} == ENTRIES.keys()


@pytest.mark.parametrize("name", ENTRIES)
def test_its_config_has_help_for_every_field_makes_sense_and_comes_back(name, tmp_path):
    config = tiny_config(name, a_field_of_tomorrow=[1, 2])
    family = family_of(name)
    assert type(config) is family.config_class
    assert family.name == name == config.model
    assert all(field.metadata.get("help") for field in config.__dataclass_fields__.values())
    assert check_config(config) == []
    assert check_config(family.config_class()) == []
    save_config(config, tmp_path / "config.json")
    assert load_any_config(tmp_path / "config.json", quiet=True).to_dict() == config.to_dict()


@each
def test_it_is_fine_tuned_stopped_and_resumed_to_the_last_bit(name, make_release, recordings, tune):
    assert ENTRIES[name].support == FINE_TUNE
    start = [
        "--restore_path",
        make_release(name),
        "--dataset_path",
        recordings,
        *told(name),
        # Some families choose it by the memory that is free.
        "--coqpit.batch_size",
        4,
        "--no_report",
        "--no_check",
    ]
    straight = tune(*start, "--output_path", "straight", "--max_steps", 3)
    assert straight.status == 0, straight.err
    stopped = tune(*start, "--output_path", "stopped", "--max_steps", 2)
    again = tune("--continue_path", stopped.run_folder, "--max_steps", 3, "--no_report", "--no_check")
    assert again.run_folder == stopped.run_folder
    expected = weights(straight.run_folder, 3)
    found = weights(again.run_folder, 3)
    assert found.keys() == expected.keys()
    for tensor_name, tensor in expected.items():
        assert torch.equal(found[tensor_name], tensor), tensor_name
    # The run folder alone is enough to read its config and to see what was restored.
    assert load_any_config(again.run_folder / "config.json", quiet=True).model == name
    assert (again.run_folder / "restore_report.json").exists()


@pytest.mark.parametrize(
    ("name", "workers"),
    [
        ("tacotron2", 0),
        ("hifigan", 1),
        *(pytest.param(name, 1, marks=pytest.mark.slow) for name in ("tacotron2", "vits", "fast_pitch", "xtts")),
    ],
)
def test_features_in_shards_give_the_same_weights_to_the_last_bit(name, workers, make_release, recordings, tune):
    start = ["--restore_path", make_release(name), "--dataset_path", recordings, *told(name)]
    start += ["--coqpit.batch_size", 4, "--coqpit.num_loader_workers", workers, "--max_steps", 2]
    found = {}
    for shards in ("false", "true"):
        run = tune(*start, "--coqpit.feature_shards", shards, "--output_path", shards, "--no_report", "--no_check")
        found[shards] = weights(run.run_folder, 2)
        cache = Path(shards) / "feature_cache"
        assert [bool(list(cache.rglob(kind))) for kind in ("*.npy", "*.shard")] == [shards == "false", shards == "true"]
    assert found["true"].keys() == found["false"].keys()
    for tensor_name, tensor in found["false"].items():
        assert torch.equal(found["true"][tensor_name], tensor), tensor_name


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name not in ("glow_tts", "fast_pitch")))
     for name in SPEECH if family_of(name).adapters is not None],
)  # fmt: skip
def test_its_adapters_are_small_resume_to_the_last_bit_and_merge(name, make_release, recordings, tune, tts):
    release = make_release(name)
    with_rest = build_model(tiny_config(name), len(tokenizer_of(tiny_config(name)).vocabulary))
    state = {key: tensor + 0.05 * torch.randn_like(tensor) if tensor.is_floating_point() else tensor
             for key, tensor in with_rest.state_dict().items()}  # fmt: skip
    torch.save({"model": {key: tensor.abs() if "var" in key else tensor for key, tensor in state.items()}, "step": 7},
               release / "model_file.pth")  # fmt: skip
    start = [
        "--dataset_path", recordings, *told(name), "--coqpit.batch_size", 4, "--no_report", "--no_check",
        "--coqpit.lora_rank", 1,
    ]  # fmt: skip
    learning = ["--restore_path", release, *start, "--coqpit.lr", 0.01]
    straight = tune(*learning, "--output_path", "straight", "--max_steps", 3)
    assert straight.status == 0, straight.err
    stopped = tune(*learning, "--output_path", "stopped", "--max_steps", 2)
    again = tune("--continue_path", stopped.run_folder, "--max_steps", 3, "--no_report", "--no_check")
    expected, found = weights(straight.run_folder, 3), weights(again.run_folder, 3)
    assert found.keys() == expected.keys()
    for tensor_name, tensor in expected.items():
        assert torch.equal(found[tensor_name], tensor), tensor_name
    # Every adapter has learned, and what stays stands in the folder once.
    run = straight.run_folder
    assert [key for key in found if key.endswith(".adapter.up") and not found[key].any()] == []
    base = read_checkpoint(run / "base_model.pth").model
    plain = {key for key in found if ".adapter." not in key}
    assert not base.keys() & plain
    assert all(torch.equal(tensor, read_checkpoint(release).model[key]) for key, tensor in base.items())
    # Without adapters it is a model like any other.
    assert read_checkpoint(run / "model.pth").model.keys() == base.keys() | plain == state.keys()
    flags = ("--text", "a bad egg.", "--out_path", "egg.wav", "--seed", 3, *told_to_speak(name, recordings))
    spoken = []
    for path in (run, run / "best_model.pth"):
        assert tts("--model_path", path, *flags).status == 0
        spoken.append(Path("egg.wav").read_bytes())
    assert spoken[0] == spoken[1]
    best = read_checkpoint(run / "best_model.pth").step
    once_more = tune("--restore_path", run, *start, "--coqpit.lr", 1e-30, "--max_steps", 1, "--output_path", "more")
    before = next(entry for entry in read_history(run) if (entry.split, entry.step) == ("eval", best))
    (after,) = (entry for entry in read_history(once_more.run_folder) if entry.split == "eval")
    loss = "loss" if "loss" in before.losses else "loss_1"
    assert after.losses[loss] == pytest.approx(before.losses[loss], rel=1e-3)


@each
def test_it_is_checked_before_a_run(name, make_release, recordings, tune):
    outcome = tune(
        "--restore_path", make_release(name), "--dataset_path", recordings, *told(name), "--check_json", "check.json"
    )
    assert outcome.status == 0, outcome.out + outcome.err
    report = json.loads(Path("check.json").read_text(encoding="utf-8"))
    assert report["trial"]["measured_steps"] >= 1
    assert report["model"]["restored"] > 0


@each_speech
def test_it_speaks(name, make_release, recordings, tts):
    release, flags = make_release(name), told_to_speak(name, recordings)
    outcome = tts("--model_path", release, "--text", "a bad egg.", "--out_path", "egg.wav", *flags)
    assert outcome.status == 0, outcome.err
    assert Path("egg.wav").stat().st_size > 100  # the header has 44
    # What a player gets through a pipe: sentence by sentence at least.
    text = ("--text", "a bad egg.\n\nhad a hag.")
    for words in (("--out_path", "whole.wav"), ("--stream", "--out_path", "stream.wav")):
        assert tts("--model_path", release, *text, *words, *flags).status == 0
    assert abs(Path("whole.wav").stat().st_size - Path("stream.wav").stat().st_size) <= 2


@each_vocoder
def test_it_speaks_for_a_model(name, make_release, release, tts):
    vocoder = make_release(name) if name not in LARGE else write_release(Path("vocoder"), tiny_config(name))
    outcome = tts("--model_path", release, "--vocoder_path", vocoder, "--text", "a bad egg.", "--out_path", "egg.wav")
    assert outcome.status == 0, outcome.err
    assert Path("egg.wav").stat().st_size > 100  # the header has 44


@pytest.mark.parametrize("name", [name for name in SPEECH if family_of(name).embedding_rows.speakers])
def test_a_new_symbol_and_a_new_speaker_leave_the_old_ones_what_they_are(name, tmp_path, make_recordings, tune):
    rows = family_of(name).embedding_rows
    assert rows.symbols
    config = tiny_config(name, use_speaker_embedding=True, speakers_file="speakers.json")
    folder = write_release(tmp_path / "release", config, speakers=2)
    (folder / "speakers.json").write_text(json.dumps({"ann": 0, "ben": 1}))
    data = make_recordings(tmp_path / "data")
    lines = (data / "metadata.csv").read_text().splitlines()
    told = [line.split("|")[:2] for line in lines]
    table = [f"wavs/{clip}.wav|{text.replace('h', 'i')}|{'ann' if index % 2 else 'eve'}"
             for index, (clip, text) in enumerate(told)]  # fmt: skip
    (data / "metadata.csv").write_text("\n".join(["audio_file|text|speaker_name", *table]) + "\n")
    outcome = tune(
        "--restore_path", folder, "--dataset_path", data, "--coqpit.characters.characters", "abcdefghi",
        "--max_steps", 1, "--coqpit.lr", "1e-30", "--no_report", "--no_check",
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    run = outcome.run_folder
    speakers = json.loads((run / "speakers.json").read_text())
    assert speakers == {"ann": 0, "ben": 1, "eve": 2}
    before, after = read_checkpoint(folder).model, weights(run, 1)
    torch.testing.assert_close(after[rows.speakers][:2], before[rows.speakers], rtol=0, atol=1e-6)
    old = tokenizer_of(config).vocabulary.symbols
    new = tokenizer_of(load_any_config(run / "config.json", quiet=True)).vocabulary.symbols
    assert set(new) - set(old) == {"i"}
    for row, symbol in enumerate(old):
        torch.testing.assert_close(after[rows.symbols][new.index(symbol)], before[rows.symbols][row], rtol=0, atol=1e-6)


@each_speech
def test_what_it_cannot_do_it_refuses_in_words(name, make_release, recordings, tune, tts):
    released = make_release(name)
    able = family_of(name).implementation
    exported = tune("--export", "onnx", released)
    features = tune("--extract_features", "mels", "--restore_path", released, "--dataset_path", recordings)
    converted = tts("--model_path", released, "--reference_wav", recordings / "wavs" / "clip0.wav")
    assert exported.status == (0 if "onnx" in able.exporters else 2), exported.err
    assert features.status == (0 if able.force is not None else 2), features.err
    assert converted.status == 2  # it has one voice
    for outcome in (exported, features, converted):
        assert "Traceback" not in outcome.err


@each
def test_it_leaves_as_safetensors_and_comes_back_the_same(name, make_release, recordings, tune, tmp_path):
    released = make_release(name)
    load = load_vocoder if name in VOCODERS else load_voice
    before = load(released).network.state_dict()
    exported = tune("--export", "safetensors", released, "--data_licence", "CC0")
    assert exported.status == 0, exported.err
    folder = tmp_path / "moved"
    (released / "safetensors").rename(folder)
    shutil.rmtree(released)
    after = load(folder).network.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[key], tensor) for key, tensor in before.items())
    assert str(tmp_path) not in (folder / "config.json").read_text(encoding="utf-8")
    again = tune(
        *("--restore_path", folder / "model.safetensors", "--dataset_path", recordings, *told(name)),
        *("--max_steps", 1, "--no_report", "--no_check", "--coqpit.batch_size", 4),
    )
    assert again.status == 0, again.err


@pytest.mark.parametrize("name", ENTRIES)
def test_a_config_with_sizes_that_make_no_sense_is_refused_by_field(name, tmp_path, recordings, tune):
    folder = tmp_path / "release"
    folder.mkdir()
    save_config(tiny_config(name), folder / "config.json")
    values = json.loads((folder / "config.json").read_text())
    values["batch_size"] = 0
    (folder / "config.json").write_text(json.dumps(values))
    tune("--config_path", folder / "config.json", "--dataset_path", recordings).refused("batch_size = 0", "at least 1")
