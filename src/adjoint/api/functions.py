"""Floor 3: elementwise functions of several tensors, and predicates of tensors and dtypes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..arrays import dtypes
from ..autograd.tensor import Tensor
from ..ops import elementwise, exponential, trigonometric
from ..ops.operation import Operation
from . import promotion
from .documentation import with_note
from .promotion import operand
from .registration import FUNCTIONS, public
from .unary import accept, attach, unsupported


def _two(
    operation: Operation, *names: str, integers: bool, in_place: bool = True, kinds: str = "fV"
) -> Callable[[Any, Any], Tensor]:
    """Publish a function of two tensors; `integers`: computed as the default float type."""
    name = names[0]

    def function(input: Tensor, other: Tensor) -> Tensor:
        for position, (label, value) in enumerate((("input", input), ("other", other)), 1):
            if not isinstance(value, Tensor):
                raise TypeError(
                    f"{name}(): argument '{label}' (position {position}) must be Tensor, not "
                    f"{type(value).__name__}"
                )
        d = promotion.result_type(input, other)
        if integers and d.category < dtypes.FLOATING:
            d = dtypes.get_default_dtype()
        if d.numpy.kind not in kinds:
            raise unsupported(name, d)
        result: Tensor = operation(operand(input, d, name), operand(other, d, name))
        return result

    function.__name__ = function.__qualname__ = name
    function.__doc__ = operation.doc
    return public(*names, in_place=in_place)(function)


atan2 = _two(trigonometric.atan2, "atan2", "arctan2", integers=True)
hypot = _two(trigonometric.hypot, "hypot", integers=False)
logaddexp = _two(exponential.logaddexp, "logaddexp", integers=False, in_place=False, kinds="fVc")
logaddexp2 = _two(exponential.logaddexp2, "logaddexp2", integers=False, in_place=False, kinds="fVc")


@public(in_place=True)
def copysign(input: Tensor, other: Any) -> Tensor:
    """|input| with the sign of other, a Tensor or a number.

    >>> torch.copysign(torch.tensor([1.0, 2.0]), -1)
    tensor([-1., -2.])
    """
    d = promotion.result_type(accept(input, "copysign", "fVciub"), other)
    if d.category < dtypes.FLOATING:
        d = dtypes.get_default_dtype()
    if d.category == dtypes.COMPLEX:
        raise unsupported("copysign", d)
    result: Tensor = elementwise.copysign(operand(input, d), operand(other, d, "copysign"))
    return result


@public(in_place=True)
def ldexp(input: Tensor, other: Tensor) -> Tensor:
    """input 2^other; the result is floating.

    >>> torch.ldexp(torch.tensor([1.5]), torch.tensor([2]))
    tensor([6.])
    """
    for value in (input, other):
        accept(value, "ldexp", "fVciub")
    d = promotion.result_type(input, other)
    if d.category < dtypes.FLOATING:
        d = dtypes.get_default_dtype()
    result: Tensor = elementwise.ldexp(operand(input, d), operand(other, d))
    return result


@public(in_place=True)
def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """0 for input < 0, values at 0, 1 for input > 0; both of one real dtype.

    >>> torch.heaviside(torch.tensor([-1.0, 0.0, 2.0]), torch.tensor(0.5))
    tensor([0.0000, 0.5000, 1.0000])
    """
    for label, value in (("input", input), ("values", values)):
        if not isinstance(value, Tensor):
            raise TypeError(
                f"heaviside(): argument '{label}' must be Tensor, not {type(value).__name__}"
            )
    if input.is_complex() or values.is_complex():
        raise RuntimeError("heaviside is not yet implemented for complex tensors.")
    if input.dtype is not values.dtype:
        raise RuntimeError(
            "heaviside is not yet implemented for tensors with different dtypes, got "
            f"{input.dtype} and {values.dtype}."
        )
    result: Tensor = elementwise.heaviside(input, values)
    return result


@public(in_place=True)
def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """input + weight (end - input); weight is a number or a Tensor.

    >>> torch.lerp(torch.tensor([0.0, 10.0]), torch.tensor([1.0, 20.0]), 0.5)
    tensor([ 0.5000, 15.0000])
    """
    accept(input, "lerp", "fVc")
    accept(end, "lerp", "fVc")
    if isinstance(weight, Tensor) and not weight._data.ndim:
        weight = promotion.operand(weight, input.dtype)
    for label, value in (("end", end), ("weight", weight)):
        if isinstance(value, Tensor) and value.dtype is not input.dtype:
            raise RuntimeError(
                f"expected dtype {input.dtype} for `{label}` but got dtype {value.dtype}"
            )
    if isinstance(weight, Tensor):
        result: Tensor = elementwise.lerp(input, end, weight)
    else:
        promotion.number_array(weight, input._data.dtype)  # a complex one fits complex tensors only
        result = elementwise.lerp_number(input, end, weight=weight)
    return result


def _fused(operation: Operation, name: str, integers: bool) -> Callable[..., Tensor]:
    def function(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
        for tensor in (input, tensor1, tensor2):
            accept(tensor, name, "fVciub")
        d = promotion.result_type(input, tensor1, tensor2)
        if d is dtypes.bool_:
            raise unsupported(name, d)
        if not integers and promotion.result_type(tensor1, tensor2).category < dtypes.FLOATING:
            raise RuntimeError(
                "Integer division with addcdiv is no longer supported; use "
                "(input + value * torch.trunc(tensor1 / tensor2)).to(input.dtype), or convert "
                "tensor1 and tensor2 to a float type"
            )
        promotion.number_array(value, d.numpy)  # a complex one fits complex tensors only
        if d.category == dtypes.INTEGER:
            value = int(value)
        x, a, b = (operand(t, d, name) for t in (input, tensor1, tensor2))
        result: Tensor = operation(x, a, b, value=value)
        return result

    function.__name__ = function.__qualname__ = name
    note = "Three tensors, with broadcasting; `value` is a number."
    function.__doc__ = with_note(operation.doc, note)
    return public(name, in_place=True)(function)


addcmul = _fused(elementwise.addcmul, "addcmul", integers=True)
addcdiv = _fused(elementwise.addcdiv, "addcdiv", integers=False)


@public()
def positive(input: Tensor) -> Tensor:
    """+input: the tensor itself; bools are refused.

    >>> torch.positive(torch.tensor([-1.0, 2.0]))
    tensor([-1.,  2.])
    """
    if accept(input, "positive", "fVciub").dtype is dtypes.bool_:
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


attach("__pos__", positive)


@public()
def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is a floating one.

    >>> torch.is_floating_point(torch.tensor([1.0])), torch.is_floating_point(torch.tensor([1]))
    (True, False)
    """
    return accept(input, "is_floating_point", "fVciub")._data.dtype.kind in "fV"


