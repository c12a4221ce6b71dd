"""Floor 2: activation functions of neural networks.

Those with kinks say which subgradient they take; masks let neither inf nor nan through.
"""

from __future__ import annotations

from math import pi, sqrt

import numpy as np

from .operation import elementwise, general
from .samples import cases, unary


@general("relu", samples=unary(), reference=lambda x: np.maximum(x, 0))
class relu:
    """Rectifier: out = max(x, 0). The derivative at 0 is 0.

    >>> torch.relu(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def forward(xp, x):
        return xp.maximum(x, 0)

    def vjp_x(xp, ct, out):
        return xp.keep(ct, xp.greater(out, 0))

    jvp_x = vjp_x


@elementwise("sigmoid", samples=unary(), reference=lambda x: 1 / (1 + np.exp(-x)))
class sigmoid:
    """Logistic function: out = 1 / (1 + e^-x); the derivative out (1 - out) keeps the output.

    >>> torch.sigmoid(torch.tensor([0.0, 1.0]))
    tensor([0.5000, 0.7311])
    """

    def forward(xp, x):
        return xp.sigmoid(x)

    def d_x(xp, out):
        return out * (1 - out)
