"""Values are shown as IPython's pretty printer shows them (expected texts recorded from 9.x)."""

from __future__ import annotations

import re
from collections import OrderedDict, namedtuple
from typing import Any

import pytest

from adjoint.compat.display import pretty

Point = namedtuple("Point", "x y")


class Plain:
    """Has no repr of its own."""


class Matrix:
    def __repr__(self) -> str:
        return "M([1,\n   2])"


class Rows(list[int]):
    pass


def scale(x: int, by: int = 2) -> int:
    return x * by


ITSELF: list[Any] = [1]
ITSELF.append(ITSELF)

SHOWN: list[tuple[Any, str]] = [
    (1.5, "1.5"),
    ("a\nb", "'a\\nb'"),
    ([], "[]"),
    ((), "()"),
    ({}, "{}"),
    (set(), "set()"),
    (frozenset(), "frozenset()"),
    ((1,), "(1,)"),
    ({3, 1, 2}, "{1, 2, 3}"),
    (frozenset({1}), "frozenset({1})"),
    ({"b": 1, "a": [2, 3]}, "{'b': 1, 'a': [2, 3]}"),
    (Point(1, 2), "Point(x=1, y=2)"),
    (OrderedDict(a=1), repr(OrderedDict(a=1))),
    (Rows([1, 2]), "[1, 2]"),
    (ITSELF, "[1, [...]]"),
    (int, "int"),
    ([int, float], "[int, float]"),
    (Plain, f"{__name__}.Plain"),
    (scale, f"<function {__name__}.scale(x: 'int', by: 'int' = 2) -> 'int'>"),
    (len, "<function len(obj, /)>"),
    (Matrix(), "M([1,\n   2])"),
    ([Matrix(), Matrix()], "[M([1,\n    2]),\n M([1,\n    2])]"),
    ((Matrix(),), "(M([1,\n    2]),)"),
    ({"x": Matrix()}, "{'x': M([1,\n    2])}"),
    (
        [list(range(20)), list(range(9))],
        "[[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19],\n"
        " [0, 1, 2, 3, 4, 5, 6, 7, 8]]",
    ),
    ({"weights": [0.125] * 12, "n": 3}, "{'weights': [" + "0.125,\n  " * 11 + "0.125],\n 'n': 3}"),
    (list(range(1001)), "[" + "".join(f"{i},\n " for i in range(1000)) + "...]"),
]


@pytest.mark.parametrize(("value", "text"), SHOWN, ids=[str(i) for i in range(len(SHOWN))])
def test_shown_as_in_ipython(value: Any, text: str) -> None:
    assert pretty(value) == text


def test_a_set_without_an_order_is_shown_whole() -> None:
    assert pretty({1, "a"}) in ("{1, 'a'}", "{'a', 1}")


def test_an_object_without_a_repr_is_shown_by_name_and_place() -> None:
    node = type("AddBackward0", (), {"__module__": "builtins"})()
    assert pretty(node) == f"<AddBackward0 at {id(node):#x}>"
    name = re.escape(__name__)
    assert re.fullmatch(rf"\[<{name}\.Plain at 0x[0-9a-f]+>\]", pretty([Plain()]))
