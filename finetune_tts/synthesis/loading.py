"""From a checkpoint and a config on disk to a voice."""

import logging
from pathlib import Path

import torch

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.checkpoints.finding import find_weights
from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.config.loading import load_config
from finetune_tts.config.paths import locate_paths
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.data.d_vectors import DVectors
from finetune_tts.data.speakers import SpeakerNames
from finetune_tts.data.tokenizing import build_tokenizer
from finetune_tts.errors import UserError
from finetune_tts.models.building import build_model
from finetune_tts.models.restoring import restore_network
from finetune_tts.synthesis.voice import Voice

logger = logging.getLogger(__name__)

CONFIG_NAME = "config.json"
SPEAKER_ROWS = "emb_g.weight"


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


def load_located_config(path: str | Path, *, quiet: bool = False) -> SpeechConfig:
    """Read a config and find the files that it names: see :func:`finetune_tts.config.paths.locate_paths`.

    Raises:
        UserError: see :func:`finetune_tts.config.loading.load_config`.
    """
    config = load_config(path, quiet=quiet)
    locate_paths(config, Path(path).parent)
    return config


def read_speakers(config: SpeechConfig) -> tuple[SpeakerNames | None, DVectors | None]:
    """Read who can speak, as the config names the files.

    Raises:
        UserError: a file is missing or is not what it should be.
    """
    if config.use_d_vector_file:
        if not config.d_vector_files:
            raise UserError("use_d_vector_file is true, but d_vector_file names no file: set --coqpit.d_vector_file.")
        return None, DVectors.read(*config.d_vector_files)
    if config.use_speaker_embedding and config.speakers_file:
        return SpeakerNames.read(config.speakers_file), None
    return None, None


def load_voice(
    model_path: str | Path, config_path: str | Path | None = None, *, device: torch.device | str = "cpu"
) -> Voice:
    """Load a voice.

    Args:
        model_path: a checkpoint, or a folder that holds one.
        config_path: its config; by default the one beside it.
        device: where the network is to speak.

    Raises:
        UserError: a file is missing, damaged, or does not fit the other.
    """
    config_path = Path(config_path) if config_path else find_config(model_path)
    config = load_located_config(config_path)
    checkpoint = read_checkpoint(model_path)
    tokenizer = build_tokenizer(config)
    speakers, d_vectors = read_speakers(config)
    rows = len(checkpoint.model.get(SPEAKER_ROWS, ())) if config.use_speaker_embedding else 0
    if rows and speakers is None:
        speakers = SpeakerNames({f"speaker_{row}": row for row in range(rows)})
        named = f"speaker_0 to speaker_{rows - 1}"
        logger.warning("%s names no speakers_file; the speakers are called %s.", config_path, named)
    network = build_model(config, len(tokenizer.vocabulary), rows)
    restore_network(network, checkpoint.model, source=checkpoint.path).raise_for_gap()
    network.to(device).eval()
    extractor = SpectrogramExtractor(config.audio)
    return Voice(network, config, tokenizer, extractor, speakers=speakers, d_vectors=d_vectors)
