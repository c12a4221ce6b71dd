"""Floor 3: elements repeated, moved and turned, with a copy; diagonals and triangles."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.checks import is_any
from ..arrays.dtypes import NP_BOOL, NP_INT64
from ..autograd.lifted import layout_of, values_of
from ..autograd.tensor import Tensor, wrap
from ..ops import indexing, joining, placement
from ..ops import shape as views
from ..ops.conversion import cast
from ..ops.copies import COPIES
from .dims import canonical_dim
from .examples import depends_on_values, mapped_levels
from .parts import diagonal, diagonal_dims
from .registration import public
from .shape import expect_tensor, reshape, sizes_of


@public(function=False)
def repeat(self: Tensor, *repeats: Any, **options: Any) -> Tensor:
    """The whole tensor several times along each dimension, with a copy.

    >>> torch.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    times = sizes_of(repeats or (options.pop("repeats"),), "repeat", "repeats")
    shape = self._data.shape
    if len(times) < len(shape):
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of "
            f"tensor: got {len(times)} repeats for {len(shape)} dimensions"
        )
    if any(n < 0 for n in times):
        full = (1,) * (len(times) - len(shape)) + shape
        sizes = [n * m for n, m in zip(times, full)]
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(sizes)}: {sizes}")
    return joining.repeat(self, repeats=times)


@public(out=False)
def tile(input: Tensor, *dims: Any, **options: Any) -> Tensor:
    """`repeat`, where missing repeats of leading dimensions are 1.

    >>> torch.tile(torch.tensor([[1], [2]]), (2,))
    tensor([[1, 1],
            [2, 2]])
    """
    ndim = expect_tensor(input, "tile")._data.ndim
    times = sizes_of(dims or (options.pop("dims"),), "tile", "dims")
    return repeat(input, (1,) * (ndim - len(times)) + times)


@public(out=False)
def repeat_interleave(
    input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each element (or slice along `dim`) several times in a row.

    `repeats`: an int, or an int tensor of one number for each. Alone: the indices to select.

    >>> torch.repeat_interleave(torch.tensor([1, 2]), 2)
    tensor([1, 1, 2, 2])
    """
    expect_tensor(input, "repeat_interleave")
    if repeats is None:
        counts = _counts(input)
        return wrap(np.repeat(np.arange(counts.size), counts))
    if dim is None:
        input, at = reshape(input, (-1,)), 0
    else:
        at = canonical_dim(dim, input._data.ndim, "repeat_interleave")
        if input._data.ndim == 0:
            input = reshape(input, (1,))
    n = input._data.shape[at]
    if isinstance(repeats, Tensor) and repeats._data.size != 1:
        counts = _counts(repeats)
        if counts.size != n:
            raise RuntimeError(
                "repeats must have the same size as input along dim, but got repeats.size(0) = "
                f"{counts.size} and input.size({at}) = {n}"
            )
        total = int(counts.sum())
    else:
        times = int(repeats)
        if times < 0:
            raise RuntimeError(f"Repeats must be non-negative, but got {times}")
        total = n * times
    if output_size is not None and output_size != total:
        raise RuntimeError(
            f"repeat_interleave: Invalid output_size, expected {total} but got {output_size}"
        )
    if isinstance(repeats, Tensor) and repeats._data.size != 1:
        places = wrap(np.repeat(np.arange(n), counts))
        return indexing.index_select(input, places, dim=at)
    shape = input._data.shape
    wide = input.unsqueeze(at + 1).expand(*shape[: at + 1], times, *shape[at + 1 :])
    return reshape(views.contiguous(wide), (*shape[:at], total, *shape[at + 1 :]))


def _counts(repeats: Tensor) -> Any:
    if mapped_levels(repeats):
        raise RuntimeError(depends_on_values("repeat_interleave with a tensor of repeats"))
    counts = values_of(repeats)
    if counts.dtype.kind not in "iu":
        raise NotImplementedError(
            f"\"repeat_interleave_cpu\" not implemented for '{repeats.dtype.short}': repeats must "
            "be int32 or int64"
        )
    if counts.ndim > 1:
        raise RuntimeError("repeat_interleave only accept 1D vector as repeat")
    if is_any(counts < 0):
        raise RuntimeError(f"repeats can not be negative: {counts.tolist()}")
    return counts.reshape(-1)


@public(out=False)
def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Elements moved by `shifts` along `dims`; without dims, as one run.

    >>> torch.roll(torch.arange(4), 1)
    tensor([3, 0, 1, 2])
    """
    shape = expect_tensor(input, "roll")._data.shape
    by = sizes_of((shifts,), "roll", "shifts")
    along = () if dims is None else sizes_of((dims,), "roll", "dims")
    if not along and len(by) == 1:
        return joining.roll(input, shifts=by[0], dims=None)
    if len(along) != len(by) or not by:
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(by)}, dims:{len(along)}"
        )
    places = tuple([canonical_dim(d, len(shape), "roll") for d in along])
    if not shape:
        raise IndexError(f"Dimension specified as {along[0]} but tensor has no dimensions")
    return joining.roll(input, shifts=by, dims=places)


