"""From a catalog name to files on disk: the cache if it has them, else the first mirror that gives them whole."""

import hashlib
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from finetune_tts.catalog.address import Address, Archive, Bundled, HubRepository, RemoteFile
from finetune_tts.catalog.cache import (
    CONFIG_NAME,
    ENDING_CHECKED,
    ORIGIN_NAME,
    PARTIAL,
    RELEASE_HASH_NAME,
    ModelFiles,
    complete_model,
    find_files,
    is_whole,
    missing_training_files,
    model_folder,
)
from finetune_tts.catalog.download import check_space, download, forget
from finetune_tts.catalog.entry import ModelEntry
from finetune_tts.catalog.failure import AddressFailure, is_disk_full
from finetune_tts.catalog.hub import hub_files
from finetune_tts.catalog.listing import load_catalog
from finetune_tts.catalog.localise import localise, read_config
from finetune_tts.catalog.lock import locked
from finetune_tts.catalog.lookup import find
from finetune_tts.catalog.terms import are_accepted, remember_acceptance, require_acceptance
from finetune_tts.catalog.unpack import unpack
from finetune_tts.errors import UserError
from finetune_tts.files import give_name, write_json

logger = logging.getLogger(__name__)


def obtain(
    name: str, *, models_file: Path | None = None, accept_terms: bool = False, for_training: bool = False
) -> ModelFiles:
    """Return the files of a catalog model, downloaded first where the cache lacks them.

    Args:
        name: ``<model_type>/<language>/<dataset>/<model_name>``.
        models_file: a catalog of your own, see :func:`finetune_tts.catalog.listing.load_catalog`.
        accept_terms: the user has accepted the terms of the licence (``--yes``).
        for_training: bring the files that only fine-tuning needs, too.

    Raises:
        UserError: see :func:`fetch`; the name is unknown; the catalog file is wrong.
    """
    return fetch(find(load_catalog(models_file), name), accept_terms=accept_terms, for_training=for_training)


def fetch(entry: ModelEntry, *, accept_terms: bool = False, for_training: bool = False) -> ModelFiles:
    """Return the files of a model, downloaded first where the cache lacks them.

    A model in the cache needs no network and no write access. A download stands in a folder of its own until it is
    whole and checked, and is then renamed into place; one process at a time works on a model. Of the files that only
    fine-tuning needs, those that a model's folder lacks are put beside the others, each when it is whole and checked.

    Args:
        entry: the model.
        accept_terms: the user has accepted the terms of the licence (``--yes``).
        for_training: bring the files that only fine-tuning needs, too.

    Raises:
        UserError: no address gives the model, or a file that fine-tuning needs (the message says why, for each), terms
            are not accepted, the disk is full or cannot be written.
    """
    folder = model_folder(entry)
    if entry.bundled:
        return _bundled_files(entry, folder)
    try:
        files = complete_model(folder, entry)
        if files is None:
            files = _download_locked(entry, folder, accept_terms)
        if for_training and missing_training_files(folder, entry):
            files = _add_training_files(entry, folder, accept_terms)
    except OSError as error:
        raise _disk_error(error, folder) from error
    _localise_in_place(files)
    return files


def _download_locked(entry: ModelEntry, folder: Path, accept_terms: bool) -> ModelFiles:
    if not entry.addresses:
        raise UserError(f"{entry.name} has no files of its own: there is nothing to download.")
    require_acceptance(entry, accept_terms)
    with _staging(entry, folder) as staging:
        # Another process may have brought the model while this one waited for the lock.
        files = complete_model(folder, entry)
        if files is not None:
            return files
        if folder.is_symlink():
            raise UserError(
                f"{folder} is a link to {folder.resolve()}, where there is no complete {entry.name}. Complete that "
                "folder, or remove the link, and the model is downloaded."
            )
        new = _from_first_mirror(entry, folder, staging)
        if folder.exists():
            logger.warning("%s holds an incomplete download of another program; it is replaced.", folder)
            _remove(staging / "replaced")
            folder.rename(staging / "replaced")
        new.rename(folder)
        shutil.rmtree(staging, ignore_errors=True)
    logger.info("%s is in %s (licence: %s).", entry.name, folder, entry.licence or "unknown")
    return _complete_model(folder, entry)


def _add_training_files(entry: ModelEntry, folder: Path, accept_terms: bool) -> ModelFiles:
    """Bring what a complete model lacks for fine-tuning; what has come stays, also if another file cannot be had."""
    accepted_now = entry.terms_required and not are_accepted(folder)
    if accepted_now:
        require_acceptance(entry, accept_terms)
    reasons = []
    with _staging(entry, folder) as staging:
        if accepted_now and not are_accepted(folder):
            remember_acceptance(entry, folder)
        # Another process may have brought some while this one waited for the lock.
        for file in missing_training_files(folder, entry):
            logger.info("Getting %s, which fine-tuning %s needs, from %s", file.name, entry.name, file.url)
            part = _part(staging, file)
            try:
                download(file, part)
                if not is_whole(part):
                    forget(part)
                    raise AddressFailure("it is empty or cut off")
            except AddressFailure as failure:
                reasons.append(f"  {file.url}: {failure}")
                continue
            give_name(part, folder / file.name)
            forget(part)
        if not reasons:
            shutil.rmtree(staging, ignore_errors=True)
    if reasons:
        raise UserError(
            f"{entry.name} is in {folder}, but what only fine-tuning needs could not be downloaded; if you have it, "
            "put it there yourself:\n" + "\n".join(reasons)
        )
    return _complete_model(folder, entry)


