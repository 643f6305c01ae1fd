"""The Glow-TTS recipes, each run for two steps on tiny data."""

import runpy
from pathlib import Path

import pytest
import torch

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.families.loading import load_config

ROOT = Path(__file__).parents[2]
LJSPEECH = "recipes/ljspeech/glow_tts/train_glowtts.py"
VCTK = "recipes/vctk/glow_tts/train_glowtts.py"
CUSTOM = "recipes/custom/glow_tts/train_glowtts.py"


def test_the_ljspeech_recipe_trains_from_nothing_and_on_from_a_checkpoint(train, ljspeech, capfd):
    first = train(LJSPEECH, "--coqpit.datasets.0.path", ljspeech)
    checkpoint = read_checkpoint(first / "best_model.pth")
    assert checkpoint.step == 2
    assert first.name.startswith("glow_tts_ljspeech-")
    words = ["--restore_path", first / "best_model.pth", "--coqpit.run_name", "x", "--coqpit.lr", "0.00001"]
    second = train(LJSPEECH, "--coqpit.datasets.0.path", ljspeech, *words)
    assert second.name.startswith("x-")
    assert "Learning rate of step 1: 1e-05" in capfd.readouterr().err
    # Two steps at such a rate leave the restored weights where they were.
    name = "encoder.emb.weight"
    tuned = read_checkpoint(second / "best_model.pth").model[name]
    assert torch.allclose(tuned, checkpoint.model[name], atol=1e-3)
    assert not torch.equal(tuned, checkpoint.model[name])


def test_the_vctk_recipe_learns_a_vector_for_each_speaker(train, vctk):
    run = train(VCTK, "--coqpit.datasets.0.path", vctk)
    config = load_config(run / "config.json")
    assert config.use_speaker_embedding
    assert (run / "speakers.json").is_file()
    assert read_checkpoint(run / "best_model.pth").model["emb_g.weight"].shape[0] == 2


def test_the_custom_recipe_reads_its_own_layout(train, my_recordings):
    run = train(CUSTOM, "--coqpit.datasets.0.path", my_recordings)
    assert read_checkpoint(run / "best_model.pth").step == 2


def test_the_custom_recipe_names_the_line_that_it_cannot_read(run_program, my_recordings, capfd):
    (my_recordings / "transcripts.txt").write_text("clip0.wav;one\nclip1.wav two\n", encoding="utf-8")
    assert run_program(CUSTOM, "--coqpit.datasets.0.path", my_recordings) == 2
    assert "transcripts.txt, line 2: 'clip1.wav two' has no ';'" in capfd.readouterr().err


@pytest.mark.parametrize("recipe", [LJSPEECH, VCTK, CUSTOM])
def test_data_are_looked_for_beside_the_recipe(recipe):
    config = runpy.run_path(str(ROOT / recipe))["make_config"]()
    (dataset,) = config.datasets
    assert Path(dataset.path).parent == (ROOT / recipe).parents[1]


@pytest.mark.parametrize(
    ("recipe", "config"), [(LJSPEECH, "glow_tts_ljspeech.json"), (VCTK, "glow_tts_vctk.json")], ids=["ljspeech", "vctk"]
)
def test_recipe_and_config_file_of_a_data_set_say_the_same(recipe, config):
    from_recipe = runpy.run_path(str(ROOT / recipe))["make_config"]()
    from_file = load_config(ROOT / "configs" / config)
    from_recipe.datasets[0].path = Path(from_recipe.datasets[0].path).name
    assert from_recipe.to_dict() == from_file.to_dict()
