"""Floor 3: quantile and nanquantile, composed of sort and gather."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.checks import is_all, is_any
from ..autograd.lifted import values_of
from ..autograd.tensor import Tensor, wrap
from ..autograd.views import own
from .creation import check_tensor
from .dims import canonical_dim
from .examples import on_values
from .promotion import constant
from .registration import FUNCTIONS, public
from .sorting import sort

_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


@public("quantile")
def quantile(
    input: Tensor,
    q: Any,
    dim: Any = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """The q-th quantiles of all elements, or along `dim`; nan where there is one.

    q: a number in [0, 1], or a 1-d tensor of them, whose dimension comes first in the result.
    interpolation between neighbours: linear, lower, higher, midpoint or nearest.

    >>> torch.quantile(torch.tensor([0.0, 1.0, 2.0, 3.0]), 0.5)
    tensor(1.5000)
    """
    return _quantile(input, q, dim, keepdim, interpolation, False, "quantile")


@public("nanquantile")
def nanquantile(
    input: Tensor,
    q: Any,
    dim: Any = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """As `quantile`, of what is not nan.

    >>> torch.nanquantile(torch.tensor([0.0, float("nan"), 2.0]), 0.5)
    tensor(1.)
    """
    return _quantile(input, q, dim, keepdim, interpolation, True, "nanquantile")


def _quantile(
    input: Tensor, q: Any, dim: Any, keepdim: bool, interpolation: str, ignore_nan: bool, name: str
) -> Tensor:
    check_tensor(input, name)
    fractions = _checked(input, q, interpolation, name)
    shape = input._data.shape
    flat = input.reshape(-1) if dim is None or not shape else input
    axis = 0 if flat is not input else canonical_dim(dim, input._data.ndim, name)
    if not flat._data.shape[axis]:
        raise RuntimeError(f"{name}() input tensor must be non-empty, but it is {list(shape)}")
    ordered: Tensor = sort(flat, axis).values.movedim(axis, -1)
    ranks = _ranks(ordered, fractions.reshape(-1), ignore_nan)
    picked = _interpolate(ordered, ranks, interpolation)  # (..., number of fractions)
    if keepdim:
        kept = (
            [1] * len(shape)
            if dim is None
            else [1 if i == axis else n for i, n in enumerate(shape)]
        )
        picked = picked.movedim(-1, 0).reshape(fractions._data.size, *kept)
        return own(picked if fractions._data.ndim else picked.squeeze(0))
    return own(picked.movedim(-1, 0) if fractions._data.ndim else picked.squeeze(-1))


def _checked(input: Tensor, q: Any, interpolation: str, name: str) -> Tensor:
    """The fractions as a tensor of the input's dtype."""
    dtype = input._data.dtype
    if dtype not in (np.float32, np.float64):
        raise RuntimeError(
            f"{name}() input tensor must be either float or double dtype, but got "
            f"{input.dtype}; convert with .float()"
        )
    if interpolation not in _INTERPOLATIONS:
        raise RuntimeError(
            f"{name}() interpolation must be one of {', '.join(_INTERPOLATIONS)}, but got "
            f"{interpolation}"
        )
    if not isinstance(q, Tensor):
        if not 0 <= q <= 1:
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q}")
        return constant(q, dtype)
    if q._data.ndim > 1:
        raise RuntimeError(
            f"{name}() q must be a scalar or 1D tensor, but got {q._data.ndim} dimensions"
        )
    if q._data.dtype != dtype:
        raise RuntimeError(
            f"{name}() q tensor must be same dtype as the input tensor ({input.dtype}), but got "
            f"{q.dtype}"
        )
    bottom = values_of(q)
    if not is_all((bottom >= 0) & (bottom <= 1)):
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
    return q


def _ranks(ordered: Tensor, fractions: Tensor, ignore_nan: bool) -> Tensor:
    """Positions (..., number of fractions) between 0 and n - 1; the last, a nan, where one is."""
    n, dtype = ordered._data.shape[-1], ordered.dtype.numpy
    if ignore_nan:

        def last(_: int, x: Any) -> Any:
            return np.maximum(n - 1 - np.isnan(x).sum(-1, keepdims=True), 0).astype(dtype)

        return fractions * on_values(last, ordered)
    has_nan = on_values(lambda _, x: np.isnan(x[..., -1:]), ordered)
    ranks = fractions * wrap(np.full(has_nan._data.shape, n - 1, dtype))
    return FUNCTIONS["where"](has_nan, n - 1.0, ranks) if is_any(values_of(has_nan)) else ranks


def _interpolate(ordered: Tensor, ranks: Tensor, interpolation: str) -> Tensor:
    def at(rounded: Any) -> Tensor:
        places = on_values(lambda _, x: rounded(x).astype(np.int64), ranks)
        picked: Tensor = ordered.gather(-1, places)
        return picked

    if interpolation == "lower":
        return at(np.floor)
    if interpolation == "higher":
        return at(np.ceil)
    if interpolation == "nearest":
        return at(np.rint)
    below, above = at(np.floor), at(np.ceil)
    # As torch's lerp: measured from the nearer end.
    if interpolation == "midpoint":
        weight = wrap(np.full(ranks._data.shape, 0.5, ranks.dtype.numpy))
    else:
        weight = ranks - on_values(lambda _, x: np.floor(x), ranks)
    step = above - below
    low, high = below + weight * step, above - (1 - weight) * step
    return low.where(on_values(lambda _, x: x < 0.5, weight), high)
