"""What is in the columns decides what they are, or the user is asked."""

import pytest

from finetune_tts.errors import UserError

PLAIN = ("No mark in here at all", "A second sentence of it", "And one more to go", "The last one of the lot")
COMMAS = (
    "The early train was full, of sleepy students.",
    "She bought apples, two pears, and a melon.",
    "When it rains, the river rises quickly.",
    "He said hello, and went home.",
)


def lines(pattern, texts, **cells):
    """A line for each text, the cells of the same place filled in."""
    names = list(cells)
    rows = zip(range(1, 9), texts, *cells.values(), strict=False)
    return "".join(
        pattern.format(id=number, text=text, **dict(zip(names, rest, strict=True))) + "\n"
        for number, text, *rest in rows
    )


@pytest.mark.parametrize("delimiter", [",", ";", "|"])
@pytest.mark.parametrize("header", ["", "audio_file{}text\n"])
@pytest.mark.parametrize("texts", [COMMAS, COMMAS[2:], COMMAS + PLAIN], ids=["uneven", "even", "some"])
def test_a_text_in_the_last_column_is_never_cut(read_folder, delimiter, header, texts):
    texts = [text.replace(",", delimiter) for text in texts]
    samples = read_folder({"metadata.csv": header.format(delimiter) + lines(f"{{id}}{delimiter}{{text}}", texts)})
    assert [sample.text for sample in samples] == texts
    assert {sample.speaker for sample in samples} == {"voice"}


@pytest.mark.parametrize("delimiter", [",", ";", "|"])
def test_a_speaker_before_the_text_is_one(read_folder, delimiter):
    texts = [text.replace(",", delimiter) for text in COMMAS + PLAIN]
    samples = read_folder({"metadata.csv": lines(f"{{id}}{delimiter}anna{delimiter}{{text}}", texts)})
    assert [(sample.speaker, sample.text) for sample in samples] == [("anna", text) for text in texts]


@pytest.mark.parametrize("delimiter", [",", ";", "|"])
@pytest.mark.parametrize("header", ["", "audio_file{0}text{0}speaker_name\n"])
@pytest.mark.parametrize("texts", [COMMAS, PLAIN + COMMAS, COMMAS[2:]])
def test_what_does_not_fit_is_refused_where_the_text_is_not_last(read_folder, delimiter, header, texts):
    texts = [text.replace(",", delimiter) for text in texts]
    content = header.format(delimiter) + lines(f"{{id}}{delimiter}{{text}}{delimiter}anna", texts)
    with pytest.raises(UserError, match="metadata.csv.*column.*(Put the text in quotes|out of the text|--columns)"):
        read_folder({"metadata.csv": content})


def test_lines_of_every_length_are_refused_with_the_first_that_is_longer(read_folder):
    words = [chr(97 + place % 26) * 5 + " " + chr(97 + place * 7 % 26) * 9 for place in range(60)]
    content = "".join("|".join([str(number), *words[number : 2 * number + 1]]) + "\n" for number in range(1, 31))
    with pytest.raises(UserError, match="metadata.csv, line 2: 4 columns found where others have 3"):
        read_folder({"metadata.csv": content})


@pytest.mark.parametrize("formatter", ["ljspeech", "kokoro"])
def test_a_separator_in_one_of_two_texts_is_refused(read_folder, formatter):
    content = "1|One|One\n2|Two | or three|Two or three\n"
    with pytest.raises(UserError, match="line 2: 4 columns found where the lines have 3 .*out of the text"):
        read_folder({"metadata.csv": content}, formatter=formatter)


@pytest.mark.parametrize("content", ["1|One | more\n2|Two\n", "1|One | more\n2|Two | more\n"])
def test_named_layouts_do_not_cut_texts_either(read_folder, content):
    assert read_folder({"metadata.csv": content}, formatter="thorsten")[0].text == "One | more"


def test_columns_that_a_layout_does_not_read_are_said(read_folder, caplog):
    caplog.set_level("INFO")
    samples = read_folder({"metadata.csv": "1|Guten Tag|x|2.5\n2|Ja|x|1.5\n"}, formatter="thorsten")
    assert [sample.text for sample in samples] == ["Guten Tag", "Ja"]
    assert "the thorsten layout does not read what follows the column of the text" in caplog.text


def test_sentences_cut_in_two_by_a_separator_without_spaces_are_a_question(read_folder):
    content = lines("{id},{text}", ["你好,世界", "今天,天气很好", "我们去,公园", "再见,朋友"])
    with pytest.raises(UserError, match=r"columns 2 \('你好'\) and 3 \('世界'\).*may each hold the text.*quotes"):
        read_folder({"metadata.csv": content})


def test_short_answers_are_not_cut(read_folder):
    samples = read_folder({"metadata.csv": "1,Yes, sir\n2,No, sir\n"})
    assert [sample.text for sample in samples] == ["Yes, sir", "No, sir"]
    for space in ("", " "):
        content = "".join(f"{n},{space}{'Yes' if n % 2 else 'No'}, sir\n" for n in range(1, 5))
        with pytest.raises(UserError, match="may each hold the text"):
            read_folder({"metadata.csv": content})


def test_a_quoted_text_keeps_its_separators(read_folder):
    content = lines('{id},"{text}",anna', COMMAS)
    assert [(s.text, s.speaker) for s in read_folder({"metadata.csv": content})] == [(text, "anna") for text in COMMAS]


