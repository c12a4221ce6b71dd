"""Floor 5: rearranging and resizing images: pixel shuffle, unfold and fold, interpolate."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from adjoint.arrays.windows import output_size as window_counts
from adjoint.autograd.tensor import Tensor, wrap
from adjoint.autograd.views import copied, own
from adjoint.ops import convolution as ops

from .arguments import expect_real, expect_tensor, per_axis

SMOOTH = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}  # mode: spatial axes


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """(..., c r², h, w) -> (..., c, h r, w r): channels become pixels (Shi et al. 2016).

    >>> torch.nn.functional.pixel_shuffle(torch.arange(4.0).reshape(1, 4, 1, 1), 2)
    tensor([[[[0., 1.],
              [2., 3.]]]])
    """
    expect_tensor(input, "pixel_shuffle", "self", 1)
    shape, r = input._data.shape, upscale_factor
    if len(shape) < 3:
        raise RuntimeError(
            "pixel_shuffle expects input to have at least 3 dimensions, but got input with "
            f"{len(shape)} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *lead, c, h, w = shape
    if c % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square "
            f"of upscale_factor, but input.size(-3)={c} is not divisible by {r * r}"
        )
    n = len(lead)
    x = input.reshape(*lead, c // (r * r), r, r, h, w)
    x = x.permute(*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return copied(x.reshape(*lead, c // (r * r), h * r, w * r))


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """(..., c, h r, w r) -> (..., c r², h, w): the inverse of `pixel_shuffle`.

    >>> F.pixel_unshuffle(torch.arange(4.0).reshape(1, 2, 2), 2).flatten()
    tensor([0., 1., 2., 3.])
    """
    expect_tensor(input, "pixel_unshuffle", "self", 1)
    shape, r = input._data.shape, downscale_factor
    if len(shape) < 3:
        raise RuntimeError(
            "pixel_unshuffle expects input to have at least 3 dimensions, but got input with "
            f"{len(shape)} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *lead, c, h, w = shape
    for size, axis in ((h, "height"), (w, "width")):
        if size % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {axis} to be divisible by downscale_factor, but {size} "
                f"is not divisible by {r}"
            )
    n = len(lead)
    x = input.reshape(*lead, c, h // r, r, w // r, r)
    x = x.permute(*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return copied(x.reshape(*lead, c * r * r, h // r, w // r))


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """(n, c, ...) with channels (g, c/g) reordered to (c/g, g).

    >>> F.channel_shuffle(torch.arange(4.0).reshape(1, 4, 1), 2).flatten()
    tensor([0., 2., 1., 3.])
    """
    expect_tensor(input, "channel_shuffle", "self", 1)
    n, c, *space = input._data.shape
    if groups <= 0 or c % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {c} channels and {groups} groups."
        )
    x = input.reshape(n, groups, c // groups, *space).transpose(1, 2)
    return copied(x.reshape(n, c, *space))


def _blocks(
    kernel_size: Any, dilation: Any, padding: Any, stride: Any, name: str
) -> tuple[Any, dict[str, Any]]:
    kernel = per_axis(kernel_size, 2, name, "kernel_size")
    params = {
        "stride": per_axis(stride, 2, name, "stride"),
        "padding": tuple((p, p) for p in per_axis(padding, 2, name, "padding")),
        "dilation": per_axis(dilation, 2, name, "dilation"),
    }
    return kernel, params


def _every_place(channels: int, kernel: tuple[int, ...], dtype: Any) -> Tensor:
    """The convolution weight whose outputs are the elements of a window, channel by channel."""
    places = math.prod(kernel)
    one = np.eye(places, dtype=dtype).reshape(places, 1, *kernel)
    return wrap(np.tile(one, (channels, 1, 1, 1)))


def unfold(
    input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """Windows of images as columns: (n, c, h, w) -> (n, c kh kw, windows).

    >>> torch.nn.functional.unfold(torch.arange(4.0).reshape(1, 1, 2, 2), 2)
    tensor([[[0.],
             [1.],
             [2.],
             [3.]]])
    """
    expect_tensor(input, "unfold", "input", 1)
    if input._data.ndim not in (3, 4):
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
            f"dimensions for input, but got: {list(input._data.shape)}"
        )
    if input._data.ndim == 3:
        alone = unfold(input.unsqueeze(0), kernel_size, dilation, padding, stride)
        return own(alone.squeeze(0))
    kernel, params = _blocks(kernel_size, dilation, padding, stride, "unfold")
    n, channels, *space = input._data.shape
    size = window_counts(space, kernel, *params.values())
    if any(m < 1 for m in size):
        raise RuntimeError(
            f"Given input with spatial size {tuple(space)}, kernel_size={kernel}, "
            f"dilation={params['dilation']}, padding={tuple(p for p, _ in params['padding'])}, "
            f"calculated shape of the array of sliding blocks as {size}, but its components must "
            "be at least one."
        )
    weight = _every_place(channels, kernel, input._data.dtype)
    columns = ops.convolve(input, weight, groups=channels, **params)
    return own(columns.reshape(n, channels * math.prod(kernel), math.prod(size)))


def fold(
    input: Tensor,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Tensor:
    """Columns (n, c kh kw, windows) added up to images (n, c, *output_size): unfold transposed.

    >>> F.fold(torch.ones(1, 2, 2), output_size=(1, 3), kernel_size=(1, 2))
    tensor([[[[1., 2., 1.]]]])
    """
    expect_tensor(input, "fold", "input", 1)
    if input._data.ndim not in (2, 3):
        raise RuntimeError(
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and "
            f"non-zero dimensions for input, but got: {list(input._data.shape)}"
        )
    if input._data.ndim == 2:
        alone = fold(input.unsqueeze(0), output_size, kernel_size, dilation, padding, stride)
        return own(alone.squeeze(0))
    kernel, params = _blocks(kernel_size, dilation, padding, stride, "fold")
    space = per_axis(output_size, 2, "fold", "output_size")
    n, rows, columns = input._data.shape
    places = math.prod(kernel)
    if rows % places:
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, "
            f"but got input.size(1)={rows} and kernel_size={kernel}."
        )
    size = window_counts(space, kernel, *params.values())
    if math.prod(size) != columns:
        raise RuntimeError(
            f"Given output_size={space}, kernel_size={kernel}, dilation={params['dilation']}, "
            f"padding={tuple(p for p, _ in params['padding'])}, stride={params['stride']}, "
            f"expected size of input's dimension 2 to match the calculated number of sliding "
            f"blocks {size[0]} * {size[1]} = {math.prod(size)}, but got input.size(2)={columns}."
        )
    channels = rows // places
    weight = _every_place(channels, kernel, input._data.dtype)
    columns_of_images = input.reshape(n, rows, *size)
    result: Tensor = ops.convolve_input_transpose(
        columns_of_images, weight, size=space, groups=channels, **params
    )
    return result


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resize the spatial axes of (n, c, *space) to `size`, or by `scale_factor`.

    mode: "nearest", "nearest-exact", "linear" (3-D input), "bilinear" (4-D), "trilinear" (5-D) or
    "area". With `align_corners` the corner elements keep their places.

    >>> torch.nn.functional.interpolate(torch.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    expect_tensor(input, "interpolate", "input", 1)
    expect_real(input, "interpolate")
    n = input._data.ndim - 2
    if antialias:
        raise NotImplementedError(
            "interpolate: antialias=True is not supported; smooth with avg_pool2d first"
        )
    if mode not in ("nearest", "nearest-exact", "area", *SMOOTH):
        raise NotImplementedError(
            f"interpolate: mode {mode!r} is not supported; use nearest, nearest-exact, area, "
            "linear, bilinear, bicubic or trilinear"
        )
    if mode not in SMOOTH and align_corners is not None:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear "
            "| bicubic | trilinear"
        )
    if not 1 <= n <= 3 or SMOOTH.get(mode, n) != n:
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {n + 2}D) for the "
            f"modes: nearest | linear | bilinear | trilinear | area | nearest-exact (got {mode})"
        )
    sizes, scales = _target_sizes(
        input._data.shape[2:], size, scale_factor, bool(recompute_scale_factor)
    )
    if mode == "area":
        from . import pooling

        return getattr(pooling, f"adaptive_avg_pool{n}d")(input, sizes)
    out = input
    for axis, (m, scale) in enumerate(zip(sizes, scales, strict=True), start=2):
        length = input._data.shape[axis]
        if mode in SMOOTH:
            weigh = _cubic_weights if mode == "bicubic" else _linear_weights
            weights = weigh(length, m, scale, bool(align_corners)).astype(input._data.dtype)
            out = (out.transpose(axis, -1) @ wrap(weights)).transpose(axis, -1)
        elif m != length or mode == "nearest-exact":
            places = _nearest_places(length, m, scale, exact=mode == "nearest-exact")
            out = out.index_select(axis, wrap(places))
    return input.clone() if out is input else own(out)


def _target_sizes(
    space: tuple[int, ...], size: Any, scale_factor: Any, recompute: bool
) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    """Sizes, and the scales to use for positions (None: from the sizes)."""
    if (size is None) == (scale_factor is None):
        which = "only one of" if size is not None else "either"
        raise ValueError(f"{which} size or scale_factor should be defined")
    given = size if size is not None else scale_factor
    values = list(given) if isinstance(given, (tuple, list)) else [given] * len(space)
    if len(values) != len(space):
        raise ValueError(
            f"Input and output must have the same number of spatial dimensions, but got input with "
            f"spatial dimensions of {list(space)} and output size (or scale_factor) of {values}. "
            "Please provide one value for each spatial dimension."
        )
    if size is not None:
        return tuple(int(m) for m in values), (None,) * len(space)
    if any(s <= 0 for s in values):
        raise RuntimeError(f"interpolate: scale factors must be positive, but got {values}")
    sizes = tuple(math.floor(m * s) for m, s in zip(space, values, strict=True))
    if any(m < 1 for m in sizes):
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input {list(space)} and "
            f"output {list(sizes)}"
        )
    return sizes, (None,) * len(space) if recompute else tuple(1 / s for s in values)


def _nearest_places(n: int, m: int, scale: float | None, exact: bool) -> Any:
    ratio = np.float32(n / m if scale is None else scale)
    places = np.arange(m, dtype=np.float32)
    places = np.floor((places + np.float32(0.5)) * ratio if exact else places * ratio)
    return np.minimum(places.astype(np.int64), n - 1)


def _places(n: int, m: int, scale: float | None, align: bool) -> Any:
    """Where the m outputs lie among n elements."""
    if align:
        return np.arange(m) * ((n - 1) / (m - 1) if m > 1 else 0.0)
    return (np.arange(m) + 0.5) * (n / m if scale is None else scale) - 0.5


def _linear_weights(n: int, m: int, scale: float | None, align: bool) -> Any:
    """The (n, m) matrix that interpolates an axis of n elements linearly at m places."""
    places = np.maximum(_places(n, m, scale, align), 0)
    first = np.minimum(places.astype(np.int64), n - 1)
    fraction = places - first
    weights = np.zeros((n, m))
    np.add.at(weights, (first, np.arange(m)), 1 - fraction)
    np.add.at(weights, (np.minimum(first + 1, n - 1), np.arange(m)), fraction)
    return weights


def _cubic_weights(n: int, m: int, scale: float | None, align: bool) -> Any:
    """The same by cubic convolution (Keys 1981) with a = -0.75, ends repeated."""
    places = _places(n, m, scale, align)
    first = np.floor(places).astype(np.int64)
    t, a = places - first, -0.75
    weights = np.zeros((n, m))
    for step in (-1, 0, 1, 2):
        d = np.abs(t - step)
        near = ((a + 2) * d - (a + 3)) * d * d + 1
        far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
        at = np.clip(first + step, 0, n - 1)
        np.add.at(weights, (at, np.arange(m)), np.where(d <= 1, near, far))
    return weights


def upsample(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """The old name of `interpolate`."""
    _deprecated("upsample")
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """The old name of `interpolate(mode="nearest")`."""
    _deprecated("upsample_nearest")
    return interpolate(input, size, scale_factor, "nearest")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """The old name of `interpolate(mode="bilinear", align_corners=True)`."""
    _deprecated("upsample_bilinear")
    return interpolate(input, size, scale_factor, "bilinear", True)


def _deprecated(name: str) -> None:
    warnings.warn(
        f"`nn.functional.{name}` is deprecated. Use `nn.functional.interpolate` instead.",
        UserWarning,
        stacklevel=3,
    )
