"""Floor 3: what stands between the brackets of `x[...]`, taken apart as torch takes it.

Ints, slices, None and Ellipsis make a view; masks and integer tensors then pick from that view.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd.lifted import Lifted, values_of
from ..autograd.tensor import Tensor, wrap
from ..ops import shape as ops
from .examples import mapped_levels
from .literals import array_from

_ALL = slice(None)
_INDEX_KINDS = "long, int, byte or bool"


class Picks:
    """The integer tensors of a subscript, and the dimensions of the view that they pick from."""

    __slots__ = ("indices", "axes", "mask")

    def __init__(self) -> None:
        self.indices: list[Tensor] = []
        self.axes: list[int] = []
        self.mask: Any = None  # when a mask is all there is: the mask and its first dimension


def as_items(key: Any) -> tuple[Any, ...]:
    """The comma-separated parts. A short list that holds sequences or slices counts as a tuple."""
    if isinstance(key, tuple):
        return key
    if not isinstance(key, list) or len(key) >= 32:
        return (key,)
    if not any(
        isinstance(k, (list, tuple, slice, Tensor, np.ndarray)) or k is None or k is ...
        for k in key
    ):
        return (key,)
    warnings.warn(
        "Using a non-tuple sequence for multidimensional indexing is deprecated; use "
        "x[tuple(seq)] instead of x[seq].",
        UserWarning,
        stacklevel=4,
    )
    return tuple(key)


def canonical_item(item: Any) -> Any:
    """An int, slice, None, Ellipsis, integer Tensor or boolean array for one part of a key."""
    if item.__class__ is int or item.__class__ is slice or item is None or item is ...:
        return item
    if isinstance(item, (bool, np.bool_)):
        return np.asarray(item)
    if isinstance(item, Tensor):
        return _tensor_item(item)
    if isinstance(item, str):
        raise TypeError(f"new(): invalid data type 'str': a tensor has no part {item!r}")
    if isinstance(item, (np.ndarray, Sequence)):
        array = array_from(item, None, copy=False)
        if array.size == 0 and not isinstance(item, np.ndarray):
            array = array.astype(np.int64)
        return _tensor_item(wrap(array))
    if hasattr(item, "__index__"):
        return item.__index__()
    raise IndexError(
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid "
        f"indices (got {type(item).__name__})"
    )


def _tensor_item(item: Tensor) -> Any:
    array = item._data
    if isinstance(array, Lifted):
        return _lifted_item(item)
    if array.dtype.kind == "b":
        return array
    if array.dtype == np.uint8:  # old masks
        warnings.warn(
            "indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool "
            "instead.",
            UserWarning,
            stacklevel=5,
        )
        return array.astype(bool)
    if array.dtype != np.int64 and array.dtype != np.int32:
        raise IndexError(
            f"tensors used as indices must be {_INDEX_KINDS} tensors, but this one has dtype "
            f"{array.dtype}; convert it with .long()"
        )
    return int(array) if array.ndim == 0 else item


def _lifted_item(item: Tensor) -> Any:
    """A tensor of a transform: integers pick for each example; masks are the same for all."""
    if item._data.dtype.kind in "iu" and item._data.dtype != np.uint8:
        return item.long()
    if mapped_levels(item):
        raise RuntimeError(
            "vmap: a boolean mask picks another number of elements for each example (a dynamic "
            "shape), so x[mask] cannot run for all of them together. Use torch.where(mask, x, 0), "
            "or x[mask] = one value"
        )
    return _tensor_item(wrap(values_of(item)))


def bounded(i: int, dim: int, n: int) -> int:
    """An index as 0 <= i < n, or torch's error."""
    if 0 <= i < n:
        return i
    if -n <= i < 0:
        return i + n
    raise IndexError(f"index {i} is out of bounds for dimension {dim} with size {n}")


def bounded_slice(cut: slice, n: int) -> slice:
    """A slice with its bounds worked out; `slice(None)` where it takes everything."""
    start, stop, step = cut.indices(n)
    if step < 0:
        raise ValueError(
            f"step must be greater than zero, but got {step}; use torch.flip to reverse a dimension"
        )
    stop = max(stop, start)
    return _ALL if start == 0 and stop == n and step == 1 else slice(start, stop, step)


def basic_key(shape: Sequence[int], key: Any) -> tuple[Any, Any] | None:
    """NumPy's subscript for ints and slices alone, and the operation; None for other keys.

    The frequent case, without what `subscript` does for the others.
    """
    items = key if key.__class__ is tuple else (key,)
    if len(items) > len(shape):
        return None
    places: list[Any] = []
    operation = ops.alias
    for item, n in zip(items, shape):
        if item.__class__ is int:
            places.append(item if 0 <= item < n else bounded(item, len(places), n))
            operation = ops.select
        elif item.__class__ is slice:
            cut = _ALL
            if not (item.start is item.stop is item.step is None):
                cut = bounded_slice(item, n)
                if cut is not _ALL:
                    operation = ops.slice_
            places.append(cut)
        else:
            return None
    places.append(...)
    return tuple(places), operation


