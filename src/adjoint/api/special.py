"""Floor 3: special functions; `SPECIAL` holds what `torch.special` offers."""

from __future__ import annotations

from collections.abc import Callable
from math import log, pi
from typing import Any

from ..arrays import dtypes
from ..autograd.tensor import Tensor
from ..ops import special as ops
from ..ops.operation import Operation
from . import activation, elementwise, rounding
from .promotion import operand, result_type
from .registration import in_place_form, public, with_out
from .unary import REAL, accept, attach, is_pair, unary, unsupported

SPECIAL: dict[str, Any] = {}

erf = unary(ops.erf, "erf", kinds=REAL)
erfc = unary(ops.erfc, "erfc", kinds=REAL)
erfinv = unary(ops.erfinv, "erfinv", kinds=REAL)
lgamma = unary(ops.lgamma, "lgamma", kinds=REAL)
digamma = unary(ops.digamma, "digamma", kinds=REAL)
i0 = unary(ops.i0, "i0", kinds=REAL)


def _special(operation: Operation, name: str) -> Callable[..., Tensor]:
    """A function of one tensor that only `torch.special` has."""

    def function(input: Tensor) -> Tensor:
        result: Tensor = operation(accept(input, name, REAL))
        return result

    function.__name__ = function.__qualname__ = name
    function.__doc__ = operation.doc
    SPECIAL[name] = with_out(function, name, "adjoint.special")
    return function


erfcx = _special(ops.erfcx, "erfcx")
entr = _special(ops.entr, "entr")
ndtr = _special(ops.ndtr, "ndtr")
log_ndtr = _special(ops.log_ndtr, "log_ndtr")
ndtri = _special(ops.ndtri, "ndtri")
i0e = _special(ops.i0e, "i0e")
i1 = _special(ops.i1, "i1")
i1e = _special(ops.i1e, "i1e")


@public(in_place=True)
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """log(x / (1 - x)), the inverse of the sigmoid; x is limited to [eps, 1 - eps] if given.

    >>> torch.logit(torch.tensor([0.5, 0.9]))
    tensor([0.0000, 2.1972])
    """
    result: Tensor = ops.logit(accept(input, "logit", REAL), eps=eps)
    return result


def _pair(operation: Operation, name: str, numbers: bool) -> Callable[[Any, Any], Tensor]:
    """A function of two, of which one may be a number when `numbers`; integers become floats."""

    def function(input: Any, other: Any) -> Tensor:
        tensors = isinstance(input, Tensor) and isinstance(other, Tensor)
        if not tensors and not (numbers and is_pair(input, other)):
            raise TypeError(
                f"{name}() received an invalid combination of arguments - got "
                f"({type(input).__name__}, {type(other).__name__}), but expected Tensors"
                + (" (one may be a number)" if numbers else "")
            )
        d = result_type(input, other)
        if d.category < dtypes.FLOATING:
            d = dtypes.get_default_dtype()
        if d.category == dtypes.COMPLEX:
            raise unsupported(name, d)
        result: Tensor = operation(operand(input, d, name), operand(other, d, name))
        return result

    function.__name__ = function.__qualname__ = name
    function.__doc__ = operation.doc
    SPECIAL[name] = with_out(function, name, "adjoint.special")
    return function


xlogy = public("xlogy", in_place=True)(_pair(ops.xlogy, "xlogy", numbers=True))
igamma = public("igamma", in_place=True)(_pair(ops.igamma, "igamma", numbers=False))
igammac = public("igammac", in_place=True)(_pair(ops.igammac, "igammac", numbers=False))
xlog1py = _pair(ops.xlog1py, "xlog1py", numbers=True)
zeta = _pair(ops.zeta, "zeta", numbers=True)


@public("polygamma", method=False)
def polygamma(n: int, input: Tensor) -> Tensor:
    """The derivative of order n of digamma; n = 0 is digamma itself.

    >>> torch.polygamma(1, torch.tensor([1.0]))
    tensor([1.6449])
    """
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(
            f"polygamma(): argument 'n' (position 1) must be int, not {type(n).__name__}"
        )
    if n < 0:
        raise RuntimeError(f"polygamma(n, x) does not support negative n, and n is {n}.")
    x = accept(input, "polygamma", REAL)
    result: Tensor = ops.digamma(x) if n == 0 else ops.polygamma(x, n=n)
    return result


def _polygamma_method(self: Tensor, n: int) -> Tensor:
    """The derivative of order n of digamma.

    >>> torch.tensor([1.0]).polygamma(1)
    tensor([1.6449])
    """
    result: Tensor = polygamma(n, self)
    return result


_polygamma_method.__name__ = "polygamma"
attach("polygamma", _polygamma_method)
attach("polygamma_", in_place_form(_polygamma_method, "polygamma_"))


@public("mvlgamma", in_place=True)
def mvlgamma(input: Tensor, p: int) -> Tensor:
    """Logarithm of the multivariate gamma function of dimension p, for input > (p - 1) / 2.

    out = p (p - 1) / 4 log(pi) + the sum of lgamma(input - i / 2) over i = 0 ... p - 1.

    >>> torch.mvlgamma(torch.tensor([3.0]), 2)
    tensor([1.5502])
    """
    x = accept(input, "mvlgamma", REAL)
    if p < 1:
        raise RuntimeError(f"p has to be greater than or equal to 1, but it is {p}")
    total = lgamma(x)
    for i in range(1, p):
        total = total + lgamma(x - i / 2)
    return total + p * (p - 1) / 4 * log(pi)


SPECIAL.update(
    {
        name: with_out(function, name, "adjoint.special")
        for name, function in (
            ("erf", erf),
            ("erfc", erfc),
            ("erfinv", erfinv),
            ("gammaln", lgamma),
            ("digamma", digamma),
            ("psi", digamma),
            ("i0", i0),
            ("logit", logit),
            ("polygamma", polygamma),
            ("multigammaln", mvlgamma),
            ("gammainc", igamma),
            ("gammaincc", igammac),
            ("expit", activation.sigmoid),
            ("exp2", elementwise.exp2),
            ("expm1", elementwise.expm1),
            ("log1p", elementwise.log1p),
            ("sinc", elementwise.sinc),
            ("round", rounding.round),
        )
    }
)
del SPECIAL["igamma"], SPECIAL["igammac"]  # there they are gammainc and gammaincc
