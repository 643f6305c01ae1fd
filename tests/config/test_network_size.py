"""Which field makes a network too large, and what too large means."""

import pytest

from finetune_tts.config.network_size import MOST_PARAMETERS, built_if_held, heaviest, most_parameters
from finetune_tts.errors import UserError
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.families.vits.config import VitsConfig


def test_the_memory_counts_where_the_system_tells_it(monkeypatch):
    monkeypatch.setattr("os.sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2**10}.__getitem__)
    assert most_parameters() == 2**20
    monkeypatch.setattr("os.sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2**40}.__getitem__)
    assert most_parameters() == MOST_PARAMETERS

    def unknown(name):
        raise ValueError(name)

    monkeypatch.setattr("os.sysconf", unknown)
    assert most_parameters() == MOST_PARAMETERS


def test_the_field_that_makes_a_network_large_is_found_in_groups_lists_and_dictionaries():
    config = VitsConfig()
    config.model_args.upsample_kernel_sizes_decoder = [16, 999, 4, 4]
    blamed = heaviest(config, lambda other: other.model_args.upsample_kernel_sizes_decoder[1])
    assert blamed == ("model_args.upsample_kernel_sizes_decoder.1", 999)
    glow = GlowTTSConfig()
    glow.encoder_params["hidden_channels_ffn"] = 5000
    blamed = heaviest(glow, lambda other: other.encoder_params["hidden_channels_ffn"])
    assert blamed == ("encoder_params.hidden_channels_ffn", 5000)
    assert heaviest(glow, lambda other: 7) is None


def test_of_two_large_fields_the_heavier_one_is_found():
    config = GlowTTSConfig(hidden_channels_enc=1000, hidden_channels_dec=2000)

    def size(other):
        return other.hidden_channels_enc**2 + other.hidden_channels_dec**2

    assert heaviest(config, size) == ("hidden_channels_dec", 2000)


def test_of_fields_that_make_a_network_large_only_together_one_is_found():
    config = GlowTTSConfig(num_flow_blocks_dec=250, num_block_layers=250, epochs=10**9)

    def size(other):
        return min(other.num_flow_blocks_dec * other.num_block_layers, 1000)

    assert heaviest(config, size) == ("num_flow_blocks_dec", 250)


def test_a_field_that_cannot_have_its_usual_value_beside_the_others_is_not_blamed():
    def size(other):
        if other.hidden_channels_dec < 2000:
            raise ValueError("odd")
        return other.hidden_channels_enc

    assert heaviest(GlowTTSConfig(hidden_channels_enc=1000, hidden_channels_dec=2000), size) == (
        "hidden_channels_enc",
        1000,
    )


@pytest.mark.parametrize("error", [KeyError("min_val"), RuntimeError("negative\n dimension"), ZeroDivisionError("0")])
def test_what_building_raises_is_told_on_a_line(error):
    def fail(*_):
        raise error

    with pytest.raises(UserError, match="^The config describes no toy that can be built: ") as refused:
        built_if_held(GlowTTSConfig(), "toy", fail, lambda make, most: make(), lambda make, most: 0)
    assert len(str(refused.value).splitlines()) == 1


def test_what_a_builder_tells_the_user_stays_as_it_is():
    def refuse(config):
        raise UserError("r = 9: is odd.")

    with pytest.raises(UserError, match=r"^r = 9: is odd\.$"):
        built_if_held(GlowTTSConfig(), "toy", refuse, lambda make, most: make(), lambda make, most: 0)
