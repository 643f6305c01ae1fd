"""The recipe of YourTTS, run for two steps on tiny data."""

import json
import runpy
from pathlib import Path

import pytest

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.data.d_vectors import DVectors
from finetune_tts.families.checks import require_valid

RECIPE = "recipes/vctk/yourtts/train_yourtts.py"
ROOT = Path(__file__).parents[2]
TINY_ARGS = {
    "hidden_channels": 8,
    "hidden_channels_ffn_text_encoder": 8,
    "num_layers_text_encoder": 1,
    "num_layers_posterior_encoder": 1,
    "num_layers_flow": 1,
    "upsample_initial_channel_decoder": 16,
    "resblock_kernel_sizes_decoder": "[3]",
    "resblock_dilation_sizes_decoder": "[[1]]",
    "periods_multi_period_discriminator": "[2]",
    "spec_segment_size": 8,
    "d_vector_dim": 6,
}
TINY = {
    **{f"model_args.{name}": value for name, value in TINY_ARGS.items()},
    "batch_size": 2,
    "eval_batch_size": 2,
    "num_loader_workers": 0,
    "num_eval_loader_workers": 0,
    "precompute_num_workers": 0,
}


@pytest.mark.slow
@pytest.mark.usefixtures("small_widths")
def test_it_computes_d_vectors_trains_and_lets_the_encoder_judge(run_program, make_encoder, vctk, tmp_path):
    output = tmp_path / "runs"
    words = ["--device=cpu", "--max_steps=2", *(f"--coqpit.{name}={value}" for name, value in TINY.items())]
    words += ["--coqpit.output_path", output, "--coqpit.datasets.0.path", vctk]
    words += ["--encoder_path", make_encoder(tmp_path / "encoder")[0]]
    assert run_program(RECIPE, *words) == 0
    (first,) = (path.parent for path in output.glob("*/config.json"))
    vectors = DVectors.read(first / "d_vectors.json")
    assert len(vectors.vectors) == 6
    assert all(key.startswith("vctk#") for key in vectors.vectors)
    assert json.loads((first / "language_ids.json").read_text()) == {"en": 0}
    assert read_checkpoint(first / "best_model.pth").model["emb_l.weight"].shape == (1, 4)

    judged = ["--restore_path", first, "--coqpit.model_args.use_speaker_encoder_as_loss", "true"]
    assert run_program(RECIPE, *words, *judged) == 0
    (second,) = {path.parent for path in output.glob("*/config.json")} - {first}
    assert "loss_spk_encoder" in (second / "history.jsonl").read_text()


def test_it_says_what_it_needs(run_program, vctk, capfd):
    assert run_program(RECIPE, "--coqpit.datasets.0.path", vctk) == 2
    assert "--encoder_path" in capfd.readouterr().err


def test_its_config_makes_sense():
    require_valid(runpy.run_path(str(ROOT / RECIPE))["make_config"]())
