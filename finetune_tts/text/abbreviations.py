"""Abbreviations and what is read for them, as 🐸TTS's cleaners have it."""

import re

_ENGLISH = {
    "mrs": "misess",
    "mr": "mister",
    "dr": "doctor",
    "st": "saint",
    "co": "company",
    "jr": "junior",
    "maj": "major",
    "gen": "general",
    "drs": "doctors",
    "rev": "reverend",
    "lt": "lieutenant",
    "hon": "honorable",
    "sgt": "sergeant",
    "capt": "captain",
    "esq": "esquire",
    "ltd": "limited",
    "col": "colonel",
    "ft": "fort",
}
_FRENCH = {
    "m": "monsieur",
    "mlle": "mademoiselle",
    "mlles": "mesdemoiselles",
    "mme": "Madame",
    "mmes": "Mesdames",
    "n.b": "nota bene",
    "p.c.q": "parce que",
    "pr": "professeur",
    "qqch": "quelque chose",
    "rdv": "rendez-vous",
    "max": "maximum",
    "min": "minimum",
    "no": "numéro",
    "adr": "adresse",
    "dr": "docteur",
    "st": "saint",
    "co": "companie",
    "jr": "junior",
    "sgt": "sergent",
    "capt": "capitain",
    "col": "colonel",
    "av": "avenue",
    "apr. j.-c": "après Jésus-Christ",
    "art": "article",
    "boul": "boulevard",
    "c.-à-d": "c’est-à-dire",
    "etc": "et cetera",
    "ex": "exemple",
    "excl": "exclusivement",
}
# Written without a full stop too, with a capital.
_FRENCH_TITLES = {"Mlle": "mademoiselle", "Mme": "Madame"}


def _with_full_stop(table: dict[str, str]) -> re.Pattern[str]:
    return re.compile(rf"\b({'|'.join(map(re.escape, table))})\.", re.IGNORECASE)


_english = _with_full_stop(_ENGLISH)
_french = _with_full_stop(_FRENCH)
_french_titles = re.compile(rf"\b({'|'.join(_FRENCH_TITLES)})")


def expand_abbreviations(text: str, language: str | None) -> str:
    """Write abbreviations out in English (``"en"``) and French (``"fr"``); text of other languages stays as it is."""
    if language == "en":
        return _english.sub(lambda match: _ENGLISH[match.group(1).lower()], text)
    if language == "fr":
        text = _french.sub(lambda match: _FRENCH[match.group(1).lower()], text)
        return _french_titles.sub(lambda match: _FRENCH_TITLES[match.group(1)], text)
    return text
