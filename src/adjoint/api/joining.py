"""Floor 3: joining tensors: cat, stack and their relatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays.dtypes import get_default_dtype
from ..autograd.size import Size
from ..autograd.tensor import Tensor, wrap
from ..ops import joining as ops
from .dims import canonical_dim
from .promotion import operand, result_type
from .registration import public


def tensor_list(tensors: Any, name: str) -> list[Tensor]:
    """The argument `tensors`: a sequence of Tensors."""
    if isinstance(tensors, Tensor):
        raise TypeError(
            f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not Tensor; "
            f"write {name}([...])"
        )
    found = list(tensors)
    for i, t in enumerate(found):
        if t.__class__ is not Tensor and not isinstance(t, Tensor):
            raise TypeError(
                f"expected Tensor as element {i} in argument 0, but got {type(t).__name__}"
            )
    return found


def _promoted(tensors: list[Tensor], name: str) -> list[Tensor]:
    """All in one dtype; a mixture is promoted."""
    first = tensors[0]._data.dtype
    for t in tensors:
        if t._data.dtype is not first and t._data.dtype != first:
            d = result_type(*tensors)
            return [operand(t, d, name) for t in tensors]
    return tensors


@public("cat", "concat", "concatenate", method=False)
def cat(tensors: Sequence[Tensor], dim: int = 0, *, axis: int | None = None) -> Tensor:
    """Tensors one after the other along `dim`; they agree in every other dimension.

    >>> torch.cat([torch.tensor([1, 2]), torch.tensor([3])])
    tensor([1, 2, 3])
    """
    found = tensor_list(tensors, "cat")
    if not found:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    first = found[0]._data
    for t in found:
        array = t._data
        if array.dtype is not first.dtype or array.shape == (0,):
            found = _promoted(found, "cat")
            # torch takes empty tensors of one dimension for "nothing yet"
            found = [t for t in found if t._data.shape != (0,)] or found[:1]
            break
    at = canonical_dim(dim if axis is None else axis, found[0]._data.ndim, "cat")
    try:
        return ops.cat(*found, dim=at)
    except ValueError:
        raise _cat_error([t._data.shape for t in found], at) from None


def _cat_error(shapes: list[Any], dim: int) -> RuntimeError:
    """Why tensors of these shapes cannot be joined."""
    first = shapes[0]
    for i, shape in enumerate(shapes):
        if not shape:
            return RuntimeError(
                f"zero-dimensional tensor (at position {i}) cannot be concatenated; use stack"
            )
        if len(shape) != len(first):
            return RuntimeError(
                f"Tensors must have same number of dimensions: got {len(first)} and {len(shape)}"
            )
        for d, (n, m) in enumerate(zip(first, shape)):
            if d != dim and n != m:
                return RuntimeError(
                    f"Sizes of tensors must match except in dimension {dim}. Expected size {n} but "
                    f"got size {m} for tensor number {i} in the list. (Shapes "
                    f"{[list(s) for s in shapes]} differ in dimension {d}.)"
                )
    return RuntimeError(f"cat: cannot join tensors of shapes {[list(s) for s in shapes]}")


@public(method=False)
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors of one shape along a new dimension.

    >>> torch.stack([torch.tensor([1, 2]), torch.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    found = tensor_list(tensors, "stack")
    if not found:
        raise RuntimeError("stack expects a non-empty TensorList")
    shape = found[0]._data.shape
    for i, t in enumerate(found):
        if t._data.shape != shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(shape)} at entry 0 "
                f"and {list(t._data.shape)} at entry {i}; bring them to one shape (in a "
                "DataLoader: by a transform or a collate_fn), or join along a dimension they "
                "have with cat"
            )
    at = canonical_dim(dim, len(shape) + 1, "stack")
    return ops.stack(*_promoted(found, "stack"), dim=at)


@public(method=False)
def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors joined along dimension 1; along 0 when they have one dimension.

    >>> torch.hstack([torch.tensor([1, 2]), torch.tensor([3])])
    tensor([1, 2, 3])
    """
    found = _at_least(tensors, 1, "hstack")
    return cat(found, 0 if found[0]._data.ndim == 1 else 1)


