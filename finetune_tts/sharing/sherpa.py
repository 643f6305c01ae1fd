"""A voice for sherpa-onnx: a folder of ``model.onnx``, ``tokens.txt`` and, for phonemes, the data of espeak-ng.

The file carries what sherpa-onnx has to know as texts. It is marked as a model of 🐸TTS ("coqui"), whose ids
sherpa-onnx makes as they are made here, but for one thing: of phonemes, it puts a comma behind each sentence. The
network of the file takes it away again.
"""

from finetune_tts.errors import UserError
from finetune_tts.sharing.onnx import export_voice
from finetune_tts.sharing.onnx_precision import add_metadata
from finetune_tts.sharing.readers import cleaner_remark, espeak_language, require_one_condition, symbols_of
from finetune_tts.sharing.sherpa_folder import FOLDER_NAME, MODEL_NAME, copy_data, require_writable, write_tokens
from finetune_tts.sharing.sherpa_pair import write_pair
from finetune_tts.sharing.source import Shared, Source
from finetune_tts.synthesis.voice import Voice
from finetune_tts.text.tokenizer import Tokenizer

_COMMA = ","


def write(source: Source) -> Shared:
    """Write the folder, and compare what its network says with what torch says.

    Raises:
        UserError: sherpa-onnx cannot speak the model, packages are missing, or the file says something else.
    """
    voice = source.voice()
    if voice.needs_vocoder:
        return write_pair(source, voice)
    source.require_no_vocoder()
    language = espeak_language("sherpa", voice.tokenizer)
    fixed = require_one_condition("sherpa", voice)
    _require_readable(voice.tokenizer, language)
    folder = source.folder / FOLDER_NAME
    folder.mkdir(exist_ok=True)
    exported = export_voice(
        voice,
        folder / MODEL_NAME,
        "sherpa",
        fixed=fixed,
        end_mark=_place_of_comma(voice.tokenizer) if language else 0,
    )
    add_metadata(exported.path, {**_metadata(voice, language), **source.terms.metadata()})
    noise, duration, duration_noise = exported.scales
    tokens = write_tokens(folder, symbols_of(voice.tokenizer))
    return Shared(
        (exported.path, tokens),
        (
            *((f"wrote: {copy_data(folder)}",) if language else ()),
            f"largest difference from torch: {exported.difference:.1e}",
            *cleaner_remark("sherpa-onnx", voice.config.text_cleaner),
            f"noise scale {noise:g}, duration factor {duration:g}, noise of durations {duration_noise:g}",
            "how it is spoken with: docs/sharing.md",
        ),
    )


def _metadata(voice: Voice, language: str | None) -> dict[str, str]:
    """What sherpa-onnx reads of the file; numbers as texts."""
    tokenizer, speakers = voice.tokenizer, voice.speakers
    vocabulary = tokenizer.vocabulary

    def place(symbol: str | None) -> str:
        return str(vocabulary.id(symbol) if symbol and symbol in vocabulary else 0)

    return {
        "comment": "coqui",
        "language": language or voice.config.phoneme_language or "unknown",
        "voice": language or "",
        "frontend": "" if language else "characters",
        "sample_rate": str(voice.sample_rate),
        "n_speakers": str(speakers.rows if speakers is not None and speakers.rows > 1 else 1),
        "add_blank": str(int(tokenizer.add_blank and bool(vocabulary.blank))),
        "use_eos_bos": str(int(_has_ends(tokenizer))),
        "blank_id": place(vocabulary.blank),
        "bos_id": place(vocabulary.bos),
        "eos_id": place(vocabulary.eos),
        "pad_id": str(vocabulary.pad_id),
    }


def _has_ends(tokenizer: Tokenizer) -> bool:
    return bool(tokenizer.use_eos_bos and tokenizer.vocabulary.bos and tokenizer.vocabulary.eos)


def _place_of_comma(tokenizer: Tokenizer) -> int:
    """The place from the end of the comma that sherpa-onnx adds, before the sentence's end."""
    return 2 if _has_ends(tokenizer) else 1


def _require_readable(tokenizer: Tokenizer, language: str | None) -> None:
    """Refuse a vocabulary whose texts sherpa-onnx would spell otherwise."""
    require_writable(tokenizer)
    if language and _COMMA not in tokenizer.vocabulary:
        raise UserError(
            "--export sherpa: the model has no comma among its symbols, and sherpa-onnx puts one behind each sentence. "
            "--export piper needs none."
        )
    if language is None and _has_ends(tokenizer) and not tokenizer.add_blank:
        raise UserError(
            "--export sherpa: the model reads characters between bos and eos without blanks, and sherpa-onnx then "
            "leaves eos out where a text ends without a full stop. --export onnx writes the network alone."
        )
