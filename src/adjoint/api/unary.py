"""Floor 3: how a function of one tensor is published from its operation: one line in a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..arrays import dtypes
from ..arrays.dtypes import NP_FLOAT32, NP_FLOAT64
from ..autograd.tensor import Tensor
from ..ops.conversion import cast
from ..ops.operation import Operation
from .promotion import Number
from .registration import FUNCTIONS, in_place_form, write_out

# Which inputs a function takes, by the kinds of NumPy dtypes: V is bfloat16; F says that integers
# and bools are converted to the default float first.
REAL, ANALYTIC, STEPS, NUMBERS = "fVF", "fVcF", "fViu", "fVciu"


def unsupported(name: str, d: dtypes.dtype) -> Exception:
    """torch's complaint about an element type that a function is not defined for."""
    return NotImplementedError(
        f"\"{name}_cpu\" not implemented for '{d.short}'; convert the tensor first, for example "
        "with .to(torch.float32)"
    )


def attach(name: str, value: Any) -> None:
    """Give Tensor a method, property or operator."""
    setattr(Tensor, name, value)


def is_pair(input: Any, other: Any) -> bool:
    """Whether these are two Tensors, or a Tensor and a number."""
    if isinstance(input, Tensor):
        return isinstance(other, (Tensor, *Number))
    return isinstance(input, Number) and isinstance(other, Tensor)


def accept(input: Any, name: str, kinds: str) -> Tensor:
    """The tensor as the operation takes it, or the error of the class torch raises."""
    if not isinstance(input, Tensor):
        raise TypeError(
            f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}"
        )
    kind = input._data.dtype.kind
    if kind in kinds:
        return input
    if kind in "biu" and "F" in kinds:
        return cast(input, dtype=dtypes.get_default_dtype().numpy)
    raise unsupported(name, input.dtype)


def unary(
    operation: Operation, *names: str, kinds: str = ANALYTIC, in_place: bool = True
) -> Callable[..., Tensor]:
    """Publish `operation` as torch.name, Tensor.name and, with `in_place`, `name_`."""
    function = _function(operation, names[0], kinds)
    for name in names:
        setattr(Tensor, name, _method(operation, name, kinds))
        FUNCTIONS[name] = function
        if in_place:
            FUNCTIONS[name + "_"] = written = in_place_form(getattr(Tensor, name), name + "_")
            setattr(Tensor, name + "_", written)
    return function


def _method(operation: Operation, name: str, kinds: str) -> Callable[[Tensor], Tensor]:
    run = operation.run_one if operation.vjps else operation

    def method(self: Tensor) -> Tensor:
        dtype = self._data.dtype
        if dtype is NP_FLOAT32 or dtype is NP_FLOAT64:
            return run(self)
        result: Tensor = operation(accept(self, name, kinds))
        return result

    method.__name__, method.__qualname__ = name, f"Tensor.{name}"
    method.__module__ = "adjoint"
    method.__doc__ = operation.doc
    return method


def fast_or_general(operation: Operation) -> Callable[[Tensor], Tensor]:
    """An operation on one tensor, by its fast path where the dtype allows; not published."""
    return _method(operation, operation.name, ANALYTIC)


def _function(operation: Operation, name: str, kinds: str) -> Callable[..., Tensor]:
    run = operation.run_one if operation.vjps else operation

    def function(input: Tensor, *, out: Tensor | None = None) -> Tensor:
        if out is None:
            try:
                dtype = input._data.dtype
            except AttributeError:
                dtype = None
            if dtype is NP_FLOAT32 or dtype is NP_FLOAT64:
                return run(input)
        result: Tensor = operation(accept(input, name, kinds))
        return result if out is None else write_out(result, out, name)

    function.__name__ = function.__qualname__ = name
    function.__module__ = "adjoint"
    function.__doc__ = operation.doc
    return function
