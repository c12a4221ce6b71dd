"""Floor 0: standard normals from uniforms, rounded exactly as torch's kernels round them.

Torch's float32 kernel evaluates Cephes' logf, sinf and cosf with AVX2 and fused multiply-adds.
Here a fused operation is one float64 operation whose result is rounded to float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.arrays.pieces import starts

F32 = np.ndarray[Any, np.dtype[np.float32]]
F64 = np.ndarray[Any, np.dtype[np.float64]]

_f32 = np.float32
# Coefficients of Cephes (S. L. Moshier): logf.c and sinf.c, in float32 and held as float64.
_LOG = [
    float(_f32(c))
    for c in (
        7.0376836292e-2,
        -1.1514610310e-1,
        1.1676998740e-1,
        -1.2420140846e-1,
        1.4249322787e-1,
        -1.6668057665e-1,
        2.0000714765e-1,
        -2.4999993993e-1,
        3.3333331174e-1,
    )
]
_SIN = [float(_f32(c)) for c in (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)]
_COS = [float(_f32(c)) for c in (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)]
_SQRT_HALF = float(_f32(0.707106781186547524))
_LN2_LOW, _LN2_HIGH = float(_f32(-2.12194440e-4)), 0.693359375
_FOUR_OVER_PI = float(_f32(1.27323954473516))
_MINUS_QUARTER_PI = [
    -0.78515625,
    float(_f32(-2.4187564849853515625e-4)),
    float(_f32(-3.77489497744594108e-8)),
]
_TWO_PI = _f32(2 * math.pi)
# Pairs taken at a time, so that the dozen temporaries stay in the second-level cache.
_CHUNK = 16384
# Up to here the C library's functions are called one by one: they, not NumPy's vector forms, are
# what torch calls for float64, and the two can differ in the last bit.
_SCALAR = 64


def float32_blocks(uniforms: F32) -> F32:
    """Normals from `uniforms: (16 k,)` in [0, 1), torch's way for float32: in blocks of 16.

    Of each block the first 8 give the radius and the last 8 the angle; the 8 cosines come out
    first, then the 8 sines. Equal to torch's AVX2 kernel bit by bit. Overwrites and returns
    `uniforms`.
    """
    blocks = uniforms.reshape(-1, 2, 8)
    rows = _CHUNK // 8
    for start in starts(len(blocks), rows):
        block = blocks[start : start + rows]
        radius = np.sqrt(_f32(-2) * _log(_f32(1) - block[:, 0]))
        sine, cosine = _sincos(_TWO_PI * block[:, 1])
        np.multiply(radius, cosine, out=block[:, 0])
        np.multiply(radius, sine, out=block[:, 1])
    return uniforms


def float64_blocks(uniforms: F64) -> F64:
    """As `float32_blocks`, for float64, with the C library's functions."""
    blocks = uniforms.reshape(-1, 2, 8)
    # torch forms 2.0f * pi first, in double
    cosines, sines = _pairs(1.0 - blocks[:, 0], blocks[:, 1], math.log, np.log)
    blocks[:, 0], blocks[:, 1] = cosines, sines
    return uniforms


def float64_pairs(angles: F64, radii: F64) -> tuple[F64, F64]:
    """Cosine and sine normals of torch's one-at-a-time form: r = sqrt(-2 log1p(-radii))."""
    cosines, sines = _pairs(-radii, angles, math.log1p, np.log1p)
    if sines.size > _SCALAR:
        # The last sine may be kept in the generator, whose state is to be torch's to the bit.
        sines[-1] = _pairs(-radii[-1:], angles[-1:], math.log1p, np.log1p)[1][0]
    return cosines, sines


def fused_multiply_add(a: F64, b: float, c: float) -> F64:
    """Return a b + c rounded once, up to a double rounding in about one case of 2**50.

    The rounding errors of product and sum are recovered by Dekker's and Knuth's exact transforms.
    """
    if c == 0.0 or b == 1.0 or not 1e-250 < abs(b) < 1e250:
        return a * b + c
    product = a * b
    total = product + c
    virtual = total - product
    sum_error = (product - (total - virtual)) + (c - virtual)
    a_high, b_high = _high_half(a), float(_high_half(np.float64(b)))
    a_low, b_low = a - a_high, b - b_high
    product_error = a_low * b_low - (
        ((product - a_high * b_high) - a_low * b_high) - a_high * b_low
    )
    return total + (sum_error + product_error)


