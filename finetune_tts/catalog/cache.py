"""The folder where downloaded models stand, shared with coqui-tts, and the files in a model's folder."""

import os
import re
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from finetune_tts.catalog.address import Bundled, RemoteFile, SingleFiles
from finetune_tts.catalog.entry import ModelEntry
from finetune_tts.files import expanded

#: downloads on their way and locks, beside the models; the dot keeps it out of coqui-tts's sight.
PARTIAL = ".partial"

CONFIG_NAME = "config.json"

#: says in a folder that we made where its files come from, and that they are all there.
ORIGIN_NAME = ".finetune-tts.json"

#: the release's own word on which release it is.
RELEASE_HASH_NAME = "hash.md5"

#: says that the terms of the licence were accepted; coqui-tts looks for it, too.
ACCEPTED_NAME = "tos_agreed.txt"

#: what a model file is called, the likeliest first.
_MODEL_NAMES = (
    r"model_file\.pth",
    r"model_file\.pth\.tar",
    r"model\.pth",
    r"best_model.*\.pth(\.tar)?",
    r"checkpoint_\d+\.pth(\.tar)?",
    r"checkpoint\.pth(\.tar)?",
    r"G_\d+\.pth",
    r"model\.safetensors",
)
_WEIGHTS = re.compile(r".*\.(pth|pth\.tar|pt|ckpt|safetensors)")
#: weights that lie beside a model without being it.
_BESIDE_MODEL = re.compile(r"(speakers?|speaker_ids|speakers_\w+|language_ids|model_se|mel_norms|mel_stats|dvae)\..*")
#: endings of files whose last bytes tell whether they are whole.
ENDING_CHECKED = (".pth", ".pt", ".tar")
_ARCHIVES = re.compile(r".*\.(zip|tar|tar\.gz|tgz)")


@dataclass(frozen=True)
class ModelFiles:
    """Where a model's files are.

    Attributes:
        folder: holds all of them.
        model_file: the checkpoint.
        config_file: its config.
        extras: every other file of the folder, by name.
    """

    folder: Path
    model_file: Path
    config_file: Path
    extras: dict[str, Path]


def cache_root() -> Path:
    """The folder of downloaded models: ``$TTS_HOME/tts``, else ``$XDG_DATA_HOME/tts``, else the platform's."""
    for variable in ("TTS_HOME", "XDG_DATA_HOME"):
        if os.environ.get(variable):
            return expanded(os.environ[variable]).absolute() / "tts"
    if sys.platform == "win32":
        return expanded(os.environ.get("LOCALAPPDATA", "~/AppData/Local")) / "tts"
    if sys.platform == "darwin":
        return expanded("~/Library/Application Support/tts")
    return expanded("~/.local/share/tts")


def model_folder(entry: ModelEntry) -> Path:
    """Where the model stands, or is to stand."""
    for address in entry.addresses:
        if isinstance(address, Bundled):
            return Path(__file__).parents[1] / "assets" / address.name / "base"
    return cache_root() / entry.folder_name


def is_downloaded(entry: ModelEntry) -> bool:
    """Whether the model is in the cache, whole; a folder that may not be read counts as not there."""
    try:
        return not entry.bundled and complete_model(model_folder(entry), entry) is not None
    except OSError:
        return False


def complete_model(folder: Path, entry: ModelEntry) -> ModelFiles | None:
    """Return the files of a complete model in ``folder``, None where it is missing or only a part of it is there.

    Our downloads are whole or absent and say so in a file. Those of coqui-tts are written in place: one that was
    interrupted leaves its archive behind, or lacks a file, or ends in a cut weight file.
    """
    if not folder.is_dir():
        return None
    names = {path.name for path in folder.iterdir() if path.is_file()}
    if any(_ARCHIVES.fullmatch(name) and not _WEIGHTS.fullmatch(name) for name in names):
        return None
    files = find_files(folder, beside=[file.name for file in entry.training_files])
    if files is None or not weights_end_well(files.model_file):
        return None
    if files.config_file.stat().st_size == 0:
        return None
    lists = [[file.name for file in address.files] for address in entry.addresses if isinstance(address, SingleFiles)]
    if ORIGIN_NAME in names or not lists or any(_has_all(names, wanted) for wanted in lists):
        return files
    return None


def missing_training_files(folder: Path, entry: ModelEntry) -> list[RemoteFile]:
    """Return the files for fine-tuning that a model's folder lacks, or of which it holds a part only."""
    return [file for file in entry.training_files if not is_whole(folder / file.name)]


def find_files(folder: Path, beside: Collection[str] = ()) -> ModelFiles | None:
    """Find checkpoint and config in a model's folder; None where one of them is missing.

    Args:
        folder: holds the model.
        beside: names of files that are known not to be the checkpoint.
    """
    config_file = folder / CONFIG_NAME
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    weights = [path for path in files if _WEIGHTS.fullmatch(path.name) and path.name not in beside]
    model_file = _main_weights(weights)
    if model_file is None or not config_file.is_file():
        return None
    taken = (model_file.name, CONFIG_NAME, ORIGIN_NAME)
    others = {path.name: path for path in files if path.name not in taken}
    return ModelFiles(folder, model_file, config_file, others)


def is_taken_for_the_model(name: str) -> bool:
    """Whether a file of this name says what the model is, or that its download is unfinished: case does not count."""
    name = name.lower()
    return (
        name.startswith(".")
        or name in (CONFIG_NAME, RELEASE_HASH_NAME, ACCEPTED_NAME)
        or any(re.fullmatch(pattern, name, re.IGNORECASE) for pattern in _MODEL_NAMES)
        or (_ARCHIVES.fullmatch(name) is not None and _WEIGHTS.fullmatch(name) is None)
    )


def is_whole(path: Path) -> bool:
    """Say whether a file is there and whole as far as its last bytes tell."""
    if not path.is_file() or path.stat().st_size == 0:
        return False
    return path.suffix not in ENDING_CHECKED or weights_end_well(path)


def weights_end_well(path: Path) -> bool:
    """Say whether a checkpoint is whole as far as its last bytes tell.

    Checkpoints since 2020 are zip files, whose directory stands at the end; an older one passes if it is not empty.
    """
    import zipfile

    with path.open("rb") as file:
        beginning = file.read(4)
    return zipfile.is_zipfile(path) if beginning == b"PK\x03\x04" else bool(beginning)


def _main_weights(weights: list[Path]) -> Path | None:
    for pattern in _MODEL_NAMES:
        matching = [path for path in weights if re.fullmatch(pattern, path.name)]
        if matching:
            return max(matching, key=lambda path: (_steps(path.name), path.name))
    own = [path for path in weights if not _BESIDE_MODEL.fullmatch(path.name)]
    # A model in several parts has no name of this list; its largest part stands for it.
    return max(own, key=lambda path: path.stat().st_size) if own else None


def _steps(name: str) -> int:
    digits = re.findall(r"\d+", name)
    return int(digits[-1]) if digits else 0


def _has_all(present: set[str], wanted: list[str]) -> bool:
    # coqui-tts renames the weights to model.pth where there is one such file.
    weights = [name for name in wanted if _WEIGHTS.fullmatch(name)]
    renamed = len(weights) == 1 and "model.pth" in present
    return all(name in present or (renamed and name in weights) for name in wanted)
