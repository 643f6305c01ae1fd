"""One file: resumed, checked, bounded."""

import hashlib
import io
import os

import pytest

from finetune_tts.catalog.address import RemoteFile, remote_file
from finetune_tts.catalog.download import download
from finetune_tts.catalog.failure import AddressFailure

CONTENT = os.urandom(100_000)


@pytest.fixture
def part(tmp_path):
    return tmp_path / "file.part"


def test_a_finished_part_is_only_confirmed(server, part):
    file = remote_file(server.put("/f", CONTENT))
    download(file, part)
    download(file, part)
    assert part.read_bytes() == CONTENT
    assert [status for _, _, status in server.asked] == [200, 416]


def test_a_part_of_a_longer_file_is_thrown_away(server, part):
    file = remote_file(server.put("/f", CONTENT))
    download(file, part)
    server.put("/f", CONTENT[:500])
    with pytest.raises(AddressFailure, match="does not give the rest"):
        download(file, part)
    download(file, part)
    assert part.read_bytes() == CONTENT[:500]


def test_a_server_without_ranges_starts_anew(server, part):
    file = remote_file(server.put("/f", CONTENT, cuts=[50_000], resumes=False))
    download(file, part)
    assert part.read_bytes() == CONTENT


def test_a_weak_etag_is_not_trusted_but_a_date_is(server, part):
    url = server.put("/f", CONTENT, cuts=[50_000], etag='W/"1"')
    with pytest.raises(AddressFailure, match="cut after"):
        download(remote_file(url), part)
    dated = server.put(
        "/g", CONTENT, cuts=[50_000], etag=None, headers={"Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
    )
    server.pages["/g"].etag = None
    server.pages["/g"].resumes = False
    download(remote_file(dated), part)
    assert server.ranges("/g")[1] is not None


def test_what_came_from_one_address_is_not_continued_from_another(server, part):
    with pytest.raises(AddressFailure):
        download(remote_file(server.put("/f", CONTENT, cuts=[50_000, 50_000])), part)
    download(remote_file(server.put("/g", b"other" * 100)), part)
    assert part.read_bytes() == b"other" * 100


def test_a_file_without_announced_length_is_taken(server, part):
    server.put("/f", CONTENT, says_length=False)
    download(remote_file(server.url("/f")), part)
    assert part.read_bytes() == CONTENT


@pytest.mark.parametrize("says_length", [True, False])
def test_the_length_that_the_catalog_names_is_held(server, part, says_length):
    file = RemoteFile(server.put("/f", CONTENT, says_length=says_length), "f", length=5)
    with pytest.raises(AddressFailure, match="has 100000 bytes|100000 bytes came where 5"):
        download(file, part)


@pytest.mark.parametrize("kind", ["md5", "sha1", "sha256"])
def test_checksums_are_compared_and_a_wrong_file_is_thrown_away(server, part, kind):
    url = server.put("/f", CONTENT)
    right = hashlib.new(kind, CONTENT).hexdigest()
    download(remote_file(url, f"{kind}:{right}"), part)
    with pytest.raises(AddressFailure, match=f"{kind} checksum is {right}"):
        download(remote_file(url, f"{kind}:{'0' * len(right)}"), part)
    assert not part.exists()


def test_the_checksum_that_the_hub_names_is_compared(server, part):
    url = server.put("/f", CONTENT, headers={"X-Linked-ETag": f'"{"0" * 64}"'})
    with pytest.raises(AddressFailure, match="sha256 checksum"):
        download(remote_file(url), part)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_disk_that_is_full_stops_the_download(server, part, monkeypatch):
    file = remote_file(server.put("/f", CONTENT))
    monkeypatch.setattr(type(part), "open", lambda self, mode: io.FileIO("/dev/full", mode))
    with pytest.raises(OSError, match="No space left"):
        download(file, part)
