"""Floor 3: the arithmetic operators, with the fast path of the whole library.

`x * y` of two float tensors of one dtype, or of a float tensor and a Python number, goes straight
to its operation; anything else goes the general way, once, to the same operation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..arrays.dtypes import NP_FLOAT32, NP_FLOAT64
from ..autograd.tensor import Tensor
from ..ops.operation import Operation
from .promotion import _constants, constant

General = Callable[[Any, Any], Any]

_constants.setdefault(NP_FLOAT32, {})
_constants.setdefault(NP_FLOAT64, {})


def binary_operator(operation: Operation, general: General, name: str) -> General:
    """`Tensor.__op__`: the fast path of `operation`, else `general`."""
    run = operation.run_two

    def method(self: Tensor, other: Any) -> Any:
        array = self._data
        dtype = array.dtype
        if dtype is NP_FLOAT32 or dtype is NP_FLOAT64:
            kind = other.__class__
            if kind is float or kind is int:
                number = _constants[dtype].get(other)
                return run(self, constant(other, dtype) if number is None else number)
            try:
                if other._data.dtype is dtype:
                    return run(self, other)
            except AttributeError:
                pass
        return general(self, other)

    method.__name__ = method.__qualname__ = name
    return method


def reflected(operation: Operation, general: General, name: str) -> General:
    """`Tensor.__rop__`, for `number op tensor`."""
    run = operation.run_two

    def method(self: Tensor, other: Any) -> Any:
        dtype = self._data.dtype
        if (dtype is NP_FLOAT32 or dtype is NP_FLOAT64) and (
            other.__class__ is float or other.__class__ is int
        ):
            return run(constant(other, dtype), self)
        return general(other, self)

    method.__name__ = method.__qualname__ = name
    return method
