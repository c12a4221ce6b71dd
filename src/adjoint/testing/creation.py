"""Floor 5: make_tensor: random tensors for tests."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

from ..api.complex import view_as_real
from ..api.creation import empty
from ..api.random import randint
from ..arrays import dtypes
from ..autograd.modes import no_grad
from ..autograd.tensor import Tensor


def make_tensor(
    *shape: Any,
    dtype: dtypes.dtype,
    device: Any = "cpu",
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor of uniform draws from [low, high), by default [-9, 9) (integers: -9 to 9).

    `shape`: sizes, or one sequence of them. `noncontiguous`: every second element of a larger
    tensor. `exclude_zero`: zeros become the smallest positive normal number (integers: 1).
    `memory_format`: that of the result, as `torch.channels_last`; not with `noncontiguous`.

    ValueError for limits that leave nothing to draw or are NaN, for gradients of integers, and for
    both `noncontiguous` and `memory_format`; TypeError for what is no dtype.

    >>> torch.testing.make_tensor((2, 3), dtype=torch.float32, low=0, high=1).shape
    torch.Size([2, 3])
    """
    sizes = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], Sequence) else shape
    if not isinstance(dtype, dtypes.dtype):
        raise TypeError(
            f"The requested dtype '{dtype}' is not supported by torch.testing.make_tensor(); pass "
            "a torch.dtype"
        )
    if noncontiguous and memory_format is not None:
        raise ValueError(
            "The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got "
            f"{noncontiguous=} and {memory_format=}"
        )
    whole = dtype.category < dtypes.FLOATING
    if requires_grad and whole:
        raise ValueError(
            "`requires_grad=True` is not supported for boolean and integral dtypes, but got "
            f"{dtype=}"
        )
    strided = noncontiguous and math.prod(sizes) > 1
    drawn = (*sizes[:-1], 2 * sizes[-1]) if strided else sizes
    first, last = _interval(dtype, low, high)
    with no_grad():
        if whole:
            result = randint(math.ceil(first), math.ceil(last), drawn, dtype=dtype, device=device)
        else:
            result = _uniform(drawn, dtype, device, first, last)
        if strided:
            result = result[..., 1::2]
        elif memory_format is not None:
            result = result.clone(memory_format=memory_format)
        if exclude_zero:
            result[result == 0] = 1 if whole else dtypes.finfo(dtype).tiny
    return result.requires_grad_() if requires_grad else result


def _uniform(
    shape: tuple[int, ...], dtype: dtypes.dtype, device: Any, low: float, high: float
) -> Tensor:
    """Uniform draws; of a complex number both parts are drawn."""
    result: Tensor = empty(shape, dtype=dtype, device=device)
    parts = view_as_real(result) if dtype.category == dtypes.COMPLEX else result
    if high - low >= dtypes.finfo(dtype).max:  # more than uniform_ takes
        parts.uniform_(low / 2, high / 2).mul_(2)
    else:
        parts.uniform_(low, high)
    return result


def _interval(dtype: dtypes.dtype, low: float | None, high: float | None) -> tuple[float, float]:
    """The limits, checked and brought into what the dtype can hold."""
    least: float
    beyond: float
    if dtype is dtypes.bool_:
        least, beyond, default_low, default_high = 0, 2, 0, 2
    elif dtype.category < dtypes.FLOATING:
        info = dtypes.iinfo(dtype)
        # randint counts in int64, so it cannot reach its greatest value
        least, beyond = info.min, info.max + (dtype is not dtypes.int64)
        default_low, default_high = -9, 10
    else:
        limits = dtypes.finfo(dtype)
        least, beyond, default_low, default_high = limits.min, limits.max, -9, 9
    low = default_low if low is None else low
    high = default_high if high is None else high
    if math.isnan(low) or math.isnan(high):
        raise ValueError(f"`low` and `high` cannot be NaN, but got {low=} and {high=}")
    if low == high and dtype.category >= dtypes.FLOATING:
        warnings.warn(
            "Passing `low==high` to `torch.testing.make_tensor` for floating or complex types is "
            "deprecated. Use `torch.full(...)` instead.",
            FutureWarning,
            stacklevel=3,
        )
    elif low >= high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    elif high < least or low >= beyond:
        raise ValueError(
            f"The value interval specified by `low` and `high` is [{low}, {high}), but {dtype} "
            f"only supports [{least}, {beyond})"
        )
    return min(max(low, least), beyond), min(max(high, least), beyond)
