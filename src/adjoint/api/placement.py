"""Floor 3: the vocabulary of `arrays.strides` and `arrays.indexing` on Tensors.

What rules about shapes and places call when they are recorded; `namespace` takes it over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..autograd.tensor import Tensor, wrap
from ..ops import indexing, joining, padding, placement, scattering, shape
from . import shape as shapes


def _tensor(value: Any) -> Tensor:
    """Places that a rule kept are Tensors already; those it worked out may be arrays."""
    return value if isinstance(value, Tensor) else wrap(value)


def reshape(x: Tensor, shape: Any) -> Tensor:
    return shapes.reshape(x, tuple(shape))


def squeeze(x: Tensor, axis: Any = None) -> Tensor:
    return shapes.squeeze(x, axis)


def expand_dims(x: Tensor, axis: int = 0) -> Tensor:
    return shapes.unsqueeze(x, axis)


def permute_dims(x: Tensor, axes: Any) -> Tensor:
    return shapes.permute(x, tuple(axes))


def swapaxes(x: Tensor, axis1: int, axis2: int) -> Tensor:
    return shapes.transpose(x, axis1, axis2)


def matrix_transpose(x: Tensor) -> Tensor:
    return shapes.transpose(x, -2, -1)


def contiguous(x: Tensor) -> Tensor:
    return shape.contiguous(x)


def moveaxis(x: Tensor, source: Any, destination: Any) -> Tensor:
    return shapes.movedim(x, source, destination)


def broadcast_to(x: Tensor, shape: Any) -> Tensor:
    return shapes.broadcast_to(x, tuple(shape))


def diagonal(x: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    ndim = x._data.ndim
    return shape.diagonal(x, offset=offset, dim1=axis1 % ndim, dim2=axis2 % ndim)


def unfold(x: Tensor, axis: int, size: int, step: int) -> Tensor:
    return shape.unfold(x, dim=axis % max(x._data.ndim, 1), size=size, step=step)


def as_strided(x: Tensor, size: Any, stride: Any, offset: int) -> Tensor:
    return shape.as_strided(x, size=size, stride=stride, offset=offset)


def embed(x: Tensor, shape: Any, key: Any) -> Tensor:
    return placement.embed(x, shape=shape, key=key)


def embed_diagonal(x: Tensor, shape: Any, offset: int, axis1: int, axis2: int) -> Tensor:
    return placement.embed_diagonal(x, shape=shape, offset=offset, dim1=axis1, dim2=axis2)


def fold_windows(x: Tensor, shape: Any, axis: int, size: int, step: int) -> Tensor:
    return placement.fold_windows(x, shape=shape, dim=axis, size=size, step=step)


def embed_strided(x: Tensor, shape: Any, size: Any, stride: Any, offset: int) -> Tensor:
    return placement.embed_strided(x, shape=shape, size=size, stride=stride, offset=offset)


def replace(x: Tensor, y: Tensor, key: Any) -> Tensor:
    return placement.slice_scatter(x, y, key=key)


def replace_diagonal(x: Tensor, y: Tensor, offset: int, axis1: int, axis2: int) -> Tensor:
    return placement.diagonal_scatter(x, y, offset=offset, dim1=axis1, dim2=axis2)


def pad_constant(x: Tensor, pads: Any, value: Any) -> Tensor:
    return padding.constant_pad(x, pads=pads, value=value)


def pad_edges(x: Tensor, pads: Any, mode: str) -> Tensor:
    dims = min(max(sum(b != 0 or a != 0 for b, a in pads), 1), 3)
    return padding.EDGES[mode, dims](x, pads=pads, mode=mode)


def pad_edges_transpose(x: Tensor, shape: Any, pads: Any, mode: str) -> Tensor:
    return padding.pad_edges_transpose(x, shape=shape, pads=pads, mode=mode)


# Operations take axes that are counted from the front.
def concat(arrays: Sequence[Tensor], axis: int | None = 0) -> Tensor:
    if axis is None:
        arrays, axis = [reshape(x, (-1,)) for x in arrays], 0
    return joining.cat(*arrays, dim=axis % arrays[0]._data.ndim)


def stack(arrays: Sequence[Tensor], axis: int = 0) -> Tensor:
    return joining.stack(*arrays, dim=axis % (arrays[0]._data.ndim + 1))


def tile(x: Tensor, repeats: Any) -> Tensor:
    repeats = (1,) * (x._data.ndim - len(repeats)) + tuple(repeats)
    return joining.repeat(x, repeats=repeats)


def roll(x: Tensor, shift: Any, axis: Any = None) -> Tensor:
    if axis is None:
        return joining.roll(x, shifts=shift, dims=None)
    shifts = shift if isinstance(shift, tuple) else (shift,)
    dims = axis if isinstance(axis, tuple) else (axis,)
    return joining.roll(x, shifts=shifts, dims=tuple([d % x._data.ndim for d in dims]))


def flip(x: Tensor, axis: Any = None) -> Tensor:
    ndim = x._data.ndim
    axes = range(ndim) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    return joining.flip(x, dims=tuple([a % ndim for a in axes]))


def rot90(x: Tensor, k: int, axes: Any) -> Tensor:
    return joining.rot90(x, k=k % 4, dims=axes)


def tril(x: Tensor, k: int = 0) -> Tensor:
    return placement.tril(x, diagonal=k)


def triu(x: Tensor, k: int = 0) -> Tensor:
    return placement.triu(x, diagonal=k)


def index(x: Tensor, indices: Sequence[Any], axes: Any) -> Tensor:
    return indexing.index(x, *map(_tensor, indices), axes=axes)


def unindex(x: Tensor, shape: Any, indices: Sequence[Any], axes: Any) -> Tensor:
    return indexing.unindex(x, *map(_tensor, indices), shape=shape, axes=axes)


def index_put(
    x: Tensor, indices: Sequence[Any], values: Tensor, axes: Any, accumulate: bool
) -> Tensor:
    return indexing.index_put(x, values, *map(_tensor, indices), axes=axes, accumulate=accumulate)


def gather(x: Tensor, places: Any, axis: int) -> Tensor:
    return scattering.gather(x, _tensor(places), dim=axis)


def scatter(x: Tensor, places: Any, values: Tensor, axis: int) -> Tensor:
    return scattering.scatter(x, _tensor(places), values, dim=axis)


def scatter_add(x: Tensor, places: Any, values: Tensor, axis: int) -> Tensor:
    return scattering.scatter_add(x, _tensor(places), values, dim=axis)


def scatter_multiply(x: Tensor, places: Any, values: Tensor, axis: int) -> Tensor:
    return scattering.scatter_prod(x, _tensor(places), values, dim=axis)


def scatter_extreme(x: Tensor, places: Any, values: Tensor, axis: int, largest: bool) -> Tensor:
    return scattering.scatter_extreme(x, _tensor(places), values, dim=axis, largest=largest)


def take(x: Tensor, places: Any, axis: int = 0) -> Tensor:
    return index(x, (places,), (axis % x._data.ndim,))


def take_along_axis(x: Tensor, places: Any, axis: int = -1) -> Tensor:
    return gather(x, places, axis % x._data.ndim)


VOCABULARY = {
    f.__name__: f
    for f in (
        reshape, squeeze, expand_dims, permute_dims, swapaxes, matrix_transpose, contiguous,
        moveaxis,
        broadcast_to, diagonal, unfold, as_strided, embed, embed_diagonal, fold_windows,
        embed_strided, replace, replace_diagonal, pad_constant, pad_edges, pad_edges_transpose,
        concat, stack, tile, roll, flip, rot90, tril, triu, index, unindex,
        index_put, gather, scatter, scatter_add, scatter_multiply,
        scatter_extreme, take, take_along_axis,
    )
}  # fmt: skip
