"""Floor 5, vision: checks of what transforms are given, before any picture comes."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from enum import Enum
from typing import Any

from adjoint.vision.image import RESAMPLING

Fill = float | Sequence[float] | None


class InterpolationMode(Enum):
    """How pixels between pixels are made.

    >>> from adjoint.vision import transforms
    >>> transforms.InterpolationMode.BILINEAR.value
    'bilinear'
    """

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


def as_interpolation(value: InterpolationMode | int) -> InterpolationMode:
    """Accept Pillow's numbers too."""
    if isinstance(value, InterpolationMode):
        return value
    if isinstance(value, int):
        for name, number in RESAMPLING.items():
            if number == value:
                return InterpolationMode(name)
    raise TypeError(
        "Argument interpolation should be a InterpolationMode or a corresponding Pillow integer "
        f"constant, got {value!r}"
    )


def as_pair(size: int | Sequence[int]) -> tuple[int, int]:
    """(height, width) from one number or two."""
    if not isinstance(size, Sequence):
        return int(size), int(size)
    if len(size) == 1:
        return size[0], size[0]
    if len(size) != 2:
        raise ValueError(f"Please provide only two dimensions (h, w) for size. Got {size!r}")
    return size[0], size[1]


def as_fill(fill: Fill, channels: int, floating: bool) -> Any:
    """One number, or a tuple of one per channel, in the type of the pixels."""
    values = [0 if fill is None else fill] if not isinstance(fill, (list, tuple)) else list(fill)
    if len(values) == 1:
        values *= channels
    if len(values) != channels:
        raise ValueError(
            "The number of elements in 'fill' does not match the number of channels of the image "
            f"({len(values)} != {channels})"
        )
    if not floating:
        values = [int(v) for v in values]  # type: ignore[arg-type]
    return tuple(values) if channels > 1 else values[0]


def check_padding(padding: Any, fill: Any, padding_mode: Any) -> None:
    """Refuse what `pad` cannot take; also when a transform is made, before any data come."""
    if not isinstance(padding, (numbers.Number, tuple, list)):
        raise TypeError(f"Got inappropriate padding arg: {padding!r}")
    if fill is not None and not isinstance(fill, (numbers.Number, tuple, list)):
        raise TypeError(f"Got inappropriate fill arg: {fill!r}")
    if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
        raise ValueError(
            "Padding mode should be either constant, edge, reflect or symmetric, "
            f"got {padding_mode!r}"
        )
    if isinstance(padding, (tuple, list)) and len(padding) not in (1, 2, 4):
        raise ValueError(
            f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(padding)} element "
            "tuple"
        )


def check_sequence(value: Any, name: str, lengths: tuple[int, ...]) -> None:
    """Refuse what is not a sequence of one of the lengths."""
    wanted = " or ".join(str(length) for length in lengths)
    if not isinstance(value, Sequence):
        raise TypeError(f"{name} should be a sequence of length {wanted}. Got {value!r}")
    if len(value) not in lengths:
        raise ValueError(f"{name} should be a sequence of length {wanted}. Got {value!r}")


def as_range(value: Any, name: str, lengths: tuple[int, ...]) -> list[float]:
    """[-value, value], or the bounds that were given."""
    if isinstance(value, numbers.Real):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be positive. Got {value}")
        return [float(-value), float(value)]
    check_sequence(value, name, lengths)
    return [float(v) for v in value]


def check_fill(fill: Fill) -> Fill:
    """The fill, None being 0; TypeError for what is neither a number nor a sequence."""
    if fill is not None and not isinstance(fill, (Sequence, numbers.Real)):
        raise TypeError(f"Fill should be either a sequence or a number. Got {fill!r}")
    return 0 if fill is None else fill
