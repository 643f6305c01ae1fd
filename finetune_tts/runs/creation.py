"""The folder of a run: a name of its own, everything inside, paths that survive a move."""

import os
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from finetune_tts.config.changes import set_field
from finetune_tts.data.d_vectors import DVectors
from finetune_tts.data.names import half_character, readable
from finetune_tts.errors import UserError
from finetune_tts.files import expanded, replacing, write_json

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True)
class RunAsset:
    """A file that the model needs beside its weights: speakers, statistics, language ids."""

    file_name: str
    """In the run folder."""
    source: Path | Mapping[str, Any] | DVectors | Callable[[Path], None]
    """A file to copy, what to write as JSON, speaker vectors, or what writes the file."""
    fields: tuple[str, ...] = ()
    """Config fields that name it, with dots: ``speakers_file``, ``audio.stats_path``."""
    is_large: bool = False
    """A file that is linked to, where both stand on one disk."""


def create_run_folder(output_path: str | Path, run_name: str, now: datetime | None = None) -> Path:
    """Make a new folder ``<run_name>-<Month-day-year_time>-<hash>`` below ``output_path``.

    The name has the form of 🐸TTS's run folders; the hash makes it one of its own, even beside a run that begins in
    the same second. A folder that exists is never used again.

    Raises:
        UserError: the folder cannot be made or written to, or has a name that is not UTF-8.
    """
    now = now or datetime.now()
    date = f"{MONTHS[now.month - 1]}-{now.day:02d}-{now.year}_{now:%I+%M}{'AM' if now.hour < 12 else 'PM'}"
    name = readable(run_name).replace("/", "-").replace(os.sep, "-") or "run"
    parent = expanded(output_path)
    require_utf8(parent)
    while True:
        folder = parent / f"{name}-{date}-{secrets.token_hex(4)[:7]}"
        try:
            parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
            with replacing(folder / ".writable") as file:
                file.write(b"")
            (folder / ".writable").unlink()
        except FileExistsError:
            if folder.is_dir():
                continue
            raise UserError(f"--output_path {parent}: a file stands in the way. Choose another folder.") from None
        except OSError as error:
            raise UserError(
                f"--output_path {parent}: cannot be written to ({error.strerror}). Choose another folder."
            ) from error
        return folder.resolve()


def require_utf8(folder: Path) -> None:
    """Refuse a folder whose name the dashboard's files could not be written under."""
    resolved = str(folder.resolve())
    if half_character(resolved):
        raise UserError(
            f"--output_path {readable(str(folder))}: {readable(resolved)} is a name that is not UTF-8, under which the "
            "dashboard cannot write. Choose another folder, or rename it."
        )


def place_assets(config: Any, folder: Path, assets: Sequence[RunAsset]) -> None:
    """Put ``assets`` into the run folder, and make the config name them there.

    Raises:
        OSError: a file cannot be copied.
    """
    for asset in assets:
        target = folder / asset.file_name
        if isinstance(asset.source, Path) and asset.is_large and _linked(asset.source, target):
            pass
        elif isinstance(asset.source, Path):
            with replacing(target) as file, asset.source.open("rb") as source:
                shutil.copyfileobj(source, file)
        elif isinstance(asset.source, DVectors):
            asset.source.write(target)
        elif callable(asset.source):
            asset.source(target)
        else:
            write_json(target, dict(asset.source))
        for field in asset.fields:
            set_field(config, field, str(target))


def _linked(source: Path, target: Path) -> bool:
    """Give a file a second name, which costs no room; false where that cannot be."""
    try:
        os.link(source.resolve(), target)
    except OSError:  # another disk, or a file system without links
        return False
    return True
