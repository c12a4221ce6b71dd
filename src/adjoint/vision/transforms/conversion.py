"""Floor 5, vision: between images, arrays and tensors, and the scale of their values."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from adjoint.api import from_numpy, tensor
from adjoint.arrays import checks
from adjoint.arrays.dtypes import dtype as Dtype
from adjoint.arrays.dtypes import float32, float64, get_default_dtype, int32, int64
from adjoint.autograd.tensor import Tensor
from adjoint.vision.image import from_array, is_image

__all__ = [
    "ConvertImageDtype",
    "Normalize",
    "PILToTensor",
    "ToPILImage",
    "ToTensor",
    "convert_image_dtype",
    "normalize",
    "pil_to_tensor",
    "to_pil_image",
    "to_tensor",
]

_WIDE_MODES = {
    "I": np.int32,
    "I;16" if sys.byteorder == "little" else "I;16B": np.int16,
    "F": np.float32,
}


def to_tensor(pic: Any) -> Tensor:
    """A picture as a tensor (channels, height, width), 8-bit values scaled from 0..255 to 0..1.

    pic: an image, or an array (height, width) or (height, width, channels). Values of uint8 are
    divided by 255 into the default dtype; all others are taken as they are.
    Errors: TypeError for anything else (a tensor included), ValueError for another shape.

    >>> to_tensor(np.array([[0, 51, 255]], dtype=np.uint8))
    tensor([[[0.0000, 0.2000, 1.0000]]])
    """
    if isinstance(pic, np.ndarray):
        if pic.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
        pixels = pic
    elif is_image(pic):
        pixels = np.asarray(pic, dtype=_WIDE_MODES.get(pic.mode, np.uint8))
        if pic.mode == "1":
            pixels = pixels * np.uint8(255)
    else:
        raise TypeError(
            f"pic should be PIL Image or ndarray. Got {type(pic)}"
            + ("; it is a tensor already" if isinstance(pic, Tensor) else "")
        )
    planes = _channels_first(pixels)
    if planes.dtype == np.uint8:
        scaled = np.divide(planes, 255, dtype=np.float64 if _is_double() else np.float32)
        result = from_numpy(np.ascontiguousarray(scaled))
        return result if _is_common() else result.to(get_default_dtype())
    return from_numpy(np.array(planes, order="C"))


def _is_double() -> bool:
    return get_default_dtype() is float64


def _is_common() -> bool:
    return get_default_dtype() in (float32, float64)


def _channels_first(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def pil_to_tensor(pic: Any) -> Tensor:
    """An image as a tensor (channels, height, width) of the same type, values unscaled, copied.

    Errors: TypeError for anything but an image.

    >>> from adjoint.vision.transforms import functional
    >>> picture = functional.to_pil_image(torch.zeros(1, 2, 3))
    >>> functional.pil_to_tensor(picture).dtype
    torch.uint8
    """
    if not is_image(pic):
        raise TypeError(f"pic should be PIL Image. Got {type(pic)}")
    pixels = np.asarray(pic)
    if pixels.dtype == np.uint16:  # torch has it, we do not; the bits are torch's int16
        pixels = pixels.view(np.int16)
    return from_numpy(np.array(_channels_first(pixels), order="C"))


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """A tensor or an array as an image (of the current backend, see `get_image_backend`).

    pic: tensor (channels, height, width) or (height, width); or array (height, width[, channels]).
    Floating values are multiplied by 255 and cut to uint8, unless mode is "F".
    mode: for 1 channel it follows from the dtype; 2: LA; 3: RGB, YCbCr or HSV; 4: RGBA, CMYK or
    RGBX. Errors: TypeError for another type or dtype, ValueError for another shape or mode.

    >>> from adjoint.vision.transforms import functional
    >>> functional.to_pil_image(torch.zeros(3, 4, 5)).size
    (5, 4)
    """
    if isinstance(pic, Tensor):
        pixels = pic.detach().cpu().numpy()
        if pixels.ndim == 3:
            pixels = pixels.transpose(1, 2, 0)
    elif isinstance(pic, np.ndarray):
        pixels = pic
    else:
        raise TypeError(f"pic should be Tensor or ndarray. Got {type(pic)}.")
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim != 3:
        raise ValueError(f"pic should be 2/3 dimensional. Got {pixels.ndim} dimensions.")
    channels = pixels.shape[2]
    if not 1 <= channels <= 4:
        raise ValueError(f"pic should not have > 4 channels. Got {channels} channels.")
    if not np.issubdtype(pixels.dtype, np.integer) and pixels.dtype != bool and mode != "F":
        pixels = (pixels * 255).astype(np.uint8)
    mode = _choose_mode(pixels.dtype, channels, mode)
    return from_array(np.ascontiguousarray(pixels[:, :, 0] if channels == 1 else pixels), mode)


def _choose_mode(dtype: np.dtype[Any], channels: int, mode: str | None) -> str:
    """Pillow's mode for the pixels, or the one asked for if they can have it."""
    if channels == 1:
        kinds: dict[np.dtype[Any], str] = {np.dtype(np.uint8): "L"}
        kinds |= {np.dtype(kind): name for name, kind in _WIDE_MODES.items()}
        expected = kinds.get(dtype)
        if mode is not None and mode != expected:
            raise ValueError(
                f"Incorrect mode ({mode}) supplied for input type {dtype}. Should be {expected}"
            )
        mode = expected
    else:
        permitted = {2: ["LA"], 3: ["RGB", "YCbCr", "HSV"], 4: ["RGBA", "CMYK", "RGBX"]}[channels]
        if mode is not None and mode not in permitted:
            raise ValueError(f"Only modes {permitted} are supported for {channels}D inputs")
        if mode is None and dtype == np.uint8:
            mode = permitted[0]
    if mode is None:
        raise TypeError(f"Input type {dtype} is not supported")
    return mode


