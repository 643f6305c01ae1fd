"""The tokenizer that the text fields of a config describe."""

from collections.abc import Mapping
from typing import Any

from finetune_tts.errors import UserError
from finetune_tts.text.characters import vocabulary
from finetune_tts.text.clauses import ClausePhonemizer
from finetune_tts.text.phonemizer import EspeakPhonemizer, MultiPhonemizer, Phonemizer
from finetune_tts.text.tokenizer import Tokenizer

#: name of the phonemizer of voices that were trained by Piper.
PIPER = "piper"


def tokenizer_from_fields(fields: Mapping[str, Any]) -> Tokenizer:
    """Build the tokenizer of a model.

    Args:
        fields: a config as a plain mapping (``config.to_dict()``). Read are ``use_phonemes``, ``phonemizer``,
            ``phoneme_language``, ``text_cleaner``, ``characters``, ``add_blank``, ``enable_eos_bos_chars`` and, for
            ``multi_phonemizer``, ``datasets``.

    Raises:
        UserError: an unknown cleaner, language, phonemizer or characters class; the field is named.
    """
    use_phonemes = bool(fields.get("use_phonemes"))
    add_blank = bool(fields.get("add_blank"))
    characters = fields.get("characters")
    if not isinstance(characters, Mapping | None):
        raise UserError(f"characters must be an object or null, not {characters!r}.")
    return Tokenizer(
        vocabulary(characters, use_phonemes, add_blank),
        cleaner=fields.get("text_cleaner"),
        phonemizer=_phonemizer(fields) if use_phonemes else None,
        add_blank=add_blank,
        use_eos_bos=bool(fields.get("enable_eos_bos_chars")),
    )


def _phonemizer(fields: Mapping[str, Any]) -> Phonemizer:
    name = fields.get("phonemizer")
    if name == "multi_phonemizer":
        return _multi_phonemizer(fields.get("datasets") or [])
    language = fields.get("phoneme_language")
    if not language:
        raise UserError("use_phonemes is true, but phoneme_language is not set. Add --coqpit.phoneme_language en-us")
    if name == PIPER:
        return ClausePhonemizer(str(language))
    _require_espeak(name, "--coqpit.phonemizer espeak")
    return EspeakPhonemizer(str(language))


def _multi_phonemizer(datasets: list[Mapping[str, Any]]) -> Phonemizer:
    phonemizers: dict[str, Phonemizer] = {}
    for index, dataset in enumerate(datasets):
        language = dataset.get("language")
        if not language:
            raise UserError(f"phonemizer multi_phonemizer: datasets.{index}.language is not set. Name it.")
        _require_espeak(dataset.get("phonemizer"), f"--coqpit.datasets.{index}.phonemizer espeak")
        phonemizers[str(language)] = EspeakPhonemizer(str(language))
    if not phonemizers:
        raise UserError("phonemizer multi_phonemizer: the config names no datasets, and so no languages.")
    return MultiPhonemizer(phonemizers)


def _require_espeak(name: str | None, flag: str) -> None:
    if name and name != "espeak":
        raise UserError(
            f"The model was trained with the phonemizer {name!r}, which is not built in; other phonemes would confuse "
            f"it. To try espeak-ng instead, add {flag}"
        )
