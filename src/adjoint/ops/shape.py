"""Floor 2: operations whose result shares their input's memory: other shapes, parts, diagonals."""

from __future__ import annotations

from typing import Any

import numpy as np

from .operation import linear
from .samples import Sample, cases, spread


def sum_to(xp: Any, ct: Any, shape: Any) -> Any:
    """Undo a broadcast: sum over what it added and stretched."""
    extra = ct.ndim - len(shape)
    axes = [i for i, n in enumerate(ct.shape) if i < extra or (shape[i - extra] == 1 != n)]
    return xp.reshape(xp.sum(ct, axis=tuple(axes), keepdims=True), shape) if axes else ct


class Reshape:
    """The same elements in another shape."""

    def forward(xp, x, *, shape):
        return xp.reshape(x, shape)

    def transpose_x(xp, ct, x_shape):
        return xp.reshape(ct, x_shape)


_RESHAPES = cases(
    ((2, 3), {"shape": (6,)}),
    ((6,), {"shape": (3, 1, 2)}),
    ((), {"shape": (1, 1)}),
    ((0, 3), {"shape": (3, 0, 2)}),
)


def _reshaped(x, shape):
    return x.reshape(shape)


view = linear("view", node="ViewBackward0", view=True, samples=_RESHAPES, reference=_reshaped)(
    Reshape
)
# What `reshape` is when the layout makes a copy necessary.
unsafe_view = linear("unsafe_view", samples=_RESHAPES, reference=_reshaped)(Reshape)


@linear("contiguous", node="CloneBackward0", samples=cases(((2, 3),), ((),)), reference=np.array)
class contiguous:
    """A copy whose elements lie in order, last dimension first."""

    def forward(xp, x):
        return xp.contiguous(x)

    def transpose_x(xp, ct):
        return ct


class Transpose:
    """Two dimensions swapped."""

    def forward(xp, x, *, dim0, dim1):
        return xp.swapaxes(x, dim0, dim1)

    def transpose_x(xp, ct, dim0, dim1):
        return xp.swapaxes(ct, dim0, dim1)


def _swapped(x: Any, dim0: int, dim1: int) -> Any:
    return np.swapaxes(x, dim0, dim1)


transpose = linear(
    "transpose",
    view=True,
    samples=cases(((2, 3), {"dim0": 0, "dim1": 1}), ((2, 3, 4), {"dim0": 2, "dim1": 0})),
    reference=_swapped,
)(Transpose)
t = linear("t", view=True, samples=cases(((2, 3), {"dim0": 0, "dim1": 1})), reference=_swapped)(
    Transpose
)


def inverse(dims: Any) -> tuple[int, ...]:
    """The order of dimensions that undoes `dims`."""
    return tuple(sorted(range(len(dims)), key=dims.__getitem__))


@linear(
    "permute",
    view=True,
    samples=cases(((2, 3, 4), {"dims": (2, 0, 1)}), ((2, 3), {"dims": (1, 0)}), ((), {"dims": ()})),
    reference=lambda x, dims: np.transpose(x, dims),
)
class permute:
    """Dimensions in the order `dims`."""

    def forward(xp, x, *, dims):
        return xp.permute_dims(x, dims)

    def transpose_x(xp, ct, dims):
        return xp.permute_dims(ct, inverse(dims))


class Squeeze:
    """Without the dimensions `dims`, all of size 1."""

    def forward(xp, x, *, dims):
        return xp.squeeze(x, axis=dims)

    def transpose_x(xp, ct, x_shape):
        return xp.reshape(ct, x_shape)


# torch tells apart `squeeze()`, `squeeze(dim)` and `squeeze(dims)` in the names of their nodes.
_SQUEEZES = cases(((1, 3, 1), {"dims": (0, 2)}), ((1, 3), {"dims": (0,)}), ((3,), {"dims": ()}))
squeeze_all, squeeze_dim, squeeze_dims = (
    linear(
        f"squeeze_{form}",
        node=f"SqueezeBackward{i}",
        view=True,
        samples=_SQUEEZES,
        reference=lambda x, dims: np.squeeze(x, dims),
    )(Squeeze)
    for i, form in enumerate(("all", "dim", "dims"))
)


