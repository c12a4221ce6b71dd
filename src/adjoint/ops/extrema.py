"""Floor 2: the larger and the smaller of two, and clamping. Ties of two split the gradient."""

from __future__ import annotations

import numpy as np

from .operation import general
from .samples import Sample, binary, cases, spread

_APART = binary(x=(-2.0, 2.0), y=(-1.9, 1.7))


def _larger_share(xp, ct, x, y):
    """The cotangent of x in max(x, y): whole where larger or nan, half at a tie."""
    return _share(xp, ct, x, y, xp.less(x, y))


def _smaller_share(xp, ct, x, y):
    """The cotangent of x in min(x, y)."""
    return _share(xp, ct, x, y, xp.greater(x, y))


def _share(xp, ct, x, y, lost):
    return xp.keep(xp.where(xp.equal(x, y), ct / 2, ct), xp.logical_not(lost))


@general("maximum", samples=_APART, reference=np.maximum)
class maximum:
    """The larger of x and y; nan if one is. A tie gives each half the gradient.

    >>> torch.maximum(torch.tensor([1.0, 5.0]), torch.tensor([3.0, 2.0]))
    tensor([3., 5.])
    """

    def forward(xp, x, y):
        return xp.maximum(x, y)

    def vjp_x(xp, ct, x, y):
        return _larger_share(xp, ct, x, y)

    def vjp_y(xp, ct, x, y):
        return _larger_share(xp, ct, y, x)

    jvp_x, jvp_y = vjp_x, vjp_y


@general("minimum", samples=_APART, reference=np.minimum)
class minimum:
    """The smaller of x and y; nan if one is. A tie gives each half the gradient.

    >>> torch.minimum(torch.tensor([1.0, 5.0]), torch.tensor([3.0, 2.0]))
    tensor([1., 2.])
    """

    def forward(xp, x, y):
        return xp.minimum(x, y)

    def vjp_x(xp, ct, x, y):
        return _smaller_share(xp, ct, x, y)

    def vjp_y(xp, ct, x, y):
        return _smaller_share(xp, ct, y, x)

    jvp_x, jvp_y = vjp_x, vjp_y


@general("fmax", samples=_APART, reference=np.fmax)
class fmax:
    """The larger of x and y; the number if the other is nan. A tie goes to x.

    >>> torch.fmax(torch.tensor([1.0, float("nan")]), torch.tensor([3.0, 2.0]))
    tensor([3., 2.])
    """

    def forward(xp, x, y):
        return xp.fmax(x, y)

    def vjp_x(xp, ct, x, y):
        return xp.keep(ct, xp.logical_or(xp.greater_equal(x, y), xp.isnan(y)))

    def vjp_y(xp, ct, x, y):
        return xp.keep(ct, xp.logical_not(xp.logical_or(xp.greater_equal(x, y), xp.isnan(y))))

    jvp_x, jvp_y = vjp_x, vjp_y


@general("fmin", samples=_APART, reference=np.fmin)
class fmin:
    """The smaller of x and y; the number if the other is nan. A tie goes to x.

    >>> torch.fmin(torch.tensor([1.0, float("nan")]), torch.tensor([3.0, 2.0]))
    tensor([1., 2.])
    """

    def forward(xp, x, y):
        return xp.fmin(x, y)

    def vjp_x(xp, ct, x, y):
        return xp.keep(ct, xp.logical_or(xp.less_equal(x, y), xp.isnan(y)))

    def vjp_y(xp, ct, x, y):
        return xp.keep(ct, xp.logical_not(xp.logical_or(xp.less_equal(x, y), xp.isnan(y))))

    jvp_x, jvp_y = vjp_x, vjp_y


@general(
    "clamp_number",
    node="ClampBackward1",
    samples=cases(
        ((2, 3), {"min": -0.7, "max": 0.8}),
        ((5,), {"min": 0.1, "max": None}),
        ((5,), {"min": None, "max": 0.1}),
        ((), {"min": 0.5, "max": 0.1}),
        ((0, 2), {"min": 0, "max": 1}),
    ),
    reference=lambda x, min, max: np.clip(x, min, max),
)
class clamp_number:
    """x limited to [min, max], two numbers (None: no limit). The derivative at an edge is 1."""

    def forward(xp, x, *, min, max):
        out = x if min is None else xp.maximum(x, min)
        return out if max is None else xp.minimum(out, max)

    def vjp_x(xp, ct, x, min, max):
        return xp.keep(ct, _inside(xp, x, min, max))

    jvp_x = vjp_x


def _inside(xp, x, min, max):
    """Whether x is not beyond a limit."""
    if max is None:
        return xp.greater_equal(x, min)
    below = xp.less_equal(x, max)
    return below if min is None else xp.logical_and(xp.greater_equal(x, min), below)


@general(
    "clamp_min",
    node="ClampMinBackward1",
    samples=_APART,
    reference=np.maximum,
)
class clamp_min:
    """x, but not less than a tensor of limits. At a tie the gradient goes to x."""

    def forward(xp, x, y):
        return xp.maximum(x, y)

    def vjp_x(xp, ct, x, y):
        return xp.keep(ct, xp.greater_equal(x, y))

    def vjp_y(xp, ct, x, y):
        return xp.keep(ct, xp.less(x, y))

    jvp_x, jvp_y = vjp_x, vjp_y


@general(
    "clamp_max",
    node="ClampMaxBackward1",
    samples=_APART,
    reference=np.minimum,
)
class clamp_max:
    """x, but not more than a tensor of limits. At a tie the gradient goes to x."""

    def forward(xp, x, y):
        return xp.minimum(x, y)

    def vjp_x(xp, ct, x, y):
        return xp.keep(ct, xp.less_equal(x, y))

    def vjp_y(xp, ct, x, y):
        return xp.keep(ct, xp.greater(x, y))

    jvp_x, jvp_y = vjp_x, vjp_y


def _limits():
    for x, low, high in (((4, 3), (4, 3), (4, 3)), ((2, 3), (), (3,)), ((0, 2), (2,), ())):
        yield Sample((spread(x, -2.0, 2.1), spread(low, -1.5, 0.6), spread(high, -0.7, 1.7)))


@general(
    "clamp",
    node="ClampBackward0",
    samples=_limits,
    reference=lambda x, low, high: np.minimum(np.maximum(x, low), high),
)
class clamp:
    """x limited to [low, high], tensors; where low > high the result is high."""

    def forward(xp, x, low, high):
        return xp.minimum(xp.maximum(x, low), high)

    def vjp_x(xp, ct, x, low, high):
        return xp.keep(ct, _inside(xp, x, low, high))

    def vjp_low(xp, ct, x, low, high):
        return xp.keep(ct, xp.logical_and(xp.less(low, high), xp.less(x, low)))

    def vjp_high(xp, ct, x, low, high):
        return xp.keep(ct, xp.logical_or(xp.greater(x, high), xp.less(high, low)))

    jvp_x, jvp_low, jvp_high = vjp_x, vjp_low, vjp_high
