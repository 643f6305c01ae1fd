"""Weights arrive by name, shape and key; whatever does not arrive is named, and stops the run unless allowed."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from finetune_tts.checkpoints.names import released_names
from finetune_tts.checkpoints.restoring import NEW_ROW_NOISE, RowRule, merged_keys, restore
from finetune_tts.errors import UserError


class Network(nn.Module):
    """A small network with an embedding, weight norm, buffers and two levels of modules."""

    def __init__(self, symbols=4, speakers=0, layers=2, hidden=3):
        super().__init__()
        self.encoder = nn.Module()
        self.encoder.emb = nn.Embedding(symbols, hidden)
        self.encoder.norm = nn.BatchNorm1d(hidden)
        self.decoder = nn.ModuleList(parametrizations.weight_norm(nn.Conv1d(hidden, hidden, 1)) for _ in range(layers))
        if speakers:
            self.emb_g = nn.Embedding(speakers, hidden)


@pytest.fixture
def state():
    torch.manual_seed(1)
    network = Network()
    network.encoder.norm.running_mean += 2
    network.encoder.norm.num_batches_tracked += 5
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def gap_names(report):
    return [tensor.name for tensor in report.gap]


@pytest.mark.parametrize("naming", [dict, released_names])
def test_everything_is_restored_buffers_too_under_either_naming_of_weight_norm(state, naming):
    network = Network()
    report = restore(network, naming(state))
    assert report.is_complete
    assert report.gap == ()
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, state[name]), name
    report.raise_for_gap()


def test_shapes_are_compared_and_never_sizes(state):
    state["encoder.emb.weight"] = state["encoder.emb.weight"].reshape(3, 4)
    network = Network()
    before = network.encoder.emb.weight.clone()
    report = restore(network, state, source="voice.pth")
    assert gap_names(report) == ["encoder.emb.weight"]
    assert torch.equal(network.encoder.emb.weight, before)
    with pytest.raises(UserError, match=r"voice\.pth.*encoder\.emb\.weight \(shape 3x4 there, 4x3 here\)") as caught:
        report.raise_for_gap()
    assert "--allow_partial_restore" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_gap_is_only_warned_about_where_the_person_allows_it(state, caplog):
    del state["encoder.emb.weight"]
    report = restore(Network(), state)
    report.raise_for_gap(allow_partial=True)
    assert "encoder.emb.weight (not in the checkpoint)" in caplog.text


def test_a_whole_module_may_be_fresh_where_the_caller_says_so(state):
    network = Network(speakers=2)
    assert gap_names(restore(network, state)) == ["emb_g.weight"]
    assert restore(network, state, fresh_ok=["emb_g"]).gap == ()
    assert restore(network, state, fresh_ok=["emb_g."]).gap == ()
    assert gap_names(restore(network, state, fresh_ok=["emb", "e"])) == ["emb_g.weight"]


def test_a_module_read_by_half_is_a_gap_and_a_module_that_only_the_checkpoint_has_is_none(state):
    state["disc.conv.weight"] = torch.ones(1)
    assert restore(Network(), state).gap == ()
    report = restore(Network(layers=1), state)
    assert len(report.gap) == 3
    assert all(name.startswith("decoder.1.") for name in gap_names(report))
    assert restore(Network(layers=1), state, left_over_ok=["decoder.1"]).gap == ()


def test_other_precisions_are_cast_to_the_networks(state):
    half = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    network = Network()
    report = restore(network, half)
    assert report.gap == ()
    assert network.encoder.emb.weight.dtype == torch.float32
    assert torch.equal(network.encoder.emb.weight, state["encoder.emb.weight"].half().float())
    assert "cast from float16 to float32" in report.table()


def test_a_batch_counter_that_old_checkpoints_lack_is_no_gap(state):
    del state["encoder.norm.num_batches_tracked"]
    assert restore(Network(), state).gap == ()


def test_rows_follow_their_symbols(state):
    old, new = ["_", "a", "b", "c"], ["_", "c", "é", "a", "ß"]
    state["encoder.emb.weight"] = torch.arange(12.0).reshape(4, 3)
    network = Network(symbols=5)
    report = restore(network, state, row_rules=[RowRule("encoder.emb.weight", old, new)], seed=3)
    rows = network.encoder.emb.weight.detach()
    expected = state["encoder.emb.weight"]
    assert torch.equal(rows[[0, 1, 3]], expected[[0, 3, 1]])
    for fresh in rows[[2, 4]]:
        deviation = (fresh - expected.mean(0)) / expected.std(0, correction=0)
        assert 0 < deviation.abs().max() < 5 * NEW_ROW_NOISE
    assert not torch.equal(rows[2], rows[4])
    assert report.gap == ()
    assert (report.rows[0].kept, report.rows[0].new, report.rows[0].left_out) == (("_", "c", "a"), ("é", "ß"), ("b",))
    text = report.table()
    assert "3 rows follow their keys, 2 new, 1 out" in text
    assert "new: 'é' 'ß'" in text
    assert "left out: 'b'" in text


def test_the_same_number_of_symbols_in_another_order_is_put_in_order(state):
    old, new = list("_abc"), list("cab_")
    network = Network()
    restore(network, state, row_rules=[RowRule("encoder.emb.weight", old, new)])
    assert torch.equal(network.encoder.emb.weight, state["encoder.emb.weight"][[3, 1, 2, 0]])


def test_new_rows_depend_on_seed_and_key_only(state):
    rows = []
    for seed, new in ((1, "_abcé"), (1, "é_abc"), (2, "_abcé")):
        network = Network(symbols=5)
        restore(network, state, row_rules=[RowRule("encoder.emb.weight", list("_abc"), list(new))], seed=seed)
        rows.append(network.encoder.emb.weight[new.index("é")].detach())
    assert torch.equal(rows[0], rows[1])
    assert not torch.equal(rows[0], rows[2])


def test_speakers_grow_by_name_and_the_old_ones_keep_their_places(state):
    state["emb_g.weight"] = torch.randn(2, 3)
    names = merged_keys(["ana", "rui"], ["zoe", "rui"])
    network = Network(speakers=3)
    report = restore(network, state, row_rules=[RowRule("emb_g.weight", ["ana", "rui"], names)])
    assert names == ["ana", "rui", "zoe"]
    assert torch.equal(network.emb_g.weight[:2], state["emb_g.weight"])
    assert report.rows[0].new == ("zoe",)
    assert report.gap == ()


def test_the_first_speakers_of_a_model_are_all_new_and_no_gap(state):
    report = restore(Network(speakers=2), state, row_rules=[RowRule("emb_g.weight", [], ["ana", "rui"])])
    assert report.gap == ()
    assert report.rows[0].new == ("ana", "rui")
    assert "all 2 are new" in report.table()


def test_a_symbol_that_stands_twice_keeps_both_of_its_rows(state):
    old = ["_", "a", "a", "b"]
    network = Network(symbols=5)
    restore(network, state, row_rules=[RowRule("encoder.emb.weight", old, [*old, "c"])])
    assert torch.equal(network.encoder.emb.weight[:4], state["encoder.emb.weight"])
    assert merged_keys(old, ["c", "b", "c"]) == [*old, "c"]


def test_a_rule_whose_keys_are_not_the_checkpoints_rows_is_a_gap(state):
    report = restore(Network(), state, row_rules=[RowRule("encoder.emb.weight", list("_abcd"), list("_abc"))])
    with pytest.raises(UserError, match="4 rows there, but the checkpoint's config names 5"):
        report.raise_for_gap()
    report = restore(Network(hidden=2), state, row_rules=[RowRule("encoder.emb.weight", list("_abc"), list("_abc"))])
    assert "shape 4x3 there, 4x2 here" in report.table()


def test_a_rule_that_does_not_fit_the_network_is_the_callers_mistake(state):
    with pytest.raises(ValueError, match=r"'emb_g\.weight', which the network does not have"):
        restore(Network(), state, row_rules=[RowRule("emb_g.weight", ["a"], ["a"])])
    with pytest.raises(ValueError, match="has 4 rows, but its row rule names 2 new keys"):
        restore(Network(), state, row_rules=[RowRule("encoder.emb.weight", list("_abc"), list("_a"))])


def test_restored_tensors_that_are_not_finite_are_reported(state):
    state["decoder.0.bias"][0] = float("nan")
    report = restore(Network(), state)
    assert report.non_finite == ("decoder.0.bias",)
    assert "hold NaN or infinity" in report.table()


def test_the_optimizer_of_a_restored_network_still_trains_it(state):
    network = Network()
    parameters = {id(parameter) for parameter in network.parameters()}
    restore(network, state)
    assert parameters == {id(parameter) for parameter in network.parameters()}
    assert all(parameter.requires_grad and parameter.is_leaf for parameter in network.parameters())
