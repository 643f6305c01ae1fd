import pytest

from finetune_tts.errors import UserError
from finetune_tts.text.text_list import MOST_CHARACTERS, PIECES, read_lines


def found(kind, text):
    return [(entry.line, entry.name, entry.text) for entry in PIECES[kind](text, "list.txt")]


def test_each_line_that_is_not_empty_is_one():
    assert found("line", "a bad egg\n\n  had a hag  \n") == [(1, None, "a bad egg"), (3, None, "had a hag")]


def test_the_first_line_decides_whether_names_stand_before_the_texts():
    assert found("line", "one|a bad egg\nsub/two.wav | had a hag") == [
        (1, "one", "a bad egg"),
        (2, "sub/two.wav", "had a hag"),
    ]
    assert found("line", "a bad egg\nhad|a hag") == [(1, None, "a bad egg"), (2, None, "had|a hag")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a|b\nc", "line 2: has no |"),
        ("a|b\n\nc|d|e", "line 3: has 3 columns"),
        ("../a|b", "line 1: '../a' is no name of a file below the folder"),
        ("/etc/a|b", "no name of a file below"),
        ("|b", "no name of a file below"),
        (f"{'a' * 201}|b", "too long for the name of a file"),
        ("a\x00b|c", "no name that a file can have everywhere"),
        (".hidden|c", "no name that a file can have everywhere"),
        ("c:\\a|c", "no name that a file can have everywhere"),
        ("a|", "line 1: there is no text for a"),
        ("a" * (MOST_CHARACTERS + 1), "line 1: 100,001 characters"),
    ],
)
def test_what_cannot_be_a_list_is_refused_by_line(text, told):
    with pytest.raises(UserError, match=told.replace("|", r"\|")):
        list(PIECES["line"](text, "list.txt"))


def test_paragraphs_and_sentences():
    text = "\nOne\nline. Two.\n \n\nThree.\n"
    assert found("paragraph", text) == [(2, None, "One line. Two."), (6, None, "Three.")]
    assert [said for _, _, said in found("sentence", text)] == ["One line.", "Two.", "Three."]


def test_lines_are_read_as_they_come():
    def lines():
        yield "a"
        raise AssertionError("the second line was not asked for")

    assert next(iter(read_lines(lines(), "standard input"))).text == "a"
