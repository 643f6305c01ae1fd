"""Who judges what the models of a run say: as its config, its recordings and its base tell."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from finetune_tts.config.speech import SpeechConfig
from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.errors import UserError
from finetune_tts.families.registry import family_of
from finetune_tts.hearing.listener import Listener
from finetune_tts.hearing.speech_recognition import find_recogniser
from finetune_tts.runs.folder import best_model
from finetune_tts.runs.record import RunRecord

if TYPE_CHECKING:
    from finetune_tts.speaker_encoder.encoder import SpeakerEncoder

logger = logging.getLogger(__name__)


def listener_of(
    folder: Path, config: SpeechConfig | VocoderConfig, record: RunRecord | None, recogniser: str | None
) -> Listener:
    """Make it.

    Args:
        folder: of the run.
        config: of the run, its files located.
        record: of the run.
        recogniser: see :func:`finetune_tts.hearing.speech_recognition.find_recogniser`.

    Raises:
        UserError: the speech recogniser that is asked for cannot be used.
    """
    return Listener(find_recogniser(recogniser, language_of(config, record)), _encoder(folder, config, record))


def language_of(config: SpeechConfig | VocoderConfig, record: RunRecord | None) -> str:
    """The language that a run speaks, as its config, its recordings or its base tell; "" where it is not known."""
    if record is not None and len(record.data.languages) == 1:
        return record.data.languages[0]
    named = getattr(config, "phoneme_language", None) if getattr(config, "use_phonemes", False) else None
    if named:
        return str(named)
    if record is not None and record.base is not None and record.base.name:
        language = record.base.name.split("/")[1]
        return "" if language == "multilingual" else language
    return ""


def _encoder(folder: Path, config: SpeechConfig | VocoderConfig, record: RunRecord | None) -> "SpeakerEncoder | None":
    """The speaker encoder that came with the model, or that is a part of it, if there is one."""
    from finetune_tts.speaker_encoder.encoder import encoder_of_model, load_speaker_encoder

    files = encoder_of_model(config.to_dict(), folder)
    own = family_of(config.model).implementation.own_encoder
    best = best_model(folder)
    try:
        if files is not None:
            return load_speaker_encoder(files)
        if own is None:
            return None
        if best is not None:
            return own(best.path)
        base = record.base if record is not None else None
        return own(Path(base.model_file)) if base is not None else None
    except UserError as error:
        logger.warning("The speaker encoder cannot be used to compare voices. %s", error)
        return None
