"""Released configs name files of the machine that trained them; point them at the files beside the config."""

import logging
from pathlib import Path, PureWindowsPath
from typing import Any

from finetune_tts.errors import UserError
from finetune_tts.files import write_json
from finetune_tts.json_text import read_json

logger = logging.getLogger(__name__)

_SPEAKER_IDS = ("speaker_ids.json", "speaker_ids.pth")
_D_VECTORS = ("speakers.pth", "speakers.json", "d_vectors.json", "d_vectors.pth")
#: field → the names under which a release ships the file; these are taken even where the field is empty.
_USUAL_NAMES: dict[str, tuple[str, ...]] = {
    "stats_path": ("scale_stats.npy",),
    "speakers_file": _SPEAKER_IDS,
    "d_vector_file": (),
    "external_speaker_embedding_file": (),
    "language_ids_file": ("language_ids.json",),
    "speaker_encoder_config_path": ("config_se.json",),
    "speaker_encoder_model_path": ("model_se.pth", "model_se.pth.tar"),
    "mel_statistics_parameter_path": (),
}
#: the same for fields that are only filled where the config names a file or says that it uses one.
_NAMES_IF_USED: dict[str, tuple[str, ...]] = {
    "speakers_file": ("speakers.json", "speakers.pth"),
    "d_vector_file": _D_VECTORS,
    "external_speaker_embedding_file": _D_VECTORS,
}
_SWITCHES = {
    "d_vector_file": "use_d_vector_file",
    "external_speaker_embedding_file": "use_external_speaker_embedding_file",
}
#: groups of a config that hold such fields, beside its top level.
_GROUPS = ("audio", "model_args")


def localise(config_file: Path, folder: Path | None = None) -> bool:
    """Rewrite the paths in a downloaded config where a file of that name lies beside it.

    A field that names a file which is not beside the config keeps its value. Nothing is written where nothing changes.

    Args:
        config_file: the config; the files are looked for beside it.
        folder: where config and files are going to stand, if that is another folder.

    Returns:
        Whether the file was rewritten.

    Raises:
        UserError: the config is not JSON, or not an object.
        OSError: it cannot be written.
    """
    config = read_config(config_file)
    beside = {path.name for path in config_file.parent.iterdir() if path.is_file()}
    target = (folder or config_file.parent).absolute()
    changed = False
    for group in [config, *(config.get(name) for name in _GROUPS)]:
        if isinstance(group, dict):
            changed |= _localise_group(group, beside, target)
    if changed:
        write_json(config_file, config)
    return changed


def read_config(path: Path) -> dict[str, Any]:
    """Read a config that may have comments, as old releases do.

    Raises:
        UserError: it is not JSON, or not an object.
    """
    config = read_json(path, what="config file", comments=True, infinity=True)
    if not isinstance(config, dict):
        raise UserError(f"{path}: a config is an object {{...}}, this is a {type(config).__name__}.")
    return config


def _localise_group(group: dict[str, Any], beside: set[str], target: Path) -> bool:
    changed = False
    for field in _USUAL_NAMES:
        if field not in group:
            continue
        old = group[field]
        new = _localised(field, old, bool(group.get(_SWITCHES.get(field, ""))), beside, target)
        if new != old:
            group[field] = new
            changed = True
    return changed


def _localised(field: str, old: Any, used: bool, beside: set[str], target: Path) -> Any:
    named = [_name_of(value) for value in (old if isinstance(old, list) else [old])]
    # A speaker encoder's config was often called config.json on the machine that trained it; here that is the model's.
    found = list(dict.fromkeys(name for name in named if name in beside and name != "config.json"))
    if not found:
        usual = _USUAL_NAMES[field] + (_NAMES_IF_USED.get(field, ()) if any(named) or used else ())
        found = [name for name in usual if name in beside][:1]
    if not found:
        if any(named):
            logger.warning("The config's %s names %s, which is not beside it.", field, ", ".join(filter(None, named)))
        return old
    paths = [str(target / name) for name in found]
    return paths if isinstance(old, list) else paths[0]


def _name_of(value: Any) -> str:
    # PureWindowsPath splits at both kinds of slash: configs were written on either system.
    return PureWindowsPath(value).name if isinstance(value, str) else ""
