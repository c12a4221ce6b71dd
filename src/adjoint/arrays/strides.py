"""Floor 0: arrays that share another's memory, and the transposes of such views.

NumPy's own functions for some of these are read-only, or several times slower than the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

Shape = Sequence[int]


def reshape(x: Any, shape: Any) -> Any:
    """The same elements in another shape: a view where the layout allows it."""
    return x.reshape(shape)


def contiguous(x: Any) -> Any:
    """A copy whose elements lie in order, last dimension first."""
    return np.array(x, order="C")


def permute_dims(x: Any, axes: Shape) -> Any:
    """Dimensions in another order."""
    return x.transpose(axes)


def matrix_transpose(x: Any) -> Any:
    """The last two dimensions swapped."""
    return x.mT


def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Two dimensions swapped."""
    return x.swapaxes(axis1, axis2)


def squeeze(x: Any, axis: Any = None) -> Any:
    """Without the dimensions of size 1 named by `axis`."""
    return x.squeeze(axis)


def expand_dims(x: Any, axis: Any = 0) -> Any:
    """With a dimension of size 1 at `axis`."""
    if axis.__class__ is not int:
        return np.expand_dims(x, axis)
    if axis < 0:
        axis += x.ndim + 1
    return x[(slice(None),) * axis + (None,)]


def is_viewable(shape: Shape, strides: Shape, new: Shape) -> bool:
    """Whether an array of this layout can be seen in the `new` shape without a copy.

    Each run of dimensions that lie in memory as one has to split into dimensions of `new` exactly.
    """
    if 0 in shape:
        return True
    runs: list[int] = []  # sizes of runs, last first
    inner = 0
    for n, stride in zip(reversed(shape), reversed(strides)):
        if n == 1:
            continue
        if runs and stride == inner:
            runs[-1] *= n
        else:
            runs.append(n)
        inner = stride * n
    left = 1
    for n in reversed(new):
        if n == 1:
            continue
        if left == 1:
            left = runs.pop(0)
        if left % n:
            return False
        left //= n
    return True


def contiguous_strides(shape: Shape, itemsize: int) -> tuple[int, ...]:
    """Strides in bytes of an array that lies in memory in the order of its dimensions."""
    strides, step = [], itemsize
    for n in reversed(shape):
        strides.append(step)
        step *= n or 1
    return tuple(reversed(strides))


def strided(x: Any, shape: Shape, strides: Shape, offset: int = 0) -> Any:
    """An array on the memory of `x` that begins `offset` bytes after it; strides in bytes."""
    owner = x
    if not x.flags.c_contiguous:
        owner = x.base if type(x.base) is ndarray else x
        owner = owner if owner.flags.c_contiguous else owner.T
        if not owner.flags.c_contiguous:  # the owner is not NumPy's: no room to look around in
            return np.lib.stride_tricks.as_strided(
                _from_byte(x, offset), tuple(shape), tuple(strides)
            )
        offset += x.ctypes.data - owner.ctypes.data
    if x.dtype.num >= 256:  # types that NumPy does not know in its buffers, such as bfloat16
        owner = owner.view(f"u{x.dtype.itemsize}")
    return ndarray(tuple(shape), x.dtype, owner, offset, tuple(strides))


