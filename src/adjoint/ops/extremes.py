"""Floor 2: largest and smallest elements: max, min, amax, amin, aminmax.

Over everything, or over several dimensions, equal extremes share the gradient evenly; over one
dimension with indices (`max_dim`), the first one takes it all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .operation import general
from .reduction import restore
from .samples import cases


def is_extreme(xp: Any, x: Any, out: Any) -> Any:
    """Where `x` is the extreme `out` (broadcastable); nan equals nan."""
    both_nan = xp.logical_and(xp.isnan(x), xp.isnan(out))
    return xp.logical_or(xp.equal(x, out), both_nan)


def shares(xp: Any, x: Any, out: Any, dtype: Any, dim: Any) -> Any:
    """1/k at each of the k places that hold the extreme, else 0."""
    mask = xp.astype(is_extreme(xp, x, out), dtype)
    return mask / xp.sum(mask, axis=dim, keepdims=True)


def pull_all(xp: Any, ct: Any, x: Any, out: Any, x_dtype: Any) -> Any:
    """Full reduction: the cotangent, shared among the extremes."""
    return ct * shares(xp, x, out, x_dtype, None)


def push_all(xp: Any, t: Any, x: Any, out: Any, x_dtype: Any) -> Any:
    """Full reduction: the mean of the extremes' tangents."""
    return xp.sum(t * shares(xp, x, out, x_dtype, None))


def pull_dims(
    xp: Any, ct: Any, x: Any, out: Any, x_dtype: Any, x_shape: Any, dim: Any, keepdim: Any
) -> Any:
    """Over some dimensions: as `pull_all` in each slice."""
    out = restore(xp, out, dim, keepdim, x_shape)
    return restore(xp, ct, dim, keepdim, x_shape) * shares(xp, x, out, x_dtype, dim)


def push_dims(
    xp: Any, t: Any, x: Any, out: Any, x_dtype: Any, x_shape: Any, dim: Any, keepdim: Any
) -> Any:
    """Over some dimensions: as `push_all` in each slice."""
    out = restore(xp, out, dim, keepdim, x_shape)
    return xp.sum(t * shares(xp, x, out, x_dtype, dim), axis=dim, keepdims=keepdim)


def pull_selected(xp: Any, ct: Any, indices: Any, x_shape: Any, dim: Any, keepdim: Any) -> Any:
    """One element of each slice was selected: it takes the cotangent."""
    return xp.place_along_axis(
        restore(xp, ct[0], dim, keepdim, x_shape),
        restore(xp, indices, dim, keepdim, x_shape),
        axis=dim,
        size=x_shape[dim],
    )


def push_selected(xp: Any, t: Any, indices: Any, x_shape: Any, dim: Any, keepdim: Any) -> Any:
    """The selected elements' tangents."""
    picked = xp.take_along_axis(t, restore(xp, indices, dim, keepdim, x_shape), axis=dim)
    return (picked if keepdim else xp.squeeze(picked, axis=dim)), None


SELECTED: dict[str, Any] = {"outputs": ("values", "indices"), "differentiable": (0,)}
FULL = cases(((),), ((5,),), ((2, 3),))
DIMS = cases(
    ((2, 3), {"dim": (0,), "keepdim": False}),
    ((2, 3), {"dim": None, "keepdim": True}),
    ((2, 1, 3), {"dim": (0, 2), "keepdim": True}),
    ((0, 3), {"dim": (1,), "keepdim": False}),
    ((), {"dim": (), "keepdim": False}),
)
DIM = cases(
    ((5,), {"dim": 0, "keepdim": False}),
    ((2, 3), {"dim": 1, "keepdim": True}),
    ((2, 4, 3), {"dim": 1, "keepdim": False}),
    ((0, 3), {"dim": 1, "keepdim": False}),
)


@general("max", node="MaxBackward1", samples=FULL, reference=np.max)
class max_:
    """The largest element; equal ones share the gradient evenly."""

    def forward(xp, x):
        return xp.max(x)

    vjp_x, jvp_x = pull_all, push_all


