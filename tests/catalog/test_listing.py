"""The catalog of the package, and your own merged into it."""

import json

import pytest

from finetune_tts.catalog.address import Archive, Bundled, HubRepository, SingleFiles
from finetune_tts.catalog.listing import load_catalog
from finetune_tts.errors import UserError
from finetune_tts.families.registry import support

NAME = "tts_models/xx/test/glow-tts"
TRAINING_FILES = ("dvae.pth", "mel_stats.pth")


@pytest.fixture
def write(tmp_path):
    def put(content):
        path = tmp_path / "own.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return put


def test_all_released_models_and_the_bundled_base_are_there():
    catalog = load_catalog()
    assert len(catalog) == 98
    assert catalog["tts_models/en/demo/glow-tts"].addresses == (Bundled("demo"),)
    assert sum(entry.model_type == "tts_models" for entry in catalog.values()) == 75
    assert [name for name, entry in catalog.items() if entry.terms_required] == [
        "tts_models/multilingual/multi-dataset/xtts_v2",
        "tts_models/multilingual/multi-dataset/xtts_v1.1",
    ]


def test_every_entry_can_be_used():
    catalog = load_catalog()
    for entry in catalog.values():
        assert entry.licence
        assert entry.architecture
        assert entry.addresses or entry.architecture == "knnvc"
        assert entry.default_vocoder is None or entry.default_vocoder in catalog


def test_kinds_of_addresses_are_told_apart():
    catalog = load_catalog()
    zip_first, hub = catalog["tts_models/en/ek1/tacotron2"].addresses
    assert isinstance(zip_first, Archive)
    assert hub == HubRepository("tts-hub/tacotron2-en-ek1")
    files, hub = catalog["tts_models/fa/custom/vits-female"].addresses
    assert isinstance(files, SingleFiles)
    assert [file.name for file in files.files] == ["best_model_30824.pth", "config.json"]
    assert hub.allow == ("best_model_30824.pth", "config.json")


def test_a_persons_own_entries_are_added_and_replace(write, monkeypatch):
    own = write(
        {
            "models": [
                {"name": NAME, "addresses": ["https://a.example/x.zip", {"hub": "me/x", "revision": "v2"}]},
                {"name": "tts_models/en/ljspeech/vits", "license": "mine", "addresses": []},
            ]
        }
    )
    catalog = load_catalog(own)
    assert len(catalog) == 99
    assert catalog[NAME].architecture == "glow_tts"
    assert catalog[NAME].addresses[1] == HubRepository("me/x", revision="v2")
    assert catalog["tts_models/en/ljspeech/vits"].licence == "mine"
    monkeypatch.setenv("TTS_MODELS_FILE", str(own))
    assert NAME in load_catalog()


def test_the_nested_form_of_released_catalogs_is_read(write):
    fields = {
        "zip": {"github_rls_url": "https://a.example/zip.zip", "license": "MIT", "commit": None, "stats_file": None},
        "files": {"hf_url": ["https://a.example/model.pth", "https://a.example/config.json"], "tos_required": True},
        "mirrors": {"github_rls_url": ["https://a.example/m.zip", "https://b.example/m.zip"], "model_hash": "12"},
        "hub": {"repo_id": "me/x", "allow_patterns": ["*.pth"], "default_vocoder": "vocoder_models/a/b/c"},
        "vits": {"hf_url": "https://a.example/vits.tar.gz", "github_rls_url": "http://127.0.0.1:8000/vits.zip"},
    }
    catalog = load_catalog(write({"tts_models": {"xx": {"test": fields}}}))
    entries = {key: catalog[f"tts_models/xx/test/{key}"] for key in fields}
    assert isinstance(entries["zip"].addresses[0], Archive)
    assert isinstance(entries["files"].addresses[0], SingleFiles)
    assert entries["files"].terms_required
    assert [address.label for address in entries["mirrors"].addresses] == fields["mirrors"]["github_rls_url"]
    assert entries["mirrors"].release_hash == "12"
    assert entries["hub"].addresses == (HubRepository("me/x", allow=("*.pth",)),)
    assert entries["hub"].default_vocoder == "vocoder_models/a/b/c"
    assert [address.file.name for address in entries["vits"].addresses] == ["vits.zip", "vits.tar.gz"]
    assert (entries["vits"].architecture, entries["hub"].architecture) == ("vits", "")


def test_files_that_only_fine_tuning_needs_are_read_in_both_forms(write):
    files = ["https://a.example/codes.pth", {"url": "https://a.example/stats.npy", "checksum": "md5:" + "0" * 32}]
    ours = {"models": [{"name": NAME, "addresses": ["https://a.example/x.zip"], "training_files": files}]}
    nested = {"hf_url": "https://a.example/x.zip", "training_files": files}
    released = {"tts_models": {"xx": {"test": {"glow-tts": nested}}}}
    for content in (ours, released):
        read = load_catalog(write(content))[NAME].training_files
        assert [(file.name, file.checksum) for file in read] == [("codes.pth", None), ("stats.npy", "md5:" + "0" * 32)]
    assert load_catalog(write(entry(training_files=None)))[NAME].training_files == ()


