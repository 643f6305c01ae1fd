"""Files that only fine-tuning needs, brought beside a model, against a server that behaves well or badly."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from finetune_tts.catalog import download as download_module
from finetune_tts.catalog import fetch as fetch_module
from finetune_tts.catalog.fetch import obtain
from finetune_tts.errors import UserError

NAME = "tts_models/xx/test/glow-tts"
FOLDER = "tts_models--xx--test--glow-tts"
DEADLINE = 60
CODES = b"\x80\x02" + bytes(range(256)) * 2000
STATS = b"\x93NUMPY"

CHILD = f"""
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
from finetune_tts.catalog.fetch import obtain
print(obtain({NAME!r}, for_training=True).folder)
"""


@pytest.fixture
def put_model(server, catalog_of, release):
    """Serve a model and two files for fine-tuning; return its catalog file."""

    def put(checksum=None, codes=CODES, behaviour=None, **fields):
        url = server.put("/codebook.pth", codes, **(behaviour or {}))
        files = [{"url": url, "checksum": checksum} if checksum else url, server.put("/divisors.npy", STATS)]
        return catalog_of(server.put("/model.zip", release), training_files=files, **fields)

    return put


@pytest.fixture
def in_cache(cache, model_files):
    """The model as coqui-tts has put it into the cache."""
    folder = cache / FOLDER
    folder.mkdir(parents=True)
    for name, content in model_files.items():
        (folder / name).write_bytes(content)
    return folder


def paths_asked(server):
    return [path for path, _, _ in server.asked]


def child(models_file: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "TTS_MODELS_FILE": str(models_file)}
    environment["PYTHONPATH"] = str(Path(fetch_module.__file__).parents[2])
    return subprocess.Popen(
        [sys.executable, "-c", CHILD], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_they_come_for_training_only_and_once(server, cache, put_model, model_files):
    models_file = put_model()
    assert list(obtain(NAME, models_file=models_file).extras) == ["scale_stats.npy"]
    assert paths_asked(server) == ["/model.zip"]
    files = obtain(NAME, models_file=models_file, for_training=True)
    assert files.model_file.read_bytes() == model_files["model_file.pth"]
    assert files.extras["codebook.pth"].read_bytes() == CODES
    assert files.extras["divisors.npy"].read_bytes() == STATS
    assert paths_asked(server) == ["/model.zip", "/codebook.pth", "/divisors.npy"]
    assert not (cache / ".partial" / FOLDER).exists()
    server.pages.clear()
    assert obtain(NAME, models_file=models_file, for_training=True) == files
    assert len(server.asked) == 3


def test_model_and_files_come_in_one_call(put_model):
    files = obtain(NAME, models_file=put_model(), for_training=True)
    assert sorted(files.extras) == ["codebook.pth", "divisors.npy", "scale_stats.npy"]


def test_only_what_a_cached_model_lacks_is_added(server, in_cache, put_model, model_files):
    (in_cache / "divisors.npy").write_bytes(b"of its own")
    obtain(NAME, models_file=put_model(), for_training=True)
    assert paths_asked(server) == ["/codebook.pth"]
    assert (in_cache / "divisors.npy").read_bytes() == b"of its own"
    assert (in_cache / "model_file.pth").read_bytes() == model_files["model_file.pth"]


@pytest.mark.parametrize("left", [b"", b"PK\x03\x04 cut off"])
def test_a_part_that_another_program_left_is_replaced(in_cache, put_model, left):
    (in_cache / "codebook.pth").write_bytes(left)
    obtain(NAME, models_file=put_model(), for_training=True)
    assert (in_cache / "codebook.pth").read_bytes() == CODES


def test_they_are_put_where_a_link_in_the_cache_leads(cache, put_model, model_files, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name, content in model_files.items():
        (elsewhere / name).write_bytes(content)
    cache.mkdir(parents=True)
    (cache / FOLDER).symlink_to(elsewhere)
    obtain(NAME, models_file=put_model(), for_training=True)
    assert (elsewhere / "codebook.pth").read_bytes() == CODES


def test_a_cut_connection_is_taken_up_where_it_broke(server, in_cache, put_model):
    obtain(NAME, models_file=put_model(behaviour={"cuts": [150_000, 300_000]}), for_training=True)
    assert (in_cache / "codebook.pth").read_bytes() == CODES
    assert [asked is None for asked in server.ranges("/codebook.pth")] == [True, False, False]


def test_a_wrong_one_is_not_added_and_the_others_are(server, in_cache, put_model):
    models_file = put_model(checksum="sha256:" + "0" * 64)
    with pytest.raises(UserError, match="what only fine-tuning needs could not be downloaded") as told:
        obtain(NAME, models_file=models_file, for_training=True)
    lines = str(told.value).splitlines()
    assert str(in_cache) in lines[0]
    assert len(lines) == 2
    assert f"{server.url('/codebook.pth')}: the sha256 checksum is" in lines[1]
    assert not (in_cache / "codebook.pth").exists()
    assert (in_cache / "divisors.npy").read_bytes() == STATS
    assert obtain(NAME, models_file=models_file).folder == in_cache  # to speak with
    models_file = put_model(checksum="sha256:" + hashlib.sha256(CODES).hexdigest())
    obtain(NAME, models_file=models_file, for_training=True)
    assert (in_cache / "codebook.pth").read_bytes() == CODES
    assert paths_asked(server).count("/divisors.npy") == 1


@pytest.mark.parametrize(
    ("codes", "behaviour", "told"),
    [
        (b"PK\x03\x04 and no end", {}, "empty or cut off"),
        (b"", {}, "empty or cut off"),
        (b"<html>log in</html>", {}, "web page"),
        (CODES, {"status": 404}, "nothing at this address"),
        (CODES, {"cuts": [40_000], "etag": None}, "connection was cut"),
    ],
)
def test_what_a_server_gives_in_their_place_is_not_added(in_cache, put_model, codes, behaviour, told):
    with pytest.raises(UserError, match=told):
        obtain(NAME, models_file=put_model(codes=codes, behaviour=behaviour), for_training=True)
    assert not (in_cache / "codebook.pth").exists()


def test_a_full_disk_is_told_before_the_download(server, in_cache, monkeypatch, put_model):
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(download_module.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UserError, match=r"codebook\.pth needs 0\.5 MB in .* where 1\.0 kB are free.*TTS_HOME"):
        obtain(NAME, models_file=put_model(), for_training=True)
    assert not (in_cache / "codebook.pth").exists()


def test_a_folder_in_their_place_is_told(in_cache, put_model):
    (in_cache / "codebook.pth").mkdir()
    with pytest.raises(UserError, match=r"codebook\.pth: Is a directory"):
        obtain(NAME, models_file=put_model(), for_training=True)


def test_terms_are_accepted_once(server, cache, put_model):
    models_file = put_model(license="CPML", terms_required=True)
    with pytest.raises(UserError, match="--yes"):
        obtain(NAME, models_file=models_file, for_training=True)
    assert not server.asked
    obtain(NAME, models_file=models_file, accept_terms=True)
    assert "codebook.pth" in obtain(NAME, models_file=models_file, for_training=True).extras


def test_terms_that_no_file_remembers_are_asked_for_before_anything_is_added(server, in_cache, put_model):
    models_file = put_model(license="CPML", terms_required=True)
    with pytest.raises(UserError, match="--yes"):
        obtain(NAME, models_file=models_file, for_training=True)
    assert not server.asked
    assert "tos_agreed.txt" in obtain(NAME, models_file=models_file, accept_terms=True, for_training=True).extras
    (in_cache / "codebook.pth").unlink()
    assert "codebook.pth" in obtain(NAME, models_file=models_file, for_training=True).extras


def test_two_processes_bring_them_once(server, in_cache, put_model):
    models_file = put_model(behaviour={"pause": 100_000})
    page = server.pages["/codebook.pth"]
    first = child(models_file)
    assert page.paused.wait(DEADLINE)
    second = child(models_file)
    assert second.stderr is not None
    assert "Another process is getting" in second.stderr.readline()
    page.go_on.set()
    for process in (first, second):
        out, errors = process.communicate(timeout=DEADLINE)
        assert process.returncode == 0, errors
        assert out.strip() == str(in_cache)
    assert paths_asked(server) == ["/codebook.pth", "/divisors.npy"]


def test_a_killed_download_leaves_nothing_that_counts_and_is_resumed(server, cache, in_cache, put_model):
    models_file = put_model(behaviour={"pause": 300_000})
    page = server.pages["/codebook.pth"]
    process = child(models_file)
    assert page.paused.wait(DEADLINE)
    end = time.monotonic() + DEADLINE
    while not any(path.stat().st_size for path in cache.glob(".partial/*/downloads/*.pth")):
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    page.go_on.set()
    assert not (in_cache / "codebook.pth").exists()
    obtain(NAME, models_file=models_file, for_training=True)
    assert (in_cache / "codebook.pth").read_bytes() == CODES
    assert server.ranges("/codebook.pth")[-1] is not None
