"""What XTTS reads of a text, in each of its languages."""

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_tts.errors import UserError
from finetune_tts.families.xtts.text import packages
from finetune_tts.families.xtts.text.cleaners import clean
from finetune_tts.families.xtts.text.languages import LANGUAGES

CASES = [
    ("en", 'Mrs. Hall: "It\'s 3.5% & $1,200.50"',
     "misess hall: it's three point five percent and one thousand, two hundred dollars, fifty cents"),
    ("en", "£3 to a@b, #2, 20°, the 22nd of 105 + 1",
     "three pounds sterling to a at b, hash two, twenty degree , the twenty-second of one hundred and five plus one"),
    ("es", "La Sra. Gil pagó 12,50€ por el 3º", "la señora gil pagó doce euros con cincuenta céntimos por el tercero"),
    ("fr", "Mme. Roy a 1 000 amis, la 2e & 21€", "madame roy a mille amis, la deuxième et vingt et un euros"),
    ("de", "Fr. Dr. Kühn zahlt am 3. Mai 2,5% von 1.000 €",
     "frau doktor kühn zahlt am dritte mai zwei Komma fünf prozent von eintausend Euro"),
    ("it", "La Sig.ra e il Sig. Re, 1° posto, 20°C", "la signora e il signore re, primo posto, venti gradi c"),
    ("pt", "O Sr. Sá tem 21€ e 1,5 kg", "o senhor sá tem vinte e um euros e um vírgula cinco kg"),
    ("pl", "Dr. Lis ma 2. miejsce i 20£", "doktor lis ma drugi miejsce i dwadzieścia funt"),
    ("tr", "İyi IŞIK, %14 ve 12,5; Dr. Öz 3'üncü", "iyi işik, yüzde ondört ve oniki virgül beş; doktor öz üçüncü"),
    ("ru", "Г-жа Ли и д-р Ким: 2-й раз, 1 000€ и 5%",
     "госпожа ли и доктор ким: второй раз, одна тысяча евро и пять процентов"),
    ("nl", "Mevr. Bos is de 8ste van 2,5 & €3,20",
     "mevrouw bos is de achtste van twee komma vijf en drie euro, twintig cent"),
    ("cs", "Ing. Malý: 23. května, 1 500 a 50%. Bylo 5.",
     "inženýr malý: dvacátý třetí května, tisíc pětset a padesát procento . bylo pět."),
    ("ar", "في ١٢٫٥ ثانية و $20 أو 5%", "في اثنا عشر فاصلة خمسة ثانية و عشرون دولار أو خمسة في المئة"),
    ("zh-cn", "在12.5秒内，“好”！", "zai4shi2er4dian3wu3miao3nei4,hao3,"),
    ("zh", "妈妈的2个iPhone's", "ma1ma1de5liang3ge4iphone's"),
    ("ja", "「5月1日」に20%", "go gatsu tsuitachi ni nijuu percent"),
    ("hu", "Dr. Kis az 1. helyen, 20€ és 12,5", "doktor kis az első helyen, húsz euró és tizenkettő egész öt tized"),
    ("ko", "사과 1,000개, 3번째 50%", "sagwa cheongae, se beon-jjae osib peosenteu"),
    ("hi", "मेरे पास ५०% और 1,00,001 हैं, 3वां", "मेरे पास पचास प्रतिशत और एक लाख एक हैं, तीसरा"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "text", "cleaned"), CASES)
def test_numbers_signs_and_abbreviations_are_read(language: str, text: str, cleaned: str) -> None:
    assert clean(text, language) == cleaned


def test_every_language_has_a_case() -> None:
    assert {language.split("-")[0] for language, _, _ in CASES} == set(LANGUAGES)


@pytest.mark.parametrize(
    ("language", "text", "cleaned"),
    [
        ("de", "Es war 1990. Dann", "es war eintausendneunhundertneunzig. dann"),
        ("de", "Es waren 12.", "es waren zwölf."),
        ("de", "die 12. Frau", "die zwölfte frau"),
        ("hu", "Itt van 20. Ott", "itt van húsz. ott"),
        ("en", "We have 3. You", "we have three. you"),
    ],
)
def test_a_full_stop_at_the_end_of_a_sentence_makes_no_ordinal(language: str, text: str, cleaned: str) -> None:
    assert clean(text, language) == cleaned


@pytest.mark.parametrize(
    ("language", "text", "cleaned"),
    [
        ("en", "0.5, 2.0, 007", "zero point five, two, seven"),
        ("en", "1,234,567.5",
         "one million, two hundred and thirty-four thousand, five hundred and sixty-seven point five"),
        ("en", "1.2.2024", "one two two thousand and twenty-four"),
        ("en", "1234567890123456", "one two three four five six seven eight nine zero one two three four five six"),
        ("de", "1.234,5", "eintausendzweihundertvierunddreißig Komma fünf"),
        ("ko", "100번째", "baegbeon-jjae"),
        ("fr", "$12.345.678", "douze millions trois cent quarante-cinq mille six cent soixante-dix-huit dollars"),
        ("en", "$5 $6 7€", "five dollars six dollars seven euro"),
        ("pl", "0º", "zero"),
    ],
)  # fmt: skip
def test_odd_numbers(language: str, text: str, cleaned: str) -> None:
    assert clean(text, language) == cleaned


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize(
    "text",
    ["9" * 15, "9" * 16, f"{'9' * 15}º", f"{'9' * 27}€", f"{'9' * 400}.5", f"1.{'9' * 400}", "0.0000000001", "1e400"],
)
def test_no_number_is_too_large_or_too_small(language: str, text: str) -> None:
    cleaned = clean(text, language)
    # Chinese has a tone's number behind each syllable, no digit that stands alone.
    assert not re.search(r"(?<![a-zü])[0-9]", cleaned)


def test_long_rows_of_numbers_take_no_longer_than_they_must() -> None:
    # A pattern that tried every place again would take hours.
    assert clean("9," * 50_000 + "9", "en").count("nine") == 50_001


def test_separate_accents_are_composed() -> None:
    assert clean("Cafe\u0301", "fr") == "café"
    assert clean("\u1112\u1161\u11ab", "ko") == "han"


def test_another_language_takes_the_cleaner_that_is_named() -> None:
    assert clean("Dr.  ÅSE 5", "sv") == "dr. åse 5"
    assert clean("a-b: c", "sv", "multilingual_cleaners") == "a b, c"
    with pytest.raises(UserError, match="text_cleaner 'no'"):
        clean("a", "sv", "no")


@pytest.mark.parametrize(
    ("package", "language", "extra"),
    [
        ("num2words", "en", r"num2words: pip install 'finetune-tts\[xtts\]'"),
        ("pypinyin", "zh", r"pypinyin: pip install 'finetune-tts\[xtts,xtts-zh\]'"),
        ("hangul_romanize", "ko", r"hangul-romanize: pip install 'finetune-tts\[xtts,xtts-ko\]'"),
        ("cutlet", "ja", r"unidic-lite: pip install 'finetune-tts\[xtts,xtts-ja\]'"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(
    package: str, language: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for cached in (packages._hangul, packages._cutlet):
        cached.cache_clear()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=extra):
        clean("7654321", language) if language == "en" else clean("字", language)


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"ja"}))
@given(text=st.text(st.characters(codec="utf-8") | st.sampled_from("0123456789.,€$£%-/: º°"), max_size=40))
def test_fuzz_any_text_is_read(language: str, text: str) -> None:
    cleaned = clean(text, language)
    assert cleaned == " ".join(cleaned.split(" "))
    assert not set("0123456789%&$") & set(cleaned) or language == "zh"