def test_the_released_models_with_terms_name_files_for_fine_tuning():
    named = {name.rpartition("/")[2]: entry.training_files for name, entry in load_catalog().items()}
    urls = {name: [file.url for file in files] for name, files in named.items() if files}
    assert urls == {
        "xtts_v2": [f"https://huggingface.co/coqui/XTTS-v2/resolve/main/{name}" for name in TRAINING_FILES],
        "xtts_v1.1": [f"https://huggingface.co/coqui/XTTS-v1/resolve/v1.1.2/{name}" for name in TRAINING_FILES],
    }


def entry(**fields):
    return {"models": [{"name": NAME, "addresses": [], **fields}]}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{\n,}", "own.json, line 2, column 1: not JSON"),
        ('{"models": [], "models": []}', "'models' stands there twice"),
        ([], "a catalog is an object"),
        ({"models": [3]}, 'model 1 is not an object with a "name"'),
        ({"models": [{"name": NAME}, {"name": NAME}]}, "stands there twice"),
        (entry(name="tts_models/a/b"), "not of the form"),
        (entry(name="tts_models/a/../b"), "not of the form"),
        (entry(licence="MIT"), 'the entry has no field "licence"'),
        (entry(license=3), '"license" is 3, not a string'),
        (entry(terms_required="yes"), "\"terms_required\" is 'yes', not true or false"),
        (entry(addresses="https://a.example/x.zip"), '"addresses" is not a list'),
        (entry(addresses=["http://a.example/x.zip"]), "not an https:// address"),
        (entry(addresses=["http://127.0.0.1.a.example/x.zip"]), "not an https:// address"),
        (entry(addresses=["file:///etc/passwd"]), "not an https:// address"),
        (entry(addresses=["https://a.example/"]), "does not end in a file name"),
        (entry(addresses=["https://a.example/..%2fx"]), "does not end in a file name"),
        (entry(addresses=[{"archive": "https://a.example/x.zip", "checksum": "123"}]), "checksum '123'"),
        (entry(addresses=[{"zip": "https://a.example/x.zip"}]), "with one of archive, files, hub, bundled"),
        (entry(addresses=[{"files": []}]), '"files" is not a list'),
        (entry(addresses=[{"files": ["https://a.example/x", "https://b.example/x"]}]), "two files are called x"),
        (entry(addresses=[{"hub": "me/x", "allow": 3}]), '"allow" is 3'),
        ({"tts_models": {"xx": {"test": "https://a.example"}}}, "tts_models/xx/test is 'https://a.example'"),
        (
            {"tts_models": {"xx": {"test": {"a": {"hf_url": "http://a.example/x.zip"}}}}},
            "tts_models/xx/test/a: http://a",
        ),
    ],
)
def test_a_wrong_catalog_is_told_by_file_entry_and_field(write, content, told):
    with pytest.raises(UserError, match=r"own\.json") as error:
        load_catalog(write(content))
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (3, "is not a list of addresses"),
        ("https://a.example/codes.pth", "is not a list of addresses"),
        ([], "is not a list of addresses"),
        ({"url": "https://a.example/codes.pth"}, "is not a list of addresses"),
        ([None], "None is not an address"),
        (["http://a.example/codes.pth"], "not an https:// address"),
        (["file:///etc/passwd"], "not an https:// address"),
        (["https://a.example/..%2f..%2fcodes.pth"], "does not end in a file name"),
        (["https://a.example/codes.pth", "https://b.example/Codes.pth"], "two files are called"),
        ([{"url": "https://a.example/codes.pth", "checksum": "sha256:12"}], "checksum 'sha256:12'"),
        ([{"url": "https://a.example/codes.pth", "sha256": "12"}], 'the file has no field "sha256"'),
        ([{"checksum": "md5:" + "0" * 32}], '"url" is empty'),
        (["https://a.example/Model.pth"], "Model.pth would be taken for one of the model itself"),
        (["https://a.example/best_model_9.pth"], "would be taken for one of the model itself"),
        (["https://a.example/config.json"], "would be taken for one of the model itself"),
        (["https://a.example/tos_agreed.txt"], "would be taken for one of the model itself"),
        (["https://a.example/hash.md5"], "would be taken for one of the model itself"),
        (["https://a.example/.finetune-tts.json"], "would be taken for one of the model itself"),
        (["https://a.example/codes.zip"], "would be taken for one of the model itself"),
        (["https://a.example/Voice.pth"], 'Voice.pth is in the "files" of an address already'),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_wrong_files_for_fine_tuning_are_told_by_entry_and_field(write, value, told, nested):
    files = ["https://a.example/voice.pth"]
    content = entry(addresses=[{"files": files}], training_files=value)
    if nested:
        content = {"tts_models": {"xx": {"test": {"glow-tts": {"hf_url": files, "training_files": value}}}}}
    with pytest.raises(UserError, match=r"own\.json") as error:
        load_catalog(write(content))
    assert f'{NAME}: "training_files"' in str(error.value)
    assert told in str(error.value)


def test_a_bundled_model_has_all_its_files(write):
    content = entry(addresses=[{"bundled": "demo"}], training_files=["https://a.example/codes.pth"])
    with pytest.raises(UserError, match='"training_files": a model that is part of this package has all its files'):
        load_catalog(write(content))


def test_a_catalog_that_does_not_exist_is_told(tmp_path):
    with pytest.raises(UserError, match=r"none\.json: cannot be read"):
        load_catalog(tmp_path / "none.json")


def test_the_two_models_with_capacitron_can_be_tuned():
    named = [entry for name, entry in load_catalog().items() if "capacitron" in name]
    assert [support(entry.architecture) for entry in named] == ["fine-tune"] * 2
