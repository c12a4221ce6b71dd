"""Floor 3: cumulative functions along one dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.tensor import Tensor
from ..autograd.views import own
from ..ops import scan as ops
from ..ops.conversion import clone
from .casting import cast_to
from .creation import check_tensor
from .dims import canonical_dim
from .extremes import require_ordered
from .promotion import to_float
from .reduction import converted
from .registration import public
from .results import result_type_of

CummaxResult = result_type_of("cummax", ("values", "indices"))
CumminResult = result_type_of("cummin", ("values", "indices"))


def _along(operation: Any, input: Tensor, dim: Any, name: str) -> Any:
    """`operation` along one dim; a 0-d tensor is treated as one of one element."""
    dim = canonical_dim(dim, input._data.ndim, name)
    if input._data.ndim:
        return operation(input, dim=dim)
    result = operation(input.reshape(1), dim=0)
    if operation.several:
        return tuple(own(r.reshape(())) for r in result)
    return own(result.reshape(()))


def _cumulative(operation: Any, input: Tensor, dim: Any, dtype: Any, name: str) -> Tensor:
    check_tensor(input, name)
    input = converted(input, dtype)
    if input._data.ndim == 0:  # a reshape would save a view, which the in-place form overwrites
        canonical_dim(dim, 0, name)
        return (
            cast_to(clone(input), np.dtype(np.int64)) if _is_narrow(input, dtype) else clone(input)
        )
    result: Tensor = _along(operation, input, dim, name)
    return result if dtype is None else cast_to(result, input._data.dtype)


def _is_narrow(input: Tensor, dtype: Any) -> bool:
    """Whether the result will be int64 although the input is not."""
    return dtype is None and input._data.dtype.kind in "biu"


@public("cumsum", in_place=True)
def cumsum(input: Tensor, dim: Any, *, dtype: Any = None) -> Tensor:
    """Running sum along `dim`; integers and bools give int64.

    >>> torch.cumsum(torch.tensor([1, 2, 3]), 0)
    tensor([1, 3, 6])
    """
    return _cumulative(ops.cumsum, input, dim, dtype, "cumsum")


@public("cumprod", in_place=True)
def cumprod(input: Tensor, dim: Any, *, dtype: Any = None) -> Tensor:
    """Running product along `dim`; integers and bools give int64.

    >>> torch.cumprod(torch.tensor([1, 2, 3]), 0)
    tensor([1, 2, 6])
    """
    return _cumulative(ops.cumprod, input, dim, dtype, "cumprod")


@public("cummax")
def cummax(input: Tensor, dim: Any) -> Any:
    """Running maximum along `dim` and the index of its last occurrence, as (values, indices).

    >>> torch.cummax(torch.tensor([1.0, 3.0, 2.0]), 0).values
    tensor([1., 3., 3.])
    """
    check_tensor(input, "cummax")
    require_ordered(input, "cummax")
    return CummaxResult(*_along(ops.cummax, input, dim, "cummax"))


@public("cummin")
def cummin(input: Tensor, dim: Any) -> Any:
    """Running minimum along `dim` and the index of its last occurrence, as (values, indices).

    >>> torch.cummin(torch.tensor([2.0, 1.0, 3.0]), 0).indices
    tensor([0, 1, 1])
    """
    check_tensor(input, "cummin")
    require_ordered(input, "cummin")
    return CumminResult(*_along(ops.cummin, input, dim, "cummin"))


@public("logcumsumexp")
def logcumsumexp(input: Tensor, dim: Any) -> Tensor:
    """Running log-sum-exp along `dim`, without overflow.

    >>> torch.logcumsumexp(torch.tensor([0.0, 0.0]), 0)
    tensor([0.0000, 0.6931])
    """
    result: Tensor = _along(ops.logcumsumexp, to_float(input, "logcumsumexp"), dim, "logcumsumexp")
    return result
