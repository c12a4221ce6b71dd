"""Floor 2: the p-norm of the elements of a tensor, and of a difference."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .extremes import is_extreme
from .operation import general
from .reduction import restore
from .samples import cases


def slope(xp: Any, x: Any, out: Any, ord: float, dim: Any, dtype: Any) -> Any:
    """Partial derivative of the norm `out` (broadcastable to `x`) for each element.

    0 where the norm is 0, and where an element is 0; a maximum's ties share evenly.
    """
    if ord == 0:
        return xp.zeros_like(x)
    if ord == 1:
        return xp.sgn(x)
    if abs(ord) == math.inf:
        mask = xp.astype(is_extreme(xp, xp.abs(x), out), dtype)
        return xp.sgn(x) * (mask / xp.sum(mask, axis=dim, keepdims=True))
    if ord < 1:
        size = xp.abs(x)
        size = xp.where(xp.equal(size, 0), math.inf, size)
        return xp.sgn(x) * xp.pow(size, ord - 1) * xp.pow(out, 1 - ord)
    out = xp.where(xp.equal(out, 0), math.inf, out)
    if ord == 2:
        return x / out
    if ord < 2:
        return xp.sgn(x) * xp.pow(xp.abs(x), ord - 1) / xp.pow(out, ord - 1)
    return x * xp.pow(xp.abs(x), ord - 2) / xp.pow(out, ord - 1)


def _reference(x: Any, *, ord: float, dim: Any, keepdim: bool) -> Any:
    size = np.abs(x)
    if ord == 0:
        return np.sum(size != 0, axis=dim, keepdims=keepdim).astype(x.dtype)
    if abs(ord) == math.inf:
        return (np.max if ord > 0 else np.min)(size, axis=dim, keepdims=keepdim)
    return np.sum(size**ord, axis=dim, keepdims=keepdim) ** (1 / ord)


@general(
    "linalg_vector_norm",
    samples=cases(
        ((), {"ord": 2.0, "dim": None, "keepdim": False}),
        ((2, 3), {"ord": 2.0, "dim": None, "keepdim": False}),
        ((2, 3), {"ord": 2.0, "dim": (0,), "keepdim": True}),
        ((2, 2, 3), {"ord": 1.0, "dim": (0, 2), "keepdim": False}),
        ((5,), {"ord": 3.0, "dim": None, "keepdim": True}),
        ((5,), {"ord": 1.5, "dim": None, "keepdim": False}),
        ((2, 3), {"ord": 0.5, "dim": (1,), "keepdim": False}),
        ((2, 3), {"ord": math.inf, "dim": (1,), "keepdim": False}),
        ((2, 3), {"ord": -math.inf, "dim": None, "keepdim": False}),
        ((2, 3), {"ord": 0.0, "dim": (1,), "keepdim": False}),
        ((0, 3), {"ord": 2.0, "dim": (1,), "keepdim": False}),
        low=-1.7,
        high=2.2,
    ),
    reference=_reference,
)
class linalg_vector_norm:
    """Norm: out = (sum |x|^ord)^(1/ord) over `dim`; the number of non-zeros for ord = 0.

    At 0 its derivative is taken as 0.
    """

    def forward(xp, x, *, ord=2.0, dim=None, keepdim=False):
        return xp.vector_norm(x, ord=ord, axis=dim, keepdims=keepdim)

    def vjp_x(xp, ct, x, out, x_shape, ord, dim, keepdim):
        out = restore(xp, out, dim, keepdim, x_shape)
        ct = restore(xp, ct, dim, keepdim, x_shape)
        return ct * slope(xp, x, out, ord, dim, ct.dtype)

    def jvp_x(xp, t, x, out, x_shape, ord, dim, keepdim):
        full = restore(xp, out, dim, keepdim, x_shape)
        partial = slope(xp, x, full, ord, dim, out.dtype)
        moved = xp.real(xp.multiply(xp.conj(partial), t))
        return xp.sum(moved, axis=dim, keepdims=keepdim)
