"""Floor 2: comparison and logic: elementwise tests whose result is bool; none has a derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .operation import Operation, elementwise
from .samples import Samples, cases

_PAIR = cases(([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]), ((2, 1), (1, 3)), ((), (0, 2)), ([1, 2], [2, 2]))
_SPECIAL = cases(([0.0, 1.0, -np.inf, np.inf, np.nan, -0.0],), ((2, 3),), ((0,),))
_ORDERED = "torch.tensor([1, 2, 3]), torch.tensor([3, 2, 1])"
_TRUTH = "torch.tensor([0, 1, 2]), torch.tensor([0, 0, 3])"


def _example(name: str, operands: str, result: str) -> str:
    """The end of a docstring: one call and what it gives."""
    return f"\n\n>>> torch.{name}({operands})\ntensor([{result}])"


def _test_two(name: str, word: str, doc: str, operands: str, shown: str) -> Operation:
    """An operation on two inputs that is `xp.word`; its example prints tensor([shown])."""

    def forward(xp: Any, x: Any, y: Any) -> Any:
        return getattr(xp, word)(x, y)

    return _define(name, forward, doc + _example(name, operands, shown), _PAIR, word)


def _test_one(name: str, word: str, doc: str, values: str, shown: str) -> Operation:
    """An operation on one input that is `xp.word`; its example prints tensor([shown])."""

    def forward(xp: Any, x: Any) -> Any:
        return getattr(xp, word)(x)

    example = _example(name, f"torch.tensor({values})", shown)
    return _define(name, forward, doc + example, _SPECIAL, word)


def _define(
    name: str, forward: Callable[..., Any], doc: str, samples: Samples, word: str
) -> Operation:
    rules = type(name, (), {"__doc__": doc, "forward": forward})
    options = {"samples": samples, "reference": getattr(np, word), "keeps_dtype": False}
    made: Operation = elementwise(name, **options)(rules)
    return made


eq = _test_two("eq", "equal", "Whether x = y.", _ORDERED, "False,  True, False")
ne = _test_two(
    "ne",
    "not_equal",
    "Whether x and y differ; nan differs from itself.",
    _ORDERED,
    " True, False,  True",
)
lt = _test_two("lt", "less", "Whether x < y.", _ORDERED, " True, False, False")
le = _test_two("le", "less_equal", "Whether x <= y.", _ORDERED, " True,  True, False")
gt = _test_two("gt", "greater", "Whether x > y.", _ORDERED, "False, False,  True")
ge = _test_two("ge", "greater_equal", "Whether x >= y.", _ORDERED, "False,  True,  True")

logical_and = _test_two(
    "logical_and", "logical_and", "Whether both are nonzero.", _TRUTH, "False, False,  True"
)
logical_or = _test_two(
    "logical_or", "logical_or", "Whether one or both are nonzero.", _TRUTH, "False,  True,  True"
)
logical_xor = _test_two(
    "logical_xor", "logical_xor", "Whether exactly one is nonzero.", _TRUTH, "False,  True, False"
)
logical_not = _test_one(
    "logical_not", "logical_not", "Whether x is zero.", "[0, 2]", " True, False"
)

isnan = _test_one(
    "isnan", "isnan", "Whether x is not a number.", "[1.0, torch.nan]", "False,  True"
)
isinf = _test_one(
    "isinf", "isinf", "Whether x is inf or -inf.", "[1.0, -torch.inf]", "False,  True"
)
isfinite = _test_one(
    "isfinite",
    "isfinite",
    "Whether x is neither nan, inf nor -inf.",
    "[1.0, torch.inf]",
    " True, False",
)
signbit = _test_one(
    "signbit",
    "signbit",
    "Whether the sign bit is set; true for -0.0 too.",
    "[1.0, -0.0]",
    "False,  True",
)


@elementwise(
    "isclose",
    keeps_dtype=False,
    samples=cases(
        ([1.0, 2.0, np.nan, np.inf], [1.0, 2.1, np.nan, np.inf], {"rtol": 0.1, "atol": 0.0}),
        ([1.0, np.nan], [1.0 + 1e-9, np.nan], {"equal_nan": True}),
        ((2, 1), (1, 3)),
    ),
    reference=lambda x, y, rtol=1e-5, atol=1e-8, equal_nan=False: np.isclose(
        x, y, rtol, atol, equal_nan
    ),
)
class isclose:
    """Whether |x - y| <= atol + rtol |y|; equal infinities are close.

    >>> torch.isclose(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.1]))
    tensor([ True, False])
    """

    def forward(xp, x, y, *, rtol=1e-5, atol=1e-8, equal_nan=False):
        close = xp.equal(x, y)
        if equal_nan:
            close = xp.logical_or(close, xp.logical_and(xp.isnan(x), xp.isnan(y)))
        if rtol == 0 and atol == 0:
            return close
        error = xp.abs(x - y)
        near = xp.logical_and(xp.isfinite(error), xp.less_equal(error, atol + rtol * xp.abs(y)))
        return xp.logical_or(close, near)


@elementwise("isposinf", keeps_dtype=False, samples=_SPECIAL, reference=np.isposinf)
class isposinf:
    """Whether x is inf.

    >>> torch.isposinf(torch.tensor([1.0, torch.inf, -torch.inf]))
    tensor([False,  True, False])
    """

    def forward(xp, x):
        return xp.equal(x, xp.inf)


@elementwise("isneginf", keeps_dtype=False, samples=_SPECIAL, reference=np.isneginf)
class isneginf:
    """Whether x is -inf.

    >>> torch.isneginf(torch.tensor([1.0, torch.inf, -torch.inf]))
    tensor([False, False,  True])
    """

    def forward(xp, x):
        return xp.equal(x, -xp.inf)
