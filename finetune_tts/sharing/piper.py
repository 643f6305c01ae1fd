"""A voice for Piper: ``voice.onnx``, and ``voice.onnx.json`` that tells how its phonemes are numbered.

Piper reads a text as ``^``, then ``_``, then each phoneme followed by ``_``, then ``$``, and writes for each of them
the ids that ``phoneme_id_map`` lists: none, one or several. They are those of the model if ``_`` is its blank (none
without ``add_blank``), and ``^`` and ``$`` are its bos and eos (none without ``enable_eos_bos_chars``).

Piper takes phonemes apart into characters (NFD). Symbols that this tears up are listed as ``vowel_clusters``, which it
puts together again.
"""

import json
from pathlib import Path
from typing import Any

from torch import nn

import finetune_tts
from finetune_tts.errors import UserError
from finetune_tts.families.speech import Exported
from finetune_tts.files import write_text
from finetune_tts.sharing.onnx import export_voice
from finetune_tts.sharing.onnx_precision import add_metadata
from finetune_tts.sharing.readers import cleaner_remark, espeak_language, require_one_condition, symbols_of
from finetune_tts.sharing.source import Shared, Source
from finetune_tts.synthesis.voice import Voice
from finetune_tts.text.tokenizer import Tokenizer

FILE_NAME = "voice.onnx"

_PAD, _BOS, _EOS = "_", "^", "$"
_MARKS = (_PAD, _BOS, _EOS)
#: Piper's names of sizes, by the numbers of a network that speaks.
_HIGH = 24_000_000
_LOW = 10_000_000
_MEDIUM_RATE = 22050


def write(source: Source) -> Shared:
    """Write the two files, and compare what the first one says with what torch says.

    Raises:
        UserError: Piper cannot speak the model, packages are missing, or the file says something else.
    """
    voice = source.voice()
    language = espeak_language("piper", voice.tokenizer)
    if language is None:
        raise UserError(
            "--export piper: the model reads characters, a piper voice phonemes of espeak-ng. --export sherpa and "
            "--export onnx write models that read characters."
        )
    fixed = require_one_condition("piper", voice)
    exported = export_voice(voice, source.folder / FILE_NAME, "piper", fixed=fixed)
    add_metadata(exported.path, source.terms.metadata())
    described = _description(voice, language, exported, source.folder.name)
    config = Path(f"{exported.path}.json")
    write_text(config, json.dumps(described, ensure_ascii=False, indent=2) + "\n")
    return Shared(
        (exported.path, config),
        (
            f"largest difference from torch: {exported.difference:.1e}",
            *_unreadable(voice.tokenizer),
            *cleaner_remark("Piper", voice.config.text_cleaner),
            f"speak: piper --model {exported.path} --output-file hello.wav",
        ),
    )


def phoneme_ids(tokenizer: Tokenizer) -> dict[str, list[int]]:
    """What Piper writes for each phoneme and for its three marks."""
    vocabulary = tokenizer.vocabulary

    def of(symbol: str | None, used: bool) -> list[int]:
        return [vocabulary.id(symbol)] if used and symbol else []

    ends = tokenizer.use_eos_bos
    ids = {
        _PAD: of(vocabulary.blank, tokenizer.add_blank),
        _BOS: of(vocabulary.bos, ends and bool(vocabulary.eos)),
        _EOS: of(vocabulary.eos, ends and bool(vocabulary.bos)),
    }
    for symbol in symbols_of(tokenizer):
        ids.setdefault("".join(symbol.parts), [symbol.id])
    return ids


def _description(voice: Voice, language: str, exported: Exported, dataset: str) -> dict[str, Any]:
    noise, duration, duration_noise = map(float, exported.scales)
    family, _, region = language.partition("-")
    region = region.upper()
    speakers = voice.speakers
    several = speakers is not None and speakers.rows > 1
    torn = [list(symbol.parts) for symbol in symbols_of(voice.tokenizer) if len(symbol.parts) > 1]
    return {
        "audio": {"sample_rate": voice.sample_rate, "quality": _quality(voice.network, voice.sample_rate)},
        "espeak": {"voice": language},
        "language": {"code": "_".join(filter(None, (family, region))), "family": family, "region": region},
        "inference": {"noise_scale": noise, "length_scale": duration, "noise_w": duration_noise},
        "phoneme_type": "espeak",
        "phoneme_map": {},
        "phoneme_id_map": phoneme_ids(voice.tokenizer),
        **({"vowel_clusters": torn} if torn else {}),
        "num_symbols": len(voice.tokenizer.vocabulary),
        "num_speakers": speakers.rows if speakers is not None and several else 1,
        "speaker_id_map": dict(speakers.ids) if speakers is not None and several else {},
        "hop_length": voice.config.audio.hop_length,
        "dataset": dataset,
        "piper_version": "1.0.0",
        "made_by": f"finetune-tts {finetune_tts.__version__}",
    }


def _quality(network: nn.Module, sample_rate: int) -> str:
    numbers = sum(parameter.numel() for parameter in network.parameters())
    if numbers >= _HIGH:
        return "high"
    if sample_rate >= _MEDIUM_RATE:
        return "medium"
    return "low" if numbers >= _LOW else "x_low"


def _unreadable(tokenizer: Tokenizer) -> tuple[str, ...]:
    vocabulary = tokenizer.vocabulary
    taken = [
        mark
        for mark, special in zip(_MARKS, (vocabulary.blank, vocabulary.bos, vocabulary.eos), strict=True)
        if mark in vocabulary and mark not in (special, vocabulary.pad, vocabulary.bos, vocabulary.eos)
    ]
    if not taken:
        return ()
    return (f"Piper means something of its own by {', '.join(taken)}, which the model has as symbols of text",)
