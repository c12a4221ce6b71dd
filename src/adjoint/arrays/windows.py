"""Floor 0: sliding windows over the spatial axes of (n, c, *space) arrays: pad, view, add back."""

from __future__ import annotations

import itertools
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
