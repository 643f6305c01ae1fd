import pytest

from finetune_tts.data.columns import parse_columns
from finetune_tts.errors import UserError


def test_columns_in_their_order():
    choice = parse_columns("file, _,Sentence ,speaker_id")
    assert choice.places == {"audio": 0, "text": 2, "speaker": 3}
    assert choice.width == 4


def test_some_columns_by_name_or_number():
    choice = parse_columns("text=what was said,speaker=3")
    assert (choice.names, choice.places, choice.width) == ({"text": "what was said"}, {"speaker": 2}, 0)


def test_nothing_said_is_no_choice():
    assert parse_columns(" ") is None


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("file", "no column holds the text"),
        ("text,speaker", "no column holds the audio"),
        ("file,txet", "'txet' is no field. The fields are audio, text, speaker, language, split"),
        ("file,text,sentence", "two columns are said to hold the text"),
        ("file,text=3", "list all columns in their order, or give each as field=column"),
        ("text=0", "names no column; the first is number 1"),
        ("text=", "names no column"),
        ("text=1,sentence=2", "the text is named twice"),
        ("text=" + "9" * 5000, "names no column"),
    ],
)
def test_what_is_no_choice_is_explained(columns, message):
    with pytest.raises(UserError, match=message) as caught:
        parse_columns(columns)
    assert str(caught.value).startswith("--columns ")
    assert len(str(caught.value)) < 400


SENTENCES = ("One more word", "The second sentence", "And a third", "This is the last")


def test_the_choice_decides_where_contents_cannot(read_folder):
    content = "".join(f"{number}|{text}|Satz {number} auf Deutsch\n" for number, text in enumerate(SENTENCES, start=1))
    with pytest.raises(UserError, match=r"columns 2 \('One more word'\) and 3 .* may each hold the text.*--columns"):
        read_folder({"metadata.csv": content})
    for columns in ("file,_,text", "text=3"):
        layouts = []
        samples = read_folder({"metadata.csv": content}, columns=columns, layouts=layouts)
        assert samples[0].text == "Satz 1 auf Deutsch"
        assert samples[0].speaker == "voice"
        assert ("file,_,text (--columns)" if columns == "file,_,text" else "audio|…|text") in layouts[0]


def test_the_choice_names_columns_of_a_header_in_any_language(read_folder):
    content = "Wer;Datei;Satz\n" + "".join(f"anna;{n};{text}\n" for n, text in enumerate(SENTENCES, start=1))
    samples = read_folder({"metadata.csv": content}, columns="audio=Datei,text=Satz,speaker=Wer")
    assert [(sample.name, sample.text, sample.speaker) for sample in samples][0] == (
        "#wavs/1", "One more word", "anna",
    )  # fmt: skip
    assert len(samples) == 4


def test_the_choice_names_fields_of_json(read_folder):
    content = '{"wav": "1", "satz": "Eins", "text": "One"}\n{"wav": "2", "satz": "Zwei", "text": "Two"}\n'
    samples = read_folder({"metadata.jsonl": content}, columns="text=satz")
    assert [sample.text for sample in samples] == ["Eins", "Zwei"]
    with pytest.raises(UserError, match="metadata.jsonl is JSON, whose fields are named"):
        read_folder({"metadata.jsonl": content}, columns="file,text")


def test_the_choice_by_place_skips_a_header_and_finds_the_separator(read_folder):
    content = "id;text\n" + "".join(f"{n};Well, yes, {text}\n" for n, text in enumerate(SENTENCES, start=1))
    samples = read_folder({"metadata.csv": content}, columns="file,text")
    assert [sample.text for sample in samples][:2] == ["Well, yes, One more word", "Well, yes, The second sentence"]


def test_the_choice_is_for_formats_that_have_no_columns_of_their_own(read_folder):
    with pytest.raises(UserError, match=r"--columns file,text: the format ljspeech has its own columns"):
        read_folder({"metadata.csv": "1|One|One\n"}, formatter="ljspeech", columns="file,text")


def test_a_choice_that_the_header_does_not_have_is_named(read_folder):
    with pytest.raises(UserError, match="line 1: --columns text=Satz: the header has no column 'Satz'"):
        read_folder({"metadata.csv": "file|text\n1|One\n"}, columns="text=Satz")
    with pytest.raises(UserError, match=r"line 1: 2 columns found where 3 are needed \(file,_,text"):
        read_folder({"metadata.csv": "1|One\n2|Two\n"}, columns="file,_,text")


def test_the_choice_is_for_the_file_that_it_fits(read_folder):
    files = {"about.txt": "a | b | c\nd | e\n", "my voice.csv": "One more word|1\nThe second|2\n"}
    assert [sample.text for sample in read_folder(files, columns="text,file")] == ["One more word", "The second"]
