"""Floor 2: trigonometric and hyperbolic functions and their inverses; angles are in radians."""

from __future__ import annotations

from math import pi

import numpy as np

from .operation import elementwise, linear
from .samples import binary, unary


@elementwise("sin", samples=unary(), reference=np.sin)
class sin:
    """Sine; x in radians.

    >>> torch.sin(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8415])
    """

    def forward(xp, x):
        return xp.sin(x)

    def d_x(xp, x):
        return xp.cos(x)


@elementwise("cos", samples=unary(), reference=np.cos)
class cos:
    """Cosine; x in radians.

    >>> torch.cos(torch.tensor([0.0, 1.0]))
    tensor([1.0000, 0.5403])
    """

    def forward(xp, x):
        return xp.cos(x)

    def d_x(xp, x):
        return -xp.sin(x)


@elementwise("tan", samples=unary(-1.2, 1.2), reference=np.tan)
class tan:
    """Tangent; x in radians.

    >>> torch.tan(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 1.5574])
    """

    def forward(xp, x):
        return xp.tan(x)

    def d_x(xp, out):
        return 1 + out * out


@elementwise("asin", samples=unary(-0.9, 0.9), reference=np.arcsin)
class asin:
    """Inverse sine, in [-pi/2, pi/2]; nan for |x| > 1.

    >>> torch.asin(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 1.5708])
    """

    def forward(xp, x):
        return xp.asin(x)

    def d_x(xp, x):
        return 1 / xp.sqrt(1 - x * x)


@elementwise("acos", samples=unary(-0.9, 0.9), reference=np.arccos)
class acos:
    """Inverse cosine, in [0, pi]; nan for |x| > 1.

    >>> torch.acos(torch.tensor([1.0, 0.0]))
    tensor([0.0000, 1.5708])
    """

    def forward(xp, x):
        return xp.acos(x)

    def d_x(xp, x):
        return -1 / xp.sqrt(1 - x * x)


@elementwise("atan", samples=unary(), reference=np.arctan)
class atan:
    """Inverse tangent, in (-pi/2, pi/2).

    >>> torch.atan(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7854])
    """

    def forward(xp, x):
        return xp.atan(x)

    def d_x(xp, x):
        return 1 / (1 + x * x)


@elementwise("sinh", samples=unary(), reference=np.sinh)
class sinh:
    """Hyperbolic sine.

    >>> torch.sinh(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 1.1752])
    """

    def forward(xp, x):
        return xp.sinh(x)

    def d_x(xp, x):
        return xp.cosh(x)


@elementwise("cosh", samples=unary(), reference=np.cosh)
class cosh:
    """Hyperbolic cosine.

    >>> torch.cosh(torch.tensor([0.0, 1.0]))
    tensor([1.0000, 1.5431])
    """

    def forward(xp, x):
        return xp.cosh(x)

    def d_x(xp, x):
        return xp.sinh(x)


@elementwise("tanh", samples=unary(), reference=np.tanh)
class tanh:
    """Hyperbolic tangent; the derivative 1 - out^2 keeps only the output.

    >>> torch.tanh(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7616])
    """

    def forward(xp, x):
        return xp.tanh(x)

    def d_x(xp, out):
        return xp.one_minus_square(out)

    def times_d_x(xp, ct, out):
        return xp.tanh_slope(ct, out)


@elementwise(
    "tanh_slope",
    node="TanhBackwardBackward0",
    samples=binary(),
    reference=lambda ct, out: ct * (1 - out**2),
)
class tanh_slope:
    """ct (1 - x^2): the derivative of tanh by its output, one operation when it is recorded."""

    def forward(xp, ct, x):
        return xp.tanh_slope(ct, x)

    def d_ct(xp, x):
        return xp.one_minus_square(x)

    def d_x(xp, ct, x):
        return -2 * ct * x


@elementwise(
    "one_minus_square",
    node="RsubBackward1",
    samples=unary(),
    reference=lambda x: 1 - x**2,
)
class one_minus_square:
    """out = 1 - x^2, in one buffer."""

    def forward(xp, x):
        return xp.one_minus_square(x)

    def d_x(xp, x):
        return -2 * x


