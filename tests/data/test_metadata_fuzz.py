"""Metadata of any content: it is read whole, or refused in words."""

import itertools
import json

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.data.formats import FORMATS
from finetune_tts.data.gathering import load_samples
from finetune_tts.errors import UserError

LONGEST_MESSAGE = 2000
RECORDINGS = 6

quick = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with recordings, for metadata that comes and goes."""
    root = tmp_path_factory.mktemp("fuzz") / "voice"
    for number in range(1, RECORDINGS + 1):
        path = root / "wavs" / f"clip_{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.full(800, 0.1, dtype=np.float32), 8000)
    return root


@pytest.fixture
def read(folder):
    """Samples of one metadata file of this name and content, or the message of the refusal."""

    def run(name, content, **options):
        for old in folder.glob("*.*"):
            old.unlink()
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        try:
            return load_samples([DatasetConfig(**{"formatter": "auto", "path": str(folder), **options})])
        except UserError as error:
            message = str(error)
            message.encode("utf-8")  # it can be shown
            assert 0 < len(message) < LONGEST_MESSAGE
            assert len(message.splitlines()) <= 3
            return message

    return run


names = st.sampled_from(
    ["metadata.csv", "metadata.tsv", "list.txt", "train.list", "metadata.jsonl", "metadata.json", "x.csv"]
)
delimiters = st.sampled_from(["|", "\t", ",", ";"])
cells = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["clip_1", "wavs/clip_2.wav", r"wavs\clip_3.wav", "text", "file", "anna", "en", "2.5", "7", '"', ""]
    ),
    st.text(max_size=3).map(lambda text: text * 3000),
)
structured = st.builds(
    lambda rows, delimiter, end: end.join(delimiter.join(row) for row in rows),
    st.lists(st.lists(cells, min_size=1, max_size=6), max_size=8),
    delimiters,
    st.sampled_from(["\n", "\r\n", "\r"]),
)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), cells, st.just("\ud83d")),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["file", "text", "speaker", "path", "split", "x"]), inner, max_size=4),
    ),
    max_leaves=8,
)


@quick
@given(name=names, content=st.one_of(st.binary(max_size=200), structured))
def test_any_file_is_read_or_refused(read, name, content):
    read(name, content)


@quick
@given(content=st.one_of(st.binary(max_size=200), structured), formatter=st.sampled_from(sorted(FORMATS)))
def test_any_file_is_read_or_refused_by_every_format(read, content, formatter):
    name = {"jsonl": "metadata.jsonl", "mls": "transcripts.txt", "nancy": "prompts.data"}.get(formatter, "metadata.csv")
    read(name, content, formatter=formatter)


@quick
@given(values=st.lists(json_values, max_size=5), as_list=st.booleans(), cut=st.integers(0, 30))
def test_any_json_is_read_or_refused(read, values, as_list, cut):
    text = json.dumps(values) if as_list else "\n".join(map(json.dumps, values))
    read("metadata.jsonl", text[: len(text) - cut])


@quick
@given(
    content=structured,
    columns=st.one_of(
        st.text(max_size=20),
        st.lists(st.sampled_from(["file", "text", "speaker", "_", "language", ""]), max_size=5).map(",".join),
        st.lists(st.sampled_from(["text=2", "audio=1", "text=text", "speaker=99", "audio=file"]), max_size=3).map(
            ",".join
        ),
    ),
)
def test_any_choice_of_columns_is_heeded_or_refused(read, content, columns):
    read("metadata.csv", content, columns=columns)


# Each word once: sentences that share words on both sides of a separator look like raw and written-out text, and an end
# that all of them share looks like a speaker. Nothing could tell these apart.
WORDS = [
    *(
        "morning",
        "sixty",
        "purple",
        "Straße",
        "quick",
        "jumped",
        "widow",
        "zebra",
        "好天气",
        "погода",
        "north",
        "glove",
    ),
    *("harbour", "ending", "filled", "yellow", "bottom", "chalk", "été", "óculos", "vjetar", "crisp", "yes", "no"),
]
PARTS = (" ", ", ", "; ", " | ", ",", ";", "|")
sentences = st.builds(
    lambda order, parts: [
        "".join(itertools.chain(*zip(order[at : at + 4], [*parts[at : at + 3], ""], strict=True)))
        for at in range(0, len(order), 4)
    ],
    st.permutations(WORDS),
    st.lists(st.sampled_from(PARTS), min_size=len(WORDS), max_size=len(WORDS)),
)


@quick
@given(
    sentences=sentences,
    count=st.integers(1, RECORDINGS),
    delimiter=delimiters,
    layout=st.sampled_from(["{id}{d}{text}", "{id}{d}anna{d}{text}", "{id}{d}{text}{d}anna", "{text}{d}{id}"]),
    header=st.booleans(),
)
def test_no_text_is_cut_by_separators_that_nobody_quoted(read, sentences, count, delimiter, layout, header):
    texts = sentences[:count]
    first = layout.format(id="file", text="text", d=delimiter).replace("anna", "speaker")
    lines = [layout.format(id=f"clip_{n}", text=text, d=delimiter) for n, text in enumerate(texts, start=1)]
    result = read("metadata.csv", "\n".join([first, *lines] if header else lines))
    if isinstance(result, str):
        return  # refused
    found = {sample.name: sample.text for sample in result}
    for number, text in enumerate(texts, start=1):
        got = found[f"#wavs/clip_{number}"]
        assert got == text or got not in text, f"{text!r} became {got!r}"
        if header or "anna" not in layout:
            assert got == text
