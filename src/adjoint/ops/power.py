"""Floor 2: powers and roots: pow in its forms, sqrt, rsqrt, reciprocal."""

from __future__ import annotations

import numpy as np

from .operation import elementwise
from .samples import binary, cases, unary


def _power(xp, x, exponent):
    """x ** exponent for a number; the common ones are products and roots, as in torch."""
    if exponent == 2:
        return xp.square(x)
    if exponent == 1:
        return xp.positive(x)
    if exponent == 0:
        return xp.ones_like(x)
    if exponent == 3:
        return xp.square(x) * x
    if exponent == 0.5:
        return xp.sqrt(x)
    if exponent == -1:
        return 1 / x
    if exponent == -2:
        return 1 / xp.square(x)
    if exponent == -0.5:
        return 1 / xp.sqrt(x)
    return xp.pow(x, exponent)


@elementwise(
    "pow_number",
    node="PowBackward0",
    samples=cases(
        *(((2, 3), {"exponent": p}) for p in (0, 1, 2, 3, 2.5, 0.5, -0.5, -1, -2, 4, 7)),
        ((), {"exponent": 2.0}),
        ((0, 3), {"exponent": 1.5}),
        low=0.3,
        high=2.0,
    ),
    reference=lambda x, exponent: np.asarray(x) ** float(exponent),
)
class pow_number:
    """Power with a number as exponent: out = x^p. The derivative for p = 0 is 0."""

    def forward(xp, x, *, exponent):
        return _power(xp, x, exponent)

    def d_x(xp, x, exponent):
        if exponent == 0:
            return xp.zeros_like(x)
        if exponent == 2:
            return x + x  # half the time of 2 * x
        if exponent == 1:
            return xp.linked(xp.ones_like(x), x)
        return exponent * _power(xp, x, exponent - 1)


@elementwise(
    "pow", node="PowBackward1", samples=binary((0.3, 2.0), (-1.9, 2.2)), reference=np.power
)
class pow:
    """Power: out = x^y. At y = 0 the derivative in x is 0; at x = 0, y >= 0 that in y is 0."""

    def forward(xp, x, y):
        return xp.pow(x, y)

    def d_x(xp, x, y):
        zero = xp.equal(y, 0)
        return xp.where(zero, 0, y * xp.pow(x, xp.where(zero, 1, y) - 1))

    def d_y(xp, x, y, out):
        zero = xp.logical_and(xp.equal(x, 0), xp.greater_equal(xp.real(y), 0))
        return xp.where(zero, 0, out * xp.log(xp.where(zero, 1, x)))


@elementwise("sqrt", samples=unary(0.2, 3.0), reference=np.sqrt)
class sqrt:
    """Square root; the derivative at 0 is inf.

    >>> torch.sqrt(torch.tensor([4.0, 9.0]))
    tensor([2., 3.])
    """

    def forward(xp, x):
        return xp.sqrt(x)

    def d_x(xp, out):
        return 0.5 / out


@elementwise("rsqrt", samples=unary(0.2, 3.0), reference=lambda x: x**-0.5)
class rsqrt:
    """One over the square root: out = x^(-1/2).

    >>> torch.rsqrt(torch.tensor([4.0, 16.0]))
    tensor([0.5000, 0.2500])
    """

    def forward(xp, x):
        return xp.rsqrt(x)

    def d_x(xp, out):
        return -0.5 * out * out * out


@elementwise("reciprocal", samples=unary(0.3, 2.0), reference=np.reciprocal)
class reciprocal:
    """One over x.

    >>> torch.reciprocal(torch.tensor([2.0, 4.0]))
    tensor([0.5000, 0.2500])
    """

    def forward(xp, x):
        return 1 / x

    def d_x(xp, out):
        return -out * out
