"""Floor 3: differences and integrals of sampled functions: diff, gradient, trapezoid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd.lifted import layout_of
from ..autograd.tensor import Tensor, wrap
from ..ops.scan import part
from .creation import check_tensor
from .dims import canonical_dim, canonical_dims
from .examples import on_values
from .promotion import to_float
from .registration import FUNCTIONS, public
from .scan import cumsum


@public("diff")
def diff(
    input: Tensor,
    n: int = 1,
    dim: int = -1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
) -> Tensor:
    """The n-th differences along `dim`: x[k+1] - x[k], n times over.

    `prepend` and `append` are joined to the ends first.

    >>> torch.diff(torch.tensor([1, 4, 9]))
    tensor([3, 5])
    """
    check_tensor(input, "diff")
    if input._data.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    dim = canonical_dim(dim, input._data.ndim, "diff")
    parts = [p for p in (prepend, input, append) if p is not None]
    if len(parts) > 1:
        input = FUNCTIONS["cat"](parts, dim)
    subtract = FUNCTIONS["logical_xor" if input._data.dtype.kind == "b" else "sub"]
    for _ in range(min(n, input._data.shape[dim])):
        input = subtract(input[part(dim, 1, None)], input[part(dim, -1)])
    return input


@public("trapezoid", "trapz", method=False)
def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The integral of `y` along `dim` by the trapezoidal rule, at places `x` or in steps `dx`.

    >>> torch.trapezoid(torch.tensor([1.0, 2.0, 3.0]))
    tensor(4.)
    """
    result: Tensor = _panels(y, x, dx, dim).sum(dim)
    return result * ((1 if dx is None else dx) / 2) if x is None else result / 2


@public("cumulative_trapezoid", method=False)
def cumulative_trapezoid(
    y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1
) -> Tensor:
    """The running integral of `y` along `dim` by the trapezoidal rule.

    >>> torch.cumulative_trapezoid(torch.tensor([1.0, 2.0, 3.0]))
    tensor([1.5000, 4.0000])
    """
    panels = _panels(y, x, dx, dim)
    return cumsum(panels * ((1 if dx is None else dx) / 2) if x is None else panels / 2, dim)


def _panels(y: Tensor, x: Tensor | None, dx: Any, dim: int) -> Tensor:
    """Twice the areas between neighbours (for `x`), or the sums of neighbours."""
    check_tensor(y, "trapezoid")
    dim = canonical_dim(dim, y._data.ndim, "trapezoid")
    pairs = y[part(dim, 1, None)] + y[part(dim, -1)]
    if x is None:
        return pairs
    if x._data.ndim == 1 and y._data.ndim != 1:
        shape = np.ones(y._data.ndim, int)
        shape[dim] = x._data.size
        x = x.reshape(shape.tolist())
        steps = diff(x, dim=dim)
    else:
        steps = diff(x, dim=canonical_dim(dim - y._data.ndim, x._data.ndim, "trapezoid"))
    return steps * pairs


@public("gradient", method=False)
def gradient(
    input: Tensor, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1
) -> tuple[Tensor, ...]:
    """Estimates of the partial derivatives of a sampled function, one tensor for each dim.

    Central differences inside; at the ends one-sided ones of `edge_order` 1 or 2. spacing: a step
    for all dims, a step for each, or a 1-d tensor of coordinates for each.

    >>> torch.gradient(torch.tensor([1.0, 2.0, 4.0, 8.0]))
    (tensor([1.0000, 1.5000, 3.0000, 4.0000]),)
    """
    check_tensor(input, "gradient")
    input = to_float(input, "gradient")
    dims = canonical_dims(dim, input._data.ndim, "gradient")
    if dims is None:
        dims = tuple(range(input._data.ndim))
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    spacing = 1 if spacing is None else spacing
    steps = list(spacing) if isinstance(spacing, (tuple, list)) else [spacing] * len(dims)
    if len(steps) != len(dims):
        raise RuntimeError(
            f"torch.gradient expected spacing to be unspecified, a scalar, or a list of "
            f"{len(dims)} entries (one for each dim), but got {len(steps)}"
        )
    for d in dims:
        if input._data.shape[d] < edge_order + 1:
            raise RuntimeError(
                "torch.gradient expected each dimension size to be at least edge_order+1: "
                f"dim {d} of {list(input._data.shape)} is too short"
            )
    return tuple(_slope(input, d, step, edge_order) for d, step in zip(dims, steps))


def _slope(y: Tensor, dim: int, step: Any, edge_order: int) -> Tensor:
    """The derivative along one dim, of unevenly spaced samples in general."""
    length, real = y._data.shape[dim], layout_of(y).real.dtype
    if isinstance(step, Tensor) and step._data.ndim:
        if step._data.shape != (length,):
            raise RuntimeError(
                "torch.gradient expected each element of spacing to have one coordinate for each "
                f"sample: {length} along dim {dim}, but got {list(step._data.shape)}"
            )
        h: Any = on_values(lambda _, at: np.diff(at.astype(real)), step)
    else:
        h = wrap(np.full(length - 1, float(step), real))
    shape = [1] * y._data.ndim
    shape[dim] = -1

    def weighed(places: Sequence[slice], weights: Sequence[Any]) -> Tensor:
        terms = [
            y[part(dim, place.start, place.stop)] * w.reshape(shape)
            for place, w in zip(places, weights)
        ]
        total: Tensor = terms[0]
        for term in terms[1:]:
            total = total + term
        return total

    a, b = h[:-1], h[1:]
    inside = (-b / (a * (a + b)), (b - a) / (a * b), a / (b * (a + b)))
    middle = weighed((slice(None, -2), slice(1, -1), slice(2, None)), inside)
    if edge_order == 1:
        first = weighed((slice(0, 1), slice(1, 2)), (-1 / h[:1], 1 / h[:1]))
        last = weighed((slice(-2, -1), slice(-1, None)), (-1 / h[-1:], 1 / h[-1:]))
    else:
        a, b = h[:1], h[1:2]
        weights = (-(2 * a + b) / (a * (a + b)), (a + b) / (a * b), -a / (b * (a + b)))
        first = weighed((slice(0, 1), slice(1, 2), slice(2, 3)), weights)
        a, b = h[-2:-1], h[-1:]
        weights = (b / (a * (a + b)), -(a + b) / (a * b), (2 * b + a) / (b * (a + b)))
        last = weighed((slice(-3, -2), slice(-2, -1), slice(-1, None)), weights)
    result: Tensor = FUNCTIONS["cat"]([first, middle, last], dim)
    return result
