"""Chinese, Japanese and Korean in Latin letters, as XTTS reads them.

Each needs a package that few users need; what is missing is named when a text of the language comes.
"""

from functools import lru_cache
from typing import Any

from finetune_tts.errors import UserError

#: language → its name, the extra of this package that brings what is needed.
_NEEDED = {"zh": ("Chinese", "xtts-zh"), "ja": ("Japanese", "xtts-ja"), "ko": ("Korean", "xtts-ko")}


def romanise(text: str, language: str) -> str:
    """A text in Latin letters; one of another language as it is.

    Args:
        text: cleaned.
        language: ``zh`` gives pinyin with the tone behind each syllable, 5 for the neutral one.

    Raises:
        UserError: the package for the language is not installed.
    """
    if language == "zh":
        from_pinyin, style = _pinyin()
        syllables = from_pinyin(text, style=style, heteronym=False, neutral_tone_with_five=True)
        return "".join(syllable[0] for syllable in syllables)
    if language == "ja":
        romaji: str = _katsu().romaji(text)
        return romaji.lower()
    if language == "ko":
        latin: str = _transliterator().translit(text)
        return latin
    return text


def _pinyin() -> tuple[Any, Any]:
    try:
        from pypinyin import Style, pinyin
    except ImportError as error:
        raise _missing("zh", "pypinyin") from error
    return pinyin, Style.TONE3


@lru_cache(maxsize=1)
def _katsu() -> Any:
    try:
        import cutlet

        return cutlet.Cutlet()
    except (ImportError, RuntimeError) as error:  # a tagger without its dictionary
        raise _missing("ja", "cutlet") from error


@lru_cache(maxsize=1)
def _transliterator() -> Any:
    try:
        from hangul_romanize import Transliter
        from hangul_romanize.rule import academic
    except ImportError as error:
        raise _missing("ko", "hangul-romanize") from error
    return Transliter(academic)


def _missing(language: str, package: str) -> UserError:
    name, extra = _NEEDED[language]
    return UserError(f"{name} text needs the package {package}. Install it with: pip install 'finetune-tts[{extra}]'")
