import math

import pytest
import torch

from finetune_tts.report.weight_change import compared


def network(scale=1.0, **other):
    return {
        "encoder.emb.weight": torch.full((4, 2), 2.0),
        "encoder.norm.steps": torch.tensor(3),
        "decoder.out.weight": torch.full((5,), scale),
        "postnet.bias": torch.zeros(3),
        **other,
    }


def test_each_part_is_told_by_the_norm_of_what_it_had():
    found = compared(network(), network(scale=1.1))
    assert {part.name: part.change for part in found.parts} == pytest.approx(
        {"encoder": 0, "decoder": 0.1, "postnet": 0}
    )
    assert found.whole.change == pytest.approx(0.1 * math.sqrt(5) / math.sqrt(32 + 5))
    assert found.whole.weights == 16
    assert found.other == 0


def test_the_same_weights_have_not_changed():
    assert compared(network(), network()).whole.change == 0


def test_a_part_that_was_nothing_and_is_something_has_changed_without_bounds():
    (postnet,) = [
        part for part in compared(network(), network(**{"postnet.bias": torch.ones(3)})).parts if part.name == "postnet"
    ]
    assert math.isinf(postnet.change)


def test_tensors_that_are_new_or_of_another_size_are_counted_and_left_out():
    other = network(**{"encoder.emb.weight": torch.ones(6, 2), "emb_g.weight": torch.ones(2, 2)})
    found = compared(network(), other)
    assert found.other == 2
    assert "encoder" not in {part.name for part in found.parts}


def test_a_network_below_one_name_is_told_by_what_stands_below_it():
    base = {f"model.gpt.{part}.weight": torch.ones(3) for part in ("text", "layers", "head", "norm")}
    assert [part.name for part in compared(base, base).parts] == [
        "model.gpt.text", "model.gpt.layers", "model.gpt.head", "model.gpt.norm",
    ]  # fmt: skip


def test_networks_with_nothing_in_common_are_not_compared():
    assert compared({"a.weight": torch.ones(2)}, {"b.weight": torch.ones(2)}) is None


def test_no_more_than_twelve_parts_are_told_and_all_count():
    base = {f"part{number}.weight": torch.ones(number + 1) for number in range(20)}
    found = compared(base, base)
    assert len(found.parts) == 12
    assert found.whole.weights == sum(range(1, 21))
