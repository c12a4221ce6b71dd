"""Floor 2: bitwise operations on integers, and logical ones on bools; none has a derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from .operation import Operation, elementwise
from .samples import cases

_PAIR = cases(([1, 6, -3], [3, 2, 5]), ([[1], [7]], [2, 4]), ([True, False], [True, True]))
_SHIFT = cases(([1, 6, -3], [3, 2, 0]), ([[1], [7]], [2, 4]))


def _bitwise(name: str, word: str, doc: str, samples: Any = _PAIR) -> Operation:
    """An operation on two inputs that is `xp.word`."""

    def forward(xp: Any, x: Any, y: Any) -> Any:
        return getattr(xp, word)(x, y)

    rules = type(name, (), {"__doc__": doc, "forward": forward})
    made: Operation = elementwise(name, samples=samples, reference=getattr(np, word))(rules)
    return made


bitwise_and = _bitwise("bitwise_and", "bitwise_and", "Bitwise and; logical and of bools.")
bitwise_or = _bitwise("bitwise_or", "bitwise_or", "Bitwise or; logical or of bools.")
bitwise_xor = _bitwise("bitwise_xor", "bitwise_xor", "Bitwise exclusive or.")
bitwise_left_shift = _bitwise(
    "bitwise_left_shift", "bitwise_left_shift", "Bits shifted left: x 2^y.", _SHIFT
)
bitwise_right_shift = _bitwise(
    "bitwise_right_shift",
    "bitwise_right_shift",
    "Bits shifted right, keeping the sign: floor(x / 2^y).",
    _SHIFT,
)


_WHOLE = cases(([12, -18, 0], [8, 27, 5]), ([[4], [7]], [6, 21]))
gcd = _bitwise("gcd", "gcd", "Greatest common divisor of integers, not negative.", _WHOLE)
lcm = _bitwise("lcm", "lcm", "Least common multiple of integers, not negative.", _WHOLE)


@elementwise(
    "bitwise_not",
    samples=cases(([1, -5, 0],), ([True, False],)),
    reference=np.bitwise_not,
)
class bitwise_not:
    """Bitwise complement: -x - 1 for integers, the opposite for bools."""

    def forward(xp, x):
        return xp.bitwise_invert(x)
