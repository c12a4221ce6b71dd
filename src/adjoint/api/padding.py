"""Floor 3: `nn.functional.pad` in all its modes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..autograd.tensor import Tensor
from ..ops import padding as ops
from .promotion import constant
from .registration import public
from .shape import expect_tensor, sizes_of


def _pairs(pad: Sequence[int], ndim: int) -> tuple[tuple[int, int], ...]:
    """(before, after) for each dimension; `pad` begins with the last one."""
    pairs = list(zip(pad[::2], pad[1::2]))[::-1]
    return ((0, 0),) * (ndim - len(pairs)) + tuple(pairs)


@public("constant_pad_nd", method=False, out=False)
def constant_pad_nd(input: Tensor, pad: Sequence[int], value: Any = 0) -> Tensor:
    """`input` with `value` around it; `pad` as for nn.functional.pad.

    >>> torch.constant_pad_nd(torch.tensor([1, 2]), (1, 0), 9)
    tensor([9, 1, 2])
    """
    shape = expect_tensor(input, "constant_pad_nd")._data.shape
    sides = sizes_of((pad,), "pad", "pad")
    if len(sides) % 2:
        raise RuntimeError(f"Padding length must be divisible by 2, but got {len(sides)}")
    if len(sides) > 2 * len(shape):
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got "
            f"padding length {len(sides)} and input of dimension {len(shape)}"
        )
    pads = _pairs(sides, len(shape))
    if any(n + b + a < 0 or n + min(b, 0) + min(a, 0) < 0 for n, (b, a) in zip(shape, pads)):
        raise RuntimeError(
            f"narrow(): length must be non-negative: padding {list(sides)} takes more from a "
            f"tensor of shape {list(shape)} than there is"
        )
    filled = constant(value, input._data.dtype)._data.item()
    return ops.constant_pad(input, pads=pads, value=filled)


def pad(
    input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:
    """`input` with more elements at both ends of its last dimensions; negative numbers crop.

    pad: (before, after) of the last dimension, then of the one before it, and so on. mode:
    "constant" (`value`, 0 by default), "reflect" (without repeating the edge), "replicate" (the
    edge), "circular" (from the other end); the last three pad 1 to 3 dimensions of inputs that
    have one or two more.

    >>> torch.nn.functional.pad(torch.tensor([[1, 2, 3]]), (1, 1), mode="reflect")
    tensor([[2, 1, 2, 3, 2]])
    """
    expect_tensor(input, "pad")
    if mode == "constant":
        return constant_pad_nd(input, pad, 0 if value is None else value)
    sides = sizes_of((pad,), "pad", "pad")
    if len(sides) % 2:
        raise RuntimeError(f"Padding length must be divisible by 2, but got {len(sides)}")
    if value:
        raise RuntimeError(
            f'Padding mode "{mode}" doesn\'t take in value argument, but got {value}'
        )
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(
            f"Unrecognised padding mode {mode}: use constant, reflect, replicate or circular"
        )
    shape, dims = input._data.shape, len(sides) // 2
    if dims not in (1, 2, 3) or len(shape) - dims not in (1, 2):
        raise NotImplementedError(
            f"Padding size {len(sides)} is not supported for {len(shape)}D input tensor. Supported "
            "combinations for non-constant padding:\n"
            "  - 2D or 3D input: padding size = 2 (pads last dimension)\n"
            "  - 3D or 4D input: padding size = 4 (pads last 2 dimensions)\n"
            "  - 4D or 5D input: padding size = 6 (pads last 3 dimensions)"
        )
    pads = _pairs(sides, len(shape))
    for at, (n, (before, after)) in enumerate(zip(shape, pads)):
        _check(list(shape), at, n, before, after, mode)
    return ops.EDGES[mode, dims](input, pads=pads, mode=mode)


def _check(shape: list[int], at: int, n: int, before: int, after: int, mode: str) -> None:
    if mode == "reflect" and max(before, after) >= n and (before or after):
        raise RuntimeError(
            "Argument #4: Padding size should be less than the corresponding input dimension, but "
            f"got: padding ({before}, {after}) at dimension {at} of input {shape}"
        )
    if mode == "circular" and max(before, after) > n:
        raise RuntimeError(
            "Padding value causes wrapping around more than once: "
            f"({before}, {after}) at dimension {at} of input {shape}"
        )
    if n + before + after < 0 or n + min(before, 0) + min(after, 0) < 0:
        raise RuntimeError(
            "Negative padding value is resulting in an empty dimension: "
            f"({before}, {after}) at dimension {at} of input {shape}"
        )
    if mode == "replicate" and n == 0 and (before or after):
        raise RuntimeError(f"Expected a non-empty input to replicate, but got shape {shape}")
