"""The config of a speaker encoder (``config_se.json``): which network, on which spectrograms."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finetune_tts.config.audio import AudioConfig
from finetune_tts.config.base import Config
from finetune_tts.config.checks import audio_faults, reading_faults
from finetune_tts.config.commented_json import read_object
from finetune_tts.config.ranges import is_whole, limited
from finetune_tts.config.released import with_current_names
from finetune_tts.config.values import Findings, build, shown
from finetune_tts.errors import UserError

MODEL = "speaker_encoder"
NETWORKS = ("lstm", "resnet")
DEFAULT_PARAMS: dict[str, Any] = {
    "model_name": "lstm",
    "input_dim": 80,
    "proj_dim": 256,
    "lstm_dim": 768,
    "num_lstm_layers": 3,
    "use_lstm_with_projection": True,
}
_SIZES = ("input_dim", "proj_dim", "lstm_dim", "num_lstm_layers")
_LISTS = ("layers", "num_filters")
_SWITCHES = ("use_lstm_with_projection", "use_torch_spec", "log_input")
#: bounds far beyond any encoder, so that a config cannot ask for more memory than there is.
_LARGEST = {"num_lstm_layers": 32, "layers": 64}
_LARGEST_SIZE = 8192


@dataclass
class SpeakerEncoderConfig(Config):
    """What an encoder is used with; how it was trained stands in a config too, and is kept without being looked at."""

    model: str = field(default=MODEL, metadata={"help": "speaker_encoder."})
    audio: AudioConfig = field(default_factory=AudioConfig, metadata={"help": "Spectrograms."})
    model_params: dict[str, Any] = field(
        default_factory=lambda: dict(DEFAULT_PARAMS),
        metadata={"help": "The network: model_name (lstm, resnet), input_dim, proj_dim, use_torch_spec, …"},
    )
    class_name_key: str = field(default="speaker_name", metadata={"help": "What the encoder tells apart."})

    @property
    def network(self) -> str:
        """``lstm`` or ``resnet``."""
        return str(self.model_params.get("model_name", "lstm")).lower()

    @property
    def takes_waveforms(self) -> bool:
        """Whether the network has its own front end; else it takes mel spectrograms of ``audio``."""
        return bool(self.model_params.get("use_torch_spec", False))

    @property
    def proj_dim(self) -> int:
        """Size of a vector."""
        size: int = self.model_params["proj_dim"]
        return size


def load_encoder_config(path: str | Path) -> SpeakerEncoderConfig:
    """Read the config of a speaker encoder, as releases from 2020 on have written it.

    Raises:
        UserError: it cannot be read, is the config of something else, or holds values that no encoder can have.
    """
    where = str(path)
    values = with_current_names(read_object(path))
    params = values.get("model")
    if isinstance(params, dict):  # the form of 2020, when the only network was the LSTM
        values |= {"model": MODEL, "model_params": {**params, **(values.get("model_params") or {})}}
    if not isinstance(values.get("model_params"), dict):
        model = f' (model = "{params}")' if isinstance(params, str) else ""
        raise UserError(
            f"{where}: is not the config of a speaker encoder{model}: it has no model_params. "
            "Name the config_se.json that came with the encoder."
        )
    findings = Findings()
    config = build(SpeakerEncoderConfig, values, "", findings)
    faults = findings.faults
    assert isinstance(config, SpeakerEncoderConfig)
    if not faults:
        config.model_params = {**_defaults(config.network), **config.model_params}
        faults = list(encoder_config_faults(config))
    if faults:
        raise UserError(f"{where}: {'; '.join(limited(faults))}.")
    config.model_params |= {name: int(config.model_params[name]) for name in _SIZES if name in config.model_params}
    return config


def encoder_config_faults(config: SpeakerEncoderConfig) -> Iterator[str]:
    """Yield what no speaker encoder can be built with."""
    params = config.model_params
    if config.network not in NETWORKS:
        yield f"model_params.model_name = {shown(params['model_name'])}: must be one of {', '.join(NETWORKS)}"
        return
    sizes = {name: params[name] for name in _SIZES if name in params}
    for name in _LISTS:
        for index, value in enumerate(_items(params.get(name))):
            sizes[f"{name}.{index}"] = value
        if name in params and len(_items(params[name])) != 4:
            yield f"model_params.{name} = {shown(params[name])}: must be a list of 4 whole numbers"
    bad = [name for name, size in sizes.items() if not (is_whole(size) and 1 <= size <= _largest(name))]
    for name in bad:
        yield f"model_params.{name} = {shown(sizes[name])}: must be a whole number, 1 to {_largest(name)}"
    for name in _SWITCHES:
        if not isinstance(params.get(name, False), bool):
            yield f"model_params.{name} = {shown(params[name])}: must be true or false"
    if "input_dim" not in bad and params["input_dim"] != config.audio.num_mels:
        yield f"model_params.input_dim = {params['input_dim']}: must be audio.num_mels = {config.audio.num_mels}"
    elif "input_dim" not in bad and config.network == "resnet" and params["input_dim"] % 8:
        yield f"model_params.input_dim = {params['input_dim']}: must be a multiple of 8"
    yield from audio_faults(config.audio)
    yield from reading_faults(config.audio)


def _defaults(network: str) -> dict[str, Any]:
    return DEFAULT_PARAMS if network == "lstm" else {"input_dim": 64, "proj_dim": 512}


def _largest(name: str) -> int:
    return _LARGEST.get(name.partition(".")[0], _LARGEST_SIZE)


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