def _high_half(x: F64 | np.float64) -> F64:
    """The upper 26 bits of the significand (Veltkamp's split)."""
    scaled = x * 134217729.0
    return np.asarray(scaled - (scaled - x))


def _pairs(
    logged: F64,
    turns: F64,
    scalar_log: Callable[[float], float],
    vector_log: Callable[[F64], F64],
) -> tuple[F64, F64]:
    """Give r cos t and r sin t with r = sqrt(-2 log), t = 2 pi turns."""
    theta = (2.0 * math.pi) * turns
    if turns.size <= _SCALAR:
        flat = theta.ravel().tolist()
        log = np.array([scalar_log(v) for v in logged.ravel().tolist()])
        cosine = np.array([math.cos(v) for v in flat]).reshape(turns.shape)
        sine = np.array([math.sin(v) for v in flat]).reshape(turns.shape)
        radius = np.sqrt(-2.0 * log).reshape(turns.shape)
    else:
        cosine, sine = np.cos(theta), np.sin(theta)
        radius = np.sqrt(-2.0 * vector_log(logged))
    return radius * cosine, radius * sine


def _rounded(x: F64, scratch: F32) -> F64:
    """Round x to float32 in place."""
    scratch[...] = x
    x[...] = scratch
    return x


def _horner(coefficients: list[float], x: F64, scratch: F32) -> F64:
    """A polynomial in x by fused multiply-adds in float32."""
    value = x * coefficients[0]
    value += coefficients[1]
    _rounded(value, scratch)
    for coefficient in coefficients[2:]:
        value *= x
        value += coefficient
        _rounded(value, scratch)
    return value


def _log(x: F32) -> F32:
    """Cephes' logf as vectorised in avx_mathfun.h, for 0 < x <= 1."""
    scratch = np.empty(x.shape, _f32)
    mantissa32, exponent32 = np.frexp(x)
    mantissa, exponent = mantissa32.astype(np.float64), exponent32.astype(np.float64)
    small = mantissa < _SQRT_HALF
    exponent -= small
    reduced = mantissa - 1.0
    reduced += mantissa * small
    square = _rounded(reduced * reduced, scratch)
    value = _horner(_LOG, reduced, scratch)
    value *= reduced
    _rounded(value, scratch)
    value *= square
    value += _rounded(exponent * _LN2_LOW, scratch)
    _rounded(value, scratch)
    value -= 0.5 * square
    _rounded(value, scratch)
    value += reduced
    _rounded(value, scratch)
    value += exponent * _LN2_HIGH
    scratch[...] = value
    return scratch


def _sincos(x: F32) -> tuple[F32, F32]:
    """Cephes' sinf and cosf as vectorised in avx_mathfun.h, for 0 <= x <= 2 pi."""
    scratch = np.empty(x.shape, _f32)
    reduced = x.astype(np.float64)
    octant = (_rounded(reduced * _FOUR_OVER_PI, scratch).astype(np.int32) + 1) & ~1
    for part in _MINUS_QUARTER_PI:
        reduced += octant * part
        _rounded(reduced, scratch)
    square = _rounded(reduced * reduced, scratch)
    cosine = _horner(_COS, square, scratch)
    cosine *= square
    _rounded(cosine, scratch)
    cosine *= square
    cosine -= 0.5 * square
    _rounded(cosine, scratch)
    cosine += 1.0
    sine = _horner(_SIN, square, scratch)
    sine *= square
    _rounded(sine, scratch)
    sine *= reduced
    sine += reduced
    # Exchange and sign by bits: np.where and where= cost several times as much.
    sines, cosines = sine.astype(_f32), cosine.astype(_f32)
    sine_bits, cosine_bits = sines.view(np.int32), cosines.view(np.int32)
    exchanged = (sine_bits ^ cosine_bits) & -((octant >> 1) & 1)
    sine_bits ^= exchanged ^ (octant & 4) << 29
    cosine_bits ^= exchanged ^ ((octant + 2) & 4) << 29
    return sines, cosines
