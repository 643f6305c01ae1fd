"""HTML in which nothing that the user, a file name or a transcript brings along is ever taken for markup."""

from html import escape

_VOID = frozenset(("meta", "img", "br"))


class Html(str):
    """Text that is markup already."""


def tag(element: str, /, *children: str | None, **attributes: str | bool | None) -> Html:
    """An element. Children that are plain strings are escaped, and so are all attributes.

    Args:
        element: its name.
        children: markup or text; None is left out.
        attributes: a last underscore is dropped (``class_``), others become hyphens; False and None are left out.
    """
    written = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip("_").replace("_", "-")
        written.append(f" {key}" if value is True else f' {key}="{escape(str(value))}"')
    start = f"<{element}{''.join(written)}>"
    return Html(start if element in _VOID else f"{start}{joined(*children)}</{element}>")


def joined(*children: str | None) -> Html:
    """Pieces one after the other, those that are plain strings escaped."""
    kept = [child for child in children if child is not None]
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in kept))
