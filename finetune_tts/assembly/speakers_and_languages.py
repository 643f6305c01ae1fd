"""Who speaks in a run and in which language: rows of the network's embeddings, or vectors of an encoder."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from finetune_tts.assembly.pretrained import Pretrained
from finetune_tts.assembly.speaker_vectors import VectorSource, d_vectors_of, encoder_fields
from finetune_tts.checkpoints.restoring import RowRule
from finetune_tts.config.languages import LanguageConfig
from finetune_tts.config.speakers import SpeakerConfig
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.data.d_vectors import DVectors
from finetune_tts.data.sample import Sample
from finetune_tts.data.speakers import LanguageNames, Names, SpeakerNames
from finetune_tts.errors import UserError
from finetune_tts.families.registry import family_of
from finetune_tts.runs.creation import RunAsset
from finetune_tts.speaker_encoder.encoder import (
    CONFIG_FIELD,
    CONFIG_NAME,
    MODEL_FIELD,
    MODEL_NAMES,
    EncoderFiles,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Conditions:
    """What a network hears beside the text.

    Attributes:
        speakers: rows of the speaker embedding; None for a model without one.
        d_vectors: vectors of the speakers; None for a model without them.
        encoder: the speaker encoder that makes such vectors, if it is available.
        languages: rows of the language embedding; None for a model without one.
    """

    speakers: SpeakerNames | None = None
    d_vectors: DVectors | None = None
    encoder: EncoderFiles | None = None
    languages: LanguageNames | None = None

    @property
    def speaker_rows(self) -> int:
        """Rows that the speaker embedding needs."""
        return self.speakers.rows if self.speakers else 0

    @property
    def language_rows(self) -> int:
        """Rows that the language embedding needs."""
        return self.languages.rows if self.languages else 0

    def row_rules(self, architecture: str, pretrained: Pretrained) -> list[RowRule]:
        """How the rows of a pre-trained model find their places in a network of ``architecture``."""
        rows = family_of(architecture).embedding_rows
        rules = []
        if pretrained.speakers is not None and self.speakers is not None:
            rules.append(RowRule(rows.speakers, _row_names(pretrained.speakers), _row_names(self.speakers)))
        if pretrained.languages is not None and self.languages is not None:
            rules.append(RowRule(rows.languages, _row_names(pretrained.languages), _row_names(self.languages)))
        return rules

    def assets(self, config: SpeechConfig) -> list[RunAsset]:
        """The files that a model of these speakers and languages needs beside its weights."""
        assets = []
        if self.speakers is not None:
            assets.append(RunAsset("speakers.json", dict(self.speakers.ids), _fields(config, "speakers_file")))
        if self.languages is not None:
            assets.append(RunAsset("language_ids.json", dict(self.languages.ids), _fields(config, "language_ids_file")))
        if self.d_vectors is not None:
            assets.append(_d_vector_asset(config, self.d_vectors))
        if self.encoder is not None:
            for name, path, field in (
                (MODEL_NAMES[0], self.encoder.model, MODEL_FIELD),
                (CONFIG_NAME, self.encoder.config, CONFIG_FIELD),
            ):
                assets.append(RunAsset(name, path, tuple(encoder_fields(config, field, path))))
        return assets


def conditions_of(
    config: SpeechConfig, samples: Sequence[Sample], pretrained: Pretrained | None, vectors: VectorSource
) -> Conditions:
    """Find out who speaks in a run, and in which languages.

    Names of the pre-trained model keep their rows; those of the recordings that it does not know come after them.
    Recordings that lack a d-vector get one, where the model's speaker encoder is available.

    Raises:
        UserError: a file that the config names is missing, or does not fit the model.
    """
    speakers, d_vectors, languages = None, None, None
    old_speakers = pretrained.speakers if pretrained else None
    old_languages = pretrained.languages if pretrained else None
    if isinstance(config, SpeakerConfig):
        if config.use_d_vector_file:
            d_vectors = d_vectors_of(config, samples, vectors)
        elif config.use_speaker_embedding:
            found = (sample.speaker for sample in samples)
            speakers = _grown(SpeakerNames({}), config.speakers_file, found, old_speakers)
    if isinstance(config, LanguageConfig) and config.use_language_embedding:
        _require_languages(samples, old_languages)
        found = (sample.language for sample in samples)
        languages = _grown(LanguageNames({}), config.language_ids_file, found, old_languages)
    return Conditions(speakers, d_vectors, vectors.encoder, languages)


def _require_languages(samples: Sequence[Sample], known: LanguageNames | None) -> None:
    """Refuse recordings of no language, for which the model would learn one that nobody can name."""
    unnamed = [sample for sample in samples if not sample.language]
    if unnamed:
        names = f" The model knows {', '.join(known.names[:10])}; a new name makes a new language." if known else ""
        raise UserError(
            f"{len(unnamed)} recordings do not say their language ('{unnamed[0].name}', …), and the model has several. "
            f"Set --coqpit.datasets.0.language, or add a column 'language'.{names}"
        )


def _grown(empty: Names, file: str | None, found: Iterable[str], old: Names | None) -> Names:
    if old is None and file:
        old = empty.read(file)
    if old is None:
        return empty.of(found)
    names = old.grown(found)
    new = [name for name in names.names if name not in old]
    if new:
        logger.info("New %ss: %s; the %d of the model keep their rows.", empty.what, ", ".join(new), len(old))
    return names


def _d_vector_asset(config: SpeechConfig, d_vectors: DVectors) -> RunAsset:
    fields = _fields(config, "d_vector_file")
    named = config.d_vector_files if isinstance(config, SpeakerConfig) else []
    suffix = Path(named[0]).suffix if named else ".json"
    if named == [d_vectors.source]:
        return RunAsset(f"d_vectors{suffix}", Path(named[0]), fields)
    return RunAsset(f"d_vectors{suffix}", d_vectors, fields)


def _fields(config: SpeechConfig, name: str) -> tuple[str, ...]:
    """Where a config names a file: at the top, and in ``model_args`` where it stands there too."""
    return (name, f"model_args.{name}") if name in config.model_args else (name,)


def _row_names(names: SpeakerNames | LanguageNames) -> list[str]:
    return [name or f"row {row}" for row, name in enumerate(names.row_names())]
