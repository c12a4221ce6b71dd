"""Floor 3: bitwise functions and the operators `& | ^ << >> ~`, for integers and bools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..arrays import dtypes
from ..autograd.tensor import Tensor
from ..ops import bitwise as ops
from ..ops.operation import Operation
from .documentation import with_note
from .promotion import Number, operand, result_type
from .registration import in_place_form, public
from .unary import accept, attach, is_pair, unsupported


def _bitwise(
    operation: Operation, name: str, symbol: str, kernel: str, bools: bool = True
) -> Callable[[Any, Any], Tensor]:
    """Publish a bitwise function of two operands, and its operator in three forms."""

    def function(input: Any, other: Any) -> Tensor:
        if not is_pair(input, other):
            raise TypeError(
                f"{name}() received an invalid combination of arguments - got "
                f"({type(input).__name__}, {type(other).__name__}), but expected Tensors or numbers"
            )
        d = result_type(input, other)
        if d.category > dtypes.INTEGER or (d is dtypes.bool_ and not bools):
            raise unsupported(kernel, d)
        result: Tensor = operation(operand(input, d, name), operand(other, d, name))
        return result

    function.__name__ = function.__qualname__ = name
    note = "With broadcasting and promotion; one may be a number."
    function.__doc__ = with_note(operation.doc, note)
    public(name, in_place=True)(function)

    def operator(self: Tensor, other: Any) -> Any:
        return function(self, other) if isinstance(other, (Tensor, *Number)) else NotImplemented

    def reflected(self: Tensor, other: Any) -> Any:
        return function(other, self) if isinstance(other, (Tensor, *Number)) else NotImplemented

    operator.__name__, reflected.__name__ = f"__{symbol}__", f"__r{symbol}__"
    attach(f"__{symbol}__", operator)
    attach(f"__r{symbol}__", reflected)
    attach(f"__i{symbol}__", in_place_form(function, f"__i{symbol}__"))
    return function


bitwise_and = _bitwise(ops.bitwise_and, "bitwise_and", "and", "bitwise_and")
bitwise_or = _bitwise(ops.bitwise_or, "bitwise_or", "or", "bitwise_or")
bitwise_xor = _bitwise(ops.bitwise_xor, "bitwise_xor", "xor", "bitwise_xor")
bitwise_left_shift = _bitwise(
    ops.bitwise_left_shift, "bitwise_left_shift", "lshift", "lshift", bools=False
)
bitwise_right_shift = _bitwise(
    ops.bitwise_right_shift, "bitwise_right_shift", "rshift", "rshift", bools=False
)


def _divisibility(operation: Operation, name: str) -> Callable[[Any, Any], Tensor]:
    def function(input: Tensor, other: Tensor) -> Tensor:
        d = result_type(accept(input, name, "iub"), accept(other, name, "iub"))
        if d is dtypes.bool_:
            raise unsupported(name, d)
        result: Tensor = operation(operand(input, d, name), operand(other, d, name))
        return result

    function.__name__ = function.__qualname__ = name
    function.__doc__ = with_note(operation.doc, "Two Tensors, with broadcasting and promotion.")
    return public(name, in_place=True)(function)


gcd = _divisibility(ops.gcd, "gcd")
lcm = _divisibility(ops.lcm, "lcm")


@public(in_place=True)
def bitwise_not(input: Tensor) -> Tensor:
    """Bitwise complement of integers, logical complement of bools.

    >>> torch.bitwise_not(torch.tensor([0, 5]))
    tensor([-1, -6])
    """
    if input.dtype.category > dtypes.INTEGER:
        raise unsupported("bitwise_not", input.dtype)
    result: Tensor = ops.bitwise_not(input)
    return result


def _invert(self: Tensor) -> Tensor:
    """`~x`."""
    if self.dtype.category > dtypes.INTEGER:
        raise TypeError(
            "~ (operator.invert) is only implemented on integer and Boolean-type tensors, but got "
            f"{self.dtype}"
        )
    return bitwise_not(self)


_invert.__name__ = "__invert__"
attach("__invert__", _invert)