@general("min", node="MinBackward1", samples=FULL, reference=np.min)
class min_:
    """The smallest element; equal ones share the gradient evenly."""

    def forward(xp, x):
        return xp.min(x)

    vjp_x, jvp_x = pull_all, push_all


@general(
    "max_dim",
    node="MaxBackward0",
    samples=DIM,
    reference=lambda x, *, dim, keepdim: (
        np.max(x, axis=dim, keepdims=keepdim),
        np.argmax(x, axis=dim, keepdims=keepdim),
    ),
    **SELECTED,
)
class max_dim:
    """The largest element along one dimension and where it is; of equal ones, the first."""

    def forward(xp, x, *, dim, keepdim=False):
        return (
            xp.max(x, axis=dim, keepdims=keepdim),
            xp.argmax(x, axis=dim, keepdims=keepdim),
        )

    vjp_x, jvp_x = pull_selected, push_selected


@general(
    "min_dim",
    node="MinBackward0",
    samples=DIM,
    reference=lambda x, *, dim, keepdim: (
        np.min(x, axis=dim, keepdims=keepdim),
        np.argmin(x, axis=dim, keepdims=keepdim),
    ),
    **SELECTED,
)
class min_dim:
    """The smallest element along one dimension and where it is; of equal ones, the first."""

    def forward(xp, x, *, dim, keepdim=False):
        return (
            xp.min(x, axis=dim, keepdims=keepdim),
            xp.argmin(x, axis=dim, keepdims=keepdim),
        )

    vjp_x, jvp_x = pull_selected, push_selected


@general(
    "amax",
    samples=DIMS,
    reference=lambda x, *, dim, keepdim: np.max(x, axis=dim, keepdims=keepdim),
)
class amax:
    """The largest element over some dimensions; equal ones share the gradient evenly."""

    def forward(xp, x, *, dim=None, keepdim=False):
        return xp.max(x, axis=dim, keepdims=keepdim)

    vjp_x, jvp_x = pull_dims, push_dims


@general(
    "amin",
    samples=DIMS,
    reference=lambda x, *, dim, keepdim: np.min(x, axis=dim, keepdims=keepdim),
)
class amin:
    """The smallest element over some dimensions; equal ones share the gradient evenly."""

    def forward(xp, x, *, dim=None, keepdim=False):
        return xp.min(x, axis=dim, keepdims=keepdim)

    vjp_x, jvp_x = pull_dims, push_dims


@general(
    "aminmax",
    outputs=("low", "high"),
    samples=cases(
        ((2, 3), {"dim": (0,), "keepdim": False}),
        ((2, 3), {"dim": None, "keepdim": True}),
        ((2, 1, 3), {"dim": (2,), "keepdim": True}),
    ),
    reference=lambda x, *, dim, keepdim: (
        np.min(x, axis=dim, keepdims=keepdim),
        np.max(x, axis=dim, keepdims=keepdim),
    ),
)
class aminmax:
    """Smallest and largest element together; equal ones share the gradients evenly."""

    def forward(xp, x, *, dim=None, keepdim=False):
        return (
            xp.min(x, axis=dim, keepdims=keepdim),
            xp.max(x, axis=dim, keepdims=keepdim),
        )

    def vjp_x(xp, ct, x, low, high, x_dtype, x_shape, dim, keepdim):
        parts = [
            pull_dims(xp, ct[i], x, out, x_dtype, x_shape, dim, keepdim)
            for i, out in ((0, low), (1, high))
            if i in ct
        ]
        return parts[0] if len(parts) == 1 else parts[0] + parts[1]

    def jvp_x(xp, t, x, low, high, x_dtype, x_shape, dim, keepdim):
        return tuple(
            push_dims(xp, t, x, out, x_dtype, x_shape, dim, keepdim) for out in (low, high)
        )
