"""Floor 0: the cross entropy of rows of scores, with its derivative in the same passes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

Array = Any


FEW = 32  # classes: below this, reducing along rows costs more than transposing


@lru_cache(maxsize=16)
def row_starts(n: int, count: int) -> Array:
    """Where the n rows of `count` numbers begin; shared between calls."""
    return np.arange(0, n * count, count)


@lru_cache(maxsize=64)
def ones(n: int, dtype: Any) -> Array:
    """A vector of ones, to sum rows by a product; shared between calls."""
    return np.ones(n, dtype)


def softmax_cross_entropy(x: Array, classes: Array) -> tuple[Array, Array]:
    """For scores x (n, c) and classes (n,): -log softmax(x) at each class (n,), and its slope.

    The slope (n, c) is softmax(x), less 1 at the class.
    """
    n, count = x.shape
    largest = np.maximum.reduce(x.T.copy(), axis=0) if count < FEW else x.max(1)
    slope = np.subtract(x, largest[:, None], order="C")
    flat = slope.reshape(-1)
    places = classes + row_starts(n, count)
    picked = flat[places]
    np.exp(slope, out=slope)
    total = slope.dot(ones(count, x.dtype)) if count < FEW else np.add.reduce(slope, axis=1)
    slope /= total[:, None]
    flat[places] -= 1
    loss = np.log(total)
    loss -= picked
    return loss, slope
