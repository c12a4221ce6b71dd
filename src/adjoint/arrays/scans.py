"""Floor 0: cumulative functions over NumPy arrays, and the linear recurrence behind their
derivatives.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def _accumulate(ufunc: Any, start: float, x: Any, axis: int, include_initial: bool) -> Any:
    given = x.dtype
    if given.itemsize == 2 and given.kind in "fV":
        out = ufunc.accumulate(x, axis, np.float32).astype(given)
    else:
        out = ufunc.accumulate(x, axis, np.int64 if given.kind in "bui" else None)
    if not include_initial:
        return out
    shape = list(x.shape)
    shape[axis] = 1
    return np.concatenate([np.full(shape, start, out.dtype), out], axis)


def cumulative_sum(x: Any, *, axis: int = 0, include_initial: bool = False) -> Any:
    """Sums of all elements up to each one; with `include_initial` a 0 comes first."""
    return _accumulate(np.add, 0, x, axis, include_initial)


def cumulative_prod(x: Any, *, axis: int = 0, include_initial: bool = False) -> Any:
    """Products of all elements up to each one; with `include_initial` a 1 comes first."""
    return _accumulate(np.multiply, 1, x, axis, include_initial)


def linear_recurrence(a: Any, b: Any, *, axis: int) -> Any:
    """y[k] = a[k] y[k-1] + b[k] along `axis`, with y[-1] = 0."""
    out = np.empty(b.shape, np.result_type(a, b))
    if b.ndim == 1:  # Python's numbers are 20 times faster than 0-d arrays
        y = 0.0
        values = []
        for p, q in zip(a.tolist(), b.tolist()):
            y = p * y + q
            values.append(y)
        out[...] = values
        return out
    rows, factors, steps = (
        np.moveaxis(out, axis, 0),
        np.moveaxis(a, axis, 0),
        np.moveaxis(b, axis, 0),
    )
    for k in range(len(rows)):
        rows[k] = steps[k] if k == 0 else factors[k] * rows[k - 1] + steps[k]
    return out


def cumulative_extreme(x: Any, *, axis: int, largest: bool) -> tuple[Any, Any]:
    """Running maximum or minimum, and where it was last met; nan stays once it was met."""
    ufunc = np.maximum if largest else np.minimum
    values = ufunc.accumulate(x, axis)
    met = (x == values) | (x != x)
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    places = np.where(met, np.arange(x.shape[axis]).reshape(shape), 0)
    return values, np.maximum.accumulate(places, axis)


def logcumsumexp(x: Any, *, axis: int) -> Any:
    """log(cumsum(exp(x))) without overflow."""
    given = x.dtype
    if given.kind != "c":
        wide = x.astype(np.float32) if given.itemsize == 2 else x
        return np.logaddexp.accumulate(wide, axis).astype(given, copy=False)
    rows = np.moveaxis(x, axis, 0)
    out = np.empty_like(x)
    filled = np.moveaxis(out, axis, 0)
    for k in range(len(rows)):
        if k == 0:
            filled[k] = rows[k]
            continue
        a, b = filled[k - 1], rows[k]
        is_lower = a.real < b.real
        high, low = np.where(is_lower, b, a), np.where(is_lower, a, b)
        both_nothing = np.isneginf(low.real) & np.isneginf(high.real)
        filled[k] = np.where(both_nothing, low, high + np.log1p(np.exp(low - high)))
    return out
