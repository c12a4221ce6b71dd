"""Floor 2: activation functions with kinks; each says which subgradient it takes there.

Masks let neither inf nor nan of the cotangent through, as in torch, and are linked to what they
are made from: the second derivative is 0, and not missing.
"""

from __future__ import annotations

import numpy as np

from .operation import general
from .samples import REAL_ONLY, Sample, cases, spread, unary

_OFF_ZERO = unary(-1.9, 2.2)


@general("relu", samples=_OFF_ZERO, reference=lambda x: np.maximum(x, 0))
class relu:
    """Rectifier: out = max(x, 0). The derivative at 0 is 0.

    >>> torch.relu(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def forward(xp, x):
        return xp.maximum(0, x)  # in this order, -0.0 stays on most processors, as in torch

    def vjp_x(xp, ct, out):
        return xp.linked(xp.keep(ct, xp.greater(out, 0)), out)

    jvp_x = vjp_x


@general(
    "leaky_relu",
    samples=cases(
        ((2, 3), {"negative_slope": 0.01}), ((5,), {"negative_slope": 1.5}), low=-1.9, high=2.2
    ),
    reference=lambda x, negative_slope: np.where(x > 0, x, negative_slope * x),
)
class leaky_relu:
    """x for x > 0, else negative_slope x. The derivative at 0 is negative_slope."""

    def forward(xp, x, *, negative_slope=0.01):
        if 0 <= negative_slope <= 1:
            return xp.maximum(x, negative_slope * x)
        return xp.where(xp.greater(x, 0), x, negative_slope * x)

    def vjp_x(xp, ct, x, negative_slope):
        return xp.linked(xp.where(xp.greater(x, 0), ct, negative_slope * ct), x)

    jvp_x = vjp_x


@general(
    "prelu",
    node="PreluKernelBackward0",
    samples=lambda: [
        Sample((spread((2, 3), -1.9, 2.2), spread((1, 3), 0.1, 0.6))),
        Sample((spread((5,), -1.9, 2.2), spread((1,), 0.1, 0.6))),
    ],
    reference=lambda x, w: np.where(x > 0, x, w * x),
    except_laws=REAL_ONLY,
)
class prelu:
    """x for x > 0, else w x with w learned. The derivative in x at 0 is w, that in w is 0."""

    def forward(xp, x, w):
        return xp.where(xp.greater(x, 0), x, w * x)

    def vjp_x(xp, ct, x, w):
        return xp.linked(xp.where(xp.greater(x, 0), ct, w * ct), x)

    def vjp_w(xp, ct, x):
        return xp.keep(ct * x, xp.less_equal(x, 0))

    def jvp_x(xp, t, x, w):
        return xp.where(xp.greater(x, 0), t, w * t)

    def jvp_w(xp, t, x):
        return xp.keep(t * x, xp.less_equal(x, 0))


@general(
    "hardtanh",
    samples=cases(
        ((2, 3), {"min_val": -1.0, "max_val": 1.0}),
        ((5,), {"min_val": 0, "max_val": 0.7}),
        ((), {"min_val": -1.0, "max_val": 1.0}),
        low=-1.9,
        high=2.2,
    ),
    reference=lambda x, min_val, max_val: np.clip(x, min_val, max_val),
)
class hardtanh:
    """x limited to [min_val, max_val]. The derivative at an edge is 0."""

    def forward(xp, x, *, min_val=-1.0, max_val=1.0):
        return xp.minimum(xp.maximum(x, min_val), max_val)

    def vjp_x(xp, ct, x, min_val, max_val):
        beyond = xp.logical_or(xp.less_equal(x, min_val), xp.greater_equal(x, max_val))
        return xp.linked(xp.keep(ct, xp.logical_not(beyond)), x)

    jvp_x = vjp_x


_WIDE = unary(-4.1, 4.3)


@general("hardsigmoid", samples=_WIDE, reference=lambda x: np.clip(x + 3, 0, 6) / 6)
class hardsigmoid:
    """out = min(max(x + 3, 0), 6) / 6. The derivative at -3 and 3 is 0."""

    def forward(xp, x):
        return xp.minimum(xp.maximum(x + 3, 0), 6) / 6

    def vjp_x(xp, ct, x):
        inside = xp.logical_and(xp.greater(x, -3), xp.less(x, 3))
        return xp.linked(xp.keep(ct / 6, inside), x)

    jvp_x = vjp_x


@general(
    "hardswish",
    samples=_WIDE,
    reference=lambda x: x * np.clip(x + 3, 0, 6) / 6,
    except_laws=REAL_ONLY,
)
class hardswish:
    """out = x min(max(x + 3, 0), 6) / 6. The derivative is 0 at -3 and 1 at 3.

    Howard et al. 2019, "Searching for MobileNetV3".
    """

    def forward(xp, x):
        return x * xp.minimum(xp.maximum(x + 3, 0), 6) / 6

    def vjp_x(xp, ct, x):
        return _hardswish_slope(xp, ct, x)

    def jvp_x(xp, t, x):
        return _hardswish_slope(xp, t, x)


def _hardswish_slope(xp, ct, x):
    middle = xp.where(xp.less(x, 3), ct * (x / 3 + 0.5), ct)
    return xp.keep(middle, xp.logical_not(xp.less_equal(x, -3)))


@general(
    "softshrink",
    samples=cases(((2, 3), {"lambd": 0.5}), ((5,), {"lambd": 0.1}), low=-1.9, high=2.2),
    reference=lambda x, lambd: np.sign(x) * np.maximum(np.abs(x) - lambd, 0),
    except_laws=REAL_ONLY,
)
class softshrink:
    """x moved towards 0 by lambd, and 0 within lambd of it. The derivative at an edge is 0."""

    def forward(xp, x, *, lambd=0.5):
        return xp.where(_small(xp, x, lambd), 0 * x, x - lambd * xp.sign(x))

    def vjp_x(xp, ct, x, lambd):
        return xp.linked(xp.keep(ct, xp.logical_not(_small(xp, x, lambd))), x)

    jvp_x = vjp_x


@general(
    "hardshrink",
    samples=cases(((2, 3), {"lambd": 0.5}), ((5,), {"lambd": 0.1}), low=-1.9, high=2.2),
    reference=lambda x, lambd: np.where(np.abs(x) > lambd, x, 0),
)
class hardshrink:
    """x, and 0 within lambd of 0. The derivative at an edge is 0."""

    def forward(xp, x, *, lambd=0.5):
        return xp.keep(x, xp.logical_not(_small(xp, x, lambd)))

    def vjp_x(xp, ct, x, lambd):
        return xp.linked(xp.keep(ct, xp.logical_not(_small(xp, x, lambd))), x)

    jvp_x = vjp_x


def _small(xp, x, lambd):
    """Whether |x| <= lambd; false for nan."""
    return xp.less_equal(xp.abs(x), lambd)


@general(
    "threshold",
    samples=cases(((2, 3), {"threshold": 0.1, "value": 20.0}), low=-1.9, high=2.2),
    reference=lambda x, threshold, value: np.where(x > threshold, x, value),
)
class threshold:
    """x where x > threshold, else value. The derivative at the threshold is 0."""

    def forward(xp, x, *, threshold, value):
        return xp.where(xp.less_equal(x, threshold), value, x)

    def vjp_x(xp, ct, x, threshold):
        return xp.linked(xp.keep(ct, xp.logical_not(xp.less_equal(x, threshold))), x)

    jvp_x = vjp_x
