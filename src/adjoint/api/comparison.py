"""Floor 3: comparisons, logic and tests of values, as functions, methods and operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..arrays import cpu, dtypes
from ..arrays.dtypes import NP_FLOAT32, NP_FLOAT64, NP_INT64
from ..autograd.tensor import Tensor, wrap
from ..ops import comparison as ops
from ..ops.mismatch import explain
from ..ops.operation import Operation
from .documentation import with_note
from .promotion import Number, to_common
from .registration import FUNCTIONS, in_place_form, public, with_out
from .unary import accept, attach, unary, unsupported

Compare = Callable[[Any, Any], Any]


def comparison(operation: Operation, symbol: str, *names: str, ordered: bool = True) -> Compare:
    """Publish `torch.name`, `Tensor.name`, `name_` and the operator `__symbol__`."""
    general = _general(operation, names[0], ordered)
    for name in names:
        FUNCTIONS[name] = with_out(general, name)
        attach(name, general)
        FUNCTIONS[name + "_"] = written = in_place_form(general, name + "_")
        attach(name + "_", written)
    attach(f"__{symbol}__", _operator(operation, general, f"__{symbol}__"))
    return general


def _general(operation: Operation, name: str, ordered: bool) -> Compare:
    def compare(input: Tensor, other: Any) -> Tensor:
        if not isinstance(input, Tensor) or not isinstance(other, (Tensor, *Number)):
            raise TypeError(
                f"{name}() received an invalid combination of arguments - got "
                f"({type(input).__name__}, {type(other).__name__}), but expected (Tensor input, "
                "Tensor or Number other)"
            )
        x, y = to_common(input, other, name)
        if ordered and x._data.dtype.kind == "c":
            raise unsupported(name, x.dtype)
        result: Tensor = operation(x, y)
        return result

    compare.__name__ = compare.__qualname__ = name
    compare.__doc__ = with_note(
        operation.doc,
        "Elementwise, with broadcasting and promotion; `other` may be a number. The result is "
        "bool and has no gradient.",
    )
    return compare


def _operator(operation: Operation, general: Compare, name: str) -> Compare:
    """The operator: real operands of one dtype and floats with numbers go straight to arrays."""
    forward = operation.forward

    def method(self: Tensor, other: Any) -> Any:
        array = self._data
        dtype = array.dtype
        kind = other.__class__
        if kind is float or kind is int:
            if dtype is NP_FLOAT32 or dtype is NP_FLOAT64:
                return wrap(forward(cpu, array, other))
        elif isinstance(other, Tensor):
            if other._data.dtype is dtype and (
                dtype is NP_FLOAT32 or dtype is NP_FLOAT64 or dtype is NP_INT64
            ):
                try:
                    return wrap(forward(cpu, array, other._data))
                except ValueError as error:
                    raise explain(name[2:-2], (array.shape, other._data.shape), error) from None
        elif not isinstance(other, Number):
            return NotImplemented
        return general(self, other)

    method.__name__ = method.__qualname__ = name
    return method


eq = comparison(ops.eq, "eq", "eq", ordered=False)
ne = comparison(ops.ne, "ne", "ne", "not_equal", ordered=False)
lt = comparison(ops.lt, "lt", "lt", "less")
le = comparison(ops.le, "le", "le", "less_equal")
gt = comparison(ops.gt, "gt", "gt", "greater")
ge = comparison(ops.ge, "ge", "ge", "greater_equal")


def _hash(self: Tensor) -> int:
    """Tensors are compared by element, so their hash is that of the object."""
    return id(self)


attach("__hash__", _hash)


def _logical(operation: Operation, name: str) -> Callable[[Any, Any], Tensor]:
    def logical(input: Tensor, other: Tensor) -> Tensor:
        for position, (label, value) in enumerate((("input", input), ("other", other)), 1):
            if not isinstance(value, Tensor):
                raise TypeError(
                    f"{name}(): argument '{label}' (position {position}) must be Tensor, not "
                    f"{type(value).__name__}"
                )
        result: Tensor = operation(input, other)
        return result

    logical.__name__ = logical.__qualname__ = name
    logical.__doc__ = with_note(operation.doc, "Tensors of any dtype; the result is bool.")
    return public(name, in_place=True)(logical)


logical_and = _logical(ops.logical_and, "logical_and")
logical_or = _logical(ops.logical_or, "logical_or")
logical_xor = _logical(ops.logical_xor, "logical_xor")
logical_not = unary(ops.logical_not, "logical_not", kinds="fVciub")

isnan = unary(ops.isnan, "isnan", kinds="fVciub", in_place=False)
isinf = unary(ops.isinf, "isinf", kinds="fVciub", in_place=False)
isfinite = unary(ops.isfinite, "isfinite", kinds="fVciub", in_place=False)


def _real_test(operation: Operation, name: str) -> Callable[[Any], Tensor]:
    """Tests that have no meaning for complex numbers."""

    def test(input: Tensor) -> Tensor:
        accept(input, name, "fVciub")
        if input.is_complex():
            kind = NotImplementedError if name == "signbit" else RuntimeError  # as in torch
            raise kind(f"{name} does not support complex inputs. Apply it to .real and .imag.")
        result: Tensor = operation(input)
        return result

    test.__name__ = test.__qualname__ = name
    test.__doc__ = with_note(operation.doc, "Real tensors of any dtype; the result is bool.")
    return public(name)(test)


isposinf = _real_test(ops.isposinf, "isposinf")
isneginf = _real_test(ops.isneginf, "isneginf")
signbit = _real_test(ops.signbit, "signbit")


@public()
def isreal(input: Tensor) -> Tensor:
    """Whether the imaginary part is zero; true for real tensors.

    >>> torch.isreal(torch.tensor([1.0, 1j]))
    tensor([ True, False])
    """
    accept(input, "isreal", "fVciub")
    if input.is_complex():
        return eq(input.imag, 0)
    return eq(input, input) | isnan(input)


@public()
def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Tensor:
    """Whether |input - other| <= atol + rtol |other|; equal infinities are close.

    RuntimeError when the dtypes differ.

    >>> torch.isclose(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.1]))
    tensor([ True, False])
    """
    accept(input, "isclose", "fVciub")
    accept(other, "isclose", "fVciub")
    if input.dtype is not other.dtype:
        raise RuntimeError(
            f"{input.dtype.short} did not match {other.dtype.short}: isclose compares tensors of "
            "one dtype; convert one with .to()"
        )
    for name, value in (("rtol", rtol), ("atol", atol)):
        if value < 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {value}")
    if input.dtype is dtypes.bool_:
        return eq(input, other)
    result: Tensor = ops.isclose(input, other, rtol=rtol, atol=atol, equal_nan=equal_nan)
    return result


@public()
def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether all elements are close, as `isclose` has it.

    >>> torch.allclose(torch.tensor([1.0]), torch.tensor([1.0 + 1e-7]))
    True
    """
    return bool(isclose(input, other, rtol, atol, equal_nan)._data.all())


@public()
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and the same elements (nan is unequal to nan).

    >>> torch.equal(torch.tensor([1, 2]), torch.tensor([1, 2]))
    True
    """
    accept(input, "equal", "fVciub")
    accept(other, "equal", "fVciub")
    if input._data.shape != other._data.shape:
        return False
    return bool(eq(input, other)._data.all())
