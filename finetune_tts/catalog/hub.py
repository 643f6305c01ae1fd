"""The model hub: which files a repository holds."""

from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import quote

from finetune_tts.catalog.address import HubRepository, RemoteFile, hub_file_url, hub_root
from finetune_tts.catalog.connection import opened
from finetune_tts.catalog.failure import AddressFailure
from finetune_tts.json_text import parse_json

#: never a part of a model.
_ALWAYS_IGNORED = (".gitattributes", ".gitignore", "README.md")
#: a list of files is a few kilobytes; a server that sends more than this sends something else.
_LONGEST_LIST = 10_000_000


def hub_files(address: HubRepository) -> list[RemoteFile]:
    """Ask the hub for the files of a repository that the address selects, with length and sha256 where it says them.

    Patterns are the hub's own: ``*`` stands for any characters, slashes too. Files of sub-folders lose their folder.

    Raises:
        AddressFailure: the hub cannot be asked, answers something else, or no file is selected.
    """
    listing = f"{hub_root()}/api/models/{quote(address.repository)}/revision/{quote(address.revision, safe='')}"
    answer = _json(f"{listing}?blobs=true")
    siblings = answer.get("siblings") if isinstance(answer, dict) else None
    if not isinstance(siblings, list):
        raise AddressFailure("the hub's answer holds no list of files")
    files = [_file(address, item) for item in siblings if isinstance(item, dict) and _selected(address, item)]
    if not files:
        raise AddressFailure("the repository holds no file that the catalog asks for")
    names = [file.name for file in files]
    doubles = {name for name in names if names.count(name) > 1}
    if doubles:
        raise AddressFailure(f"the repository holds two files called {min(doubles)}")
    return files


def _selected(address: HubRepository, item: dict[str, Any]) -> bool:
    path = item.get("rfilename")
    if not isinstance(path, str) or path in _ALWAYS_IGNORED:
        return False
    allowed = not address.allow or any(fnmatchcase(path, pattern) for pattern in address.allow)
    return allowed and not any(fnmatchcase(path, pattern) for pattern in address.ignore)


def _file(address: HubRepository, item: dict[str, Any]) -> RemoteFile:
    path: str = item["rfilename"]
    name = path.rpartition("/")[2]
    if name in ("", ".", "..") or "\\" in path or "\0" in path:
        raise AddressFailure(f"the repository holds a file with the unusable name {path!r}")
    large = item.get("lfs")
    sha256 = large.get("sha256") if isinstance(large, dict) else None
    size = item.get("size")
    return RemoteFile(
        url=hub_file_url(address.repository, address.revision, path),
        name=name,
        checksum=f"sha256:{sha256}" if isinstance(sha256, str) else None,
        length=size if isinstance(size, int) else None,
    )


def _json(url: str) -> Any:
    import requests

    content = b""
    with opened(url) as response:
        try:
            for chunk in response.iter_content(1 << 16):
                content += chunk
                if len(content) > _LONGEST_LIST:
                    raise AddressFailure("the hub's answer is far too long")
        except requests.RequestException as error:
            raise AddressFailure("the connection was cut while the hub listed the files") from error
    try:
        return parse_json(content.decode("utf-8-sig"), repeated=set())
    except ValueError as error:
        raise AddressFailure("the hub's answer is not JSON") from error
