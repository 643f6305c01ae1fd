"""The VITS recipes, each run for two steps on tiny data."""

import json
import runpy
from pathlib import Path

import pytest

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.families.loading import load_config

pytestmark = pytest.mark.usefixtures("small_widths")

ROOT = Path(__file__).parents[2]
LJSPEECH = "recipes/ljspeech/vits_tts/train_vits.py"
VCTK = "recipes/vctk/vits/train_vits.py"
MULTILINGUAL = "recipes/multilingual/vits_tts/train_vits_tts.py"
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
    "speaker_embedding_channels": 4,
}
TINY = {
    **{f"model_args.{name}": value for name, value in TINY_ARGS.items()},
    "batch_size": 2,
    "eval_batch_size": 2,
    "num_loader_workers": 0,
    "num_eval_loader_workers": 0,
    "precompute_num_workers": 0,
    "test_sentences": '["one"]',
}


@pytest.fixture
def train_vits(run_program, tmp_path):
    """Run a recipe for two steps; gives the folder of the run."""

    def train(program, *words):
        output = tmp_path / "runs"
        before = set(output.glob("*/config.json"))
        tiny = [f"--coqpit.{name}={value}" for name, value in TINY.items()]
        assert run_program(program, "--device=cpu", "--max_steps=2", *tiny, "--coqpit.output_path", output, *words) == 0
        (config,) = set(output.glob("*/config.json")) - before
        return config.parent

    return train


@pytest.fixture
def mailabs(tmp_path, vctk):
    """Tones in the layout of M-AILABS, one speaker a language."""
    folders = []
    for number, language in enumerate(("de_DE", "es_ES", "fr_FR", "it_IT")):
        book = tmp_path / "mailabs" / language / "by_book" / "female" / f"speaker{number}" / "book"
        (book / "wavs").mkdir(parents=True)
        clips = sorted(vctk.rglob("*.flac"))[:2]
        for place, clip in enumerate(clips):
            (book / "wavs" / f"{language}{place}.wav").write_bytes(clip.read_bytes())
        lines = [f"{language}{place}|one two three|one two three\n" for place, _ in enumerate(clips)]
        (book / "metadata.csv").write_text("".join(lines), encoding="utf-8")
        folders.append(tmp_path / "mailabs" / language)
    return folders


@pytest.mark.slow
def test_the_ljspeech_recipe_trains_from_nothing_and_on_from_a_checkpoint(train_vits, ljspeech, capfd):
    first = train_vits(LJSPEECH, "--coqpit.datasets.0.path", ljspeech)
    assert read_checkpoint(first / "best_model.pth").step == 2
    words = ["--restore_path", first / "best_model.pth", "--coqpit.run_name", "x", "--coqpit.lr", "0.00001"]
    second = train_vits(LJSPEECH, "--coqpit.datasets.0.path", ljspeech, *words)
    assert second.name.startswith("x-")
    err = capfd.readouterr().err
    assert all(f"Learning rate of step 1, {part}: 1e-05" in err for part in ("discriminator", "generator"))


def test_the_vctk_recipe_learns_a_vector_for_each_speaker(train_vits, vctk):
    run = train_vits(VCTK, "--coqpit.datasets.0.path", vctk)
    assert load_config(run / "config.json").model_args.use_speaker_embedding
    assert read_checkpoint(run / "best_model.pth").model["emb_g.weight"].shape == (2, 4)


@pytest.mark.slow
def test_the_multilingual_recipe_learns_speakers_and_languages(train_vits, mailabs):
    words = [word for place, folder in enumerate(mailabs) for word in (f"--coqpit.datasets.{place}.path", folder)]
    run = train_vits(MULTILINGUAL, *words)
    assert json.loads((run / "language_ids.json").read_text()) == {"de_DE": 0, "es_ES": 1, "fr_FR": 2, "it_IT": 3}
    weights = read_checkpoint(run / "best_model.pth").model
    assert (weights["emb_g.weight"].shape[0], weights["emb_l.weight"].shape[0]) == (4, 4)


@pytest.mark.parametrize(
    ("recipe", "config"), [(LJSPEECH, "vits_ljspeech.json"), (VCTK, "vits_vctk.json")], ids=["ljspeech", "vctk"]
)
def test_recipe_and_config_file_of_a_data_set_say_the_same(recipe, config):
    from_recipe = runpy.run_path(str(ROOT / recipe))["make_config"]()
    from_file = load_config(ROOT / "configs" / config)
    from_recipe.datasets[0].path = Path(from_recipe.datasets[0].path).name
    assert from_recipe.to_dict() == from_file.to_dict()
