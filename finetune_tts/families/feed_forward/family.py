"""The feed-forward models, as the program knows them."""

from finetune_tts.families.family import AdapterPlaces, EmbeddingRows, Family, Implementation
from finetune_tts.families.feed_forward.config import (
    FastPitchConfig,
    FastSpeech2Config,
    FastSpeechConfig,
    FeedForwardConfig,
    SpeedySpeechConfig,
    modernise,
)
from finetune_tts.families.feed_forward.faults import feed_forward_faults, feed_forward_run_faults
from finetune_tts.families.feed_forward.style_flags import read_melody


def _load() -> Implementation:
    from finetune_tts.families.feed_forward.building import build_feed_forward
    from finetune_tts.families.feed_forward.export import export_onnx
    from finetune_tts.families.feed_forward.speech import force, speak, style_of
    from finetune_tts.families.feed_forward.task import FeedForwardTask

    return Implementation(
        build=build_feed_forward,
        task=FeedForwardTask,
        speak=speak,
        force=force,
        style_of=style_of,
        exporters={"onnx": export_onnx},
    )


def _contours(config: FeedForwardConfig) -> tuple[str, ...]:
    args = config.model_args
    return (*(("pitch",) if args.use_pitch else ()), *(("energy",) if args.use_energy else ()))


def _family(name: str, config_class: type[FeedForwardConfig]) -> Family:
    return Family(
        name=name,
        config_class=config_class,
        load=_load,
        faults=feed_forward_faults,
        run_faults=feed_forward_run_faults,
        modernise=modernise,
        settle=FeedForwardConfig.settle,
        rows=EmbeddingRows(symbols="emb.weight", speakers="emb_g.weight"),
        only_in_training=("aligner",),
        adapters=AdapterPlaces(whole=("aligner",)),
        aligned_frames=lambda config: 1,
        contours=_contours,
        read_style=read_melody,
    )


FAST_PITCH = _family("fast_pitch", FastPitchConfig)
FASTSPEECH2 = _family("fastspeech2", FastSpeech2Config)
FAST_SPEECH = _family("fast_speech", FastSpeechConfig)
SPEEDY_SPEECH = _family("speedy_speech", SpeedySpeechConfig)
