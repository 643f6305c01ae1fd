"""A model as a repository of the model hub: its folder with the card, uploaded in one commit."""

import importlib.util
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from finetune_tts.catalog.address import hub_root
from finetune_tts.errors import UserError
from finetune_tts.sharing.card_folder import FOLDER_NAME, write_card_folder
from finetune_tts.sharing.source import Shared, Source

logger = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,94}/[A-Za-z0-9][\w.-]{0,94}", re.ASCII)
_REASONS = {
    401: "the hub does not know this token: log in again with hf auth login",
    403: "this token may not write there: make one that may, and see that the name before the slash is yours",
    404: "the hub knows no such place: see that the name before the slash is yours",
    413: "the hub finds a file too large",
    429: "the hub has had too many requests: try again later",
}


def require_name(name: str) -> None:
    """Refuse what cannot be the name of a repository.

    Raises:
        UserError: it is not of the form ``USER/NAME``.
    """
    if not name:
        raise UserError("--export hub: which repository? Name it with --hub_name USER/NAME.")
    if not _NAME.fullmatch(name) or ".." in name or name.endswith((".git", "-", ".")):
        raise UserError(
            f"--hub_name {name}: not of the form USER/NAME, of letters, digits, '-', '_' and '.', at most 95 each."
        )


def write(source: Source) -> Shared:
    """Write the folder ``hub`` with model, card and samples, and upload it.

    The repository is made if it is not there yet, for your eyes alone unless everybody may see it.

    Raises:
        UserError: packages or a token are missing, the hub refuses it, or the model cannot be read.
    """
    name, public = source.wishes.hub_name, source.wishes.public
    require_name(name)
    api, token = _client()
    if public and source.terms.restriction:
        logger.warning("Everybody will see this voice, whose base model has a restricted licence: look at it below.")
    with _in_words(name, token, "Nothing was uploaded."):
        _prepare(api, name, public)
    files = write_card_folder(source)
    folder = source.folder / FOLDER_NAME
    size = sum(path.stat().st_size for path in files) / 1e6
    logger.info("Uploading %d files, %.1f MB, to %s/%s", len(files), size, hub_root(), name)
    with _in_words(name, token, f"Nothing was published by halves; {folder} has it all. Give the command again."):
        _upload(api, name, folder, files)
    seen = "everybody sees it" if public else "you alone see it: --hub_public would show it to everybody"
    return Shared(tuple(files), (f"uploaded: {hub_root()}/{name} ({seen})",))


def _client() -> tuple[Any, str]:
    """What speaks to the hub, and the token that it speaks with.

    Raises:
        UserError: the package or a token is missing.
    """
    if importlib.util.find_spec("huggingface_hub") is None:
        raise UserError("--export hub needs huggingface_hub: pip install 'finetune-tts[hub]'")
    from huggingface_hub import HfApi, get_token

    token = get_token()
    if not token:
        raise UserError(
            "--export hub: no token of the hub is here. Log in with hf auth login, or set HF_TOKEN to a token that may "
            "write."
        )
    return HfApi(endpoint=hub_root(), token=token, library_name="finetune-tts"), token


def _prepare(api: Any, name: str, public: bool) -> None:
    """Make the repository, or see that the one that is there may be written to.

    Raises:
        UserError: everybody sees the one that is there, and nobody said that this is wanted; or the other way round.
    """
    api.create_repo(name, private=not public, exist_ok=True)
    is_private = bool(api.model_info(name).private)
    if not is_private and not public:
        raise UserError(f"--hub_name {name}: everybody sees this repository. Add --hub_public if that is wanted.")
    if is_private and public:
        raise UserError(
            f"--hub_public: {name} is there already, and you alone see it. Change that on its page in the hub, or "
            "leave the flag out."
        )


def _upload(api: Any, name: str, folder: Path, files: list[Path]) -> None:
    """Upload all files as one commit, so that nobody ever sees a part of them."""
    from huggingface_hub import CommitOperationAdd

    additions = [CommitOperationAdd(path.relative_to(folder).as_posix(), str(path)) for path in files]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        api.create_commit(name, additions, commit_message="Upload a voice with finetune-tts")
    for warning in said:
        logger.warning("%s", warning.message)


@contextmanager
def _in_words(name: str, token: str, left: str) -> Iterator[None]:
    """Say what the hub answered, what is left, and never the token.

    Raises:
        UserError: the hub cannot be asked, or refuses.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # each version of the client, and what it builds on, has errors of its own
        said = next((line.strip() for line in str(error).splitlines() if line.strip()), "no reason given")
        reason = _REASONS.get(_status(error)) or f"{type(error).__name__}: {said[:300].rstrip('.')}"
        raise UserError(f"--export hub: {name}: {reason.replace(token, '…')}. {left}") from None


def _status(error: BaseException) -> int:
    """What the hub answered, as a number; 0 where it is not known."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(status, int):
        return status
    return _status(error.__cause__) if error.__cause__ is not None else 0