def _from_byte(x: Any, offset: int) -> Any:
    """The element `offset` bytes after the first one of `x`, as a 0-d array on its memory."""
    for axis, (n, stride) in enumerate(zip(x.shape, x.strides)):
        step = min(offset // stride, n - 1) if stride else 0
        x = x[(slice(None),) * axis + (slice(step, None),)]
        offset -= step * stride
    return x


def empty_in_order(shape: Shape, dtype: Any) -> Any:
    """An array without elements whose strides are as if a dimension of size 0 had size 1."""
    steps, step = [], dtype.itemsize
    for n in reversed(shape):
        steps.append(step)
        step *= max(n, 1)
    return np.lib.stride_tricks.as_strided(np.empty(0, dtype), tuple(shape), steps[::-1])


def broadcast_to(x: Any, shape: Any) -> Any:
    """`x` repeated without a copy along new dimensions and those of size 1."""
    if type(x) is not ndarray:
        x = np.asarray(x)
    shape = tuple(shape)
    old = x.shape
    if old == shape:
        return x[...]
    if not old and x.dtype.num < 256:  # the gradient of a sum
        return ndarray(shape, x.dtype, x, 0, (0,) * len(shape))
    lead = len(shape) - len(old)
    if lead < 0:
        return np.broadcast_to(x, shape)  # NumPy's error
    strides = [0] * lead
    for n, m, stride in zip(old, shape[lead:], x.strides):
        if n == m:
            strides.append(stride)
        elif n == 1:
            strides.append(0)
        else:
            return np.broadcast_to(x, shape)
    return strided(x, shape, strides)


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Elements (i, i + offset) of two dimensions, along a new last one; a view."""
    n, m = x.shape[axis1], x.shape[axis2]
    s, t = x.strides[axis1], x.strides[axis2]
    if offset >= 0:
        length, start = min(n, m - offset), offset * t
    else:
        length, start = min(n + offset, m), -offset * s
    if length <= 0:
        length = start = 0
    rest = [i for i in range(x.ndim) if i not in (axis1, axis2)]
    shape = [x.shape[i] for i in rest]
    return strided(x, [*shape, length], [*[x.strides[i] for i in rest], s + t], start)


def unfold(x: Any, axis: int, size: int, step: int) -> Any:
    """Windows of `size` elements every `step` along `axis`, in a new last dimension; a view."""
    if x.ndim == 0:
        return strided(x, (size,), (x.itemsize,))
    shape, strides = list(x.shape), list(x.strides)
    stride = strides[axis]
    shape[axis] = (shape[axis] - size) // step + 1
    strides[axis] = stride * step
    return strided(x, [*shape, size], [*strides, stride])


def as_strided(x: Any, size: Shape, stride: Shape, offset: int) -> Any:
    """`x`, taken as a flat run of elements, read with these strides (in elements)."""
    if not x.flags.c_contiguous:
        x = np.ascontiguousarray(x)
    return strided(x, size, [s * x.itemsize for s in stride], offset * x.itemsize)


def embed(x: Any, shape: Shape, key: Any) -> Any:
    """Zeros of `shape` with `x` at the basic index `key`: the transpose of `[key]`."""
    out = np.zeros(shape, x.dtype)
    out[key] = x
    return out


def embed_diagonal(x: Any, shape: Shape, offset: int, axis1: int, axis2: int) -> Any:
    """Zeros of `shape` with `x` on a diagonal: the transpose of `diagonal`."""
    out = np.zeros(tuple(shape), x.dtype)
    diagonal(out, offset, axis1, axis2)[...] = x
    return out


def replace(x: Any, y: Any, key: Any) -> Any:
    """A copy of `x` with `y` at the basic index `key`."""
    out = x.copy()
    out[key] = y
    return out


def replace_diagonal(x: Any, y: Any, offset: int, axis1: int, axis2: int) -> Any:
    """A copy of `x` with `y` on a diagonal."""
    out = x.copy()
    diagonal(out, offset, axis1, axis2)[...] = y
    return out


def fold_windows(x: Any, shape: Shape, axis: int, size: int, step: int) -> Any:
    """Windows added where they came from: the transpose of `unfold`."""
    if not shape:
        return x.reshape(())
    out = np.zeros(shape, x.dtype)
    count = x.shape[axis]
    lead = (slice(None),) * axis
    for i in range(size):
        out[(*lead, slice(i, i + step * (count - 1) + 1, step))] += x[..., i]
    return out


def embed_strided(x: Any, shape: Shape, size: Shape, stride: Shape, offset: int) -> Any:
    """Elements added where `as_strided` reads them: its transpose."""
    out = np.zeros(prod(shape), x.dtype)
    places = as_strided(np.arange(out.size), size, stride, offset)
    np.add.at(out, places.reshape(-1), x.reshape(-1))
    return out.reshape(tuple(shape))


def stack(arrays: Sequence[Any], axis: int = 0) -> Any:
    """Arrays of one shape along a new axis, 2 times faster than np.stack for small ones."""
    if axis < 0:
        axis += arrays[0].ndim + 1
    key = (slice(None),) * axis + (None,)
    return np.concatenate([a[key] for a in arrays], axis)


def tril(x: Any, k: int = 0) -> Any:
    """The lower triangle of matrices, up to diagonal `k`."""
    return np.where(np.tri(x.shape[-2], x.shape[-1], k, bool), x, np.zeros((), x.dtype))


def triu(x: Any, k: int = 0) -> Any:
    """The upper triangle of matrices, from diagonal `k`."""
    return np.where(np.tri(x.shape[-2], x.shape[-1], k - 1, bool), np.zeros((), x.dtype), x)


def flip(x: Any, axis: Any = None) -> Any:
    """Elements in reverse order along `axis`, in memory of their own."""
    return np.flip(x, axis).copy()


def rot90(x: Any, k: int, axes: Any) -> Any:
    """A plane turned by `k` quarter turns, in memory of its own."""
    return np.rot90(x, k, axes).copy()
