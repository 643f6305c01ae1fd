"""From flags and overrides to what is asked of the training."""

import pytest

from finetune_tts.cli.finetune import build_parser
from finetune_tts.cli.request import apply, make_room_for_dataset, request_of, short_forms
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.errors import UserError
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.families.overrides import Override


def test_short_forms_stand_for_fields():
    arguments = build_parser().parse_known_flags(
        ["--dataset_path", "a b", "--meta_file", "x.csv", "--run_name", "true"]
    )
    config = GlowTTSConfig(datasets=[DatasetConfig(formatter="auto")])
    apply(config, short_forms(arguments, []))
    assert (config.datasets[0].path, config.datasets[0].meta_file_train, config.run_name) == ("a b", "x.csv", "true")


def test_a_short_form_and_its_field_may_agree_and_not_differ():
    arguments = build_parser().parse_known_flags(["--output_path", "here"])
    assert short_forms(arguments, [Override("output_path", ("here",))]) == []
    with pytest.raises(UserError, match="--output_path here and --coqpit.output_path there differ"):
        short_forms(arguments, [Override("output_path", ("there",))])


@pytest.mark.parametrize(
    ("paths", "replace", "formatters"),
    [
        (["lr"], True, ["ljspeech"]),
        (["datasets.0.path"], True, ["auto"]),
        (["datasets.0.path"], False, ["ljspeech"]),
    ],
)
def test_room_is_made_for_the_persons_data_set(paths, replace, formatters):
    config = GlowTTSConfig(datasets=[DatasetConfig(formatter="ljspeech", path="elsewhere")])
    make_room_for_dataset(config, [Override(path, ("x",)) for path in paths], replace=replace)
    assert [dataset.formatter for dataset in config.datasets] == formatters


def test_room_is_made_where_there_is_none():
    config = GlowTTSConfig()
    make_room_for_dataset(config, [Override("datasets.0.path", ("x",))], replace=False)
    assert [dataset.formatter for dataset in config.datasets] == ["auto"]


def test_a_request_knows_what_was_chosen():
    arguments = build_parser().parse_known_flags(["--time_limit", "1.5", "--grad_accum_steps", "2", "--device", "cpu"])
    overrides = [Override("audio.sample_rate", ("8000",)), Override("lr", ("1e-4",))]
    request = request_of(arguments, overrides, GlowTTSConfig(), fill_in=True)
    assert request.chosen == {"audio", "lr"}
    assert (request.limits.time_limit, request.limits.grad_accum_steps, request.device) == (90, 2, "cpu")
    assert (request.max_steps, request.fill_in, request.allow_partial) == (None, True, False)
