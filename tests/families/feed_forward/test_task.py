"""The binarisation of the aligner, in runs from scratch and of restored models."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from finetune_tts.families.building import build_model, make_task
from finetune_tts.families.loading import config_from_dict

TINY = Path(__file__).parents[1] / "tiny" / "fast_pitch.json"


@pytest.fixture
def make():
    def make(*, restored, **fields):
        config = config_from_dict({**json.loads(TINY.read_text(encoding="utf-8")), **fields}, quiet=True)
        task = make_task(build_model(config, 11), config)
        task.make_schedules([torch.optim.Adam(task.network.parameters())], restored=restored, chosen=frozenset())
        return task

    return make


def share_after(task, epochs):
    task.on_train_step_start(SimpleNamespace(epochs_done=epochs))
    return task._binary_share


def test_its_weight_rises_with_the_epochs_of_a_run_from_scratch(make):
    task = make(restored=False, binary_loss_warmup_epochs=10)
    assert [share_after(task, epochs) for epochs in (0, 5, 10, 99)] == [0.0, 0.5, 1.0, 1.0]
    assert share_after(make(restored=False, binary_loss_warmup_epochs=0), 0) == 1.0


def test_a_restored_aligner_is_binary_from_the_beginning(make):
    assert share_after(make(restored=True, binary_loss_warmup_epochs=10), 0) == 1.0


def test_held_out_losses_have_its_full_weight_so_that_epochs_compare(make):
    from finetune_tts.data.batch import Batch

    task = make(restored=False)
    share_after(task, 0)
    torch.manual_seed(0)
    batch = Batch(
        torch.randint(0, 11, (2, 5)), torch.tensor([5, 4]), torch.randn(2, 12, 20), torch.tensor([12, 9]), ["a", "b"],
        ["", ""], token_counts=(5, 4), mel_counts=(12, 9), pitch=torch.randn(2, 1, 12),
    )  # fmt: skip
    trained = task.train().losses(task.run_network(batch), batch)
    held_out = task.eval().losses(task.run_network(batch), batch)
    assert trained["loss_binary_alignment"] == 0
    assert held_out["loss_binary_alignment"] > 0
