"""The nested form of 🐸's ``.models.json``: ``{type: {language: {dataset: {name: {...}}}}}``."""

from collections.abc import Iterator, Mapping
from typing import Any

from finetune_tts.catalog.address import Address, Archive, HubRepository, remote_file
from finetune_tts.catalog.entry import ModelEntry, architecture_of
from finetune_tts.catalog.schema import flag, single_files, text, texts, training_files

#: fields that hold an address (an archive) or a list of addresses (single files), in the order in which they are tried.
_URL_FIELDS = ("github_rls_url", "hf_url", "model_url")
_ARCHIVE_ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz")


def entries_of_released_form(content: Mapping[str, Any]) -> list[ModelEntry]:
    """Read the nested form; fields that mean nothing here (``commit``, ``author``, …) are passed over.

    Raises:
        ValueError: an entry is wrong; the message names it.
    """
    entries = []
    for name, fields in _leaves(content, depth=4):
        try:
            entries.append(_entry(name, fields))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    return entries


def _leaves(level: Mapping[str, Any], depth: int, prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, below in level.items():
        name = prefix + key
        if not isinstance(below, dict):
            raise ValueError(f"{name} is {below!r}; expected {{type: {{language: {{dataset: {{name: {{...}}}}}}}}}}")
        if depth == 1:
            yield name, below
        else:
            yield from _leaves(below, depth - 1, name + "/")


def _entry(name: str, fields: Mapping[str, Any]) -> ModelEntry:
    addresses = tuple(_addresses(fields))
    return ModelEntry(
        name=name,
        addresses=addresses,
        licence=text(fields, "license") or "",
        terms_required=flag(fields, "tos_required"),
        default_vocoder=text(fields, "default_vocoder"),
        architecture=text(fields, "architecture") or architecture_of(name.rpartition("/")[2]),
        description=text(fields, "description") or "",
        release_hash=text(fields, "model_hash"),
        training_files=training_files(fields, addresses),
    )


def _addresses(fields: Mapping[str, Any]) -> Iterator[Address]:
    for key in _URL_FIELDS:
        value = fields.get(key)
        if isinstance(value, list) and value and all(_is_archive(item) for item in value):
            yield from (Archive(remote_file(item)) for item in value)
        elif isinstance(value, list) and value:
            yield single_files(value)
        else:
            url = text(fields, key)
            if url:
                yield Archive(remote_file(url))
    repository = text(fields, "repo_id")
    if repository:
        yield HubRepository(repository, texts(fields, "allow_patterns"), texts(fields, "ignore_patterns"))


def _is_archive(item: Any) -> bool:
    return isinstance(item, str) and item.lower().endswith(_ARCHIVE_ENDINGS)
