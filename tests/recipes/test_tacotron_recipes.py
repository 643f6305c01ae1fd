"""The Tacotron recipes, each run for two steps on tiny data."""

import runpy
from pathlib import Path

import pytest

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.families.loading import load_config

ROOT = Path(__file__).parents[2]
DDC = "recipes/ljspeech/tacotron2-DDC/train_tacotron_ddc.py"
DCA = "recipes/ljspeech/tacotron2-DCA/train_tacotron_dca.py"


@pytest.mark.slow
def test_the_ddc_recipe_trains_from_nothing_and_on_from_a_checkpoint(train_tacotron2, ljspeech, capfd):
    first = train_tacotron2(DDC, "--coqpit.datasets.0.path", ljspeech)
    checkpoint = read_checkpoint(first / "best_model.pth")
    assert checkpoint.extra["r"] == 6
    assert "coarse_decoder.attention_rnn.weight_hh" in checkpoint.model
    words = ["--restore_path", first / "best_model.pth", "--coqpit.run_name", "x", "--coqpit.lr", "0.00001"]
    second = train_tacotron2(DDC, "--coqpit.datasets.0.path", ljspeech, *words)
    assert second.name.startswith("x-")
    assert "Learning rate of step 1: 1e-05" in capfd.readouterr().err


def test_the_dca_recipe_trains(train_tacotron2, ljspeech):
    run = train_tacotron2(DCA, "--coqpit.datasets.0.path", ljspeech)
    assert load_config(run / "config.json").attention_type == "dynamic_convolution"
    assert "decoder.attention.prior" in read_checkpoint(run / "best_model.pth").model


@pytest.mark.parametrize("recipe", [DDC, DCA])
def test_data_are_looked_for_beside_the_recipe(recipe):
    (dataset,) = runpy.run_path(str(ROOT / recipe))["make_config"]().datasets
    assert Path(dataset.path).parent == (ROOT / recipe).parents[1]


@pytest.mark.parametrize(
    ("recipe", "config"),
    [(DDC, "tacotron2_ddc_ljspeech.json"), (DCA, "tacotron2_dca_ljspeech.json")],
    ids=["ddc", "dca"],
)
def test_recipe_and_config_file_say_the_same(recipe, config):
    from_recipe = runpy.run_path(str(ROOT / recipe))["make_config"]()
    from_file = load_config(ROOT / "configs" / config)
    from_recipe.datasets[0].path = Path(from_recipe.datasets[0].path).name
    assert from_recipe.to_dict() == from_file.to_dict()
