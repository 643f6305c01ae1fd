"""From a name to files, against a server that behaves well or badly."""

import errno
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from finetune_tts.catalog import download as download_module
from finetune_tts.catalog import fetch as fetch_module
from finetune_tts.catalog.fetch import obtain
from finetune_tts.errors import UserError

NAME = "tts_models/xx/test/glow-tts"
FOLDER = "tts_models--xx--test--glow-tts"
DEADLINE = 60

CHILD = f"""
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
from finetune_tts.catalog.fetch import obtain
print(obtain({NAME!r}).model_file)
"""


def child(models_file: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "TTS_MODELS_FILE": str(models_file)}
    environment["PYTHONPATH"] = str(Path(fetch_module.__file__).parents[2])
    return subprocess.Popen(
        [sys.executable, "-c", CHILD], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def zip_of(files: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        for name, data in files.items():
            content.writestr(name, data)
    return archive.getvalue()


def test_a_release_arrives_whole_with_its_paths_made_to_fit(server, cache, catalog_of, release, model_files):
    files = obtain(NAME, models_file=catalog_of({"archive": server.put("/model.zip", release)}))
    assert files.folder == cache / FOLDER
    assert files.model_file.read_bytes() == model_files["model_file.pth"]
    config = json.loads(files.config_file.read_text())
    assert config["audio"]["stats_path"] == str(cache / FOLDER / "scale_stats.npy")
    assert list(files.extras) == ["scale_stats.npy"]
    assert not (cache / ".partial" / FOLDER).exists()


def test_a_model_in_the_cache_needs_no_network(server, cache, catalog_of, release):
    models_file = catalog_of({"archive": server.put("/model.zip", release)})
    first = obtain(NAME, models_file=models_file)
    server.pages.clear()
    assert obtain(NAME, models_file=models_file) == first
    assert len(server.asked) == 1


def test_a_model_that_coqui_tts_downloaded_is_used_as_it_is(cache, catalog_of, model_files):
    folder = cache / FOLDER
    folder.mkdir(parents=True)
    (folder / "model.pth").write_bytes(model_files["model_file.pth"])
    (folder / "config.json").write_text('{"model": "glow_tts"}')
    assert obtain(NAME, models_file=catalog_of({"archive": "https://nowhere.invalid/model.zip"})).folder == folder


@pytest.mark.parametrize("left", ["tts_models--xx--test--glow-tts.zip", "cut model", "no config"])
def test_a_half_download_of_coqui_tts_is_replaced(server, cache, catalog_of, release, model_files, left):
    folder = cache / FOLDER
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model_file.pth").write_bytes(model_files["model_file.pth"])
    if left == "cut model":
        (folder / "model_file.pth").write_bytes(model_files["model_file.pth"][:1000])
    elif left == "no config":
        (folder / "config.json").unlink()
    else:
        (folder / left).write_bytes(b"PK")
    files = obtain(NAME, models_file=catalog_of({"archive": server.put("/model.zip", release)}))
    assert files.model_file.read_bytes() == model_files["model_file.pth"]
    assert files.config_file.stat().st_size > 10


@pytest.mark.parametrize("there", [True, False])
def test_a_link_to_no_model_is_left_as_it_is_and_nothing_is_downloaded(
    server, cache, catalog_of, release, tmp_path, there
):
    elsewhere = tmp_path / "elsewhere"
    if there:
        elsewhere.mkdir()
    cache.mkdir(parents=True, exist_ok=True)
    (cache / FOLDER).symlink_to(elsewhere)
    address = server.put("/model.zip", release)
    with pytest.raises(UserError, match="is a link to .*elsewhere"):
        obtain(NAME, models_file=catalog_of({"archive": address}))
    assert (cache / FOLDER).is_symlink()
    assert server.ranges("/model.zip") == []


def test_a_cut_connection_is_taken_up_where_it_broke(server, catalog_of, release, model_files):
    url = server.put("/model.zip", release, cuts=[150_000, 300_000])
    files = obtain(NAME, models_file=catalog_of(url))
    assert files.model_file.read_bytes() == model_files["model_file.pth"]
    starts = [int(asked[6:-1]) for asked in server.ranges("/model.zip") if asked]
    assert len(starts) == 2
    assert 0 < starts[0] <= 150_000 < starts[1] <= 300_000


def test_a_server_that_cannot_resume_is_tried_once(server, catalog_of, release):
    url = server.put("/model.zip", release, cuts=[150_000], etag=None)
    with pytest.raises(UserError, match="connection was cut after"):
        obtain(NAME, models_file=catalog_of(url))
    assert len(server.asked) == 1


def test_a_later_run_resumes_unless_the_file_has_changed(server, catalog_of, release, model_files):
    page = "/model.zip"
    models_file = catalog_of(server.put(page, release, cuts=[200_000, 200_000]))
    with pytest.raises(UserError, match="connection was cut"):
        obtain(NAME, models_file=models_file)
    server.put(page, release, etag='"v2"')
    files = obtain(NAME, models_file=models_file)
    assert files.model_file.read_bytes() == model_files["model_file.pth"]
    asked_range, status = server.asked[-1][1:]
    assert asked_range is not None
    assert status == 200


def test_a_killed_download_leaves_nothing_that_counts_and_is_resumed(server, cache, catalog_of, release):
    models_file = catalog_of(server.put("/model.zip", release, pause=300_000))
    page = server.pages["/model.zip"]
    process = child(models_file)
    assert page.paused.wait(DEADLINE)
    end = time.monotonic() + DEADLINE
    while not any(path.stat().st_size for path in cache.glob(".partial/*/downloads/*.zip")):
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    page.go_on.set()
    assert not (cache / FOLDER).exists()
    assert obtain(NAME, models_file=models_file).folder == cache / FOLDER
    assert server.asked[-1][1:] != (None, 200)


def test_two_processes_get_one_model_with_one_download(server, cache, catalog_of, release):
    models_file = catalog_of(server.put("/model.zip", release, pause=100_000))
    page = server.pages["/model.zip"]
    first = child(models_file)
    assert page.paused.wait(DEADLINE)
    second = child(models_file)
    assert second.stderr is not None
    assert "Another process is getting" in second.stderr.readline()
    page.go_on.set()
    for process in (first, second):
        out, errors = process.communicate(timeout=DEADLINE)
        assert process.returncode == 0, errors
        assert out.strip() == str(cache / FOLDER / "model_file.pth")
    assert len(server.asked) == 1


def test_mirrors_are_tried_in_order_and_every_failure_is_told(server, catalog_of, release):
    other = zip_of({"readme.txt": b"nothing else"})
    addresses = [
        "http://127.0.0.1:1/dead.zip",
        server.url("/gone.zip"),
        server.put("/page.zip", b"<html>log in</html>", headers={"Content-Type": "text/html; charset=utf-8"}),
        server.put("/hidden_page.zip", b"\n<!DOCTYPE html><html></html>"),
        server.put("/cut.zip", release, cuts=[40_000], etag=None),
        server.put("/truncated.zip", release[:-30]),
        server.put("/busy.zip", status=503),
        server.put("/other.zip", other),
        {"archive": server.put("/sum.zip", release), "checksum": "sha256:" + "0" * 64},
    ]
    reasons = [
        "refuses the connection",
        "nothing at this address (404)",
        "web page (HTML)",
        "web page (HTML)",
        "connection was cut after 32.8 kB",
        "zip is cut off",
        "server has a fault (503)",
        "no checkpoint with a config.json",
        "sha256 checksum is",
    ]
    with pytest.raises(UserError) as told:
        obtain(NAME, models_file=catalog_of(*addresses))
    lines = str(told.value).splitlines()[1:]
    for address, reason, line in zip(addresses, reasons, lines, strict=True):
        assert (address["archive"] if isinstance(address, dict) else address) in line
        assert reason in line
    checksum = "sha256:" + hashlib.sha256(release).hexdigest()
    good = {"archive": server.put("/good.zip", release), "checksum": checksum}
    assert obtain(NAME, models_file=catalog_of(*addresses, good)).model_file.is_file()


def test_without_a_network_the_name_that_fails_is_told(monkeypatch, catalog_of):
    def no_names(*_: object, **__: object) -> None:
        raise __import__("socket").gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr("socket.getaddrinfo", no_names)
    with pytest.raises(UserError, match=r"models\.example cannot be resolved: is there a network"):
        obtain(NAME, models_file=catalog_of("https://models.example/model.zip"))


def test_a_zip_whose_content_is_damaged_is_not_taken(server, cache, catalog_of, release):
    damaged = bytearray(release)
    damaged[5000] ^= 0xFF
    models_file = catalog_of(server.put("/model.zip", bytes(damaged)))
    with pytest.raises(UserError, match="damaged.*CRC"):
        obtain(NAME, models_file=models_file)
    assert not (cache / FOLDER).exists()
    server.put("/model.zip", release)
    assert obtain(NAME, models_file=models_file).model_file.is_file()


def test_single_files_are_one_model(server, cache, catalog_of, model_files):
    urls = [server.put(f"/single/{name}", data) for name, data in model_files.items()]
    files = obtain(NAME, models_file=catalog_of({"files": urls}))
    assert sorted(path.name for path in files.folder.iterdir() if path.name[0] != ".") == sorted(model_files)


def test_single_files_are_looked_at_before_they_count(server, cache, catalog_of, model_files):
    weights = server.put("/model.pth", model_files["model_file.pth"][:5000])
    config = server.put("/config.json", b"{}")
    with pytest.raises(UserError, match=r"model\.pth is empty or cut off"):
        obtain(NAME, models_file=catalog_of({"files": [weights, config]}))
    assert not (cache / FOLDER).exists()


def test_another_release_than_the_catalogs_is_not_taken(server, catalog_of, model_files):
    files = {**model_files, "hash.md5": b"1111\n"}
    models_file = catalog_of(server.put("/model.zip", zip_of(files)), release_hash="2222")
    with pytest.raises(UserError, match="another release: its hash is 1111, it should be 2222"):
        obtain(NAME, models_file=models_file)


def test_a_hub_repository_is_an_address(server, monkeypatch, catalog_of, model_files):
    monkeypatch.setenv("HF_ENDPOINT", server.url(""))
    siblings = [{"rfilename": name, "size": len(data)} for name, data in model_files.items()]
    siblings[0]["lfs"] = {"sha256": hashlib.sha256(model_files["model_file.pth"]).hexdigest()}
    siblings += [{"rfilename": "samples/a.wav", "size": 1}, {"rfilename": ".gitattributes", "size": 1}]
    server.put("/api/models/me/voice/revision/main?blobs=true", json.dumps({"siblings": siblings}).encode())
    for name, data in model_files.items():
        server.put(f"/me/voice/resolve/main/{name}", data)
    files = obtain(NAME, models_file=catalog_of({"hub": "me/voice", "ignore": ["samples/*"]}))
    assert files.model_file.read_bytes() == model_files["model_file.pth"]


def test_a_full_disk_is_told_before_the_download(server, cache, monkeypatch, catalog_of, release):
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(download_module.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UserError, match=r"needs 0\.4 MB in .* where 1\.0 kB are free.*TTS_HOME"):
        obtain(NAME, models_file=catalog_of(server.put("/model.zip", release)))
    assert not (cache / FOLDER).exists()


def test_a_disk_that_fills_up_meanwhile_is_told_and_the_download_resumed(
    server, cache, monkeypatch, catalog_of, release
):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    models_file = catalog_of(server.put("/model.zip", release))
    with monkeypatch.context() as patch:
        patch.setattr(fetch_module, "unpack", full)
        with pytest.raises(UserError, match="is full"):
            obtain(NAME, models_file=models_file)
    assert not (cache / FOLDER).exists()
    assert obtain(NAME, models_file=models_file).model_file.is_file()
    assert server.asked[-1][2] == 416


def test_a_cache_that_cannot_be_written_is_told(server, monkeypatch, tmp_path, catalog_of, release):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("TTS_HOME", str(tmp_path / "file"))
    with pytest.raises(UserError, match="Not a directory.*TTS_HOME"):
        obtain(NAME, models_file=catalog_of(server.put("/model.zip", release)))


def test_terms_are_needed_before_anything_is_asked_of_a_server(server, cache, catalog_of, release):
    models_file = catalog_of(server.put("/model.zip", release), license="CPML", terms_required=True)
    with pytest.raises(UserError, match="--yes"):
        obtain(NAME, models_file=models_file)
    assert not server.asked
    files = obtain(NAME, models_file=models_file, accept_terms=True)
    assert "tos_agreed.txt" in files.extras
    assert obtain(NAME, models_file=models_file) == files


def test_a_model_without_files_is_told_apart():
    with pytest.raises(UserError, match="no files of its own"):
        obtain("voice_conversion_models/multilingual/multi-dataset/knnvc")


def test_the_bundled_base_is_read_in_place(monkeypatch, tmp_path, cache, model_files):
    base = tmp_path / "base"
    base.mkdir()
    monkeypatch.setattr(fetch_module, "model_folder", lambda entry: base)
    with pytest.raises(UserError, match="install the package again"):
        obtain("tts_models/en/demo/glow-tts")
    for name, data in model_files.items():
        (base / name).write_bytes(data)
    assert obtain("tts_models/en/demo/glow-tts").model_file == base / "model_file.pth"
    assert (base / "config.json").read_bytes() == model_files["config.json"]
    assert not cache.exists()
