"""Floor 5, vision: the transforms that draw from the random stream.

Each makes the draws that torchvision's makes, in the same order and number, so that a seed gives
the same augmentation there and here.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import geometry
from .arguments import (
    Fill,
    InterpolationMode,
    as_interpolation,
    as_pair,
    check_padding,
    check_sequence,
)
from .draws import below, happens, uniform, unit
from .fixed import Transform
from .geometry import get_dimensions

__all__ = [
    "RandomApply",
    "RandomChoice",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomOrder",
    "RandomResizedCrop",
    "RandomVerticalFlip",
]


class RandomHorizontalFlip:
    """Mirror left to right with probability p.

    >>> from adjoint.vision import transforms
    >>> transforms.RandomHorizontalFlip(p=1.0)(torch.tensor([[[1, 2], [3, 4]]]))
    tensor([[[2, 1],
             [4, 3]]])
    """

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def forward(self, img: Any) -> Any:
        return geometry.hflip(img) if happens(self.p) else img

    __call__ = forward

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


class RandomVerticalFlip(RandomHorizontalFlip):
    """Mirror top to bottom with probability p.

    >>> from adjoint.vision import transforms
    >>> transforms.RandomVerticalFlip(p=1.0)(torch.tensor([[[1, 2], [3, 4]]]))
    tensor([[[3, 4],
             [1, 2]]])
    """

    def forward(self, img: Any) -> Any:
        return geometry.vflip(img) if happens(self.p) else img

    __call__ = forward


class RandomCrop:
    """Cut out a window at a random place.

    size: (height, width), or one number for both. padding: a margin added first, as for `Pad`.
    pad_if_needed: add what a smaller picture lacks, rather than refuse it.
    Errors: ValueError if the window is larger than the padded picture.

    >>> from adjoint.vision import transforms
    >>> transforms.RandomCrop(28, padding=2)(torch.zeros(1, 28, 28)).shape
    torch.Size([1, 28, 28])
    """

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        fill: Fill = 0,
        padding_mode: str = "constant",
    ) -> None:
        check_padding(0 if padding is None else padding, fill, padding_mode)
        self.size = as_pair(size)
        self.padding = padding
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = padding_mode

    @staticmethod
    def get_params(img: Any, output_size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Draw (top, left, height, width)."""
        _, h, w = get_dimensions(img)
        th, tw = output_size
        if h < th or w < tw:
            raise ValueError(
                f"Required crop size {(th, tw)} is larger than input image size {(h, w)}; "
                "give padding, or pad_if_needed=True"
            )
        if w == tw and h == th:
            return 0, 0, h, w
        return below(h - th + 1), below(w - tw + 1), th, tw

    def forward(self, img: Any) -> Any:
        if self.padding is not None:
            img = geometry.pad(img, self.padding, self.fill, self.padding_mode)
        if self.pad_if_needed:
            _, height, width = get_dimensions(img)
            if width < self.size[1]:
                img = geometry.pad(img, [self.size[1] - width, 0], self.fill, self.padding_mode)
            if height < self.size[0]:
                img = geometry.pad(img, [0, self.size[0] - height], self.fill, self.padding_mode)
        return geometry.crop(img, *self.get_params(img, self.size))

    __call__ = forward

    def __repr__(self) -> str:
        return f"RandomCrop(size={self.size}, padding={self.padding})"


