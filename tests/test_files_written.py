"""What is written: whole or not at all, through links, and never in the place of a device or a pipe."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from finetune_tts.errors import UserError
from finetune_tts.files import give_name, is_replaceable, is_standard_output, replacing, write_json, write_text


def test_a_failure_leaves_what_was_there_and_no_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail_halfway() -> None:
        with replacing(path, "w") as file:
            file.write("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_keeps_its_permissions_and_a_new_one_gets_those_of_open(tmp_path: Path) -> None:
    private, new, opened = tmp_path / "private", tmp_path / "new", tmp_path / "opened"
    private.touch(0o600)
    opened.touch()
    write_text(private, "a")
    write_text(new, "a")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert new.stat().st_mode == opened.stat().st_mode


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("relative", [True, False])
def test_through_a_link_its_target_is_written(tmp_path: Path, exists: bool, relative: bool) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    target, link, chain = elsewhere / "target", tmp_path / "link", tmp_path / "chain"
    if exists:
        target.write_text("old")
    link.symlink_to(Path("elsewhere", "target") if relative else target)
    chain.symlink_to(link)
    write_text(chain, "new")
    assert chain.is_symlink()
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert list(elsewhere.iterdir()) == [target]


def test_a_link_to_itself_and_a_folder_are_errors(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(OSError, match="loop"):
        write_text(loop, "a")
    with pytest.raises(IsADirectoryError, match=tmp_path.name):
        write_text(tmp_path, "a")


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    with replacing(pipe) as file:
        file.write(b"content")
    reader.join()
    assert received == [b"content"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert not is_replaceable(pipe)


def test_a_device_is_written_to_and_stays_one(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/dev/null")
    for path in (Path("/dev/null"), link):
        write_text(path, "gone")
        assert stat.S_ISCHR(path.stat().st_mode)
        assert not is_replaceable(path)
    assert not list(Path("/dev").glob("*.part"))


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.chdir(tmp_path)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as open_socket:
        open_socket.bind("s")
        with pytest.raises(UserError, match="is a socket"):
            write_text("s", "a")
    assert stat.S_ISSOCK(os.stat("s").st_mode)


def test_the_standard_output_gets_what_is_written_where_it_stands(capfd: pytest.CaptureFixture[str]) -> None:
    # The captured output is a regular file, as with `> file`: opened again it would be cut to nothing.
    print("before")
    write_text("/dev/stdout", "written\n")
    print("after")
    assert capfd.readouterr().out == "before\nwritten\nafter\n"
    assert is_standard_output("/dev/stdout")
    assert not is_standard_output("/dev/null")
    assert not is_replaceable("/dev/stdout")


def test_a_name_as_long_as_the_file_system_takes_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 127)
    write_text(path, "a")
    assert path.read_text() == "a"


def test_half_a_character_comes_back_from_json(tmp_path: Path) -> None:
    value = {"file": os.fsdecode(b"caf\xe9 \xc3\xa9.wav"), "text": "ü"}
    write_json(tmp_path / "a.json", value)
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == value


def test_another_name_is_the_same_file(tmp_path: Path) -> None:
    first, second, best = tmp_path / "first", tmp_path / "second", tmp_path / "best"
    for path in (first, second):
        path.write_text(path.name)
        give_name(path, best)
        assert best.samefile(path)
    assert {path.name for path in tmp_path.iterdir()} == {"first", "second", "best"}


def test_another_name_that_links_elsewhere_is_written_through(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.write_text("old")
    (folder / "best").symlink_to(elsewhere)
    (folder / "model").write_text("new")
    give_name(folder / "model", folder / "best")
    assert (folder / "best").is_symlink()
    assert elsewhere.read_text() == "new"


def test_another_name_that_links_to_its_neighbour_leaves_that_one_alone(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).write_text(name)
    (tmp_path / "best").symlink_to("old")
    give_name(tmp_path / "new", tmp_path / "best")
    assert (tmp_path / "best").read_text() == "new"
    assert (tmp_path / "old").read_text() == "old"


def test_another_name_is_a_copy_where_there_are_no_second_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise PermissionError

    monkeypatch.setattr("os.link", refuse)
    (tmp_path / "model").write_text("a")
    give_name(tmp_path / "model", tmp_path / "best")
    (tmp_path / "model").unlink()
    assert (tmp_path / "best").read_text() == "a"
