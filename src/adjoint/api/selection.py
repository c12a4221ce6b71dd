"""Floor 3: choosing between values: where, clamp, maximum, minimum, fmax, fmin, nan_to_num."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from ..arrays import dtypes
from ..autograd.tensor import Tensor
from ..ops import elementwise as choices
from ..ops import extrema as ops
from ..ops.operation import Operation
from .comparison import ne
from .promotion import operand, result_type, to_common
from .registration import FUNCTIONS, public, with_out
from .unary import accept, attach, unsupported


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """input where the condition (bool) is true, else other; both may be numbers.

    With the condition alone: the indices of its nonzero elements, one tensor for each dim.
    RuntimeError when the condition is not bool.

    >>> torch.where(torch.tensor([True, False]), torch.tensor([1.0, 2.0]), 0.0)
    tensor([1., 0.])
    """
    if not isinstance(condition, Tensor):
        raise TypeError(
            f"where(): argument 'condition' (position 1) must be Tensor, not "
            f"{type(condition).__name__}"
        )
    if input is None and other is None:
        return FUNCTIONS["nonzero"](condition, as_tuple=True)
    if condition.dtype is not dtypes.bool_:
        if condition.dtype is not dtypes.uint8:
            raise RuntimeError(
                "where expected condition to be a boolean tensor, but got a tensor with dtype "
                f"{condition.dtype.short}; compare it, for example condition != 0"
            )
        warnings.warn(
            "where received a uint8 condition tensor. This behavior is deprecated and will be "
            "removed in a future version of PyTorch. Use a boolean condition instead.",
            UserWarning,
            stacklevel=2,
        )
        condition = ne(condition, 0)
    result: Tensor = choices.where(condition, *to_common(input, other, "where"))
    return result


FUNCTIONS["where"] = with_out(where, "where")


def _where_method(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    """self where the condition is true, else other.

    >>> torch.tensor([1, 2]).where(torch.tensor([True, False]), torch.tensor([7, 8]))
    tensor([1, 8])
    """
    result: Tensor = where(condition, self, other)
    return result


_where_method.__name__ = "where"
attach("where", _where_method)


def keep(input: Tensor, mask: Tensor) -> Tensor:
    """input where the mask is true, else 0: the Tensor form of `arrays.cpu.keep`."""
    result: Tensor = where(mask, input, 0)
    return result


linked = choices.linked


def _extremum(operation: Operation, name: str) -> Callable[[Any, Any], Tensor]:
    def function(input: Tensor, other: Tensor) -> Tensor:
        for position, (label, value) in enumerate((("input", input), ("other", other)), 1):
            if not isinstance(value, Tensor):
                raise TypeError(
                    f"{name}(): argument '{label}' (position {position}) must be Tensor, not "
                    f"{type(value).__name__}; for a number use torch.clamp"
                )
        x, y = to_common(input, other, name)
        if x._data.dtype.kind == "c":
            raise RuntimeError(
                f"{name} not implemented for complex tensors, which have no order; compare .abs()"
            )
        result: Tensor = operation(x, y)
        return result

    function.__name__ = function.__qualname__ = name
    function.__doc__ = operation.doc
    return public(name)(function)


def larger(x: Any, y: Any) -> Tensor:
    """`maximum` for rules, whose operands may be numbers."""
    result: Tensor = ops.maximum(*to_common(x, y, "maximum"))
    return result


def smaller(x: Any, y: Any) -> Tensor:
    """`minimum` for rules, whose operands may be numbers."""
    result: Tensor = ops.minimum(*to_common(x, y, "minimum"))
    return result


maximum = _extremum(ops.maximum, "maximum")
minimum = _extremum(ops.minimum, "minimum")
fmax = _extremum(ops.fmax, "fmax")
fmin = _extremum(ops.fmin, "fmin")


@public("clamp", "clip", in_place=True)
def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """input limited to [min, max]: numbers, or Tensors that broadcast; None: no limit.

    Where min > max the result is max. The derivative at an edge is 1.

    >>> torch.clamp(torch.tensor([-2.0, 0.5, 2.0]), -1, 1)
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(input, Tensor) and input._data.dtype.kind == "f" and _are_reals(min, max):
        fast: Tensor = ops.clamp_number(input, min=min, max=max)
        return fast
    limits = [limit for limit in (min, max) if limit is not None]
    if any(isinstance(limit, Tensor) for limit in limits):
        return _clamp_tensors(input, min, max, limits)
    accept(input, "clamp", "fVciub")
    d = _clamp_dtype(input, limits)
    result: Tensor = ops.clamp_number(operand(input, d), min=min, max=max)
    return result


def _are_reals(min: Any, max: Any) -> bool:
    """Whether the limits are Python numbers that no promotion can come from."""
    return min.__class__ in _REALS and max.__class__ in _REALS


_REALS = frozenset({float, int, type(None)})


def _clamp_dtype(input: Tensor, limits: list[Any], bools: bool = False) -> dtypes.dtype:
    d = result_type(input, *limits)
    if d is dtypes.bool_ and not bools:
        raise unsupported("clamp", d)
    if d.category == dtypes.COMPLEX:
        raise NotImplementedError("clamp is not supported for complex types, which have no order")
    return d


def _clamp_tensors(input: Tensor, min: Any, max: Any, limits: list[Any]) -> Tensor:
    if not all(isinstance(limit, Tensor) for limit in limits):
        raise TypeError(
            f"clamp() received an invalid combination of arguments - got (Tensor, "
            f"{type(min).__name__}, {type(max).__name__}), but expected two Tensors or two numbers"
        )
    d = _clamp_dtype(input, limits, bools=len(limits) == 1)
    x = operand(input, d)
    if max is None:
        result: Tensor = ops.clamp_min(x, operand(min, d))
    elif min is None:
        result = ops.clamp_max(x, operand(max, d))
    else:
        result = ops.clamp(x, operand(min, d), operand(max, d))
    return result


@public(in_place=True)
def clamp_min(input: Tensor, min: Any) -> Tensor:
    """input, but not less than `min`, a number or a Tensor.

    >>> torch.clamp_min(torch.tensor([-2.0, 0.5]), 0)
    tensor([0.0000, 0.5000])
    """
    return clamp(input, min=min)


@public(in_place=True)
def clamp_max(input: Tensor, max: Any) -> Tensor:
    """input, but not more than `max`, a number or a Tensor.

    >>> torch.clamp_max(torch.tensor([-2.0, 0.5]), 0)
    tensor([-2.,  0.])
    """
    return clamp(input, max=max)


@public(in_place=True)
def nan_to_num(
    input: Tensor,
    nan: float | None = None,
    posinf: float | None = None,
    neginf: float | None = None,
) -> Tensor:
    """Numbers for nan, inf and -inf: 0 and the largest and smallest of the dtype, unless given.

    >>> torch.nan_to_num(torch.tensor([float("nan"), 1.0]), nan=5.0)
    tensor([5., 1.])
    """
    accept(input, "nan_to_num", "fVciub")
    result: Tensor = choices.nan_to_num(
        input, nan=0.0 if nan is None else nan, posinf=posinf, neginf=neginf
    )
    return result
