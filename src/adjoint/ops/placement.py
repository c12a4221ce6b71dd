"""Floor 2: putting an array into a larger one: the transposes of views, diagonals, triangles.

And the `*_scatter` family, which replaces a part of one array by another.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .operation import general, linear
from .samples import cases

_ALL = slice(None)


def _embedded(x: Any, shape: Any, key: Any) -> Any:
    out = np.zeros(shape, x.dtype)
    out[key] = x
    return out


@linear(
    "embed",
    node="SliceBackwardBackward0",
    samples=cases(
        ((4,), {"shape": (3, 4), "key": (1, ...)}),
        ((3, 2), {"shape": (3, 4), "key": (_ALL, slice(0, 4, 2))}),
        ((), {"shape": (2,), "key": (1, ...)}),
    ),
    reference=_embedded,
)
class embed:
    """Zeros of `shape` with x at the basic index `key`."""

    def forward(xp, x, *, shape, key):
        return xp.embed(x, shape, key)

    def transpose_x(xp, ct, key):
        return ct[key]


def _on_diagonal(x: Any, shape: Any, offset: int, dim1: int, dim2: int) -> Any:
    out = np.zeros(shape, x.dtype)
    places = np.diagonal(np.arange(out.size).reshape(shape), offset, dim1, dim2)
    out.reshape(-1)[places] = x
    return out


_DIAGONALS = (
    ((3,), {"shape": (3, 4), "offset": 1, "dim1": 0, "dim2": 1}),
    ((2,), {"shape": (4, 3), "offset": -2, "dim1": 0, "dim2": 1}),
    ((3, 2), {"shape": (2, 3, 4), "offset": 0, "dim1": 2, "dim2": 0}),
)


class Diagonal:
    """Zeros of `shape` with the last dimension of x on a diagonal of two dimensions."""

    def forward(xp, x, *, shape, offset, dim1, dim2):
        return xp.embed_diagonal(x, shape, offset, dim1, dim2)

    def transpose_x(xp, ct, offset, dim1, dim2):
        return xp.diagonal(ct, offset, dim1, dim2)


embed_diagonal, diag_embed = (
    linear(name, node=node, samples=cases(*_DIAGONALS[:n]), reference=_on_diagonal)(Diagonal)
    for name, node, n in (
        ("embed_diagonal", "DiagonalBackwardBackward0", 3),
        ("diag_embed", "DiagEmbedBackward0", 1),
    )
)


def _folded(x: Any, shape: Any, dim: int, size: int, step: int) -> Any:
    out = np.zeros(shape, x.dtype)
    for i in np.ndindex(*x.shape):
        place = list(i[:-1])
        place[dim] = place[dim] * step + i[-1]
        out[tuple(place)] += x[i]
    return out


@linear(
    "fold_windows",
    node="UnfoldBackwardBackward0",
    samples=cases(
        ((3, 3), {"shape": (5,), "dim": 0, "size": 3, "step": 1}),
        ((2, 2, 2), {"shape": (2, 7), "dim": 1, "size": 2, "step": 3}),
    ),
    reference=_folded,
)
class fold_windows:
    """Windows added where `unfold` took them."""

    def forward(xp, x, *, shape, dim, size, step):
        return xp.fold_windows(x, shape, dim, size, step)

    def transpose_x(xp, ct, dim, size, step):
        return xp.unfold(ct, dim, size, step)


def _restrided(x: Any, shape: Any, size: Any, stride: Any, offset: int) -> Any:
    out = np.zeros(np.prod(shape), x.dtype)
    for i in np.ndindex(*size):
        out[offset + sum(k * s for k, s in zip(i, stride))] += x[i]
    return out.reshape(shape)


@linear(
    "embed_strided",
    node="AsStridedBackwardBackward0",
    samples=cases(
        ((2, 3), {"shape": (3, 4), "size": (2, 3), "stride": (1, 2), "offset": 1}),
        ((4, 3), {"shape": (6,), "size": (4, 3), "stride": (1, 1), "offset": 0}),
    ),
    reference=_restrided,
)
class embed_strided:
    """Elements added where `as_strided` reads them."""

    def forward(xp, x, *, shape, size, stride, offset):
        return xp.embed_strided(x, shape, size, stride, offset)

    def transpose_x(xp, ct, size, stride, offset):
        return xp.as_strided(ct, size, stride, offset)


_TRIANGLES = cases(
    ((3, 4), {"diagonal": 0}), ((4, 3), {"diagonal": -1}), ((2, 3, 3), {"diagonal": 1})
)


@linear("tril", samples=_TRIANGLES, reference=lambda x, diagonal: np.tril(x, diagonal))
class tril:
    """The lower triangle of matrices: 0 above the diagonal with number `diagonal`."""

    def forward(xp, x, *, diagonal):
        return xp.tril(x, k=diagonal)

    def transpose_x(xp, ct, diagonal):
        return xp.tril(ct, k=diagonal)


@linear("triu", samples=_TRIANGLES, reference=lambda x, diagonal: np.triu(x, diagonal))
class triu:
    """The upper triangle of matrices: 0 below the diagonal with number `diagonal`."""

    def forward(xp, x, *, diagonal):
        return xp.triu(x, k=diagonal)

    def transpose_x(xp, ct, diagonal):
        return xp.triu(ct, k=diagonal)


@linear("trace", samples=cases(((3, 4),), ((2, 2),), ((0, 0),)), reference=np.trace)
class trace:
    """The sum of the diagonal of a matrix."""

    def forward(xp, x):
        return xp.sum(xp.diagonal(x, 0, 0, 1), axis=0)

    def transpose_x(xp, ct, x_shape):
        n = min(x_shape)
        return xp.embed_diagonal(xp.broadcast_to(ct, (n,)), x_shape, 0, 0, 1)


class Replaced:
    """x with the part at the basic index `key` replaced by y."""

    def forward(xp, x, y, *, key):
        return xp.replace(x, y, key)

    def vjp_x(xp, ct, key, y_shape, y_dtype):
        return xp.replace(ct, xp.zeros(y_shape, dtype=y_dtype), key)

    def vjp_y(xp, ct, key):
        return ct[key]

    def jvp_x(xp, t, key, y_shape, y_dtype):
        return xp.replace(t, xp.zeros(y_shape, dtype=y_dtype), key)

    def jvp_y(xp, t, key, x_shape):
        return xp.embed(t, x_shape, key)


def _replaced(x: Any, y: Any, key: Any) -> Any:
    out = x.copy()
    out[key] = y
    return out


select_scatter, slice_scatter = (
    general(
        name,
        samples=cases(
            ((3, 4), (4,), {"key": (1, ...)}),
            ((3, 4), (3, 2), {"key": (_ALL, slice(0, 4, 2), ...)}),
        ),
        reference=_replaced,
    )(Replaced)
    for name in ("select_scatter", "slice_scatter")
)


def _diagonal_replaced(x: Any, y: Any, offset: int, dim1: int, dim2: int) -> Any:
    places = np.diagonal(np.arange(x.size).reshape(x.shape), offset, dim1, dim2)
    out = x.copy()
    out.reshape(-1)[places] = y
    return out


@general(
    "diagonal_scatter",
    samples=cases(
        ((3, 4), (3,), {"offset": 1, "dim1": 0, "dim2": 1}),
        ((2, 3, 4), (3, 2), {"offset": 0, "dim1": 2, "dim2": 0}),
    ),
    reference=_diagonal_replaced,
)
class diagonal_scatter:
    """x with a diagonal of two dimensions replaced by y."""

    def forward(xp, x, y, *, offset, dim1, dim2):
        return xp.replace_diagonal(x, y, offset, dim1, dim2)

    def vjp_x(xp, ct, y_shape, y_dtype, offset, dim1, dim2):
        return xp.replace_diagonal(ct, xp.zeros(y_shape, dtype=y_dtype), offset, dim1, dim2)

    def vjp_y(xp, ct, offset, dim1, dim2):
        return xp.diagonal(ct, offset, dim1, dim2)

    def jvp_x(xp, t, y_shape, y_dtype, offset, dim1, dim2):
        return xp.replace_diagonal(t, xp.zeros(y_shape, dtype=y_dtype), offset, dim1, dim2)

    def jvp_y(xp, t, x_shape, offset, dim1, dim2):
        return xp.embed_diagonal(t, x_shape, offset, dim1, dim2)
