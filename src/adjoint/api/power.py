"""Floor 3: pow in all its forms, square, float_power, and the operator `**`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import dtypes
from ..arrays.dtypes import NP_FLOAT32, NP_FLOAT64
from ..autograd.tensor import Tensor
from ..ops import power as ops
from .bitwise import bitwise_or
from .promotion import Number, operand, result_type
from .registration import in_place_form, public
from .unary import attach, unsupported


def _invalid(name: str, a: Any, b: Any) -> TypeError:
    return TypeError(
        f"{name}() received an invalid combination of arguments - got ({type(a).__name__}, "
        f"{type(b).__name__}), but expected a Tensor and a Tensor or number, or a number and a "
        "Tensor"
    )


@public("pow", in_place=True)
def pow(input: Any, exponent: Any) -> Tensor:
    """input ** exponent, elementwise; one of the two may be a number.

    Integers stay integers, so an integer tensor takes no negative number (RuntimeError).
    The derivative in the base is 0 where the exponent is 0; that in the exponent is 0 where the
    base is 0 and the exponent is not negative.

    >>> torch.pow(torch.tensor([1.0, 2.0, 3.0]), 2)
    tensor([1., 4., 9.])
    """
    if isinstance(exponent, Number):
        if not isinstance(input, Tensor):
            raise _invalid("pow", input, exponent)
        return _pow_number(input, exponent)
    if not isinstance(exponent, Tensor) or not isinstance(input, (Tensor, *Number)):
        raise _invalid("pow", input, exponent)
    d = result_type(input, exponent)
    if d is dtypes.bool_:
        raise unsupported("pow", d)
    result: Tensor = ops.pow(operand(input, d, "pow"), operand(exponent, d, "pow"))
    return result


def _pow_number(input: Tensor, exponent: Any) -> Tensor:
    d = result_type(input, exponent)
    if d.category <= dtypes.INTEGER:
        if exponent < 0:
            raise RuntimeError(
                "Integers to negative integer powers are not allowed. Convert the tensor first, "
                "for example with .float()"
            )
        if d is dtypes.bool_:
            return bitwise_or(input, not exponent)
    value = exponent.item() if isinstance(exponent, np.generic) else exponent
    result: Tensor = ops.pow_number(operand(input, d), exponent=value)
    return result


@public(in_place=True)
def square(input: Tensor) -> Tensor:
    """input ** 2.

    >>> torch.square(torch.tensor([1.0, -3.0]))
    tensor([1., 9.])
    """
    return pow(input, 2)


@public(in_place=True)
def float_power(input: Any, exponent: Any) -> Tensor:
    """input ** exponent, computed in float64 (complex128 for complex arguments).

    >>> torch.float_power(torch.tensor([2, 3]), 2)
    tensor([4., 9.], dtype=torch.float64)
    """
    complex_ = result_type(input, exponent).category == dtypes.COMPLEX
    d = dtypes.complex128 if complex_ else dtypes.float64
    if isinstance(input, Tensor):
        input = operand(input, d, "float_power")
    elif not isinstance(exponent, Tensor):
        raise _invalid("float_power", input, exponent)
    if isinstance(exponent, Tensor):
        exponent = operand(exponent, d, "float_power")
    return pow(input, exponent)


def _operator(self: Tensor, exponent: Any) -> Any:
    """`x ** y`."""
    dtype = self._data.dtype
    if (dtype is NP_FLOAT32 or dtype is NP_FLOAT64) and (
        exponent.__class__ is int or exponent.__class__ is float
    ):
        return ops.pow_number(self, exponent=exponent)
    if not isinstance(exponent, (Tensor, *Number)):
        return NotImplemented
    return pow(self, exponent)


def _reflected(self: Tensor, base: Any) -> Any:
    """`2 ** x`."""
    return pow(base, self) if isinstance(base, (Tensor, *Number)) else NotImplemented


_operator.__name__, _reflected.__name__ = "__pow__", "__rpow__"
attach("__pow__", _operator)
attach("__rpow__", _reflected)
attach("__ipow__", in_place_form(pow, "__ipow__"))
