"""Names lead to models; wrong ones to the nearest."""

import pytest

from finetune_tts.catalog.listing import load_catalog
from finetune_tts.catalog.lookup import find, nearest_names, search
from finetune_tts.errors import UserError


@pytest.fixture
def catalog():
    return load_catalog()


def test_a_name_is_found_and_so_is_its_folders(catalog):
    name = "tts_models/en/ljspeech/glow-tts"
    assert find(catalog, name).name == name
    assert find(catalog, name.replace("/", "--")).name == name


@pytest.mark.parametrize("iso", ["eng", "por", "azj-script_latin", "tzo-dialect_chamula"])
def test_the_multilingual_releases_need_no_entry(catalog, iso):
    entry = find(catalog, f"tts_models/{iso}/fairseq/vits")
    assert entry.addresses[0].label == f"https://dl.fbaipublicfiles.com/mms/tts/{iso}.tar.gz"
    assert (entry.architecture, entry.licence) == ("vits", "CC BY-NC 4.0")


@pytest.mark.parametrize("name", ["tts_models/../fairseq/vits", "tts_models/english/fairseq/vits", "", "glow"])
def test_an_unknown_name_is_an_error(catalog, name):
    with pytest.raises(UserError, match="--list_models"):
        find(catalog, name)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("tts_models/en/ljspeech/glowtts", "tts_models/en/ljspeech/glow-tts"),
        ("tts_models/en/ljspeech/glow_tts", "tts_models/en/ljspeech/glow-tts"),
        ("en/ljspech/vits", "tts_models/en/ljspeech/vits"),
        ("xtts", "tts_models/multilingual/multi-dataset/xtts_v2"),
        ("tts_model/de/thorsten/VITS", "tts_models/de/thorsten/vits"),
    ],
)
def test_the_nearest_names_are_offered(catalog, name, nearest):
    assert nearest_names(catalog, name)[0] == nearest
    with pytest.raises(UserError, match=nearest):
        find(catalog, name)


def test_a_filter_takes_every_word_in_any_letter_case(catalog):
    assert len(search(catalog, None)) == len(catalog)
    assert [entry.name for entry in search(catalog, "GLOW_TTS uk")] == ["tts_models/uk/mai/glow-tts"]
    with pytest.raises(UserError, match="contains 'glow zz'"):
        search(catalog, "glow zz")
