"""The project's own schema of a catalog file, the one of ``models.json``; docs/catalog.md describes it."""

from collections.abc import Mapping
from typing import Any

from finetune_tts.catalog.address import (
    Address,
    Archive,
    Bundled,
    HubRepository,
    RemoteFile,
    SingleFiles,
    remote_file,
)
from finetune_tts.catalog.cache import is_taken_for_the_model
from finetune_tts.catalog.entry import ModelEntry, architecture_of

_ENTRY_FIELDS = (
    "name",
    "description",
    "architecture",
    "license",
    "terms_required",
    "default_vocoder",
    "release_hash",
    "addresses",
    "training_files",
)
_ADDRESS_FIELDS = {
    "archive": ("archive", "checksum"),
    "files": ("files",),
    "hub": ("hub", "allow", "ignore", "revision"),
    "bundled": ("bundled",),
}


def entries_of_schema(content: Mapping[str, Any]) -> list[ModelEntry]:
    """Read ``{"models": [entry, ...]}``.

    Raises:
        ValueError: an entry is wrong; the message names it and the field.
    """
    _only(content, ("models",), "the catalog")
    entries: dict[str, ModelEntry] = {}
    for position, fields in enumerate(content["models"], start=1):
        if not isinstance(fields, dict) or not isinstance(fields.get("name"), str):
            raise ValueError(f'model {position} is not an object with a "name"')
        try:
            entry = _entry(fields)
        except ValueError as error:
            raise ValueError(f"{fields['name']}: {error}") from error
        if entry.name in entries:
            raise ValueError(f"{entry.name} stands there twice")
        entries[entry.name] = entry
    return list(entries.values())


def _entry(fields: Mapping[str, Any]) -> ModelEntry:
    _only(fields, _ENTRY_FIELDS, "the entry")
    name = fields["name"]
    addresses = fields.get("addresses", [])
    if not isinstance(addresses, list):
        raise ValueError('"addresses" is not a list')
    read_addresses = tuple(_address(address) for address in addresses)
    return ModelEntry(
        name=name,
        addresses=read_addresses,
        licence=text(fields, "license") or "",
        terms_required=flag(fields, "terms_required"),
        default_vocoder=text(fields, "default_vocoder"),
        architecture=text(fields, "architecture") or architecture_of(name.rpartition("/")[2]),
        description=text(fields, "description") or "",
        release_hash=text(fields, "release_hash"),
        training_files=training_files(fields, read_addresses),
    )


def _address(fields: Any) -> Address:
    if isinstance(fields, str):
        return Archive(remote_file(fields))
    kinds = [kind for kind in _ADDRESS_FIELDS if isinstance(fields, dict) and kind in fields]
    if len(kinds) != 1:
        raise ValueError(f"an address is a string or an object with one of {', '.join(_ADDRESS_FIELDS)}, not {fields}")
    kind = kinds[0]
    _only(fields, _ADDRESS_FIELDS[kind], "the address")
    if kind == "archive":
        return Archive(remote_file(_required(fields, "archive"), text(fields, "checksum")))
    if kind == "files":
        return single_files(fields["files"])
    if kind == "bundled":
        return Bundled(_required(fields, "bundled"))
    return HubRepository(
        repository=_required(fields, "hub"),
        allow=texts(fields, "allow"),
        ignore=texts(fields, "ignore"),
        revision=text(fields, "revision") or "main",
    )


def single_files(items: Any) -> SingleFiles:
    """Read a list of addresses, or of ``{"url": …, "checksum": …}``, whose files together are a model.

    Raises:
        ValueError: the list is empty, an address cannot be used, or two files have the same name.
    """
    return SingleFiles(_remote_files(items, "files"))


def training_files(fields: Mapping[str, Any], addresses: tuple[Address, ...]) -> tuple[RemoteFile, ...]:
    """Read the files that only fine-tuning needs, which are put beside those of the model.

    Args:
        fields: of the entry, where ``training_files`` may be missing or null.
        addresses: of the model.

    Raises:
        ValueError: the list is empty or one of its addresses cannot be used; a file has the name of one of the
            model's own, or one that would make it the model; the model is a part of this package.
    """
    key = "training_files"
    if fields.get(key) is None:
        return ()
    try:
        files = _remote_files(fields[key], key)
    except ValueError as error:
        raise ValueError(str(error) if key in str(error) else f'"{key}": {error}') from error
    if any(isinstance(address, Bundled) for address in addresses):
        raise ValueError(f'"{key}": a model that is part of this package has all its files')
    listed = [address for address in addresses if isinstance(address, SingleFiles)]
    own = {file.name.lower() for address in listed for file in address.files}
    for file in files:
        if file.name.lower() in own:
            raise ValueError(f'"{key}": {file.name} is in the "files" of an address already')
        if is_taken_for_the_model(file.name):
            raise ValueError(f'"{key}": a file called {file.name} would be taken for one of the model itself')
    return files


def _remote_files(items: Any, key: str) -> tuple[RemoteFile, ...]:
    if not isinstance(items, list) or not items:
        raise ValueError(f'"{key}" is not a list of addresses')
    files = []
    for item in items:
        if isinstance(item, str):
            files.append(remote_file(item))
        elif isinstance(item, dict):
            _only(item, ("url", "checksum"), "the file")
            files.append(remote_file(_required(item, "url"), text(item, "checksum")))
        else:
            raise ValueError(f"{item!r} is not an address")
    # Systems differ in whether letter case counts.
    names = [file.name.lower() for file in files]
    doubles = {file.name for file in files if names.count(file.name.lower()) > 1}
    if doubles:
        raise ValueError(f"two files are called {min(doubles)}")
    return tuple(files)


def text(fields: Mapping[str, Any], key: str) -> str | None:
    """Return a string, or None where the field is missing, null or empty.

    Raises:
        ValueError: the field holds something else.
    """
    value = fields.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f'"{key}" is {value!r}, not a string')
    return value or None


def texts(fields: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return a list of strings; a single string counts as a list of one.

    Raises:
        ValueError: the field holds something else.
    """
    value = fields.get(key) or []
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f'"{key}" is {value!r}, not a list of strings')
    return tuple(value)


def flag(fields: Mapping[str, Any], key: str) -> bool:
    """Return a boolean, False where the field is missing or null.

    Raises:
        ValueError: the field holds something else.
    """
    value = fields.get(key)
    if value is not None and not isinstance(value, bool):
        raise ValueError(f'"{key}" is {value!r}, not true or false')
    return bool(value)


def _required(fields: Mapping[str, Any], key: str) -> str:
    value = text(fields, key)
    if value is None:
        raise ValueError(f'"{key}" is empty')
    return value


def _only(fields: Mapping[str, Any], known: tuple[str, ...], place: str) -> None:
    unknown = [key for key in fields if key not in known]
    if unknown:
        raise ValueError(f'{place} has no field "{unknown[0]}" (there are: {", ".join(known)})')
