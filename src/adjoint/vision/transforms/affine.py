"""Floor 5, vision: affine maps of images and arrays, given or drawn at random.

Not of tensors: augment before `ToTensor`, where a pixel is still a byte.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.autograd.tensor import Tensor
from adjoint.vision.image import AFFINE, RESAMPLING
from adjoint.vision.resample import affine_pixels

from .arguments import (
    Fill,
    InterpolationMode,
    as_fill,
    as_interpolation,
    as_range,
    check_fill,
    check_sequence,
)
from .draws import uniform
from .geometry import get_dimensions

__all__ = ["RandomAffine", "RandomRotation", "affine", "rotate"]


def affine(
    img: Any,
    angle: float,
    translate: Sequence[int],
    scale: float,
    shear: float | Sequence[float],
    interpolation: InterpolationMode | int = InterpolationMode.NEAREST,
    fill: Fill = 0,
    center: Sequence[float] | None = None,
) -> Any:
    """Rotate, scale and shear about a centre, then shift; the size stays.

    angle, shear: degrees, clockwise. translate: (right, down) in pixels. fill: what comes in from
    outside. center: (x, y), by default the middle. Images and arrays; nearest or bilinear.

    >>> from adjoint.vision.transforms import functional
    >>> picture = functional.to_pil_image(np.array([[1, 2], [3, 4]], dtype=np.uint8))
    >>> shifted = functional.affine(picture, angle=0, translate=[1, 0], scale=1, shear=[0, 0])
    >>> functional.pil_to_tensor(shifted)
    tensor([[[0, 1],
             [0, 3]]], dtype=torch.uint8)
    """
    if len(translate) != 2:
        raise ValueError("Argument translate should be a sequence of length 2")
    if scale <= 0:
        raise ValueError("Argument scale should be positive")
    slant = [shear, 0.0] if isinstance(shear, numbers.Real) else list(shear)  # type: ignore[arg-type]
    if len(slant) == 1:
        slant *= 2
    if len(slant) != 2:
        raise ValueError(f"Shear should be a sequence containing two values. Got {shear}")
    _, height, width = get_dimensions(img)
    middle = (width * 0.5, height * 0.5) if center is None else center
    matrix = _inverse_affine(middle, angle, translate, scale, slant)  # type: ignore[arg-type]
    return _apply_affine(img, matrix, (height, width), interpolation, fill, "affine")


def rotate(
    img: Any,
    angle: float,
    interpolation: InterpolationMode | int = InterpolationMode.NEAREST,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Fill = 0,
) -> Any:
    """Turn counter-clockwise about a centre.

    angle: degrees. expand: make the result large enough for all corners. The rest as `affine`.

    >>> from adjoint.vision.transforms import functional
    >>> picture = functional.to_pil_image(np.array([[1, 2], [3, 4]], dtype=np.uint8))
    >>> functional.pil_to_tensor(functional.rotate(picture, 90))
    tensor([[[2, 4],
             [1, 3]]], dtype=torch.uint8)
    """
    _, height, width = get_dimensions(img)
    x, y = (width / 2, height / 2) if center is None else center
    turn = -math.radians(angle % 360.0)
    # Fifteen digits, so that quarter turns move every pixel to exactly one place
    cos, sin = round(math.cos(turn), 15), round(math.sin(turn), 15)
    matrix = [cos, sin, x - cos * x - sin * y, -sin, cos, y + sin * x - cos * y]
    size = (height, width)
    if expand:
        corners = [(0, 0), (width, 0), (width, height), (0, height)]
        across = [cos * u + sin * v + matrix[2] for u, v in corners]
        down = [-sin * u + cos * v + matrix[5] for u, v in corners]
        size = (
            math.ceil(max(down)) - math.floor(min(down)),
            math.ceil(max(across)) - math.floor(min(across)),
        )
        u, v = (width - size[1]) / 2, (height - size[0]) / 2
        matrix[2] += cos * u + sin * v
        matrix[5] += -sin * u + cos * v
    return _apply_affine(img, matrix, size, interpolation, fill, "rotate")


def _inverse_affine(
    center: Sequence[float],
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: Sequence[float],
) -> list[float]:
    """Where each output pixel comes from: the inverse of T C R(angle) Shear Scale C^-1."""
    turn, sx, sy = (math.radians(v) for v in (angle, shear[0], shear[1]))
    a = math.cos(turn - sy) / math.cos(sy)
    b = -a * math.tan(sx) - math.sin(turn)
    c = math.sin(turn - sy) / math.cos(sy)
    d = -c * math.tan(sx) + math.cos(turn)
    # Rotation and shear have determinant 1, so the inverse of [[a, b], [c, d]] is this
    p, q, r, s = d / scale, -b / scale, -c / scale, a / scale
    x, y = -center[0] - translate[0], -center[1] - translate[1]
    return [p, q, p * x + q * y + center[0], r, s, r * x + s * y + center[1]]


def _apply_affine(
    img: Any,
    matrix: Sequence[float],
    size: tuple[int, int],
    interpolation: InterpolationMode | int,
    fill: Fill,
    name: str,
) -> Any:
    mode = as_interpolation(interpolation).value
    if isinstance(img, Tensor):
        raise TypeError(
            f"{name}: expected an image or an array, got a Tensor; put it before ToTensor"
        )
    channels = get_dimensions(img)[0]
    if isinstance(img, np.ndarray):
        colour = as_fill(fill, channels, img.dtype.kind == "f")
        return affine_pixels(img, matrix, size, colour, mode)
    colour = as_fill(fill, channels, img.mode == "F")
    shape = (size[1], size[0])
    return img.transform(shape, AFFINE, matrix, RESAMPLING[mode], fillcolor=colour)


class RandomRotation:
    """Turn by a random angle.

    degrees: bounds, or one number for -degrees..degrees. The rest as for `functional.rotate`.

    >>> from adjoint.vision import transforms
    >>> transforms.RandomRotation(degrees=10)(np.zeros((28, 28), dtype=np.uint8)).shape
    (28, 28)
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        interpolation: InterpolationMode | int = InterpolationMode.NEAREST,
        expand: bool = False,
        center: Sequence[float] | None = None,
        fill: Fill = 0,
    ) -> None:
        self.degrees = as_range(degrees, "degrees", (2,))
        if center is not None:
            check_sequence(center, "center", (2,))
        self.center = center
        self.interpolation = as_interpolation(interpolation)
        self.expand = expand
        self.fill = check_fill(fill)

    @staticmethod
    def get_params(degrees: Sequence[float]) -> float:
        """Draw the angle."""
        return uniform(degrees[0], degrees[1])

    def forward(self, img: Any) -> Any:
        angle = self.get_params(self.degrees)
        return rotate(img, angle, self.interpolation, self.expand, self.center, self.fill)

    __call__ = forward

    def __repr__(self) -> str:
        center = "" if self.center is None else f", center={self.center}"
        return (
            f"RandomRotation(degrees={self.degrees}, interpolation={self.interpolation.value}, "
            f"expand={self.expand}{center}, fill={self.fill})"
        )