@elementwise("asinh", samples=unary(), reference=np.arcsinh)
class asinh:
    """Inverse hyperbolic sine.

    >>> torch.asinh(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8814])
    """

    def forward(xp, x):
        return xp.asinh(x)

    def d_x(xp, x):
        return 1 / xp.sqrt(x * x + 1)


@elementwise("acosh", samples=unary(1.2, 4.0), reference=np.arccosh)
class acosh:
    """Inverse hyperbolic cosine; nan for x < 1.

    >>> torch.acosh(torch.tensor([1.0, 2.0]))
    tensor([0.0000, 1.3170])
    """

    def forward(xp, x):
        return xp.acosh(x)

    def d_x(xp, x):
        return 1 / (xp.sqrt(x - 1) * xp.sqrt(x + 1))


@elementwise("atanh", samples=unary(-0.9, 0.9), reference=np.arctanh)
class atanh:
    """Inverse hyperbolic tangent; nan for |x| > 1.

    >>> torch.atanh(torch.tensor([0.0, 0.5]))
    tensor([0.0000, 0.5493])
    """

    def forward(xp, x):
        return xp.atanh(x)

    def d_x(xp, x):
        return 1 / (1 - x * x)


@elementwise("atan2", samples=binary(x=(-2.0, 2.0), y=(0.3, 2.0)), reference=np.arctan2)
class atan2:
    """Angle of the point (y, x): out = atan(x / y) in the right quadrant; zero slope at (0, 0).

    >>> torch.atan2(torch.tensor([1.0, -1.0]), torch.tensor([1.0, -1.0]))
    tensor([ 0.7854, -2.3562])
    """

    def forward(xp, x, y):
        return xp.atan2(x, y)

    def d_x(xp, x, y):
        return y / _squared_radius(xp, x, y)

    def d_y(xp, x, y):
        return -x / _squared_radius(xp, x, y)


def _squared_radius(xp, x, y):
    """x^2 + y^2, and 1 at the origin, where the quotient has to be 0."""
    square = x * x + y * y
    return xp.where(xp.equal(square, 0), 1, square)


@elementwise("hypot", samples=binary(x=(0.3, 2.0)), reference=np.hypot)
class hypot:
    """Length: out = sqrt(x^2 + y^2) without overflow; the gradient at (0, 0) is nan, as in torch.

    >>> torch.hypot(torch.tensor([3.0]), torch.tensor([4.0]))
    tensor([5.])
    """

    def forward(xp, x, y):
        return xp.hypot(x, y)

    def d_x(xp, x, out):
        return xp.quotient(x, out)

    def d_y(xp, y, out):
        return xp.quotient(y, out)


@elementwise("sinc", samples=unary(0.1, 2.0), reference=np.sinc)
class sinc:
    """out = sin(pi x) / (pi x), and 1 at 0.

    >>> torch.sinc(torch.tensor([0.0, 0.5]))
    tensor([1.0000, 0.6366])
    """

    def forward(xp, x):
        return xp.sinc(x)

    def d_x(xp, x):
        zero = xp.equal(x, 0)
        x = xp.where(zero, 1, x)
        return xp.where(zero, 0, (xp.cos(pi * x) - xp.sinc(x)) / x)


@linear("deg2rad", node="Deg2RadBackward0", samples=unary(), reference=np.deg2rad)
class deg2rad:
    """Degrees to radians: out = x pi / 180.

    >>> torch.deg2rad(torch.tensor([0.0, 180.0]))
    tensor([0.0000, 3.1416])
    """

    def forward(xp, x):
        return x * (pi / 180)

    def transpose_x(xp, ct):
        return ct * (pi / 180)


@linear("rad2deg", node="Rad2DegBackward0", samples=unary(), reference=np.rad2deg)
class rad2deg:
    """Radians to degrees: out = x 180 / pi.

    >>> torch.rad2deg(torch.tensor([0.0, 1.0]))
    tensor([ 0.0000, 57.2958])
    """

    def forward(xp, x):
        return x * (180 / pi)

    def transpose_x(xp, ct):
        return ct * (180 / pi)
