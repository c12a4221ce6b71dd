"""Floor 5, vision: geometry on arrays of pixels: crop, pad, resize, affine maps.

Pixels are arrays (height, width) or (height, width, channels). Resizing is a product with a matrix
of weights per axis, which the tensor transforms share; on uint8 it rounds as Pillow does.
Knows neither images nor tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import floor, pi
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["affine_pixels", "crop_pixels", "pad_pixels", "resize_pixels", "weights"]

Array = npt.NDArray[Any]
_FIXED_BITS = 22  # Pillow's precision: 32 bits less 8 of the pixel and 2 for overshoot


def _triangle(x: Array) -> Array:
    return np.maximum(1 - np.abs(x), 0)


def _cubic(x: Array, a: float = -0.5) -> Array:
    """Keys' kernel (IEEE ASSP 29(6), 1981, equation 4)."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _box(x: Array) -> Array:
    return ((x > -0.5) & (x <= 0.5)).astype(float)


def _hamming(x: Array) -> Array:
    # Pillow writes the two constants in single precision
    window = float(np.float32(0.54)) + float(np.float32(0.46)) * np.cos(pi * x)
    return np.where(np.abs(x) < 1, np.sinc(x) * window, 0)


def _lanczos(x: Array) -> Array:
    return np.where((x >= -3) & (x < 3), np.sinc(x) * np.sinc(x / 3), 0)


KERNELS: dict[str, tuple[Callable[[Array], Array], float]] = {
    "bilinear": (_triangle, 1.0),
    "bicubic": (_cubic, 2.0),
    "box": (_box, 0.5),
    "hamming": (_hamming, 1.0),
    "lanczos": (_lanczos, 3.0),
}


@lru_cache(maxsize=16)
def weights(size: int, out_size: int, kind: str, antialias: bool = True) -> Array:
    """The matrix W with resized = W @ line, for one axis; (out_size, size), float64, read-only.

    With antialias the kernel is widened by the scale when shrinking and cut off at the border with
    renormalisation, as Pillow does and torch with antialias=True. Without, each output looks at
    the 2 (bilinear) or 4 (bicubic, with torch's a = -0.75) nearest inputs, the border repeated.
    """
    matrix = _smooth(size, out_size, kind) if antialias else _interpolate(size, out_size, kind)
    matrix.flags.writeable = False
    return matrix


def _smooth(size: int, out_size: int, kind: str) -> Array:
    kernel, support = KERNELS[kind]
    scale = size / out_size
    widening = max(scale, 1.0)
    center = (np.arange(out_size)[:, None] + 0.5) * scale
    index = np.arange(size)
    first = np.maximum((center - support * widening + 0.5).astype(int), 0)
    last = np.minimum((center + support * widening + 0.5).astype(int), size)
    matrix = kernel((index - center + 0.5) / widening)
    matrix *= (index >= first) & (index < last)
    return matrix / matrix.sum(axis=1, keepdims=True)


def _interpolate(size: int, out_size: int, kind: str) -> Array:
    position = (np.arange(out_size) + 0.5) * (size / out_size) - 0.5
    if kind == "bilinear":
        position = np.maximum(position, 0)
    start = np.floor(position).astype(int)
    taps, kernel = (range(2), _triangle) if kind == "bilinear" else (range(-1, 3), _sharp_cubic)
    matrix = np.zeros((out_size, size))
    for tap in taps:
        column = np.clip(start + tap, 0, size - 1)
        np.add.at(matrix, (np.arange(out_size), column), kernel(position - (start + tap)))
    return matrix


def _sharp_cubic(x: Array) -> Array:
    return _cubic(x, -0.75)


