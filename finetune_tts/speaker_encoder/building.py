"""From a config to a speaker encoder, with the weights of a release or without."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from finetune_tts.checkpoints.networks import restore_network
from finetune_tts.checkpoints.report import Fate
from finetune_tts.config.audio import AudioConfig
from finetune_tts.config.network_size import built_if_held
from finetune_tts.errors import UserError
from finetune_tts.layers.parameter_count import build_within, count_parameters
from finetune_tts.speaker_encoder.config import SpeakerEncoderConfig
from finetune_tts.speaker_encoder.front_end import WaveformToMel
from finetune_tts.speaker_encoder.lstm import LSTMSpeakerEncoder
from finetune_tts.speaker_encoder.resnet import ResNetSpeakerEncoder
from finetune_tts.speaker_encoder.windows import SpeakerEncoderNetwork

#: arguments of the networks that a config may leave out.
_LSTM_OPTIONS = ("use_lstm_with_projection",)
_RESNET_OPTIONS = ("layers", "num_filters", "encoder_type", "log_input")
_FAULTS_SHOWN = 3


def build_speaker_encoder(config: SpeakerEncoderConfig) -> SpeakerEncoderNetwork:
    """Build the encoder that a config describes, with fresh weights.

    Raises:
        UserError: the config contradicts itself, or its network would be too large.
    """
    network = built_if_held(config, "speaker encoder", _built, build_within, count_parameters)
    return cast(SpeakerEncoderNetwork, network)


def _built(config: SpeakerEncoderConfig) -> SpeakerEncoderNetwork:
    params = config.model_params
    front_end = _front_end(config.audio) if config.takes_waveforms else None
    if config.network == "lstm":
        return LSTMSpeakerEncoder(
            input_dim=params["input_dim"],
            proj_dim=params["proj_dim"],
            lstm_dim=params["lstm_dim"],
            num_lstm_layers=params["num_lstm_layers"],
            torch_spec=front_end,
            **_given(params, _LSTM_OPTIONS),
        )
    return ResNetSpeakerEncoder(
        input_dim=params["input_dim"],
        proj_dim=params["proj_dim"],
        torch_spec=front_end,
        **_given(params, _RESNET_OPTIONS),
    )


def restored_speaker_encoder(
    config: SpeakerEncoderConfig, state: Mapping[str, Tensor], *, source: str | Path
) -> SpeakerEncoderNetwork:
    """Build an encoder and fill it with released weights, in eval mode: all of them or none.

    Args:
        config: of the encoder.
        state: tensors by released name.
        source: where they came from, for messages.

    Raises:
        UserError: the weights are not those of the config's encoder, or hold NaN or infinity.
    """
    if config.network == "lstm" and "layers.0.lstm.weight_ih_l0" in state:
        # 🐸TTS projects after each layer whatever this field says.
        config.model_params["use_lstm_with_projection"] = True
    network = build_speaker_encoder(config)
    report = restore_network(network, state, source=source)
    # torch before 0.4.1 did not count batches, which only training needs.
    misfits = [
        tensor
        for tensor in report.tensors
        if tensor.fate is not Fate.RESTORED and not tensor.name.endswith("num_batches_tracked")
    ]
    if misfits:
        shown = "; ".join(f"{tensor.name} ({tensor.fate.value}: {tensor.reason})" for tensor in misfits[:_FAULTS_SHOWN])
        more = f"; and {len(misfits) - _FAULTS_SHOWN} more" if len(misfits) > _FAULTS_SHOWN else ""
        raise UserError(
            f"{source}: {len(misfits)} tensors do not fit the speaker encoder of the config: {shown}{more}. "
            "Use the config_se.json that belongs to these weights."
        )
    if report.non_finite:
        raise UserError(f"{source}: {report.non_finite[0]} holds NaN or infinity: this speaker encoder cannot be used.")
    return network.eval()


def _front_end(audio: AudioConfig) -> WaveformToMel:
    if audio.hop_length is None:
        raise UserError("audio.hop_length is null: a speaker encoder with use_torch_spec needs it in samples.")
    return WaveformToMel(
        sample_rate=audio.sample_rate,
        fft_size=audio.fft_size,
        win_length=audio.fft_size if audio.win_length is None else audio.win_length,
        hop_length=audio.hop_length,
        num_mels=audio.num_mels,
        preemphasis=audio.preemphasis,
    )


def _given(params: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: params[name] for name in names if name in params}
