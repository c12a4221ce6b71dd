"""Floor 2: exponentials and logarithms."""

from __future__ import annotations

from math import log as ln

import numpy as np

from .operation import elementwise
from .samples import binary, unary

LN2, LN10 = ln(2), ln(10)


@elementwise("exp", samples=unary(), reference=np.exp)
class exp:
    """Exponential: out = e^x.

    >>> torch.exp(torch.tensor([0.0, 1.0]))
    tensor([1.0000, 2.7183])
    """

    def forward(xp, x):
        return xp.exp(x)

    def d_x(xp, out):
        return out


@elementwise("exp2", samples=unary(), reference=np.exp2)
class exp2:
    """Power of two: out = 2^x.

    >>> torch.exp2(torch.tensor([0.0, 3.0]))
    tensor([1., 8.])
    """

    def forward(xp, x):
        return xp.exp2(x)

    def d_x(xp, out):
        return out * LN2


@elementwise("expm1", samples=unary(), reference=np.expm1)
class expm1:
    """Exponential less one, exact near 0: out = e^x - 1.

    >>> torch.expm1(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 1.7183])
    """

    def forward(xp, x):
        return xp.expm1(x)

    def d_x(xp, out):
        return out + 1


@elementwise("log", samples=unary(0.1, 3.0), reference=np.log)
class log:
    """Natural logarithm; nan for x < 0 and -inf at 0.

    >>> torch.log(torch.tensor([1.0, 10.0]))
    tensor([0.0000, 2.3026])
    """

    def forward(xp, x):
        return xp.log(x)

    def d_x(xp, x):
        return 1 / x


@elementwise("log2", samples=unary(0.1, 3.0), reference=np.log2)
class log2:
    """Logarithm to base 2.

    >>> torch.log2(torch.tensor([1.0, 8.0]))
    tensor([0., 3.])
    """

    def forward(xp, x):
        return xp.log2(x)

    def d_x(xp, x):
        return 1 / (x * LN2)


@elementwise("log10", samples=unary(0.1, 3.0), reference=np.log10)
class log10:
    """Logarithm to base 10.

    >>> torch.log10(torch.tensor([1.0, 100.0]))
    tensor([0., 2.])
    """

    def forward(xp, x):
        return xp.log10(x)

    def d_x(xp, x):
        return 1 / (x * LN10)


@elementwise("log1p", node="Log1PBackward0", samples=unary(-0.9, 3.0), reference=np.log1p)
class log1p:
    """Logarithm of 1 + x, exact near 0.

    >>> torch.log1p(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.6931])
    """

    def forward(xp, x):
        return xp.log1p(x)

    def d_x(xp, x):
        return 1 / (x + 1)


@elementwise("logaddexp", samples=binary(), reference=lambda x, y: np.log(np.exp(x) + np.exp(y)))
class logaddexp:
    """log(e^x + e^y) without overflow. The gradient at (-inf, -inf) is nan, as in torch.

    >>> torch.logaddexp(torch.tensor([0.0]), torch.tensor([0.0]))
    tensor([0.6931])
    """

    def forward(xp, x, y):
        return xp.logaddexp(x, y)

    def d_x(xp, x, y):
        return 1 / (1 + xp.exp(xp.difference(y, x)))

    def d_y(xp, x, y):
        return 1 / (1 + xp.exp(xp.difference(x, y)))


@elementwise("logaddexp2", samples=binary(), reference=np.logaddexp2)
class logaddexp2:
    """log2(2^x + 2^y) without overflow.

    >>> torch.logaddexp2(torch.tensor([0.0]), torch.tensor([0.0]))
    tensor([1.])
    """

    def forward(xp, x, y):
        return xp.logaddexp2(x, y)

    def d_x(xp, x, y):
        return 1 / (1 + xp.exp2(xp.difference(y, x)))

    def d_y(xp, x, y):
        return 1 / (1 + xp.exp2(xp.difference(x, y)))
