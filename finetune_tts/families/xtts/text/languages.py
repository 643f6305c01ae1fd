"""The languages that XTTS was released with: how each writes numbers, and what is read for signs and abbreviations.

The readings are those of coqui-tts, which the released models learned, where it has any.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

_SIGNS = ("&", "@", "%", "#", "$", "£", "€", "°", "+", "=")


@dataclass(frozen=True)
class Language:
    """One language.

    Attributes:
        limit: characters that the released models speak without a cut.
        symbols: sign → word.
        point: word between the whole and the fraction of a decimal number.
        thousands: marks that group the digits of a large number; a space stands for no-break spaces too.
        ordinals: pattern of what makes an ordinal number of the digits before it.
        dotted: which letter behind ``3.`` makes it the third: ``"any"``, ``"lower"`` case, or none (empty).
        currencies: the signs whose amounts num2words puts in words correctly.
        cents: what num2words writes between the units and the cents of an amount.
        abbreviations: abbreviation, with its full stop if it has one → what is read.
    """

    limit: int
    symbols: Mapping[str, str]
    point: str
    thousands: str
    ordinals: str = ""
    dotted: str = ""
    currencies: str = ""
    cents: str = ", "
    abbreviations: Mapping[str, str] = field(default_factory=dict)


def _signs(*words: str) -> dict[str, str]:
    return dict(zip(_SIGNS, words, strict=True))


# fmt: off
LANGUAGES: dict[str, Language] = {
    "en": Language(
        limit=250,
        symbols=_signs("and", "at", "percent", "hash", "dollar", "pound", "euro", "degree", "plus", "equals"),
        point="point", thousands=",", ordinals="st|nd|rd|th", currencies="$£€",
        abbreviations={
            "mrs.": "misess", "mr.": "mister", "dr.": "doctor", "drs.": "doctors", "st.": "saint", "co.": "company",
            "jr.": "junior", "maj.": "major", "gen.": "general", "rev.": "reverend", "lt.": "lieutenant",
            "hon.": "honorable", "sgt.": "sergeant", "capt.": "captain", "esq.": "esquire", "ltd.": "limited",
            "col.": "colonel", "ft.": "fort",
        },
    ),
    "es": Language(
        limit=239,
        symbols=_signs("y", "arroba", "por ciento", "numeral", "dolar", "libra", "euro", "grados", "más", "igual a"),
        point="punto", thousands=".", ordinals="º|ª|er|os|as|o|a", currencies="$£€", cents=" con ",
        abbreviations={
            "sra.": "señora", "sr.": "señor", "dr.": "doctor", "dra.": "doctora", "st.": "santo", "co.": "compañía",
            "jr.": "junior", "ltd.": "limitada",
        },
    ),
    "fr": Language(
        limit=273,
        symbols=_signs(
            "et", "arobase", "pour cent", "dièse", "dollar", "livre", "euro", "degrés", "plus", "égale"
        ),
        point="virgule", thousands=" .", ordinals="º|ª|er|ère|re|nde|nd|ème|eme|e", currencies="$£€", cents=" et ",
        abbreviations={
            "mme.": "madame", "mr.": "monsieur", "dr.": "docteur", "st.": "saint", "co.": "compagnie",
            "jr.": "junior", "ltd.": "limitée",
        },
    ),
    "de": Language(
        limit=253,
        symbols=_signs("und", "at", "prozent", "raute", "dollar", "pfund", "euro", "grad", "plus", "gleich"),
        point="Komma", thousands=".", ordinals="º|ª|st|nd|rd|th", dotted="any", currencies="$£€", cents=" und ",
        abbreviations={"fr.": "frau", "dr.": "doktor", "st.": "sankt", "co.": "firma", "jr.": "junior"},
    ),
    "it": Language(
        limit=213,
        symbols=_signs(
            "e", "chiocciola", "per cento", "cancelletto", "dollaro", "sterlina", "euro", "gradi", "più", "uguale"
        ),
        point="virgola", thousands=".", ordinals="º|°|ª|o|a|i|e", currencies="$£€", cents=" e ",
        abbreviations={
            "sig.ra": "signora", "sig.": "signore", "dr.": "dottore", "st.": "santo", "co.": "compagnia",
            "jr.": "junior", "ltd.": "limitata",
        },
    ),
    "pt": Language(
        limit=203,
        symbols=_signs(
            "e", "arroba", "por cento", "cardinal", "dólar", "libra", "euro", "graus", "mais", "igual a"
        ),
        point="vírgula", thousands=".", ordinals="º|ª|os|as|o|a", currencies="$£€", cents=" e ",
        abbreviations={
            "sra.": "senhora", "sr.": "senhor", "dr.": "doutor", "dra.": "doutora", "st.": "santo",
            "co.": "companhia", "jr.": "júnior", "ltd.": "limitada",
        },
    ),
    "pl": Language(
        limit=224,
        symbols=_signs(
            "i", "małpa", "procent", "krzyżyk", "dolar", "funt", "euro", "stopnie", "plus", "równa się"
        ),
        point="przecinek", thousands=" .", ordinals="º|ª|st|nd|rd|th", dotted="lower", currencies="$€",
        abbreviations={"p.": "pani", "m.": "pan", "dr.": "doktor", "sw.": "święty", "jr.": "junior"},
    ),
    "tr": Language(
        limit=226,
        symbols=_signs("ve", "at", "yüzde", "diyez", "dolar", "sterlin", "euro", "derece", "artı", "eşittir"),
        point="virgül", thousands=".", ordinals="['’]?(?:[iıuü]?nc[iıuü])", dotted="any",
        abbreviations={"b.": "bay", "byk.": "büyük", "dr.": "doktor"},
    ),
    "ru": Language(
        limit=182,
        symbols=_signs(
            "и", "собака", "процентов", "номер", "доллар", "фунт", "евро", "градус", "плюс", "равно"
        ),
        point="запятая", thousands=" ", ordinals="-(?:ый|ой|й|ая|я|ое|ье|е|го)", currencies="$€",
        abbreviations={"г-жа": "госпожа", "г-н": "господин", "д-р": "доктор"},
    ),
    "nl": Language(
        limit=251,
        symbols=_signs(
            "en", "bij", "procent", "hekje", "dollar", "pond", "euro", "graden", "plus", "is gelijk aan"
        ),
        point="komma", thousands=".", ordinals="de|ste|e", currencies="$£€",
        abbreviations={"dhr.": "de heer", "mevr.": "mevrouw", "dr.": "dokter", "jhr.": "jonkheer"},
    ),
    "cs": Language(
        limit=186,
        symbols=_signs("a", "na", "procento", "křížek", "dolar", "libra", "euro", "stupně", "plus", "rovná se"),
        point="celá", thousands=" .", dotted="lower", currencies="€",
        abbreviations={"dr.": "doktor", "ing.": "inženýr", "p.": "pan"},
    ),
    "ar": Language(
        limit=166,
        symbols=_signs(
            "و", "على", "في المئة", "رقم", "دولار", "جنيه", "يورو", "درجة", "زائد", "يساوي"
        ),
        point="فاصلة", thousands=",",
    ),
    "zh": Language(
        limit=82,
        symbols=_signs("和", "在", "百分之", "号", "美元", "英镑", "欧元", "度", "加", "等于"),
        point="点", thousands=",",
    ),
    "ja": Language(
        limit=71,
        symbols=_signs(
            "アンド", "アット", "パーセント", "シャープ", "ドル", "ポンド", "ユーロ", "度", "プラス", "イコール"
        ),
        point="点", thousands=",",
    ),
    "hu": Language(
        limit=224,
        symbols=_signs(
            "és", "kukac", "százalék", "kettőskereszt", "dollár", "font", "euró", "fok", "plusz", "egyenlő"
        ),
        point="egész", thousands=" .", ordinals="-?(?:[aeoö]dik|[aeoö]dike|ik)", dotted="lower",
        abbreviations={"dr.": "doktor", "b.": "bácsi", "nőv.": "nővér"},
    ),
    "ko": Language(
        limit=95,
        symbols=_signs(
            "그리고", "에", "퍼센트", "번호", "달러", "파운드", "유로", "도", "더하기", "이퀄"
        ),
        point="점", thousands=",", ordinals=" ?번째|째", currencies="$", cents=" ",
    ),
    "hi": Language(
        limit=150,
        symbols=_signs(
            "और", "ऐट दी रेट", "प्रतिशत", "हैश", "डॉलर", "पाउंड", "यूरो", "डिग्री", "प्लस", "बराबर"
        ),
        point="दशमलव", thousands=",", ordinals="st|nd|rd|th|वां|वाँ|वीं|वें",
    ),
}
# fmt: on
#: Characters of one piece of speech in a language that is not listed.
DEFAULT_LIMIT = 250


def base_of(language: str) -> str:
    """``pt`` of ``pt-BR`` and ``pt_br``."""
    return language.strip().lower().replace("_", "-").split("-")[0]


def mark_of(language: str) -> str:
    """The code that a vocabulary marks a language by: without its region, as coqui-tts looks it up, but ``zh-cn``."""
    base = base_of(language)
    return "zh-cn" if base == "zh" else base


def limit_of(language: str) -> int:
    """Characters that one piece of speech may have, before the cleaner."""
    base = base_of(language)
    return LANGUAGES[base].limit if base in LANGUAGES else DEFAULT_LIMIT
