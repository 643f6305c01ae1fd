"""Whatever a config holds, it is refused in words, or its network and its spectrograms can be built."""

import json
from contextlib import suppress
from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.errors import UserError
from finetune_tts.families.building import build_model
from finetune_tts.families.checks import check_config, network_faults
from finetune_tts.families.loading import any_config_from_dict
from finetune_tts.families.registry import ENTRIES

TINY = Path(__file__).parent / "tiny"
#: Fields of a run, of which the networks know nothing.
OF_THE_RUN = {*SpeechConfig.field_names(), *VocoderConfig.field_names()} - {"audio", "model_args"}
#: Parameters that a network may have here, so that none takes long to build.
MOST = 2**22

#: Their discriminators have channels that a config cannot lower.
LARGE = ("melgan", "fullband_melgan")
each = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LARGE)) for name in ENTRIES]
)

HOSTILE = [-1, 0, 1, 2, 3, 5, 7, 255, 4097, 65_535, 10**6, 2**31, 10**9, 2**63, 10**30, -(10**9), 10**308]
SIZES = st.sampled_from(HOSTILE)
NUMBERS = SIZES | st.sampled_from([0.5, 1.5, -0.1, 1e-9, 1e30, 1e308, float("inf"), float("-inf")])
TEXTS = st.sampled_from(["", "x", "8", "None", "null", "a\0b", "\ud800", "ɹ" * 500, "np.log", "reflect", "1"])
SCALARS = NUMBERS | TEXTS | st.none() | st.booleans()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=4
)


def paths(values, prefix=()):
    """Every place in plain values: keys and indexes."""
    items = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    for name, value in items:
        yield (*prefix, name)
        yield from paths(value, (*prefix, name))


def value_at(values, path):
    for name in path:
        values = values[name]
    return values


def spoiled(values, changes):
    """A copy of values with some of them changed."""
    changed = deepcopy(values)
    for path, value in changes:
        *groups, last = path
        with suppress(KeyError, IndexError, TypeError):  # an earlier change took the place away
            value_at(changed, groups)[last] = value
    return changed


@cache
def tiny(name):
    return json.loads((TINY / f"{name}.json").read_text(encoding="utf-8"))


@cache
def whole(name):
    return any_config_from_dict(tiny(name), quiet=True).to_dict()


def try_to_build(config):
    """Build all that a config is used for; whether what it says was let through."""
    faults, of_network = check_config(config), network_faults(config)
    assert all(fault.isprintable() and len(fault) < 400 for fault in faults)
    assert set(of_network) <= set(faults)
    if of_network:
        return False
    SpectrogramExtractor(config.audio)
    symbols = {"num_symbols": 10, "num_speakers": 2} if isinstance(config, SpeechConfig) else {}
    network = build_model(config, **symbols, for_training=not faults)
    assert sum(parameter.numel() for parameter in network.parameters()) <= 2 * MOST  # generator and discriminator
    return True


@pytest.fixture(autouse=True)
def small_bounds(monkeypatch, small_widths):
    monkeypatch.setattr("finetune_tts.config.network_size.MOST_PARAMETERS", MOST)
    monkeypatch.setattr("finetune_tts.layers.parameter_count.UNQUESTIONED", MOST)
    monkeypatch.setattr("finetune_tts.layers.parameter_count.MOST_TENSORS", 2000)


@each
def test_the_very_small_network_itself_is_let_through(name):
    assert try_to_build(any_config_from_dict(tiny(name), quiet=True))


@each
def test_every_whole_number_can_be_of_any_size(name):
    values = whole(name)
    sizes = [path for path in paths(values) if isinstance(value_at(values, path), int)]
    sizes = [path for path in sizes if not isinstance(value_at(values, path), bool)]
    for path in sizes:
        for size in (-1, 0, 65_535, 10**9, 2**62):
            with suppress(UserError):
                config = any_config_from_dict(spoiled(values, [(path, size)]), quiet=True)
                (try_to_build if path[0] not in OF_THE_RUN else check_config)(config)


@each
@given(data=st.data())
def test_fuzz_of_a_config_with_anything_in_its_fields(name, data):
    values = whole(name)
    places = [path for path in paths(values) if path != ("model",)]
    # The fields of the network and of the spectrograms are a few among hundreds.
    place = st.sampled_from(places) | st.sampled_from([path for path in places if path[0] in tiny(name)])
    changes = data.draw(st.lists(st.tuples(place, VALUES), min_size=1, max_size=2))
    with suppress(UserError):
        config = any_config_from_dict(spoiled(values, changes), quiet=True)
        (try_to_build if any(path[0] not in OF_THE_RUN for path, _ in changes) else check_config)(config)
        json.dumps(config.to_dict())