class RandomResizedCrop:
    """Cut out a window of random area and shape, and resize it.

    size: of the result. scale: bounds on the part of the area. ratio: bounds on width / height.

    >>> from adjoint.vision import transforms
    >>> transforms.RandomResizedCrop(16)(torch.zeros(3, 28, 28)).shape
    torch.Size([3, 16, 16])
    """

    def __init__(
        self,
        size: int | Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3.0 / 4.0, 4.0 / 3.0),
        interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        self.size = as_pair(size)
        check_sequence(scale, "Scale", (2,))
        check_sequence(ratio, "Ratio", (2,))
        self.scale = scale
        self.ratio = ratio
        self.interpolation = as_interpolation(interpolation)
        self.antialias = antialias

    @staticmethod
    def get_params(
        img: Any, scale: Sequence[float], ratio: Sequence[float]
    ) -> tuple[int, int, int, int]:
        """Draw (top, left, height, width); after ten windows that do not fit, take the middle."""
        _, height, width = get_dimensions(img)
        # float32 logarithms, as torch.log of a tensor gives
        low, high = np.log(np.asarray(ratio, dtype=np.float32)).tolist()
        for _ in range(10):
            target = height * width * uniform(scale[0], scale[1])
            aspect = float(np.exp(np.float32(uniform(low, high))))
            w, h = round(math.sqrt(target * aspect)), round(math.sqrt(target / aspect))
            if 0 < w <= width and 0 < h <= height:
                return below(height - h + 1), below(width - w + 1), h, w
        w, h = width, height
        if width / height < min(ratio):
            h = round(width / min(ratio))
        elif width / height > max(ratio):
            w = round(height * max(ratio))
        return (height - h) // 2, (width - w) // 2, h, w

    def forward(self, img: Any) -> Any:
        window = self.get_params(img, self.scale, self.ratio)
        return geometry.resized_crop(img, *window, self.size, self.interpolation, self.antialias)

    __call__ = forward

    def __repr__(self) -> str:
        scale, ratio = (tuple(round(v, 4) for v in bounds) for bounds in (self.scale, self.ratio))
        return (
            f"RandomResizedCrop(size={self.size}, scale={scale}, ratio={ratio}, "
            f"interpolation={self.interpolation.value}, antialias={self.antialias})"
        )


class _List:
    """What the transforms over a list of transforms share."""

    def __init__(self, transforms: Sequence[Transform]) -> None:
        if not isinstance(transforms, Sequence):
            raise TypeError("Argument transforms should be a sequence")
        self.transforms = transforms

    def __repr__(self) -> str:
        return f"{type(self).__name__}({''.join(f'{chr(10)}    {t}' for t in self.transforms)}\n)"


class RandomApply:
    """Apply all of the transforms with probability p, else none.

    >>> from adjoint.vision import transforms
    >>> transforms.RandomApply([transforms.Pad(1)], p=1.0)(torch.zeros(1, 2, 2)).shape
    torch.Size([1, 4, 4])
    """

    def __init__(self, transforms: Sequence[Transform], p: float = 0.5) -> None:
        self.transforms = transforms
        self.p = p

    def forward(self, img: Any) -> Any:
        if np.float32(self.p) < unit():
            return img
        for transform in self.transforms:
            img = transform(img)
        return img

    __call__ = forward

    def __repr__(self) -> str:
        inner = "".join(f"\n    {t}" for t in self.transforms)
        return f"RandomApply(\n    p={self.p}{inner}\n)"


class RandomOrder(_List):
    """Apply the transforms in a random order. Draws from Python's `random`, as torchvision.

    >>> from adjoint.vision import transforms
    >>> transforms.RandomOrder([transforms.Pad(1), transforms.CenterCrop(2)])
    RandomOrder(
        Pad(padding=1, fill=0, padding_mode=constant)
        CenterCrop(size=(2, 2))
    )
    """

    def __call__(self, img: Any) -> Any:
        order = list(range(len(self.transforms)))
        random.shuffle(order)
        for index in order:
            img = self.transforms[index](img)
        return img


class RandomChoice(_List):
    """Apply one of the transforms. p: their weights. Draws from Python's `random`.

    >>> from adjoint.vision import transforms
    >>> choice = transforms.RandomChoice([transforms.Pad(1), transforms.Pad(2)], p=[1.0, 0.0])
    >>> choice(torch.zeros(1, 2, 2)).shape
    torch.Size([1, 4, 4])
    """

    def __init__(self, transforms: Sequence[Transform], p: Sequence[float] | None = None) -> None:
        super().__init__(transforms)
        if p is not None and not isinstance(p, Sequence):
            raise TypeError("Argument p should be a sequence")
        self.p = p

    def __call__(self, img: Any) -> Any:
        return random.choices(self.transforms, weights=self.p)[0](img)

    def __repr__(self) -> str:
        return f"{super().__repr__()}(p={self.p})"
