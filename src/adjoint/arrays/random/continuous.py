"""Floor 0: continuous distributions over NumPy arrays, number for number as torch's CPU kernels.

Recipes: ATen's DistributionTemplates.h and TransformationHelper.h, which end their arithmetic in
fused multiply-adds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint.arrays.random.boxmuller import (
    float32_blocks,
    float64_blocks,
    float64_pairs,
    fused_multiply_add,
)
from adjoint.arrays.random.common import (
    FLOAT32,
    FLOAT64,
    Array,
    Shape,
    cast,
    check,
    largest_value,
    require_continuous,
    require_floating,
)
from adjoint.arrays.random.generator import Generator

if TYPE_CHECKING:
    import numpy.typing as npt

_REAL_OF = {np.dtype(np.complex64): np.float32, np.dtype(np.complex128): np.float64}


def uniform(
    gen: Generator, shape: Shape, np_dtype: npt.DTypeLike, low: float = 0.0, high: float = 1.0
) -> Array:
    """Uniform numbers in [low, high), as `torch.rand` and `uniform_`.

    float16, bfloat16 and float32 take 24 bits of one word, float64 53 bits of two; complex draws
    real and imaginary parts in turn. Raises RuntimeError for an empty or unrepresentable range.
    """
    dtype = np.dtype(np_dtype)
    if dtype in _REAL_OF:
        parts = uniform(gen, (*shape, 2), _REAL_OF[dtype], low, high)
        return parts.view(dtype).reshape(shape)
    require_floating("uniform_", dtype)
    is_unit = low == 0.0 and high == 1.0
    if not is_unit:
        _check_uniform_range(dtype, low, high)
    count = math.prod(shape)
    with gen.lock:
        if dtype == FLOAT64:
            wide = gen.unit64(count)
            if not is_unit:
                wide = fused_multiply_add(wide, high - low, low)
                wide[wide == high] = low
            return wide.reshape(shape)
        unit = gen.unit32(count)
    if not is_unit:
        start = np.float32(low)
        unit = _fused32(unit, np.float32(high) - start, start)
    elif dtype == FLOAT32:
        return unit.reshape(shape)
    narrow = unit.astype(dtype, copy=False)
    # Rounding may reach `high`, which is outside the range.
    narrow[narrow == np.asarray(high, dtype)] = np.asarray(low, dtype)
    return narrow.reshape(shape)


def normal(
    gen: Generator,
    shape: Shape,
    np_dtype: npt.DTypeLike,
    mean: float = 0.0,
    std: float = 1.0,
    serial: bool = False,
) -> Array:
    """Normal numbers, as `torch.randn` and `normal_`.

    From 16 elements on they are made in blocks of 16 in the dtype itself (float16 and bfloat16 in
    float32). Fewer, and memory that is not contiguous (`serial=True`), are made one pair at a
    time in float64, and the second of a pair waits in the generator. A complex number has
    variance std² in all. float32 is equal to torch bit by bit, float64 up to the last bit.
    Raises RuntimeError unless std >= 0.
    """
    dtype = np.dtype(np_dtype)
    if not std >= 0.0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}; pass abs(std)")
    if dtype in _REAL_OF:
        parts = normal(gen, (*shape, 2), _REAL_OF[dtype], mean, std / math.sqrt(2.0), serial)
        return parts.view(dtype).reshape(shape)
    require_floating("normal_", dtype)
    count = math.prod(shape)
    with gen.lock:
        if serial or count < 16:
            sample = fused_multiply_add(_serial_normals(gen, count), std, mean)
            return cast(sample, dtype).reshape(shape)
        if dtype == FLOAT64:
            wide = _in_blocks(gen.unit64, count, float64_blocks)
            return fused_multiply_add(wide, std, mean).reshape(shape)
        narrow = _in_blocks(gen.unit32, count, float32_blocks, dtype == FLOAT32)
    if mean != 0.0 or std != 1.0:
        narrow = _fused32(narrow, np.float32(std), np.float32(mean))
    return cast(narrow, dtype).reshape(shape)


def exponential(gen: Generator, shape: Shape, np_dtype: npt.DTypeLike, lambd: float = 1.0) -> Array:
    """Exponential numbers of rate `lambd`: -log(1 - u) / lambd, as `exponential_`."""
    dtype = np.dtype(np_dtype)
    check(lambd > 0.0, f"exponential_ expects lambda > 0.0, but found lambda={lambd:g}")
    require_continuous("Exponential", dtype)
    with gen.lock:
        unit = gen.unit64(math.prod(shape))
    return cast((-1.0 / lambd) * np.log1p(-unit), dtype).reshape(shape)


def cauchy(
    gen: Generator, shape: Shape, np_dtype: npt.DTypeLike, median: float = 0.0, sigma: float = 1.0
) -> Array:
    """Cauchy numbers, median + sigma tan(pi (u - 1/2)), as `cauchy_`."""
    dtype = np.dtype(np_dtype)
    check(sigma > 0.0, f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
    require_continuous("Cauchy", dtype)
    with gen.lock:
        unit = gen.unit64(math.prod(shape))
    sample = fused_multiply_add(np.tan(math.pi * (unit - 0.5)), sigma, median)
    return cast(sample, dtype).reshape(shape)


def log_normal(
    gen: Generator, shape: Shape, np_dtype: npt.DTypeLike, mean: float = 1.0, std: float = 2.0
) -> Array:
    """The exponential of normal numbers, one pair at a time in float64, as `log_normal_`."""
    dtype = np.dtype(np_dtype)
    check(std > 0.0, f"log_normal_ expects std > 0.0, but found std={std:g}")
    require_floating("log_normal_", dtype)
    with gen.lock:
        sample = _serial_normals(gen, math.prod(shape))
    with np.errstate(over="ignore"):
        return cast(np.exp(fused_multiply_add(sample, std, mean)), dtype).reshape(shape)


def _in_blocks(
    unit: Callable[[int], Array],
    count: int,
    transform: Callable[[Any], Array],
    draws_rest: bool = True,
) -> Array:
    """Normals in blocks of 16; where a rest remains, the last 16 are made of 16 fresh uniforms.

    The uniforms of the rest itself are drawn for nothing, except in the 16-bit kernel.
    """
    rest = count % 16
    sample: Array = unit(count if draws_rest else count - rest)
    transform(sample[: count - rest])
    if rest:
        sample = np.concatenate([sample[: count - 16], transform(unit(16))])
    return sample


def _serial_normals(gen: Generator, count: int) -> npt.NDArray[np.float64]:
    """Normals one pair at a time, cosine first; an odd one out is kept for the next call."""
    out = np.empty(count)
    begin = 0
    if gen.spare is not None and count:
        out[0], gen.spare, begin = gen.spare, None, 1
    wanted = count - begin
    if wanted:
        unit = gen.unit64(wanted + wanted % 2)
        cosine, sine = float64_pairs(unit[::2], unit[1::2])
        out[begin::2] = cosine
        out[begin + 1 :: 2] = sine[: wanted // 2]
        if wanted % 2:
            gen.spare = float(sine[-1])
    return out


def _fused32(x: npt.NDArray[np.float32], scale: np.float32, shift: np.float32) -> Array:
    """Compute x scale + shift rounded once to float32: the product is exact in float64."""
    wide = x.astype(np.float64)
    wide *= float(scale)
    wide += float(shift)
    return cast(wide, np.dtype(np.float32))


def _check_uniform_range(dtype: np.dtype[Any], low: float, high: float) -> None:
    largest = largest_value(dtype)
    for name, value in (("from", low), ("to", high)):
        if not -largest <= value <= largest:
            raise RuntimeError(
                f"uniform_: {name} is out of bounds for {dtype}: expected a magnitude up to "
                f"{largest:g}, but got {value:g}"
            )
    if low > high:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}; "
            "exchange them"
        )
    if not high - low <= largest:
        raise RuntimeError(
            f"uniform_ expects to-from <= {largest:g} for {dtype}, but found to={high:g} and "
            f"from={low:g}"
        )
