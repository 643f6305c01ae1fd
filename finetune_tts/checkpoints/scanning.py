"""What a pickle would do, found out without doing it: which names it calls for, and whether that would ever end.

Naming a class is not the only harm: a few lines of pickle nest a value in itself so often that to look at it takes
years, or ask a codec for a work that grows with the square of its text. So the operations are followed on a stack of
sizes, as an unpickler follows them on a stack of values.
"""

import pickletools
from typing import Any, NamedTuple, Protocol

#: Operations of a checkpoint: a thousand tensors with the states of their optimizer take some hundred thousand.
MOST_OPERATIONS = 1_000_000
#: Values that a value may hold, each counted as often as it stands there, and how deep they may lie in each other.
MOST_VALUES = 1_000_000
DEEPEST = 64

# Pickles of protocol 2 carry Python 2's names.
_PYTHON_2_MODULES = {"__builtin__": "builtins", "copy_reg": "copyreg"}
# Bytes are written as text in one of these by protocol 2; others compress, or take a time that grows with the square.
_ENCODINGS = ("latin1", "latin-1", "ascii", "utf-8", "utf8")

_STORES = frozenset({"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"})
_FETCHES = frozenset({"GET", "BINGET", "LONG_BINGET"})
_FILLS = frozenset({"APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS", "BUILD"})  # what lies below stays


class Bytes(Protocol):
    """What a pickle is read from: a file, or a part of one."""

    def read(self, size: int = ..., /) -> bytes:
        """The next ``size`` bytes."""
        ...

    def readline(self) -> bytes:
        """The rest of the line."""
        ...

    def tell(self) -> int:
        """Where it stands."""
        ...


class UnreasonablePickle(ValueError):
    """A pickle that no program writes to store weights; the message says what it does."""


class _Name(str):
    """A class or function."""


class _Tuple(NamedTuple):
    """A tuple: the only container that is made at once, and the only one that can be a key, for which it is hashed."""

    size: int
    depth: int
    parts: tuple[Any, ...]


_VALUE, _NUMBER, _MARK = object(), object(), object()


class _Effect(NamedTuple):
    """What an operation takes from the stack and puts there."""

    taken: int
    to_mark: bool
    given: int


def _effect(operation: pickletools.OpcodeInfo) -> _Effect:
    before = operation.stack_before
    to_mark = pickletools.markobject in before
    below = before.index(pickletools.markobject) if to_mark else len(before)
    return _Effect(below, to_mark, len(operation.stack_after))


_EFFECTS = {operation.name: _effect(operation) for operation in pickletools.opcodes}
_OWN_WAY = _STORES | _FETCHES | {"MARK", "DUP", "GLOBAL", "EMPTY_TUPLE"}
# Operations that put a value there and do nothing else: most of a pickle. A text stands for itself.
_CONSTANTS = {
    operation.name: _NUMBER if operation.stack_after[0].name in ("int", "int_or_bool", "float", "long") else _VALUE
    for operation in pickletools.opcodes
    if _EFFECTS[operation.name] == _Effect(0, False, 1) and operation.name not in _OWN_WAY
}


def scan_pickle(file: Bytes, *, most_operations: int = MOST_OPERATIONS) -> set[str]:
    """Read one pickle, without building anything of it, and return the full names of all globals that it names.

    Args:
        file: stands at the start of the pickle, and behind its end afterwards.
        most_operations: that it may have.

    Raises:
        UnreasonablePickle: it is larger, deeper or more costly than any that stores weights.
        ValueError, LookupError: the bytes are not a whole pickle.
    """
    names: set[str] = set()
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    argument: Any
    for count, (operation, argument, _) in enumerate(pickletools.genops(file)):  # type: ignore[arg-type]
        if count >= most_operations:
            raise UnreasonablePickle(f"it has more than {most_operations:,} operations")
        name = operation.name
        if name in _CONSTANTS:
            stack.append(argument if isinstance(argument, str) else _CONSTANTS[name])
        elif name in _STORES:
            memo[len(memo) if argument is None else int(argument)] = stack[-1]
        elif name in _FETCHES:
            stack.append(memo[int(argument)])
        elif name == "MARK":
            stack.append(_MARK)
        elif name == "DUP":
            stack.append(stack[-1])
        elif name in ("GLOBAL", "INST"):
            if name == "INST":
                _take_to_mark(stack)
            module, _, rest = str(argument).partition(" ")
            stack.append(_named(module, rest, names))
        else:
            _follow(name, argument, stack, names)
    return names


def _follow(name: str, argument: Any, stack: list[Any], names: set[str]) -> None:
    """Change the stack as an operation does."""
    effect = _EFFECTS[name]
    items = _take_to_mark(stack) if effect.to_mark else []
    below = _take(stack, effect.taken)
    if name in _FILLS:
        stack.append(below[0])
    elif "TUPLE" in name:
        stack.append(_tuple(items or below))
    elif name == "STACK_GLOBAL":
        module, rest = below
        known = isinstance(module, str) and isinstance(rest, str)
        stack.append(_named(module, rest, names) if known else _named("?", "?", names))
    elif name in ("REDUCE", "NEWOBJ"):
        _check_call(*below)
        stack.append(_VALUE)
    else:
        stack.extend([_VALUE] * effect.given)


def _take(stack: list[Any], count: int) -> list[Any]:
    if len(stack) < count:
        raise ValueError("it takes more from the stack than lies there")
    taken = stack[len(stack) - count :]
    del stack[len(stack) - count :]
    return taken


def _take_to_mark(stack: list[Any]) -> list[Any]:
    items: list[Any] = []
    while (item := stack.pop()) is not _MARK:
        items.append(item)
    return items[::-1]


def _named(module: str, name: str, names: set[str]) -> _Name:
    full = _Name(f"{_PYTHON_2_MODULES.get(module, module)}.{name}")
    names.add(str(full))
    return full


def _tuple(parts: list[Any]) -> _Tuple:
    inner = [part for part in parts if isinstance(part, _Tuple)]
    size = 1 + len(parts) - len(inner) + sum(part.size for part in inner)
    depth = 1 + max((part.depth for part in inner), default=0)
    if size > MOST_VALUES or depth > DEEPEST:
        raise UnreasonablePickle("it nests values in each other without end")
    return _Tuple(size, depth, tuple(parts))


def _check_call(function: Any, arguments: Any) -> None:
    if not isinstance(function, _Name) or not isinstance(arguments, _Tuple):
        return
    given = arguments.parts
    if function == "_codecs.encode" and (len(given) != 2 or given[1] not in _ENCODINGS):
        raise UnreasonablePickle("it encodes text in a way that bytes are not stored in")
    if function == "builtins.bytearray" and given and given[0] is _NUMBER:
        raise UnreasonablePickle("it asks for memory instead of holding bytes")
