"""Floor 0: special functions, from SciPy, which is imported when the first one is called.

SciPy knows no half precision: those are computed in float32 and rounded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .dtypes import LOW_PRECISION


def _from_scipy(name: str, doc: str) -> Callable[..., Any]:
    loaded: list[Any] = []

    def function(*arrays: Any) -> Any:
        if not loaded:
            import scipy.special

            loaded.append(getattr(scipy.special, name))
        first = arrays[-1].dtype
        if first in LOW_PRECISION:
            wide = [np.asarray(a, np.float32) for a in arrays]
            return loaded[0](*wide).astype(first)
        return loaded[0](*arrays)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


erf = _from_scipy("erf", "Error function: 2/sqrt(pi) times the integral of e^(-t^2) from 0 to x.")
erfc = _from_scipy("erfc", "1 - erf(x), exact far on the right.")
erfcx = _from_scipy("erfcx", "e^(x^2) erfc(x).")
erfinv = _from_scipy("erfinv", "The inverse of erf.")
lgamma = _from_scipy("gammaln", "log |gamma(x)|.")
digamma = _from_scipy("psi", "The derivative of lgamma.")
ndtr = _from_scipy("ndtr", "The normal distribution function.")
log_ndtr = _from_scipy("log_ndtr", "The logarithm of the normal distribution function.")
ndtri = _from_scipy("ndtri", "The inverse of the normal distribution function.")
i0 = _from_scipy("i0", "Modified Bessel function of order 0.")
i0e = _from_scipy("i0e", "i0(x) e^-|x|.")
i1 = _from_scipy("i1", "Modified Bessel function of order 1.")
i1e = _from_scipy("i1e", "i1(x) e^-|x|.")
zeta = _from_scipy("zeta", "Hurwitz zeta function: the sum of (y + k)^-x over k = 0, 1 ...")
gammainc = _from_scipy("gammainc", "The lower regularised incomplete gamma function P(x, y).")
gammaincc = _from_scipy("gammaincc", "The upper regularised incomplete gamma function Q(x, y).")


def polygamma(n: int, x: Any) -> Any:
    """The derivative of order n of digamma."""
    if n == 0:
        return digamma(x)
    from math import factorial

    if n == 1:
        return _trigamma(x)
    order = np.asarray(n + 1, x.dtype)
    return (-1) ** (n + 1) * factorial(n) * zeta(order, x)


def _trigamma(x: Any) -> Any:
    """psi'(x), by reflection for negative x: psi'(1-x) + psi'(x) = (pi / sin(pi x))^2."""
    two = np.asarray(2, x.dtype)
    left = np.less(x, 0.5)
    value = zeta(two, np.where(left, 1 - x, x))
    return np.where(left, np.square(np.pi / np.sin(np.pi * np.where(left, x, 0.5))) - value, value)
