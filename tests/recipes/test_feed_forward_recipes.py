"""The recipes of the feed-forward models, each run for two steps on tiny data."""

import runpy
from pathlib import Path

import pytest

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.families.loading import load_config

ROOT = Path(__file__).parents[2]
TRANSFORMER = '{"hidden_channels_ffn": 16, "num_heads": 1, "num_layers": 1, "dropout_p": 0.1}'
CONVOLUTIONS = '{"kernel_size": 4, "dilations": [1], "num_conv_blocks": 1, "num_res_blocks": 1}'
RECIPES = {
    "fast_pitch": ("ljspeech/fast_pitch/train_fast_pitch.py", TRANSFORMER),
    "fastspeech2": ("ljspeech/fastspeech2/train_fastspeech2.py", TRANSFORMER),
    "speedy_speech": ("ljspeech/speedy_speech/train_speedy_speech.py", CONVOLUTIONS),
    "fast_pitch_vctk": ("vctk/fast_pitch/train_fast_pitch.py", TRANSFORMER),
}


def tiny(params):
    fields = {"hidden_channels": 16, "encoder_params": params, "decoder_params": params}
    sizes = {f"{name}_predictor_hidden_channels": 8 for name in ("duration", "pitch", "energy")}
    return {f"model_args.{name}": value for name, value in {**fields, **sizes}.items()}


@pytest.mark.parametrize(("recipe", "params"), list(RECIPES.values())[:3], ids=list(RECIPES)[:3])
def test_a_recipe_trains_from_scratch(recipe, params, train, ljspeech):
    run = train(f"recipes/{recipe}", "--coqpit.datasets.0.path", ljspeech, network=tiny(params))
    config = load_config(run / "config.json")
    assert read_checkpoint(run / "best_model.pth").step == 2
    assert (config.pitch_mean is not None) == config.model_args.use_pitch
    assert (config.energy_std is not None) == config.model_args.use_energy


def test_the_vctk_recipe_learns_a_vector_for_each_speaker(train, vctk):
    recipe, params = RECIPES["fast_pitch_vctk"]
    run = train(f"recipes/{recipe}", "--coqpit.datasets.0.path", vctk, network=tiny(params))
    assert load_config(run / "config.json").model_args.use_speaker_embedding
    assert read_checkpoint(run / "best_model.pth").model["emb_g.weight"].shape[0] == 2


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_and_config_file_of_a_data_set_say_the_same(name):
    from_recipe = runpy.run_path(str(ROOT / "recipes" / RECIPES[name][0]))["make_config"]()
    file = name if name.endswith("vctk") else f"{name}_ljspeech"
    from_file = load_config(ROOT / "configs" / f"{file}.json")
    assert Path(from_recipe.datasets[0].path).parent == (ROOT / "recipes" / RECIPES[name][0]).parents[1]
    from_recipe.datasets[0].path = Path(from_recipe.datasets[0].path).name
    assert from_recipe.to_dict() == from_file.to_dict()
