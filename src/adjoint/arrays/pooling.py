"""Floor 0: pooling over the spatial axes of (n, c, *space) arrays, and what its derivatives need.

A maximum is remembered by its place in the window (one byte), not by its index in the input.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from .dtypes import NP_FLOAT32, NP_FLOAT64
from .pieces import starts
from .products import in_float32
from .windows import Pairs, interior, offsets, output_size, pad

Array = Any
Sizes = Sequence[int]

PIECE = 1 << 17  # cotangents that are placed at a time, so that their indices stay in the cache


def lowest(dtype: Any) -> Any:
    """What no element is below: -inf, or the least integer."""
    if dtype.kind in "iu":
        return np.iinfo(dtype).min
    return False if dtype.kind == "b" else -np.inf


def max_pool(
    x: Array, *, kernel: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes
) -> tuple[Array, Array]:
    """The largest element of every window, and its place in the window; the first of equals."""
    size = output_size(x.shape[2:], kernel, stride, padding, dilation)
    best = pad(x, padding, lowest(x.dtype))
    places: Array = None
    small = np.uint8 if math.prod(kernel) <= 256 else np.int32
    step = 1  # axis by axis, the last first: ties then fall to the first in row-major order
    for axis in range(len(kernel) - 1, -1, -1):
        k, n = kernel[axis], size[axis]
        after = (slice(None),) * (len(kernel) - 1 - axis)
        slices = [
            (..., slice(start, start + stride[axis] * (n - 1) + 1, stride[axis]), *after)
            for start in range(0, k * dilation[axis], dilation[axis])
        ]
        largest = best[slices[0]].copy()
        where = np.zeros(largest.shape, small) if places is None else places[slices[0]].copy()
        for i in range(1, k):
            candidate = best[slices[i]]
            move = small(i * step) - where  # modulo 256, as is the sum that uses it
            if places is not None:
                move += places[slices[i]]
            move *= candidate > largest  # 10 times as fast as a masked copy
            where += move
            np.maximum(largest, candidate, out=largest)
        best, places = largest, where
        step *= k
    return best, places


def pool_take(
    x: Array, places: Array, *, kernel: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes
) -> Array:
    """From every window the element at its place."""
    x = pad(x, padding)
    out = np.empty(places.shape, x.dtype)
    for number, (_, where) in enumerate(offsets(kernel, stride, dilation, places.shape[2:])):
        np.copyto(out, x[where], where=places == number)
    return out


def pool_put(
    ct: Array,
    places: Array,
    *,
    size: Sizes,
    kernel: Sizes,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
) -> Array:
    """The transpose of `pool_take`: every cotangent at its place, added where windows overlap."""
    padded = [n + sum(p) for n, p in zip(size, padding, strict=True)]
    total = np.zeros((*ct.shape[:2], *padded), ct.dtype)
    apart = all(s >= (k - 1) * d + 1 for s, k, d in zip(stride, kernel, dilation, strict=True))
    fast = ct.dtype in (NP_FLOAT32, NP_FLOAT64)  # to which `add.at` adds 10 times as fast
    if apart and (math.prod(kernel) <= 4 or not fast):
        bits = np.dtype(f"i{ct.itemsize}")  # times 0 as integers: 0, also for inf and nan
        ct, whole = ct.view(bits), total.view(bits)
        for number, (_, where) in enumerate(offsets(kernel, stride, dilation, ct.shape[2:])):
            np.multiply(ct, places == number, out=whole[where])
    elif fast and ct.size:
        step = max(1, PIECE * len(ct) // ct.size)
        for start in starts(len(ct), step):
            part = slice(start, start + step)
            at = _flat_indices(places[part], padded, kernel, stride, dilation)
            np.add.at(total[part].reshape(-1), at.reshape(-1), ct[part].reshape(-1))
    else:
        for number, (_, where) in enumerate(offsets(kernel, stride, dilation, ct.shape[2:])):
            total[where] += ct * (places == number)
    return total[interior(size, padding)]


def _flat_indices(
    places: Array, padded: Sizes, kernel: Sizes, stride: Sizes, dilation: Sizes
) -> Array:
    """Places in windows as indices into the flattened padded input."""
    within: Array = np.zeros((), np.intp)
    corners: Array = np.zeros((), np.intp)
    for axis, n in enumerate(padded):
        within = within[..., None] * n + np.arange(kernel[axis]) * dilation[axis]
        corners = corners[..., None] * n + np.arange(places.shape[2 + axis]) * stride[axis]
    images = np.arange(math.prod(places.shape[:2])) * math.prod(padded)
    flat = within.reshape(-1).take(places)
    flat += corners
    flat += images.reshape(*places.shape[:2], *(1 for _ in padded))
    return flat


def pool_indices(
    places: Array,
    *,
    size: Sizes,
    kernel: Sizes,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
) -> Array:
    """Places in windows as indices into the flattened spatial axes of the input."""
    flat = np.zeros(places.shape, np.int64)
    within = np.unravel_index(places, tuple(kernel))
    for axis, n in enumerate(size):
        first = np.arange(places.shape[2 + axis]) * stride[axis] - padding[axis][0]
        first = first.reshape(-1, *(1 for _ in size[axis + 1 :]))
        flat = flat * n + (first + within[axis] * dilation[axis])
    return flat


def _divisor(counts: Sequence[Sequence[int]], dtype: Any) -> Array:
    """Elements per window: a number where all are alike, else an array over the outputs."""
    if all(len(set(axis)) <= 1 for axis in counts):
        return np.asarray(math.prod(axis[0] for axis in counts if axis), dtype)
    return reduce(np.multiply.outer, [np.asarray(axis, dtype) for axis in counts])


@in_float32
def average_pool(
    x: Array, *, kernel: Sizes, stride: Sizes, padding: Pairs, counts: Sequence[Sequence[int]]
) -> Array:
    """Sums of windows, divided by the product of `counts`, which has one number per output."""
    size = tuple(len(axis) for axis in counts)
    out = pad(x, padding)
    for axis, (k, s, n) in enumerate(zip(kernel, stride, size, strict=True), start=2):
        lead = (slice(None),) * axis
        parts = [out[(*lead, slice(i, i + s * (n - 1) + 1, s))] for i in range(k)]
        total = parts[0] + parts[1] if k > 1 else parts[0].copy()
        for part in parts[2:]:
            total += part
        out = total
    divisor = _divisor(counts, out.dtype)
    if out.dtype.kind in "iu":
        return (out / divisor).astype(out.dtype)  # cut towards 0, as C does
    out /= divisor
    return out


@in_float32
def average_pool_transpose(
    ct: Array,
    *,
    size: Sizes,
    kernel: Sizes,
    stride: Sizes,
    padding: Pairs,
    counts: Sequence[Sequence[int]],
) -> Array:
    """The transpose of `average_pool`: each window's share, added to all of its elements."""
    out = ct / _divisor(counts, ct.dtype)
    for axis in range(1 + len(size), 1, -1):
        k, s = kernel[axis - 2], stride[axis - 2]
        n, m = out.shape[axis], size[axis - 2] + sum(padding[axis - 2])
        lead = (slice(None),) * axis
        total = np.zeros((*out.shape[:axis], m, *out.shape[axis + 1 :]), out.dtype)
        for i in range(k):
            total[(*lead, slice(i, i + s * (n - 1) + 1, s))] += out
        out = total
    return out[interior(size, padding)]
