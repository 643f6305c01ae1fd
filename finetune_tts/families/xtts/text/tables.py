"""What the cleaners of XTTS's languages go by.

The words are those that the released models were trained with, so that they stay where another word would be nicer.
"""

import re

#: language → what is written → what is said, before a full stop.
ABBREVIATIONS: dict[str, dict[str, str]] = {
    "en": {
        "mrs": "misess", "mr": "mister", "dr": "doctor", "st": "saint", "co": "company", "jr": "junior",
        "maj": "major", "gen": "general", "drs": "doctors", "rev": "reverend", "lt": "lieutenant",
        "hon": "honorable", "sgt": "sergeant", "capt": "captain", "esq": "esquire", "ltd": "limited",
        "col": "colonel", "ft": "fort",
    },
    "es": {
        "sra": "señora", "sr": "señor", "dr": "doctor", "dra": "doctora", "st": "santo", "co": "compañía",
        "jr": "junior", "ltd": "limitada",
    },
    "fr": {
        "mme": "madame", "mr": "monsieur", "dr": "docteur", "st": "saint", "co": "compagnie", "jr": "junior",
        "ltd": "limitée",
    },
    "de": {"fr": "frau", "dr": "doktor", "st": "sankt", "co": "firma", "jr": "junior"},
    "pt": {
        "sra": "senhora", "sr": "senhor", "dr": "doutor", "dra": "doutora", "st": "santo", "co": "companhia",
        "jr": "júnior", "ltd": "limitada",
    },
    "it": {
        "sig": "signore", "dr": "dottore", "st": "santo", "co": "compagnia", "jr": "junior", "ltd": "limitata",
    },
    "pl": {"p": "pani", "m": "pan", "dr": "doktor", "sw": "święty", "jr": "junior"},
    "cs": {"dr": "doktor", "ing": "inženýr", "p": "pan"},
    "nl": {"dhr": "de heer", "mevr": "mevrouw", "dr": "dokter", "jhr": "jonkheer"},
    "tr": {"b": "bay", "byk": "büyük", "dr": "doktor"},
    "hu": {"dr": "doktor", "b": "bácsi", "nőv": "nővér"},
}  # fmt: skip
#: Russian abbreviations have hyphens and no full stop.
HYPHENATED: dict[str, dict[str, str]] = {
    "ru": {"г-жа": "госпожа", "г-н": "господин", "д-р": "доктор"},
}

_SIGNS = "&@%#$£°"
#: language → sign → what is said.
SYMBOLS: dict[str, dict[str, str]] = {
    language: dict(zip(_SIGNS, words, strict=True))
    for language, words in {
        "en": ("and", "at", "percent", "hash", "dollar", "pound", "degree"),
        "es": ("y", "arroba", "por ciento", "numeral", "dolar", "libra", "grados"),
        "fr": ("et", "arobase", "pour cent", "dièse", "dollar", "livre", "degrés"),
        "de": ("und", "at", "prozent", "raute", "dollar", "pfund", "grad"),
        "pt": ("e", "arroba", "por cento", "cardinal", "dólar", "libra", "graus"),
        "it": ("e", "chiocciola", "per cento", "cancelletto", "dollaro", "sterlina", "gradi"),
        "pl": ("i", "małpa", "procent", "krzyżyk", "dolar", "funt", "stopnie"),
        "ar": ("و", "على", "في المئة", "رقم", "دولار", "جنيه", "درجة"),
        "zh": ("和", "在", "百分之", "号", "美元", "英镑", "度"),
        "cs": ("a", "na", "procento", "křížek", "dolar", "libra", "stupně"),
        "ru": ("и", "собака", "процентов", "номер", "доллар", "фунт", "градус"),
        "nl": ("en", "bij", "procent", "hekje", "dollar", "pond", "graden"),
        "tr": ("ve", "at", "yüzde", "diyez", "dolar", "sterlin", "derece"),
        "hu": ("és", "kukac", "százalék", "kettőskereszt", "dollár", "font", "fok"),
        "ko": ("그리고", "에", "퍼센트", "번호", "달러", "파운드", "도"),
        "hi": ("और", "ऐट दी रेट", "प्रतिशत", "हैश", "डॉलर", "पाउंड", "डिग्री"),
    }.items()
}

