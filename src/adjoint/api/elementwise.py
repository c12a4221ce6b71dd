"""Floor 3: elementwise mathematics: the functions of one tensor, as a table of operations."""

from __future__ import annotations

from ..autograd.tensor import Tensor
from ..ops import elementwise, exponential, power, trigonometric
from .registration import public
from .unary import accept, attach, unary

exp = unary(exponential.exp, "exp")
exp2 = unary(exponential.exp2, "exp2")
expm1 = unary(exponential.expm1, "expm1")
log = unary(exponential.log, "log")
log2 = unary(exponential.log2, "log2")
log10 = unary(exponential.log10, "log10")
log1p = unary(exponential.log1p, "log1p")
sqrt = unary(power.sqrt, "sqrt")
rsqrt = unary(power.rsqrt, "rsqrt")
reciprocal = unary(power.reciprocal, "reciprocal")

sin = unary(trigonometric.sin, "sin")
cos = unary(trigonometric.cos, "cos")
tan = unary(trigonometric.tan, "tan")
asin = unary(trigonometric.asin, "asin", "arcsin")
acos = unary(trigonometric.acos, "acos", "arccos")
atan = unary(trigonometric.atan, "atan", "arctan")
sinh = unary(trigonometric.sinh, "sinh")
cosh = unary(trigonometric.cosh, "cosh")
tanh = unary(trigonometric.tanh, "tanh")
asinh = unary(trigonometric.asinh, "asinh", "arcsinh")
acosh = unary(trigonometric.acosh, "acosh", "arccosh")
atanh = unary(trigonometric.atanh, "atanh", "arctanh")
sinc = unary(trigonometric.sinc, "sinc")
deg2rad = unary(trigonometric.deg2rad, "deg2rad", kinds="fVF")
rad2deg = unary(trigonometric.rad2deg, "rad2deg", kinds="fVF")


abs = unary(elementwise.abs, "abs", "absolute", kinds="fVciu")
attach("__abs__", abs)
sgn = unary(elementwise.sgn, "sgn", kinds="fVciub")


def sign(input: Tensor) -> Tensor:
    """-1, 0 or 1 by the sign of real x; complex tensors have `sgn`. The derivative is 0.

    >>> torch.sign(torch.tensor([-3.0, 0.0, 2.0]))
    tensor([-1.,  0.,  1.])
    """
    if accept(input, "sign", "fVciub").is_complex():
        raise NotImplementedError(
            "Unlike NumPy, torch.sign is not intended to support complex numbers. Please use "
            "torch.sgn instead."
        )
    result: Tensor = elementwise.sign(input)
    return result


public("sign", in_place=True)(sign)
