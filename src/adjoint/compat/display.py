"""Shows the value of a cell as IPython does: the rules of its pretty printer that matter here.

Floor 5. Values in, text out. It knows Python's own types; everything else shows itself.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

_WIDTH = 79
_MAX_ITEMS = 1000
_BRACKETS: dict[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
    dict: ("{", "}"),
}
_DEFAULT_REPR = re.compile(r"<(?:builtins\.)?(\S+) object at (0x[0-9A-Fa-f]+)>")


def pretty(value: Any) -> str:
    """The text that IPython shows for a value: `repr`, containers over several lines when long,
    and `<Name at 0x...>` for an object that does not show itself.

    >>> from adjoint.compat.display import pretty
    >>> print(pretty({"first": list(range(10, 22)), "second": list(range(10))}))
    {'first': [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21],
     'second': [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]}
    """
    return _pretty(value, 0, 0, ())


def _pretty(value: Any, indent: int, column: int, inside: tuple[int, ...]) -> str:
    """Text of a value: it begins at `column`, its further lines at `indent`.

    `inside` holds the ids of the containers around it, so that one that holds itself ends.
    """
    kind = type(value)
    if kind not in _BRACKETS:
        return _leaf(value).replace("\n", "\n" + " " * indent)
    opening, closing = _BRACKETS[kind]
    if id(value) in inside:
        return f"{opening}...{closing}"
    if not value:
        return repr(value)
    items = _items(value, indent + len(opening), column + len(opening), (*inside, id(value)))
    if kind is tuple and len(value) == 1:
        items[0] += ","
    line = ", ".join(items)
    if "\n" in line or column + len(opening + line + closing) > _WIDTH:
        line = (",\n" + " " * (indent + len(opening))).join(items)
    return f"{opening}{line}{closing}"


def _items(value: Any, indent: int, column: int, inside: tuple[int, ...]) -> list[str]:
    members: Iterable[Any] = value
    if isinstance(value, set | frozenset):
        try:
            members = sorted(value)
        except TypeError:  # of kinds without an order
            members = value
    texts = []
    for number, member in enumerate(members):
        if number == _MAX_ITEMS:
            texts.append("...")
            break
        text = _pretty(member, indent, column, inside)
        if isinstance(value, dict):
            text += ": "
            # A long value goes on under its key, not under itself.
            text += _pretty(value[member], indent, column + len(text), inside)
        texts.append(text)
    return texts


def _leaf(value: Any) -> str:
    if isinstance(value, type) and type(value).__repr__ is type.__repr__:
        return _qualified(value)
    if inspect.isfunction(value) or inspect.isbuiltin(value):
        try:
            return f"<function {_qualified(value)}{inspect.signature(value)}>"
        except ValueError:  # compiled without a signature
            return repr(value)
    text = repr(value)
    default = _DEFAULT_REPR.fullmatch(text)
    return f"<{default[1]} at {default[2]}>" if default else text


def _qualified(value: Any) -> str:
    module = value.__module__
    hidden = module is None or module == "builtins"
    return value.__qualname__ if hidden else f"{module}.{value.__qualname__}"
