"""Floor 0: memory formats: in which order the dimensions lie in memory. Knows arrays only."""

from __future__ import annotations

from typing import Any

import numpy as np


class memory_format:
    """An order of dimensions in memory, printed as torch prints it.

    >>> torch.zeros(1, 2, 3, 4).contiguous(memory_format=torch.channels_last).stride()
    (24, 1, 8, 2)
    """

    __slots__ = ("name", "order")

    def __init__(self, name: str, order: tuple[int, ...] | None = None) -> None:
        self.name = name
        self.order = order  # outermost first, for tensors of that many dimensions

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


class layout:
    """How a tensor stores its elements; every tensor here is `torch.strided`.

    >>> torch.zeros(2).layout
    torch.strided
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last", (0, 2, 3, 1))
channels_last_3d = memory_format("channels_last_3d", (0, 2, 3, 4, 1))
strided = layout("strided")


def order_of(wanted: Any, ndim: int) -> tuple[int, ...] | None:
    """The dimensions from outermost to innermost, None where the order may stay."""
    if wanted is None or wanted is preserve_format:
        return None
    if wanted is contiguous_format:
        return tuple(range(ndim))
    if not isinstance(wanted, memory_format):
        raise TypeError(
            f"argument 'memory_format' must be torch.memory_format, not {type(wanted).__name__}"
        )
    if wanted.order is None or len(wanted.order) != ndim:
        needed = len(wanted.order or ())
        raise RuntimeError(
            f"required rank {needed} tensor to use {wanted.name} format, but got {ndim} dimensions"
        )
    return wanted.order


def is_ordered(x: Any, order: tuple[int, ...]) -> bool:
    """Whether the elements lie in memory densely, in that order of dimensions."""
    flag: bool = x.transpose(order).flags.c_contiguous
    return flag


def copy_in_order(x: Any, order: tuple[int, ...]) -> Any:
    """A copy whose dimensions lie in memory in the given order."""
    inverse = [order.index(i) for i in range(x.ndim)]
    return np.array(x.transpose(order), order="C").transpose(inverse)
