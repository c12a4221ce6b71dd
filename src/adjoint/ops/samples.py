"""Floor 2: sample inputs of operations, from which the law tests derive every check.

Factories return a callable that makes the samples, so that importing an operation costs nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np


class Sample(NamedTuple):
    """One call: array inputs (float64 unless the operation needs others) and parameters."""

    inputs: tuple[Any, ...]
    params: dict[str, Any] = {}


Samples = Callable[[], Iterable[Sample]]

# `except_laws=REAL_ONLY`: its rules are for real numbers, and its callers refuse complex ones.
REAL_ONLY = ("complex_inputs",)
SHAPES: tuple[tuple[int, ...], ...] = ((), (5,), (2, 3), (0, 3), (2, 1, 3))


def generator(*key: Any) -> np.random.Generator:
    """A generator seeded by what it is for: samples never change between runs."""
    return np.random.default_rng(zlib.crc32(repr(key).encode()))


def spread(shape: Sequence[int], low: float, high: float, *key: Any) -> Any:
    """Distinct values in (low, high), in random order: no ties, no repeated kinks."""
    n = int(np.prod(shape))
    values = low + (high - low) * (np.arange(n) + 0.5) / max(n, 1)
    return generator(shape, low, high, *key).permutation(values).reshape(shape)


def unary(low: float = -2.0, high: float = 2.0, **params: Any) -> Samples:
    """One input in (low, high), of several shapes."""

    def make() -> Iterable[Sample]:
        for shape in SHAPES:
            yield Sample((spread(shape, low, high),), dict(params))

    return make


BINARY_SHAPES: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((), ()),
    ((5,), (5,)),
    ((2, 3), (3,)),
    ((2, 1), (1, 3)),
    ((), (2, 3)),
    ((0, 3), (1, 3)),
)


def binary(
    x: tuple[float, float] = (-2.0, 2.0), y: tuple[float, float] = (-2.0, 2.0), **params: Any
) -> Samples:
    """Two inputs with broadcasting, each in its interval."""

    def make() -> Iterable[Sample]:
        for a, b in BINARY_SHAPES:
            yield Sample((spread(a, *x, "x"), spread(b, *y, "y")), dict(params))

    return make


def cases(*calls: tuple[Any, ...] | Sample, low: float = -2.0, high: float = 2.0) -> Samples:
    """Explicit calls: tuples of shapes (or arrays), optionally ending in a dict of parameters.

    `cases(((2, 3), {"dim": 0}), ((4,),))` makes inputs of shapes (2, 3) and (4,).
    """

    def make() -> Iterable[Sample]:
        for call in calls:
            if isinstance(call, Sample):
                yield call
                continue
            params = call[-1] if isinstance(call[-1], dict) else {}
            given = call[:-1] if isinstance(call[-1], dict) else call
            inputs = tuple(
                spread(g, low, high, i) if isinstance(g, tuple) else np.asarray(g)
                for i, g in enumerate(given)
            )
            yield Sample(inputs, params)

    return make
