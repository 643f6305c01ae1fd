"""The pre-trained model that a run starts from: its weights, its alphabet, its speakers, its config."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from finetune_tts.checkpoints.reading import Checkpoint
from finetune_tts.config.audio import AudioConfig
from finetune_tts.config.languages import LanguageConfig
from finetune_tts.config.speakers import SpeakerConfig
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.config.training import CheckpointConfig, EvaluationConfig, RunConfig
from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.data.speakers import LanguageNames, Names, SpeakerNames
from finetune_tts.errors import UserError
from finetune_tts.families.building import read_weights
from finetune_tts.families.loading import config_from_dict, load_any_config, own_form
from finetune_tts.families.reading import locate, tokenizer_of
from finetune_tts.families.registry import family_of
from finetune_tts.synthesis.loading import config_beside, find_config, load_located_config, model_config

logger = logging.getLogger(__name__)

RUN = "the config of the run"

#: audio fields that decide what a mel spectrogram looks like.
FEATURE_FIELDS = (
    "sample_rate", "fft_size", "hop_length", "win_length", "frame_shift_ms", "frame_length_ms", "preemphasis",
    "num_mels", "mel_fmin", "mel_fmax", "log_func", "spec_gain", "ref_level_db", "min_level_db", "do_amp_to_db_mel",
    "signal_norm", "symmetric_norm", "max_norm", "clip_norm",
)  # fmt: skip


@dataclass(frozen=True)
class Pretrained:
    """A model that was trained before.

    Attributes:
        checkpoint: its weights.
        config: what they were trained with, as far as that is known.
        symbols: its alphabet in id order.
        speakers: who it knows, with a name for every row of its embedding; None for a model without one.
        languages: which languages it knows, likewise.
    """

    checkpoint: Checkpoint
    config: SpeechConfig
    symbols: tuple[str, ...]
    speakers: SpeakerNames | None
    languages: LanguageNames | None = None


def read_pretrained(path: str | Path, run_config: SpeechConfig) -> Pretrained:
    """Read a pre-trained model.

    Its config is the one beside the checkpoint, else the one inside it, else that of the run. A config whose alphabet
    has not as many symbols as the weights have rows is none of theirs: it was changed since.

    Args:
        path: a checkpoint, or a folder that holds one.
        run_config: of the run that starts from it.

    Raises:
        UserError: there is no checkpoint, or it cannot be read.
    """
    checkpoint = read_weights(path, run_config)
    names = family_of(run_config.model).embedding_rows
    rows = checkpoint.rows(names.symbols)
    found = [(config, _symbols(config), where) for config, where in _configs(checkpoint)]
    fitting = [entry for entry in found if not rows or len(entry[1]) == rows]
    if not fitting:  # the run's may name only new symbols of an alphabet, so it is not looked at without need
        found.append((run_config, _symbols(run_config), RUN))
        fitting = [entry for entry in found[-1:] if not rows or len(entry[1]) == rows] or found[:1]
    config, symbols, where = fitting[0]
    for _, others, elsewhere in fitting[1:]:
        if others != symbols:
            logger.warning("%s and %s name different alphabets. The first is taken for the model's.", where, elsewhere)
    return Pretrained(
        checkpoint,
        config,
        symbols,
        speakers=_speakers(checkpoint, config, names.speakers),
        languages=_languages(checkpoint, config, names.languages),
    )


def config_to_tune(restore_path: str | Path, config_path: str | Path | None = None) -> SpeechConfig | VocoderConfig:
    """Return the config of a pre-trained model or vocoder, made the config of a new run.

    What describes the model stays. Where a run writes, what it keeps and when it looks suited its makers' run and
    machine, and gets the defaults; data sets that are not here are left out.

    Args:
        restore_path: the checkpoint, or its folder.
        config_path: its config; by default the one beside it, or else the one in it.

    Raises:
        UserError: there is no config, or it cannot be read.
    """
    config: Any
    if config_path is None and not config_beside(restore_path).is_file():
        config, _ = model_config(restore_path)
    else:
        path = Path(config_path or find_config(restore_path))
        config = load_any_config(path)
        locate(config, path.parent)
    for group in (RunConfig, CheckpointConfig, EvaluationConfig):
        defaults = group()
        for field in fields(group):
            setattr(config, field.name, getattr(defaults, field.name))
    config.datasets = [dataset for dataset in config.datasets if dataset.path and Path(dataset.path).is_dir()]
    if isinstance(config, VocoderConfig):
        config.data_path, config.feature_path = "", None  # those of its makers' machine
    else:
        config.phoneme_cache_path, config.test_sentences_file = None, ""
    return config


def audio_changes(there: AudioConfig, here: AudioConfig) -> list[str]:
    """Settings that give a network other spectrograms than those it was trained on: ``audio.num_mels 80 → 100``."""
    return [
        f"audio.{name} {getattr(there, name)} → {getattr(here, name)}"
        for name in FEATURE_FIELDS
        if getattr(there, name) != getattr(here, name)
    ]


def warn_of_other_audio(pretrained: Pretrained, config: SpeechConfig) -> None:
    """Say which settings give the network other spectrograms than those it was trained on."""
    changed = audio_changes(pretrained.config.audio, config.audio)
    if changed:
        logger.warning(
            "The spectrograms differ from those that the model was trained on, so it has more to learn again: %s.",
            ", ".join(changed),
        )


def _configs(checkpoint: Checkpoint) -> Iterator[tuple[SpeechConfig, str]]:
    """The configs beside and inside a checkpoint, with what they are called; the likelier first."""
    folder = checkpoint.path.parent
    beside = config_beside(checkpoint.path)
    if beside.is_file():
        try:
            yield load_located_config(beside, quiet=True), str(beside)
        except UserError as error:
            logger.warning("The config beside the checkpoint is ignored. %s", error)
    inside = checkpoint.config
    # The settings in a checkpoint of another program are a part of the config beside it.
    if inside is not None and not (beside.is_file() and not isinstance(inside.get("model"), str)):
        try:
            config = config_from_dict(
                own_form(inside, checkpoint.path), where=f"config in {checkpoint.path}", quiet=True
            )
        except UserError as error:
            logger.info("%s", error)
        else:
            locate(config, folder)
            yield config, str(checkpoint.path)


def _symbols(config: SpeechConfig) -> tuple[str, ...]:
    return tokenizer_of(config).vocabulary.symbols


def _speakers(checkpoint: Checkpoint, config: SpeechConfig, tensor: str) -> SpeakerNames | None:
    if tensor not in checkpoint.model or not isinstance(config, SpeakerConfig):
        return None
    return _named(SpeakerNames({}), config.speakers_file, checkpoint.rows(tensor), checkpoint)


def _languages(checkpoint: Checkpoint, config: SpeechConfig, tensor: str) -> LanguageNames | None:
    if tensor not in checkpoint.model or not isinstance(config, LanguageConfig):
        return None
    return _named(LanguageNames({}), config.language_ids_file, checkpoint.rows(tensor), checkpoint)


def _named(names: Names, file: str | None, rows: int, checkpoint: Checkpoint) -> Names:
    """The names in ``file``, with a made-up one for every other row of the embedding."""
    if file and Path(file).is_file():
        names = names.read(file)
    return names.for_rows(rows, file=file, weights=checkpoint.path)
