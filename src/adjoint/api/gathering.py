"""Floor 3: gather, and the scatter family."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.checks import reaches
from ..arrays.dtypes import BOOL, INTEGER
from ..autograd.lifted import values_of
from ..autograd.tensor import Tensor, wrap
from ..ops import scattering as ops
from .dims import canonical_dim
from .examples import on_values
from .joining import common_shape
from .promotion import Number, constant
from .registration import public
from .shape import expect_tensor, reshape


def check_places(index: Any, n: int, dim: int, error: type[Exception] = RuntimeError) -> None:
    """Indices have to lie in 0 <= i < n."""
    places = values_of(index)
    if not places.size:
        return
    if reaches(places.view(f"u{places.itemsize}"), n):  # negative ones are huge then
        low = places.min()
        wrong = low if low < 0 else places.max()
        raise error(f"index {wrong} is out of bounds for dimension {dim} with size {n}")


def _places(input: Tensor, dim: int, index: Any, name: str, whose: str) -> tuple[Tensor, int]:
    """The checked index, with as many dimensions as the input, and the canonical dim."""
    array = expect_tensor(input, name)._data
    if not isinstance(index, Tensor):
        raise TypeError(
            f"{name}(): argument 'index' (position 3) must be Tensor, not {type(index).__name__}"
        )
    if index._data.dtype.kind not in "iu":
        raise RuntimeError(
            f"{name}(): Expected dtype int32/int64 for index, but got {index.dtype}; convert it "
            "with .long()"
        )
    at = canonical_dim(dim, array.ndim, name)
    if index._data.size and max(array.ndim, 1) != max(index._data.ndim, 1):
        raise RuntimeError(
            f"Index tensor must have the same number of dimensions as {whose} tensor: "
            f"{index._data.ndim} and {array.ndim}"
        )
    check_places(index, array.shape[at] if array.ndim else 1, at)
    return index, at


def _sizes_fit(small: Any, large: Any, dim: int) -> bool:
    return all(n <= m or d == dim for d, (n, m) in enumerate(zip(small, large)))


@public()
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """out[i][j] = input[index[i][j]][j] for dim 0; `index` may be smaller in other dimensions.

    index: int64 with as many dimensions as `input`, 0 <= index < size. RuntimeError otherwise.

    >>> torch.gather(torch.tensor([[1, 2], [3, 4]]), 1, torch.tensor([[0, 0], [1, 0]]))
    tensor([[1, 1],
            [4, 3]])
    """
    index, at = _places(input, dim, index, "gather", "input")
    shape, wanted = input._data.shape, index._data.shape
    if not _sizes_fit(wanted, shape, at):
        bad = next(d for d, (n, m) in enumerate(zip(wanted, shape)) if n > m and d != at)
        raise RuntimeError(
            f"Size does not match at dimension {bad} expected index {list(wanted)} to be no larger "
            f"than self {list(shape)} apart from dimension {at}"
        )
    if len(shape) != len(wanted) or not shape:
        return _flat(ops.gather, input, index, shape=wanted)
    return ops.gather(input, index, dim=at)


def _flat(operation: Any, x: Tensor, index: Tensor, *more: Tensor, shape: Any) -> Tensor:
    """The operation on tensors of 0 dimensions, as vectors."""
    flat = [reshape(t, (-1,)) for t in more]
    return reshape(operation(reshape(x, (-1,)), reshape(index, (-1,)), *flat, dim=0), shape)


def _source(input: Tensor, index: Tensor, src: Any, dim: int, name: str) -> Tensor:
    """The checked source, cut to the shape of the index."""
    if not isinstance(src, Tensor):
        raise TypeError(
            f"{name}(): argument 'src' (position 3) must be Tensor, not {type(src).__name__}"
        )
    if src.dtype is not input.dtype:
        raise RuntimeError(
            f"{name}(): Expected self.dtype to be equal to src.dtype, but they are {input.dtype} "
            f"and {src.dtype}; convert one with .to(...)"
        )
    places = index._data
    if places.size and max(src._data.ndim, 1) != max(places.ndim, 1):
        raise RuntimeError(
            "Index tensor must have the same number of dimensions as src tensor: "
            f"{places.ndim} and {src._data.ndim}"
        )
    if not places.size:
        return src
    if any(n > m for n, m in zip(places.shape, src._data.shape)):
        raise RuntimeError(
            f"Expected index {list(places.shape)} to be no larger than self "
            f"{list(input._data.shape)} apart from dimension {dim} and to be no larger size than "
            f"src {list(src._data.shape)}"
        )
    if src._data.shape == places.shape or not places.ndim:
        return src
    return src[tuple([slice(n) for n in places.shape])]


def _check_fits(input: Tensor, index: Tensor, dim: int) -> None:
    if index._data.size and not _sizes_fit(index._data.shape, input._data.shape, dim):
        raise RuntimeError(
            f"Expected index {list(index._data.shape)} to be no larger than self "
            f"{list(input._data.shape)} apart from dimension {dim}"
        )


def _run(
    operation: Any, input: Tensor, index: Tensor, src: Tensor, dim: int, **params: Any
) -> Tensor:
    """The operation, unless the index is empty; on vectors where there are no dimensions."""
    if not index._data.size:
        return input.clone()
    if not input._data.ndim or not index._data.ndim:
        one = [reshape(t, (-1,)) for t in (input, index)]
        values = src if src._data.ndim == 0 and operation is ops.scatter_value else reshape(src, -1)
        found: Tensor = operation(*one, values, dim=0, **params)
        return reshape(found, input._data.shape)
    return operation(input, index, src, dim=dim, **params)


@public(in_place=True)
def scatter(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Any = None,
    value: Any = None,
    *,
    reduce: str | None = None,
) -> Tensor:
    """A copy of `input` with out[index[i][j]][j] = src[i][j] for dim 0, or one number everywhere.

    Where indices repeat, the last value stays. `reduce`: "add" or "multiply" instead of replacing.

    >>> torch.scatter(torch.zeros(3), 0, torch.tensor([2, 0]), torch.tensor([5.0, 6.0]))
    tensor([6., 0., 5.])
    """
    if reduce not in (None, "add", "multiply"):
        raise RuntimeError(f"reduce argument must be either add or multiply, got {reduce!r}.")
    index, at = _places(input, dim, index, "scatter", "self")
    given = value if src is None else src
    if isinstance(given, Number):
        _check_fits(input, index, at)
        number = constant(given, input._data.dtype)
        if reduce is None:
            return _run(ops.scatter_value, input, index, number, at)
        values = wrap(np.broadcast_to(number._data, index._data.shape))
    else:
        values = _source(input, index, given, at, "scatter")
        _check_fits(input, index, at)
    operation = {None: ops.scatter, "add": ops.scatter_sum, "multiply": ops.scatter_prod}[reduce]
    return _run(operation, input, index, values, at)


@public(in_place=True)
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """A copy of `input` with src[i][j] added to out[index[i][j]][j] for dim 0.

    >>> torch.scatter_add(torch.zeros(2), 0, torch.tensor([1, 1]), torch.tensor([5.0, 6.0]))
    tensor([ 0., 11.])
    """
    index, at = _places(input, dim, index, "scatter_add", "self")
    values = _source(input, index, src, at, "scatter_add")
    _check_fits(input, index, at)
    return _run(ops.scatter_add, input, index, values, at)


@public(in_place=True)
def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """What is scattered to each place, reduced: "sum", "prod", "mean", "amax" or "amin".

    Without `include_self` the old value counts only where nothing is scattered.

    >>> i = torch.tensor([0, 0])
    >>> torch.scatter_reduce(torch.ones(2), 0, i, torch.tensor([5.0, 6.0]), "amax")
    tensor([6., 1.])
    """
    reduce = {"max": "amax", "min": "amin"}.get(reduce, reduce)
    if reduce not in _START:
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}."
        )
    return reduce_into(input, dim, index, src, reduce, include_self, SCATTER_REDUCE)


SCATTER_REDUCE = {
    "mean": ops.scatter_mean,
    "prod": ops.scatter_prod,
    "extreme": ops.scatter_extreme,
}
INDEX_REDUCE = {"mean": ops.index_mean, "prod": ops.index_prod, "extreme": ops.index_extreme}


def reduce_into(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Tensor,
    reduce: str,
    include_self: bool,
    operations: dict[str, Any],
) -> Tensor:
    """`scatter_reduce` by the operations of that name, or those of `index_reduce`."""
    index, at = _places(input, dim, index, "scatter_reduce", "self")
    values = _source(input, index, src, at, "scatter_reduce")
    _check_fits(input, index, at)
    if not include_self:
        start = constant(_first(reduce, input), input._data.dtype)
        input = _run(ops.scatter_value, input, index, start, at)
    if reduce == "sum":
        return _run(ops.scatter_sum, input, index, values, at)
    if reduce == "prod":
        return _run(operations["prod"], input, index, values, at)
    if reduce == "mean":
        return _mean(operations["mean"], input, index, values, at, include_self)
    return _run(operations["extreme"], input, index, values, at, largest=reduce == "amax")


_START = {"sum": 0, "prod": 1, "mean": 0, "amax": "lowest", "amin": "highest"}


def _first(reduce: str, input: Tensor) -> Any:
    """What changes nothing when it is reduced with something."""
    start = _START[reduce]
    if start not in ("lowest", "highest"):
        return start
    if input.dtype.category == BOOL:
        return start == "highest"
    if input.dtype.category == INTEGER:
        limits = np.iinfo(input._data.dtype)
        return int(limits.min if start == "lowest" else limits.max)
    return -np.inf if start == "lowest" else np.inf


def _mean(
    operation: Any, input: Tensor, index: Tensor, values: Tensor, dim: int, include_self: bool
) -> Tensor:
    if input.dtype.category > INTEGER:
        return _run(operation, input, index, values, dim, include_self=include_self)
    total = _run(ops.scatter_sum, input, index, values, dim)
    ones = wrap(np.ones(index._data.shape, np.int64))
    start = wrap(np.full(input._data.shape, int(include_self)))
    met = _run(ops.scatter_sum, start, index, ones, dim)
    dtype = input.dtype.numpy

    def mean(n: int, sums: Any, counts: Any) -> Any:
        return np.asarray(sums // np.maximum(counts, 1)).astype(dtype)

    found: Tensor = on_values(mean, total, met)
    return found


@public()
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """`gather` with broadcasting: what argsort and argmax give, taken; without dim of one run.

    >>> x = torch.tensor([[3, 1], [2, 4]])
    >>> torch.take_along_dim(x, torch.argsort(x, dim=1), dim=1)
    tensor([[1, 3],
            [2, 4]])
    """
    expect_tensor(input, "take_along_dim")
    if indices._data.dtype.kind not in "iu":
        raise RuntimeError(
            f"torch.take_along_dim(): dtype of indices should be Long but got {indices.dtype.short}"
        )
    if dim is None:
        return gather(reshape(input, (-1,)), 0, reshape(indices, (-1,)))
    if input._data.ndim != indices._data.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, "
            f"but got {input._data.ndim} dimensions for input, and {indices._data.ndim} dimensions "
            "for indices"
        )
    at = canonical_dim(dim, input._data.ndim, "take_along_dim")
    kept = [slice(0, 1) if d == at else slice(None) for d in range(input._data.ndim)]
    shape = list(common_shape(input[tuple(kept)], indices[tuple(kept)]))
    shape[at] = input._data.shape[at]
    places = list(shape)
    places[at] = indices._data.shape[at]
    return gather(input.expand(shape), at, indices.expand(places))
