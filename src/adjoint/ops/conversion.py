"""Floor 2: conversion and copying: cast to another dtype, clone."""

from __future__ import annotations

import numpy as np

from .operation import linear
from .samples import cases, unary


@linear(
    "cast",
    node="ToCopyBackward0",
    keeps_dtype=False,
    samples=cases(((2, 3), {"dtype": np.dtype("float32")}), ((4,), {"dtype": np.dtype("int64")})),
)
class cast:
    """The same values in another dtype. The gradient is cast back."""

    def forward(xp, x, *, dtype):
        return xp.astype(x, dtype)

    def transpose_x(xp, ct):
        return ct  # the engine gives every cotangent its primal's dtype


@linear("clone", samples=unary())
class clone:
    """A copy in memory of its own; the gradient passes unchanged."""

    def forward(xp, x):
        return xp.asarray(x, copy=True)

    def transpose_x(xp, ct):
        return ct
