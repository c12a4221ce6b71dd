"""Floor 0: normalisation by mean and variance, with few passes over memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .dtypes import LOW_PRECISION, NP_FLOAT32

Array = Any


def normalize_moments(
    x: Array,
    w: Array | None,
    b: Array | None,
    *,
    axes: Sequence[int],
    affine_shape: Sequence[int] | None,
    eps: float,
) -> tuple[Array, Array, Array]:
    """((x - mean) / sqrt(var + eps) * w + b, mean, var): biased moments, axes kept as 1."""
    dtype = x.dtype
    if dtype in LOW_PRECISION:
        x = x.astype(NP_FLOAT32)
    axes = tuple(axes)
    count = math.prod(x.shape[i] for i in axes)
    mean = np.add.reduce(x, axis=axes, keepdims=True)
    mean /= count
    out = x - mean
    var = mean_square(out, axes, count)
    scale = 1 / np.sqrt(var + var.dtype.type(eps))
    if w is None:
        out *= scale
    elif math.prod(scale.shape) * w.size < out.size:  # per channel: one factor for both
        out = np.multiply(out, scale * w.reshape(affine_shape), out=out)
    else:
        out *= scale
        out *= w.reshape(affine_shape)
    if b is not None:
        out += b.reshape(affine_shape)
    if dtype in LOW_PRECISION:
        return out.astype(dtype), mean.astype(dtype), var.astype(dtype)
    return out, mean, var


def mean_square(x: Array, axes: tuple[int, ...], count: int) -> Array:
    """The mean of squares over axes, which stay with size 1; no array of squares is made."""
    kept = [i for i in range(x.ndim) if i not in axes]
    letters = list(range(x.ndim))
    total = np.einsum(x, letters, x, letters, kept)
    total = np.asarray(total) / x.dtype.type(count) if count else np.asarray(total) * np.nan
    return total.reshape([1 if i in axes else n for i, n in enumerate(x.shape)])
