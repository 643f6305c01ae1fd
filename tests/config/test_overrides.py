"""``--coqpit.FIELD VALUE``: every kind of value, all faults at once, all or nothing."""

from copy import deepcopy

import pytest

from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.errors import UserError
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.families.loading import config_from_dict
from finetune_tts.families.overrides import Override, apply_overrides, parse_overrides, split_overrides


def overridden(*argv: str, config: GlowTTSConfig | None = None) -> GlowTTSConfig:
    config = GlowTTSConfig() if config is None else config
    apply_overrides(config, parse_overrides(argv))
    return config


def faults(*argv: str, config: GlowTTSConfig | None = None) -> str:
    with pytest.raises(UserError) as error:
        overridden(*argv, config=config)
    return str(error.value)


def test_other_arguments_are_left_for_argparse():
    overrides, rest = split_overrides(
        ["--restore_path", "m.pth", "--coqpit.lr", "1e-5", "--demo", "--coqpit.run_name=a=b", "--x", "-3"]
    )
    assert overrides == [Override("lr", ("1e-5",)), Override("run_name", ("a=b",))]
    assert rest == ["--restore_path", "m.pth", "--demo", "--x", "-3"]


def test_negative_numbers_are_values_and_flags_are_not():
    overrides, rest = split_overrides(["--coqpit.a", "-1e-3", "--coqpit.b", "-.5", "--coqpit.c", "-h"])
    assert [override.words for override in overrides] == [("-1e-3",), ("-.5",), ()]
    assert rest == ["-h"]


def test_a_stray_word_is_no_override():
    with pytest.raises(UserError, match="--lr 3: is no override"):
        parse_overrides(["--lr", "3"])


@pytest.mark.parametrize(
    ("words", "field", "expected"),
    [
        (["--coqpit.lr", "0.00001"], "lr", 1e-5),
        (["--coqpit.lr=1"], "lr", 1.0),
        (["--coqpit.grad_clip", "1", "2.5"], "grad_clip", [1.0, 2.5]),
        (["--coqpit.grad_clip", "[1, 2]"], "grad_clip", [1.0, 2.0]),
        (["--coqpit.epochs", "1e3"], "epochs", 1000),
        (["--coqpit.mixed_precision", "true"], "mixed_precision", True),
        (["--coqpit.mixed_precision=True"], "mixed_precision", True),
        (["--coqpit.run_eval", "False"], "run_eval", False),
        (["--coqpit.lr_scheduler", "null"], "lr_scheduler", None),
        (["--coqpit.text_cleaner", "None"], "text_cleaner", None),
        (["--coqpit.run_name", "None"], "run_name", "None"),
        (["--coqpit.run_name", "[x]"], "run_name", "[x]"),
        (["--coqpit.run_name="], "run_name", ""),
        (["--coqpit.run_name=--x"], "run_name", "--x"),
        (["--coqpit.run_name", "3"], "run_name", "3"),
        (["--coqpit.inference_noise_scale", "-0.5"], "inference_noise_scale", -0.5),
        (["--coqpit.max_audio_len", "Infinity"], "max_audio_len", float("inf")),
        (["--coqpit.max_audio_len", "220500"], "max_audio_len", 220500),
        (["--coqpit.d_vector_file", "x.json"], "d_vector_file", "x.json"),
        (["--coqpit.d_vector_file", '["x.json", "y.json"]'], "d_vector_file", ["x.json", "y.json"]),
        (["--coqpit.languages", "en", "de"], "languages", ["en", "de"]),
        (["--coqpit.test_sentences", '["One.", ["Two.", "anna"]]'], "test_sentences", ["One.", ["Two.", "anna"]]),
        (["--coqpit.test_sentences", "One only."], "test_sentences", ["One only."]),
        (["--coqpit.lr_scheduler_params", '{"gamma": 0.9}'], "lr_scheduler_params", {"gamma": 0.9}),
        (
            ["--coqpit.optimizer_params.weight_decay", "1"],
            "optimizer_params",
            {"betas": [0.9, 0.998], "weight_decay": 1},
        ),
        (
            ["--coqpit.optimizer_params.betas.1", "0.99"],
            "optimizer_params",
            {"betas": [0.9, 0.99], "weight_decay": 1e-6},
        ),
        (["--coqpit.model_args.a.b", "true"], "model_args", {"a": {"b": True}}),
        (["--coqpit.model_args.a", "word"], "model_args", {"a": "word"}),
        (["--coqpit.model_args.a", "null"], "model_args", {"a": None}),
        (["--coqpit.model", "Glow-TTS"], "model", "glow_tts"),
    ],
)
def test_a_value(words, field, expected):
    value = getattr(overridden(*words), field)
    assert value == expected
    assert type(value) is type(expected)


def test_nested_fields_and_list_items():
    config = overridden(
        *["--coqpit.audio.sample_rate", "16000", "--coqpit.encoder_params.num_layers", "2"],
        *["--coqpit.datasets.1.path", "b", "--coqpit.datasets.0.path", "a", "--coqpit.datasets.0.formatter=csv"],
        *["--coqpit.characters.pad", "_"],
    )
    assert config.audio.sample_rate == 16000
    assert config.audio.hop_length == 256
    assert config.encoder_params["num_layers"] == 2
    assert [(dataset.path, dataset.formatter) for dataset in config.datasets] == [("a", "csv"), ("b", "")]
    assert config.characters.pad == "_"


