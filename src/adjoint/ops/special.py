"""Floor 2: special functions: error functions, gamma functions, Bessel functions, entropies."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import numpy as np

from ..arrays.cpu import scipy_special
from .operation import elementwise
from .samples import Sample, binary, cases, spread, unary


def _scipy(name: str) -> Any:
    """A function of scipy.special as reference, imported when it is called."""
    return lambda *arrays: scipy_special(name)(*arrays)


@elementwise("erf", samples=unary(), reference=_scipy("erf"))
class erf:
    """Error function: out = 2/sqrt(pi) times the integral of e^(-t^2) from 0 to x.

    >>> torch.erf(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8427])
    """

    def forward(xp, x):
        return xp.erf(x)

    def d_x(xp, x):
        return 2 / sqrt(pi) * xp.exp(-x * x)


@elementwise("erfc", samples=unary(), reference=_scipy("erfc"))
class erfc:
    """Complement of the error function: out = 1 - erf(x).

    >>> torch.erfc(torch.tensor([0.0, 1.0]))
    tensor([1.0000, 0.1573])
    """

    def forward(xp, x):
        return xp.erfc(x)

    def d_x(xp, x):
        return -2 / sqrt(pi) * xp.exp(-x * x)


@elementwise("erfcx", node="SpecialErfcxBackward0", samples=unary(), reference=_scipy("erfcx"))
class erfcx:
    """Scaled complement of the error function: out = e^(x^2) erfc(x).

    >>> torch.special.erfcx(torch.tensor([0.0, 10.0]))
    tensor([1.0000, 0.0561])
    """

    def forward(xp, x):
        return xp.erfcx(x)

    def d_x(xp, x, out):
        return 2 * x * out - 2 / sqrt(pi)


@elementwise("erfinv", samples=unary(-0.9, 0.9), reference=_scipy("erfinv"))
class erfinv:
    """Inverse of the error function on (-1, 1).

    >>> torch.erfinv(torch.tensor([0.0, 0.5]))
    tensor([0.0000, 0.4769])
    """

    def forward(xp, x):
        return xp.erfinv(x)

    def d_x(xp, x):  # not from `out`: as in torch, it may be overwritten before backward
        return sqrt(pi) / 2 * xp.exp(xp.square(xp.erfinv(x)))


@elementwise("lgamma", samples=unary(0.3, 4.0), reference=_scipy("gammaln"))
class lgamma:
    """Logarithm of the absolute value of the gamma function.

    >>> torch.lgamma(torch.tensor([1.0, 5.0]))
    tensor([0.0000, 3.1781])
    """

    def forward(xp, x):
        return xp.lgamma(x)

    def d_x(xp, x):
        return xp.digamma(x)


@elementwise("digamma", samples=unary(0.3, 4.0), reference=_scipy("psi"))
class digamma:
    """Derivative of lgamma.

    >>> torch.digamma(torch.tensor([1.0, 2.0]))
    tensor([-0.5772,  0.4228])
    """

    def forward(xp, x):
        return xp.digamma(x)

    def d_x(xp, x):
        return xp.polygamma(1, x)


@elementwise(
    "polygamma",
    samples=cases(
        ((2, 3), {"n": 1}), ((5,), {"n": 2}), ((), {"n": 3}), ((0,), {"n": 1}), low=0.5, high=3.0
    ),
    reference=lambda x, n: scipy_special("polygamma")(n, x),
)
class polygamma:
    """Derivative of order n of digamma."""

    def forward(xp, x, *, n):
        return xp.polygamma(n, x)

    def d_x(xp, x, n):
        return xp.polygamma(n + 1, x)


@elementwise(
    "logit",
    samples=cases(
        ((2, 3), {"eps": None}),
        ((5,), {"eps": 0.05}),
        ((), {"eps": None}),
        ((0,), {"eps": None}),
        low=0.1,
        high=0.9,
    ),
    reference=lambda x, eps: np.log(x / (1 - x)),
)
class logit:
    """Inverse of the sigmoid: out = log(x / (1 - x)), x limited to [eps, 1 - eps] if given."""

    def forward(xp, x, *, eps):
        if eps is not None:
            x = xp.minimum(xp.maximum(x, eps), 1 - eps)
        return xp.log(x / (1 - x))

    def d_x(xp, x, eps):
        if eps is None:
            outside = xp.logical_or(xp.less(x, 0), xp.greater(x, 1))
            return xp.where(outside, xp.nan, 1 / (x * (1 - x)))
        outside = xp.logical_or(xp.less(x, eps), xp.greater(x, 1 - eps))
        return xp.where(outside, 0, 1 / (x * (1 - x)))


@elementwise("xlogy", samples=binary(y=(0.2, 3.0)), reference=_scipy("xlogy"))
class xlogy:
    """out = x log(y), and 0 where x = 0.

    >>> torch.xlogy(torch.tensor([0.0, 2.0]), torch.tensor([0.0, 1.0]))
    tensor([0., 0.])
    """

    def forward(xp, x, y):
        return xp.xlogy(x, y)

    def d_x(xp, x, y):
        limit = xp.logical_and(xp.equal(x, 0), xp.less_equal(y, 0))
        return xp.where(limit, 0, xp.log(xp.where(limit, 1, y)))

    def d_y(xp, x, y):
        return xp.quotient(x, y)


@elementwise(
    "xlog1py",
    node="SpecialXlog1PyBackward0",
    samples=binary(y=(-0.8, 3.0)),
    reference=_scipy("xlog1py"),
)
class xlog1py:
    """out = x log(1 + y), and 0 where x = 0.

    >>> torch.special.xlog1py(torch.tensor([0.0, 2.0]), torch.tensor([-1.0, 1.0]))
    tensor([0.0000, 1.3863])
    """

    def forward(xp, x, y):
        return xp.xlog1py(x, y)

    def d_x(xp, x, y):
        limit = xp.logical_and(xp.equal(x, 0), xp.less_equal(y, -1))
        return xp.where(limit, 0, xp.log1p(xp.where(limit, 0, y)))

    def d_y(xp, x, y):
        return xp.quotient(x, 1 + y)


@elementwise("entr", node="SpecialEntrBackward0", samples=unary(0.1, 2.0), reference=_scipy("entr"))
class entr:
    """Entropy: out = -x log(x), 0 at 0, -inf for x < 0.

    >>> torch.special.entr(torch.tensor([0.25, 0.5]))
    tensor([0.3466, 0.3466])
    """

    def forward(xp, x):
        return xp.where(xp.less(x, 0), -xp.inf, xp.xlogy(-x, x))

    def d_x(xp, x):
        return -1 - xp.log(xp.where(xp.less(x, 0), xp.nan, x))


@elementwise("ndtr", samples=unary(), reference=_scipy("ndtr"))
class ndtr:
    """Normal distribution function: the integral of the density from -inf to x.

    >>> torch.special.ndtr(torch.tensor([0.0, 1.96]))
    tensor([0.5000, 0.9750])
    """

    def forward(xp, x):
        return xp.ndtr(x)

    def d_x(xp, x):
        return xp.exp(-0.5 * x * x) / sqrt(2 * pi)


@elementwise(
    "log_ndtr", node="SpecialLogNdtrBackward0", samples=unary(), reference=_scipy("log_ndtr")
)
class log_ndtr:
    """Logarithm of the normal distribution function, exact far on the left.

    >>> torch.special.log_ndtr(torch.tensor([0.0, -20.0]))
    tensor([  -0.6931, -203.9172])
    """

    def forward(xp, x):
        return xp.log_ndtr(x)

    def d_x(xp, x):
        return sqrt(2 / pi) / xp.erfcx(x * -sqrt(0.5))


@elementwise(
    "ndtri", node="SpecialNdtriBackward0", samples=unary(0.1, 0.9), reference=_scipy("ndtri")
)
class ndtri:
    """Inverse of the normal distribution function on (0, 1).

    >>> torch.special.ndtri(torch.tensor([0.5, 0.975]))
    tensor([0.0000, 1.9600])
    """

    def forward(xp, x):
        return xp.ndtri(x)

    def d_x(xp, out):
        return sqrt(2 * pi) * xp.exp(0.5 * out * out)


@elementwise("i0", samples=unary(0.2, 2.0), reference=_scipy("i0"))
class i0:
    """Modified Bessel function of the first kind, order 0.

    >>> torch.i0(torch.tensor([0.0, 1.0]))
    tensor([1.0000, 1.2661])
    """

    def forward(xp, x):
        return xp.i0(x)

    def d_x(xp, x):
        return xp.i1(x)


@elementwise("i0e", node="SpecialI0EBackward0", samples=unary(0.2, 2.0), reference=_scipy("i0e"))
class i0e:
    """Scaled modified Bessel function of order 0: out = i0(x) e^-|x|.

    >>> torch.special.i0e(torch.tensor([0.0, 1.0]))
    tensor([1.0000, 0.4658])
    """

    def forward(xp, x):
        return xp.i0e(x)

    def d_x(xp, x, out):
        return xp.i1e(x) - xp.sign(x) * out


@elementwise("i1", node="SpecialI1Backward0", samples=unary(0.2, 2.0), reference=_scipy("i1"))
class i1:
    """Modified Bessel function of the first kind, order 1.

    >>> torch.special.i1(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.5652])
    """

    def forward(xp, x):
        return xp.i1(x)

    def d_x(xp, x, out):
        zero = xp.equal(x, 0)
        return xp.where(zero, 0.5, xp.i0(x) - out / xp.where(zero, 1, x))


@elementwise("i1e", node="SpecialI1EBackward0", samples=unary(0.2, 2.0), reference=_scipy("i1e"))
class i1e:
    """Scaled modified Bessel function of order 1: out = i1(x) e^-|x|.

    >>> torch.special.i1e(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.2079])
    """

    def forward(xp, x):
        return xp.i1e(x)

    def d_x(xp, x, out):
        zero = xp.equal(x, 0)
        return xp.where(zero, 0.5, xp.i0e(x) - out * (xp.sign(x) + 1 / xp.where(zero, 1, x)))


@elementwise(
    "zeta",
    node="SpecialZetaBackward0",
    samples=lambda: [Sample((spread((4,), 1.5, 4.0, "x"), spread((4,), 0.5, 3.0, "y")))],
    reference=_scipy("zeta"),
)
class zeta:
    """Hurwitz zeta function: the sum of (y + k)^-x over k = 0, 1 ...; only d/dy is known.

    >>> torch.special.zeta(torch.tensor([2.0]), torch.tensor([1.0]))
    tensor([1.6449])
    """

    def forward(xp, x, y):
        return xp.zeta(x, y)

    def d_y(xp, x, y):
        return -x * xp.zeta(x + 1, y)


@elementwise("igamma", samples=binary((0.5, 2.0), (0.3, 3.0)), reference=_scipy("gammainc"))
class igamma:
    """Lower regularised incomplete gamma function P(x, y); only d/dy is known.

    >>> torch.igamma(torch.tensor([1.0]), torch.tensor([2.0]))
    tensor([0.8647])
    """

    def forward(xp, x, y):
        return xp.gammainc(x, y)

    def d_y(xp, x, y):
        return xp.exp((x - 1) * xp.log(y) - y - xp.lgamma(x))


@elementwise("igammac", samples=binary((0.5, 2.0), (0.3, 3.0)), reference=_scipy("gammaincc"))
class igammac:
    """Upper regularised incomplete gamma function Q(x, y) = 1 - P(x, y); only d/dy is known.

    >>> torch.igammac(torch.tensor([1.0]), torch.tensor([2.0]))
    tensor([0.1353])
    """

    def forward(xp, x, y):
        return xp.gammaincc(x, y)

    def d_y(xp, x, y):
        return -xp.exp((x - 1) * xp.log(y) - y - xp.lgamma(x))
