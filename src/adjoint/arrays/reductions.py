"""Floor 0: reductions over NumPy arrays, and their transpose: spreading over a shape.

NumPy's own functions spend 2 us on argument handling; these go to the ufuncs at once, and sum
half precision in float32.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

# The stubs of NumPy know no positional arguments here, which are what makes these fast.
add_reduce: Any = np.add.reduce
multiply_reduce: Any = np.multiply.reduce
maximum_reduce: Any = np.maximum.reduce
minimum_reduce: Any = np.minimum.reduce
# Up to this length a product with ones takes a third of the time of `add.reduce`.
_SHORT = 32
_ONES = {
    np.dtype(t).num: [np.ones(n, t) for n in range(_SHORT + 1)] for t in (np.float32, np.float64)
}
_NONE: list[Any] = []


def sum(x: Any, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
    """Sum over `axis` (None: all); bools and small integers as int64."""
    given = x.dtype
    if dtype is None and not keepdims:
        if axis is None:
            if x.size <= _SHORT:
                ones = _ONES.get(given.num, _NONE)
                if ones:
                    return (x if x.ndim == 1 else x.ravel()).dot(ones[x.size])
            if given.itemsize > 2:
                return add_reduce(x, None)
        elif axis == (0,) and x.ndim == 2:  # the gradient of a bias
            ones = _ONES.get(given.num, _NONE)
            if ones and len(x) <= _SHORT:
                return ones[len(x)].dot(x)
    if dtype is not None:
        return add_reduce(x, axis, dtype, None, keepdims)
    if given.itemsize == 2 and given.kind in "fV":
        return add_reduce(x, axis, np.float32, None, keepdims).astype(given)
    return add_reduce(x, axis, np.int64 if given.kind == "u" else None, None, keepdims)


def mean(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    """Arithmetic mean over `axis` (None: all); nan where there is nothing to average."""
    given = x.dtype
    count = reduced_size(x.shape, axis)
    if given.itemsize == 2:
        total = add_reduce(x, axis, np.float32, None, keepdims)
        return (total / count).astype(given)
    if axis is None and not keepdims:
        return sum(x) / count
    return add_reduce(x, axis, None, None, keepdims) / count


def prod(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    """Product over `axis` (None: all); bools and small integers as int64."""
    given = x.dtype
    if given.itemsize == 2 and given.kind in "fV":
        return multiply_reduce(x, axis, np.float32, None, keepdims).astype(given)
    return multiply_reduce(x, axis, np.int64 if given.kind in "bui" else None, None, keepdims)


def reduced_size(shape: tuple[int, ...], axis: Any) -> int:
    """How many elements go into each result of a reduction over `axis`."""
    if axis is None:
        return math.prod(shape)
    if axis.__class__ is int:
        return shape[axis] if shape else 1
    return math.prod([shape[a] for a in axis])


def spread(x: Any, shape: tuple[int, ...]) -> Any:
    """`x` broadcast to `shape`: the transpose of a sum. The result may be read only.

    Small ones are filled, in a tenth of the time that `np.broadcast_to` takes.
    """
    if len(shape) == 1 and shape[0] <= _SHORT:
        ones = _ONES.get(x.dtype.num, _NONE)
        if ones:
            return np.multiply(ones[shape[0]], x)  # half the time of filling a new array
    if math.prod(shape) <= 4096:
        out = np.empty(shape, x.dtype)
        out[...] = x
        return out
    return np.broadcast_to(x, shape)


def max(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    """Largest element over `axis`; nan where there is one."""
    return maximum_reduce(x, axis, None, None, keepdims)


def min(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    """Smallest element over `axis`; nan where there is one."""
    return minimum_reduce(x, axis, None, None, keepdims)


def vector_norm(x: Any, *, ord: float, axis: Any = None, keepdims: bool = False) -> Any:
    """The `ord`-norm of the elements along `axis`, of the real dtype; see `ops.norm`."""
    given = x.real.dtype
    if given.itemsize == 2:
        x = x.astype(np.float32)
    options = {"axis": axis, "keepdims": keepdims}
    if ord == 2:
        squares = np.square(x) if x.dtype.kind != "c" else np.square(x.real) + np.square(x.imag)
        result = np.sqrt(sum(squares, **options))
    elif ord == 0:
        result = add_reduce(x != 0, axis, given, None, keepdims)
    elif ord == 1:
        result = sum(np.abs(x), **options)
    elif ord == math.inf:
        result = max(np.abs(x), **options)
    elif ord == -math.inf:
        result = min(np.abs(x), **options)
    else:
        result = sum(np.abs(x) ** ord, **options) ** (1 / ord)
    return result.astype(given, copy=False)


def place_along_axis(
    values: Any, indices: Any, *, axis: int, size: int, accumulate: bool = False
) -> Any:
    """Zeros with `values` at `indices` along `axis`, whose length becomes `size`.

    The transpose of `take_along_axis`. Indices that occur twice need `accumulate`.
    """
    shape = list(values.shape)
    shape[axis] = size
    out = np.zeros(shape, values.dtype)
    if not accumulate:
        np.put_along_axis(out, indices, values, axis)
        return out
    grid = list(np.ogrid[tuple(slice(n) for n in values.shape)])
    grid[axis] = indices
    np.add.at(out, tuple(grid), values)
    return out


def variance(x: Any, *, axis: Any = None, correction: float = 1, keepdims: bool = False) -> Any:
    """sum |x - mean|² / (n - correction), of the real dtype; nan for 0/0."""
    given = x.real.dtype
    if given.itemsize == 2:
        x = x.astype(np.float32)
    centred = x - mean(x, axis=axis, keepdims=True)
    squares = np.square(centred.real)
    if centred.dtype.kind == "c":
        squares += np.square(centred.imag)
    count = reduced_size(x.shape, axis) - correction
    total = sum(squares, axis=axis, keepdims=keepdims)
    return (total / total.dtype.type(count if count > 0 else 0)).astype(given, copy=False)
