"""Floor 3: sums, means, products and variances over dimensions."""

from __future__ import annotations

from typing import Any

from ..arrays import dtypes
from ..arrays.dtypes import NP_FLOAT32, NP_FLOAT64
from ..autograd.tensor import Tensor
from ..ops import reduction as ops
from ..ops.conversion import cast
from .dims import canonical_dim, canonical_dims
from .registration import public


def check_tensor(input: Any, name: str) -> None:
    """TypeError unless the first argument is a Tensor."""
    if not isinstance(input, Tensor):
        raise TypeError(
            f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}"
        )


def check_keepdim(keepdim: Any, name: str) -> None:
    """TypeError unless `keepdim` is a bool."""
    if keepdim is not True and keepdim is not False:
        raise TypeError(
            f"{name}(): argument 'keepdim' must be bool, not {type(keepdim).__name__}"
        )


def converted(input: Tensor, dtype: Any) -> Tensor:
    """`input` as `dtype`, unless that is None."""
    if dtype is None:
        return input
    wanted = dtypes.as_dtype(dtype).numpy
    return input if input._data.dtype == wanted else cast(input, dtype=wanted)


def require_inexact(input: Tensor, name: str) -> None:
    """RuntimeError unless the dtype is floating or complex."""
    d = input.dtype
    if d.category < dtypes.FLOATING:
        raise RuntimeError(
            f"{name}(): could not infer output dtype. Input dtype must be either a floating point "
            f"or complex dtype. Got: {d.short}; convert with .float(), or pass dtype="
        )


@public("sum")
def sum_(
    input: Any,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Any = None,
    keepdims: bool = False,
) -> Tensor:
    """Sum of all elements, or over `dim` (an int or several). Integers and bools give int64.

    >>> torch.sum(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=0)
    tensor([4., 6.])
    """
    if dim is None and axis is None and dtype is None and not keepdim and not keepdims:
        check_tensor(input, "sum")
        d = input._data.dtype
        if d is NP_FLOAT32 or d is NP_FLOAT64:
            return ops.sum_.run_one(input)
        return ops.sum_(input)
    check_tensor(input, "sum")
    check_keepdim(keepdim, "sum")
    input = converted(input, dtype)
    dims = canonical_dims(axis if dim is None else dim, input._data.ndim, "sum")
    keepdim = keepdim or keepdims
    if dtype is not None and input._data.dtype.kind in "biu":  # the promised type, not int64
        return cast(ops.sum_dim(input, dim=dims, keepdim=keepdim), dtype=input._data.dtype)
    if dims is None and not keepdim:
        return ops.sum_(input)
    return ops.sum_dim(input, dim=dims, keepdim=keepdim)


@public("mean")
def mean(
    input: Any,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Any = None,
    keepdims: bool = False,
) -> Tensor:
    """Arithmetic mean of all elements, or over `dim`; of floating or complex tensors.

    >>> torch.mean(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=1)
    tensor([1.5000, 3.5000])
    """
    if dim is None and axis is None and dtype is None and not keepdim and not keepdims:
        check_tensor(input, "mean")
        d = input._data.dtype
        if d is NP_FLOAT32 or d is NP_FLOAT64:
            return ops.mean.run_one(input)
    check_tensor(input, "mean")
    check_keepdim(keepdim, "mean")
    input = converted(input, dtype)
    require_inexact(input, "mean")
    dims = canonical_dims(axis if dim is None else dim, input._data.ndim, "mean")
    keepdim = keepdim or keepdims
    if dims is None and not keepdim:
        return ops.mean(input)
    return ops.mean_dim(input, dim=dims, keepdim=keepdim)
