"""Floor 2: activation functions of neural networks: the smooth ones.

Those with kinks are in `ops.rectifier`.
"""

from __future__ import annotations

from math import pi, sqrt

import numpy as np

from ..arrays.cpu import scipy_special
from .operation import elementwise, general
from .samples import REAL_ONLY, Sample, cases, spread, unary


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


@elementwise("silu", samples=unary(), reference=lambda x: x / (1 + np.exp(-x)))
class silu:
    """Sigmoid linear unit (swish): out = x sigmoid(x).

    Elfwing et al. 2017, "Sigmoid-weighted linear units".
    """

    def forward(xp, x):
        return x * xp.sigmoid(x)

    def d_x(xp, x):
        s = xp.sigmoid(x)
        return s * (1 + x * (1 - s))


@elementwise(
    "gelu",
    samples=unary(),
    reference=lambda x: x * scipy_special("ndtr")(x),
)
class gelu:
    """Gaussian error linear unit: out = x Phi(x), Phi the normal distribution function.

    Hendrycks and Gimpel 2016, equation 1.
    """

    def forward(xp, x):
        return x * xp.ndtr(x)

    def d_x(xp, x):
        return xp.ndtr(x) + x * (xp.exp(-0.5 * x * x) / sqrt(2 * pi))


_SLOPE, _CUBIC = sqrt(2 / pi), 0.044715


@elementwise(
    "gelu_tanh",
    node="GeluBackward0",
    samples=unary(),
    reference=lambda x: x / 2 * (1 + np.tanh(_SLOPE * (x + _CUBIC * x**3))),
)
class gelu_tanh:
    """gelu with Phi(x) approximated as (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2.

    Hendrycks and Gimpel 2016, section 2.
    """

    def forward(xp, x):
        return x * _gate(xp, x, x * x)

    def d_x(xp, x):
        square = x * x
        s = _gate(xp, x, square)
        return s + (1 - s) * s * x * (2 * _SLOPE + 6 * _SLOPE * _CUBIC * square)


def _gate(xp, x, square):
    """(1 + tanh(u)) / 2 = sigmoid(2 u), which is cheaper."""
    return xp.sigmoid((2 * _SLOPE * _CUBIC * square + 2 * _SLOPE) * x)


@elementwise(
    "mish",
    samples=unary(),
    reference=lambda x: x * np.tanh(np.log1p(np.exp(x))),
    except_laws=REAL_ONLY,
)
class mish:
    """out = x tanh(log(1 + e^x)). Misra 2019."""

    def forward(xp, x):
        return x * xp.tanh(xp.softplus(x))

    def d_x(xp, x):
        t = xp.tanh(xp.softplus(x))
        return t + x * xp.sigmoid(x) * (1 - t * t)


@elementwise(
    "softplus",
    samples=cases(
        *(((n,), {"beta": b, "threshold": 20.0}) for n, b in ((5, 1.0), (4, 2.0), (0, 1.0))),
        ((2, 3), {"beta": 3.0, "threshold": 2.0}),
        ((), {"beta": 1.0, "threshold": 20.0}),
        high=2.3,
    ),
    reference=lambda x, beta, threshold: np.where(
        beta * x > threshold, x, np.log1p(np.exp(beta * x)) / beta
    ),
    except_laws=REAL_ONLY,
)
class softplus:
    """out = log(1 + e^(beta x)) / beta, and x where beta x > threshold."""

    def forward(xp, x, *, beta=1.0, threshold=20.0):
        scaled = x if beta == 1 else x * beta
        soft = xp.softplus(scaled)
        return xp.where(xp.greater(scaled, threshold), x, soft if beta == 1 else soft / beta)

    def d_x(xp, x, beta, threshold):
        scaled = x if beta == 1 else x * beta
        return xp.where(xp.greater(scaled, threshold), 1, xp.sigmoid(scaled))


