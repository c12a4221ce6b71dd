"""Floor 3: slices and elements by integer tensors: index_select, index_add, take, index_put."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays.checks import is_outside
from ..autograd.lifted import values_of
from ..autograd.tensor import Tensor, wrap
from ..ops import indexing as ops
from .dims import canonical_dim
from .examples import mapped_levels
from .gathering import INDEX_REDUCE, check_places, reduce_into
from .indexing import told
from .masking import masked_fill
from .promotion import Number, constant
from .registration import public
from .shape import expect_tensor, reshape
from .subscripts import subscript


def _vector(input: Tensor, dim: int, index: Any, name: str) -> tuple[Tensor, Tensor, int]:
    """Input with a dimension at least, index of exactly one, and the canonical dim."""
    expect_tensor(input, name)
    if not isinstance(index, Tensor):
        raise TypeError(
            f"{name}(): argument 'index' (position 2) must be Tensor, not {type(index).__name__}"
        )
    if index._data.dtype.kind not in "iu":
        raise RuntimeError(
            f"{name}(): Expected dtype int32 or int64 for index, but got {index.dtype}; convert it "
            "with .long()"
        )
    if index._data.ndim > 1:
        raise IndexError(
            f"{name}(): Index is supposed to be a vector, but got {index._data.ndim} dimensions"
        )
    at = canonical_dim(dim, input._data.ndim, name)
    if input._data.ndim == 0:
        input = reshape(input, (1,))
    return input, index if index._data.ndim else reshape(index, (1,)), at


@public()
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices at `index` (int tensor of one dimension) along `dim`, with a copy.

    >>> torch.index_select(torch.tensor([[1, 2], [3, 4]]), 1, torch.tensor([1, 1]))
    tensor([[2, 2],
            [4, 4]])
    """
    x, places, at = _vector(input, dim, index, "index_select")
    n = x._data.shape[at]
    array = values_of(places)
    if is_outside(array, 0, n):
        wrong = array.min() if array.min() < 0 else array.max()
        raise IndexError(
            f"index out of range in self: index_select() got {wrong} for dimension {at} of size {n}"
        )
    found: Tensor = ops.index_select(x, places, dim=at)
    return reshape(found, ()) if input._data.ndim == 0 else found


def _check_source(x: Tensor, source: Tensor, name: str) -> None:
    if source.dtype is not x.dtype:
        what = "and source expected to have the same dtype, but got (self)"
        if name == "index_add_":
            raise RuntimeError(
                f"index_add_(): self ({x.dtype.short}) and source ({source.dtype.short}) must have "
                "the same scalar type; convert one with .to(...)"
            )
        raise RuntimeError(
            f"{name}(): self {what} {x.dtype.short} and (source) {source.dtype.short}"
        )


@public(in_place=True)
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """A copy of `input` with alpha * `source` added to the slices at `index` along `dim`.

    >>> torch.index_add(torch.zeros(3), 0, torch.tensor([0, 0]), torch.tensor([1.0, 2.0]))
    tensor([3., 0., 0.])
    """
    x, places, at = _vector(input, dim, index, "index_add")
    _check_source(x, source, "index_add_")
    if source._data.ndim == 0:
        source = reshape(source, (1,))
    if source._data.ndim != x._data.ndim or source._data.shape[at] != places._data.size:
        raise RuntimeError(
            f"index_add_(): Number of indices ({places._data.size}) should be equal to "
            f"source.size(dim): ({source._data.shape[at] if source._data.ndim > at else 1}), for "
            f"dim: {at}"
        )
    _check_slices(x, source, at, "index_add_", "source tensor shape must match self tensor shape")
    check_places(places, x._data.shape[at], at)
    if alpha != 1:
        source = source * constant(alpha, source._data.dtype)
    found: Tensor = ops.index_add(x, source, places, dim=at)
    return reshape(found, input._data.shape) if input._data.ndim == 0 else found


