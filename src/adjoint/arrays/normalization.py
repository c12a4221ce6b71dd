"""Floor 0: normalisation by mean and variance, and its cotangents, with few passes over memory.

Arrays are worked on in blocks of samples that stay in the cache.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .dtypes import LOW_PRECISION, NP_FLOAT32, NP_FLOAT64
from .pieces import starts
from .products import in_float32

Array = Any

BLOCK = 1 << 20  # bytes of a block: measured best between 1/4 and 4 MiB
PRECISE = frozenset({NP_FLOAT32, NP_FLOAT64})
ROW = 4096  # elements that are summed in the arrays' own dtype; beyond, in float64


def normalize_moments(
    x: Array,
    w: Array | None,
    b: Array | None,
    *,
    axes: Sequence[int],
    affine_shape: Sequence[int] | None,
    eps: float,
) -> tuple[Array, Array, Array]:
    """((x - mean) / sqrt(var + eps) * w + b, mean, var): biased moments, axes kept as 1."""
    dtype = x.dtype
    if dtype not in PRECISE:
        x = _widened(x)
    axes = tuple(axes)
    w = None if w is None else w.reshape(affine_shape)
    b = None if b is None else b.reshape(affine_shape)
    kept = [1 if i in axes else n for i, n in enumerate(x.shape)]
    mean, var = np.empty(kept, x.dtype), np.empty(kept, x.dtype)
    out = np.empty(x.shape, x.dtype)
    for own in _independent(x, axes):
        moments = _at(mean, own, x), _at(var, own, x)
        _normalize(x[own], _at(w, own, x), _at(b, own, x), *moments, out[own], axes, eps)
    if dtype in LOW_PRECISION:
        return out.astype(dtype), mean.astype(dtype), var.astype(dtype)
    return out, mean, var


def _widened(x: Array) -> Array:
    """Half precision in float32; NotImplementedError for complex numbers."""
    if x.dtype.kind == "c":
        raise NotImplementedError(
            f"normalization is not implemented for {x.dtype}: take torch.view_as_real, or "
            "normalize the real and the imaginary part"
        )
    return x.astype(NP_FLOAT32)


def _normalize(
    x: Array,
    w: Array | None,
    b: Array | None,
    mean: Array,
    var: Array,
    out: Array,
    axes: tuple[int, ...],
    eps: float,
) -> None:
    """Fill `mean`, `var` and `out`."""
    count = math.prod(x.shape[i] for i in axes)
    mean[...] = sums(x, None, axes) / count
    squares: Array = 0.0
    for block in _blocks(x):
        centered = np.subtract(x[block], _at(mean, block, x), out=out[block])
        part = sums(centered, centered, axes)
        if 0 in axes:
            squares = squares + part
        else:
            _at(var, block, x)[...] = part / count
    if 0 in axes:
        var[...] = squares / count
    scale = _scale(var, eps)
    if w is not None and _is_small(scale, w, x):
        scale, w = scale * w, None
    for block in _blocks(x):
        values = out[block]
        values *= _at(scale, block, x)
        if w is not None:
            values *= _at(w, block, x)
        if b is not None:
            values += _at(b, block, x)


def _scale(var: Array, eps: float) -> Array:
    """1 / sqrt(var + eps), of the dtype of var."""
    return 1 / np.sqrt(var + var.dtype.type(eps))


def _is_small(scale: Array, w: Array, x: Array) -> bool:
    """Whether their product has few elements beside `x`, so that one factor serves for both."""
    return bool(4 * math.prod(np.broadcast_shapes(scale.shape, w.shape)) <= x.size)


def _blocks(x: Array) -> Iterator[slice]:
    """Slices along the first axis, of about BLOCK bytes each."""
    step = max(1, BLOCK * len(x) // max(1, x.nbytes))
    for start in starts(len(x), step):
        yield slice(start, start + step)


def _independent(x: Array, axes: Sequence[int]) -> Iterator[slice]:
    """Slices along the first axis that share no moments."""
    return iter((slice(None),)) if 0 in axes else _blocks(x)


def _at(a: Array | None, block: slice, x: Array) -> Any:
    """What broadcasts against x[block], of `a` that broadcasts against x."""
    return a if a is None or a.ndim < x.ndim or len(a) == 1 else a[block]


def sums(x: Array, y: Array | None, axes: Sequence[int]) -> Array:
    """The sum of x y, or of x, over axes, which stay with size 1; in float64 beyond rows."""
    shape, summed = _merged(x.shape, axes)
    if x.size and len(shape) - 1 in summed:
        row = shape[-1]
        while row > ROW and row % 2 == 0:
            row //= 2
        rows = x.reshape(-1, row)
        if y is None:
            total = np.einsum("ij->i", rows)  # BLAS would wait for its threads: to 8 ms under load
        elif row < 128:  # below this the calls of BLAS cost more than its speed gains
            total = np.einsum("ij,ij->i", rows, y.reshape(-1, row))
        else:
            total = np.vecdot(rows, y.reshape(-1, row))
        total = total.reshape(*shape[:-1], -1)
        total = np.add.reduce(total, axis=tuple(summed), dtype=NP_FLOAT64)
    elif y is None:
        total = np.add.reduce(x, axis=tuple(axes), dtype=NP_FLOAT64)
    else:
        x2, y2 = x.reshape(shape), y.reshape(shape)
        every = list(range(x2.ndim))
        total = np.einsum(x2, every, y2, every, [i for i in every if i not in summed])
    return np.asarray(total).reshape([1 if i in axes else n for i, n in enumerate(x.shape)])


def _merged(shape: Sequence[int], axes: Sequence[int]) -> tuple[list[int], list[int]]:
    """Sizes and summed axes after joining neighbours that are alike: long inner loops."""
    sizes: list[int] = []
    summed: list[int] = []
    previous: bool | None = None
    for i, n in enumerate(shape):
        alike = (i in axes) == previous
        if alike:
            sizes[-1] *= n
        else:
            sizes.append(n)
            previous = i in axes
            if previous:
                summed.append(len(sizes) - 1)
    return sizes, summed


@in_float32
def normalize_cotangent(
    ct: Array,
    x: Array,
    mean: Array,
    var: Array,
    w: Array | None,
    *,
    axes: Sequence[int],
    affine_shape: Sequence[int] | None,
    eps: float,
) -> Array:
    """The cotangent of x for that of the normalised and scaled values.

    With z the normalised x and g = w ct: (g - mean(g) - z mean(g z)) / sqrt(var + eps).
    """
    axes = tuple(axes)
    w = None if w is None else w.reshape(affine_shape)
    scale = _scale(var, eps)
    out = np.empty(x.shape, np.result_type(ct, x))
    for own in _independent(x, axes):
        moments = _at(mean, own, x), _at(scale, own, x)
        _pull(ct[own], x[own], *moments, _at(w, own, x), out[own], axes)
    return out


def _pull(
    ct: Array,
    x: Array,
    mean: Array,
    scale: Array,
    w: Array | None,
    out: Array,
    axes: tuple[int, ...],
) -> None:
    """Fill `out`; written as factor ct + slope x + shift, whose last two are constant along axes.

    Sums run first over the axes that w is constant along, and are weighted by it before the rest.
    """
    count = math.prod(x.shape[i] for i in axes)
    first = axes if w is None else tuple(i for i in axes if i in shared_axes(x.shape, w.shape))
    if w is not None and not first:
        ct, w, first = ct * w, None, axes
    rest = tuple(i for i in axes if i not in first)
    slope, shift = sums(ct, x, first), sums(ct, None, first)
    factor = scale
    if w is not None:
        factor = scale * w
        slope *= w
        shift *= w
    if rest:
        slope = np.add.reduce(slope, axis=rest, keepdims=True)
        shift = np.add.reduce(shift, axis=rest, keepdims=True)
    slope = (mean * shift - slope) * (scale * scale * scale / count)
    shift = (shift * (-scale / count) - mean * slope).astype(x.dtype, copy=False)
    slope = slope.astype(x.dtype, copy=False)
    for block in _blocks(x):
        values = np.multiply(ct[block], _at(factor, block, x), out=out[block])
        along = x[block] * _at(slope, block, x)
        along += _at(shift, block, x)
        values += along


@in_float32
def normalize_weight_cotangent(
    ct: Array,
    x: Array,
    mean: Array,
    var: Array,
    *,
    affine_shape: Sequence[int],
    eps: float,
) -> Array:
    """The sum of ct (x - mean) / sqrt(var + eps) over what w is constant along, of size 1 there."""
    shared = shared_axes(x.shape, affine_shape)
    scale = _scale(var, eps)
    first = tuple(i for i in shared if mean.shape[i] < x.shape[i])  # moments are constant there
    if first:
        found = (sums(ct, x, first) - mean * sums(ct, None, first)) * scale
        rest = tuple(i for i in shared if i not in first)
        if rest:
            found = np.add.reduce(found, axis=rest, keepdims=True)
        return found.astype(x.dtype, copy=False)
    total = np.zeros([1 if i in shared else n for i, n in enumerate(x.shape)], x.dtype)
    lead = len(shared)
    leading = shared == tuple(range(lead))
    for block in _blocks(x) if 0 in shared else (slice(None),):
        part = x[block] - _at(mean, block, x)
        part *= ct[block]
        weight = _at(scale, block, x)
        if leading and weight.size == math.prod(part.shape[:lead]):
            rows = part.reshape(weight.size, -1)
            total += np.einsum("i,ij->j", weight.reshape(-1), rows).reshape(total.shape)
        else:
            part *= weight
            total += np.add.reduce(part, axis=shared, keepdims=True)
    return total


def shared_axes(shape: Sequence[int], affine_shape: Sequence[int]) -> tuple[int, ...]:
    """The axes that a parameter of `affine_shape` is broadcast along."""
    missing = len(shape) - len(affine_shape)
    return tuple(i for i in range(len(shape)) if i < missing or affine_shape[i - missing] == 1)
