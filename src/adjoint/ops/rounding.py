"""Floor 2: rounding, remainders and floored division: steps, whose derivative is 0 or 1."""

from __future__ import annotations

import numpy as np

from .operation import elementwise, general
from .plan import ONE
from .samples import Sample, binary, cases, unary

_STEPS = unary(-2.83, 2.91)
_QUOTIENTS = binary(x=(-2.83, 2.91), y=(0.37, 1.13))


def _zero(xp, ct):
    """The derivative of a step function."""
    return xp.zeros_like(ct)


def _zero_like_result(xp, t, out):
    """Its tangent, of the shape of the result."""
    return xp.zeros_like(out)


@general("floor", samples=_STEPS, reference=np.floor)
class floor:
    """The largest integer not above x. The derivative is 0.

    >>> torch.floor(torch.tensor([-1.5, 1.5]))
    tensor([-2.,  1.])
    """

    def forward(xp, x):
        return xp.floor(x)

    vjp_x = jvp_x = _zero


@general("ceil", samples=_STEPS, reference=np.ceil)
class ceil:
    """The smallest integer not below x. The derivative is 0.

    >>> torch.ceil(torch.tensor([-1.5, 1.5]))
    tensor([-1.,  2.])
    """

    def forward(xp, x):
        return xp.ceil(x)

    vjp_x = jvp_x = _zero


@general("trunc", samples=_STEPS, reference=np.trunc)
class trunc:
    """The integer part of x, towards 0. The derivative is 0.

    >>> torch.trunc(torch.tensor([-1.5, 1.5]))
    tensor([-1.,  1.])
    """

    def forward(xp, x):
        return xp.trunc(x)

    vjp_x = jvp_x = _zero


@general("round", samples=_STEPS, reference=np.rint)
class round:
    """The nearest integer; halves go to the even one. The derivative is 0."""

    def forward(xp, x):
        return xp.round(x)

    vjp_x = jvp_x = _zero


@general(
    "round_decimals",
    node="RoundBackward1",
    samples=cases(((2, 3), {"decimals": 1}), ([123.0, 456.0], {"decimals": -2})),
    reference=lambda x, decimals: np.round(x, decimals),
)
class round_decimals:
    """x rounded to a number of decimals; halves go to the even digit. The derivative is 0."""

    def forward(xp, x, *, decimals):
        if decimals < 0:
            scale = 10.0**-decimals
            return xp.round(x / scale) * scale
        scale = 10.0**decimals
        return xp.round(x * scale) / scale

    vjp_x = jvp_x = _zero


@elementwise("frac", samples=_STEPS, reference=lambda x: x - np.trunc(x))
class frac:
    """The part of x behind the point, with the sign of x. The derivative is 1.

    >>> torch.frac(torch.tensor([1.25, -2.5]))
    tensor([ 0.2500, -0.5000])
    """

    def forward(xp, x):
        return x - xp.trunc(x)

    d_x = ONE


@elementwise("fmod", node="FmodBackward1", samples=_QUOTIENTS, reference=np.fmod)
class fmod:
    """Remainder with the sign of x: out = x - trunc(x / y) y.

    >>> torch.fmod(torch.tensor([7.0, -7.0]), 3)
    tensor([ 1., -1.])
    """

    def forward(xp, x, y):
        return xp.fmod(x, y)

    d_x = ONE

    def d_y(xp, x, y):
        return -xp.trunc(x / y)


@elementwise("remainder", node="RemainderBackward1", samples=_QUOTIENTS, reference=np.remainder)
class remainder:
    """Remainder with the sign of y, as Python's %: out = x - floor(x / y) y.

    >>> torch.remainder(torch.tensor([7.0, -7.0]), 3)
    tensor([1., 2.])
    """

    def forward(xp, x, y):
        return xp.remainder(x, y)

    d_x = ONE

    def d_y(xp, x, y):
        return -xp.floor_divide(x, y)


@elementwise("nextafter", samples=binary(), reference=np.nextafter)
class nextafter:
    """The floating-point number after x in the direction of y. The derivative is that of x."""

    def forward(xp, x, y):
        return xp.nextafter(x, y)

    d_x = ONE


@general(
    "frexp",
    outputs=("out", "exponent"),
    differentiable=(0,),
    samples=cases(([0.3, -5.0, 12.0],), ((2, 3),), ((0,),), low=0.6, high=0.9),
    reference=np.frexp,
)
class frexp:
    """x = out 2^exponent with 1/2 <= |out| < 1. The derivative of the exponent is 0."""

    def forward(xp, x):
        return xp.frexp(x)

    def vjp_x(xp, ct, exponent):
        return ct[0] * xp.exp2(-exponent)

    def jvp_x(xp, t, exponent):
        return t * xp.exp2(-exponent), None


def _whole_quotients():
    yield from _QUOTIENTS()
    yield Sample((np.array([7, -7, 6]), np.array([2, 2, 3])))


@general("floor_divide", node="DivBackward2", samples=_whole_quotients, reference=np.floor_divide)
class floor_divide:
    """out = floor(x / y). The derivative is 0."""

    def forward(xp, x, y):
        return xp.floor_divide(x, y)

    vjp_x = vjp_y = _zero
    jvp_x = jvp_y = _zero_like_result


@general(
    "trunc_divide",
    node="DivBackward2",
    samples=_whole_quotients,
    reference=lambda x, y: np.trunc(x / y).astype(x.dtype),
)
class trunc_divide:
    """out = trunc(x / y), the quotient rounded towards 0. The derivative is 0."""

    def forward(xp, x, y):
        return xp.trunc_divide(x, y)

    vjp_x = vjp_y = _zero
    jvp_x = jvp_y = _zero_like_result
