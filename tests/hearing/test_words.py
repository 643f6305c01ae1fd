import pytest

from finetune_tts.hearing.words import edits, error_rates, words


def test_words_have_no_punctuation_and_no_case():
    assert words("It’s a “Cat”, isn't it?") == ["it's", "a", "cat", "isn't", "it"]
    assert words("Grüße, 3 Äpfel_und Ñandú!") == ["grüße", "3", "äpfel", "und", "ñandú"]
    assert words("Ёлка — это дерево.") == ["ёлка", "это", "дерево"]


@pytest.mark.parametrize(
    ("expected", "heard", "count"),
    [("a b c", "a b c", 0), ("a b c", "a x c", 1), ("a b c", "a c", 1), ("a b c", "a b b c", 1), ("a b", "", 2),
     ("", "a b", 2), ("kitten", "sitting", 1)],
)  # fmt: skip
def test_the_fewest_edits_are_counted(expected, heard, count):
    assert edits(expected.split(), heard.split()) == count


def test_letters_count_too():
    assert edits("kitten", "sitting") == 3


def test_error_rates_of_known_sentences():
    rates = error_rates("The cat sat on the mat.", "the cat sat on a mat")
    assert rates["wer"] == pytest.approx(1 / 6)
    assert rates["cer"] == pytest.approx(3 / 22)
    assert error_rates("Yes.", "yes") == {"wer": 0.0, "cer": 0.0}
    assert error_rates("Yes.", "")["wer"] == 1.0
    assert error_rates("Yes.", "oh yes it is")["wer"] == 3.0
    assert error_rates("?!", "anything") == {}
