"""Every layout by name, each on a miniature of itself."""

import pytest

from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.data.formats import FORMATS, reader_for
from finetune_tts.data.gathering import load_samples
from finetune_tts.errors import UserError

# format: (metadata file, its content, recordings, expected (name, speaker, text))
TABLES = {
    "ljspeech": ("metadata.csv", "a-1|Dr. No|Doctor No\n", ["wavs/a-1.wav"], [("#wavs/a-1", "ljspeech", "Doctor No")]),
    "thorsten": ("metadata.csv", "1|Guten Tag\n", ["wavs/1.wav"], [("#wavs/1", "thorsten", "Guten Tag")]),
    "tweb": ("transcript.txt", "WEB/1\tIn the\n", ["WEB/1.wav"], [("#WEB/1", "tweb", "In the")]),
    "mozilla": ("metadata.txt", "Hello | 1.wav\n", ["wavs/1.wav"], [("#wavs/1", "mozilla", "Hello")]),
    "ruslan": ("metadata_RUSLAN_22200.csv", "1|Да\n", ["RUSLAN/1.wav"], [("#RUSLAN/1", "ruslan", "Да")]),
    "css10": ("transcript.txt", "b/1.wav|Sí|Sí.|1.5\n", ["b/1.wav"], [("#b/1", "css10", "Sí")]),
    "custom_turkish": ("metadata.csv", "1 | Evet\n", ["wavs/1.wav"], [("#wavs/1", "turkish-female", "Evet")]),
    "baker": ("metadata.csv", "1.wav|ka2 er2\n", ["clips_22/1.wav"], [("#clips_22/1", "baker", "ka2 er2")]),
    "kokoro": ("metadata.csv", "1|あ|a b c\n", ["wavs/1.wav"], [("#wavs/1", "kokoro", "abc")]),
    "kss": ("transcript.v.1.4.txt", "1/1.wav|6월|유월|x\n", ["1/1.wav"], [("#1/1", "kss", "유월")]),
    "bel_tts_formatter": ("metadata.csv", "a/1.wav|Так\n", ["a/1.wav"], [("#a/1", "bel_tts", "Так")]),
    "brspeech": (
        "metadata.csv",
        "wav_filename|length|text|speaker\nw/1.wav|1|Sim|anna\nw/2.wav|1|Olá|bert\n",
        ["w/1.wav", "w/2.wav"],
        [("#w/1", "anna", "Sim"), ("#w/2", "bert", "Olá")],
    ),
    "common_voice": (
        "train.tsv",
        "client_id\tpath\tsentence_id\tsentence\nc1\t1.mp3\tx\tHello\nc2\t2.mp3\ty\tBye\n",
        ["clips/1.wav", "clips/2.wav"],
        [("#clips/1", "MCV_c1", "Hello"), ("#clips/2", "MCV_c2", "Bye")],
    ),
    "mls": (
        "train/transcripts.txt",
        "10_20_1\tja\n",
        ["train/audio/10/20/10_20_1.flac"],
        [("#train/audio/10/20/10_20_1", "MLS_10", "ja")],
    ),
    "libri_tts": (
        "103/1241/103_1241.trans.tsv",
        "103_1241_1\tMr. A\tMister A\n",
        ["103/1241/103_1241_1.wav"],
        [("#103/1241/103_1241_1", "LTTS_103", "Mister A")],
    ),
    "emotion": ("metadata.csv", "file_path,s,e\na.wav,anna,sad\n", ["a.wav"], [("#a", "anna", "")]),
    "coqui": (
        "metadata.csv",
        "audio_file|text|speaker_name\nw/1.wav|Yes, sir|anna\n",
        ["w/1.wav"],
        [("#w/1", "anna", "Yes, sir")],
    ),
    "cml_tts": ("train.csv", "wav_filename|size|transcript\nw/1.wav|1|Sì\n", ["w/1.wav"], [("#w/1", "default", "Sì")]),
    "csv": ("metadata.csv", 'path,sentence\na.wav,"Yes, sir"\n', ["a.wav"], [("#a", "voice", "Yes, sir")]),
    "jsonl": (
        "metadata.jsonl",
        '{"file_name": "a", "transcription": "Yes", "speaker": "anna"}\n',
        ["wavs/a.wav"],
        [("#wavs/a", "anna", "Yes")],
    ),
    "nancy": ("prompts.data", '( N-1 "Yes. " )\n', ["wavn/N-1.wav"], [("#wavn/N-1", "nancy", "Yes.")]),
    "sam_accenture": (
        "voice_over_recordings/script.xml",
        '<script><fileid id="1">Yes &amp; no</fileid></script>',
        ["vo_voice_quality_transformation/1.wav"],
        [("#vo_voice_quality_transformation/1", "sam_accenture", "Yes & no")],
    ),
    "vctk": (
        "txt/p225/p225_001.txt",
        "Please call.\n",
        ["wav48_silence_trimmed/p225/p225_001_mic1.flac"],
        [("#wav48_silence_trimmed/p225/p225_001_mic1", "VCTK_p225", "Please call.")],
    ),
    "vctk_old": (
        "txt/p225/p225_001.txt",
        "Please call.\n",
        ["wav48/p225/p225_001.wav"],
        [("#wav48/p225/p225_001", "VCTK_old_p225", "Please call.")],
    ),
    "open_bible": ("train/sp/1.txt", "Yes\n", ["train/sp/1.flac"], [("#train/sp/1", "OB_sp", "Yes")]),
    "mailabs": (
        "by_book/female/anna/book/metadata.csv",
        "1|Ja 1|Ja eins\n",
        ["by_book/female/anna/book/wavs/1.wav"],
        [("#by_book/female/anna/book/wavs/1", "anna", "Ja 1")],
    ),
    "synpaflex": ("b/txt/1.txt", "Oui\n", ["b/wav/1.wav"], [("#b/wav/1", "synpaflex", "Oui")]),
    "pairs": ("a/1.txt", "Yes,\n sir\n", ["a/1.wav"], [("#a/1", "voice", "Yes, sir")]),
    "recordings": ("readme.txt", "", ["b/1.wav"], [("#b/1", "voice", "")]),
    "voxceleb1": ("readme.txt", "", ["id1/v/1.wav"], [("#id1/v/1", "voxcel1_id1", "")]),
    "voxceleb2": ("readme.txt", "", ["id1/v/1.wav"], [("#id1/v/1", "voxcel2_id1", "")]),
    "mozilla_de": ("metadata.csv", "1_a.wav|Grüße\n", ["BATCH_1_FINAL/1_a.wav"],
                   [("#BATCH_1_FINAL/1_a", "mozilla", "Grüße")]),
}  # fmt: skip