def _check_slices(x: Tensor, source: Tensor, dim: int, name: str, what: str) -> None:
    mine, other = list(x._data.shape), list(source._data.shape)
    if mine[:dim] + mine[dim + 1 :] != other[:dim] + other[dim + 1 :]:
        raise RuntimeError(
            f"{name}(): {what}, excluding the specified dimension. Got self.shape = {mine} "
            f"source.shape = {other}"
        )


@public(in_place=True)
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """A copy of `input` with the slices at `index` along `dim` replaced by those of `source`.

    >>> torch.index_copy(torch.zeros(3), 0, torch.tensor([2]), torch.tensor([1.0]))
    tensor([0., 0., 1.])
    """
    x, places, at = _vector(input, dim, index, "index_copy")
    _check_source(x, source, "index_copy_")
    if source._data.ndim and source._data.ndim != x._data.ndim:
        raise IndexError(
            "index_copy_(): When source and destination are not scalars, their dimensionality must "
            f"match. Source dimensionality ({source._data.ndim}), destination dimensionality "
            f"({x._data.ndim})"
        )
    if source._data.ndim == 0:
        source = reshape(source, (1,) * x._data.ndim)
    if source._data.shape[at] != places._data.size:
        raise IndexError(
            f"index_copy_(): Number of indices ({places._data.size}) should be equal to "
            f"source.size(dim) ({source._data.shape[at]})"
        )
    _check_slices(
        x, source, at, "index_copy_", "Source/destination tensor must have same slice shapes"
    )
    check_places(places, x._data.shape[at], at)
    found: Tensor = ops.index_copy(x, source, places, dim=at)
    return reshape(found, input._data.shape) if input._data.ndim == 0 else found


@public(in_place=True)
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """A copy of `input` with the slices at `index` along `dim` filled with a number.

    >>> torch.index_fill(torch.zeros(3), 0, torch.tensor([0, 2]), 5)
    tensor([5., 0., 5.])
    """
    x, places, at = _vector(input, dim, index, "index_fill")
    operation = ops.index_fill_tensor
    if isinstance(value, Number):
        operation = ops.index_fill
        value = constant(value, x._data.dtype)
    elif value._data.ndim:
        raise RuntimeError(
            "index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value._data.ndim} dimension(s)."
        )
    elif value.dtype is not x.dtype:
        value = value.to(x.dtype)
    n = x._data.shape[at]
    array = values_of(places)
    if is_outside(array, -n, n):
        wrong = array.min() if array.min() < -n else array.max()
        raise IndexError(f"index {wrong} is out of bounds for dimension {at} with size {n}")
    if array.size > 1 and not mapped_levels(places):
        places = wrap(np.unique(array % n))
    found: Tensor = operation(x, value, places, dim=at)
    return reshape(found, input._data.shape) if input._data.ndim == 0 else found


@public(in_place=True)
def index_reduce(
    input: Tensor,
    dim: int,
    index: Tensor,
    source: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
) -> Tensor:
    """The slices of `source` reduced into those of `input`: "prod", "mean", "amax" or "amin".

    >>> i = torch.tensor([0, 0])
    >>> torch.index_reduce(torch.ones(2), 0, i, torch.tensor([5.0, 6.0]), "prod")
    tensor([30.,  1.])
    """
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(
            "index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got "
            f"{reduce}."
        )
    x, places, at = _vector(input, dim, index, "index_reduce")
    _check_source(x, source, "index_reduce_")
    check_places(places, x._data.shape[at], at, IndexError)
    if source._data.ndim == 0:
        source = reshape(source, (1,))
    shape = [1] * x._data.ndim
    shape[at] = -1
    spread = reshape(places, tuple(shape)).expand(source._data.shape)
    found = reduce_into(x, at, spread, source, reduce, include_self, INDEX_REDUCE)
    return reshape(found, ()) if input._data.ndim == 0 else found


