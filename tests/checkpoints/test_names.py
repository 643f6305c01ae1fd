"""Weight norm is found under both of its names, and written under the released ones."""

import torch
from torch.nn.utils import parametrizations

from finetune_tts.checkpoints.names import fitted_names, released_names, unwrapped_names


def test_parametrized_names_become_the_released_ones_in_order():
    state = {"a.bias": 1, "a.parametrizations.weight.original0": 2, "a.parametrizations.weight.original1": 3}
    assert list(released_names(state).items()) == [("a.bias", 1), ("a.weight_g", 2), ("a.weight_v", 3)]
    assert released_names({"parametrizations.weight_hh_l0.original1": 1}) == {"weight_hh_l0_v": 1}


def test_a_network_of_torchs_form_loads_released_names_and_the_other_way_round():
    network = torch.nn.Sequential(parametrizations.weight_norm(torch.nn.Conv1d(2, 3, 1)))
    state = network.state_dict()
    released = released_names(state)
    assert set(released) == {"0.bias", "0.weight_g", "0.weight_v"}
    assert list(fitted_names(released, state)) == list(state)
    assert list(fitted_names(state, released)) == list(released)
    network.load_state_dict(fitted_names(released, state))


def test_names_that_only_look_like_weight_norm_stay():
    targets = ["a.weight_g", "a.weight_v", "b.original0"]
    assert fitted_names(dict.fromkeys(targets, 0), targets) == dict.fromkeys(targets, 0)
    assert fitted_names({"c.weight_g": 0}, targets) == {"c.weight_g": 0}


def test_a_prefix_that_all_names_share_is_the_wrappers():
    assert unwrapped_names({"module.a": 1, "module.b": 2}) == {"a": 1, "b": 2}
    assert unwrapped_names({"module.a": 1, "b": 2}) == {"module.a": 1, "b": 2}
    assert unwrapped_names({}) == {}
