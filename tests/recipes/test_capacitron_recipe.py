"""The Capacitron recipe, run for two steps on tiny data."""

import runpy
from pathlib import Path

import pytest

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.families.loading import load_config

ROOT = Path(__file__).parents[2]
RECIPE = "recipes/blizzard2013/tacotron2-Capacitron/train_capacitron_t2.py"
TINY = {
    "encoder_in_features": 8,
    "decoder_in_features": 8,
    "capacitron_vae.capacitron_VAE_embedding_dim": 4,
    "capacitron_vae.capacitron_text_summary_embedding_dim": 4,
    "audio.griffin_lim_iters": 1,
    "min_audio_len": 1,
    "batch_size": 4,
    "eval_batch_size": 4,
    "num_loader_workers": 0,
    "num_eval_loader_workers": 0,
    "precompute_num_workers": 0,
    "test_sentences": '["one"]',
}


@pytest.mark.slow
def test_the_recipe_trains_the_network_and_beta(run_program, ljspeech, tmp_path, small_widths):
    words = ["--device=cpu", "--max_steps=2", *(f"--coqpit.{name}={value}" for name, value in TINY.items())]
    words += ["--coqpit.output_path", tmp_path / "runs", "--coqpit.datasets.0.path", ljspeech]
    assert run_program(RECIPE, *words) == 0
    (folder,) = (path.parent for path in (tmp_path / "runs").glob("*/config.json"))
    checkpoint = read_checkpoint(folder / "best_model.pth")
    assert checkpoint.step == 2
    assert [state["param_groups"][0]["lr"] for state in checkpoint.optimizer[0]] == [0.001, 1e-5]
    assert float(checkpoint.model["capacitron_vae_layer.beta"]) < 0.5413  # where it began: far below the capacity


def test_recipe_and_config_file_say_the_same():
    from_recipe = runpy.run_path(str(ROOT / RECIPE))["make_config"]()
    from_file = load_config(ROOT / "configs" / "capacitron_t2_blizzard2013.json")
    assert Path(from_recipe.datasets[0].path).parent == (ROOT / RECIPE).parents[1]
    from_recipe.datasets[0].path = Path(from_recipe.datasets[0].path).name
    assert from_recipe.to_dict() == from_file.to_dict()
