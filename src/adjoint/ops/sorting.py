"""Floor 2: sort, topk, kthvalue, median, mode: elements chosen by rank, with their indices.

Only the indices are kept. `dim` is a non-negative int.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .extremes import SELECTED, pull_dims, pull_selected, push_dims, push_selected
from .operation import general, linear
from .samples import Sample, cases


def pull_placed(xp: Any, ct: Any, indices: Any, x_shape: Any, dim: Any) -> Any:
    """Each cotangent goes back to the place its element came from."""
    return xp.place_along_axis(ct[0], indices, axis=dim, size=x_shape[dim])


def push_placed(xp: Any, t: Any, indices: Any, dim: Any) -> Any:
    """The tangents in the new order."""
    return xp.take_along_axis(t, indices, axis=dim), None


def choose(xp: Any, x: Any, indices: Any, dim: int, keepdim: bool) -> Any:
    """The elements at `indices` (of size 1 along `dim`), and the indices."""
    values = xp.take_along_axis(x, indices, axis=dim)
    if keepdim:
        return values, indices
    return xp.squeeze(values, axis=dim), xp.squeeze(indices, axis=dim)


def _place(values: Any, indices: Any, *, axis: int, size: int, accumulate: bool = False) -> Any:
    shape = [size if i == axis else n for i, n in enumerate(values.shape)]
    out = np.zeros(shape, values.dtype)
    for where in np.ndindex(values.shape):
        target = list(where)
        target[axis] = indices[where]
        out[tuple(target)] += values[where]
    return out


@linear(
    "place_along_axis",
    node="ScatterBackward0",
    samples=cases(
        Sample((np.array([1.5, -2.0]), np.array([2, 0])), {"axis": 0, "size": 4}),
        Sample((np.array([[1.5], [-2.0]]), np.array([[2], [0]])), {"axis": 1, "size": 3}),
        Sample(
            (np.array([1.5, -2.0]), np.array([1, 1])), {"axis": 0, "size": 3, "accumulate": True}
        ),
    ),
    reference=_place,
)
class place_along_axis:
    """Zeros, with values at the given indices along one axis."""

    def forward(xp, values, indices, *, axis, size, accumulate=False):
        return xp.place_along_axis(values, indices, axis=axis, size=size, accumulate=accumulate)

    def transpose_values(xp, ct, indices, axis):
        return xp.take_along_axis(ct, indices, axis=axis)


def _sorted(x: Any, *, dim: int, descending: bool) -> Any:
    index = np.argsort(-x if descending else x, axis=dim, kind="stable")
    return np.take_along_axis(x, index, dim), index


@general(
    "sort",
    samples=cases(
        ((5,), {"dim": 0, "descending": False}),
        ((2, 3), {"dim": 1, "descending": True}),
        ((3, 2, 2), {"dim": 0, "descending": False}),
        ((0, 3), {"dim": 1, "descending": False}),
    ),
    reference=_sorted,
    **SELECTED,
)
class sort:
    """Elements in order along one dimension, and where each came from; stable, nan last."""

    def forward(xp, x, *, dim, descending=False):
        indices = xp.sort_index(x, axis=dim, descending=descending)
        return xp.take_along_axis(x, indices, axis=dim), indices

    vjp_x, jvp_x = pull_placed, push_placed


def _top(x: Any, *, k: int, dim: int, largest: bool) -> Any:
    index = np.argsort(-x if largest else x, axis=dim)
    index = np.take(index, np.arange(k), dim)
    return np.take_along_axis(x, index, dim), index


@general(
    "topk",
    samples=cases(
        ((5,), {"k": 2, "dim": 0, "largest": True}),
        ((2, 3), {"k": 2, "dim": 1, "largest": False}),
        ((20, 2), {"k": 2, "dim": 0, "largest": True}),
        ((20, 2), {"k": 2, "dim": 0, "largest": False}),
        ((3,), {"k": 0, "dim": 0, "largest": True}),
    ),
    reference=_top,
    **SELECTED,
)
class topk:
    """The k largest (or smallest) elements along one dimension in order, and their indices."""

    def forward(xp, x, *, k, dim, largest=True):
        indices = xp.top_index(x, k, axis=dim, largest=largest)
        return xp.take_along_axis(x, indices, axis=dim), indices

    vjp_x, jvp_x = pull_placed, push_placed


def _ranked(rank: Any) -> Any:
    def reference(x: Any, *, dim: int, keepdim: bool, k: int | None = None) -> Any:
        position = rank(x.shape[dim]) if k is None else k - 1
        index = np.take(np.argsort(x, axis=dim), [position], dim)
        values = np.take_along_axis(x, index, dim)
        return (values, index) if keepdim else (values.squeeze(dim), index.squeeze(dim))

    return reference


@general(
    "kthvalue",
    samples=cases(
        ((5,), {"k": 2, "dim": 0, "keepdim": False}),
        ((2, 3), {"k": 3, "dim": 1, "keepdim": True}),
        ((4, 2, 2), {"k": 1, "dim": 0, "keepdim": False}),
    ),
    reference=_ranked(None),
    **SELECTED,
)
class kthvalue:
    """The k-th smallest element along one dimension (k from 1), and its index."""

    def forward(xp, x, *, k, dim, keepdim=False):
        indices = xp.kth_index(x, k, axis=dim)
        return choose(xp, x, indices, dim, keepdim)

    vjp_x, jvp_x = pull_selected, push_selected


MEDIANS = cases(
    ((5,), {"dim": 0, "keepdim": False}),
    ((2, 4), {"dim": 1, "keepdim": True}),
    ((3, 2, 2), {"dim": 0, "keepdim": False}),
)


@general(
    "median_dim",
    node="MedianBackward1",
    samples=MEDIANS,
    reference=_ranked(lambda n: (n - 1) // 2),
    **SELECTED,
)
class median_dim:
    """The lower median along one dimension, and its index; nan if there is one."""

    def forward(xp, x, *, dim, keepdim=False):
        return choose(xp, x, xp.median_index(x, axis=dim), dim, keepdim)

    vjp_x, jvp_x = pull_selected, push_selected


@general(
    "nanmedian_dim",
    node="NanmedianBackward1",
    samples=MEDIANS,
    reference=_ranked(lambda n: (n - 1) // 2),
    **SELECTED,
)
class nanmedian_dim:
    """The lower median of what is not nan along one dimension, and its index."""

    def forward(xp, x, *, dim, keepdim=False):
        return choose(xp, x, xp.median_index(x, axis=dim, ignore_nan=True), dim, keepdim)

    vjp_x, jvp_x = pull_selected, push_selected


SHARED = cases(((),), ((5,),), ((2, 3),), ((3, 4), {"dim": 0}), ((0, 3), {"dim": 1}))


def _lower_median(x: Any, *, dim: int | None = None) -> Any:
    if dim is None:
        return np.sort(x, axis=None)[(x.size - 1) // 2]
    return np.take(np.sort(x, axis=dim), (x.shape[dim] - 1) // 2, dim)


def pull_shared(xp: Any, ct: Any, x: Any, out: Any, x_dtype: Any, x_shape: Any, dim: Any) -> Any:
    """Equal elements share the cotangent evenly."""
    return pull_dims(xp, ct, x, out, x_dtype, x_shape, dim, False)


def push_shared(xp: Any, t: Any, x: Any, out: Any, x_dtype: Any, x_shape: Any, dim: Any) -> Any:
    """The mean of the tangents of equal elements."""
    return push_dims(xp, t, x, out, x_dtype, x_shape, dim, False)


@general("median", samples=SHARED, reference=_lower_median)
class median:
    """The lower median, by default of all elements; equal ones share the gradient evenly."""

    def forward(xp, x, *, dim=None):
        return xp.median(x, axis=dim)

    vjp_x, jvp_x = pull_shared, push_shared


@general("nanmedian", samples=SHARED, reference=_lower_median)
class nanmedian:
    """The lower median of the elements that are not nan; equal ones share the gradient."""

    def forward(xp, x, *, dim=None):
        return xp.median(x, axis=dim, ignore_nan=True)

    vjp_x, jvp_x = pull_shared, push_shared


def _mode(x: Any, *, dim: int, keepdim: bool) -> Any:
    def one(row: Any) -> Any:
        values, counts = np.unique(row, return_counts=True)
        value = values[np.argmax(counts)]
        return np.array([value, np.flatnonzero(row == value)[-1]])

    found = np.apply_along_axis(one, dim, x)
    values, index = np.take(found, [0], dim), np.take(found, [1], dim).real.astype(int)
    return (values, index) if keepdim else (values.squeeze(dim), index.squeeze(dim))


@general(
    "mode",
    samples=cases(
        ((5,), {"dim": 0, "keepdim": False}),
        ((2, 4), {"dim": 1, "keepdim": True}),
    ),
    reference=_mode,
    **SELECTED,
)
class mode:
    """The most frequent element along one dimension (the smallest of them), and its last index."""

    def forward(xp, x, *, dim, keepdim=False):
        return choose(xp, x, xp.mode_index(x, axis=dim), dim, keepdim)

    vjp_x, jvp_x = pull_selected, push_selected
