"""Fields that coqui-tts keeps twice, in ``model_args`` and at top level; both places always say the same here."""

from collections.abc import Collection, Sequence

from finetune_tts.config.base import Config
from finetune_tts.config.released import RENAMED, Values, move


def agree(config: Config, group: Config, names: Sequence[str]) -> None:
    """Let both places of a field that was given in one of them say the same; where both were, the group counts.

    Args:
        config: whose top level has the fields.
        group: of it, which has them too.
        names: of the fields.
    """
    fresh = type(group)()
    for name in names:
        if group[name] != fresh[name]:
            config[name] = group[name]
        else:
            group[name] = config[name]


def settle(config: Config, group: Config, names: Sequence[str], changed: Collection[str]) -> None:
    """Do the same after some fields were set.

    Args:
        config, group, names: as in :func:`agree`.
        changed: dotted names of the fields that were set; where both places were, top level counts.
    """
    for name in names:
        if f"model_args.{name}" in changed and name not in changed:
            config[name] = group[name]
        else:
            group[name] = config[name]


def move_into_group(values: Values, group_class: type[Config], names: Sequence[str]) -> None:
    """Move the fields of ``model_args`` into it, which some configs had at top level.

    What stands in both places counts as the group says, as in coqui-tts.

    Args:
        values: of a config, changed in place.
        group_class: of the group.
        names: of the fields that stand in both places.
    """
    if values.get("model_args") is None:
        values["model_args"] = {}
    group = values["model_args"]
    if not isinstance(group, dict):
        return
    for old, new in RENAMED.items():
        if new in names:
            move(group, old, group, new)
    for name in group_class.field_names():
        if name in names:
            if group.get(name) is not None:
                values[name] = group[name]
            elif values.get(name) is not None:
                group[name] = values[name]
        else:
            move(values, name, group, name)