def _check_run(index: Any, n: int, name: str) -> None:
    if not isinstance(index, Tensor):
        raise TypeError(f"{name}(): argument 'index' must be Tensor, not {type(index).__name__}")
    places = values_of(index)
    if places.dtype.kind not in "iu":
        raise RuntimeError(
            f"{name}(): Expected a long tensor for index, but got {index.dtype.short}"
        )
    if places.size and n == 0:
        raise IndexError(f"{name}(): tried to {name} from an empty tensor")
    if is_outside(places, -n, n):
        wrong = places.min() if places.min() < -n else places.max()
        raise IndexError(
            f"out of range: tried to access index {wrong} on a tensor of {n} elements."
        )


@public()
def take(input: Tensor, index: Tensor) -> Tensor:
    """The elements of `input`, taken as one run, at `index`; in the shape of `index`.

    >>> torch.take(torch.tensor([[1, 2], [3, 4]]), torch.tensor([0, 3]))
    tensor([1, 4])
    """
    _check_run(index, expect_tensor(input, "take")._data.size, "take")
    return ops.take(input, index)


@public(in_place=True, out=False)
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """A copy of `input`, taken as one run, with `source` written at `index` (or added).

    >>> torch.put(torch.zeros(2, 2), torch.tensor([3]), torch.tensor([5.0]))
    tensor([[0., 0.],
            [0., 5.]])
    """
    _check_run(index, expect_tensor(input, "put")._data.size, "put")
    if source.dtype is not input.dtype:
        raise RuntimeError(
            "put_(): self and source expected to have the same dtype, but got self.dtype = "
            f"{input.dtype.short} and source.dtype = {source.dtype.short}"
        )
    if source._data.size != index._data.size:
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, but got "
            f"source.numel() = {source._data.size}, index.numel() = {index._data.size}"
        )
    values = reshape(source, index._data.shape)
    return ops.put(input, values, index, accumulate=bool(accumulate))


@public(in_place=True, out=False)
def index_put(
    input: Tensor, indices: Sequence[Tensor], values: Tensor, accumulate: bool = False
) -> Tensor:
    """A copy of `input` with input[indices] = values, or += with every repeat (`accumulate`).

    >>> i = torch.tensor([1, 1])
    >>> torch.index_put(torch.zeros(3), (i,), torch.tensor([1.0, 2.0]), accumulate=True)
    tensor([0., 3., 0.])
    """
    expect_tensor(input, "index_put")
    given = list(indices)
    for i, index in enumerate(given):
        if not isinstance(index, Tensor):
            raise TypeError(
                f"expected Tensor as element {i} in argument 0, but got {type(index).__name__}"
            )
    if len(given) > input._data.ndim:
        raise IndexError(
            f"too many indices for tensor of dimension {input._data.ndim} (got {len(given)})"
        )
    if values.dtype is not input.dtype:
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got {input.dtype.short} "
            f"for the destination and {values.dtype.short} for the source."
        )
    # 0-d integer tensors would select; as vectors of one they pick, which broadcasts alike.
    key = [reshape(g, (1,)) if g._data.ndim == 0 else g for g in given]
    _, picks = subscript(input, tuple(key))
    if picks is None:
        return input.clone()
    if picks.mask is not None and values._data.size == 1 and not accumulate:
        mask, _ = picks.mask
        mask = mask.reshape(mask.shape + (1,) * (input._data.ndim - mask.ndim))
        return masked_fill(input, wrap(mask), reshape(values, ()))
    try:
        return ops.index_put(
            input, values, *picks.indices, axes=tuple(picks.axes), accumulate=bool(accumulate)
        )
    except IndexError as error:
        raise told(error) from None
    except ValueError:
        picked = ops.index(input.detach(), *picks.indices, axes=tuple(picks.axes))
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(values._data.shape)} cannot be broadcast "
            f"to indexing result of shape {list(picked._data.shape)}"
        ) from None
