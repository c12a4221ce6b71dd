"""Floor 0: normalisation by mean and variance, and its cotangents, with few passes over memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .dtypes import LOW_PRECISION, NP_FLOAT32
from .products import in_float32

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
    var = sum_products(out, out, axes)
    var /= count
    scale = _scale(var, eps)
    if w is None:
        out *= scale
    else:
        w = w.reshape(affine_shape)
        if _is_constant(w, axes, x.ndim):  # one factor for both
            out *= scale * w
        else:
            out *= scale
            out *= w
    if b is not None:
        out += b.reshape(affine_shape)
    if dtype in LOW_PRECISION:
        return out.astype(dtype), mean.astype(dtype), var.astype(dtype)
    return out, mean, var


def _scale(var: Array, eps: float) -> Array:
    """1 / sqrt(var + eps), of the dtype of var."""
    return 1 / np.sqrt(var + var.dtype.type(eps))


def _is_constant(w: Array, axes: Sequence[int], ndim: int) -> bool:
    """Whether `w`, broadcast against ndim axes, is the same along `axes`."""
    missing = ndim - w.ndim
    return all(i < missing or w.shape[i - missing] == 1 for i in axes)


def sum_products(x: Array, y: Array, axes: Sequence[int]) -> Array:
    """The sum of x y over axes, which stay with size 1; no array of products is made."""
    shape, summed = _merged(x.shape, axes)
    x2, y2 = x.reshape(shape), y.reshape(shape)
    every = list(range(x2.ndim))
    total = np.asarray(np.einsum(x2, every, y2, every, [i for i in every if i not in summed]))
    return total.reshape([1 if i in axes else n for i, n in enumerate(x.shape)])


def _merged(shape: Sequence[int], axes: Sequence[int]) -> tuple[list[int], list[int]]:
    """Sizes and summed axes after joining neighbours that are alike: long inner loops."""
    sizes: list[int] = []
    summed: list[int] = []
    previous: bool | None = None
    for i, n in enumerate(shape):
        alike = (i in axes) == previous
        if alike:
            sizes[-1] *= n
        else:
            sizes.append(n)
            previous = i in axes
            if previous:
                summed.append(len(sizes) - 1)
    return sizes, summed


@in_float32
def normalize_cotangent(
    ct: Array,
    x: Array,
    mean: Array,
    var: Array,
    w: Array | None,
    *,
    axes: Sequence[int],
    affine_shape: Sequence[int] | None,
    eps: float,
) -> Array:
    """The cotangent of x for that of the normalised and scaled values.

    With z the normalised x and g = w ct: (g - mean(g) - z mean(g z)) / sqrt(var + eps).
    """
    count = math.prod(x.shape[i] for i in axes)
    scale = _scale(var, eps)
    centered = x - mean
    factor = scale
    if w is not None:
        w = w.reshape(affine_shape)
        if _is_constant(w, axes, x.ndim):
            factor = scale * w
        else:
            ct = ct * w
    slope = sum_products(ct, centered, axes)
    slope *= factor * scale * scale / -count
    shift = np.add.reduce(ct, axis=tuple(axes), keepdims=True)
    shift *= factor / -count
    centered *= slope
    out = ct * factor
    out += centered
    out += shift
    return out


@in_float32
def normalize_weight_cotangent(
    ct: Array,
    x: Array,
    mean: Array,
    var: Array,
    *,
    affine_shape: Sequence[int],
    eps: float,
) -> Array:
    """The sum of ct (x - mean) / sqrt(var + eps) over what w is constant along, of size 1 there."""
    z = x - mean
    z *= _scale(var, eps)
    return sum_products(ct, z, shared_axes(x.shape, affine_shape))


def shared_axes(shape: Sequence[int], affine_shape: Sequence[int]) -> tuple[int, ...]:
    """The axes that a parameter of `affine_shape` is broadcast along."""
    missing = len(shape) - len(affine_shape)
    return tuple(i for i in range(len(shape)) if i < missing or affine_shape[i - missing] == 1)
