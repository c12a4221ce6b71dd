"""Floor 3: rounding, remainders and division with a rounding mode; the operators `//` and `%`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..arrays import dtypes
from ..autograd.lifted import values_of
from ..autograd.tensor import Tensor
from ..ops import rounding as ops
from ..ops.operation import Operation
from .arithmetic import true_divide
from .documentation import with_note
from .promotion import Number, operand, result_type
from .registration import in_place_form, public
from .results import result_type_of
from .unary import STEPS, accept, attach, is_pair, unary, unsupported

floor = unary(ops.floor, "floor", kinds=STEPS)
ceil = unary(ops.ceil, "ceil", kinds=STEPS)
trunc = unary(ops.trunc, "trunc", "fix", kinds=STEPS)
frac = unary(ops.frac, "frac", kinds="fV")


@public(in_place=True)
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """The nearest integer, or the nearest number with so many decimals; halves go to even.

    The derivative is 0.

    >>> torch.round(torch.tensor([0.5, 1.5, 2.6]))
    tensor([0., 2., 3.])
    """
    if decimals == 0:
        result: Tensor = ops.round(accept(input, "round", STEPS))
    else:
        result = ops.round_decimals(accept(input, "round", "fV"), decimals=decimals)
    return result


def _operands(
    input: Any, other: Any, name: str, kernel: str
) -> tuple[Tensor, Tensor, dtypes.dtype]:
    """Both operands in the computing dtype; integers may not be divided by 0."""
    if not is_pair(input, other) or (name == "fmod" and not isinstance(input, Tensor)):
        raise TypeError(
            f"{name}() received an invalid combination of arguments - got "
            f"({type(input).__name__}, {type(other).__name__}), but expected Tensors or numbers"
        )
    d = result_type(input, other)
    if d.category in (dtypes.BOOL, dtypes.COMPLEX):
        raise unsupported(kernel, d)
    x, y = operand(input, d, name), operand(other, d, name)
    if d.category == dtypes.INTEGER and not values_of(y).all() and x._data.size:
        raise RuntimeError(f"ZeroDivisionError: {name}() of integers has a divisor that is 0")
    return x, y, d


def _remainder(operation: Operation, name: str) -> Callable[[Any, Any], Tensor]:
    def function(input: Any, other: Any) -> Tensor:
        x, y, _ = _operands(input, other, name, name)
        result: Tensor = operation(x, y)
        return result

    function.__name__ = function.__qualname__ = name
    note = "`other` may be a number; integers refuse the divisor 0."
    function.__doc__ = with_note(operation.doc, note)
    return public(name, in_place=True)(function)


fmod = _remainder(ops.fmod, "fmod")
remainder = _remainder(ops.remainder, "remainder")


@public(in_place=True)
def floor_divide(input: Any, other: Any) -> Tensor:
    """floor(input / other); integers stay integers and refuse the divisor 0 (RuntimeError).

    >>> torch.floor_divide(torch.tensor([7, -7]), 2)
    tensor([ 3, -4])
    """
    x, y, _ = _operands(input, other, "floor_divide", "div_floor")
    result: Tensor = ops.floor_divide(x, y)
    return result


@public("div", "divide", in_place=True)
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """input / other; `rounding_mode` "floor" or "trunc" rounds the quotient.

    Without a mode integers are divided as the default float type; with one they stay integers.

    >>> torch.div(torch.tensor([7, -7]), 2, rounding_mode="trunc")
    tensor([ 3, -3])
    """
    if rounding_mode is None:
        return true_divide(input, other)
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode != "trunc":
        raise RuntimeError(
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
            f"'{rounding_mode}'"
        )
    return trunc_divide(input, other)


def trunc_divide(input: Any, other: Any) -> Tensor:
    """trunc(input / other)."""
    x, y, _ = _operands(input, other, "div", "div_trunc")
    result: Tensor = ops.trunc_divide(x, y)
    return result


@public(in_place=True)
def nextafter(input: Tensor, other: Tensor) -> Tensor:
    """The floating-point number after input in the direction of other.

    >>> torch.nextafter(torch.tensor([1.0]), torch.tensor([2.0])) == 1 + torch.finfo().eps
    tensor([True])
    """
    d = result_type(accept(input, "nextafter", "fViub"), accept(other, "nextafter", "fViub"))
    if d.category != dtypes.FLOATING:
        raise unsupported("nextafter", d)
    result: Tensor = ops.nextafter(operand(input, d), operand(other, d))
    return result


FrexpResult = result_type_of("frexp", ("mantissa", "exponent"))


@public()
def frexp(input: Tensor) -> Any:
    """mantissa and exponent (int32) such that input = mantissa 2^exponent, 1/2 <= |mantissa| < 1.

    >>> torch.frexp(torch.tensor([6.0]))
    torch.return_types.frexp(
    mantissa=tensor([0.7500]),
    exponent=tensor([3], dtype=torch.int32))
    """
    return FrexpResult(*ops.frexp(accept(input, "frexp", "fV")))


def _operators(symbol: str, function: Callable[[Any, Any], Tensor]) -> None:
    """`x op y`, `y op x` and `x op= y`."""

    def operator(self: Tensor, other: Any) -> Any:
        return function(self, other) if isinstance(other, (Tensor, *Number)) else NotImplemented

    def reflected(self: Tensor, other: Any) -> Any:
        return function(other, self) if isinstance(other, (Tensor, *Number)) else NotImplemented

    operator.__name__, reflected.__name__ = f"__{symbol}__", f"__r{symbol}__"
    attach(f"__{symbol}__", operator)
    attach(f"__r{symbol}__", reflected)
    attach(f"__i{symbol}__", in_place_form(function, f"__i{symbol}__"))


_operators("floordiv", floor_divide)
_operators("mod", remainder)
attach("__rdiv__", Tensor.__rtruediv__)
