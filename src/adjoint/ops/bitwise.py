"""Floor 2: bitwise operations on integers, and logical ones on bools; none has a derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from .operation import Operation, elementwise
from .samples import cases

_PAIR = cases(([1, 6, -3], [3, 2, 5]), ([[1], [7]], [2, 4]), ([True, False], [True, True]))
_SHIFT = cases(([1, 6, -3], [3, 2, 0]), ([[1], [7]], [2, 4]))
_BITS = "torch.tensor([5, 6]), torch.tensor([3, 1])"
_COUNTS = "torch.tensor([12, -18]), torch.tensor([8, 27])"


def _example(name: str, operands: str, result: str) -> str:
    """The end of a docstring: one call and what it gives."""
    return f"\n\n>>> torch.{name}({operands})\ntensor([{result}])"


def _bitwise(name: str, word: str, doc: str, samples: Any = _PAIR) -> Operation:
    """An operation on two inputs that is `xp.word`."""

    def forward(xp: Any, x: Any, y: Any) -> Any:
        return getattr(xp, word)(x, y)

    rules = type(name, (), {"__doc__": doc, "forward": forward})
    made: Operation = elementwise(name, samples=samples, reference=getattr(np, word))(rules)
    return made


bitwise_and = _bitwise(
    "bitwise_and",
    "bitwise_and",
    "Bitwise and; logical and of bools." + _example("bitwise_and", _BITS, "1, 0"),
)
bitwise_or = _bitwise(
    "bitwise_or",
    "bitwise_or",
    "Bitwise or; logical or of bools." + _example("bitwise_or", _BITS, "7, 7"),
)
bitwise_xor = _bitwise(
    "bitwise_xor",
    "bitwise_xor",
    "Bitwise exclusive or." + _example("bitwise_xor", _BITS, "6, 7"),
)
bitwise_left_shift = _bitwise(
    "bitwise_left_shift",
    "bitwise_left_shift",
    "Bits shifted left: x 2^y." + _example("bitwise_left_shift", _BITS, "40, 12"),
    _SHIFT,
)
bitwise_right_shift = _bitwise(
    "bitwise_right_shift",
    "bitwise_right_shift",
    "Bits shifted right, keeping the sign: floor(x / 2^y)."
    + _example("bitwise_right_shift", _BITS, "0, 3"),
    _SHIFT,
)


_WHOLE = cases(([12, -18, 0], [8, 27, 5]), ([[4], [7]], [6, 21]))
gcd = _bitwise(
    "gcd",
    "gcd",
    "Greatest common divisor of integers, not negative." + _example("gcd", _COUNTS, "4, 9"),
    _WHOLE,
)
lcm = _bitwise(
    "lcm",
    "lcm",
    "Least common multiple of integers, not negative." + _example("lcm", _COUNTS, "24, 54"),
    _WHOLE,
)


@elementwise(
    "bitwise_not",
    samples=cases(([1, -5, 0],), ([True, False],)),
    reference=np.bitwise_not,
)
class bitwise_not:
    """Bitwise complement: -x - 1 for integers, the opposite for bools.

    >>> torch.bitwise_not(torch.tensor([0, 5]))
    tensor([-1, -6])
    """

    def forward(xp, x):
        return xp.bitwise_invert(x)
