"""Text to ids and back, and the count of what the vocabulary lacks."""

import pickle
from collections import Counter

import pytest

from finetune_tts.errors import UserError
from finetune_tts.text.characters import Vocabulary, vocabulary
from finetune_tts.text.phonemizer import EspeakPhonemizer
from finetune_tts.text.tokenizer import MissingReport, Tokenizer, require_covered

LETTERS = vocabulary({"pad": "_", "eos": "~", "bos": "^", "blank": "#", "characters": "abc", "punctuations": " !"})


def test_ids_spell_the_text() -> None:
    tokenizer = Tokenizer(LETTERS, cleaner="basic_cleaners")
    encoded = tokenizer.encode("  AB   c! ")
    assert encoded.cleaned == encoded.spelled == "ab c!"
    assert tokenizer.decode(encoded.ids) == "ab c!"
    assert not encoded.missing


def test_blanks_stand_before_between_and_behind_and_the_ends_outside() -> None:
    tokenizer = Tokenizer(LETTERS, add_blank=True, use_eos_bos=True)
    assert tokenizer.decode(tokenizer.encode("ab").ids) == "^#a#b#~"
    assert tokenizer.decode(tokenizer.encode("").ids) == "^#~"


def test_lacking_characters_are_left_out_and_counted() -> None:
    encoded = Tokenizer(LETTERS).encode("axxb\N{FROG FACE}")
    assert encoded.missing == Counter({"x": 2, "\N{FROG FACE}": 1})
    assert len(encoded.ids) == 2


@pytest.mark.parametrize(("text", "is_empty"), [("", True), ("xx", True), ("x x", True), ("xa", False), ("!", False)])
def test_a_text_is_empty_if_nothing_but_spaces_is_left(text: str, is_empty: bool) -> None:
    assert Tokenizer(LETTERS, add_blank=True, use_eos_bos=True).encode(text).is_empty == is_empty


def test_phonemes_are_looked_up() -> None:
    tokenizer = Tokenizer(vocabulary(None, use_phonemes=True), "phoneme_cleaners", EspeakPhonemizer("en-us"))
    encoded = tokenizer.encode("Dr. Who & co", "en-us")
    assert encoded.cleaned == "doctor Who and co"
    assert encoded.spelled == "dˈɑːktɚ hˌuː ænd kˈoʊ"
    assert tokenizer.decode(encoded.ids) == encoded.spelled


def test_tokenizer_can_be_pickled_for_loader_workers() -> None:
    tokenizer = Tokenizer(vocabulary(None, use_phonemes=True), "phoneme_cleaners", EspeakPhonemizer("en-us"))
    again = pickle.loads(pickle.dumps(tokenizer))
    assert again.encode("Hello.") == tokenizer.encode("Hello.")


def test_report_counts_over_texts_and_lists_the_most_frequent_first() -> None:
    report = Tokenizer(LETTERS).count_missing(["abß", "ßé", "", "aaaa"])
    assert report.total_chars == 9
    assert report.counter == Counter({"ß": 2, "é": 1})
    assert report.share == pytest.approx(3 / 9)
    assert str(report) == "'ß' (U+00DF) 2×, 'é' (U+00E9) 1×"


def test_report_over_nothing_lacks_nothing() -> None:
    assert Tokenizer(LETTERS).count_missing([]).share == 0
    require_covered(MissingReport(0, Counter()))


def test_one_percent_may_be_lacking_and_not_more() -> None:
    require_covered(MissingReport(100, Counter({"ß": 1})))
    with pytest.raises(UserError, match=r"lacks 2 of 100 characters of the text \(2\.0%; at most 1% .*'ß' \(U\+00DF\)"):
        require_covered(MissingReport(100, Counter({"ß": 2})))


def listing(*symbols: str) -> Vocabulary:
    return vocabulary({"characters_class": "BaseVocabulary", "vocab_dict": symbols, "pad": None})


@pytest.mark.parametrize("mark", '.,;:!?…-–—()[]{}"«»“”„‘。、，？！「」،؟।¿¡')
def test_a_vocabulary_without_punctuation_ignores_every_mark(mark: str) -> None:
    report = Tokenizer(listing(" ", "a", "b")).count_missing([f"ab{mark}a", mark])
    assert (report.counter, report.punctuation, report.share) == (Counter(), Counter({mark: 2}), 0)
    require_covered(report)


@pytest.mark.parametrize("symbol", "xÄ1%&@*€+=№\n")
def test_what_is_said_is_counted_in_any_vocabulary(symbol: str) -> None:
    report = Tokenizer(listing(" ", "a", "b")).count_missing([symbol])
    assert (report.counter, report.punctuation) == (Counter({symbol: 1}), Counter())


@pytest.mark.parametrize("own", [".", ",", "。", "،", "।"])
def test_a_vocabulary_with_a_full_stop_or_a_comma_ignores_nothing(own: str) -> None:
    report = Tokenizer(listing("a", own)).count_missing(["a!"])
    assert (report.counter, report.punctuation) == (Counter({"!": 1}), Counter())


def test_an_apostrophe_of_another_form_is_a_letter_where_there_is_one() -> None:
    assert Tokenizer(listing("a", "'")).count_missing(["a’a"]).counter == Counter({"’": 1})
    assert Tokenizer(listing("a")).count_missing(["a’a"]).punctuation == Counter({"’": 1})


@pytest.mark.parametrize(
    ("fields", "letters_field"),
    [
        ({"characters": "ab", "punctuations": "."}, "characters.characters"),
        ({"characters_class": "IPAPhonemes", "characters": "ab"}, "characters.characters"),
        ({"characters_class": "IPAPhonemes", "characters": "ab", "phonemes": "ɹ"}, "characters.phonemes"),
        ({"characters_class": "BaseVocabulary", "vocab_dict": ["a", "."], "pad": None}, "characters.vocab_dict"),
    ],
)
def test_the_error_names_the_field_that_letters_are_read_from(fields: dict[str, object], letters_field: str) -> None:
    with pytest.raises(UserError, match=f"or add them to {letters_field}."):
        require_covered(Tokenizer(vocabulary(fields, add_blank=True)).count_missing(["ß"]))


def test_a_flood_of_lacking_characters_is_told_in_short() -> None:
    report = MissingReport(100, Counter({chr(0x4E00 + index): 1 for index in range(50)}))
    assert str(report).endswith("and 30 more")
    with pytest.raises(UserError) as caught:
        require_covered(report)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"add_blank": True}, "add_blank is true, .* no blank"),
        ({"use_eos_bos": True}, "enable_eos_bos_chars .* no bos"),
    ],
)
def test_symbols_that_are_asked_for_must_be_there(options: dict[str, bool], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Tokenizer(Vocabulary(("a", "b")), **options)


def test_unknown_cleaner_is_refused() -> None:
    with pytest.raises(UserError, match="text_cleaner 'basic': unknown"):
        Tokenizer(LETTERS, cleaner="basic")
