"""The recipes of OverFlow and Neural HMM TTS, each run for two steps on tiny data."""

import runpy
from pathlib import Path

import pytest

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.families.loading import load_config

ROOT = Path(__file__).parents[2]
OVERFLOW = "recipes/ljspeech/overflow/train_overflow.py"
NEURAL_HMM = "recipes/ljspeech/neural_hmm/train_neural_hmm.py"
# The texts of the tiny data are short, and so is what is said in them.
TINY = {
    "encoder_in_out_features": 8,
    "prenet_dim": 4,
    "memory_rnn_dim": 8,
    "outputnet_size": [8],
    "max_sampling_time": 20,
    "min_text_len": 1,
}
TINY_OVERFLOW = {**TINY, "hidden_channels_dec": 4, "num_flow_blocks_dec": 1, "num_block_layers": 1}


@pytest.mark.slow
def test_the_overflow_recipe_trains_from_nothing_and_on_from_a_checkpoint(train, ljspeech, capfd):
    first = train(OVERFLOW, "--coqpit.datasets.0.path", ljspeech, network=TINY_OVERFLOW)
    weights = read_checkpoint(first / "best_model.pth").model
    assert "decoder.glow_decoder.flows.0.logs" in weights
    assert float(weights["mean"]) < 0 < float(weights["std"])
    words = ["--restore_path", first / "best_model.pth", "--coqpit.run_name", "x", "--coqpit.lr", "0.00001"]
    second = train(OVERFLOW, "--coqpit.datasets.0.path", ljspeech, *words, network=TINY_OVERFLOW)
    assert second.name.startswith("x-")
    assert "Learning rate of step 1: 1e-05" in capfd.readouterr().err
    assert read_checkpoint(second / "best_model.pth").model["mean"] == weights["mean"]


def test_the_neural_hmm_recipe_trains(train, ljspeech):
    run = train(NEURAL_HMM, "--coqpit.datasets.0.path", ljspeech, network=TINY)
    assert load_config(run / "config.json").model == "neuralhmm_tts"
    assert "neural_hmm.memory_rnn.weight_hh" in read_checkpoint(run / "best_model.pth").model


@pytest.mark.parametrize("recipe", [OVERFLOW, NEURAL_HMM])
def test_data_are_looked_for_beside_the_recipe(recipe):
    (dataset,) = runpy.run_path(str(ROOT / recipe))["make_config"]().datasets
    assert Path(dataset.path).parent == (ROOT / recipe).parents[1]


@pytest.mark.parametrize(
    ("recipe", "config"),
    [(OVERFLOW, "overflow_ljspeech.json"), (NEURAL_HMM, "neural_hmm_ljspeech.json")],
    ids=["overflow", "neural_hmm"],
)
def test_recipe_and_config_file_say_the_same(recipe, config):
    from_recipe = runpy.run_path(str(ROOT / recipe))["make_config"]()
    from_file = load_config(ROOT / "configs" / config)
    from_recipe.datasets[0].path = Path(from_recipe.datasets[0].path).name
    assert from_recipe.to_dict() == from_file.to_dict()
