"""Floor 0: convolution of any number of spatial axes, and its two transposes.

Columns of sliding windows times the weight, in pieces that stay in the cache: the columns are
never kept whole, nor saved. The three functions are each other's transposes, so derivatives of
every order close among them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .pieces import starts
from .products import in_float32
from .windows import (
    Pairs,
    add_windows,
    interior,
    long_windows,
    output_size,
    pad,
    windows,
)

Array = Any
Sizes = Sequence[int]

PIECE = 1 << 20  # bytes of columns made at a time: measured best between 1/4 and 4 MiB
SHORT = 128  # with fewer places than this in a sample, samples are joined for one product


@in_float32
def convolve(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
) -> Array:
    """x (n, c, *space), w (o, c/groups, *kernel), b (o,) -> (n, o, *out): cross-correlation."""
    kernel = w.shape[2:]
    size = output_size(x.shape[2:], kernel, stride, padding, dilation)
    weight = w.reshape(groups, w.shape[0] // groups, math.prod(w.shape[1:]))
    grid = size
    is_cut_cheap = 2 * weight.shape[1] <= weight.shape[2]  # results against columns
    if is_cut_cheap and math.prod(size) >= SHORT and all(s == 1 for s in stride):
        view, grid = long_windows(x, kernel, padding, dilation, size)
    else:
        view = windows(pad(x, padding), kernel, stride, dilation, size)
    out = np.empty((len(x), groups, weight.shape[1], *size), np.result_type(x, w))
    _multiply(weight, view, grid, out)
    out = out.reshape(len(x), w.shape[0], *size)
    if b is not None:
        out += b.reshape(-1, *(1 for _ in size))
    return out


def _multiply(weight: Array, view: Array, grid: Sizes, out: Array) -> None:
    """Fill out (n, groups, o, *size) with weight times windows; places beyond size are cut."""
    groups, outputs, rows = weight.shape
    n, size = len(out), out.shape[3:]
    places = math.prod(size)
    inside = (..., *[slice(0, m) for m in size])
    step = _samples_at_once(groups * rows * math.prod(grid) * view.itemsize, places, n)
    for start in starts(n, step):
        part = view[start : start + step]
        found = out[start : start + step]
        if places < SHORT and len(part) > 1:
            joined = np.matmul(weight, _join_samples(part, groups, rows))
            joined = joined.reshape(groups, outputs, len(part), *size)
            found[...] = joined.transpose(2, 0, 1, *range(3, joined.ndim))
            continue
        columns = part.reshape(len(part), groups, rows, -1)
        if grid == size:
            np.matmul(weight, columns, out=found.reshape(*found.shape[:3], places))
        else:
            found[...] = np.matmul(weight, columns).reshape(*found.shape[:3], *grid)[inside]


@in_float32
def convolve_input_transpose(
    ct: Array,
    w: Array,
    *,
    size: Sizes,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
) -> Array:
    """ct (n, o, *out), w (o, c/groups, *kernel) -> (n, c, *size): the transpose in x."""
    kernel = w.shape[2:]
    if _is_gather_better(w, stride, groups):
        outer = tuple(
            (d * (k - 1) - before, n - m + before)
            for k, d, (before, _), n, m in zip(
                kernel, dilation, padding, size, ct.shape[2:], strict=True
            )
        )
        if all(before >= 0 and after >= 0 for before, after in outer):
            ones = (1,) * len(kernel)
            flipped = _flip(w, groups)
            return convolve(
                ct, flipped, stride=ones, padding=outer, dilation=dilation, groups=groups
            )
    return _scatter(ct, w, size, stride, padding, dilation, groups)


@in_float32
def convolve_weight_transpose(
    ct: Array,
    x: Array,
    *,
    kernel: Sizes,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
) -> Array:
    """ct (n, o, *out), x (n, c, *space) -> (o, c/groups, *kernel): the transpose in w."""
    n, channels = x.shape[:2]
    size, places = ct.shape[2:], math.prod(ct.shape[2:])
    view = windows(pad(x, padding), kernel, stride, dilation, size)
    rows = channels // groups * math.prod(kernel)
    outputs = ct.shape[1]
    ct = ct.reshape(n, groups, outputs // groups, places)
    out = np.zeros((groups, outputs // groups, rows), np.result_type(x, ct))
    step = _samples_at_once(groups * rows * places * x.itemsize, places, n)
    for start in starts(n, step):
        part = ct[start : start + step]
        if places < SHORT:
            columns = _join_samples(view[start : start + step], groups, rows)
            part = part.transpose(1, 2, 0, 3).reshape(*out.shape[:2], -1)
            out += np.matmul(part, columns.swapaxes(1, 2))
        else:  # the sum of products costs less than joining the samples' memory
            columns = view[start : start + step].reshape(len(part), groups, rows, places)
            found = np.matmul(part, columns.swapaxes(2, 3))
            out += found[0] if len(found) == 1 else np.add.reduce(found, axis=0)
    return out.reshape(outputs, channels // groups, *kernel)


def _samples_at_once(sample: int, places: int, n: int) -> int:
    """How many samples make a piece: more when they have to be joined to fill a product."""
    budget = 16 * PIECE if places < SHORT else PIECE
    return max(1, min(n, budget // max(sample, 1)))


def _join_samples(view: Array, groups: int, rows: int) -> Array:
    """Windows (m, c, *kernel, *out) as columns (groups, rows, m * places)."""
    space = (view.ndim - 2) // 2
    kernel_axes, out_axes = range(2, 2 + space), range(2 + space, view.ndim)
    return view.transpose(1, *kernel_axes, 0, *out_axes).reshape(groups, rows, -1)


def _is_gather_better(w: Array, stride: Sizes, groups: int) -> bool:
    """Whether to convolve the cotangent with the flipped weight, not to add columns back."""
    return all(s == 1 for s in stride) and w.shape[0] // groups <= 2 * w.shape[1]


def _flip(w: Array, groups: int) -> Array:
    """The weight of the transposed convolution: (c, o/groups, *kernel), reversed in space."""
    space = w.shape[2:]
    by_group = w.reshape(groups, w.shape[0] // groups, *w.shape[1:]).swapaxes(1, 2)
    reverse = (..., *[slice(None, None, -1) for _ in space])
    flipped = np.ascontiguousarray(by_group[reverse])  # BLAS takes no reversed axes
    return flipped.reshape(groups * w.shape[1], w.shape[0] // groups, *space)


def _scatter(
    ct: Array,
    w: Array,
    size: Sizes,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
) -> Array:
    """Columns of cotangents, added back where their windows were."""
    n, out_size, kernel = len(ct), ct.shape[2:], w.shape[2:]
    places, channels = math.prod(out_size), groups * w.shape[1]
    weight = w.reshape(groups, w.shape[0] // groups, math.prod(w.shape[1:])).swapaxes(1, 2)
    padded = [m + sum(p) for m, p in zip(size, padding, strict=True)]
    total = np.zeros((n, channels, *padded), np.result_type(ct, w))
    step = _samples_at_once(channels * math.prod(kernel) * places * ct.itemsize, places, n)
    for start in starts(n, step):
        part = ct[start : start + step]
        if places < SHORT and len(part) > 1:
            joined = part.reshape(len(part), groups, -1, places).transpose(1, 2, 0, 3)
            joined = np.matmul(weight, joined.reshape(groups, weight.shape[2], -1))
            columns = joined.reshape(channels, *kernel, len(part), *out_size)
            columns = np.moveaxis(columns, 1 + len(kernel), 0)
        else:
            columns = np.matmul(weight, part.reshape(len(part), groups, weight.shape[2], places))
            columns = columns.reshape(len(part), channels, *kernel, *out_size)
        add_windows(total[start : start + step], columns, kernel, stride, dilation)
    return total[interior(size, padding)]
