"""Floor 3: as_strided and its relatives, and views as copies (`permute_copy` and so on)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd.lifted import Lifted
from ..autograd.modes import no_grad, state
from ..autograd.tensor import Tensor, is_cut, wrap
from ..ops import indexing
from ..ops import shape as ops
from ..ops.copies import COPIES
from ..ops.elementwise import where
from . import parts, shape
from .documentation import copy_doc
from .registration import public
from .shape import expect_tensor, sizes_of
from .views import reshaping, view

Geometry = tuple[tuple[int, ...], tuple[int, ...], int]


def _geometry(size: Any, stride: Any, offset: int) -> Geometry:
    sizes = sizes_of((size,), "as_strided", "size")
    strides = sizes_of((stride,), "as_strided", "stride")
    if len(sizes) != len(strides):
        raise RuntimeError(
            f"mismatch in length of strides and shape: {len(strides)} and {len(sizes)}"
        )
    if offset < 0 or any(s < 0 for s in strides):
        raise RuntimeError(f"Tensor: invalid storage offset {offset} or strides {list(strides)}")
    return sizes, strides, offset


def _check_room(geometry: Geometry, room: int, itemsize: int) -> None:
    size, stride, offset = geometry
    last = offset + sum((n - 1) * s for n, s in zip(size, stride))
    if 0 not in size and last >= room:
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset}, and "
            f"itemsize {itemsize} requiring a storage size of {(last + 1) * itemsize} are out of "
            f"bounds for storage of size {room * itemsize}"
        )


def _address(array: Any) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _offset(array: Any, start: Any) -> int:
    """Elements between the first of `start` and the first of `array`, on the same memory."""
    return (_address(array) - _address(start)) // array.itemsize if array.size else 0


@public(out=False)
def as_strided(
    input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Tensor:
    """The memory of `input` read with any sizes, strides and offset, counted in elements; a view.

    The gradient goes to the tensor that owns the memory; where elements overlap it adds up. (When
    that tensor is itself part of an array with gaps, the result is a copy.)

    >>> torch.as_strided(torch.arange(4), (3, 2), (1, 1))
    tensor([[0, 1],
            [1, 2],
            [2, 3]])
    """
    expect_tensor(input, "as_strided")
    if is_cut(input) and state.grad:  # a view made unrecorded leads nowhere, and so does this one
        with no_grad():
            return as_strided(input, size, stride, storage_offset)
    base = input if input._view is None else input._view.base
    # A view that was made a leaf, or whose base was cut since, has a history of its own.
    if input._requires_grad and not is_cut(input) and (input.is_leaf or not base._requires_grad):
        base = input
    array = base._data
    if isinstance(array, Lifted):
        return _of_lifted(input, size, stride, storage_offset)
    order = tuple(sorted(range(array.ndim), key=lambda i: (-array.strides[i], array.shape[i])))
    if not array.transpose(order).flags.c_contiguous:
        return _with_gaps(input, base, size, stride, storage_offset)
    owner = base if array.flags.c_contiguous else base.permute(order)
    offset = _offset(input._data, owner._data) if storage_offset is None else storage_offset
    geometry = _geometry(size, stride, offset)
    _check_room(geometry, array.size, array.itemsize)
    result: Tensor = ops.as_strided(owner, size=geometry[0], stride=geometry[1], offset=offset)
    if input._view is not None and result._view is not None:
        result._view.creation = result._view.creation or input._view.creation
    return result


def _of_lifted(input: Tensor, size: Any, stride: Any, offset: int | None) -> Tensor:
    """Inside a transform: of a tensor that is no view, whose examples are each contiguous."""
    if input._view is not None:
        raise RuntimeError(
            "as_strided: inside a transform (vmap, jvp) a view has no place in memory to count "
            "from; apply it to x.clone(), or use indexing and reshape"
        )
    geometry = _geometry(size, stride, 0 if offset is None else offset)
    _check_room(geometry, input._data.size, input._data.itemsize)
    found: Tensor = ops.as_strided(input, size=geometry[0], stride=geometry[1], offset=geometry[2])
    return found


def _places(geometry: Geometry) -> Any:
    """Positions in memory of the elements of a strided array."""
    size, stride, offset = geometry
    places = np.full(size, offset)
    for axis, (n, step) in enumerate(zip(size, stride)):
        places += (np.arange(n) * step).reshape((-1,) + (1,) * (len(size) - 1 - axis))
    return places


def _with_gaps(input: Tensor, base: Tensor, size: Any, stride: Any, offset: int | None) -> Tensor:
    """`as_strided` on a tensor that is part of a larger array: what lies between is constant."""
    array = base._data
    root = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    span = 1 + sum((n - 1) * s // array.itemsize for n, s in zip(root.shape, root.strides))
    memory = np.lib.stride_tricks.as_strided(root, (span,), (array.itemsize,))
    geometry = _geometry(size, stride, _offset(input._data, root) if offset is None else offset)
    _check_room(geometry, memory.size, array.itemsize)
    steps = tuple([s // array.itemsize for s in array.strides])
    owned = _places((array.shape, steps, _offset(array, root))).reshape(-1)
    number = np.full(memory.size, -1)
    number[owned] = np.arange(owned.size)
    wanted = _places(geometry)
    numbers = number[wanted]
    picked = indexing.index(shape.reshape(base, (-1,)), wrap(np.maximum(numbers, 0)), axes=(0,))
    return where(wrap(numbers >= 0), picked, wrap(memory[wanted]))


@public(out=False)
def as_strided_scatter(
    input: Tensor,
    src: Tensor,
    size: Sequence[int],
    stride: Sequence[int],
    storage_offset: int | None = None,
) -> Tensor:
    """A copy of `input` with what `as_strided` would read replaced by `src`.

    >>> torch.as_strided_scatter(torch.zeros(2, 2), torch.ones(2), (2,), (3,))
    tensor([[1., 0.],
            [0., 1.]])
    """
    geometry = _geometry(size, stride, storage_offset or 0)
    _check_room(geometry, expect_tensor(input, "as_strided_scatter")._data.size, 1)
    if src._data.shape != geometry[0]:
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. src size = "
            f"{list(src._data.shape)}, slice size = {list(geometry[0])}"
        )
    flat = indexing.index_put(
        shape.reshape(input, (-1,)), src, wrap(_places(geometry)), axes=(0,), accumulate=False
    )
    return shape.reshape(flat, input._data.shape)


def _copying(name: str, view: Callable[..., Any]) -> None:
    def copied(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        with no_grad():
            found = view(input, *args, **kwargs)
        first = found[0] if isinstance(found, tuple) and found else found
        step = getattr(first, "_view", None)
        operation = None if step is None else COPIES.get(step.operation)
        if step is None or operation is None:
            return ops.contiguous(view(input, *args, **kwargs)) if found is first else found
        return operation(input, **step.params)

    copied.__name__ = copied.__qualname__ = name
    copied.__doc__ = copy_doc(view, name)
    public(method=False)(copied)


for _name, _view in (
    ("as_strided_copy", as_strided),
    ("diagonal_copy", parts.diagonal),
    ("expand_copy", shape.broadcast_to),
    ("permute_copy", shape.permute),
    ("select_copy", parts.select),
    ("split_copy", parts.split),
    ("split_with_sizes_copy", parts.split_with_sizes),
    ("squeeze_copy", shape.squeeze),
    ("t_copy", shape.t),
    ("transpose_copy", shape.transpose),
    ("unbind_copy", parts.unbind),
    ("unfold_copy", parts.unfold),
    ("unsqueeze_copy", shape.unsqueeze),
    ("view_copy", view),
    ("alias_copy", lambda input: input[...]),
):
    _copying(_name, _view)
reshaping("as_strided_", as_strided)
