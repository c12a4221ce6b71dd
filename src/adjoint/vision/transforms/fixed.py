"""Floor 5, vision: the transforms that leave nothing to chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import geometry
from .arguments import Fill, InterpolationMode, as_interpolation, as_pair, check_padding

__all__ = ["CenterCrop", "Compose", "Lambda", "Pad", "Resize"]

Transform = Callable[[Any], Any]


class Compose:
    """Apply transforms one after the other.

    >>> Compose([CenterCrop(2), Pad(1)])
    Compose(
        CenterCrop(size=(2, 2))
        Pad(padding=1, fill=0, padding_mode=constant)
    )
    """

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return f"Compose({''.join(f'{chr(10)}    {t}' for t in self.transforms)}\n)"


class Lambda:
    """Apply any function. Errors: TypeError if it cannot be called.

    >>> from adjoint.vision import transforms
    >>> transforms.Lambda(lambda x: 1 - x)(torch.tensor([0.0, 1.0]))
    tensor([1., 0.])
    """

    def __init__(self, lambd: Transform) -> None:
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__!r}")
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        return self.lambd(img)

    def __repr__(self) -> str:
        return "Lambda()"


class CenterCrop:
    """Cut out the middle. size: (height, width), or one number for both.

    >>> from adjoint.vision import transforms
    >>> transforms.CenterCrop(2)(torch.zeros(1, 28, 28)).shape
    torch.Size([1, 2, 2])
    """

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = as_pair(size)

    def forward(self, img: Any) -> Any:
        return geometry.center_crop(img, self.size)

    __call__ = forward

    def __repr__(self) -> str:
        return f"CenterCrop(size={self.size})"


class Pad:
    """Add a margin; the arguments are those of `functional.pad`.

    >>> from adjoint.vision import transforms
    >>> transforms.Pad(2)(torch.zeros(1, 28, 28)).shape
    torch.Size([1, 32, 32])
    """

    def __init__(
        self, padding: int | Sequence[int], fill: Fill = 0, padding_mode: str = "constant"
    ) -> None:
        check_padding(padding, fill, padding_mode)
        self.padding = padding
        self.fill = fill
        self.padding_mode = padding_mode

    def forward(self, img: Any) -> Any:
        return geometry.pad(img, self.padding, self.fill, self.padding_mode)

    __call__ = forward

    def __repr__(self) -> str:
        return f"Pad(padding={self.padding}, fill={self.fill}, padding_mode={self.padding_mode})"


class Resize:
    """Resample to another size; the arguments are those of `functional.resize`.

    >>> from adjoint.vision import transforms
    >>> transforms.Resize((8, 8))(torch.zeros(1, 28, 28)).shape
    torch.Size([1, 8, 8])
    """

    def __init__(
        self,
        size: int | Sequence[int],
        interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        if not isinstance(size, (int, Sequence)):
            raise TypeError(f"Size should be int or sequence. Got {type(size)}")
        if isinstance(size, Sequence) and len(size) not in (1, 2):
            raise ValueError("If size is a sequence, it should have 1 or 2 values")
        self.size = size
        self.max_size = max_size
        self.interpolation = as_interpolation(interpolation)
        self.antialias = antialias

    def forward(self, img: Any) -> Any:
        return geometry.resize(img, self.size, self.interpolation, self.max_size, self.antialias)

    __call__ = forward

    def __repr__(self) -> str:
        return (
            f"Resize(size={self.size}, interpolation={self.interpolation.value}, "
            f"max_size={self.max_size}, antialias={self.antialias})"
        )
