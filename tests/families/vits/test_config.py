"""VITS configs of every age: the network's fields in their group, and what stands twice says the same twice."""

import pytest

from finetune_tts.config.field_help import field_help
from finetune_tts.errors import UserError
from finetune_tts.families.checks import check_config
from finetune_tts.families.loading import config_from_dict
from finetune_tts.families.overrides import apply_overrides, parse_overrides
from finetune_tts.families.vits.config import SHARED_FIELDS, VitsArgs, VitsConfig


def test_network_fields_at_top_level_move_into_their_group():
    config = config_from_dict({"model": "vits", "hidden_channels": 96, "use_sdp": False, "lr_gen": 1e-4})
    assert config.model_args.hidden_channels == 96
    assert config.model_args.use_sdp is False
    assert not config.kept_fields()


def test_what_the_group_says_counts_more_than_the_top_level():
    config = config_from_dict(
        {
            "model": "vits",
            "use_speaker_embedding": False,
            "model_args": {"use_speaker_embedding": True, "speakers_file": "speakers.json"},
        }
    )
    assert config.use_speaker_embedding
    assert config.speakers_file == "speakers.json"


def test_what_only_the_top_level_says_counts_for_the_group():
    config = config_from_dict(
        {"model": "vits", "use_d_vector_file": True, "d_vector_dim": 256, "d_vector_file": ["a.json"]}
    )
    assert (config.model_args.d_vector_dim, config.model_args.d_vector_file) == (256, ["a.json"])


def test_old_names_of_d_vector_fields_are_known_in_the_group():
    args = {"use_external_speaker_embedding_file": True, "external_speaker_embedding_file": "d.json"}
    config = config_from_dict({"model": "vits", "model_args": {**args, "d_vector_dim": 4}})
    assert config.use_d_vector_file
    assert config.d_vector_file == "d.json"


def test_a_config_made_in_a_recipe_says_the_same_in_both_places():
    assert VitsConfig(model_args=VitsArgs(use_language_embedding=True)).use_language_embedding
    assert VitsConfig(use_speaker_embedding=True).model_args.use_speaker_embedding


@pytest.mark.parametrize("flag", ["--coqpit.d_vector_dim", "--coqpit.model_args.d_vector_dim"])
def test_an_override_of_either_place_counts_in_both(flag):
    config = VitsConfig()
    apply_overrides(config, parse_overrides([flag, "64"]))
    assert config.d_vector_dim == config.model_args.d_vector_dim == 64


def test_written_and_read_again_it_is_the_same():
    config = VitsConfig(model_args=VitsArgs(use_speaker_embedding=True, spec_segment_size=16))
    again = config_from_dict(config.to_dict(), quiet=True)
    assert again.to_dict() == config.to_dict()
    assert set(SHARED_FIELDS) <= set(config.to_dict()["model_args"])


def test_every_field_has_a_help_text():
    entries = field_help(VitsConfig)
    assert all(entry.help for entry in entries)
    assert "model_args.spec_segment_size" in {entry.name for entry in entries}


def test_the_defaults_make_sense():
    assert check_config(VitsConfig()) == []


FAULTS = {
    "model_args.out_channels": {"out_channels": 80},
    "model_args.upsample_rates_decoder": {"upsample_rates_decoder": [8, 8, 2, 3]},
    "model_args.resblock_kernel_sizes_decoder": {"resblock_kernel_sizes_decoder": [3, 7]},
    "model_args.encoder_sample_rate": {"encoder_sample_rate": 16000},
    "d_vector_dim": {"use_d_vector_file": True},
    "use_d_vector_file and use_speaker_embedding": {
        "use_d_vector_file": True, "use_speaker_embedding": True, "d_vector_dim": 2,
    },
    "model_args.kernel_size_flow": {"kernel_size_flow": 4},
    "model_args.num_heads_text_encoder": {"num_heads_text_encoder": 5},
    "model_args.resblock_type_decoder": {"resblock_type_decoder": "3"},
    "model_args.hidden_channels": {"hidden_channels": 1},
}  # fmt: skip


@pytest.mark.parametrize(("field", "args"), FAULTS.items(), ids=FAULTS)
def test_what_makes_no_network_is_named(field, args):
    faults = check_config(VitsConfig(model_args=VitsArgs(**args)))
    assert any(fault.startswith(field) for fault in faults), faults


def test_a_group_that_is_none_is_named():
    with pytest.raises(UserError, match="model_args = 5: expected an object"):
        config_from_dict({"model": "vits", "model_args": 5})
