"""Floor 3: add, sub, mul, div and neg, as functions, methods and operators."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import dtypes
from ..autograd.tensor import Tensor
from ..ops import arithmetic as ops
from .operators import binary_operator, reflected
from .promotion import Number, operand, result_type, to_common
from .registration import in_place_form, public


def _scaled(other: Any, alpha: Any, d: dtypes.dtype, name: str) -> Any:
    """alpha * other, in the computing dtype; alpha has to be of a category that fits."""
    if alpha == 1 and not isinstance(alpha, bool):
        return other
    if dtypes.of_scalar(alpha).category > d.category:
        raise RuntimeError(
            f"{name}: For integral input tensors, argument alpha must not be a floating point "
            "number."
        )
    return mul(operand(other, d, name), alpha)


@public(in_place=True)
def add(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """input + alpha * other, with broadcasting and type promotion.

    >>> torch.add(torch.tensor([1.0, 2.0]), 10)
    tensor([11., 12.])
    """
    if alpha != 1:
        other = _scaled(other, alpha, result_type(input, other), "add")
    return ops.add(*to_common(input, other, "add"))


@public("sub", "subtract", in_place=True)
def sub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """input - alpha * other, with broadcasting and type promotion; bools are refused.

    >>> torch.sub(torch.tensor([1.0, 2.0]), 1)
    tensor([0., 1.])
    """
    d = result_type(input, other)
    if d is dtypes.bool_ or any(
        v.dtype is dtypes.bool_ if isinstance(v, Tensor) else isinstance(v, (bool, np.bool_))
        for v in (input, other)
    ):
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying "
            "to invert a mask, use the `~` or `logical_not()` operator instead."
        )
    if alpha != 1:
        other = _scaled(other, alpha, d, "sub")
    return ops.sub(*to_common(input, other, "sub"))


@public("mul", "multiply", in_place=True)
def mul(input: Any, other: Any) -> Tensor:
    """input * other, elementwise, with broadcasting and type promotion.

    >>> torch.mul(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
    tensor([3., 8.])
    """
    return ops.mul(*to_common(input, other, "mul"))


@public("true_divide", in_place=True)
def true_divide(input: Any, other: Any) -> Tensor:
    """input / other; integers are divided as the default float type.

    >>> torch.true_divide(torch.tensor([1.0, 2.0]), 4)
    tensor([0.2500, 0.5000])
    """
    d = result_type(input, other)
    if d.category < dtypes.FLOATING:
        d = dtypes.get_default_dtype()
    return ops.div(operand(input, d, "div"), operand(other, d, "div"))


@public("neg", "negative", in_place=True)
def neg(input: Tensor) -> Tensor:
    """-input; bools are refused.

    >>> torch.neg(torch.tensor([1.0, -2.0]))
    tensor([-1.,  2.])
    """
    if input.dtype is dtypes.bool_:
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
            "invert a mask, use the `~` or `logical_not()` operator instead."
        )
    return ops.neg(input)


@public("rsub", method=False)
def rsub(input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """other - alpha * input.

    >>> torch.rsub(torch.tensor([1.0, 2.0]), 10)
    tensor([9., 8.])
    """
    if not isinstance(input, Tensor):
        raise TypeError(
            f"rsub(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}; "
            "it is what is subtracted: rsub(x, 2) is 2 - x"
        )
    return sub(other, input, alpha=alpha)


def _attach(symbol: str, operation: Any, general: Any) -> None:
    """`x op y`, `y op x` and `x op= y`; operands of foreign types are left to those types."""

    def guarded(a: Any, b: Any) -> Any:
        for value in (a, b):
            if not isinstance(value, (Tensor, *Number)):
                return NotImplemented
        return general(a, b)

    method = binary_operator(operation, guarded, f"__{symbol}__")
    setattr(Tensor, f"__{symbol}__", method)
    setattr(Tensor, f"__r{symbol}__", reflected(operation, guarded, f"__r{symbol}__"))
    setattr(Tensor, f"__i{symbol}__", in_place_form(general, f"__i{symbol}__"))


for _symbol, _operation, _general in (
    ("add", ops.add, add),
    ("sub", ops.sub, sub),
    ("mul", ops.mul, mul),
    ("truediv", ops.div, true_divide),
):
    _attach(_symbol, _operation, _general)


def _reflected_sub(self: Tensor, other: Any) -> Any:
    return sub(other, self) if isinstance(other, (Tensor, *Number)) else NotImplemented


Tensor.__rsub__ = binary_operator(ops.rsub, _reflected_sub, "__rsub__")  # type: ignore[method-assign]
Tensor.__neg__ = neg  # type: ignore[method-assign]
