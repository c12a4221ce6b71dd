"""Floor 2: conversion and copying: cast to another dtype, clone."""

from __future__ import annotations

import numpy as np

from .operation import linear
from .samples import cases


@linear(
    "cast",
    node="ToCopyBackward0",
    keeps_dtype=False,
    samples=cases(
        ((2, 3), {"dtype": np.dtype("float64")}),
        ((4,), {"dtype": np.dtype("complex128")}),
        ((), {"dtype": np.dtype("float64")}),
    ),
    reference=lambda x, *, dtype: (x if np.dtype(dtype).kind == "c" else x.real).astype(dtype),
)
class cast:
    """The same values in another dtype. The gradient is cast back."""

    def forward(xp, x, *, dtype):
        return xp.astype(x, dtype)

    def transpose_x(xp, ct):
        return ct  # the engine gives every cotangent its primal's dtype


@linear(
    "clone",
    samples=cases(((),), ((5,),), ((2, 3),), ((2, 3), {"order": (1, 0)}), ((0, 3),)),
    reference=lambda x, *, order=None: np.array(x),
)
class clone:
    """A copy in memory of its own; the gradient passes unchanged.

    `order`: how the dimensions lie in memory, outermost first (None: as they did).
    """

    def forward(xp, x, *, order=None):
        return xp.asarray(x, copy=True) if order is None else xp.copy_in_order(x, order)

    def transpose_x(xp, ct):
        return ct
