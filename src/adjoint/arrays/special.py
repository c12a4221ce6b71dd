"""Floor 0: special functions, from SciPy, which is imported when the first one is called.

SciPy knows no half precision: those are computed in float32 and rounded.
"""

from __future__ import annotations

from collections.abc import Callable
from math import factorial
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
_gammaln = _from_scipy("gammaln", "log |gamma(x)|.")
digamma = _from_scipy("psi", "The derivative of lgamma.")
ndtr = _from_scipy("ndtr", "The normal distribution function.")
log_ndtr = _from_scipy("log_ndtr", "The logarithm of the normal distribution function.")
ndtri = _from_scipy("ndtri", "The inverse of the normal distribution function.")
i0 = _from_scipy("i0", "Modified Bessel function of order 0.")
i0e = _from_scipy("i0e", "i0(x) e^-|x|.")
i1 = _from_scipy("i1", "Modified Bessel function of order 1.")
i1e = _from_scipy("i1e", "i1(x) e^-|x|.")
_zeta = _from_scipy("zeta", "The sum of (y + k)^-x over k = 0, 1 ...")
_lower = _from_scipy("gammainc", "The lower regularised incomplete gamma function.")
_upper = _from_scipy("gammaincc", "The upper regularised incomplete gamma function.")


def lgamma(x: Any) -> Any:
    """log |gamma(x)|; inf at -inf, as torch has it."""
    return np.where(np.equal(x, -np.inf), -x, _gammaln(x))


def zeta(x: Any, y: Any) -> Any:
    """Hurwitz zeta function: the sum of (y + k)^-x over k = 0, 1 ...; nan at y = inf, as torch."""
    lost = np.equal(y, np.inf) & np.not_equal(x, 1)
    return np.where(lost, np.asarray(np.nan, y.dtype), _zeta(x, y))


def gammainc(x: Any, y: Any) -> Any:
    """The lower regularised incomplete gamma function P(x, y)."""
    return _without_nan(_lower(x, y), x, y, 0)


def gammaincc(x: Any, y: Any) -> Any:
    """The upper regularised incomplete gamma function Q(x, y) = 1 - P(x, y)."""
    return _without_nan(_upper(x, y), x, y, 1)


def _without_nan(out: Any, x: Any, y: Any, at_zero: int) -> Any:
    """Limits that hold even where the other argument is nan: y = 0, y = inf, x = inf."""
    zero = np.where(np.isnan(x), np.equal(y, 0), np.equal(x, np.inf) & np.isnan(y))
    end = np.isnan(x) & np.equal(y, np.inf)
    values = np.where(zero, at_zero, 1 - at_zero).astype(out.dtype)
    return np.where(zero | end, values, out)


def polygamma(n: int, x: Any) -> Any:
    """The derivative of order n of digamma."""
    if n == 0:
        return digamma(x)
    if n == 1:
        return _trigamma(x)
    return (-1) ** (n + 1) * factorial(n) * zeta(np.asarray(n + 1, x.dtype), x)


def _trigamma(x: Any) -> Any:
    """psi'(x), by reflection for negative x: psi'(1-x) + psi'(x) = (pi / sin(pi x))^2."""
    left = np.less(x, 0.5)
    value = _zeta(np.asarray(2, x.dtype), np.where(left, 1 - x, x))
    return np.where(left, np.square(np.pi / np.sin(np.pi * np.where(left, x, 0.5))) - value, value)
