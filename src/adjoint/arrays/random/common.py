"""Floor 0: what the samplers share: dtype facts, checks with torch's messages, casts."""

from __future__ import annotations

from typing import Any

import numpy as np
from ml_dtypes import bfloat16

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

BFLOAT16 = np.dtype(bfloat16)
FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
# Bits of the significand: the integers up to 2**digits are exact.
DIGITS = {np.dtype(np.float16): 11, BFLOAT16: 8, FLOAT32: 24, FLOAT64: 53}
# Finite; NumPy's finfo does not know bfloat16.
_LARGEST = {d: float(np.finfo(d).max) for d in DIGITS if d != BFLOAT16}
_LARGEST[BFLOAT16] = 3.3895313892515355e38


def check(holds: bool, message: str) -> None:
    """RuntimeError, torch's class for bad arguments, unless `holds`."""
    if not holds:
        raise RuntimeError(message)


def require_floating(operation: str, dtype: np.dtype[Any]) -> None:
    """NotImplementedError unless the dtype is floating, as torch's kernels have it."""
    if dtype not in DIGITS:
        raise NotImplementedError(
            f"{operation}: expected a floating dtype, but got {dtype}; "
            "use torch.float32, or randint for integers"
        )


def require_continuous(name: str, dtype: np.dtype[Any]) -> None:
    """RuntimeError unless the dtype is floating."""
    if dtype not in DIGITS:
        raise RuntimeError(
            f"{name} distribution is a continuous probability distribution. dtype must be a "
            f"floating point but you specified {dtype}; use torch.float32"
        )


def cast(sample: Array, dtype: np.dtype[Any]) -> Array:
    """Convert as torch's C++ does: to 16 bits by way of float32, too large to inf silently."""
    if sample.dtype == dtype:
        return sample
    with np.errstate(over="ignore", invalid="ignore"):
        if dtype in DIGITS and dtype.itemsize == 2:
            sample = sample.astype(np.float32, copy=False)
        return sample.astype(dtype, copy=False)


def memory_order(array: Array) -> Array:
    """`array` with its axes in the order in which torch fills them: largest stride first.

    In-place sampling of a transposed tensor runs along its memory:
    `view = memory_order(a); view[...] = uniform(gen, view.shape, a.dtype)`.
    """
    return array.transpose(memory_axes(array))


def memory_axes(array: Array) -> list[int]:
    """The axes of `array` by falling stride."""
    return sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))


def largest_value(dtype: np.dtype[Any]) -> float:
    """The largest finite value of a floating dtype."""
    return _LARGEST[dtype]
