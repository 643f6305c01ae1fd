"""Archives that hold what they should, and archives that do not."""

import gzip
import io
import shutil
import stat
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_a_bomb_is_refused_before_it_goes_off(archive, folder):
    write_zip(archive, [("zeros", b"\0" * 1_000_000)], zipfile.ZIP_DEFLATED)
    with pytest.raises(AddressFailure, match="far too much for its size"):
        unpack(archive, folder, allowed_bytes=1000)
    write_tar(archive, [("zeros", b"\0" * 1_000_000)])
    with pytest.raises(AddressFailure, match="far too much for its size"):
        unpack(archive, folder, allowed_bytes=1000)
    assert names(folder) == []


def test_zeros_behind_a_tar_are_a_bomb_too(archive, folder):
    plain = archive.with_name("plain")
    write_tar(plain, [("a", b"1")], "w")
    archive.write_bytes(gzip.compress(plain.read_bytes() + b"\0" * 5_000_000))
    with pytest.raises(AddressFailure, match="far too much for its size"):
        unpack(archive, folder, allowed_bytes=100_000)


def test_too_many_files_are_refused(archive, folder):
    write_zip(archive, [(str(number), "") for number in range(4)])
    with pytest.raises(AddressFailure, match="more than 3 files"):
        unpack(archive, folder, most_files=3)


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


def edited_zip(archive, place, *values, of=b"PK\x01\x02"):
    """Write a zip of one member, and change bytes of its directory's entry."""
    write_zip(archive, [("a", "1")])
    content = bytearray(archive.read_bytes())
    start = content.index(of) + place
    content[start : start + len(values)] = bytes(values)
    archive.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("place", "values", "message"),
    [
        (6, (127, 0), "damaged .zip file version 12.7"),
        (8, (0x40, 0), "damaged .strong encryption"),
        (8, (0x20, 0), "damaged"),  # a patch of another file
        (10, (99, 0), "rare way"),
        (28, (0, 0), "unusable name|damaged"),  # the length of the name
        (24, (255, 255, 255, 255), "far too much|damaged"),  # the size
        (42, (1, 0, 0, 0), "cut off|damaged"),  # where the member begins
    ],
)
def test_a_zip_of_another_kind_than_ours_is_refused(archive, folder, place, values, message):
    edited_zip(archive, place, *values)
    with pytest.raises(AddressFailure, match=message):
        unpack(archive, folder)
    assert names(folder) == []


def test_a_zip_whose_names_are_not_utf_8_is_refused(archive, folder):
    write_zip(archive, [("model.pth", "1"), ("\xe9\xe9", "2")])
    archive.write_bytes(archive.read_bytes().replace("\xe9\xe9".encode(), b"\xe9\xe9\xe9\xe9"))
    with pytest.raises(AddressFailure, match="damaged"):
        unpack(archive, folder)


@pytest.mark.parametrize("name", ["caf\udce9.pth", "a\nb", "\x1b[2J", "x" * 300, "a/" * 600 + "b"])
def test_names_that_no_file_should_have_are_refused(archive, folder, name):
    write_tar(archive, [(name, b"1")])
    with pytest.raises(AddressFailure, match="unusable name|too long") as caught:
        unpack(archive, folder)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300
    assert names(folder) == []


@pytest.mark.parametrize("name", ["", ".", "./"])
def test_a_member_without_a_name_is_no_file(archive, folder, name):
    info = zipfile.ZipInfo("a")
    with zipfile.ZipFile(archive, "w") as content:
        info.filename = name
        content.writestr(info, "1")
    if name:
        unpack(archive, folder)
    else:
        with pytest.raises(AddressFailure, match="unusable name"):
            unpack(archive, folder)
    assert names(folder) == []


@pytest.mark.parametrize("name", [".lifted", ".lifted/.lifted", "single", "a/b/c/d"])
def test_a_single_folder_may_have_any_name(archive, folder, name):
    write_zip(archive, [(f"{name}/config.json", "1"), (f"{name}/{name}", "2")])
    unpack(archive, folder)
    assert (folder / "config.json").read_text() == "1"
    assert (folder / name).read_text() == "2"
    assert [path.name for path in folder.parent.iterdir() if path.is_dir()] == [folder.name]


def test_a_tar_whose_header_is_endless_is_not_taken_into_memory(archive, folder):
    with tarfile.open(archive, "w:gz", format=tarfile.PAX_FORMAT) as content:
        info = tarfile.TarInfo("a")
        info.pax_headers = {"comment": "0" * 30_000_000}
        content.addfile(info, io.BytesIO(b""))
    assert archive.stat().st_size < 100_000
    with pytest.raises(AddressFailure, match="header that is far too long"):
        unpack(archive, folder)


def test_a_size_below_0_does_not_make_room_for_another(archive, folder):
    info = tarfile.TarInfo("a")
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = b"\xff" * 12  # -1, as GNU writes what octal digits cannot say
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    archive.write_bytes(bytes(block) + bytes(1024))
    with pytest.raises(AddressFailure, match="below 0|damaged"):
        unpack(archive, folder)


def archives():
    """The bytes of small archives of all kinds."""
    files = [("model/config.json", b"{}"), ("model/model_file.pth", bytes(range(256)) * 4)]
    made = []
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        content = io.BytesIO()
        write_zip(content, files, compression)
        made.append(content.getvalue())
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w", format=form) as tar:
            for name, data in [*files, ("model/" + "x" * 90 + "/" + "y" * 60, b"")]:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        made += [content.getvalue(), gzip.compress(content.getvalue(), mtime=0)]
    return made


CHANGE = st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=6), st.booleans())


@given(
    whole=st.sampled_from(archives()),
    changes=st.lists(CHANGE, min_size=1, max_size=6),
    kept=st.just(1.0) | st.floats(0.1, 1),
    packed=st.booleans(),
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_fuzz_damaged_archives_leave_nothing_outside_their_folder(tmp_path, whole, changes, kept, packed):
    work = Path(tempfile.mkdtemp(dir=tmp_path))
    (work / "new").mkdir()
    data = bytearray(gzip.decompress(whole) if whole[:2] == b"\x1f\x8b" and packed else whole)
    for place, new, insert in changes:
        start = int(place * len(data))
        data[start : start + (0 if insert else len(new))] = new
    data = data[: int(kept * len(data))]
    (work / "archive").write_bytes(gzip.compress(data) if whole[:2] == b"\x1f\x8b" and packed else data)
    message = ""
    try:
        unpack(work / "archive", work / "new")
    except AddressFailure as failure:
        message = str(failure)
    assert len(message) < 400
    assert not message or message.isprintable()
    assert {path.name for path in work.iterdir()} == {"archive", "new"}
    shutil.rmtree(work)


def nothing():
    from contextlib import nullcontext

    return nullcontext()
