"""Floor 0: rows of a table by index, and adding rows back; and marks of classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .products import in_float32

Array = Any
SMALL = 1 << 14  # below this many numbers, loading SciPy does not pay


def rows(w: Array, indices: Array) -> Array:
    """w[indices] for w (count, d)."""
    return w.take(indices, axis=0)


@in_float32
def add_rows(x: Array, indices: Array, *, count: int, skip: int | range | None) -> Array:
    """Rows x (..., d) added into zeros (count, d), less those for row (or rows) `skip`."""
    flat, width = indices.reshape(-1), x.shape[-1]
    x = x.reshape(len(flat), width)
    if x.size < SMALL:
        out = np.zeros((count, width), x.dtype)
        np.add.at(out, flat, x)
    else:  # as a product with a sparse matrix of ones: 15 times as fast as add.at
        from scipy.sparse import csc_array

        ones = np.ones(len(flat), x.dtype)
        marks = csc_array((ones, flat, np.arange(len(flat) + 1)), shape=(count, len(flat)))
        out = marks @ x
    if skip is not None:
        out[slice(skip.start, None, skip.step) if isinstance(skip, range) else skip] = 0
    return out


def add_at_class(x: Array, classes: Array, value: Any) -> Array:
    """A copy of x (n, c) with `value` added at each row's class."""
    out = x.copy()
    out[np.arange(len(x)), classes] += value
    return out


def pick_class(x: Array, classes: Array) -> Array:
    """x (n, c, *space) at classes (n, *space)."""
    return np.take_along_axis(x, np.expand_dims(classes, 1), 1)[:, 0]


def put_class(x: Array, classes: Array, *, count: int) -> Array:
    """Zeros (n, count, *space) with x (n, *space) at classes."""
    out = np.zeros((x.shape[0], count, *x.shape[1:]), x.dtype)
    np.put_along_axis(out, np.expand_dims(classes, 1), np.expand_dims(x, 1), 1)
    return out
