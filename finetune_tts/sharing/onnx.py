"""A voice or a vocoder as an ONNX file for programs that have no torch."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.errors import UserError
from finetune_tts.families.onnx_file import OPSET
from finetune_tts.families.registry import ENTRIES, family_of
from finetune_tts.families.speech import Export, Exported, ExportSubject
from finetune_tts.files import replacing
from finetune_tts.sharing.onnx_precision import add_metadata, store_as
from finetune_tts.sharing.onnx_voice import OnnxVoice
from finetune_tts.sharing.source import Shared, Source
from finetune_tts.sharing.word_errors import hearing_of, require_understood
from finetune_tts.synthesis.vocoder import Vocoder
from finetune_tts.synthesis.voice import Voice
from finetune_tts.text.tokenizer import Tokenizer

FILE_NAME = "model.onnx"


def write(source: Source) -> Shared:
    """Write ``model.onnx``, and compare what it says with what torch says.

    In fewer bits it is ``model_fp16.onnx`` or ``model_int8.onnx``, which is kept only if it is understood as well.

    Raises:
        UserError: no model of this architecture can be written so, packages are missing, the file says something else,
            or is understood worse in fewer bits.
    """
    precision, config = source.wishes.precision, source.config()
    name = FILE_NAME if precision == "fp32" else f"{Path(FILE_NAME).stem}_{precision}.onnx"
    voice = None if isinstance(config, VocoderConfig) else source.voice()
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / FILE_NAME
        exported = export_vocoder(source.vocoder(), written) if voice is None else export_voice(voice, written)
        remarks = [*_inputs(exported), f"largest difference from torch: {exported.difference:.1e}"]
        if precision != "fp32":
            full, written = written, Path(folder) / name
            store_as(full, written, precision)
            remarks.append(_understood(source, voice, exported, written))
        add_metadata(written, {**_metadata(config, exported, voice), **source.terms.metadata()})
        path = source.folder / name
        with replacing(path) as file, written.open("rb") as content:
            shutil.copyfileobj(content, file)
    return Shared((path,), tuple(remarks))


def export_voice(
    voice: Voice,
    path: Path,
    kind: str = "onnx",
    *,
    fixed: Mapping[str, int] | None = None,
    end_mark: int = 0,
    reading: nn.Module | None = None,
    drawing: nn.Module | None = None,
) -> Exported:
    """Write a voice as an ONNX file (raises as :func:`write`).

    Args:
        voice: on the CPU.
        path: the file to write.
        kind: the format whose programs are to read it.
        fixed, end_mark, reading, drawing: see :class:`finetune_tts.families.speech.ExportSubject`.
    """
    return _export(
        ExportSubject(
            network=voice.network,
            config=voice.config,
            symbols=len(voice.tokenizer.vocabulary),
            speakers=voice.speakers.rows if voice.speakers is not None else 0,
            languages=voice.language_rows.rows if voice.language_rows is not None else 0,
            fixed=fixed or {},
            end_mark=end_mark,
            reading=reading,
            drawing=drawing,
        ),
        path,
        kind,
    )


def export_vocoder(vocoder: Vocoder, path: Path) -> Exported:
    """Write a vocoder as an ONNX file (raises as :func:`write`).

    Args:
        vocoder: on the CPU.
        path: the file to write.
    """
    return _export(ExportSubject(vocoder.network, vocoder.config, symbols=0, speakers=0, languages=0), path)


def require_exporter(architecture: str, kind: str) -> Export:
    """What writes a model of an architecture in a format.

    Raises:
        UserError: nothing does; the message names the architectures that can be written so.
    """
    exporter = family_of(architecture).implementation.exporters.get(kind)
    if exporter is None:
        able = [name for name in ENTRIES if kind in family_of(name).implementation.exporters]
        raise UserError(
            f"--export {kind}: a model of {architecture} cannot be exported yet; {', '.join(able) or 'none'} can."
        )
    return exporter


def _export(subject: ExportSubject, path: Path, kind: str = "onnx") -> Exported:
    return require_exporter(subject.config.model, kind)(subject, path)


def _inputs(exported: Exported) -> list[str]:
    lines = [f"inputs: {', '.join(exported.inputs)}; config.json has the symbols and the audio settings"]
    if exported.scales:
        named = zip(exported.scale_names, exported.scales, strict=True)
        lines.append("scales: " + ", ".join(f"{name} {value:g}" for name, value in named))
    return lines


def _understood(source: Source, voice: Voice | None, exported: Exported, path: Path) -> str:
    """Say how well the file in fewer bits is understood (raises as :func:`require_understood`)."""
    if voice is None:
        return "word errors: not measured, as a vocoder says nothing by itself: listen to it"
    full, lesser = OnnxVoice(voice, exported, exported.path), OnnxVoice(voice, exported, path)
    return require_understood(hearing_of(source, voice), full, lesser, source.wishes.precision)


def _metadata(config: Any, exported: Exported, voice: Voice | None) -> dict[str, str]:
    """What the file tells of itself, so that a program needs nothing else to speak."""
    draws = voice is not None and voice.needs_vocoder
    found: dict[str, Any] = {
        "architecture": config.model,
        "output": "mel spectrogram" if draws else "waveform",
        "sample_rate": str(family_of(config.model).output_rate(config)),
        "opset": str(OPSET),
        "scales": json.dumps(dict(zip(exported.scale_names, exported.scales, strict=True))),
    }
    if exported.noise_length:
        found["noise_length"] = json.dumps(exported.noise_length)
    if voice is not None:
        found["reading"] = json.dumps(_reading(voice.tokenizer), ensure_ascii=False)
    return found


def _reading(tokenizer: Tokenizer) -> dict[str, Any]:
    """How a text that is spelled out becomes token ids; None for marks that the model does not want."""
    vocabulary = tokenizer.vocabulary
    blank = tokenizer.add_blank and vocabulary.blank
    marked = tokenizer.use_eos_bos and vocabulary.bos and vocabulary.eos
    return {
        "spelled_in": "phonemes" if tokenizer.phonemizer is not None else "letters",
        "symbols": list(vocabulary.symbols),
        "blank": vocabulary.id(vocabulary.blank) if blank and vocabulary.blank else None,
        "bos": vocabulary.id(vocabulary.bos) if marked and vocabulary.bos else None,
        "eos": vocabulary.id(vocabulary.eos) if marked and vocabulary.eos else None,
    }
