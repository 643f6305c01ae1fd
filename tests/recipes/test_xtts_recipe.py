"""The XTTS recipe, run for two steps on tiny data from a tiny release."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.config.making import save_config
from finetune_tts.families.building import build_model
from finetune_tts.families.loading import load_config
from finetune_tts.families.reading import locate, tokenizer_of

pytestmark = pytest.mark.usefixtures("small_widths")

RECIPE = "recipes/ljspeech/xtts_v2/train_gpt_xtts.py"
TINY = Path(__file__).parents[1] / "families" / "tiny"


@pytest.fixture
def released(tmp_path):
    folder = tmp_path / "release"
    shutil.copytree(TINY / "xtts", folder)
    config = load_config(TINY / "xtts.json", quiet=True)
    locate(config, folder)
    torch.manual_seed(1)
    network = build_model(config, len(tokenizer_of(config).vocabulary))
    torch.save({"model": network.state_dict()}, folder / "model.pth")
    save_config(load_config(TINY / "xtts.json", quiet=True), folder / "config.json")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("adapters", [(), ("--coqpit.lora_rank=2",)])
def test_the_recipe_fine_tunes_a_release(run_program, released, ljspeech, tmp_path, adapters):
    network = json.loads((TINY / "xtts.json").read_text())["model_args"]
    tiny = [f"--coqpit.model_args.{name}={value}" for name, value in network.items()]
    words = ["--device=cpu", "--max_steps=2", "--coqpit.num_loader_workers=0", "--restore_path", released, *tiny]
    output = ["--coqpit.output_path", tmp_path / "runs", "--coqpit.datasets.0.path", ljspeech]
    assert run_program(RECIPE, *words, *output, *adapters) == 0
    (run,) = (path.parent for path in (tmp_path / "runs").glob("*/config.json"))
    assert read_checkpoint(run / "model.pth").model.keys() == read_checkpoint(released / "model.pth").model.keys()
    assert (run / "speakers_xtts.pth").is_file()
