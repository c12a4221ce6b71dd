"""Floor 2: arithmetic: add, subtract, multiply, divide, negate."""

from __future__ import annotations

import numpy as np

from .operation import elementwise
from .plan import MINUS_ONE, ONE
from .samples import binary, unary


@elementwise("add", samples=binary(), reference=np.add)
class add:
    """Sum: out = x + y."""

    def forward(xp, x, y):
        return xp.add(x, y)

    d_x = ONE
    d_y = ONE


@elementwise("sub", samples=binary(), reference=np.subtract)
class sub:
    """Difference: out = x - y."""

    def forward(xp, x, y):
        return xp.subtract(x, y)

    d_x = ONE

    d_y = MINUS_ONE


@elementwise("rsub", node="RsubBackward1", samples=binary(), reference=lambda x, y: y - x)
class rsub:
    """Difference the other way round: out = y - x, for `number - x`."""

    def forward(xp, x, y):
        return xp.subtract(y, x)

    d_x = MINUS_ONE

    d_y = ONE


@elementwise("mul", samples=binary(), reference=np.multiply)
class mul:
    """Product: out = x * y."""

    def forward(xp, x, y):
        return xp.multiply(x, y)

    def d_x(xp, y):
        return y

    def d_y(xp, x):
        return x


@elementwise("div", samples=binary(y=(0.5, 2.0)), reference=np.divide)
class div:
    """Quotient: out = x / y, floating or complex."""

    def forward(xp, x, y):
        return xp.divide(x, y)

    def d_x(xp, y):
        return 1 / y

    # Not from `out`: as in torch, a quotient may be overwritten before backward.
    def d_y(xp, x, y):
        return -(x / y) / y


@elementwise("neg", samples=unary(), reference=np.negative)
class neg:
    """Negation: out = -x."""

    def forward(xp, x):
        return xp.negative(x)

    d_x = MINUS_ONE
