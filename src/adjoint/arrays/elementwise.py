"""Floor 0: elementwise array functions that NumPy lacks, or that torch defines otherwise.

Part of the CPU namespace (`arrays.cpu` imports them); they take and return arrays.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from . import checks
from .strides import strided

# Integers of the same width, for `keep` and `where`.
_INTEGERS = {
    np.dtype(f): np.dtype(i)
    for f, i in (
        (np.float16, np.int16),
        (ml_dtypes.bfloat16, np.int16),
        (np.float32, np.int32),
        (np.float64, np.int64),
        (np.complex64, np.int64),
        (np.int32, np.int32),
        (np.int64, np.int64),
    )
}
_WHOLE = "biu"  # kinds of dtype that NumPy 2.0 rounds to floating numbers, and later ones keep
_LARGE = 8192  # from where selecting by bits is faster


def keep(x: Any, mask: Any) -> Any:
    """x where the mask is true, else +0, whatever x is: inf and nan do not get through.

    The bits are multiplied by 0 or 1 as integers, which is 7 times faster than `np.where` (whose
    loop branches at every element) and as fast as multiplying by the mask.
    """
    integer = _INTEGERS.get(x.dtype)
    if integer is None or x.shape != mask.shape or not x.shape:
        return np.where(mask, x, np.zeros((), x.dtype))
    kept = mask.astype(integer)
    return np.multiply(kept, x.view(integer), kept).view(x.dtype)


def linked(value: Any, x: Any) -> Any:
    """`value`: on arrays there is no graph to link it to; see the operation of this name."""
    return value


def where(condition: Any, x: Any, y: Any) -> Any:
    """x where the condition is true, else y; large ones by bits, as in `keep`."""
    if getattr(condition, "size", 0) < _LARGE:
        return np.where(condition, x, y)
    dtype: Any = getattr(x, "dtype", None) or getattr(y, "dtype", None)
    integer = _INTEGERS.get(dtype)
    if integer is None or condition.dtype != np.bool_:
        return np.where(condition, x, y)
    pair = [_same(v, dtype, condition.shape) for v in (x, y)]
    if pair[0] is None or pair[1] is None:
        return np.where(condition, x, y)
    a, b = pair[0].view(integer), pair[1].view(integer)
    out = condition.astype(integer)
    np.multiply(out, np.subtract(a, b), out)
    return np.add(out, b, out).view(dtype)


def _same(value: Any, dtype: Any, shape: tuple[int, ...]) -> Any:
    """A number, 0-d array or array of this dtype and shape as an array; None for any other."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value if value.dtype == dtype and value.shape in (shape, ()) else None
    return np.asarray(value, dtype) if dtype.kind in "fcV" or isinstance(value, int) else None


def sign(x: Any) -> Any:
    """-1, 0 or 1; 0 for nan, as torch has it."""
    kind = x.dtype.kind
    if kind == "b":
        return x
    if kind in "iu":
        return np.sign(x)
    return np.greater(x, 0).astype(x.dtype) - np.less(x, 0)


def sgn(x: Any) -> Any:
    """x / |x|, and 0 at 0; the sign of real numbers."""
    if x.dtype.kind != "c":
        return sign(x)
    size = np.abs(x)
    return np.where(size == 0, np.zeros((), x.dtype), x / np.where(size == 0, 1, size))


def rsqrt(x: Any) -> Any:
    """1 / sqrt(x)."""
    return 1 / np.sqrt(x)


