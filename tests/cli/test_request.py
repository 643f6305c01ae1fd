"""From flags and overrides to what is asked of the training."""

import pytest

from finetune_tts.assembly.overriding import apply, make_room_for_dataset
from finetune_tts.cli.finetune_flags import build_parser
from finetune_tts.cli.request import request_of, short_forms
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
    assert (request.limits.max_steps, request.fill_in, request.allow_partial) == (None, True, False)


def applied(*words, overrides=()):
    config = GlowTTSConfig(datasets=[DatasetConfig(formatter="auto")])
    apply(config, short_forms(build_parser().parse_known_flags(list(words)), list(overrides)))
    return [(dataset.path, dataset.formatter, dataset.meta_file_train) for dataset in config.datasets]


def test_a_flag_given_for_each_of_several_data_sets_is_about_that_one():
    paths = ("--dataset_path", "a", "--dataset_path", "b")
    assert applied(*paths) == [("a", "auto", ""), ("b", "auto", "")]
    assert applied(*paths, "--dataset_format", "ljspeech") == [("a", "ljspeech", ""), ("b", "ljspeech", "")]
    metadata = ("--meta_file", "1.csv", "--meta_file=2.csv", "--dataset_format", "csv", "--dataset_format", "vctk")
    assert applied(*paths, *metadata) == [("a", "csv", "1.csv"), ("b", "vctk", "2.csv")]
    same = ("--dataset_path", "a", "--dataset_path", "a", "--meta_file", "1.csv", "--meta_file", "2.csv")
    assert applied(*same) == [("a", "auto", "1.csv"), ("a", "auto", "2.csv")]


def test_data_sets_that_cannot_be_told_apart_or_matched_are_refused():
    paths = ("--dataset_path", "a", "--dataset_path", "b")
    with pytest.raises(UserError, match="--dataset_path a is given twice"):
        applied("--dataset_path", "a", "--dataset_path", "a")
    with pytest.raises(UserError, match="--meta_file is given 2 times, --dataset_path 3 times"):
        applied(
            *("--dataset_path", "a") * 1,
            *["--dataset_path", "b", "--dataset_path", "c", "--meta_file", "x", "--meta_file", "y"],
        )
    with pytest.raises(UserError, match="--dataset_format is given 2 times, --dataset_path 1 times"):
        applied("--dataset_format", "csv", "--dataset_format", "vctk")
    with pytest.raises(UserError, match="--dataset_path b and --coqpit.datasets.1.path c differ"):
        applied(*paths, overrides=[Override("datasets.1.path", ("c",))])