@public(out=False)
def flip(input: Tensor, *dims: Any, **options: Any) -> Tensor:
    """Elements in reverse order along `dims`, with a copy.

    >>> torch.flip(torch.tensor([[1, 2], [3, 4]]), [0])
    tensor([[3, 4],
            [1, 2]])
    """
    ndim = expect_tensor(input, "flip")._data.ndim
    along = sizes_of(dims or (options.pop("dims"),), "flip", "dims")
    places = [canonical_dim(d, ndim, "flip") for d in along]
    if len(set(places)) != len(places):
        twice = next(d for i, d in enumerate(places) if d in places[:i])
        raise RuntimeError(f"dim {twice} appears multiple times in the list of dims")
    return joining.flip(input, dims=tuple(places) if ndim else ())


def _flipper(name: str, dim: int) -> None:
    def flip_along(input: Tensor) -> Tensor:
        if expect_tensor(input, name)._data.ndim <= dim:
            raise RuntimeError(f"Input must be >= {dim + 1}-d. ({name})")
        return flip(input, dim)

    flip_along.__name__ = flip_along.__qualname__ = name
    flip_along.__module__ = "adjoint"
    result = "[[2, 1],\n        [4, 3]]" if dim else "[[3, 4],\n        [1, 2]]"
    flip_along.__doc__ = (
        f"Elements in reverse order along dimension {dim}.\n\n"
        f">>> torch.{name}(torch.tensor([[1, 2], [3, 4]]))\ntensor({result})"
    )
    public(out=False)(flip_along)


_flipper("fliplr", 1)
_flipper("flipud", 0)


