"""A voice as a file for programs that have no torch."""

from pathlib import Path

from finetune_tts.errors import UserError
from finetune_tts.families.registry import family_of, names
from finetune_tts.families.speech import Exported, ExportSubject
from finetune_tts.synthesis.voice import Voice

FORMATS = ("onnx",)


def export_voice(voice: Voice, kind: str, path: Path) -> Exported:
    """Write a voice, and compare what it says with what torch says.

    Args:
        voice: on the CPU.
        kind: one of :data:`FORMATS`.
        path: the file to write.

    Raises:
        UserError: there is no such format for this architecture, packages are missing, or the file says something else.
    """
    exporter = family_of(voice.config.model).implementation.exporters.get(kind)
    if exporter is None:
        able = [name for name in names(vocoders=False) if kind in family_of(name).implementation.exporters]
        raise UserError(
            f"--export: a model of {voice.config.model} cannot be exported yet; {' and '.join(able) or 'none'} can."
        )
    subject = ExportSubject(
        network=voice.network,
        config=voice.config,
        symbols=len(voice.tokenizer.vocabulary),
        speakers=voice.speakers.rows if voice.speakers is not None else 0,
        languages=voice.language_rows.rows if voice.language_rows is not None else 0,
    )
    return exporter(subject, path)
