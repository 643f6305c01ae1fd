"""What bytes that are not UTF-8 probably are, so that a message can name it."""

import codecs

#: first bytes of what spreadsheets and word CPUs write → what to call it.
_DOCUMENTS = (
    (b"PK\x03\x04", "a zip archive, such as an Excel workbook (.xlsx)"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document, such as an Excel workbook (.xls)"),
    (b"%PDF-", "a PDF document"),
    (b"PAR1", "a Parquet table"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"SQLite format 3\0", "an SQLite database"),
)
#: marks at the start of a file, the longer ones first: that of UTF-16 begins that of UTF-32.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
BINARY = "a binary file"
_LOOKED_AT = 100_000
_QUOTES = "‘’“”„‚«»–—…•€™©®°§ ¿¡"
#: encodings of one byte a character, with the letters that their languages have beyond ASCII. Where two score alike,
#: the earlier one counts.
_SINGLE_BYTE = (
    ("CP1252", "àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿßœšžÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝŸŒŠŽ"),
    ("CP1250", "ąćęłńóśźżáčďéěíňřšťúůýžäöüßőűăâîșşţțĄĆĘŁŃÓŚŹŻÁČĎÉĚÍŇŘŠŤÚŮÝŽÄÖÜŐŰĂÂÎŞŢ"),
    ("CP1251", "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґўљњћђџАБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯІЇЄҐЎ"),
    ("KOI8-R", "абвгдеёжзийклмнопрстуфхцчшщъыьэюяАБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ"),
    ("CP1253", "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΆΈΉΊΌΎΏ"),
    ("MACINTOSH", "àáâãäåæçèéêëìíîïñòóôõöøùúûüßÄÅÇÉÑÖÜ"),
)


def marked_encoding(raw: bytes) -> str | None:
    """The encoding that a mark at the start of a file names, where it is not UTF-8."""
    return next((name for mark, name in _MARKS if raw.startswith(mark)), None)


def document_kind(raw: bytes) -> str | None:
    """What a file is that is no text, such as a workbook under the name of a table; None where it may be text."""
    known = next((kind for start, kind in _DOCUMENTS if raw.startswith(start)), None)
    if known or marked_encoding(raw):
        return known
    head = raw[:_LOOKED_AT]
    odd_bytes = sum(byte < 9 or 13 < byte < 32 and byte != 27 for byte in head)
    return BINARY if odd_bytes > 0.1 * len(head) and unmarked_utf16(raw) is None else None


def unmarked_utf16(raw: bytes) -> str | None:
    """The form of UTF-16 that a file without a mark is probably in: every second byte of Western text is 0 there."""
    head = raw[: _LOOKED_AT // 2 * 2]
    if len(head) < 4:
        return None
    first, second = head[0::2], head[1::2]
    if second.count(0) > 0.4 * len(second) and first.count(0) < 0.1 * len(first):
        return "UTF-16LE"
    if first.count(0) > 0.4 * len(first) and second.count(0) < 0.1 * len(second):
        return "UTF-16BE"
    return None


def probable_encoding(raw: bytes) -> str | None:
    """The encoding that text which is not UTF-8 is probably in, by the name that ``iconv`` knows; None if unclear."""
    utf16 = unmarked_utf16(raw)
    if utf16:
        return utf16
    east_asian = _east_asian(raw)
    if east_asian:
        return east_asian
    best: tuple[float, str] = (0.0, "")
    for name, letters in _SINGLE_BYTE:
        score = _score(raw, name, frozenset(letters))
        if score > best[0]:
            best = score, name
    return best[1] or None


def _score(raw: bytes, encoding: str, letters: frozenset[str]) -> float:
    """The share of the characters beyond ASCII that are likely ones; capitals within words are not."""
    try:
        text = raw[:_LOOKED_AT].decode(encoding)
    except UnicodeDecodeError:
        return 0.0
    total = good = 0
    before = " "
    for character in text:
        if character > "\x7f":
            total += 1
            likely = character in letters and not (character.isupper() and before.islower())
            good += likely or (character in _QUOTES and not before.isalpha()) or character in "’”»…–—"
        before = character
    return good / total if total and good > 0.5 * total else 0.0


def _east_asian(raw: bytes) -> str | None:
    """Shift-JIS, EUC-KR or GB18030, where characters of two bytes are told by where those bytes lie."""
    head = raw[:_LOOKED_AT]
    runs = _double_byte_runs(head)
    if runs is None:
        return None
    japanese = _decoded(head, "shift_jis")
    kana = sum("\u3040" <= character <= "\u30ff" for character in japanese)
    if kana > 0.2 * max(1, sum(character > "\x7f" for character in japanese)):
        return "SHIFT_JIS"
    korean = _decoded(head, "euc_kr")
    hangul = sum("\uac00" <= character <= "\ud7a3" for character in korean)
    if hangul > 0.8 * max(1, sum(character.isalpha() and character > "\x7f" for character in korean)):
        return "EUC-KR"
    chinese = _decoded(head, "gb18030")
    common = sum(0xB0 <= lead <= 0xD7 for lead in runs)
    return "GB18030" if chinese and common > 0.6 * len(runs) else None


def _double_byte_runs(head: bytes) -> list[int] | None:
    """The first bytes of the pairs that East Asian text is made of, or None where bytes beyond ASCII stand alone."""
    leads: list[int] = []
    alone = place = 0
    while place < len(head):
        if head[place] < 0x80:
            place += 1
        elif place + 1 < len(head) and (head[place + 1] >= 0x80 or head[place + 1] >= 0x40 and head[place] < 0xA0):
            leads.append(head[place])
            place += 2
        else:
            alone += 1
            place += 1
    return leads if leads and alone <= 0.1 * len(leads) else None


def _decoded(head: bytes, encoding: str) -> str:
    decoder = codecs.getincrementaldecoder(encoding)()  # the last character may be cut in two
    try:
        return decoder.decode(head)
    except UnicodeDecodeError:
        return ""
