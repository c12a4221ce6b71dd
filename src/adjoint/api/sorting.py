"""Floor 3: sort, argsort, topk, kthvalue, median, mode, quantile."""

from __future__ import annotations

from typing import Any

from ..autograd.tensor import Tensor
from ..autograd.views import own
from ..ops import sorting as ops
from .creation import check_tensor
from .dims import canonical_dim
from .extremes import require_elements, require_ordered, selected
from .registration import public
from .results import result_type_of
from .unary import unsupported

_FIELDS = ("values", "indices")
SortResult = result_type_of("sort", _FIELDS)
TopkResult = result_type_of("topk", _FIELDS)
KthvalueResult = result_type_of("kthvalue", _FIELDS)
MedianResult = result_type_of("median", _FIELDS)
NanmedianResult = result_type_of("nanmedian", _FIELDS)
ModeResult = result_type_of("mode", _FIELDS)


@public("sort")
def sort(
    input: Tensor, dim: Any = -1, descending: bool = False, *, stable: bool | None = None
) -> Any:
    """Elements in order along `dim`, and where each came from, as (values, indices).

    Equal elements keep their order; nan comes after every number.

    >>> torch.sort(torch.tensor([3.0, 1.0, 2.0])).indices
    tensor([1, 2, 0])
    """
    check_tensor(input, "sort")
    require_ordered(input, "sort")
    dim = canonical_dim(dim, input._data.ndim, "sort")
    if input._data.ndim == 0:
        values, indices = ops.sort(input.reshape(1), dim=0)
        return SortResult(own(values.reshape(())), own(indices.reshape(())))
    return SortResult(*ops.sort(input, dim=dim, descending=bool(descending)))


@public("argsort")
def argsort(
    input: Tensor, dim: Any = -1, descending: bool = False, *, stable: bool = False
) -> Tensor:
    """The indices that sort along `dim`.

    >>> torch.argsort(torch.tensor([3.0, 1.0, 2.0]))
    tensor([1, 2, 0])
    """
    indices: Tensor = sort(input.detach(), dim, descending).indices
    return indices


@public("msort")
def msort(input: Tensor) -> Tensor:
    """Elements in order along the first dimension.

    >>> torch.msort(torch.tensor([[3, 1], [2, 4]]))
    tensor([[2, 1],
            [3, 4]])
    """
    values: Tensor = sort(input, 0).values
    return values


@public("topk")
def topk(input: Tensor, k: Any, dim: Any = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The k largest (or smallest) elements along `dim` in order, as (values, indices).

    >>> torch.topk(torch.tensor([1.0, 3.0, 2.0]), 2).values
    tensor([3., 2.])
    """
    check_tensor(input, "topk")
    require_ordered(input, "topk")
    k = k.__index__()
    array = input._data
    dim = canonical_dim(dim, array.ndim, "topk")
    if not 0 <= k <= (array.shape[dim] if array.ndim else 1):
        raise RuntimeError(
            f"selected index k out of range: topk() got k={k} for dimension {dim} of a tensor of "
            f"shape {list(array.shape)}"
        )
    if array.ndim == 0:
        values, indices = ops.topk(input.reshape(1), k=1, dim=0)
        return TopkResult(own(values.reshape(())), own(indices.reshape(())))
    return TopkResult(*ops.topk(input, k=k, dim=dim, largest=bool(largest)))


@public("kthvalue")
def kthvalue(input: Tensor, k: Any, dim: Any = -1, keepdim: bool = False) -> Any:
    """The k-th smallest element along `dim` (k from 1), as (values, indices).

    >>> torch.kthvalue(torch.tensor([3.0, 1.0, 2.0]), 2).values
    tensor(2.)
    """
    check_tensor(input, "kthvalue")
    k = k.__index__()
    array = input._data
    dim = canonical_dim(dim, array.ndim, "kthvalue")
    if array.ndim and array.shape[dim] == 0:
        require_elements(input, dim, "kthvalue")
    if not 1 <= k <= (array.shape[dim] if array.ndim else 1):
        raise RuntimeError(
            f"kthvalue(): selected number k out of range for dimension {dim}: k={k}, and the "
            f"input is {list(array.shape)}"
        )
    return selected(ops.kthvalue, KthvalueResult, input, dim, "kthvalue", k=k, keepdim=keepdim)


def _median(name: str, full: Any, along: Any, result: Any) -> Any:
    def median(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
        check_tensor(input, name)
        if input._data.dtype.kind == "b":
            raise unsupported(name, input.dtype)
        if dim is None:
            require_ordered(input, name)
            return full(input)
        dim = canonical_dim(dim, input._data.ndim, name)
        return selected(along, result, input, dim, name, keepdim=keepdim)

    median.__name__ = median.__qualname__ = name
    ignoring = " of what is not nan" if name == "nanmedian" else ""
    values, found = ("nan, 3.0, 1.0", "1.") if ignoring else ("4.0, 3.0, 1.0, 2.0", "2.")
    median.__doc__ = (
        f"The lower median{ignoring}: of all elements, or along `dim` as (values, indices).\n\n"
        f">>> torch.{name}(torch.tensor([{values.replace('nan', 'torch.nan')}]))\ntensor({found})"
    )
    return public(name)(median)


median = _median("median", ops.median, ops.median_dim, MedianResult)
nanmedian = _median("nanmedian", ops.nanmedian, ops.nanmedian_dim, NanmedianResult)


@public("mode")
def mode(input: Tensor, dim: Any = -1, keepdim: bool = False) -> Any:
    """The most frequent element along `dim` (the smallest of them), as (values, indices).

    >>> torch.mode(torch.tensor([1, 2, 2, 3])).values
    tensor(2)
    """
    check_tensor(input, "mode")
    dim = canonical_dim(dim, input._data.ndim, "mode")
    return selected(ops.mode, ModeResult, input, dim, "mode", keepdim=keepdim)
