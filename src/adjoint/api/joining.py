"""Floor 3: joining tensors: cat, stack and their relatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd.tensor import Tensor
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
        if not isinstance(t, Tensor):
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
    found = _promoted(found, "cat")
    if any(t._data.shape == (0,) for t in found):  # torch takes these for "nothing yet"
        found = [t for t in found if t._data.shape != (0,)] or found[:1]
    at = canonical_dim(dim if axis is None else axis, found[0]._data.ndim, "cat")
    try:
        return ops.cat(*found, dim=at)  # type: ignore[no-any-return]
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
                f"and {list(t._data.shape)} at entry {i}"
            )
    at = canonical_dim(dim, len(shape) + 1, "stack")
    return ops.stack(*_promoted(found, "stack"), dim=at)  # type: ignore[no-any-return]
