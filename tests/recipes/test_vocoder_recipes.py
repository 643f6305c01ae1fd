"""The vocoder recipes, each run for two steps on tiny data."""

import runpy
from pathlib import Path

import pytest

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.families.loading import load_config, load_vocoder_config

ROOT = Path(__file__).parents[2]
HIFIGAN = "recipes/ljspeech/hifigan/train_hifigan.py"
MELGAN = "recipes/ljspeech/multiband_melgan/train_multiband_melgan.py"
GENERATORS = {
    HIFIGAN: '{"upsample_factors": [16, 16], "upsample_kernel_sizes": [32, 32], "upsample_initial_channel": 4, '
    '"resblock_kernel_sizes": [3], "resblock_dilation_sizes": [[1]], "resblock_type": "2"}',
    MELGAN: '{"upsample_factors": [8, 8], "num_res_blocks": 1}',
}
#: the smallest networks and the least work around them.
TINY = [
    "--device=cpu", "--max_steps=2", "--coqpit.seq_len=4096", "--coqpit.pad_short=0", "--coqpit.batch_size=2",
    "--coqpit.eval_batch_size=2", "--coqpit.num_loader_workers=0", "--coqpit.num_eval_loader_workers=0",
    "--coqpit.precompute_num_workers=0", "--coqpit.discriminator_model=melgan_multiscale_discriminator",
    '--coqpit.discriminator_model_params={"base_channels": 4, "max_channels": 8, "downsample_factors": [4]}',
]  # fmt: skip


@pytest.mark.parametrize("recipe", [HIFIGAN, MELGAN])
def test_a_vocoder_recipe_trains_from_nothing_and_on_from_a_checkpoint(run_program, ljspeech, tmp_path, recipe, capfd):
    output = tmp_path / "runs"
    words = [*TINY, f"--coqpit.generator_model_params={GENERATORS[recipe]}", "--coqpit.output_path", output]
    words += ["--coqpit.datasets.0.path", ljspeech]
    assert run_program(recipe, *words) == 0, capfd.readouterr().err
    (first,) = [path.parent for path in output.glob("*/config.json")]
    assert read_checkpoint(first / "best_model.pth").step is not None
    again = ["--restore_path", first / "best_model.pth", "--coqpit.run_name", "x", "--coqpit.lr", "0.00001"]
    assert run_program(recipe, *words, *again) == 0
    assert "Learning rate of step 1, generator: 1e-05" in capfd.readouterr().err
    assert [path.name.split("-")[0] for path in output.glob("*/config.json") for path in [path.parent]].count("x") == 1


@pytest.mark.parametrize(
    ("recipe", "config"),
    [(HIFIGAN, "hifigan_ljspeech.json"), (MELGAN, "multiband_melgan_ljspeech.json")],
    ids=["hifigan", "multiband_melgan"],
)
def test_recipe_and_config_file_of_a_vocoder_say_the_same(recipe, config):
    from_recipe = runpy.run_path(str(ROOT / recipe))["make_config"]()
    from_file = load_vocoder_config(ROOT / "configs" / config)
    from_recipe.datasets[0].path = Path(from_recipe.datasets[0].path).name
    assert from_recipe.to_dict() == from_file.to_dict()


def test_the_vocoder_of_the_demo_has_the_settings_of_the_bundled_model(run_program, ljspeech, tmp_path, capfd):
    output = tmp_path / "runs"
    words = ["--coqpit.output_path", output, "--coqpit.datasets.0.path", ljspeech / "wavs", "--max_steps=1"]
    assert run_program("recipes/demo/train_vocoder.py", *words, "--coqpit.batch_size=2") == 0, capfd.readouterr().err
    (run,) = [path.parent for path in output.glob("*/config.json")]
    bundled = load_config(ROOT / "finetune_tts" / "assets" / "demo" / "base" / "config.json", quiet=True)
    assert load_vocoder_config(run / "config.json", quiet=True).audio.to_dict() == bundled.audio.to_dict()
    weights = read_checkpoint(run / "best_model.pth").model
    assert sum(tensor.numel() for name, tensor in weights.items() if name.startswith("model_g.")) < 150_000