def log10(x: Any) -> Any:
    """Logarithm to base 10; single precision goes through double: powers of 10 come out whole."""
    if x.dtype == np.float32:
        return np.log10(x.astype(np.float64)).astype(np.float32)
    return np.log10(x)


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)) in one buffer; exp overflows to inf far on the left, where this is 0."""
    if x.dtype.itemsize == 2:  # rounded once, as torch rounds half precision
        return sigmoid(x.astype(np.float32)).astype(x.dtype)
    out = np.negative(x, np.empty_like(x))
    np.exp(out, out)
    out += 1
    return np.divide(1, out, out)


def sinc(x: Any) -> Any:
    """sin(pi x) / (pi x), and 1 at 0."""
    at_zero = np.equal(x, 0)
    y = np.pi * np.where(at_zero, 1, x)
    return np.where(at_zero, np.ones((), x.dtype), np.sin(y) / y)


def xlogy(x: Any, y: Any) -> Any:
    """x log(y), and 0 where x = 0 (unless y is nan)."""
    zero = np.equal(x, 0) & ~np.isnan(y)
    return np.where(zero, np.zeros((), y.dtype), x * np.log(np.where(zero, 1, y)))


def xlog1py(x: Any, y: Any) -> Any:
    """x log(1 + y), and 0 where x = 0 (unless y is nan)."""
    zero = np.equal(x, 0) & ~np.isnan(y)
    return np.where(zero, np.zeros((), y.dtype), x * np.log1p(np.where(zero, 0, y)))


def pow(x: Any, y: Any) -> Any:
    """x ** y; a negative integer power of an integer is 0 unless x is 1 or -1."""
    if x.dtype.kind not in "iu" or not isinstance(y, (np.ndarray, np.generic)):
        return np.power(x, y)
    negative = np.less(y, 0)
    if not checks.is_any(negative):
        return np.power(x, y)
    unit = np.where(np.equal(x, 1), 1, np.where(np.equal(x, -1), 1 - 2 * np.remainder(y, 2), 0))
    return np.where(negative, unit, np.power(x, np.where(negative, 0, y))).astype(x.dtype)


def nan_to_num(x: Any, *, nan: float, posinf: float | None, neginf: float | None) -> Any:
    """Replace nan and the infinities; None: by the largest and smallest numbers of the dtype."""
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


def complex(real: Any, imag: Any) -> Any:
    """real + i imag, without arithmetic on the parts."""
    kind = np.complex64 if real.dtype.itemsize <= 4 else np.complex128
    out = np.empty(np.broadcast_shapes(real.shape, imag.shape), kind)
    out.real, out.imag = real, imag
    return out


def view_as_real(x: Any) -> Any:
    """The memory of complex x as reals, real and imaginary part along a new last axis."""
    x = np.asarray(x)
    part = x.real
    if x.flags.c_contiguous:  # strided() would see only the real part of a single element
        return np.ndarray((*x.shape, 2), part.dtype, x)
    return strided(part, (*x.shape, 2), (*x.strides, part.dtype.itemsize))


def view_as_complex(x: Any) -> Any:
    """Pairs along the last axis as complex numbers, sharing memory when the pairs are adjacent."""
    if x.strides[-1] != x.dtype.itemsize:
        return complex(x[..., 0], x[..., 1])
    return x.view(np.complex64 if x.dtype.itemsize == 4 else np.complex128)[..., 0]


def angle(x: Any) -> Any:
    """The argument of complex x; 0 or pi for real x, nan for nan."""
    if x.dtype.kind == "c":
        return np.arctan2(x.imag, x.real)
    turned = np.where(np.less(x, 0), np.asarray(np.pi, x.dtype), np.zeros((), x.dtype))
    return np.where(np.isnan(x), x, turned)


def softplus(x: Any) -> Any:
    """log(1 + e^x) without overflow, exact on both sides."""
    out = np.abs(x, np.empty_like(x))
    np.negative(out, out)
    np.exp(out, out)
    np.log1p(out, out)
    out += np.maximum(x, 0)
    return out


def logaddexp(x: Any, y: Any) -> Any:
    """log(e^x + e^y); for complex numbers the larger real part is taken out first."""
    if x.dtype.kind != "c" and y.dtype.kind != "c":
        return np.logaddexp(x, y)
    larger = np.where(np.less(x.real, y.real), y, x)
    return larger + np.log(np.exp(x - larger) + np.exp(y - larger))


def round(x: Any) -> Any:
    """The nearest integer, halves to even; integers as they are."""
    return np.rint(x) if x.dtype.kind not in "iu" else x.copy()


def floor(x: Any) -> Any:
    """The largest integer that is not above x; integers as they are."""
    return np.floor(x) if x.dtype.kind not in _WHOLE else x.copy()


def ceil(x: Any) -> Any:
    """The smallest integer that is not below x; integers as they are."""
    return np.ceil(x) if x.dtype.kind not in _WHOLE else x.copy()


def trunc(x: Any) -> Any:
    """x without its fraction; integers as they are."""
    return np.trunc(x) if x.dtype.kind not in _WHOLE else x.copy()


def trunc_divide(x: Any, y: Any) -> Any:
    """trunc(x / y); whole numbers divide without rounding errors."""
    if x.dtype.kind in "iu":
        return np.floor_divide(x - np.fmod(x, y), y)
    return np.trunc(x / y)


_ones: dict[Any, Any] = {}  # 0-d ones by dtype: a Python 1 costs NumPy 300 ns to convert


def tanh_slope(ct: Any, x: Any) -> Any:
    """ct (1 - x^2), in one new buffer where the shapes are one."""
    slope = one_minus_square(x)
    if slope.shape and slope.shape == ct.shape and slope.dtype == ct.dtype:
        return np.multiply(ct, slope, slope)
    return np.multiply(ct, slope)


def one_minus_square(x: Any) -> Any:
    """1 - x^2, in one new buffer; the derivative of tanh, which small graphs run often."""
    one = _ones.get(x.dtype)
    if one is None:
        one = _ones[x.dtype] = np.ones((), x.dtype.type)
    squared = np.square(x)
    if squared.shape:
        return np.subtract(one, squared, squared)
    return np.subtract(one, squared)
