"""Floor 3: masks: filling, selecting and replacing where they are True; nonzero."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..arrays.dtypes import COMPLEX, of_scalar
from ..autograd.lifted import values_of
from ..autograd.tensor import Tensor, wrap
from ..ops import indexing, masking
from ..ops.conversion import cast
from .examples import depends_on_values, flattened, mapped_levels, of_dynamic_shape, on_values
from .joining import common_shape
from .promotion import Number, constant
from .registration import public
from .shape import expect_tensor, reshape


def _mask(mask: Any, complaint: str) -> Tensor:
    if not isinstance(mask, Tensor):
        raise TypeError(f"{complaint}, but got {type(mask).__name__}")
    if mask._data.dtype.kind != "b":
        raise RuntimeError(
            f"{complaint}, but got mask with dtype {mask.dtype}; compare it, for example mask != 0"
        )
    return mask


@public(in_place=True, out=False)
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """`input` with `value`, a number or 0-d tensor, where the mask (broadcastable) is True.

    >>> torch.masked_fill(torch.tensor([1.0, 2.0]), torch.tensor([True, False]), 0)
    tensor([0., 2.])
    """
    array = expect_tensor(input, "masked_fill")._data
    mask = _mask(mask, "masked_fill_ only supports boolean masks")
    operation = masking.masked_fill
    if isinstance(value, Tensor):
        operation = masking.masked_fill_tensor
        if value._data.ndim:
            raise RuntimeError(
                "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                f"{value._data.ndim} dimension(s)."
            )
        if value.dtype.category == COMPLEX > input.dtype.category:
            raise RuntimeError(
                f"value cannot be converted to type {input.dtype.name} without overflow: it is "
                "complex"
            )
        if value._data.dtype != array.dtype:
            value = cast(value, dtype=array.dtype)
    elif isinstance(value, Number):
        if of_scalar(value).category == COMPLEX > input.dtype.category:
            raise RuntimeError(
                f"value cannot be converted to type {input.dtype.name} without overflow: {value!r}"
            )
        value = constant(value, array.dtype)
    else:
        raise TypeError(
            f"masked_fill(): argument 'value' (position 2) must be Tensor or Number, not "
            f"{type(value).__name__}"
        )
    if mask._data.shape != array.shape:
        shape = common_shape(input, mask)
        input = input if shape == array.shape else input.expand(shape)
    return operation(input, mask, value)


@public()
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask (broadcastable) is True, in one dimension.

    >>> torch.masked_select(torch.tensor([1, 2, 3]), torch.tensor([True, False, True]))
    tensor([1, 3])
    """
    expect_tensor(input, "masked_select")
    mask = _mask(mask, "masked_select: expected BoolTensor for mask")
    if mapped_levels(mask):
        raise RuntimeError(depends_on_values("masked_select"))
    shape = common_shape(input, mask)
    if not shape:
        input, shape = reshape(input, (1,)), (1,)
    if input._data.shape != shape:
        input = input.expand(shape)
    places = [wrap(p) for p in np.nonzero(np.broadcast_to(values_of(mask), shape))]
    return indexing.masked_select(input, *places, axes=tuple(range(len(shape))))


@public(in_place=True, out=False)
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """`input` with the elements of `source`, in order, where the mask is True.

    >>> m = torch.tensor([True, False, True])
    >>> torch.masked_scatter(torch.zeros(3), m, torch.tensor([1.0, 2.0, 3.0]))
    tensor([1., 0., 2.])
    """
    expect_tensor(input, "masked_scatter")
    mask = _mask(mask, "masked_scatter_ only supports boolean masks")
    if source.dtype is not input.dtype:
        raise RuntimeError(
            "masked_scatter: expected self and source to have same dtypes but got "
            f"{input.dtype.short} and {source.dtype.short}"
        )
    shape = common_shape(input, mask)
    found, places, counts = on_values(functools.partial(_orders, shape), mask)
    count = int(values_of(counts).max())
    if count > source._data.size:
        raise RuntimeError(
            f"Number of elements of source < number of ones in mask: {source._data.size} < {count}"
        )
    if input._data.shape != shape:
        input = input.expand(shape)
    if not source._data.size:
        return input.clone()
    return masking.masked_scatter(input, reshape(source, (-1,)), found, places)


def _orders(shape: tuple[int, ...], n: int, mask: Any) -> tuple[Any, Any, Any]:
    """The mask in a shape, the number of each of its Trues, and how many there are."""
    lead = mask.shape[:n]
    missing = len(shape) - (mask.ndim - n)
    full = np.array(
        np.broadcast_to(mask.reshape(*lead, *(1,) * missing, *mask.shape[n:]), lead + shape)
    )
    flat = flattened(n, full)
    places = np.maximum(np.cumsum(flat, -1).reshape(full.shape) - 1, 0)
    return full, places, np.count_nonzero(flat, -1)


@public()
@of_dynamic_shape
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The indices of elements that are not 0: (n, ndim), or with `as_tuple` one tensor per dim.

    >>> torch.nonzero(torch.tensor([0, 5, 0, 7]))
    tensor([[1],
            [3]])
    """
    array = expect_tensor(input, "nonzero")._data
    if as_tuple:
        return tuple([wrap(p) for p in np.nonzero(np.atleast_1d(array))])
    if array.ndim == 0:
        return wrap(np.zeros((int(array != 0), 0), np.int64))
    return wrap(np.argwhere(array))


@public(out=False)
def argwhere(input: Tensor) -> Tensor:
    """The indices of elements that are not 0, one row each.

    >>> torch.argwhere(torch.tensor([[0, 1]]))
    tensor([[0, 1]])
    """
    found: Tensor = nonzero(input)
    return found
