"""Floor 2: reading and writing at places given by integer tensors, and at the places of masks."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .operation import general, linear
from .samples import Sample, spread


def _values(*shape: int, key: Any = 0) -> Any:
    return spread(shape, -2, 2, key)


def _index_samples() -> Any:
    i, j = np.array([2, 0, 2]), np.array([1, -1, 1])
    yield Sample((_values(3, 4), i), {"axes": (0,)})
    yield Sample((_values(3, 4), i, j), {"axes": (0, 1)})
    yield Sample((_values(2, 4, 3), i[:, None] - 1, np.array([0, 2])), {"axes": (1, 2)})
    yield Sample((_values(3, 2, 4), i, j), {"axes": (0, 2)})
    yield Sample((_values(2, 3), np.zeros((0,), int)), {"axes": (1,)})


def _subscript(axes: Any, indices: Any) -> Any:
    key: list[Any] = [slice(None)] * (axes[-1] + 1)
    for axis, index in zip(axes, indices):
        key[axis] = index
    return tuple(key)


class Index:
    """x[..., i, ..., j, ...]: integer arrays, broadcast together, at ascending `axes`."""

    def forward(xp, x, *indices, axes):
        return xp.index(x, indices, axes)

    def transpose_x(xp, ct, x_shape, indices, axes):
        return xp.unindex(ct, x_shape, indices, axes)


# One rule each for what torch calls by the function that asked for it.
index, masked_select = (
    linear(
        name,
        samples=_index_samples,
        reference=lambda x, *indices, axes: x[_subscript(axes, indices)],
    )(Index)
    for name in ("index", "masked_select")
)


@linear(
    "index_select",
    samples=lambda: [
        Sample((_values(3, 4), np.array([2, 0, 2])), {"dim": 0}),
        Sample((_values(2, 3, 2), np.array([1])), {"dim": 1}),
        Sample((_values(2, 3), np.zeros((0,), int)), {"dim": 1}),
    ],
    reference=lambda x, index, dim: np.take(x, index, dim),
)
class index_select:
    """The slices of x at `index` (one dimension) along `dim`."""

    def forward(xp, x, index, *, dim):
        return xp.index(x, (index,), (dim,))

    def transpose_x(xp, ct, x_shape, index, dim):
        return xp.unindex(ct, x_shape, (index,), (dim,))


@linear(
    "take",
    samples=lambda: [
        Sample((_values(3, 4), np.array([[11, 0], [-1, 0]]))),
        Sample((_values(3), np.array(1))),
    ],
    reference=lambda x, index: x.reshape(-1)[index],
)
class take:
    """The elements of x, taken as one run, at `index`; in the shape of `index`."""

    def forward(xp, x, index):
        return xp.index(xp.reshape(x, (-1,)), (index,), (0,))

    def transpose_x(xp, ct, x_shape, index):
        return xp.reshape(xp.unindex(ct, (prod(x_shape),), (index,), (0,)), x_shape)


def _unindex_reference(x: Any, *indices: Any, shape: Any, axes: Any) -> Any:
    out = np.zeros(shape, x.dtype)
    np.add.at(out, _subscript(axes, indices), x)
    return out


def _unindex_samples() -> Any:
    i, j = np.array([2, 0, 2]), np.array([1, -1, 1])
    yield Sample((_values(3, 4), i), {"shape": (3, 4), "axes": (0,)})
    yield Sample((_values(3), i, j), {"shape": (3, 4), "axes": (0, 1)})
    yield Sample((_values(3, 2), i, j), {"shape": (3, 2, 4), "axes": (0, 2)})
    yield Sample((_values(2, 0), np.zeros((0,), int)), {"shape": (2, 3), "axes": (1,)})


@linear(
    "unindex",
    node="IndexPutBackward0",
    samples=_unindex_samples,
    reference=_unindex_reference,
)
class unindex:
    """Zeros of `shape` with x added where `index` reads it: the transpose of `index`."""

    def forward(xp, x, *indices, shape, axes):
        return xp.unindex(x, shape, indices, axes)

    def transpose_x(xp, ct, indices, axes):
        return xp.index(ct, indices, axes)


def _put_reference(x: Any, values: Any, *indices: Any, axes: Any, accumulate: bool) -> Any:
    out = x.copy()
    key = _subscript(axes, indices)
    if accumulate:
        np.add.at(out, key, values)
    else:
        out[key] = values
    return out


def _put_samples() -> Any:
    i, j = np.array([2, 0]), np.array([1, -1])
    for accumulate in (False, True):
        yield Sample((_values(3, 4), _values(2, 4), i), {"axes": (0,), "accumulate": accumulate})
        yield Sample((_values(3, 4), _values(), i, j), {"axes": (0, 1), "accumulate": accumulate})
    repeated = np.array([1, 1, 0])
    yield Sample((_values(3, 2), _values(3, 2), repeated), {"axes": (0,), "accumulate": True})
    yield Sample((_values(2, 3), _values(3), repeated), {"axes": (1,), "accumulate": True})


@general("index_put", samples=_put_samples, reference=_put_reference)
class index_put:
    """A copy of x with `values` written at x[..., i, ..., j, ...] (or added, `accumulate`)."""

    def forward(xp, x, values, *indices, axes, accumulate):
        return xp.index_put(x, indices, values, axes, accumulate)

    def vjp_x(xp, ct, x_dtype, indices, axes, accumulate):
        if accumulate:
            return ct
        return xp.index_put(ct, indices, xp.zeros((), dtype=x_dtype), axes, False)

    def vjp_values(xp, ct, indices, axes):
        return xp.index(ct, indices, axes)  # the engine undoes broadcasting

    def jvp_x(xp, t, x_dtype, indices, axes, accumulate):
        if accumulate:
            return t
        return xp.index_put(t, indices, xp.zeros((), dtype=x_dtype), axes, False)

    def jvp_values(xp, t, x_shape, x_dtype, indices, axes):
        zeros = xp.zeros(x_shape, dtype=x_dtype)
        return xp.index_put(zeros, indices, t, axes, True)


class Written:
    """x with the slices at `index` along `dim` replaced by `values`."""

    def forward(xp, x, values, index, *, dim):
        return xp.index_put(x, (index,), values, (dim,), False)

    def vjp_x(xp, ct, x_dtype, index, dim):
        return xp.index_put(ct, (index,), xp.zeros((), dtype=x_dtype), (dim,), False)

    def vjp_values(xp, ct, index, dim):
        return xp.index(ct, (index,), (dim,))  # the engine undoes broadcasting

    def jvp_x(xp, t, x_dtype, index, dim):
        return xp.index_put(t, (index,), xp.zeros((), dtype=x_dtype), (dim,), False)

    def jvp_values(xp, t, x_shape, x_dtype, index, dim):
        return xp.index_put(xp.zeros(x_shape, dtype=x_dtype), (index,), t, (dim,), True)


class Added:
    """x with `values` added to the slices at `index` along `dim`."""

    def forward(xp, x, values, index, *, dim):
        return xp.index_put(x, (index,), values, (dim,), True)

    def vjp_x(xp, ct):
        return ct

    def vjp_values(xp, ct, index, dim):
        return xp.index(ct, (index,), (dim,))

    def jvp_x(xp, t):
        return t

    def jvp_values(xp, t, x_shape, x_dtype, index, dim):
        return xp.index_put(xp.zeros(x_shape, dtype=x_dtype), (index,), t, (dim,), True)


def _along(accumulate: bool) -> Any:
    def reference(x: Any, values: Any, index: Any, dim: int) -> Any:
        key = (slice(None),) * dim + (index,)
        out = x.copy()
        if accumulate:
            np.add.at(out, key, values)
        else:
            out[key] = values
        return out

    return reference


def _row_samples() -> list[Sample]:
    return [Sample((_values(3, 4), _values(2, 4), np.array([2, 0])), {"dim": 0})]


def _added_samples() -> list[Sample]:
    return [
        *_row_samples(),
        Sample((_values(2, 3), _values(2, 2), np.array([1, 1])), {"dim": 1}),
    ]


def _filled_samples() -> list[Sample]:
    return [Sample((_values(3, 4), _values(), np.array([2, 0])), {"dim": 1})]


index_copy = general("index_copy", samples=_row_samples, reference=_along(False))(Written)
index_fill, index_fill_tensor = (
    general(name, node=node, samples=_filled_samples, reference=_along(False))(Written)
    for name, node in (
        ("index_fill", "IndexFillBackward0"),
        ("index_fill_tensor", "IndexFillBackward1"),
    )
)
index_add = general("index_add", samples=_added_samples, reference=_along(True))(Added)


def _flat_put(x: Any, values: Any, index: Any, accumulate: bool) -> Any:
    out = x.reshape(-1).copy()
    if accumulate:
        np.add.at(out, index, values)
    else:
        out[index] = values
    return out.reshape(x.shape)


@general(
    "put",
    samples=lambda: [
        Sample((_values(2, 3), _values(2), np.array([5, 1])), {"accumulate": False}),
        Sample((_values(2, 3), _values(3), np.array([1, 1, -1])), {"accumulate": True}),
    ],
    reference=_flat_put,
)
class put:
    """x, taken as one run, with `values` written at `index` (or added, `accumulate`)."""

    def forward(xp, x, values, index, *, accumulate):
        flat = xp.index_put(xp.reshape(x, (-1,)), (index,), values, (0,), accumulate)
        return xp.reshape(flat, x.shape)

    def vjp_x(xp, ct, x_shape, x_dtype, index, accumulate):
        if accumulate:
            return ct
        flat = xp.reshape(ct, (-1,))
        zero = xp.zeros((), dtype=x_dtype)
        return xp.reshape(xp.index_put(flat, (index,), zero, (0,), False), x_shape)

    def vjp_values(xp, ct, index):
        return xp.index(xp.reshape(ct, (-1,)), (index,), (0,))

    def jvp_x(xp, t, x_shape, x_dtype, index, accumulate):
        if accumulate:
            return t
        flat = xp.reshape(t, (-1,))
        zero = xp.zeros((), dtype=x_dtype)
        return xp.reshape(xp.index_put(flat, (index,), zero, (0,), False), x_shape)

    def jvp_values(xp, t, x_shape, x_dtype, index):
        zeros = xp.zeros((prod(x_shape),), dtype=x_dtype)
        return xp.reshape(xp.index_put(zeros, (index,), t, (0,), True), x_shape)
