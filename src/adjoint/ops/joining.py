"""Floor 2: joining and rearranging with a copy: cat, stack, repeat, roll, flip, rot90."""

from __future__ import annotations

from typing import Any

import numpy as np

from .operation import linear
from .samples import cases
from .shape import _ALL, part_keys


@linear(
    "cat",
    samples=cases(((2, 3), (1, 3), {"dim": 0}), ((2, 1), (2, 0), (2, 2), {"dim": 1})),
    reference=lambda *xs, dim: np.concatenate(xs, dim),
)
class cat:
    """Arrays one after the other along `dim`."""

    def forward(xp, *xs, dim):
        return xp.concat(xs, axis=dim)

    def transpose_xs(xp, ct, xs_shape, dim):
        return [ct[key] for key in part_keys([shape[dim] for shape in xs_shape], dim)]


@linear(
    "stack",
    samples=cases(((2, 3), (2, 3), {"dim": 1}), ((), (), (), {"dim": 0})),
    reference=lambda *xs, dim: np.stack(xs, dim),
)
class stack:
    """Arrays of one shape along a new dimension `dim`."""

    def forward(xp, *xs, dim):
        return xp.stack(xs, axis=dim)

    def transpose_xs(xp, ct, xs_shape, dim):
        lead = (_ALL,) * dim
        return [ct[(*lead, i, ...)] for i in range(len(xs_shape))]


@linear(
    "block_diag",
    samples=cases(((2, 3), (1, 2)), ((1, 1), (0, 2), (2, 2))),
    reference=lambda *xs: _blocks(xs),
)
class block_diag:
    """Matrices on the diagonal of a matrix of zeros."""

    def forward(xp, *xs):
        rows = sum(x.shape[0] for x in xs)
        columns = sum(x.shape[1] for x in xs)
        parts, at = [], 0
        for x in xs:
            n, m = x.shape
            parts.append(xp.embed(x, (n, columns), (_ALL, slice(at, at + m))))
            at += m
        return xp.reshape(xp.concat(parts, axis=0), (rows, columns))

    def transpose_xs(xp, ct, xs_shape):
        found, row, column = [], 0, 0
        for n, m in xs_shape:
            found.append(ct[row : row + n, column : column + m])
            row, column = row + n, column + m
        return found


def _blocks(xs: Any) -> Any:
    import scipy.linalg

    out = np.zeros(np.sum([x.shape for x in xs], axis=0), xs[0].dtype)
    filled = scipy.linalg.block_diag(*[x for x in xs if x.size])
    rows = [i for x, r in zip(xs, _starts(xs, 0)) if x.size for i in range(r, r + len(x))]
    columns = [i for x, c in zip(xs, _starts(xs, 1)) if x.size for i in range(c, c + x.shape[1])]
    out[np.ix_(rows, columns)] = filled
    return out


def _starts(xs: Any, axis: int) -> Any:
    return np.cumsum([0, *[x.shape[axis] for x in xs]])


@linear(
    "repeat",
    samples=cases(
        ((2, 3), {"repeats": (2, 1, 2)}), ((3,), {"repeats": (0,)}), ((), {"repeats": (2, 2)})
    ),
    reference=lambda x, repeats: np.tile(x, repeats),
)
class repeat:
    """The whole array several times along each dimension, and along new leading ones."""

    def forward(xp, x, *, repeats):
        return xp.tile(x, repeats)

    def transpose_x(xp, ct, x_shape, repeats):
        shape = (1,) * (len(repeats) - len(x_shape)) + tuple(x_shape)
        apart = [n for pair in zip(repeats, shape) for n in pair]
        axes = tuple(range(0, len(apart), 2))
        return xp.reshape(xp.sum(xp.reshape(ct, apart), axis=axes), x_shape)


@linear(
    "roll",
    samples=cases(
        ((5,), {"shifts": (2,), "dims": (0,)}),
        ((2, 3), {"shifts": (1, -1), "dims": (0, 1)}),
        ((2, 3), {"shifts": (1, 1), "dims": (1, 1)}),
        ((2, 3), {"shifts": 2, "dims": None}),
    ),
    reference=lambda x, shifts, dims: np.roll(x, shifts, dims),
)
class roll:
    """Elements moved by `shifts` along `dims` (None: as one run), round the ends."""

    def forward(xp, x, *, shifts, dims):
        return xp.roll(x, shifts, axis=dims)

    def transpose_x(xp, ct, shifts, dims):
        back = -shifts if dims is None else tuple(-s for s in shifts)
        return xp.roll(ct, back, axis=dims)


@linear(
    "flip",
    samples=cases(((5,), {"dims": (0,)}), ((2, 3), {"dims": (0, 1)}), ((2, 3), {"dims": ()})),
    reference=lambda x, dims: np.flip(x, dims),
)
class flip:
    """Elements in reverse order along `dims`."""

    def forward(xp, x, *, dims):
        return xp.flip(x, axis=dims)

    def transpose_x(xp, ct, dims):
        return xp.flip(ct, axis=dims)


@linear(
    "rot90",
    samples=cases(
        *[((2, 3), {"k": k, "dims": (0, 1)}) for k in range(4)],
        ((2, 3, 4), {"k": 1, "dims": (2, 0)}),
    ),
    reference=lambda x, k, dims: np.rot90(x, k, dims),
)
class rot90:
    """A plane turned by k quarter turns, from the first of `dims` towards the second."""

    def forward(xp, x, *, k, dims):
        return xp.rot90(x, k, dims)

    def transpose_x(xp, ct, k, dims):
        return xp.rot90(ct, -k, dims)
