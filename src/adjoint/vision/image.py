"""Floor 5, vision: what an image is: Pillow's if it is installed, else a small one of our own.

`Image` has those of Pillow's methods that transforms, plotting and saving need, with the same
results bit for bit, so that nothing above has to ask which of the two it holds.
Knows pixels, not tensors.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from .png import encode_png
from .resample import affine_pixels, crop_pixels, pad_pixels, resize_pixels

__all__ = ["Image", "from_array", "get_image_backend", "is_image", "set_image_backend"]

# Pillow's numbers, which Pillow's enums equal
FLIP_LEFT_RIGHT, FLIP_TOP_BOTTOM = 0, 1
NEAREST, LANCZOS, BILINEAR, BICUBIC, BOX, HAMMING = range(6)
AFFINE = 0
RESAMPLING = {
    "nearest": NEAREST,
    "nearest-exact": NEAREST,
    "bilinear": BILINEAR,
    "bicubic": BICUBIC,
    "box": BOX,
    "hamming": HAMMING,
    "lanczos": LANCZOS,
}
_KINDS = {code: name for name, code in RESAMPLING.items() if name != "nearest-exact"}
_MODES = {
    "L": (np.uint8, 1),
    "LA": (np.uint8, 2),
    "RGB": (np.uint8, 3),
    "RGBA": (np.uint8, 4),
    "I;16": (np.uint16, 1),
    "I": (np.int32, 1),
    "F": (np.float32, 1),
}
_INFERRED = {  # (dtype, channels) -> mode
    **{(np.dtype(dtype).str, channels): mode for mode, (dtype, channels) in _MODES.items()},
    (np.dtype(np.int16).str, 1): "I;16",
}

_chosen: str | None = None


def get_image_backend() -> str:
    """Which images data sets and `ToPILImage` make: "PIL" or "adjoint".

    "PIL" if Pillow is installed, unless `set_image_backend` said otherwise.

    >>> get_image_backend() in ("PIL", "adjoint")
    True
    """
    return _chosen or ("PIL" if _has_pillow() else "adjoint")


def set_image_backend(backend: str) -> None:
    """Choose the images that data sets make: "PIL" (Pillow's) or "adjoint" (`Image`).

    Errors: ValueError for another name, ImportError for "PIL" if Pillow is not installed.

    >>> set_image_backend("opencv")
    Traceback (most recent call last):
        ...
    ValueError: Invalid backend 'opencv'. Options are 'PIL' and 'adjoint'
    """
    global _chosen
    if backend not in ("PIL", "adjoint"):
        raise ValueError(f"Invalid backend {backend!r}. Options are 'PIL' and 'adjoint'")
    if backend == "PIL" and not _has_pillow():
        raise ImportError("set_image_backend('PIL'): Pillow is missing; pip install pillow")
    _chosen = backend


@lru_cache(maxsize=1)
def _has_pillow() -> bool:
    return find_spec("PIL") is not None


def is_image(value: object) -> bool:
    """Whether a value is one of our images or of Pillow's. Does not import Pillow."""
    if isinstance(value, Image):
        return True
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(value, pillow.Image)


def from_array(pixels: npt.NDArray[Any], mode: str | None = None) -> Any:
    """An image of the current backend holding a copy of the pixels.

    pixels: (height, width) or (height, width, channels). mode: Pillow's name; by default what the
    dtype and the number of channels say: uint8 is L, LA, RGB, RGBA; int32 is I; float32 is F.
    Errors: TypeError if no mode fits.

    >>> from_array(np.zeros((2, 3, 3), dtype=np.uint8)).size
    (3, 2)
    """
    if mode is None:
        channels = 1 if pixels.ndim == 2 else pixels.shape[2]
        mode = _INFERRED.get((pixels.dtype.str, channels))
        if mode is None:
            raise TypeError(
                f"no image mode holds {channels} channels of {pixels.dtype}; convert to uint8"
            )
    if get_image_backend() == "adjoint":
        return Image(np.array(pixels), mode)
    from PIL import Image as pillow

    return pillow.frombytes(mode, (pixels.shape[1], pixels.shape[0]), pixels.tobytes())


class Image:
    """A picture in memory, with the part of Pillow's interface that this package uses.

    pixels: (height, width) or (height, width, channels), not copied. mode: L, LA, RGB, RGBA
    (uint8), I;16 (uint16), I (int32) or F (float32).

    >>> image = Image(np.arange(6, dtype=np.uint8).reshape(2, 3), "L")
    >>> image.size, image.crop((1, 0, 3, 1)).getpixel((1, 0))
    ((3, 2), 2)
    """

    __slots__ = ("_pixels", "mode")

    def __init__(self, pixels: npt.NDArray[Any], mode: str) -> None:
        if mode not in _MODES:
            raise ValueError(
                f"Image: mode {mode!r} is not one of {', '.join(_MODES)}; "
                "install Pillow for others (pip install pillow)"
            )
        dtype, channels = _MODES[mode]
        if pixels.ndim == 3 and channels == 1:
            pixels = pixels[:, :, 0]
        if pixels.ndim + (channels == 1) != 3 or (channels > 1 and pixels.shape[2] != channels):
            raise ValueError(f"Image: mode {mode} has {channels} channels, got {pixels.shape}")
        if pixels.dtype == np.int16 and mode == "I;16":
            pixels = pixels.view(np.uint16)
        self._pixels = pixels.astype(dtype, copy=False)
        self.mode = mode

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), in this order."""
        return self._pixels.shape[1], self._pixels.shape[0]

    @property
    def width(self) -> int:
        """Number of columns."""
        return int(self._pixels.shape[1])

    @property
    def height(self) -> int:
        """Number of rows."""
        return int(self._pixels.shape[0])

    def getbands(self) -> tuple[str, ...]:
        """The names of the channels."""
        return (self.mode,) if self._pixels.ndim == 2 else tuple(self.mode)

    def getpixel(self, xy: tuple[int, int]) -> Any:
        """The value at (column, row): a number, or a tuple of one per channel."""
        value = self._pixels[xy[1], xy[0]].tolist()
        return tuple(value) if isinstance(value, list) else value

    def tobytes(self) -> bytes:
        """The pixels, row by row."""
        return self._pixels.tobytes()

    def copy(self) -> Image:
        """An image with pixels of its own."""
        return Image(self._pixels.copy(), self.mode)

    def crop(self, box: tuple[int, int, int, int]) -> Image:
        """The part (left, top, right, bottom); what lies outside the picture is black."""
        left, top, right, bottom = box
        return Image(crop_pixels(self._pixels, top, left, bottom - top, right - left), self.mode)

    def expand(self, sides: Sequence[int], fill: Any = 0, padding_mode: str = "constant") -> Image:
        """Add (left, top, right, bottom) pixels. Pillow has this in its module ImageOps."""
        return Image(pad_pixels(self._pixels, sides, fill, padding_mode), self.mode)

    def transpose(self, method: int) -> Image:
        """Mirror: 0 left to right, 1 top to bottom (Pillow's `Transpose`)."""
        if method not in (FLIP_LEFT_RIGHT, FLIP_TOP_BOTTOM):
            raise ValueError(f"Image.transpose: expected method 0 or 1, got {method}")
        flipped = self._pixels[:, ::-1] if method == FLIP_LEFT_RIGHT else self._pixels[::-1]
        return Image(flipped, self.mode)

    def resize(self, size: tuple[int, int], resample: int = BICUBIC) -> Image:
        """Resample to (width, height). resample: Pillow's numbers, 2 is bilinear."""
        if self.mode in ("LA", "RGBA") and resample != NEAREST:
            raise ValueError(
                f"Image.resize: mode {self.mode} has to be weighted by its alpha channel, which "
                "needs Pillow (pip install pillow); or convert('RGB') first"
            )
        pixels = resize_pixels(self._pixels, size[1], size[0], _KINDS[int(resample)])
        return Image(pixels.copy() if pixels is self._pixels else pixels, self.mode)

    def transform(
        self,
        size: tuple[int, int],
        method: int,
        data: Sequence[float],
        resample: int = NEAREST,
        fill: int = 1,
        fillcolor: Any = 0,
    ) -> Image:
        """Affine map (method 0, Pillow's AFFINE) with data (a, b, c, d, e, f)."""
        kind = _KINDS[int(resample)]
        if method != AFFINE or kind not in ("nearest", "bilinear"):
            raise ValueError(
                "Image.transform: only AFFINE with nearest or bilinear is done without Pillow "
                "(pip install pillow)"
            )
        pixels = affine_pixels(self._pixels, data, (size[1], size[0]), fillcolor or 0, kind)
        return Image(pixels, self.mode)

    def convert(self, mode: str) -> Image:
        """Between L, LA, RGB and RGBA, and from L to I and F; grey is ITU-R 601-2 luma."""
        if mode == self.mode:
            return self.copy()
        if self.mode == "L" and mode in ("I", "F"):
            return Image(self._pixels.astype(_MODES[mode][0]), mode)
        eight_bits = ("L", "LA", "RGB", "RGBA")
        if self.mode not in eight_bits or mode not in eight_bits:
            raise ValueError(
                f"conversion from {self.mode} to {mode} not supported without Pillow "
                "(pip install pillow)"
            )
        pixels = self._pixels if self._pixels.ndim == 3 else self._pixels[:, :, None]
        alpha = (
            pixels[:, :, -1:] if self.mode.endswith("A") else np.full_like(pixels[:, :, :1], 255)
        )
        colour = pixels[:, :, : len(self.mode.rstrip("A"))]
        if mode.startswith("L") and colour.shape[2] == 3:
            red, green, blue = np.moveaxis(colour.astype(np.uint32), 2, 0)
            luma = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16
            colour = luma.astype(np.uint8)[:, :, None]
        elif mode.startswith("RGB"):
            colour = np.broadcast_to(colour, (*colour.shape[:2], 3))
        channels = (colour, alpha) if mode.endswith("A") else (colour,)
        return Image(np.concatenate(channels, axis=2), mode)

    def save(self, file: Any, format: str | None = None) -> None:
        """Write a PNG file. file: a path, or an object open for writing bytes."""
        is_path = isinstance(file, (str, os.PathLike))
        name = format or (os.path.splitext(os.fspath(file))[1][1:] if is_path else "png")
        if name.lower() != "png":
            raise ValueError(
                f"Image.save: {name!r} needs Pillow (pip install pillow); PNG does not"
            )
        content = self._repr_png_()
        if is_path:
            with open(file, "wb") as stream:
                stream.write(content)
        else:
            file.write(content)

    def _repr_png_(self) -> bytes:
        """What a notebook shows."""
        return encode_png(np.ascontiguousarray(self._pixels))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.array(self._pixels, dtype=dtype, copy=copy)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Image):
            return NotImplemented
        return self.mode == other.mode and np.array_equal(self._pixels, other._pixels)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<adjoint.vision.image.Image mode={self.mode} size={self.width}x{self.height}>"