@contextmanager
def _staging(entry: ModelEntry, folder: Path) -> Iterator[Path]:
    """The place where a model's downloads are on their way, for this process alone."""
    partial = folder.parent / PARTIAL
    partial.mkdir(parents=True, exist_ok=True)
    with locked(partial / f"{entry.folder_name}.lock", entry.name):
        yield partial / entry.folder_name


def _complete_model(folder: Path, entry: ModelEntry) -> ModelFiles:
    files = complete_model(folder, entry)
    if files is None:
        raise UserError(f"{folder} changed while {entry.name} was put there; run the command again.")
    return files


def _from_first_mirror(entry: ModelEntry, folder: Path, staging: Path) -> Path:
    """Try the addresses in order; return the folder that holds the whole, checked model, ready to be renamed."""
    reasons = []
    for address in entry.addresses:
        logger.info("Getting %s from %s", entry.name, address.label)
        new = staging / "new"
        _remove(new)
        new.mkdir(parents=True)
        try:
            _bring(address, staging, new)
            _check_model(entry, new)
        except AddressFailure as failure:
            reasons.append(f"  {address.label}: {failure}")
            if len(reasons) < len(entry.addresses):
                logger.warning("%s: %s; trying the next address.", address.label, failure)
            continue
        localise(new / CONFIG_NAME, folder)
        if entry.terms_required:
            remember_acceptance(entry, new)
        origin = {"name": entry.name, "from": address.label, "license": entry.licence}
        write_json(new / ORIGIN_NAME, origin)
        return new
    tried = "Its only address failed" if len(reasons) == 1 else f"All its {len(reasons)} addresses failed"
    raise UserError(f"{entry.name} could not be downloaded. {tried}:\n" + "\n".join(reasons))


def _bring(address: Address, staging: Path, new: Path) -> None:
    if isinstance(address, Archive):
        part = _part(staging, address.file)
        download(address.file, part)
        try:
            unpack(part, new)
        except AddressFailure:
            forget(part)
            raise
        forget(part)
        return
    if isinstance(address, Bundled):
        raise AddressFailure("this package does not hold it")
    files = hub_files(address) if isinstance(address, HubRepository) else list(address.files)
    lengths = [file.length for file in files if file.length is not None]
    check_space(staging, sum(lengths), "The model")
    for file in files:
        try:
            download(file, _part(staging, file))
        except AddressFailure as failure:
            raise AddressFailure(f"{file.name}: {failure}") from failure
    for file in files:
        part = _part(staging, file)
        part.rename(new / file.name)
        forget(part)


def _check_model(entry: ModelEntry, new: Path) -> None:
    """Look at what has come with the eyes of whoever is going to load it."""
    files = find_files(new, beside=[file.name for file in entry.training_files])
    if files is None:
        raise AddressFailure("it holds no checkpoint with a config.json")
    for path in (files.model_file, *files.extras.values()):
        if path.suffix in ENDING_CHECKED and not is_whole(path):
            raise AddressFailure(f"{path.name} is empty or cut off")
    try:
        read_config(files.config_file)
    except UserError as error:
        raise AddressFailure(f"its config.json cannot be read ({error})") from error
    hash_file = files.extras.get(RELEASE_HASH_NAME)
    if entry.release_hash and hash_file:
        found = hash_file.read_text(encoding="utf-8", errors="replace").strip()
        if found != entry.release_hash:
            raise AddressFailure(f"it is another release: its hash is {found[:64]}, it should be {entry.release_hash}")


def _localise_in_place(files: ModelFiles) -> None:
    """Make the paths of a cached config fit, if another program left them or the cache has moved."""
    try:
        localise(files.config_file)
    except OSError as error:
        logger.warning("The paths in %s cannot be made to fit (%s).", files.config_file, error.strerror)


def _bundled_files(entry: ModelEntry, folder: Path) -> ModelFiles:
    files = find_files(folder) if folder.is_dir() else None
    if files is None:
        raise UserError(f"{entry.name} belongs to this package, but {folder} lacks it: install the package again.")
    return files


def _part(staging: Path, file: RemoteFile) -> Path:
    downloads = staging / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    # Mirrors give files of the same name; what came from one is not continued from another.
    digest = hashlib.sha256(file.url.encode()).hexdigest()[:12]
    return downloads / f"{digest}-{file.name[-100:]}"


def _remove(path: Path) -> None:
    if path.exists():
        shutil.rmtree(path)


def _disk_error(error: OSError, folder: Path) -> UserError:
    if is_disk_full(error):
        return UserError(
            f"The disk of {folder.parent} is full. Free some space, or point the environment variable TTS_HOME to "
            "another disk; the download continues from where it stopped."
        )
    return UserError(
        f"{error.filename or folder}: {error.strerror or error}. The folder for models is {folder.parent}; "
        "the environment variable TTS_HOME moves it."
    )


__all__ = ["ModelFiles", "fetch", "obtain"]
