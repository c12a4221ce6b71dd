"""Floor 0: sliding windows over the spatial axes of (n, c, *space) arrays: pad, view, add back."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

Array = Any
Pairs = Sequence[tuple[int, int]]  # (before, after) for each spatial axis


def pad(x: Array, padding: Pairs, value: Any = 0) -> Array:
    """`x` with `value` around its spatial axes; `x` itself when there is nothing to add."""
    if not any(before or after for before, after in padding):
        return x
    space = x.shape[2:]
    shape = [n + before + after for n, (before, after) in zip(space, padding, strict=True)]
    out = np.full((*x.shape[:2], *shape), value, x.dtype)
    out[interior(space, padding)] = x
    return out


def interior(space: Sequence[int], padding: Pairs) -> tuple[Any, ...]:
    """The index of what was there before padding."""
    return (
        slice(None),
        slice(None),
        *[slice(before, before + n) for n, (before, _) in zip(space, padding, strict=True)],
    )


def output_size(
    space: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Pairs,
    dilation: Sequence[int],
) -> tuple[int, ...]:
    """How many windows fit along each spatial axis."""
    return tuple(
        (n + sum(p) - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(space, kernel, stride, padding, dilation, strict=True)
    )


def windows(
    x: Array,
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    out: Sequence[int],
) -> Array:
    """A view (n, c, *kernel, *out) of an already padded `x`: no memory is copied."""
    axes = x.strides[2:]
    return as_strided(
        x,
        (*x.shape[:2], *kernel, *out),
        (
            *x.strides[:2],
            *[a * d for a, d in zip(axes, dilation, strict=True)],
            *[a * s for a, s in zip(axes, stride, strict=True)],
        ),
        writeable=False,
    )


def long_windows(
    x: Array,
    kernel: Sequence[int],
    padding: Pairs,
    dilation: Sequence[int],
    out: Sequence[int],
) -> tuple[Array, tuple[int, ...]]:
    """Windows of stride 1 as a view (n, c, *kernel, places), and the shape of its places.

    The places go on over the padding at the end of each row, to be cut from what is computed: all
    of an image's are then one run of memory, which is copied 4 times as fast as its rows.
    """
    space = [n + sum(p) for n, p in zip(x.shape[2:], padding, strict=True)]
    grid = (*out[:1], *space[1:])
    places = math.prod(grid)
    if len(out) < 2 or 4 * places > 5 * math.prod(out):  # nothing to join, or too much to cut
        view = windows(pad(x, padding), kernel, (1,) * len(out), dilation, out)
        return view, tuple(out)
    steps = [math.prod(space[i + 1 :]) * d for i, d in enumerate(dilation)]
    reach = places + sum((k - 1) * s for k, s in zip(kernel, steps, strict=True))
    total = math.prod(space)
    flat = np.zeros((*x.shape[:2], max(reach, total)), x.dtype)
    flat[..., :total].reshape(*x.shape[:2], *space)[interior(x.shape[2:], padding)] = x
    item = x.itemsize
    view = as_strided(
        flat,
        (*x.shape[:2], *kernel, places),
        (*flat.strides[:2], *[s * item for s in steps], item),
        writeable=False,
    )
    return view, grid


def offsets(
    kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int], out: Sequence[int]
) -> Iterator[tuple[tuple[int, ...], tuple[Any, ...]]]:
    """For each place in the kernel, the index of the elements that all windows have there."""
    for place in itertools.product(*map(range, kernel)):
        yield (
            place,
            (
                ...,
                *[
                    slice(k * d, k * d + s * (n - 1) + 1, s) if n else slice(0, 0)
                    for k, d, s, n in zip(place, dilation, stride, out, strict=True)
                ],
            ),
        )


def add_windows(
    total: Array,
    parts: Array,
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
) -> None:
    """The transpose of `windows`: add parts (n, c, *kernel, *out) into padded `total`."""
    out = parts.shape[2 + len(kernel) :]
    for place, where in offsets(kernel, stride, dilation, out):
        total[where] += parts[(slice(None), slice(None), *place)]