class RandomAffine:
    """Turn, shift, scale and shear at random, the middle staying in place.

    degrees: bounds, or one number for -degrees..degrees. translate: greatest shift, (horizontal,
    vertical), as a part of the size. scale: bounds. shear: bounds in degrees, one number, two
    (along x) or four (along x and y). The rest as for `functional.affine`.

    >>> from adjoint.vision import transforms
    >>> picture = np.zeros((28, 28), dtype=np.uint8)
    >>> transforms.RandomAffine(degrees=10, translate=(0.1, 0.1))(picture).shape
    (28, 28)
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: float | Sequence[float] | None = None,
        interpolation: InterpolationMode | int = InterpolationMode.NEAREST,
        fill: Fill = 0,
        center: Sequence[float] | None = None,
    ) -> None:
        self.degrees = as_range(degrees, "degrees", (2,))
        if translate is not None:
            check_sequence(translate, "translate", (2,))
            if not all(0.0 <= part <= 1.0 for part in translate):
                raise ValueError(f"translation values should be between 0 and 1, got {translate}")
        if scale is not None:
            check_sequence(scale, "scale", (2,))
            if not all(factor > 0 for factor in scale):
                raise ValueError(f"scale values should be positive, got {scale}")
        if center is not None:
            check_sequence(center, "center", (2,))
        self.translate = translate
        self.scale = scale
        self.shear = None if shear is None else as_range(shear, "shear", (2, 4))
        self.interpolation = as_interpolation(interpolation)
        self.fill = check_fill(fill)
        self.center = center

    @staticmethod
    def get_params(
        degrees: Sequence[float],
        translate: Sequence[float] | None,
        scale_ranges: Sequence[float] | None,
        shears: Sequence[float] | None,
        img_size: Sequence[int],
    ) -> tuple[float, tuple[int, int], float, tuple[float, float]]:
        """Draw (angle, (right, down), scale, (shear x, shear y)). img_size: (width, height)."""
        angle = uniform(degrees[0], degrees[1])
        shift = (0, 0)
        if translate is not None:
            reach = [float(part * size) for part, size in zip(translate, img_size)]
            shift = (round(uniform(-reach[0], reach[0])), round(uniform(-reach[1], reach[1])))
        scale = 1.0 if scale_ranges is None else uniform(scale_ranges[0], scale_ranges[1])
        slant = [0.0, 0.0]
        for axis, start in enumerate(range(0, len(shears or ()), 2)):
            slant[axis] = uniform(shears[start], shears[start + 1])  # type: ignore[index]
        return angle, shift, scale, (slant[0], slant[1])

    def forward(self, img: Any) -> Any:
        _, height, width = get_dimensions(img)
        drawn = self.get_params(
            self.degrees, self.translate, self.scale, self.shear, (width, height)
        )
        return affine(img, *drawn, self.interpolation, self.fill, self.center)

    __call__ = forward

    def __repr__(self) -> str:
        parts = [f"degrees={self.degrees}"]
        for name in ("translate", "scale", "shear"):
            if getattr(self, name) is not None:
                parts.append(f"{name}={getattr(self, name)}")
        if self.interpolation != InterpolationMode.NEAREST:
            parts.append(f"interpolation={self.interpolation.value}")
        if self.fill != 0:
            parts.append(f"fill={self.fill}")
        if self.center is not None:
            parts.append(f"center={self.center}")
        return f"RandomAffine({', '.join(parts)})"