def test_a_group_given_as_json_keeps_its_other_fields():
    config = overridden("--coqpit.audio.num_mels", "40", "--coqpit.audio", '{"sample_rate": 16000}')
    assert (config.audio.sample_rate, config.audio.num_mels) == (16000, 40)


def test_data_sets_given_as_json():
    config = overridden("--coqpit.datasets", '[{"formatter": "ljspeech", "path": "x"}]')
    assert config.datasets == [DatasetConfig(formatter="ljspeech", path="x")]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--coqpit.lr", "abc"], "--coqpit.lr abc: expected a number"),
        (["--coqpit.lr", "nan"], "--coqpit.lr nan: expected a number"),
        (["--coqpit.batch_size", "2.5"], "--coqpit.batch_size 2.5: expected a whole number"),
        (["--coqpit.batch_size", "inf"], "expected a whole number"),
        (["--coqpit.batch_size", ""], "expected a whole number"),
        (["--coqpit.batch_size", "null"], "--coqpit.batch_size null: expected a whole number"),
        (["--coqpit.batch_size", "9" * 5000], "expected a whole number"),
        (["--coqpit.mixed_precision", "yes"], "expected true or false"),
        (["--coqpit.mixed_precision"], "needs a value, true or false: --coqpit.mixed_precision true"),
        (["--coqpit.lr"], "--coqpit.lr: needs a value"),
        (["--coqpit.lrr", "1"], "--coqpit.lrr 1: unknown field. Did you mean --coqpit.lr?"),
        (["--coqpit.sample_rate", "1"], "Did you mean --coqpit.audio.sample_rate?"),
        (["--coqpit.audio.smaple_rate", "1"], "--coqpit.audio.sample_rate"),
        (["--coqpit.datasets.0.pth", "1"], "--coqpit.datasets.0.path"),
        (["--coqpit.data_dep_init_iter", "1"], "Did you mean --coqpit.data_dep_init_steps?"),
        (["--coqpit.zzzz", "1"], "--help lists the fields"),
        (["--coqpit.", "1"], "unknown field"),
        (["--coqpit.lr.x", "1"], "single value without a field 'x'"),
        (["--coqpit.text_cleaner.x", "1"], "text_cleaner is null"),
        (["--coqpit.datasets.2.path", "x"], "'2' is no place in a list of 0; the next free one is 0"),
        (["--coqpit.datasets.x.path", "x"], "'x' is no place in a list"),
        (["--coqpit.datasets", "x"], "expected a list"),
        (["--coqpit.audio", '{"sampel_rate": 1}'], "audio.sampel_rate: unknown field"),
        (["--coqpit.audio", '{"sample_rate": "x"}'], 'audio.sample_rate = "x": expected a whole number'),
        (["--coqpit.audio", "16000"], "expected an object of fields, as JSON"),
        (["--coqpit.optimizer_params", "{'a': 1}"], "is not JSON"),
        (["--coqpit.encoder_params.num_layers", "two"], "expected a number"),
        (["--coqpit.run_name", "my", "voice"], "takes one value, got 2"),
        (["--coqpit.model", "vits"], "the config is one of glow_tts"),
        (["--coqpit.lr", "1", "--coqpit.lr", "2"], "--coqpit.lr 2: contradicts --coqpit.lr 1"),
    ],
)
def test_a_fault(words, expected):
    assert expected in faults(*words)


def test_the_same_value_twice_is_no_fault():
    assert overridden("--coqpit.lr", "1", "--coqpit.lr=1").lr == 1.0


def test_all_faults_are_named_and_nothing_is_changed():
    config = GlowTTSConfig()
    before = deepcopy(config)
    message = faults(
        *["--coqpit.lr", "abc", "--coqpit.epochs", "5", "--coqpit.mixed_precision", "--coqpit.lrr", "1"], config=config
    )
    assert message.startswith("3 overrides fail:")
    assert len(message.splitlines()) == 4
    assert config == before


def test_a_field_that_a_released_config_brought_along_can_be_set():
    config = config_from_dict({"model": "glow_tts", "seq_len_norm": False, "audio": {"gain": 1.5}, "gst": {"heads": 4}})
    overridden("--coqpit.seq_len_norm", "true", "--coqpit.audio.gain", "2", "--coqpit.gst.heads", "8", config=config)
    values = config.to_dict()
    assert (values["seq_len_norm"], values["audio"]["gain"], values["gst"]["heads"]) == (True, 2, 8)
    assert "expected true or false" in faults("--coqpit.seq_len_norm", "7", config=config)
    assert "Did you mean --coqpit.seq_len_norm?" in faults("--coqpit.seq_len_nrm", "7", config=config)


def test_unknown_fields_survive_overrides():
    config = overridden("--coqpit.lr", "1", config=config_from_dict({"model": "glow_tts", "memory_size": 5}))
    assert config.to_dict()["memory_size"] == 5


def test_null_is_no_item_of_a_list():
    for field in ("test_sentences", "datasets"):
        assert "A list of nothing is '[]'" in faults(f"--coqpit.{field}", "null")
    assert overridden("--coqpit.test_sentences", "[]").test_sentences == []
    assert overridden("--coqpit.optimizer", "null").optimizer is None
