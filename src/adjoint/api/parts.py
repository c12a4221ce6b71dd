"""Floor 3: parts of a tensor that share its memory: select, narrow, split, diagonal, unfold."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ..arrays import strides
from ..autograd.lifted import layout_of
from ..autograd.tensor import Tensor
from ..ops import shape as ops
from .dims import canonical_dim
from .registration import public
from .shape import expect_tensor, sizes_of

_ALL = slice(None)


@public(out=False)
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """The slice at `index` along `dim`, without that dimension; a view.

    >>> torch.select(torch.tensor([[1, 2], [3, 4]]), 1, 0)
    tensor([1, 3])
    """
    array = expect_tensor(input, "select")._data
    if array.ndim == 0:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    at = canonical_dim(dim, array.ndim, "select")
    i, n = index.__index__(), array.shape[at]
    if not -n <= i < n:
        raise IndexError(
            f"select(): index {i} out of range for tensor of size {list(array.shape)} at dimension "
            f"{at}"
        )
    key = (*(_ALL,) * at, i % n, ...)
    return ops.select.run_view(input, array[key], {"key": key})


def _narrowed(input: Tensor, dim: int, start: Any, length: int) -> tuple[Any, int]:
    array = expect_tensor(input, "narrow")._data
    if array.ndim == 0:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if isinstance(start, Tensor) and (start._data.ndim or start._data.dtype.kind not in "iu"):
        raise RuntimeError("start must be an 0-dim integral Tensor.")
    if length < 0:
        raise RuntimeError(f"narrow(): length must be non-negative, but got {length}")
    at = canonical_dim(dim, array.ndim, "narrow")
    n, start = array.shape[at], start.__index__()
    if not -n <= start <= n:
        raise IndexError(
            f"start out of range (expected to be in range of [{-n}, {n}], but got {start})"
        )
    start = start + n if start < 0 else start
    if start + length > n:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({n}).")
    return (_ALL,) * at + (slice(start, start + length),), at


@public(out=False)
def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """`length` elements from `start` along `dim`; a view.

    >>> torch.narrow(torch.arange(5), 0, 1, 3)
    tensor([1, 2, 3])
    """
    key, _ = _narrowed(input, dim, start, length)
    return ops.slice_.run_view(input, input._data[key], {"key": key})


@public()
def narrow_copy(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """`narrow`, as a copy.

    >>> torch.narrow_copy(torch.tensor([1, 2, 3]), 0, 1, 2)
    tensor([2, 3])
    """
    key, _ = _narrowed(input, dim, start, length)
    return ops.narrow_copy(input, key=key)


def _sizes(size: Any, dim: int, shape: Any, name: str) -> tuple[tuple[int, ...], int]:
    """The sizes of all parts, from one size or from the sizes themselves; and the dim."""
    if not shape:
        raise RuntimeError(f"{name} expects at least a 1-dimensional tensor")
    at = canonical_dim(dim, len(shape), name)
    n = shape[at]
    if not hasattr(size, "__index__"):
        sizes = sizes_of((size,), "split_with_sizes", "split_sizes")
        if sum(sizes) != n or any(s < 0 for s in sizes):
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size "
                f"at dimension {at}), but got split_sizes={list(sizes)}"
            )
        return sizes, at
    size = size.__index__()
    if size < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
    if size == 0 and n:
        raise RuntimeError(
            f"split_size can only be 0 if dimension size is 0, but got dimension size of {n}"
        )
    found = [size] * (n // size) if size else [0]
    if size and (n % size or not found):
        found.append(n % size)
    return tuple(found), at


@public(out=False)
def split(
    tensor: Tensor, split_size_or_sections: Any = None, dim: int = 0, split_size: Any = None
) -> tuple[Tensor, ...]:
    """Views of parts along `dim`: of one size each (the last may be smaller), or of given sizes.

    >>> torch.split(torch.arange(5), 2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    size = split_size_or_sections if split_size is None else split_size
    sizes, at = _sizes(size, dim, expect_tensor(tensor, "split")._data.shape, "split")
    operation = ops.split if hasattr(size, "__index__") else ops.split_with_sizes
    return operation(tensor, sizes=sizes, dim=at)


@public(out=False)
def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Views of consecutive parts of the given sizes along `dim`.

    >>> torch.split_with_sizes(torch.arange(4), [1, 3])
    (tensor([0]), tensor([1, 2, 3]))
    """
    shape = expect_tensor(input, "split_with_sizes")._data.shape
    sizes, at = _sizes(tuple(split_sizes), dim, shape, "split_with_sizes")
    return ops.split_with_sizes(input, sizes=sizes, dim=at)


def _chunk_size(input: Tensor, chunks: int, dim: int) -> Any:
    """What `split` takes to make that many chunks."""
    shape = expect_tensor(input, "chunk")._data.shape
    if not shape:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    n = shape[canonical_dim(dim, len(shape), "chunk")]
    return -(-n // chunks) if n else (0,) * chunks


@public(out=False)
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of `chunks` parts of equal size along `dim`; the last may be smaller or missing.

    >>> torch.chunk(torch.arange(5), 3)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    return split(input, _chunk_size(input, chunks, dim), dim)


@public(out=False)
def unsafe_split(tensor: Tensor, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """`split`, whose parts may be written in place: autograd does not know that they share memory.

    >>> torch.unsafe_split(torch.arange(3), 2)
    (tensor([0, 1]), tensor([2]))
    """
    shape = expect_tensor(tensor, "unsafe_split")._data.shape
    sizes, at = _sizes(split_size, dim, shape, "split")
    operation = ops.unsafe_split
    if not hasattr(split_size, "__index__"):
        operation = ops.unsafe_split_with_sizes
    return operation(tensor, sizes=sizes, dim=at)


@public(out=False)
def unsafe_split_with_sizes(
    input: Tensor, split_sizes: Sequence[int], dim: int = 0
) -> tuple[Tensor, ...]:
    """`split_with_sizes`, whose parts may be written in place.

    >>> torch.unsafe_split_with_sizes(torch.arange(3), [1, 2])
    (tensor([0]), tensor([1, 2]))
    """
    return unsafe_split(input, tuple(split_sizes), dim)


@public(out=False)
def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """`chunk`, whose parts may be written in place.

    >>> torch.unsafe_chunk(torch.arange(3), 2)
    (tensor([0, 1]), tensor([2]))
    """
    return unsafe_split(input, _chunk_size(input, chunks, dim), dim)


@public(out=False)
def tensor_split(
    input: Tensor,
    indices_or_sections: Any = None,
    dim: int = 0,
    *,
    indices: Any = None,
    sections: Any = None,
) -> tuple[Tensor, ...]:
    """Views of parts along `dim`: a number of nearly equal ones, or cut before given indices.

    >>> torch.tensor_split(torch.arange(5), 2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    """
    shape = expect_tensor(input, "tensor_split")._data.shape
    if not shape:
        raise RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"
        )
    at = canonical_dim(dim, len(shape), "tensor_split")
    n = shape[at]
    how: Any = next((h for h in (indices_or_sections, indices, sections) if h is not None), None)
    if isinstance(how, Tensor):
        how = how._data.tolist()
    if hasattr(how, "__index__"):
        count = how.__index__()
        if count <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {count}")
        cuts = [i * (n // count) + min(i, n % count) for i in range(count + 1)]
    else:
        cuts = [0, *sizes_of((how,), "tensor_split", "indices"), n]
    found = []
    for start, stop, _ in (slice(a, b).indices(n) for a, b in pairwise(cuts)):
        key = (_ALL,) * at + (slice(start, max(start, stop)),)
        found.append(ops.slice_.run_view(input, input._data[key], {"key": key}))
    return tuple(found)


def _splitter(name: str, least: int, dim: int) -> None:
    def split_along(input: Tensor, *indices_or_sections: Any, **options: Any) -> Any:
        ndim = expect_tensor(input, name)._data.ndim
        if ndim < least:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {least} dimension, but got a "
                f"tensor with {ndim} dimensions!"
            )
        at = 0 if name == "hsplit" and ndim == 1 else dim
        how = indices_or_sections or tuple(options.values())
        count = how[0] if len(how) == 1 else how
        n = input._data.shape[at]
        if isinstance(count, int) and (count <= 0 or n % count):
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {at}, but the size of the "
                f"dimension {n} is not divisible by the split_size {count}!"
            )
        return tensor_split(input, count, at)

    shape, part = [1] * (least + 1), [1] * (least + 1)
    shape[dim], part[dim] = 4, 2
    split_along.__doc__ = (
        f"`tensor_split` along dimension {dim}, into equal parts only.\n\n"
        f">>> [part.shape for part in torch.{name}(torch.zeros({str(shape)[1:-1]}), 2)]\n"
        f"[torch.Size({part}), torch.Size({part})]"
    )
    split_along.__name__ = split_along.__qualname__ = name
    split_along.__module__ = "adjoint"
    public(out=False)(split_along)


for _name, _least, _dim in (("hsplit", 1, 1), ("vsplit", 2, 0), ("dsplit", 3, 2)):
    _splitter(_name, _least, _dim)


@public(out=False)
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of all slices along `dim`, each without that dimension.

    >>> torch.unbind(torch.tensor([[1, 2], [3, 4]]))
    (tensor([1, 2]), tensor([3, 4]))
    """
    ndim = expect_tensor(input, "unbind")._data.ndim
    if ndim == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    at = canonical_dim(dim, ndim, "unbind")
    return ops.unbind(input, dim=at)


def diagonal_dims(ndim: int, dim1: int, dim2: int, name: str) -> tuple[int, int]:
    """Two different dimensions."""
    first, second = canonical_dim(dim1, ndim, name), canonical_dim(dim2, ndim, name)
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return first, second


@public(out=False)
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Elements (i, i + offset) of two dimensions, along a new last one; a view.

    >>> torch.diagonal(torch.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    ndim = expect_tensor(input, "diagonal")._data.ndim
    first, second = diagonal_dims(ndim, dim1, dim2, "diagonal")
    out = strides.diagonal(layout_of(input), offset, first, second)
    return ops.diagonal.run_view(input, out, {"offset": offset, "dim1": first, "dim2": second})


@public(function=False)
def unfold(self: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Windows of `size` elements every `step` along `dimension`, in a new last one; a view.

    >>> torch.arange(4).unfold(0, 2, 1)
    tensor([[0, 1],
            [1, 2],
            [2, 3]])
    """
    shape = self._data.shape
    at = canonical_dim(dimension, len(shape), "unfold")
    n = shape[at] if shape else 1
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if size > n:
        raise RuntimeError(f"maximum size for tensor at dimension {at} is {n} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    out = strides.unfold(layout_of(self), at, size, step)
    return ops.unfold.run_view(self, out, {"dim": at, "size": size, "step": step})
