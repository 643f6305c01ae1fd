"""A voice as an ONNX file for programs that have no torch."""

from pathlib import Path

from finetune_tts.errors import UserError
from finetune_tts.families.registry import family_of, names
from finetune_tts.families.speech import Exported, ExportSubject
from finetune_tts.sharing.source import Shared, Source
from finetune_tts.synthesis.voice import Voice

FILE_NAME = "model.onnx"


def write(source: Source) -> Shared:
    """Write ``model.onnx``, and compare what it says with what torch says.

    Raises:
        UserError: no model of this architecture can be written so, packages are missing, or the file says something
            else.
    """
    exported = export_voice(source.voice(), source.folder / FILE_NAME)
    return Shared(
        (exported.path,),
        (
            f"inputs: {', '.join(exported.inputs)}; token ids and rates are those of config.json",
            f"largest difference from torch: {exported.difference:.1e}",
        ),
    )


def export_voice(voice: Voice, path: Path) -> Exported:
    """Write a voice as an ONNX file (raises as :func:`write`).

    Args:
        voice: on the CPU.
        path: the file to write.
    """
    exporter = family_of(voice.config.model).implementation.exporters.get("onnx")
    if exporter is None:
        able = [name for name in names(vocoders=False) if "onnx" in family_of(name).implementation.exporters]
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