@elementwise(
    "logsigmoid",
    node="LogSigmoidBackward0",
    samples=unary(),
    reference=lambda x: -np.log1p(np.exp(-x)),
    except_laws=REAL_ONLY,
)
class logsigmoid:
    """log(sigmoid(x)), without overflow."""

    def forward(xp, x):
        return -xp.softplus(-x)

    def d_x(xp, x):
        return xp.sigmoid(-x)


@elementwise(
    "elu",
    samples=cases(
        ((5,), {"alpha": 1.0, "scale": 1.0, "input_scale": 1.0}),
        ((2, 3), {"alpha": 1.3, "scale": 0.7, "input_scale": 0.9}),
        ((), {"alpha": 1.0, "scale": 1.0, "input_scale": 1.0}),
        low=-1.9,
        high=2.2,
    ),
    reference=lambda x, alpha, scale, input_scale: np.where(
        x > 0, scale * x, scale * alpha * np.expm1(input_scale * x)
    ),
)
class elu:
    """Exponential linear unit: out = scale x for x > 0, else scale alpha (e^(input_scale x) - 1).

    The derivative at 0 is that of the left side. Clevert et al. 2015.
    """

    def forward(xp, x, *, alpha=1.0, scale=1.0, input_scale=1.0):
        return _elu(xp, x, alpha, scale, input_scale)

    def d_x(xp, x, alpha, scale, input_scale):
        return _elu_slope(xp, x, alpha, scale, input_scale)


@elementwise(
    "celu",
    samples=cases(((5,), {"alpha": 1.0}), ((2, 3), {"alpha": 2.5}), low=-1.9, high=2.2),
    reference=lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x / alpha)),
)
class celu:
    """Continuously differentiable elu: x for x > 0, else alpha (e^(x / alpha) - 1).

    Barron 2017.
    """

    def forward(xp, x, *, alpha=1.0):
        return _elu(xp, x, alpha, 1.0, 1.0 / alpha)

    def d_x(xp, x, alpha):
        return _elu_slope(xp, x, alpha, 1.0, 1.0 / alpha)


def _elu(xp, x, alpha, scale, input_scale):
    """The sum of the two sides: each is 0 where the other is not, so no choice is needed."""
    left = xp.expm1(_scaled(xp.minimum(x, 0), input_scale))
    return _scaled(left, scale * alpha) + _scaled(xp.maximum(x, 0), scale)


def _elu_slope(xp, x, alpha, scale, input_scale):
    at_zero = scale * alpha * input_scale  # what the left side gives where x > 0
    left = _scaled(xp.exp(_scaled(xp.minimum(x, 0), input_scale)), at_zero)
    return left if at_zero == scale == 1 else xp.where(xp.greater(x, 0), scale, left)


def _scaled(x, factor):
    return x if factor == 1 else x * factor


def _glu_samples():
    yield Sample((spread((4, 6), -2.0, 2.0),), {"dim": 1})
    yield Sample((spread((4, 3), -2.0, 2.0),), {"dim": 0})
    yield Sample((spread((0, 2), -2.0, 2.0),), {"dim": 1})


def _glu_reference(x, dim):
    a, b = np.split(x, 2, dim)
    return a / (1 + np.exp(-b))


@general("glu", samples=_glu_samples, reference=_glu_reference, except_laws=REAL_ONLY)
class glu:
    """Gated linear unit: out = a sigmoid(b), where a and b are the halves of x along dim.

    Dauphin et al. 2016.
    """

    def forward(xp, x, *, dim):
        a, b = _halves(x, dim)
        return a * xp.sigmoid(b)

    def vjp_x(xp, ct, x, dim):
        a, b = _halves(x, dim)
        s = xp.sigmoid(b)
        return xp.concat([ct * s, ct * a * s * (1 - s)], axis=dim)

    def jvp_x(xp, t, x, dim):
        (a, b), (ta, tb) = _halves(x, dim), _halves(t, dim)
        s = xp.sigmoid(b)
        return ta * s + tb * a * s * (1 - s)


def _halves(x, dim):
    before = (slice(None),) * dim
    middle = x.shape[dim] // 2
    return x[(*before, slice(None, middle))], x[(*before, slice(middle, None))]