def subscript(x: Tensor, key: Any) -> tuple[Tensor, Picks | None]:
    """The view that the basic parts of `key` make of `x`, and what is picked from it."""
    shape = x._data.shape
    items = [canonical_item(item) for item in as_items(key)]
    taken = sum([_dims_taken(item) for item in items])
    if taken > len(shape):
        raise _too_many(items, len(shape))
    basic: list[Any] = []  # per dimension of x, and None
    advanced: list[tuple[int, Any]] = []
    at = 0  # the dimension of x
    to = 0  # the dimension of the view
    filled = False
    for item in items:
        if item.__class__ is int:
            basic.append(bounded(item, at, shape[at]))
            at += 1
            continue
        if item is None:
            basic.append(None)
            to += 1
            continue
        if item is ...:
            width = 0 if filled else len(shape) - taken
            filled = True
            basic += [_ALL] * width
        elif item.__class__ is slice:
            basic.append(bounded_slice(item, shape[at]))
            width = 1
        else:
            advanced.append((to, item))
            width = item.ndim if isinstance(item, np.ndarray) else 1
            if isinstance(item, np.ndarray):
                check_mask(item, shape, at)
            basic += [_ALL] * width
            if isinstance(item, np.ndarray) and width == 0:  # x[True]: a new dimension to pick from
                basic.append(None)
                to += 1
        at += width
        to += width
    if not advanced:
        return basic_view(x, basic), None
    plain = all(item is not None and item.__class__ is slice and item == _ALL for item in basic)
    return x if plain else basic_view(x, basic), _picks(advanced)


def _dims_taken(item: Any) -> int:
    if item is None or item is ...:
        return 0
    return item.ndim if isinstance(item, np.ndarray) else 1


def _too_many(items: list[Any], ndim: int) -> IndexError:
    if ndim == 0 and len(items) == 1:
        if items[0].__class__ is int:
            return IndexError(
                "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or "
                "`tensor.item<T>()` in C++ to convert a 0-dim tensor to a number"
            )
        if items[0].__class__ is slice:
            return IndexError("slice() cannot be applied to a 0-dim tensor.")
    return IndexError(f"too many indices for tensor of dimension {ndim}")


def check_mask(mask: Any, shape: Sequence[int], at: int) -> None:
    """A mask has to have the shape of the dimensions that it picks from."""
    if at + mask.ndim > len(shape):
        raise IndexError(f"too many indices for tensor of dimension {len(shape)}")
    if mask.shape != tuple(shape[at : at + mask.ndim]):
        first = next(i for i, n in enumerate(mask.shape) if n != shape[at + i])
        raise IndexError(
            f"The shape of the mask {list(mask.shape)} at index {first} does not match the shape "
            f"of the indexed tensor {list(shape)} at index {at + first}"
        )


def basic_view(x: Tensor, items: list[Any]) -> Tensor:
    """The view of x at `items`: a subscript, an insertion of dimensions, or one then the other."""
    array = x._data
    last = None
    adds = cuts = False
    for item in items:
        if item is None:
            adds, last = True, ops.unsqueeze
        elif item.__class__ is int:
            cuts, last = True, ops.select
        elif item != _ALL:
            cuts, last = True, ops.slice_
    if last is None:
        return ops.alias.run_view(x, array[...], {"key": (...,)})
    if not adds or not cuts:
        key = (*items, ...)
        return last.run_view(x, array[key], {"key": key})
    if last is ops.unsqueeze:
        cut = basic_view(x, [item for item in items if item is not None])
        rest = [item if item is None else _ALL for item in items if item.__class__ is not int]
        return basic_view(cut, rest)
    added = basic_view(x, [item if item is None else _ALL for item in items])
    return basic_view(added, [_ALL if item is None else item for item in items])


def _picks(advanced: list[tuple[int, Any]]) -> Picks:
    picks = Picks()
    for axis, item in advanced:
        if isinstance(item, Tensor):
            picks.indices.append(item)
            picks.axes.append(axis)
            continue
        if len(advanced) == 1:
            picks.mask = (item if item.ndim else item.reshape(1), axis)
        for i, places in enumerate(np.nonzero(np.atleast_1d(item))):
            picks.indices.append(wrap(places))
            picks.axes.append(axis + i)
    _check_broadcast(picks.indices)
    return picks


def _check_broadcast(indices: list[Tensor]) -> None:
    shapes = [i._data.shape for i in indices]
    if any(shape != shapes[0] for shape in shapes):
        try:
            np.broadcast_shapes(*shapes)
        except ValueError:
            told = ", ".join(str(list(shape)) for shape in shapes)
            raise IndexError(
                "shape mismatch: indexing tensors could not be broadcast together with shapes "
                + told
            ) from None