@linear(
    "expand",
    view=True,
    samples=cases(
        ((1, 3), {"shape": (4, 2, 3)}), ((), {"shape": (2, 2)}), ((3,), {"shape": (0, 3)})
    ),
    reference=np.broadcast_to,
)
class expand:
    """Repeated along new dimensions and those of size 1, without a copy."""

    def forward(xp, x, *, shape):
        return xp.broadcast_to(x, shape)

    def transpose_x(xp, ct, x_shape):
        return sum_to(xp, ct, x_shape)


class Subscript:
    """The part of x at `key`: ints, slices with a positive step, and an ellipsis."""

    def forward(xp, x, *, key):
        return x[key]

    def transpose_x(xp, ct, x_shape, key):
        return xp.embed(ct, x_shape, key)


class Regrouped:
    """x with dimensions of size 1 added where `key` has None."""

    def forward(xp, x, *, key):
        return x[key]

    def transpose_x(xp, ct, x_shape):
        return xp.reshape(ct, x_shape)


_ALL = slice(None)
_PARTS = cases(
    ((3, 4), {"key": (1, ...)}),
    ((3, 4), {"key": (_ALL, slice(0, 4, 2))}),
    ((3, 4, 2), {"key": (2, ..., slice(0, 1))}),
    ((3,), {"key": (2, ...)}),
    ((3,), {"key": (slice(1, 1), ...)}),
)
_ADDED = cases(((3, 4), {"key": (_ALL, None)}), ((), {"key": (None,)}), ((2,), {"key": (...,)}))


def _subscript(x: Any, key: Any) -> Any:
    return x[key]


# One rule each for what torch calls by the last thing done to the tensor.
select, slice_ = (
    linear(
        name, node=f"{name.capitalize()}Backward0", view=True, samples=_PARTS, reference=_subscript
    )(Subscript)
    for name in ("select", "slice")
)
unsqueeze, alias = (
    linear(name, view=True, samples=_ADDED, reference=_subscript)(Regrouped)
    for name in ("unsqueeze", "alias")
)


@linear("narrow_copy", samples=_PARTS, reference=_subscript)
class narrow_copy:
    """The part of x at `key`, in memory of its own."""

    def forward(xp, x, *, key):
        return xp.asarray(x[key], copy=True)

    def transpose_x(xp, ct, x_shape, key):
        return xp.embed(ct, x_shape, key)


_DIAGONALS = (
    ((3, 4), {"offset": 1, "dim1": 0, "dim2": 1}),
    ((4, 3), {"offset": -2, "dim1": 0, "dim2": 1}),
    ((2, 3, 4), {"offset": 0, "dim1": 2, "dim2": 0}),
    ((3, 3), {"offset": 5, "dim1": 0, "dim2": 1}),
)


@linear(
    "diagonal",
    view=True,
    samples=cases(*_DIAGONALS),
    reference=lambda x, offset, dim1, dim2: np.diagonal(x, offset, dim1, dim2),
)
class diagonal:
    """Elements (i, i + offset) of two dimensions, along a new last one."""

    def forward(xp, x, *, offset, dim1, dim2):
        return xp.diagonal(x, offset, dim1, dim2)

    def transpose_x(xp, ct, x_shape, offset, dim1, dim2):
        return xp.embed_diagonal(ct, x_shape, offset, dim1, dim2)


def _windows(x: Any, dim: int, size: int, step: int) -> Any:
    found = np.lib.stride_tricks.sliding_window_view(x, size, dim)
    return found[(_ALL,) * dim + (slice(None, None, step),)]


