"""Floor 0: orders and positions over NumPy arrays: sorting, ranks, medians, modes.

nan counts as larger than every number.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def sort_index(x: Any, *, axis: int, descending: bool = False) -> Any:
    """Indices that sort along `axis`; equal elements keep their order."""
    if x.dtype.kind == "V":
        x = x.astype(np.float32)
    if not descending:
        return np.argsort(x, axis, "stable")
    index = np.argsort(np.flip(x, axis), axis, "stable")
    return x.shape[axis] - 1 - np.flip(index, axis)


def top_index(x: Any, k: int, *, axis: int, largest: bool = True) -> Any:
    """Indices of the k largest (or smallest) elements, in order; of equal ones, the first."""
    n = x.shape[axis]
    if not k or k * 8 >= n or x.dtype.kind == "V" or (x != x).any():
        return sort_index(x, axis=axis, descending=largest)[(slice(None),) * axis + (slice(k),)]
    x = np.moveaxis(x, axis, -1)
    place = n - k if largest else k - 1
    edge = np.partition(x, place, -1)[..., place : place + 1]
    chosen = x >= edge if largest else x <= edge
    if np.count_nonzero(chosen) * n > k * x.size:  # more than k: of those on the edge, the first
        inside, on_edge = (x > edge if largest else x < edge), x == edge
        missing = k - np.sum(inside, -1, keepdims=True)
        chosen = inside | on_edge & (np.cumsum(on_edge, -1) <= missing)
    picked = np.nonzero(chosen)[-1].reshape(*x.shape[:-1], k)
    order = sort_index(np.take_along_axis(x, picked, -1), axis=x.ndim - 1, descending=largest)
    return np.moveaxis(np.take_along_axis(picked, order, -1), -1, axis)


def median_index(x: Any, *, axis: int, ignore_nan: bool = False) -> Any:
    """Index of the lower median along `axis` (kept, of size 1); of the first nan if there is one.

    With `ignore_nan`, of the median of the others.
    """
    n = x.shape[axis]
    if n and not ignore_nan and (x.dtype.kind in "biu" or not np.isnan(x).any()):
        return _ranked_index(x, (n - 1) // 2, axis)
    order = sort_index(x, axis=axis)
    is_nan = x != x
    count = n - np.sum(is_nan, axis, keepdims=True)
    if ignore_nan:
        rank = np.maximum(count - 1, 0) // 2
    else:
        rank = np.where(count == n, (n - 1) // 2, count)
    return np.take_along_axis(order, rank, axis)


def _ranked_index(x: Any, rank: int, axis: int) -> Any:
    """As `sort_index(x)[rank]`, without sorting: equal elements count in their order."""
    found = np.partition(x, rank, axis)[(slice(None),) * axis + (slice(rank, rank + 1),)]
    is_equal = x == found
    missing = rank - np.sum(x < found, axis, keepdims=True)
    return np.argmax(is_equal & (np.cumsum(is_equal, axis) > missing), axis, keepdims=True)


def mode_index(x: Any, *, axis: int) -> Any:
    """Index of the most frequent element (the smallest of them) along `axis`, kept of size 1.

    Of its occurrences, the last.
    """
    order = np.moveaxis(sort_index(x, axis=axis), axis, -1)
    ordered = np.take_along_axis(np.moveaxis(x, axis, -1), order, -1)
    n = ordered.shape[-1]
    place = np.broadcast_to(np.arange(n), ordered.shape)
    starts = np.ones(ordered.shape, bool)
    starts[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    begin = np.maximum.accumulate(np.where(starts, place, 0), -1)
    best = np.argmax(place - begin, -1, keepdims=True)  # the end of the first longest run
    return np.moveaxis(np.take_along_axis(order, best, -1), -1, axis)


def kth_index(x: Any, k: int, *, axis: int) -> Any:
    """Index of the k-th smallest element (k from 1) along `axis`, kept of size 1.

    Of equal elements, the first.
    """
    if x.dtype.kind == "V":
        x = x.astype(np.float32)
    found = np.partition(x, k - 1, axis)[(slice(None),) * axis + (slice(k - 1, k),)]
    return np.argmax((x == found) | ((x != x) & (found != found)), axis, keepdims=True)


def median(x: Any, *, axis: int | None = None, ignore_nan: bool = False) -> Any:
    """The lower median, of all elements or along `axis`; nan of nothing, and if there is one."""
    if axis is None:
        x, axis = x.reshape(-1), 0
    if not x.shape[axis]:
        return np.full(np.delete(x.shape, axis), np.nan).astype(x.dtype)
    index = median_index(x, axis=axis, ignore_nan=ignore_nan)
    return np.take_along_axis(x, index, axis).squeeze(axis)