@public("vstack", "row_stack", method=False)
def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors joined along dimension 0; those of one dimension are rows.

    >>> torch.vstack([torch.tensor([1, 2]), torch.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    return cat(_at_least(tensors, 2, "vstack"), 0)


@public(method=False)
def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors joined along dimension 2.

    >>> torch.dstack([torch.tensor([1, 2]), torch.tensor([3, 4])])
    tensor([[[1, 3],
             [2, 4]]])
    """
    return cat(_at_least(tensors, 3, "dstack"), 2)


@public(method=False)
def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors joined along dimension 1; those of one dimension are columns.

    >>> torch.column_stack([torch.tensor([1, 2]), torch.tensor([3, 4])])
    tensor([[1, 3],
            [2, 4]])
    """
    found = _non_empty(tensors, "column_stack")
    return cat([t.reshape(-1, 1) if t._data.ndim < 2 else t for t in found], 1)


def _non_empty(tensors: Any, name: str) -> list[Tensor]:
    found = tensor_list(tensors, name)
    if not found:
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    return found


def _at_least(tensors: Any, ndim: int, name: str) -> list[Tensor]:
    return [with_dims(t, ndim) for t in _non_empty(tensors, name)]


def with_dims(t: Tensor, ndim: int) -> Tensor:
    """A view with at least 1, 2 or 3 dimensions: vectors are rows, matrices lie flat."""
    have = t._data.ndim
    if have >= ndim:
        return t
    if have == 0:
        return t.reshape((1,) * ndim)
    if ndim == 2:
        return t.unsqueeze(0)
    return t.unsqueeze(-1) if have == 2 else t.unsqueeze(0).unsqueeze(-1)


def _atleast(ndim: int) -> None:
    def atleast(*tensors: Any) -> Any:
        if len(tensors) == 1 and isinstance(tensors[0], Tensor):
            return with_dims(tensors[0], ndim)
        many = tensors[0] if len(tensors) == 1 else tensors
        return tuple([with_dims(t, ndim) for t in tensor_list(many, name)])

    name = f"atleast_{ndim}d"
    atleast.__name__ = atleast.__qualname__ = name
    atleast.__module__ = "adjoint"
    shape = [1] * ndim
    atleast.__doc__ = (
        f"A view with at least {ndim} dimensions; of several tensors a tuple.\n\n"
        f">>> torch.{name}(torch.tensor(5)).shape\ntorch.Size({shape})"
    )
    public(method=False, out=False)(atleast)


for _ndim in (1, 2, 3):
    _atleast(_ndim)


@public(method=False, out=False)
def block_diag(*tensors: Tensor) -> Tensor:
    """Matrices on the diagonal of a matrix of zeros; vectors are rows.

    >>> torch.block_diag(torch.tensor([[1, 2]]), torch.tensor([[3]]))
    tensor([[1, 2, 0],
            [0, 0, 3]])
    """
    found = tensor_list(tensors, "block_diag")
    if not found:
        return wrap(np.zeros((1, 0), get_default_dtype().numpy))
    for i, t in enumerate(found):
        if t._data.ndim > 2:
            raise RuntimeError(
                "torch.block_diag: Input tensors must have 2 or fewer dimensions. Input "
                f"{i} has {t._data.ndim} dimensions"
            )
    matrices = _promoted([with_dims(t, 2) for t in found], "block_diag")
    return ops.block_diag(*matrices)


@public(method=False, out=False)
def broadcast_shapes(*shapes: Any) -> Size:
    """The shape that tensors of these shapes have together.

    >>> torch.broadcast_shapes((2, 1), (3,))
    torch.Size([2, 3])
    """
    given = [(s.__index__(),) if hasattr(s, "__index__") else tuple(s) for s in shapes]
    found: list[int] = []
    for number, shape in enumerate(given):
        found = [1] * (len(shape) - len(found)) + found
        for i in range(-1, -len(shape) - 1, -1):
            n = shape[i]
            if n in (1, found[i]):
                continue
            if found[i] != 1:
                raise RuntimeError(
                    f"Attempting to broadcast a dimension of length {n} at {i}! Mismatching "
                    f"argument at index {number} had {shape}; but expected shape should be "
                    f"broadcastable to {found}"
                )
            found[i] = n
    return Size(found)


@public(method=False, out=False)
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """Views of all tensors in their common shape.

    >>> a, b = torch.broadcast_tensors(torch.tensor([1, 2]), torch.tensor([[3], [4]]))
    >>> b
    tensor([[3, 3],
            [4, 4]])
    """
    many = tensors[0] if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else tensors
    found = tensor_list(many, "broadcast_tensors")
    shape = common_shape(*found)
    return tuple([t if t._data.shape == shape else t.expand(shape) for t in found])


def common_shape(*tensors: Tensor) -> tuple[int, ...]:
    """The broadcast shape of tensors, or torch's error."""
    first = tensors[0]._data.shape if tensors else ()
    for t in tensors[1:]:
        shape = t._data.shape
        try:
            first = np.broadcast_shapes(first, shape)
        except ValueError:
            lead = max(len(first), len(shape))
            a, b = (1,) * (lead - len(first)) + first, (1,) * (lead - len(shape)) + shape
            dim = max(i for i in range(lead) if a[i] != b[i] and 1 not in (a[i], b[i]))
            raise RuntimeError(
                f"The size of tensor a ({a[dim]}) must match the size of tensor b ({b[dim]}) at "
                f"non-singleton dimension {dim} (shapes {list(first)} and {list(shape)})"
            ) from None
    return first
