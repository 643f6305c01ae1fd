"""``tts --reference_wav``: a recording in the voice of another speaker."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from finetune_tts.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from finetune_tts.synthesis.voice import Speech, Voice


def check_conversion_flags(arguments: argparse.Namespace) -> None:
    """Refuse what contradicts itself before anything is downloaded or loaded.

    Raises:
        UserError: there is a text too, a flag of conversion alone, or no file.
    """
    if arguments.reference_speaker_idx and not arguments.reference_wav:
        raise UserError("--reference_speaker_idx is for --reference_wav, the recording of that speaker: give both.")
    if not arguments.reference_wav:
        return
    if arguments.text is not None or arguments.text_file:
        raise UserError("--reference_wav says a recording again in another voice: leave --text out, or it.")
    if not arguments.reference_wav.is_file():
        raise UserError(f"--reference_wav {arguments.reference_wav}: no such file.")


def convert_recording(
    voice: "Voice", arguments: argparse.Namespace, vector_of: "Callable[[list[Path]], np.ndarray]"
) -> "Speech":
    """Say ``--reference_wav`` in the voice of ``--speaker_idx`` or ``--speaker_wav``.

    Args:
        voice: that converts.
        arguments: of ``tts``.
        vector_of: the speaker vector of recordings, for a model with d-vectors.

    Raises:
        UserError: the model cannot convert, or it is not said who speaks.
    """
    from finetune_tts.audio.reading import read_waveform

    voice.require_converting()
    recording = arguments.reference_wav
    target = vector_of(arguments.speaker_wav) if arguments.speaker_wav else None
    source = None
    if arguments.reference_speaker_idx is None:
        if not voice.takes_d_vectors:
            raise UserError("--reference_wav: say with --reference_speaker_idx who of the model's speakers it is.")
        source = vector_of([recording])
    return voice.convert(
        read_waveform(recording, voice.extractor.sample_rate),
        speaker=arguments.speaker_idx,
        d_vector=target,
        source_speaker=arguments.reference_speaker_idx,
        source_vector=source,
    )