@pytest.fixture
def make_dataset(tmp_path, write_wav, write_text):
    def make(name):
        metadata, content, recordings, expected = TABLES[name]
        root = tmp_path / "voice"
        write_text(root / metadata, content)
        for recording in recordings:
            write_wav(root / recording)
        return root, expected

    return make


def test_every_format_has_a_miniature_here():
    assert set(TABLES) == set(FORMATS)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_reads_its_layout(name, make_dataset):
    root, expected = make_dataset(name)
    samples = load_samples([DatasetConfig(formatter=name, path=str(root), language="xx")])
    assert [(sample.name, sample.speaker, sample.text) for sample in samples] == expected
    assert all(sample.audio_file.is_file() and sample.language == "xx" for sample in samples)


def test_names_are_matched_in_any_case(make_dataset):
    root, _ = make_dataset("ljspeech")
    assert len(load_samples([DatasetConfig(formatter="LJSpeech", path=str(root))])) == 1


def test_an_unknown_format_is_answered_with_the_nearest():
    with pytest.raises(UserError, match="'ljspech' is not known. Did you mean ljspeech"):
        reader_for("ljspech")
    with pytest.raises(UserError, match="Known: auto, baker"):
        reader_for("zzzzzz")


def test_mozilla_de_may_be_in_latin1(tmp_path, write_text, write_wav):
    write_text(tmp_path / "metadata.csv", "1_a.wav|Grüße\n", encoding="latin-1")
    write_wav(tmp_path / "BATCH_1_FINAL" / "1_a.wav")
    (sample,) = load_samples([DatasetConfig(formatter="mozilla_de", path=str(tmp_path))])
    assert sample.text == "Grüße"


@pytest.mark.parametrize(
    ("name", "line"), [("ljspeech", "2|two columns"), ("css10", "just one"), ("common_voice", "c3\tx.mp3")]
)
def test_too_few_columns_are_reported_with_file_line_found_and_needed(name, line, make_dataset):
    root, _ = make_dataset(name)
    metadata = root / TABLES[name][0]
    content = metadata.read_text()
    metadata.write_text(content + line + "\n" + line + "\n")
    number = content.count("\n") + 1
    with pytest.raises(UserError) as caught:
        load_samples([DatasetConfig(formatter=name, path=str(root))])
    message = str(caught.value)
    assert f"{metadata.name}, line {number}: " in message
    assert "found where" in message
    assert line.replace("\t", " ") in message
    assert "(1 more such lines)" in message


def test_a_changed_common_voice_header_is_named(make_dataset):
    root, _ = make_dataset("common_voice")
    (root / "train.tsv").write_text("client_id\tpath\ttext\nc1\t1.mp3\tHello\n")
    with pytest.raises(UserError, match="line 1: the header has no column 'sentence'"):
        load_samples([DatasetConfig(formatter="common_voice", path=str(root))])


def test_open_bible_leaves_sentences_with_digits_out(make_dataset, write_text):
    root, expected = make_dataset("open_bible")
    write_text(root / "train/sp/2.txt", "John 3\n")
    assert len(load_samples([DatasetConfig(formatter="open_bible", path=str(root))])) == len(expected)


def test_several_metadata_files_are_a_question(tmp_path, write_text):
    for name in ("metadata_a.csv", "metadata_b.csv"):
        write_text(tmp_path / name, "1|a\n")
    with pytest.raises(UserError, match=r"several metadata files \(metadata_a.csv, metadata_b.csv\)"):
        load_samples([DatasetConfig(formatter="ruslan", path=str(tmp_path))])


def test_broken_xml_and_broken_prompts_are_named(tmp_path, write_text):
    write_text(tmp_path / "voice_over_recordings/s.xml", "<script>")
    with pytest.raises(UserError, match="s.xml: not XML"):
        load_samples([DatasetConfig(formatter="sam_accenture", path=str(tmp_path))])
    write_text(tmp_path / "prompts.data", '( 1 "a" )\nnonsense\n')
    with pytest.raises(UserError, match=r'prompts.data, line 2: \( ID "text" \) is expected'):
        load_samples([DatasetConfig(formatter="nancy", path=str(tmp_path))])
