"""XTTS's text side: cleaners, pieces, sentences, and vocabularies that grow."""

import builtins
import json
from pathlib import Path

import pytest

from finetune_tts.errors import UserError
from finetune_tts.families.xtts.reader import PieceReader
from finetune_tts.families.xtts.text.cleaning import KNOWN, clean
from finetune_tts.families.xtts.text.growing import grown
from finetune_tts.families.xtts.text.pieces import pieces_of, read_vocabulary
from finetune_tts.families.xtts.text.tables import LIMITS

REFERENCE = Path(__file__).parents[2] / "reference" / "xtts_v2"
CASES = json.loads((REFERENCE / "tokens.json").read_text(encoding="utf-8"))


@pytest.fixture
def vocabulary():
    return read_vocabulary(REFERENCE / "vocab.json")


@pytest.fixture
def reader(vocabulary):
    return PieceReader(vocabulary, "vocab.json")


@pytest.mark.parametrize("case", CASES, ids=[case["text"][:20] for case in CASES])
def test_reference_texts_and_ids(reader, case):
    encoded = reader.encode(case["text"], case["language"])
    assert encoded.cleaned == case["cleaned"]
    assert encoded.ids == case["ids"]


@pytest.mark.parametrize(
    ("language", "text", "cleaned"),
    [
        ("en", "Mrs. Hill & co. @ 5°: 1,234,567 of it", "misess hill and company at five degree : one million, two "
         "hundred and thirty-four thousand, five hundred and sixty-seven of it"),
        ("en", "The 22nd, £3.50 and $7", "the twenty-second, three pounds sterling, fifty pence and seven dollars"),
        ("es", "Sr. López pagó 1.234,50€ por 3 libros", "señor lópez pagó mil doscientos treinta y cuatro euros con "
         "cincuenta céntimos por tres libros"),
        ("fr", "Mme. Noël, le 1er jour : 50%", "madame noël, le premier jour : cinquante pour cent"),
        ("de", "Fr. Kurz & 3,5 kg am 3. Mai", "frau kurz und drei Komma fünf kg am dritte mai"),
        ("it", "Sig. Bianchi, il 2° giorno", "signore bianchi, il secondo giorno"),
        ("pt", "O 2º dia da Dra. Ana", "o segundo dia da doutora ana"),
        ("pl", "Dr. Nowak ma 5 psów", "doktor nowak ma pięć psów"),
        ("tr", "İstanbul'da 3. gün, Dr. Öz", "istanbul'da üçüncü gün, doktor öz"),
        ("ru", "Г-н Иванов и 21-й дом", "господин иванов и двадцать первый дом"),
        ("nl", "Dhr. Jansen is 1ste", "de heer jansen is eerste"),
        ("cs", "Ing. Novák má 3 psy", "inženýr novák má tři psy"),
        ("ar", "لدي 25 كتاب", "لدي خمسة و عشرون كتاب"),
        ("zh-cn", "增长了12.5%，2023年", "zeng1zhang3le5bai3fen1zhi1shi2er4dian3wu3，er4ling2er4san1nian2"),
        ("ja", "今日は二人です", "kyou wa futari desu"),
        ("hu", "Dr. Nagy, 3. emelet", "doktor nagy, harmadik emelet"),
        ("ko", "안녕하세요 3번째", "annyeonghase-yo se beon-jjae"),
        ("hi", "मुझे 1,25,125 किताबें दो", "मुझे एक लाख पच्चीस हज़ार एक सौ पच्चीस किताबें दो"),
    ],
)  # fmt: skip
def test_cleaners_of_all_languages(language, text, cleaned):
    assert clean(text, language) == cleaned


def test_every_language_has_a_case_and_a_limit():
    assert set(KNOWN) == LIMITS.keys()


@pytest.mark.parametrize("language", KNOWN)
def test_hostile_texts_are_cleaned(language):
    for text in (
        "",
        " ",
        '"',
        "9" * 400,
        "€" * 50,
        "1.2.3.4,5,6",
        "٣٤",
        "½ ² Ⅳ",
        "\0\n\t",
        "5.000.000.000,5$",
        "00",
        "%" * 9,
    ):
        assert isinstance(clean(text, language), str)


def test_unknown_characters_are_counted(reader):
    encoded = reader.encode("a žába", "en")
    assert encoded.missing == {"ž": 1}
    assert encoded.ids[0] == reader.vocabulary.symbols.index("[en]")


@pytest.mark.parametrize("language", [None, "", "sv", "xx"])
def test_a_language_without_a_mark_is_refused_with_those_there_are(reader, language):
    with pytest.raises(UserError, match="en, es, de, fr"):
        reader.encode("a", language)


def test_a_region_is_no_other_language(reader):
    assert reader.encode("a", "en-US").ids == reader.encode("a", "en").ids


@pytest.mark.parametrize("language", ["en", "ja", "sv"])
def test_long_text_is_cut_within_the_limit_of_its_language(reader, language):
    text = "The cat, which was not at home, sat down; and so on. " * 30
    parts = reader.split(text, language)
    limit = LIMITS.get(language, 200)
    assert max(map(len, parts)) <= limit
    assert " ".join(parts).split() == text.split()


def test_a_new_language_gets_a_mark_letters_and_pieces_and_the_old_ones_stay(vocabulary, reader):
    texts = ["räka åt råg", "en råtta åt åtta räkor", "åtta rågax på vägen"] * 2
    changed = grown(vocabulary, "sv", texts, pieces=5)
    old, new = pieces_of(vocabulary), pieces_of(changed)
    assert new[: len(old)] == old
    assert new[len(old)] == "[sv]"
    assert "å" in new[len(old) :]
    learned = [piece for piece in new[len(old) + 1 :] if len(piece) > 1]
    assert 0 < len(learned) <= 5
    assert all("å" in piece for piece in learned)
    both = PieceReader(changed, "vocab.json")
    assert both.languages == (*reader.languages, "sv")
    for case in CASES:
        assert both.encode(case["text"], case["language"]).ids == case["ids"]
    found = both.encode("Åtta räkor", "sv")
    assert not found.missing
    assert max(found.ids) >= len(old)
    assert grown(vocabulary, "sv", texts, pieces=5) == changed
    assert grown(changed, "sv", texts, pieces=5) is changed


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"model": 1}', '{"model": {"type": "BPE", "vocab": [], "merges": []}}',
     '{"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}}',
     '{"model": {"type": "BPE", "vocab": {"a": 4000000000}, "merges": []}}',
     '{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["b c"]}}',
     '{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [1]}}',
     '{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}, "added_tokens": 3}'],
)  # fmt: skip
def test_a_file_that_is_no_vocabulary_is_named(tmp_path, content):
    path = tmp_path / "vocab.json"
    path.write_text(content)
    with pytest.raises(UserError, match=r"vocab\.json"):
        PieceReader(read_vocabulary(path), str(path))


@pytest.mark.parametrize(
    ("package", "language", "text", "extra"),
    [
        ("num2words", "en", "5", "xtts"),
        ("pypinyin", "zh-cn", "好", "xtts-zh"),
        ("cutlet", "ja", "好", "xtts-ja"),
        ("hangul_romanize", "ko", "안", "xtts-ko"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(monkeypatch, package, language, text, extra):
    from finetune_tts.families.xtts.text import romanising

    romanising._katsu.cache_clear()
    romanising._transliterator.cache_clear()
    real = builtins.__import__

    def without(name, *arguments, **keywords):
        if name.partition(".")[0] == package:
            raise ImportError(name)
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match=rf"finetune-tts\[{extra}\]"):
        clean(text, language)