def crop_pixels(pixels: Array, top: int, left: int, height: int, width: int) -> Array:
    """The window at (top, left); what lies outside the picture is zero."""
    rows, columns = pixels.shape[:2]
    inside = pixels[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
    if top >= 0 and left >= 0 and top + height <= rows and left + width <= columns:
        return inside
    result = np.zeros((height, width, *pixels.shape[2:]), dtype=pixels.dtype)
    y, x = max(-top, 0), max(-left, 0)
    result[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    return result


def pad_pixels(pixels: Array, sides: Sequence[int], fill: Any = 0, mode: str = "constant") -> Array:
    """Add (left, top, right, bottom) pixels; a negative number takes pixels away.

    mode: constant, edge, reflect (without repeating the border) or symmetric (with it).
    fill: a number, or one per channel.
    """
    left, top, right, bottom = sides
    height, width = pixels.shape[:2]
    pixels = pixels[max(-top, 0) : height - max(-bottom, 0), max(-left, 0) : width - max(-right, 0)]
    left, top, right, bottom = (max(side, 0) for side in sides)
    if mode != "constant":
        margins = ((top, bottom), (left, right), (0, 0))[: pixels.ndim]
        return np.pad(pixels, margins, mode=mode)  # type: ignore[call-overload]
    height, width = pixels.shape[:2]
    shape = (height + top + bottom, width + left + right, *pixels.shape[2:])
    result = np.empty(shape, dtype=pixels.dtype)
    result[...] = fill
    result[top : top + height, left : left + width] = pixels
    return result


def resize_pixels(pixels: Array, height: int, width: int, kind: str = "bilinear") -> Array:
    """Resample to (height, width), smoothed against aliasing when it shrinks.

    kind: nearest, bilinear, bicubic, box, hamming or lanczos. uint8 is computed as
    in Pillow: along the rows first, the columns second, each rounded to uint8 from weights in
    22-bit fixed point. (From version 13 on, Pillow takes the columns first where that is less
    work; then its second rounding, and some last digit, differs.)
    """
    if kind in ("nearest", "nearest-exact"):
        scales = (pixels.shape[1] / width, 0, 0, 0, pixels.shape[0] / height, 0)
        return affine_pixels(pixels, scales, (height, width), 0)
    if pixels.shape[1] != width:
        pixels = _resize_axis(pixels, weights(pixels.shape[1], width, kind), 1)
    if pixels.shape[0] != height:
        pixels = _resize_axis(pixels, weights(pixels.shape[0], height, kind), 0)
    return pixels


def _resize_axis(pixels: Array, matrix: Array, axis: int) -> Array:
    if pixels.dtype == np.uint8:
        # float64 holds these integers exactly, and its products run in BLAS, as integers do not
        matrix = np.trunc(matrix * 2.0**_FIXED_BITS + np.copysign(0.5, matrix))
    summed = np.moveaxis(np.tensordot(matrix, pixels.astype(np.float64), (1, axis)), 0, axis)
    if pixels.dtype == np.uint8:
        summed = np.clip(np.floor((summed + 2 ** (_FIXED_BITS - 1)) / 2.0**_FIXED_BITS), 0, 255)
    elif np.issubdtype(pixels.dtype, np.integer):
        summed = np.trunc(summed + np.copysign(0.5, summed))
    return summed.astype(pixels.dtype)


def affine_pixels(
    pixels: Array,
    matrix: Sequence[float],
    size: tuple[int, int],
    fill: Any = 0,
    kind: str = "nearest",
) -> Array:
    """Pull every output pixel from where an affine map puts it in the input.

    matrix: (a, b, c, d, e, f); the output pixel with centre (x, y) is read at
    (a x + b y + c, d x + e y + f), coordinates with the corner of the picture as origin.
    size: (height, width) of the output. fill: value, or one per channel, of what lies outside.
    kind: nearest or bilinear, both with Pillow's roundings.
    """
    if kind not in ("nearest", "nearest-exact", "bilinear"):
        raise ValueError(f"affine_pixels: expected kind nearest or bilinear, got {kind!r}")
    height, width = pixels.shape[:2]
    result = np.empty((*size, *pixels.shape[2:]), dtype=pixels.dtype)
    result[...] = fill
    if kind == "bilinear":
        x, y = _map_exactly(matrix, size)
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        result[inside] = _blend(pixels, x[inside] - 0.5, y[inside] - 0.5)
        return result
    columns, rows = _map_to_index(matrix, size, (height, width))
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    result[inside] = pixels[rows[inside], columns[inside]]
    return result


def _map_exactly(matrix: Sequence[float], size: tuple[int, int]) -> tuple[Array, Array]:
    a, b, c, d, e, f = matrix
    x, y = np.arange(size[1]) + 0.5, (np.arange(size[0]) + 0.5)[:, None]
    return a * x + b * y + c, d * x + e * y + f


def _map_to_index(
    matrix: Sequence[float], size: tuple[int, int], shape: tuple[int, int]
) -> tuple[Array, Array]:
    """Column and row read by every output pixel, -1 or beyond where there is none.

    Pillow adds up steps: in floating point for a map without rotation, else in 16-bit fixed point
    if the pictures are small enough. Following it keeps augmented pictures the same bit for bit.
    """
    a, b, c, d, e, f = matrix
    if b == 0 and d == 0:
        x = np.add.accumulate(np.r_[c + a * 0.5, np.full(size[1] - 1, a)])
        y = np.add.accumulate(np.r_[f + e * 0.5, np.full(size[0] - 1, e)])[:, None]
        columns, rows = (np.where(v < 0, -1, v).astype(np.int64) for v in (x, y))
        return tuple(np.broadcast_arrays(columns, rows))  # type: ignore[return-value]
    corners = [(x, y) for x in (0, size[1]) for y in (0, size[0])]
    reach = [abs(v) for x, y in corners for v in (a * x + b * y + c, d * x + e * y + f)]
    if max(*reach, *shape) >= 32768:
        x, y = _map_exactly(matrix, size)
        return tuple(np.where(v < 0, -1, v).astype(np.int64) for v in (x, y))  # type: ignore[return-value]
    fixed = [
        floor(v * 65536 + 0.5) for v in (a, b, c + a * 0.5 + b * 0.5, d, e, f + d * 0.5 + e * 0.5)
    ]
    column, row = np.arange(size[1]), np.arange(size[0])[:, None]
    return (
        (fixed[0] * column + fixed[1] * row + fixed[2]) >> 16,
        (fixed[3] * column + fixed[4] * row + fixed[5]) >> 16,
    )


def _blend(pixels: Array, x: Array, y: Array) -> Array:
    """Bilinear values at positions counted from pixel centres, the border repeated."""
    height, width = pixels.shape[:2]
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    more = (1,) * (pixels.ndim - 2)
    dx, dy = (x - left).reshape(-1, *more), (y - top).reshape(-1, *more)
    columns = np.clip([left, left + 1], 0, width - 1)
    rows = np.clip([top, top + 1], 0, height - 1)
    values = pixels[rows[:, None], columns[None]].astype(np.float64)
    upper, lower = values[:, 0] + (values[:, 1] - values[:, 0]) * dx
    result = upper + (lower - upper) * dy
    return result if pixels.dtype.kind == "f" else np.trunc(result).astype(pixels.dtype)