@public()
def is_complex(input: Tensor) -> bool:
    """Whether the dtype is a complex one.

    >>> torch.is_complex(torch.tensor([1j]))
    True
    """
    return accept(input, "is_complex", "fVciub")._data.dtype.kind == "c"


@public()
def is_signed(input: Tensor) -> bool:
    """Whether the dtype has negative numbers.

    >>> torch.is_signed(torch.tensor([1], dtype=torch.uint8))
    False
    """
    return accept(input, "is_signed", "fVciub").dtype.is_signed


@public()
def is_nonzero(input: Tensor) -> bool:
    """Whether a tensor of one element is nonzero; RuntimeError for more elements or none.

    >>> torch.is_nonzero(torch.tensor([0.0]))
    False
    """
    if accept(input, "is_nonzero", "fVciub")._data.size != 1:
        what = "more than one value" if input._data.size else "no values"
        raise RuntimeError(f"Boolean value of Tensor with {what} is ambiguous")
    return bool(input)


@public("numel")
def numel(input: Tensor) -> int:
    """How many elements there are.

    >>> torch.numel(torch.zeros(2, 3))
    6
    """
    return int(accept(input, "numel", "fVciub")._data.size)


attach("nelement", numel)


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a Tensor.

    >>> torch.is_tensor([1, 2]), torch.is_tensor(torch.tensor([1, 2]))
    (False, True)
    """
    return isinstance(obj, Tensor)


def result_type(tensor1: Any, tensor2: Any) -> dtypes.dtype:
    """The dtype of arithmetic on two Tensors or numbers.

    >>> torch.result_type(torch.tensor([1, 2]), 1.0)
    torch.float32
    """
    return promotion.result_type(tensor1, tensor2)


FUNCTIONS.update(
    is_tensor=is_tensor,
    result_type=result_type,
    can_cast=dtypes.can_cast,
    promote_types=dtypes.promote_types,
)
