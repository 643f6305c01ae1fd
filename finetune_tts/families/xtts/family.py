"""XTTS, as the program knows it."""

from collections.abc import Mapping
from typing import Any

from finetune_tts.config.bounds import Bounds
from finetune_tts.config.changes import Change
from finetune_tts.families.family import EmbeddingRows, Family, Implementation, MemoryPlan, Recorded
from finetune_tts.families.xtts.config import XttsConfig, locate, modernise
from finetune_tts.families.xtts.faults import xtts_faults, xtts_run_faults

MOST_CLIPS_AN_UPDATE = 252
"""As many as the makers advise."""
LEAST_CLIPS_AN_UPDATE = 8
UPDATES_AN_EPOCH = 12
"""With so many recordings that an update of 252 clips leaves fewer, an update gets fewer clips."""
USUAL_RANK = 16
ENOUGH_MINUTES = 2.0
CLIPS_SEEN = 2_000
"""A voice is learned from about so many clips, seen again and again where there are less."""
#: bytes of a device, in GB → clips of a batch that fit, the whole model learning.
_BATCHES = ((14, 1), (22, 2), (36, 4), (60, 8), (10_000, 16))
#: the same while the decoder learns: some 3.5 GB for weights and optimizers, and 1.1 GB for each clip in float32.
_DECODER_BATCHES = ((9, 2), (14, 4), (24, 8), (10_000, 16))


def _load() -> Implementation:
    from finetune_tts.families.speech import Listening
    from finetune_tts.families.xtts.building import build_xtts
    from finetune_tts.families.xtts.codec import DvaeCodec
    from finetune_tts.families.xtts.decoder_task import task_of
    from finetune_tts.families.xtts.ending import assets, finish
    from finetune_tts.families.xtts.fitting import fit_to_weights
    from finetune_tts.families.xtts.judge import own_encoder
    from finetune_tts.families.xtts.reader import grown, tokenizer_of
    from finetune_tts.families.xtts.speech import hear, hear_all, speak, stream, style_of
    from finetune_tts.families.xtts.voices import FILE_NAME, read_voices, write_voices
    from finetune_tts.families.xtts.weights import completed

    return Implementation(
        build=build_xtts,
        task=task_of,
        speak=speak,
        stream=stream,
        style_of=style_of,
        tokenizer=tokenizer_of,
        grown=grown,
        codec=DvaeCodec,
        completed=completed,
        fit_to_weights=fit_to_weights,
        assets=assets,
        finish=finish,
        own_encoder=own_encoder,
        memory_plans=_memory_plans,
        listening=Listening(hear=hear, hear_all=hear_all, file_name=FILE_NAME, read=read_voices, write=write_voices),
    )


def _translate_names(state: Mapping[str, Any]) -> Mapping[str, Any]:
    from finetune_tts.families.xtts.weights import translate_names

    return translate_names(state)


def _read_manner(flags: Mapping[str, Any]) -> Any:
    from finetune_tts.families.xtts.speech import read_manner

    return read_manner(flags)


def _bounds(config: XttsConfig) -> Bounds:
    args = config.model_args
    rate = args.input_sample_rate
    return Bounds(args.min_wav_length / rate, args.max_wav_length / rate, args.max_text_length)


def _clips_an_update(config: XttsConfig, clips: int) -> int | None:
    if config.train_decoder:
        return None
    return max(LEAST_CLIPS_AN_UPDATE, min(MOST_CLIPS_AN_UPDATE, clips // UPDATES_AN_EPOCH))


def _memory_plans(config: XttsConfig) -> tuple[MemoryPlan, ...]:
    """All weights or adapters, in either precision."""
    rank = config.lora_rank or USUAL_RANK
    return tuple(
        MemoryPlan(f"{what}, {number}", {"lora_rank": adapters, "mixed_precision": mixed})
        for what, adapters in (("all weights", 0), (f"adapters of rank {rank}", rank))
        for number, mixed in (("float32", False), ("bf16", True))
    )


def _fine_tune_settings(config: XttsConfig, recorded: Recorded) -> list[Change]:
    """What released configs, which are made for speaking, say nothing of use about."""
    if config.train_decoder:
        return _decoder_settings(recorded)
    fresh = XttsConfig()
    rate = 1e-4 if config.lora_rank else fresh.lr
    reason = "adapters begin at zero and learn fast" if config.lora_rank else "the makers' rate for fine-tuning"
    gigabytes = recorded.memory / 1e9 * (3 if config.lora_rank else 1)  # the states of the optimizer are most of it
    batch = next(clips for bound, clips in _BATCHES if gigabytes < bound)
    epochs = max(4, min(20, round(CLIPS_SEEN / max(recorded.clips, 1))))
    return [
        Change("lr", rate, reason),
        Change("batch_size", batch, f"what {recorded.memory / 1e9:.0f} GB of memory hold"),
        Change("epochs", epochs, f"some {epochs * recorded.clips:,} clips are seen, {recorded.clips} in an epoch"),
        Change("optimizer", fresh.optimizer, "as in the makers' recipe"),
        Change("optimizer_params", fresh.optimizer_params, "as in the makers' recipe"),
        Change("optimizer_wd_only_on_weights", True, "as in the makers' recipe"),
        Change("lr_scheduler", None, "the rate stays what it is"),
        Change("grad_clip", fresh.grad_clip, "a single clip cannot throw the model off"),
        Change("mixed_precision", True, "bf16, where the device is fast in it"),
        Change("precision", "bf16", "which needs no loss scaling"),
        Change("save_n_checkpoints", 1, "they are large, and hold what resuming needs"),
    ]


def _decoder_settings(recorded: Recorded) -> list[Change]:
    """What suits the decoder, a vocoder in all but its input; how long a run is follows from the recordings."""
    batch = next(clips for bound, clips in _DECODER_BATCHES if recorded.memory / 1e9 < bound)
    return [
        Change("lr", 7e-5, "a third of the rate of HiFi-GAN's own recipe, for decoder and discriminator"),
        Change("batch_size", batch, f"what {recorded.memory / 1e9:.0f} GB of memory hold"),
        Change("optimizer", "AdamW", "as in HiFi-GAN's recipe"),
        Change("optimizer_params", {"betas": [0.8, 0.99], "weight_decay": 0.0}, "as in HiFi-GAN's recipe"),
        Change("lr_scheduler", None, "the rate stays what it is"),
        Change("grad_clip", 5.0, "as in HiFi-GAN's recipe"),
        Change("precision", "bf16", "which needs no loss scaling"),
        Change("save_n_checkpoints", 1, "they are large, and hold what resuming needs"),
    ]


FAMILY = Family(
    name="xtts",
    config_class=XttsConfig,
    load=_load,
    faults=xtts_faults,
    run_faults=xtts_run_faults,
    modernise=modernise,
    locate=locate,
    symbol_fields=("model_args.gpt_number_text_tokens",),
    adapts_itself=True,
    rows=EmbeddingRows(symbols="gpt.text_embedding.weight", heads=("gpt.text_head.weight", "gpt.text_head.bias")),
    translate_names=_translate_names,
    makes_waveform=True,
    needs_waveforms=True,
    bounds=_bounds,
    output_rate=lambda config: int(config.model_args.output_sample_rate),
    fine_tune_settings=_fine_tune_settings,
    enough_minutes=ENOUGH_MINUTES,
    clips_an_update=_clips_an_update,
    discriminator="disc",
    shards=True,
    slow_to_speak=True,
    read_style=_read_manner,
)
