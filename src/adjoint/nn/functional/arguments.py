"""Floor 5: arguments that many functions share: sizes per axis, padding, reductions, ranks."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from adjoint.api.products import raise_broadcast
from adjoint.autograd.modes import state
from adjoint.autograd.tape import module_path
from adjoint.autograd.tensor import Tensor


def place() -> str:
    """The path of the module being run, for error messages; empty outside modules."""
    return "" if state.module is None else f" (in module {module_path(state.module)})"


def expect_tensor(value: Any, name: str, argument: str, position: int) -> None:
    """TypeError as torch's argument parser raises it."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name}(): argument '{argument}' (position {position}) must be Tensor, not "
            f"{type(value).__name__}"
        )


def expect_real(input: Tensor, name: str) -> None:
    """NotImplementedError for complex numbers, where torch has no meaning for them."""
    if input._data.dtype.kind == "c":
        raise NotImplementedError(
            f"\"{name}\" not implemented for '{input.dtype.short}'; give it .abs(), or .real and "
            ".imag apart"
        )


def per_axis(value: Any, n: int, name: str, argument: str) -> tuple[int, ...]:
    """An int for every axis, or a sequence of n (or of 1) ints."""
    if isinstance(value, (tuple, list)):
        found = tuple(v.__index__() for v in value)
        found = found * n if len(found) == 1 else found
        if len(found) != n:
            raise RuntimeError(
                f"{name}: {argument} must be an int, or {n} ints, but got {tuple(value)}"
            )
        return found
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(
            f"{name}(): argument '{argument}' must be tuple of ints, not {type(value).__name__}"
        )
    return (value.__index__(),) * n


def batched(input: Tensor, n: int, name: str) -> tuple[Tensor, bool]:
    """The input with a batch axis before its channels and n spatial axes; whether it was added."""
    ndim = input._data.ndim
    if ndim == n + 2:
        return input, False
    if ndim == n + 1:
        return input.unsqueeze(0), True
    raise RuntimeError(
        f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {name}, but got input of "
        f"size: {list(input._data.shape)}{place()}; the axes are (batch), channels, "
        f"{', '.join(('depth', 'height', 'width')[-n:]) if n > 1 else 'length'}"
    )


def reduction_of(reduction: str, size_average: Any = None, reduce: Any = None) -> str:
    """`reduction`, or what the old arguments `size_average` and `reduce` stand for."""
    if size_average is not None or reduce is not None:
        if reduce is False:
            reduction = "none"
        else:
            reduction = "sum" if size_average is False else "mean"
        warnings.warn(
            "size_average and reduce args will be deprecated, please use "
            f"reduction='{reduction}' instead.",
            UserWarning,
            stacklevel=3,
        )
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(
            f"{reduction} is not a valid value for reduction; use 'none', 'mean' or 'sum'"
        )
    return reduction


def reduced(values: Tensor, reduction: str) -> Tensor:
    """All values, their mean, or their sum."""
    if reduction == "none":
        return values
    return values.mean() if reduction == "mean" else values.sum()


def same_shape(input: Tensor, target: Tensor, *, warn: bool = True) -> tuple[Tensor, Tensor]:
    """Both broadcast to one shape, with torch's warning when they differ."""
    a, b = input._data.shape, target._data.shape
    if a == b:
        return input, target
    if warn:
        warnings.warn(
            f"Using a target size (torch.Size({list(b)})) that is different to the input size "
            f"(torch.Size({list(a)})). This will likely lead to incorrect results due to "
            "broadcasting. Please ensure they have the same size.",
            UserWarning,
            stacklevel=4,
        )
    try:
        shape = np.broadcast_shapes(a, b)
    except ValueError:
        raise_broadcast(a, b)
        raise
    return input.expand(shape), target.expand(shape)
