"""Archives that hold what they should, and archives that do not."""

import gzip
import io
import stat
import tarfile
import zipfile

import pytest

from finetune_tts.catalog import unpack as unpack_module
from finetune_tts.catalog.failure import AddressFailure
from finetune_tts.catalog.unpack import unpack


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "new").mkdir()
    return tmp_path / "new"


@pytest.fixture
def archive(tmp_path):
    return tmp_path / "archive"


def write_zip(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as content:
        for name, data in members:
            content.writestr(name, data)


def write_tar(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as content:
        for member, data in members:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            info.size = len(data)
            content.addfile(info, io.BytesIO(data))


def link(name, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = "/etc/passwd"
    return info


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_single_folder_is_left_out_and_clutter_too(archive, folder):
    members = [
        ("model/", ""),
        ("model/a.pth", "1"),
        ("model/sub/b.json", "2"),
        ("__MACOSX/model/._a", ""),
        ("model/.DS_Store", ""),
    ]
    write_zip(archive, members)
    unpack(archive, folder)
    assert names(folder) == ["a.pth", "sub/b.json"]


def test_a_folder_that_holds_a_file_of_its_own_name(archive, folder):
    write_zip(archive, [("model/inner/model", "1"), ("model/inner/config.json", "2")])
    unpack(archive, folder)
    assert names(folder) == ["config.json", "model"]


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_tar_is_known_by_its_content(archive, folder, mode):
    write_tar(archive, [("eng/G_100000.pth", b"1"), ("./eng/config.json", b"{}")], mode)
    unpack(archive, folder)
    assert names(folder) == ["G_100000.pth", "config.json"]


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/evil", "C:\\evil", "C:evil", "..\\evil", "\\\\host\\evil"]
)
def test_paths_that_lead_out_are_refused(archive, folder, name):
    write_zip(archive, [("a", "1"), (name, "2")])
    with pytest.raises(AddressFailure, match="leads out of its folder"):
        unpack(archive, folder)
    assert not (folder.parent / "evil").exists()


@pytest.mark.parametrize("name", ["../evil", "/evil"])
def test_paths_of_a_tar_that_lead_out_are_refused(archive, folder, name):
    write_tar(archive, [(name, b"2")])
    with pytest.raises(AddressFailure, match="leads out of its folder"):
        unpack(archive, folder)
    assert not (folder.parent / "evil").exists()


def test_a_link_in_a_zip_is_refused(archive, folder):
    info = zipfile.ZipInfo("config.json")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    write_zip(archive, [(info, "/etc/passwd")])
    with pytest.raises(AddressFailure, match="link or device"):
        unpack(archive, folder)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_a_link_or_device_in_a_tar_is_refused(archive, folder, kind):
    write_tar(archive, [(link("config.json", kind), b"")])
    with pytest.raises(AddressFailure, match="link or device"):
        unpack(archive, folder)
    assert names(folder) == []


@pytest.mark.parametrize("second", ["a/b.pth", "A/b.PTH", "./a//b.pth"])
def test_two_files_of_one_name_are_refused(archive, folder, second):
    write_zip(archive, [("a/c", ""), ("a/b.pth", "1")])
    with zipfile.ZipFile(archive, "a") as content, pytest.warns() if second == "a/b.pth" else nothing():
        content.writestr(second, "2")
    with pytest.raises(AddressFailure, match="twice"):
        unpack(archive, folder)


def test_a_file_that_is_also_a_folder_is_refused(archive, folder):
    write_zip(archive, [("a", "1"), ("a/b", "2")])
    with pytest.raises(AddressFailure, match="damaged"):
        unpack(archive, folder)


def test_a_bomb_is_refused_before_it_goes_off(archive, folder, monkeypatch):
    monkeypatch.setattr(unpack_module, "_ALWAYS_ALLOWED_BYTES", 1000)
    write_zip(archive, [("zeros", b"\0" * 1_000_000)], zipfile.ZIP_DEFLATED)
    with pytest.raises(AddressFailure, match="far too much for its size"):
        unpack(archive, folder)
    write_tar(archive, [("zeros", b"\0" * 1_000_000)])
    with pytest.raises(AddressFailure, match="far too much for its size"):
        unpack(archive, folder)
    assert names(folder) == []


def test_zeros_behind_a_tar_are_a_bomb_too(archive, folder, monkeypatch):
    monkeypatch.setattr(unpack_module, "_ALWAYS_ALLOWED_BYTES", 100_000)
    plain = archive.with_name("plain")
    write_tar(plain, [("a", b"1")], "w")
    archive.write_bytes(gzip.compress(plain.read_bytes() + b"\0" * 5_000_000))
    with pytest.raises(AddressFailure, match="far too much for its size"):
        unpack(archive, folder)


def test_too_many_files_are_refused(archive, folder, monkeypatch):
    monkeypatch.setattr(unpack_module, "_MOST_FILES", 3)
    write_zip(archive, [(str(number), "") for number in range(4)])
    with pytest.raises(AddressFailure, match="more than 3 files"):
        unpack(archive, folder)


def test_a_damaged_zip_is_refused_by_its_checksum(archive, folder):
    write_zip(archive, [("a", b"hello" * 100)])
    archive.write_bytes(archive.read_bytes().replace(b"hello", b"jello", 1))
    with pytest.raises(AddressFailure, match="damaged.*CRC"):
        unpack(archive, folder)


@pytest.mark.parametrize("kept", [0.5, 0.99])
def test_archives_that_end_early_are_refused(archive, folder, kept):
    data = bytes(range(256)) * 400
    write_zip(archive, [("a", data), ("b", data)])
    archive.write_bytes(archive.read_bytes()[: int(archive.stat().st_size * kept)])
    with pytest.raises(AddressFailure, match="cut off"):
        unpack(archive, folder)


@pytest.mark.parametrize("missing", [4, 300])
def test_a_tar_that_ends_early_is_refused(archive, folder, missing):
    write_tar(archive, [("a", bytes(range(256)) * 400)])
    archive.write_bytes(archive.read_bytes()[:-missing])
    with pytest.raises(AddressFailure, match="cut off or damaged"):
        unpack(archive, folder)


def test_a_zip_cut_behind_a_checkpoint_is_not_mistaken_for_it(archive, folder):
    checkpoint = io.BytesIO()
    write_zip(checkpoint, [("archive/data.pkl", b"weights")])
    write_zip(archive, [("model.pth", checkpoint.getvalue()), ("config.json", "{}")])
    whole = archive.read_bytes()
    archive.write_bytes(whole[: whole.index(b"config.json") + 20])
    with pytest.raises(AddressFailure, match="cut off"):
        unpack(archive, folder)


@pytest.mark.parametrize("content", [b"", b"neither", b"\x1f\x8b", b"PK\x03\x04"])
def test_what_is_no_archive_is_refused(archive, folder, content):
    archive.write_bytes(content)
    with pytest.raises(AddressFailure, match="neither a zip nor a tar|cut off"):
        unpack(archive, folder)


def test_an_encrypted_zip_is_refused(archive, folder):
    write_zip(archive, [("a", "1")])
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(bytes(content))
    with pytest.raises(AddressFailure, match="encrypted"):
        unpack(archive, folder)


def nothing():
    from contextlib import nullcontext

    return nullcontext()