@linear(
    "unfold",
    view=True,
    samples=cases(
        ((5,), {"dim": 0, "size": 3, "step": 1}), ((2, 7), {"dim": 1, "size": 2, "step": 3})
    ),
    reference=_windows,
)
class unfold:
    """Windows of `size` elements every `step` along `dim`, in a new last dimension."""

    def forward(xp, x, *, dim, size, step):
        return xp.unfold(x, dim, size, step)

    def transpose_x(xp, ct, x_shape, dim, size, step):
        return xp.fold_windows(ct, x_shape, dim, size, step)


def _strided(x: Any, size: Any, stride: Any, offset: int) -> Any:
    places = offset + sum(np.ix_(*[np.arange(n) * s for n, s in zip(size, stride)]))
    return x.reshape(-1)[places]


@linear(
    "as_strided",
    view=True,
    samples=cases(
        ((3, 4), {"size": (2, 3), "stride": (1, 2), "offset": 1}),
        ((6,), {"size": (4, 3), "stride": (1, 1), "offset": 0}),
    ),
    reference=_strided,
)
class as_strided:
    """The elements of x as one run, read with strides and an offset counted in elements."""

    def forward(xp, x, *, size, stride, offset):
        return xp.as_strided(x, size, stride, offset)

    def transpose_x(xp, ct, x_shape, size, stride, offset):
        return xp.embed_strided(ct, x_shape, size, stride, offset)


class Parts:
    """x cut along `dim` into parts of `sizes`."""

    def forward(xp, x, *, sizes, dim):
        keys = part_keys(sizes, dim)
        return [x[key] for key in keys]

    def transpose_x(xp, ct, x_shape, x_dtype, sizes, dim):
        lead, rest = x_shape[:dim], x_shape[dim + 1 :]
        parts = [
            ct[i] if i in ct else xp.zeros((*lead, n, *rest), dtype=x_dtype)
            for i, n in enumerate(sizes)
        ]
        return xp.concat(parts, axis=dim) if parts else xp.zeros(x_shape, dtype=x_dtype)


def part_keys(sizes: Any, dim: int) -> list[Any]:
    """The subscripts of consecutive parts along `dim`."""
    keys, start = [], 0
    for n in sizes:
        keys.append((_ALL,) * dim + (slice(start, start + n),))
        start += n
    return keys


def _cut(x: Any, sizes: Any, dim: int) -> Any:
    return np.split(x, np.cumsum(sizes)[:-1], dim)


_CUTS = cases(((5, 2), {"sizes": (2, 3), "dim": 0}), ((2, 4), {"sizes": (1, 3, 0), "dim": 1}))
split, split_with_sizes = (
    linear(
        name, node=node, view=True, several=True, outputs=("outs",), samples=_CUTS, reference=_cut
    )(Parts)
    for name, node in (
        ("split", "SplitBackward0"),
        ("split_with_sizes", "SplitWithSizesBackward0"),
    )
)


# Memory is shared, and autograd is not told: torch lets these be written in place.
unsafe_split, unsafe_split_with_sizes = (
    linear(name, node=node, several=True, outputs=("outs",), samples=_CUTS, reference=_cut)(Parts)
    for name, node in (
        ("unsafe_split", "UnsafeSplitBackward0"),
        ("unsafe_split_with_sizes", "UnsafeSplitWithSizesBackward0"),
    )
)


def _rows() -> Any:
    for shape, dim in (((2, 3), 0), ((2, 3), 1), ((3,), 0)):
        yield Sample((spread(shape, -2, 2),), {"dim": dim})


@linear(
    "unbind",
    view=True,
    several=True,
    outputs=("outs",),
    samples=_rows,
    reference=lambda x, dim: list(np.moveaxis(x, dim, 0)),
)
class unbind:
    """The slices of x along `dim`, each without that dimension."""

    def forward(xp, x, *, dim):
        lead = (_ALL,) * dim
        return [x[(*lead, i, ...)] for i in range(x.shape[dim])]

    def transpose_x(xp, ct, x_shape, x_dtype, dim):
        shape = x_shape[:dim] + x_shape[dim + 1 :]
        return xp.stack(
            [ct[i] if i in ct else xp.zeros(shape, dtype=x_dtype) for i in range(x_shape[dim])],
            axis=dim,
        )
