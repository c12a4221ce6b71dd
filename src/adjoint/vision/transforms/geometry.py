"""Floor 5, vision: crop, pad, flip and resize images, arrays and tensors.

Each function asks once what it was given: a tensor goes by tensor operations, which record
gradients; an array by those of `resample`; an image by its own methods.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.api import from_numpy
from adjoint.arrays.dtypes import float32, float64
from adjoint.autograd.tensor import Tensor
from adjoint.vision.image import FLIP_LEFT_RIGHT, FLIP_TOP_BOTTOM, RESAMPLING, Image, is_image
from adjoint.vision.resample import crop_pixels, pad_pixels, resize_pixels, weights

from .arguments import (
    Fill,
    InterpolationMode,
    as_fill,
    as_interpolation,
    as_pair,
    check_padding,
)

__all__ = [
    "center_crop",
    "crop",
    "get_dimensions",
    "get_image_num_channels",
    "get_image_size",
    "hflip",
    "pad",
    "resize",
    "resized_crop",
    "vflip",
]


def get_dimensions(img: Any) -> list[int]:
    """[channels, height, width] of an image, an array or a tensor.

    >>> from adjoint.vision.transforms import functional
    >>> functional.get_dimensions(torch.zeros(3, 10, 20))
    [3, 10, 20]
    """
    if isinstance(img, Tensor):
        _require_image_tensor(img)
        return [1 if img.ndim == 2 else img.shape[-3], img.shape[-2], img.shape[-1]]
    if isinstance(img, np.ndarray):
        if img.ndim not in (2, 3):
            raise ValueError(f"img should be 2/3 dimensional. Got {img.ndim} dimensions.")
        return [1 if img.ndim == 2 else img.shape[2], img.shape[0], img.shape[1]]
    image = _require_image(img)
    return [len(image.getbands()), image.size[1], image.size[0]]


def get_image_size(img: Any) -> list[int]:
    """[width, height].

    >>> from adjoint.vision.transforms import functional
    >>> functional.get_image_size(torch.zeros(3, 10, 20))
    [20, 10]
    """
    return get_dimensions(img)[:0:-1]


def get_image_num_channels(img: Any) -> int:
    """Number of channels.

    >>> from adjoint.vision.transforms import functional
    >>> functional.get_image_num_channels(torch.zeros(3, 10, 20))
    3
    """
    return get_dimensions(img)[0]


def hflip(img: Any) -> Any:
    """Mirror left to right.

    >>> from adjoint.vision.transforms import functional
    >>> functional.hflip(torch.tensor([[[1, 2], [3, 4]]]))
    tensor([[[2, 1],
             [4, 3]]])
    """
    if isinstance(img, Tensor):
        return _require_image_tensor(img).flip(-1)
    if isinstance(img, np.ndarray):
        return img[:, ::-1]
    return _require_image(img).transpose(FLIP_LEFT_RIGHT)


def vflip(img: Any) -> Any:
    """Mirror top to bottom.

    >>> from adjoint.vision.transforms import functional
    >>> functional.vflip(torch.tensor([[[1, 2], [3, 4]]]))
    tensor([[[3, 4],
             [1, 2]]])
    """
    if isinstance(img, Tensor):
        return _require_image_tensor(img).flip(-2)
    if isinstance(img, np.ndarray):
        return img[::-1]
    return _require_image(img).transpose(FLIP_TOP_BOTTOM)


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """The window whose upper left corner is (top, left); outside the picture it is zero.

    >>> from adjoint.vision.transforms import functional
    >>> functional.crop(torch.arange(9).reshape(1, 3, 3), top=1, left=1, height=2, width=2)
    tensor([[[4, 5],
             [7, 8]]])
    """
    if isinstance(img, Tensor):
        _, rows, columns = get_dimensions(img)
        sides = (-left, -top, left + width - columns, top + height - rows)
        if max(sides) > 0:
            return pad(img, sides)
        return img[..., top : top + height, left : left + width]
    if isinstance(img, np.ndarray):
        return crop_pixels(img, top, left, height, width)
    return _require_image(img).crop((left, top, left + width, top + height))


def center_crop(img: Any, output_size: int | Sequence[int]) -> Any:
    """The window of (height, width) in the middle, with zeros around if the picture is smaller.

    >>> from adjoint.vision.transforms import functional
    >>> functional.center_crop(torch.arange(9).reshape(1, 3, 3), [1, 3])
    tensor([[[3, 4, 5]]])
    """
    crop_height, crop_width = as_pair(output_size)
    _, height, width = get_dimensions(img)
    missing = (max(crop_width - width, 0), max(crop_height - height, 0))
    if any(missing):
        img = pad(img, [missing[0] // 2, missing[1] // 2, *((m + 1) // 2 for m in missing)])
        _, height, width = get_dimensions(img)
    top, left = round((height - crop_height) / 2), round((width - crop_width) / 2)
    return crop(img, top, left, crop_height, crop_width)


def pad(
    img: Any, padding: int | Sequence[int], fill: Fill = 0, padding_mode: str = "constant"
) -> Any:
    """Add a margin.

    padding: for all sides, or [left and right, top and bottom], or [left, top, right, bottom];
    a negative number takes away. fill: the value of a constant margin, or one for each channel.
    padding_mode: constant, edge, reflect (the border not repeated), symmetric (repeated).

    >>> from adjoint.vision.transforms import functional
    >>> functional.pad(torch.ones(1, 1, 2), [1, 0])
    tensor([[[0., 1., 1., 0.]]])
    """
    check_padding(padding, fill, padding_mode)
    sides = _sides(padding)
    if isinstance(img, Tensor):
        return _pad_tensor(img, sides, fill, padding_mode)
    channels = get_dimensions(img)[0]
    if isinstance(img, np.ndarray):
        return pad_pixels(img, sides, as_fill(fill, channels, img.dtype.kind == "f"), padding_mode)
    colour = as_fill(fill, channels, img.mode == "F")
    if isinstance(img, Image):
        return img.expand(sides, colour, padding_mode)
    if padding_mode == "constant":
        from PIL import ImageOps

        return ImageOps.expand(img, border=tuple(sides), fill=colour)
    from PIL import Image as pillow

    return pillow.fromarray(pad_pixels(np.asarray(img), sides, mode=padding_mode))


def _pad_tensor(img: Tensor, sides: Sequence[int], fill: Fill, mode: str) -> Tensor:
    _, height, width = get_dimensions(img)
    left, top, right, bottom = sides
    img = img[..., max(-top, 0) : height - max(-bottom, 0), max(-left, 0) : width - max(-right, 0)]
    left, top, right, bottom = (max(side, 0) for side in sides)
    height, width = img.shape[-2:]
    if mode != "constant":
        rows = np.pad(np.arange(height), (top, bottom), mode=mode)  # type: ignore[call-overload]
        columns = np.pad(np.arange(width), (left, right), mode=mode)  # type: ignore[call-overload]
        return img[..., from_numpy(rows), :][..., from_numpy(columns)]
    if isinstance(fill, (list, tuple)):
        raise TypeError("pad: a tensor is filled with one number; got a sequence")
    shape = (*img.shape[:-2], height + top + bottom, width + left + right)
    result = img.new_full(shape, 0 if fill is None else fill)
    result[..., top : top + height, left : left + width] = img
    return result


def resize(
    img: Any,
    size: int | Sequence[int],
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    """Resample to another size.

    size: (height, width), or the length of the shorter edge, the other following in proportion.
    max_size: bound on the longer edge then. antialias: smooth when a tensor shrinks (images and
    arrays always are). The result on a tensor agrees with that on an image up to rounding.

    >>> from adjoint.vision.transforms import functional
    >>> functional.resize(torch.zeros(3, 10, 20), 5).shape
    torch.Size([3, 5, 10])
    """
    mode = as_interpolation(interpolation)
    _, height, width = get_dimensions(img)
    new_height, new_width = _resized(height, width, size, max_size)
    if (new_height, new_width) == (height, width):
        return img
    if isinstance(img, Tensor):
        return _resize_tensor(img, new_height, new_width, mode.value, bool(antialias))
    if antialias is False:
        warnings.warn(
            "Anti-alias option is always applied for PIL Image input. Argument antialias is "
            "ignored.",
            stacklevel=2,
        )
    if isinstance(img, np.ndarray):
        return resize_pixels(img, new_height, new_width, mode.value)
    return img.resize((new_width, new_height), RESAMPLING[mode.value])


def _resized(
    height: int, width: int, size: int | Sequence[int], max_size: int | None
) -> tuple[int, int]:
    """(height, width) after resizing."""
    if isinstance(size, Sequence) and len(size) not in (1, 2):
        raise ValueError(
            f"Size must be an int or a 1 or 2 element tuple/list, not a {len(size)} element "
            "tuple/list"
        )
    if isinstance(size, Sequence) and len(size) == 2:
        if max_size is not None:
            raise ValueError(
                "max_size should only be passed if size specifies the length of the smaller edge, "
                f"i.e. size should be an int; got size = {size}"
            )
        return size[0], size[1]
    short = size[0] if isinstance(size, Sequence) else size
    long = int(short * max(height, width) / min(height, width))
    if max_size is not None:
        if max_size <= short:
            raise ValueError(
                f"max_size = {max_size} must be strictly greater than the requested size for the "
                f"smaller edge size = {size}"
            )
        if long > max_size:
            short, long = int(max_size * short / long), max_size
    return (long, short) if width <= height else (short, long)


def _resize_tensor(img: Tensor, height: int, width: int, kind: str, antialias: bool) -> Tensor:
    """Two products with the matrices of weights, one for each axis."""
    if kind.startswith("nearest"):
        half = 0.5 if kind == "nearest-exact" else 0.0
        rows = ((np.arange(height) + half) * (img.shape[-2] / height)).astype(np.int64)
        columns = ((np.arange(width) + half) * (img.shape[-1] / width)).astype(np.int64)
        return img[..., from_numpy(rows), :][..., from_numpy(columns)]
    if kind not in ("bilinear", "bicubic"):
        raise ValueError(f"resize: a tensor cannot be resized by {kind}; use bilinear or bicubic")
    working = img.dtype if img.dtype in (float32, float64) else float32
    down = from_numpy(weights(img.shape[-2], height, kind, antialias).astype(working.numpy))
    across = from_numpy(weights(img.shape[-1], width, kind, antialias).T.astype(working.numpy))
    result = down @ (img.to(working) @ across)
    if working is img.dtype:
        return result
    if not img.dtype.is_floating_point:
        result = result.round()
        if kind == "bicubic" and img.dtype.itemsize == 1:
            result = result.clamp(
                min=np.iinfo(img.dtype.numpy).min, max=np.iinfo(img.dtype.numpy).max
            )
    return result.to(img.dtype)


def resized_crop(
    img: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: int | Sequence[int],
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Any:
    """Crop, then resize.

    >>> from adjoint.vision.transforms import functional
    >>> functional.resized_crop(torch.zeros(3, 10, 20), 0, 0, 5, 5, [8, 8]).shape
    torch.Size([3, 8, 8])
    """
    return resize(crop(img, top, left, height, width), size, interpolation, None, antialias)


def _sides(padding: int | Sequence[int]) -> list[int]:
    """[left, top, right, bottom]."""
    if not isinstance(padding, Sequence):
        return [padding] * 4
    return list(padding) * (4 // len(padding))


def _require_image(img: Any) -> Any:
    if not is_image(img):
        raise TypeError(f"img should be PIL Image, ndarray or Tensor. Got {type(img)}")
    return img


def _require_image_tensor(img: Tensor) -> Tensor:
    if img.ndim < 2:
        raise TypeError(
            f"Tensor is not a torch image: expected (..., H, W), got {tuple(img.shape)}"
        )
    return img
