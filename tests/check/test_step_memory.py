"""The memory of a step is worked out without having it."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from finetune_tts.check.step_memory import step_memory
from finetune_tts.config.training import RunConfig
from finetune_tts.data.batch import TensorGroup
from finetune_tts.machine.precision import Precision
from finetune_tts.tasks.task import TTSTask

CPU = torch.device("cpu")
FLOAT32 = Precision("cpu", torch.float32, "")
WIDTH, CLIPS, LAYERS = 64, 32, 3
MATRIX = 4 * WIDTH * WIDTH
OUTPUT = 4 * WIDTH * CLIPS


@dataclass(frozen=True)
class Inputs(TensorGroup):
    values: Tensor


class Task(TTSTask):
    optimizer_class = torch.optim.SGD

    def run_network(self, batch):
        length = int(torch.randint(1, 2, ()))  # a number that is drawn decides a shape
        return self.network(batch.values[:, : WIDTH * length])

    def losses(self, outputs, batch):
        return {"loss": outputs.square().sum()}

    def get_optimizer(self):
        return self.optimizer_class([weight for weight in self.parameters() if weight.requires_grad], lr=0.1)


class AdamTask(Task):
    optimizer_class = torch.optim.AdamW


def make(task=Task, learning=LAYERS):
    def build():
        layers = [nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(LAYERS)]
        for layer in layers[: LAYERS - learning]:
            layer.requires_grad_(False)
        return task(nn.Sequential(*layers), RunConfig())

    return build


def memory(build, precision=FLOAT32, passes=1):
    return step_memory(build, Inputs(torch.zeros(CLIPS, WIDTH)), CPU, precision, passes)


def test_weights_and_gradients_are_exact():
    found = memory(make())
    assert (found.weights, found.gradients, found.states) == (LAYERS * MATRIX, LAYERS * MATRIX, 0)


def test_what_the_optimizer_keeps_is_its_moments_and_its_count():
    assert memory(make(AdamTask)).states == 2 * LAYERS * MATRIX + 4 * LAYERS


def test_what_stays_as_it_is_has_neither_gradient_nor_moments():
    found = memory(make(AdamTask, learning=1))
    assert (found.weights, found.gradients, found.states) == (LAYERS * MATRIX, MATRIX, 2 * MATRIX + 4)


def test_the_way_back_needs_what_each_layer_gave():
    # With gradients of an earlier batch all of it comes on top: two outputs that layers were given, the last one with
    # its square, and the gradient of an output or of a matrix.
    found = memory(make(), passes=2)
    assert 3 * OUTPUT <= found.activations <= 6 * OUTPUT + 2 * MATRIX


def test_without_gradients_of_an_earlier_batch_less_is_held_at_once():
    assert memory(make(), passes=2).peak > memory(make(), passes=1).peak


def test_half_the_bytes_of_activations_in_bfloat16():
    wide = step_memory(make(), Inputs(torch.zeros(4096, WIDTH)), CPU, FLOAT32, 2)
    halved = step_memory(make(), Inputs(torch.zeros(4096, WIDTH)), CPU, Precision("cpu", torch.bfloat16, ""), 2)
    assert halved.weights == wide.weights
    assert halved.activations < 0.8 * wide.activations


def test_numbers_that_nobody_knows_are_no_memory():
    class Asking(Task):
        def losses(self, outputs, batch):
            return {"loss": outputs.sum() * float(outputs.sum())}

    with pytest.raises(RuntimeError):
        memory(make(Asking))
