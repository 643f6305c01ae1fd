"""Names of speakers, languages and recordings: in which form they are compared, and what no name may hold."""

import unicodedata
from collections.abc import Collection

_ESCAPED_BYTES = range(0xDC80, 0xDD00)  # how Python keeps the bytes of a file name that is not UTF-8


def normal_form(name: str) -> str:
    """A name in the form in which names are compared: composed (NFC).

    macOS stores the names of files decomposed, and so do texts that were copied from there; what people type is mostly
    composed. Both look the same.
    """
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def readable(name: str) -> str:
    """A name without half characters: bytes of a file name that is not UTF-8 are written out, as in ``caf\\\\xe9``."""
    if half_character(name) is None:
        return name
    return "".join(
        f"\\x{ord(character) - 0xDC00:02x}" if ord(character) in _ESCAPED_BYTES else character for character in name
    )


def half_character(text: str) -> str | None:
    """The first half of a surrogate pair in ``text``, which no file can hold; None where there is none."""
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return text[error.start]
    return None


def same_name(name: str, known: Collection[str]) -> str | None:
    """Which of the known names a name is: the same one, else the first that looks the same; None for a new one."""
    if name in known:
        return name
    form = normal_form(name)
    return next((other for other in known if normal_form(other) == form), None)
