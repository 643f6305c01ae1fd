"""A text as espeak-ng speaks it, word by word."""

import pytest

from finetune_tts.corpus.script import spoken_script, words_of
from finetune_tts.errors import UserError


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('"Hello," he said — well; it is 1984.', ['"Hello,"', "he", "said —", "well;", "it", "is", "1984."]),
        ("¿Qué tal? ¡Muy bien!", ["¿Qué", "tal?", "¡Muy", "bien!"]),
        ("你好，世界。", ["你", "好，", "世", "界。"]),
        ("L'été, c'est l'été…", ["L'été,", "c'est", "l'été…"]),
        ("— no", ["— no"]),
        ("", []),
    ],
)
def test_words_keep_the_signs_around_them(text, words):
    assert [text[start:end] for start, end in words_of(text)] == words


def test_words_are_where_they_are_heard():
    script = spoken_script("One, two. Three! Four?", "en")
    assert script.text == "One, two. Three! Four?"
    frames = [word.frame for word in script.words]
    assert frames == sorted(frames)
    power = script.spectra.sum(axis=1)
    for word in script.words:
        # Silence before the word, or the beginning, and sound behind.
        assert power[word.frame : word.frame + 8].max() > 0.05 * power.max()
    assert len(script.spectra) > frames[-1]


def test_sentences_without_spaces_between_them_get_none():
    script = spoken_script("你好，世界。我們去！", "cmn")
    assert script.text == "你好，世界。我們去！"
    assert [script.text[word.start : word.end] for word in script.words] == [
        "你",
        "好，",
        "世",
        "界。",
        "我",
        "們",
        "去！",
    ]


def test_an_unknown_language_is_refused():
    with pytest.raises(UserError, match="'xq': espeak-ng"):
        spoken_script("text", "xq")
