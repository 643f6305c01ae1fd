"""The d-vectors of a run: read from the files of its config, or computed where recordings have none."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from finetune_tts.config.changes import Change
from finetune_tts.config.speakers import SpeakerConfig
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.data.d_vectors import DVectors
from finetune_tts.data.processes import ALONE, Team
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError
from finetune_tts.speaker_encoder.encoder import (
    CONFIG_FIELD,
    MODEL_FIELD,
    EncoderFiles,
    encoder_of_model,
    load_speaker_encoder,
)
from finetune_tts.synthesis.d_vectors import compute_d_vectors

logger = logging.getLogger(__name__)

_WAY_OUT = (
    "Name the speaker encoder of the model with --encoder_path (and --encoder_config_path), so that they are computed, "
    "or a file of vectors with --coqpit.d_vector_file."
)


@dataclass(frozen=True)
class VectorSource:
    """Where d-vectors of a run come from.

    Attributes:
        encoder: the model's speaker encoder, if it is available.
        cache_folder: where computed vectors are kept.
        device: where the encoder computes.
        files_are_own: the files that the config names were chosen for these recordings; else they are those of the
            model's own training, and a recording of the same name in them is another one.
        team: processes of the run, which share the work.
        dry: for a check: one vector is computed, which stands for all.
    """

    encoder: EncoderFiles | None
    cache_folder: Path
    device: torch.device
    files_are_own: bool
    team: Team = ALONE
    dry: bool = False


def available_encoder(
    config: SpeechConfig, chosen: EncoderFiles | None, folders: Sequence[Path]
) -> tuple[EncoderFiles | None, list[Change]]:
    """The speaker encoder of a run: the one that the user names, else the one that the model brings.

    The config is to name it, where the architecture has fields for it.

    Args:
        config: of the run, its paths located.
        chosen: by the user.
        folders: where one may lie: that of the pre-trained model.

    Raises:
        UserError: one is chosen for a model that has no use for it.
    """
    wanted = has_use_for_encoder(config)
    files = chosen
    if files is None and wanted:
        files = encoder_of_model(config.to_dict(), *folders)
    if files is None:
        return None, []
    fields = {
        **encoder_fields(config, MODEL_FIELD, files.model),
        **encoder_fields(config, CONFIG_FIELD, files.config),
    }
    if not fields and not wanted:
        raise UserError(
            f"--encoder_path {files.model}: this {config.model} does not know its speakers by d-vectors, so it has no "
            "use for a speaker encoder. Leave the flag out."
        )
    return files, [Change(name, value) for name, value in fields.items()]


def has_use_for_encoder(config: SpeechConfig) -> bool:
    """Whether a model knows its speakers by d-vectors, or is trained to sound like them to an encoder."""
    arguments = config.to_dict().get("model_args") or {}
    takes_vectors = isinstance(config, SpeakerConfig) and config.use_d_vector_file
    return takes_vectors or bool(arguments.get("use_speaker_encoder_as_loss"))


def encoder_fields(config: SpeechConfig, field: str, path: Path) -> dict[str, str]:
    """The fields of a config that name a file of the encoder, dotted name → ``path``; none where there is no field."""
    values = config.to_dict()
    names = [field, f"model_args.{field}"]
    places = [values, values.get("model_args") or {}]
    return {name: str(path) for name, place in zip(names, places, strict=True) if field in place}


def d_vectors_of(config: SpeakerConfig, samples: Sequence[Sample], source: VectorSource) -> DVectors:
    """The vectors of all recordings of a run, beside those that the model knows.

    Raises:
        UserError: recordings have no vector and no encoder is available, two have the same one, or sizes do not fit.
    """
    vectors = _gathered(config, samples, source)
    vectors.of_samples(samples)  # which finds out whether each has its own
    return vectors


def _gathered(config: SpeakerConfig, samples: Sequence[Sample], source: VectorSource) -> DVectors:
    known = _known_vectors(config, source)
    if source.encoder is None:
        return _complete(known, samples, source.files_are_own)
    missing = list(samples)
    if known is not None and source.files_are_own:
        missing = _without_vector(samples, known)
        if not missing:
            return known
    new = _computed(config, missing, source, source.encoder)
    if known is None:
        if config.d_vector_files:
            named = ", ".join(config.d_vector_files)
            logger.warning("d_vector_file %s is not there: the model's own speakers are lost.", named)
        return new
    _tell_speakers(known, new)
    return known.giving_way_to(new.vectors).merged(new)


def _known_vectors(config: SpeakerConfig, source: VectorSource) -> DVectors | None:
    """What the files hold; of a model's own ones only those that are there, where the others can be done without."""
    paths = config.d_vector_files
    if not source.files_are_own and source.encoder is not None:
        paths = [path for path in paths if Path(path).is_file()]
    if not paths:
        return None
    known = DVectors.read(*paths)
    known.require_size(config.d_vector_dim)
    return known


def _complete(known: DVectors | None, samples: Sequence[Sample], files_are_own: bool) -> DVectors:
    """The vectors of the files, which have to do where no encoder is available.

    In a model's own files a recording of the same name is the same one only if the same speaker is heard in it.
    """
    if known is None:
        raise UserError(f"use_d_vector_file is true, but d_vector_file names no file. {_WAY_OUT}")
    missing = _without_vector(samples, known)
    if not files_are_own:
        missing = [sample for sample in samples if known.speaker_of(sample) != sample.speaker]
    if missing:
        raise UserError(
            f"{len(missing)} of {len(samples)} recordings have no d-vector in {known.source} "
            f"('{missing[0].name}', …; the name begins with the dataset_name). {_WAY_OUT}"
        )
    return known


def _computed(config: SpeakerConfig, samples: Sequence[Sample], source: VectorSource, files: EncoderFiles) -> DVectors:
    encoder = load_speaker_encoder(files, device=source.device)
    if encoder.size != config.d_vector_dim:
        raise UserError(
            f"{encoder.source}: the speaker encoder gives vectors of {encoder.size} numbers, d_vector_dim is "
            f"{config.d_vector_dim}: it is not the one of the model."
        )
    if source.dry:
        return _one_for_all(samples, compute_d_vectors(samples[:1], encoder, source.cache_folder))
    vectors = compute_d_vectors(samples, encoder, source.cache_folder, source.team)
    logger.info("D-vectors of %d recordings come from %s.", len(samples), encoder.source)
    return vectors


def _one_for_all(samples: Sequence[Sample], first: DVectors) -> DVectors:
    (vector,) = first.vectors.values()
    speakers = {sample.name: sample.speaker for sample in samples}
    return DVectors(dict.fromkeys(speakers, vector), speakers, first.source)


def _without_vector(samples: Sequence[Sample], vectors: DVectors) -> list[Sample]:
    return [sample for sample in samples if not vectors.has(sample)]


def _tell_speakers(known: DVectors, new: DVectors) -> None:
    old = known.names()
    names = [name for name in new.names().names if name not in old]
    if names:
        logger.info("New speakers: %s; the %d of the model keep their vectors.", ", ".join(names), len(old))
