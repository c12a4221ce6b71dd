"""Floor 2: new values for a whole tensor: copy, fill, and random draws.

The old value gets a gradient of zeros, as in torch: nothing of it is left.
"""

from __future__ import annotations

import numpy as np

from .operation import general
from .samples import cases


def _to(x, y):
    return np.broadcast_to(y, x.shape)


@general(
    "copy",
    node="CopyBackwards",
    samples=cases(((2, 3), (3,)), ((4,), (4,)), ((), ())),
    reference=_to,
)
class copy:
    """The values of `source` in the shape and dtype of `x`."""

    def forward(xp, x, source):
        return xp.astype(xp.broadcast_to(source, x.shape), x.dtype)

    def vjp_x(xp, ct):
        return xp.zeros_like(ct)

    def jvp_x(xp, t):
        return xp.zeros_like(t)

    def vjp_source(xp, ct):
        return ct  # the engine undoes broadcasting and conversion

    def jvp_source(xp, t, x_shape, x_dtype):
        return xp.astype(xp.broadcast_to(t, x_shape), x_dtype)


# `x.fill_(tensor)`: torch has another name for it.
fill_tensor = general(
    "fill_tensor",
    node="FillBackward3",
    samples=cases(((2, 3), ()), ((), ())),
    reference=_to,
)(type("fill_tensor", (), {"__doc__": copy.doc, **copy.rules}))


@general("zero", samples=cases(((2, 3),), ((),)), reference=np.zeros_like)
class zero:
    """Every element 0."""

    def forward(xp, x):
        return xp.zeros_like(x)

    def vjp_x(xp, ct):
        return xp.zeros_like(ct)

    def jvp_x(xp, t):
        return xp.zeros_like(t)


@general(
    "fill",
    node="FillBackward2",
    samples=cases(((2, 3), {"value": 1.5}), ((), {"value": 2.0})),
    reference=lambda x, *, value: np.full_like(x, value),
)
class fill:
    """Every element `value`."""

    def forward(xp, x, *, value):
        return xp.full_like(x, value)

    def vjp_x(xp, ct):
        return xp.zeros_like(ct)

    def jvp_x(xp, t):
        return xp.zeros_like(t)
