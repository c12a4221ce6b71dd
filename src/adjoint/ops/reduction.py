"""Floor 2: sums and means: sum, mean, nansum, prod, var, std, logsumexp.

`dim` is None (all) or a tuple of non-negative ints; `prod` over one dimension takes an int.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.reductions import reduced_size
from .operation import general, linear
from .samples import Sample, cases, spread, unary


def kept_shape(shape: Any, dim: Any) -> tuple[int, ...]:
    """`shape` with size 1 in the reduced dimensions."""
    if dim is None:
        return (1,) * len(shape)
    dims = (dim,) if isinstance(dim, int) else dim
    return tuple([1 if i in dims else n for i, n in enumerate(shape)])


def restore(xp: Any, reduced: Any, dim: Any, keepdim: bool, shape: Any) -> Any:
    """A reduced array with its lost dimensions back, so that it broadcasts to `shape`."""
    return reduced if keepdim or dim is None else xp.reshape(reduced, kept_shape(shape, dim))


def inner(xp: Any, a: Any, b: Any, dim: Any, keepdim: bool) -> Any:
    """sum(a * b) over `dim`."""
    return xp.sum(xp.multiply(a, b), axis=dim, keepdims=keepdim)


@linear("sum", samples=unary(), reference=np.sum)
class sum_:
    """Sum of all elements."""

    def forward(xp, x):
        return xp.sum(x)

    def transpose_x(xp, ct, x_shape):
        return xp.spread(ct, x_shape)


REDUCED = cases(
    ((2, 3), {"dim": (0,), "keepdim": False}),
    ((2, 3), {"dim": (1,), "keepdim": True}),
    ((2, 1, 3), {"dim": (0, 2), "keepdim": False}),
    ((2, 1, 3), {"dim": None, "keepdim": True}),
    ((0, 3), {"dim": (1,), "keepdim": False}),
    ((), {"dim": (), "keepdim": False}),
)


@linear(
    "sum_dim",
    node="SumBackward1",
    samples=REDUCED,
    reference=lambda x, *, dim, keepdim: np.sum(x, axis=dim, keepdims=keepdim),
)
class sum_dim:
    """Sum over some dimensions."""

    def forward(xp, x, *, dim, keepdim=False):
        return xp.sum(x, axis=dim, keepdims=keepdim)

    def transpose_x(xp, ct, x_shape, dim, keepdim):
        return xp.spread(restore(xp, ct, dim, keepdim, x_shape), x_shape)


@linear("mean", samples=cases(((),), ((5,),), ((2, 3),)), reference=np.mean)
class mean:
    """Arithmetic mean of all elements."""

    def forward(xp, x):
        return xp.mean(x)

    def transpose_x(xp, ct, x_shape):
        return xp.spread(ct / max(reduced_size(x_shape, None), 1), x_shape)


@linear(
    "mean_dim",
    node="MeanBackward1",
    samples=REDUCED,
    reference=lambda x, *, dim, keepdim: np.mean(x, axis=dim, keepdims=keepdim),
)
class mean_dim:
    """Arithmetic mean over some dimensions."""

    def forward(xp, x, *, dim, keepdim=False):
        return xp.mean(x, axis=dim, keepdims=keepdim)

    def transpose_x(xp, ct, x_shape, dim, keepdim):
        share = restore(xp, ct, dim, keepdim, x_shape) / max(reduced_size(x_shape, dim), 1)
        return xp.spread(share, x_shape)
