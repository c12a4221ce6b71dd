"""Floor 0: matrix products on NumPy arrays, through BLAS wherever it can serve.

NumPy computes 16-bit floats and batches times one matrix slowly; here the former go through
float32 and the latter become one product.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from .dtypes import LOW_PRECISION, NP_FLOAT32, NP_FLOAT64

Array = Any
F = TypeVar("F", bound=Callable[..., Any])


def in_float32(f: F) -> F:
    """For functions of arrays: those of the first's 16-bit dtype are computed in float32."""

    @wraps(f)
    def call(x: Array, *others: Any, **params: Any) -> Any:
        dtype = x.dtype
        if dtype not in LOW_PRECISION:
            return f(x, *others, **params)
        wide = [
            a.astype(NP_FLOAT32) if isinstance(a, np.ndarray) and a.dtype == dtype else a
            for a in (x, *others)
        ]
        return f(*wide, **params).astype(dtype)

    return call  # type: ignore[return-value]


REUSED = 1 << 25  # bytes; the allocator asks the system for every array that is larger


def matmul(x: Array, y: Array) -> Array:
    """The Array API's `matmul`: x (..., m, k) @ y (..., k, n), also of one axis."""
    dtype = x.dtype
    if x.ndim == 2 and y.ndim == 2 and (dtype is NP_FLOAT32 or dtype is NP_FLOAT64):
        return x.dot(y)  # the same BLAS call at half the overhead of np.matmul
    if dtype in LOW_PRECISION:
        wide = np.matmul(x.astype(NP_FLOAT32), y.astype(NP_FLOAT32))
        return wide.astype(dtype)
    if x.ndim > 2 and y.ndim > 2 and x.shape[-1] == 1 == y.shape[-2]:
        return _columns_times_rows(x, y)
    if 0 in x.strides[-2:]:  # older NumPy leaves BLAS aside for broadcast arrays
        x = np.ascontiguousarray(x)
    if 0 in y.strides[-2:]:
        y = np.ascontiguousarray(y)
    if x.ndim > 2 and y.ndim == 2 and x.flags.c_contiguous:
        return np.matmul(fold(x), y).reshape(x.shape[:-1] + y.shape[-1:])
    return np.matmul(x, y)


def _columns_times_rows(x: Array, y: Array) -> Array:
    """x (..., m, 1) @ y (..., 1, n): twice as fast as a BLAS call for each.

    einsum is twice as fast again up to the size above which memory is new, and not for complex.
    """
    if x.dtype.kind == "f" == y.dtype.kind and x.size * y.shape[-1] * x.itemsize < REUSED:
        found: Array = np.einsum("...ij,...jk->...ik", x, y)
        return found
    return x * y


def fold(x: Array) -> Array:
    """x (..., k) as one matrix (rows, k)."""
    rows = 1
    for n in x.shape[:-1]:
        rows *= n
    return x.reshape(rows, x.shape[-1])


def linear(x: Array, w: Array, b: Array) -> Array:
    """x (..., k) times the transpose of w (n, k), plus b (n,), all of one dtype."""
    out = matmul(x, w.T)
    out += b
    return out


def conj(x: Array) -> Array:
    """The complex conjugate; a real array itself, not a copy."""
    return np.conj(x) if x.dtype.kind == "c" else x


def cross(x: Array, y: Array, *, axis: int) -> Array:
    """The vector product along an axis of size 3, with broadcasting."""
    x, y = np.broadcast_arrays(x, y)
    x, y = np.moveaxis(x, axis, 0), np.moveaxis(y, axis, 0)
    out = np.empty_like(x, shape=x.shape)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        out[i] = x[j] * y[k] - x[k] * y[j]
    return np.moveaxis(out, 0, axis)