@public(out=False)
def rot90(input: Tensor, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """A plane turned by k quarter turns, from the first of `dims` towards the second.

    >>> torch.rot90(torch.tensor([[1, 2], [3, 4]]))
    tensor([[2, 4],
            [1, 3]])
    """
    ndim = expect_tensor(input, "rot90")._data.ndim
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {ndim}")
    plane = tuple([canonical_dim(d, ndim, "rot90") for d in dims])
    if plane[0] == plane[1]:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    return joining.rot90(input, k=k % 4, dims=plane)


def _triangle(name: str, operation: Any) -> None:
    side = "above" if name == "tril" else "below"

    def triangle(input: Tensor, diagonal: int = 0) -> Tensor:
        if expect_tensor(input, name)._data.ndim < 2:
            raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")
        return operation(input, diagonal=int(diagonal))

    triangle.__name__ = triangle.__qualname__ = name
    result = "[[1, 0],\n        [3, 4]]" if name == "tril" else "[[1, 2],\n        [0, 4]]"
    triangle.__doc__ = (
        f"Matrices with zeros {side} the diagonal with number `diagonal`.\n\n"
        f">>> torch.{name}(torch.tensor([[1, 2], [3, 4]]))\ntensor({result})"
    )
    public(in_place=True)(triangle)


_triangle("tril", placement.tril)
_triangle("triu", placement.triu)


@public(out=False)
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices of zeros with the last dimension of `input` on a diagonal.

    >>> torch.diag_embed(torch.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    shape = expect_tensor(input, "diag_embed")._data.shape
    if not shape:
        raise IndexError(
            "Dimension out of range (expected to be in range of [-1, 0], but got -2): diag_embed "
            "needs a tensor with at least one dimension"
        )
    first, second = diagonal_dims(len(shape) + 1, dim1, dim2, "diag_embed")
    n = shape[-1] + abs(offset)
    sizes = list(shape[:-1])
    for at in sorted((first, second)):
        sizes.insert(at, n)
    return placement.diag_embed(input, shape=tuple(sizes), offset=offset, dim1=first, dim2=second)


@public()
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """The matrix with a vector on its diagonal, or the diagonal of a matrix; a copy.

    >>> torch.diag(torch.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    ndim = expect_tensor(input, "diag")._data.ndim
    if ndim == 1:
        return diag_embed(input, diagonal)
    if ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {ndim}D")
    return COPIES[views.diagonal](input, offset=diagonal, dim1=0, dim2=1)


@public(out=False)
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """The matrix with all elements of `input` on a diagonal.

    >>> torch.diagflat(torch.tensor([[1], [2]]))
    tensor([[1, 0],
            [0, 2]])
    """
    return diag_embed(reshape(expect_tensor(input, "diagflat"), (-1,)), offset)


@public(out=False)
def trace(input: Tensor) -> Tensor:
    """The sum of the diagonal of a matrix; of integers as int64.

    >>> torch.trace(torch.tensor([[1, 2], [3, 4]]))
    tensor(5)
    """
    array = expect_tensor(input, "trace")._data
    if array.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {array.ndim}")
    if array.dtype == NP_BOOL:
        raise NotImplementedError("\"trace\" not implemented for 'Bool'; convert with .long()")
    if array.dtype.kind in "iu" and array.dtype != NP_INT64:
        input = cast(input, dtype=NP_INT64)
    return placement.trace(input)


def _expect_slice(src: Tensor, wanted: tuple[int, ...]) -> None:
    if src._data.shape != wanted:
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. src size = "
            f"{list(src._data.shape)}, slice size = {list(wanted)}"
        )


def _same_dtype(input: Tensor, src: Tensor) -> Tensor:
    """`src` in the dtype of `input`."""
    return src if src.dtype is input.dtype else cast(src, dtype=input._data.dtype)


@public(out=False)
def diagonal_scatter(
    input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Tensor:
    """A copy of `input` with a diagonal replaced by `src`.

    >>> torch.diagonal_scatter(torch.zeros(2, 2), torch.ones(2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    array = expect_tensor(input, "diagonal_scatter")._data
    first, second = diagonal_dims(array.ndim, dim1, dim2, "diagonal_scatter")
    _expect_slice(src, np.diagonal(layout_of(input), offset, first, second).shape)
    return placement.diagonal_scatter(
        input, _same_dtype(input, src), offset=offset, dim1=first, dim2=second
    )


@public(out=False)
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """A copy of `input` with the slice at `index` along `dim` replaced by `src`.

    >>> torch.select_scatter(torch.zeros(2, 2), torch.ones(2), 0, 1)
    tensor([[0., 0.],
            [1., 1.]])
    """
    array = expect_tensor(input, "select_scatter")._data
    at = canonical_dim(dim, array.ndim, "select_scatter")
    n = array.shape[at]
    if not -n <= index < n:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(array.shape)} at "
            f"dimension {at}"
        )
    key = (*(slice(None),) * at, index % n, ...)
    _expect_slice(src, array[key].shape)
    return placement.select_scatter(input, _same_dtype(input, src), key=key)


@public(out=False)
def slice_scatter(
    input: Tensor,
    src: Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Tensor:
    """A copy of `input` with `start:end:step` along `dim` replaced by `src`.

    >>> torch.slice_scatter(torch.zeros(3), torch.ones(2), 0, 1)
    tensor([0., 1., 1.])
    """
    array = expect_tensor(input, "slice_scatter")._data
    at = canonical_dim(dim, array.ndim, "slice_scatter")
    if step <= 0:
        raise RuntimeError(f"slice step must be positive, but got {step}")
    begin, stop, step = slice(start, end, step).indices(array.shape[at])
    key = (*(slice(None),) * at, slice(begin, max(begin, stop), step), ...)
    _expect_slice(src, array[key].shape)
    return placement.slice_scatter(input, _same_dtype(input, src), key=key)


def _range(n: int) -> Any:
    return wrap(np.arange(n))


@public("fill_diagonal_", function=False)
def fill_diagonal_(self: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Write a number on the main diagonal, in place; `wrap` starts again below a tall matrix.

    >>> torch.zeros(2, 2).fill_diagonal_(5)
    tensor([[5., 0.],
            [0., 5.]])
    """
    shape = self._data.shape
    if len(shape) < 2:
        raise RuntimeError(f"dimensions must larger than 1, but the shape is {list(shape)}")
    if len(shape) > 2 and len(set(shape)) > 1:
        raise RuntimeError(
            f"all dimensions of input must be of equal length, but the shape is {list(shape)}"
        )
    if len(shape) > 2:
        self[tuple([_range(n) for n in shape])] = fill_value
        return self
    rows, columns = shape
    diagonal(self).fill_(fill_value)
    if wrap:
        for start in range(columns + 1, rows, columns + 1):
            diagonal(self[start:]).fill_(fill_value)
    return self
