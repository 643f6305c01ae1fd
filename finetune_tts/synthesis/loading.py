"""From a checkpoint and a config on disk to a voice."""

import logging
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.checkpoints.finding import find_weights
from finetune_tts.checkpoints.networks import restore_network
from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.config.changes import apply_changes
from finetune_tts.config.languages import LanguageConfig
from finetune_tts.config.speakers import SpeakerConfig
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.data.d_vectors import DVectors
from finetune_tts.data.speakers import LanguageNames, SpeakerNames
from finetune_tts.errors import UserError
from finetune_tts.families.building import build_model, fit_to_weights, read_weights
from finetune_tts.families.checks import require_usable
from finetune_tts.families.loading import config_from_dict, load_config, own_form
from finetune_tts.families.reading import locate, tokenizer_of
from finetune_tts.families.registry import family_of
from finetune_tts.synthesis.voice import Voice

logger = logging.getLogger(__name__)

CONFIG_NAME = "config.json"


@runtime_checkable
class Preparable(Protocol):
    """A network that can be made faster for synthesis once its weights are there."""

    def prepare_for_inference(self) -> None:
        """Fold weight norms and the like."""


def find_config(model_path: str | Path) -> Path:
    """Return the config beside a checkpoint, or in a folder.

    Raises:
        UserError: there is no such checkpoint, or no config beside it.
    """
    path = config_beside(model_path)
    if not path.is_file():
        raise UserError(f"{path.parent}: there is no {CONFIG_NAME} beside the checkpoint. Name it with --config_path.")
    return path


def config_beside(model_path: str | Path) -> Path:
    """Return where the config of a checkpoint, or of the one in a folder, stands if there is one.

    Raises:
        UserError: there is no such checkpoint.
    """
    return find_weights(model_path).parent / CONFIG_NAME


def model_config(model_path: str | Path, config_path: str | Path | None = None) -> tuple[SpeechConfig, str]:
    """The config of a model, and what it is called in messages: the one beside its weights, else the one in them.

    Args:
        model_path: a checkpoint, or a folder that holds one.
        config_path: its config, if it is another one.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    if config_path is None and not config_beside(model_path).is_file():
        checkpoint = read_checkpoint(model_path)
        if checkpoint.config is not None:
            where = f"config in {checkpoint.path}"
            config = config_from_dict(own_form(checkpoint.config, checkpoint.path), where=where)
            locate(config, checkpoint.path.parent)
            return config, where
    path = Path(config_path) if config_path else find_config(model_path)
    return load_located_config(path), str(path)


def load_located_config(path: str | Path, *, quiet: bool = False) -> SpeechConfig:
    """Read a config and find the files that it names: see :func:`finetune_tts.families.reading.locate`.

    Raises:
        UserError: see :func:`finetune_tts.families.loading.load_config`.
    """
    config = load_config(path, quiet=quiet)
    locate(config, Path(path).parent)
    return config


def read_speakers(config: SpeechConfig) -> tuple[SpeakerNames | None, DVectors | None]:
    """Read who can speak, as the config names the files.

    A model with d-vectors can imitate any recording, so that it need not have a file of them.

    Raises:
        UserError: a file is missing or is not what it should be.
    """
    if not isinstance(config, SpeakerConfig):
        return None, None
    if config.use_d_vector_file:
        missing = [path for path in config.d_vector_files if not Path(path).is_file()]
        if missing or not config.d_vector_files:
            logger.warning("d_vector_file names %s: the model's speakers are not known.", _not_there(missing))
            return None, None
        vectors = DVectors.read(*config.d_vector_files)
        vectors.require_size(config.d_vector_dim)
        return None, vectors
    if config.use_speaker_embedding and config.speakers_file:
        return SpeakerNames.read(config.speakers_file), None
    return None, None


def _not_there(missing: list[str]) -> str:
    return f"{', '.join(missing)}, which is not there" if missing else "no file"


def read_languages(config: SpeechConfig) -> LanguageNames | None:
    """Read which languages a model knows by a row of an embedding, as the config names the file.

    Raises:
        UserError: the file is missing or is not what it should be.
    """
    if not isinstance(config, LanguageConfig) or not config.use_language_embedding:
        return None
    return LanguageNames.read(config.language_ids_file) if config.language_ids_file else None


def load_voice(
    model_path: str | Path, config_path: str | Path | None = None, *, device: torch.device | str = "cpu"
) -> Voice:
    """Load a voice.

    Args:
        model_path: a checkpoint, or a folder that holds one.
        config_path: its config; by default the one beside it.
        device: where the network is to synthesise.

    Raises:
        UserError: a file is missing, damaged, or does not fit the other.
    """
    config, where = model_config(model_path, config_path)
    require_usable(config, where)
    checkpoint = read_weights(model_path, config)
    fitted = fit_to_weights(config, checkpoint)
    apply_changes(config, fitted.changes)
    tokenizer = tokenizer_of(config)
    speakers, d_vectors = read_speakers(config)
    languages = read_languages(config)
    family = family_of(config.model)
    names = family.embedding_rows
    speaker_rows = language_rows = 0
    if isinstance(config, SpeakerConfig) and config.use_speaker_embedding and not config.use_d_vector_file:
        speaker_rows, file = checkpoint.rows(names.speakers), config.speakers_file
        speakers = (speakers or SpeakerNames({})).for_rows(speaker_rows, file=file, weights=checkpoint.path)
    if isinstance(config, LanguageConfig) and config.use_language_embedding:
        language_rows, file = checkpoint.rows(names.languages), config.language_ids_file
        languages = (languages or LanguageNames({})).for_rows(language_rows, file=file, weights=checkpoint.path)
    network = build_model(config, len(tokenizer.vocabulary), speaker_rows, language_rows, for_training=False)
    report = restore_network(network, fitted.weights, source=checkpoint.path, derived=family.derived)
    report.raise_for_gap()
    report.raise_for_non_finite()
    network.to(device).eval()
    if isinstance(network, Preparable):
        network.prepare_for_inference()
    extractor = SpectrogramExtractor(config.audio)
    return Voice(
        network,
        config,
        tokenizer,
        extractor,
        speakers=speakers,
        d_vectors=d_vectors,
        languages=languages,
        voices=voices_beside(checkpoint.path, config),
    )


def voices_beside(weights: Path, config: SpeechConfig) -> dict[str, Any]:
    """The voices that a model which listens to recordings itself knows by name; none where there is no file of them.

    Raises:
        UserError: the file cannot be read.
    """
    listening = family_of(config.model).implementation.listening
    if listening is None or not (weights.parent / listening.file_name).is_file():
        return {}
    return listening.read(weights.parent / listening.file_name)