def convert_image_dtype(image: Tensor, dtype: Dtype = float32) -> Tensor:
    """A tensor image in another dtype, its values scaled to the range of that dtype.

    Floating images range over 0..1, integer ones over 0..max of their dtype.
    Errors: TypeError for anything but a tensor; RuntimeError for float32 to int32 or int64 and
    float64 to int64, which cannot hold every integer in between.

    >>> from adjoint.vision.transforms import functional
    >>> functional.convert_image_dtype(torch.tensor([0, 255], dtype=torch.uint8))
    tensor([0., 1.])
    """
    if not isinstance(image, Tensor):
        raise TypeError(f"Input img should be Tensor Image, got {type(image)}; use ToTensor first")
    if image.dtype == dtype:
        return image
    if image.dtype.is_floating_point:
        if dtype.is_floating_point:
            return image.to(dtype)
        if (image.dtype, dtype) in ((float32, int32), (float32, int64), (float64, int64)):
            raise RuntimeError(
                f"The cast from {image.dtype} to {dtype} cannot be performed safely."
            )
        # max + 1 - eps, so that every integer gets an interval of the same width
        return (image * (_largest(dtype) + 1.0 - 1e-3)).to(dtype)
    largest = _largest(image.dtype)
    if dtype.is_floating_point:
        return image.to(dtype) / largest
    if largest > _largest(dtype):
        factor = int((largest + 1) // (_largest(dtype) + 1))
        return image.floor_divide(factor).to(dtype)
    return image.to(dtype) * int((_largest(dtype) + 1) // (largest + 1))


def _largest(dtype: Dtype) -> int:
    return 1 if dtype.numpy.kind == "b" else int(np.iinfo(dtype.numpy).max)


def normalize(
    image: Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool = False
) -> Tensor:
    """(image - mean) / std, channel by channel.

    image: (..., channels, height, width), floating. mean, std: one number, or one per channel.
    Errors: TypeError for anything but a floating tensor; ValueError for fewer dimensions or for a
    std that is zero in the image's dtype; RuntimeError if the numbers are not as many as channels.

    >>> normalize(to_tensor(np.array([[0, 255]], dtype=np.uint8)), (0.5,), (0.5,))
    tensor([[[-1.,  1.]]])
    """
    if not isinstance(image, Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(image)}; put ToTensor() before it")
    if not image.dtype.is_floating_point:
        raise TypeError(f"Input tensor should be a float tensor. Got {image.dtype}.")
    if image.ndim < 3:
        raise ValueError(
            "Expected tensor to be a tensor image of size (..., C, H, W). "
            f"Got tensor.size() = {image.size()}"
        )
    shift, _ = _for_channels(image, mean, "mean")
    scale, has_zero = _for_channels(image, std, "std")
    if has_zero:
        raise ValueError(
            f"std evaluated to zero after conversion to {image.dtype}, leading to division by "
            f"zero. Normalize got std={std}; leave constant channels with std 1"
        )
    if inplace:
        return image.sub_(shift).div_(scale)
    return (image - shift) / scale


def _for_channels(image: Tensor, numbers: Any, name: str) -> tuple[Tensor, bool]:
    """Numbers as a tensor that broadcasts over the image's channels; whether one of them is 0."""
    listed = numbers if isinstance(numbers, (list, tuple)) else np.asarray(numbers).tolist()
    key = tuple(listed) if isinstance(listed, (list, tuple)) else listed
    values, has_zero = _constants(key, image.dtype)
    channels = image.shape[-3]
    if values.ndim and values.shape[0] not in (1, channels):
        wide = (*image.shape[:-3], values.shape[0], *image.shape[-2:])
        raise RuntimeError(
            f"output with shape {list(image.shape)} doesn't match the broadcast shape "
            f"{list(wide)}: Normalize got {values.shape[0]} numbers as {name} for an image of "
            f"{channels} channel{'s' if channels != 1 else ''}; give one for each channel"
        )
    return values, has_zero


@lru_cache(maxsize=64)
def _constants(numbers: Any, dtype: Dtype) -> tuple[Tensor, bool]:
    """Made once for each data set rather than once for each picture: half the time of the item."""
    values = tensor(np.asarray(numbers, dtype=np.float64), dtype=dtype)
    has_zero = checks.is_any(values.detach().numpy() == 0)
    return (values.reshape(-1, 1, 1) if values.ndim == 1 else values), has_zero


class ToTensor:
    """Make a picture a floating tensor (channels, height, width) in 0..1; see `to_tensor`.

    >>> from adjoint.vision import transforms
    >>> transforms.ToTensor()(np.array([[0, 255]], dtype=np.uint8))
    tensor([[[0., 1.]]])
    """

    def __call__(self, pic: Any) -> Tensor:
        return to_tensor(pic)

    def __repr__(self) -> str:
        return "ToTensor()"


class PILToTensor:
    """Make an image a tensor of the same type; see `pil_to_tensor`.

    >>> from adjoint.vision import transforms
    >>> picture = transforms.ToPILImage()(torch.zeros(1, 2, 3))
    >>> transforms.PILToTensor()(picture).dtype
    torch.uint8
    """

    def __call__(self, pic: Any) -> Tensor:
        return pil_to_tensor(pic)

    def __repr__(self) -> str:
        return "PILToTensor()"


class ToPILImage:
    """Make a tensor or an array an image; see `to_pil_image`.

    >>> from adjoint.vision import transforms
    >>> transforms.ToPILImage()(torch.zeros(3, 4, 5)).size
    (5, 4)
    """

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def __call__(self, pic: Any) -> Any:
        return to_pil_image(pic, self.mode)

    def __repr__(self) -> str:
        return f"ToPILImage({'' if self.mode is None else f'mode={self.mode}'})"


class ConvertImageDtype:
    """Change the dtype of a tensor image and the range of its values; see `convert_image_dtype`.

    >>> from adjoint.vision import transforms
    >>> transforms.ConvertImageDtype(torch.float32)(torch.tensor([0, 255], dtype=torch.uint8))
    tensor([0., 1.])
    """

    def __init__(self, dtype: Dtype) -> None:
        self.dtype = dtype

    def forward(self, image: Tensor) -> Tensor:
        return convert_image_dtype(image, self.dtype)

    __call__ = forward

    def __repr__(self) -> str:
        return "ConvertImageDtype()"


class Normalize:
    """(image - mean) / std for each channel; see `normalize`.

    mean, std: a number for each channel. inplace: overwrite the tensor that is given.

    >>> from adjoint.vision import transforms
    >>> transforms.Normalize(mean=[0.5], std=[0.25])(torch.tensor([[[0.5, 1.0]]]))
    tensor([[[0., 2.]]])
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def forward(self, image: Tensor) -> Tensor:
        return normalize(image, self.mean, self.std, self.inplace)

    __call__ = forward

    def __repr__(self) -> str:
        return f"Normalize(mean={self.mean}, std={self.std})"
