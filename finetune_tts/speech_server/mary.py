"""The API of MaryTTS, as far as programs use it that only want speech: ``/process``, ``/voices`` and ``/locales``.

https://github.com/marytts/marytts/wiki/MaryTTS-HTTP-API describes it; Home Assistant is one of these programs. As in
coqui-tts's server, a voice is a speaker of the model, of no gender that is known.
"""

import logging
from collections.abc import Mapping

from finetune_tts.errors import UserError, excerpt
from finetune_tts.speech_server.asked import Asked, Rules

logger = logging.getLogger(__name__)

_GENDER = "u"
_UNKNOWN_LOCALE = "en"  # what coqui-tts says of a model whose language it does not know
#: what a request may ask for → all that it can be here; MaryTTS makes other things of texts than sound, too.
_ONLY = {"INPUT_TYPE": ("TEXT",), "OUTPUT_TYPE": ("AUDIO",), "AUDIO": ("WAVE", "WAVE_FILE")}


def read_process(rules: Rules, fields: Mapping[str, str]) -> Asked:
    """Read the fields of ``/process``.

    Args:
        rules: what may be asked for.
        fields: of the request.

    Raises:
        UserError: one of them is missing, or is not what it should be.
    """
    for name, able in _ONLY.items():
        if fields.get(name, able[0]).upper() not in able:
            raise UserError(f"{name} {excerpt(fields[name])}: must be {' or '.join(able)}.")
    if not fields.get("INPUT_TEXT", "").strip():
        raise UserError("INPUT_TEXT: is missing. What is to be said?")
    effects = [name for name, value in fields.items() if name.startswith("effect_") and value == "on"]
    if effects:
        logger.info("%s: ignored, there are no effects.", ", ".join(map(excerpt, effects[:3])))
    return rules.read(
        {
            "text": fields["INPUT_TEXT"],
            "speaker_id": fields.get("VOICE", ""),
            "language_id": _language(rules.voice.languages, fields.get("LOCALE", "")),
        }
    )


def voices(rules: Rules, model: str) -> str:
    """The voices, a line each: name, locale, gender."""
    names = rules.voice.speaker_names or (model.rpartition("/")[2],)
    return "".join(f"{name} {locale} {_GENDER}\n" for name in names for locale in _locales(rules, model))


def locales(rules: Rules, model: str) -> str:
    """The languages, a line each."""
    return "".join(f"{locale}\n" for locale in _locales(rules, model))


def _locales(rules: Rules, model: str) -> tuple[str, ...]:
    """The languages that can be spoken; of a model that has one, what its name or its phonemes tell."""
    parts = model.split("/")
    named = parts[1] if len(parts) == 4 else getattr(rules.voice.config, "phoneme_language", None)
    return rules.voice.languages or (named or _UNKNOWN_LOCALE,)


def _language(languages: tuple[str, ...], locale: str) -> str:
    """The language of a model that a locale such as ``en_US`` means; "" for the server's own, where it means none."""
    wanted = locale.lower().replace("_", "-")
    by_code = {language.lower().replace("_", "-"): language for language in languages}
    found = by_code.get(wanted) or by_code.get(wanted.partition("-")[0], "")
    if locale and languages and not found:
        logger.info("LOCALE %s: ignored, the model speaks %s.", excerpt(locale), ", ".join(languages[:10]))
    return found