def test_broken_quotes_are_named_though_the_layout_is_guessed(read_folder):
    with pytest.raises(UserError, match="metadata.csv, line 1: the row cannot be read .*in quotes"):
        read_folder({"metadata.csv": '1,"Yes," he said\n2,"No," he said\n'})


@pytest.mark.parametrize(
    "phones", ["_ dh ah k ae t _", "DH AH0 K AE1 T S", "ð ə k æ t s", "ðə kˈæts", "zhong1 wen2 shi4", "_ n i h ao _"]
)
def test_phonemes_tones_and_durations_are_no_texts(read_folder, phones):
    content = lines("wavs/{id}.wav|me|EN|{text}|%s|0 0 1 2 0|1 2 3" % phones, COMMAS + PLAIN)  # noqa: UP031
    layouts = []
    samples = read_folder({"train.list": content}, layouts=layouts)
    assert [sample.text for sample in samples] == list(COMMAS + PLAIN)
    assert {(sample.speaker, sample.language) for sample in samples} == {("me", "EN")}
    assert "columns audio|speaker|language|text|…|…|… separated by '|'" in layouts[0]


def test_phonemes_are_the_text_where_there_is_no_other(read_folder):
    samples = read_folder({"metadata.csv": lines("{id}|{text}", ["ka2 er2 pu3", "wo3 men2 qu4"])})
    assert samples[0].text == "ka2 er2 pu3"


@pytest.mark.parametrize(
    ("column", "speakers"),
    [
        (["2.3", "3.1"] * 4, {"voice"}),
        (["0.1 s", "0.2 s"] * 4, {"voice"}),
        (["0", "1"] * 4, {"voice"}),  # seconds: each recording here has 0.1 of them
        (["17", "42"] * 4, {"17", "42"}),
        (["happy", "sad"] * 4, {"voice"}),
        (["anna", "bert"] * 4, {"anna", "bert"}),
        (["p225"] * 8, {"p225"}),
        ([f"utt_{n}" for n in range(8)], {"voice"}),
        ([f"raw/{n}.wav" for n in range(8)], {"voice"}),
    ],
)
def test_only_what_looks_like_speakers_is_taken_for_them(read_folder, column, speakers):
    content = lines("{id}|{text}|{column}", COMMAS + PLAIN, column=column)
    samples = read_folder({"metadata.csv": content})
    assert {sample.speaker for sample in samples} == speakers
    assert [sample.text for sample in samples] == list(COMMAS + PLAIN)


@pytest.mark.parametrize("code", ["en", "EN", "pt-br", "zh_CN", "jp"])
def test_a_column_of_languages_is_one(read_folder, code):
    content = lines(f"{{id}}|{{text}}|{code}", PLAIN)
    assert {(s.speaker, s.language) for s in read_folder({"metadata.csv": content})} == {("voice", code)}
    assert {s.language for s in read_folder({"metadata.csv": content}, language="english")} == {"english"}


def test_two_columns_of_labels_are_a_question(read_folder):
    cells = {"one": ["anna", "bert"] * 4, "two": ["studio", "phone"] * 4}
    content = lines("{id}|{one}|{two}|{text}", COMMAS + PLAIN, **cells)
    with pytest.raises(UserError, match="may each hold the speaker.*--columns file,speaker,_,text") as caught:
        read_folder({"metadata.csv": content})
    advised = str(caught.value).rpartition("--columns ")[2].rstrip(".")
    samples = read_folder({"metadata.csv": content}, columns=advised)
    assert {sample.speaker for sample in samples} == {"anna", "bert"}


def test_the_same_sentences_by_several_speakers_are_the_text(read_folder):
    content = lines("{id}|{who}|{text}", COMMAS * 2, who=["anna"] * 4 + ["bert"] * 4)
    samples = read_folder({"metadata.csv": content})
    assert [(sample.text, sample.speaker) for sample in samples][4:6] == [(COMMAS[0], "bert"), (COMMAS[1], "bert")]


@pytest.mark.parametrize("header", ["id|text", "clip|sentence", "ID|Text", "recording|transcript", "id|what"])
def test_a_header_is_no_recording(read_folder, header):
    samples = read_folder({"metadata.csv": f"{header}\n{lines('{id}|{text}', PLAIN)}"})
    assert [sample.text for sample in samples] == list(PLAIN)


def test_a_header_of_unknown_names_is_asked_about(read_folder):
    with pytest.raises(UserError, match=r"missing: wavs/Aufnahme \(metadata.csv, line 1\).*If line 1 is a header"):
        read_folder({"metadata.csv": f"Aufnahme|Satz\n{lines('{id}|{text}', PLAIN)}"})


@pytest.mark.parametrize(("formatter", "line"), [("thorsten", "id|text"), ("ljspeech", "id|raw_text|text")])
def test_a_header_is_no_recording_in_named_layouts(read_folder, formatter, line):
    content = line + "\n" + lines("{id}|{text}|{text}", PLAIN)
    assert len(read_folder({"metadata.csv": content}, formatter=formatter)) == 4


def test_a_header_yields_to_the_recordings_that_are_there(read_folder):
    content = "id|text|recording\n" + "".join(f"{n + 100}|{text}|{n}\n" for n, text in enumerate(PLAIN, start=1))
    assert [sample.name for sample in read_folder({"metadata.csv": content})][:2] == ["#wavs/1", "#wavs/2"]


def test_the_same_text_in_two_columns_is_one_text(read_folder):
    samples = read_folder({"metadata.csv": lines("{id}|{text}|{text}", ["a bad egg"] * 8)})
    assert {sample.text for sample in samples} == {"a bad egg"}