#: language → what stands behind the digits of an ordinal number.
ORDINALS: dict[str, re.Pattern[str]] = {
    language: re.compile(rf"([0-9]+)(?:{endings})")
    for language, endings in {
        "en": r"(?:st|nd|rd|th)\b",
        "es": r"º|ª|(?:er|os|as|o|a)\b",
        "fr": r"º|ª|(?:ère|ère|ème|er|re|e)\b",
        "de": r"º|ª|(?:st|nd|rd|th)\b|\.(?=\s|$)",
        "pt": r"º|ª|(?:os|as|o|a)\b",
        "it": r"º|°|ª|(?:o|a|i|e)\b",
        "pl": r"º|ª|(?:st|nd|rd|th)\b",
        "ar": r"ون|ين|ث|ر|ى",
        "cs": r"\.(?=\s|$)",
        "ru": r"-(?:ого|го|ое|ье|й|я|е)\b",
        "nl": r"(?:ste|de|e)\b",
        "tr": r"(?:inci|nci|uncu|üncü|ıncı)\b|\.(?=\s|$)",
        "hu": r"(?:adik|edik|odik|ödike|ödik|ik)\b|\.(?=\s|$)",
        "ko": r"번째|번|차|째",
    }.items()
}

#: language → what stands between an amount and its cents, as num2words writes it; a whole amount ends before it.
BEFORE_CENTS: dict[str, str] = {
    "en": ", ", "es": " con ", "fr": " et ", "de": " und ", "pt": " e ", "it": " e ", "pl": ", ", "cs": ", ",
    "ru": ", ", "nl": ", ", "ar": ", ", "tr": ", ", "hu": ", ", "ko": ", ",
}  # fmt: skip

#: languages whose thousands are marked by a comma and decimals by a full stop; in the others it is the other way round.
COMMA_THOUSANDS = frozenset(("en", "ru", "hi", "ko"))

#: language → the most characters that the model speaks in one breath.
LIMITS: dict[str, int] = {
    "en": 250, "de": 253, "fr": 273, "es": 239, "it": 213, "pt": 203, "pl": 224, "zh": 82, "ar": 166, "cs": 186,
    "ru": 182, "nl": 251, "tr": 226, "ja": 71, "hu": 224, "ko": 95, "hi": 150,
}  # fmt: skip
LIMIT_ELSEWHERE = 200
"""Of a language that is new."""

_HINDI = (
    "शून्य एक दो तीन चार पाँच छह सात आठ नौ "
    "दस ग्यारह बारह तेरह चौदह पंद्रह सोलह सत्रह अठारह उन्नीस "
    "बीस इक्कीस बाईस तेईस चौबीस पच्चीस छब्बीस सत्ताईस अट्ठाईस उनतीस "
    "तीस इकतीस बत्तीस तैंतीस चौंतीस पैंतीस छत्तीस सैंतीस अड़तीस उनतालीस "
    "चालीस इकतालीस बयालीस तैंतालीस चौवालीस पैंतालीस छियालीस सैंतालीस अड़तालीस उनचास "
    "पचास इक्यावन बावन तिरपन चौवन पचपन छप्पन सत्तावन अट्ठावन उनसठ "
    "साठ इकसठ बासठ तिरसठ चौंसठ पैंसठ छियासठ सड़सठ अड़सठ उनहत्तर "
    "सत्तर इकहत्तर बहत्तर तिहत्तर चौहत्तर पचहत्तर छिहत्तर सतहत्तर अठहत्तर उन्यासी "
    "अस्सी इक्यासी बयासी तिरासी चौरासी पचासी छियासी सत्तासी अट्ठासी नवासी "
    "नब्बे इक्यानवे बानवे तिरानवे चौरानवे पचानवे छियानवे सत्तानवे अट्ठानवे निन्यानवे"
)
HINDI_NUMBERS: tuple[str, ...] = tuple(_HINDI.split())
"""0 to 99, each of which has a word of its own."""
HINDI_SCALES: tuple[tuple[int, str], ...] = (
    (10_000_000, "करोड़"), (100_000, "लाख"), (1_000, "हज़ार"), (100, "सौ"),
)  # fmt: skip
