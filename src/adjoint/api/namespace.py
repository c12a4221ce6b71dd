"""Floor 3: the Tensor namespace: the vocabulary of `arrays.cpu`, on Tensors.

Rules that run in it are recorded, which gives derivatives of every order. It is also what
`Tensor.__array_namespace__()` returns. Names are added here by families, one line each.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..autograd import engine
from ..autograd.tensor import Tensor, wrap
from ..ops import batching_rules, lifting, trigonometric  # noqa: F401 - how operations act inside transforms
from . import (
    activation,
    aggregates,
    bitwise,
    comparison,
    complex,
    elementwise,
    functions,
    kernels,
    placement,
    power,
    rounding,
    selection,
    special,
    unary,
)
from .operators import binary_operator


def lift(value: Any) -> Any:
    """Arrays that a rule kept as constants become Tensors."""
    return wrap(value) if isinstance(value, (np.ndarray, np.generic)) else value


def conj(x: Tensor) -> Tensor:
    """The complex conjugate; most tensors are real, and rules ask at every product."""
    return complex.conj_physical(x) if x._data.dtype.kind == "c" else x


class Namespace:
    """Holds the functions; a missing name says which one a rule asked for."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"the Tensor namespace has no {name!r}: a rule used a name of the CPU namespace that "
            "api/namespace.py does not map to an operation yet"
        )


tensors = Namespace()
tensors.__dict__.update(placement.VOCABULARY)
tensors.__dict__.update(aggregates.VOCABULARY)
tensors.__dict__.update(
    # The operators, whose fast path the functions do not have: derivatives of derivatives need it.
    add=operator.add,
    subtract=operator.sub,
    multiply=operator.mul,
    divide=operator.truediv,
    negative=operator.neg,
)
# Elementwise functions whose name in the namespace is torch's too.
for _module, _names in (
    (
        elementwise,
        "abs exp exp2 expm1 log log2 log10 log1p sqrt rsqrt reciprocal sin cos tan asin acos atan "
        "sinh cosh tanh asinh acosh atanh sinc sgn sign",
    ),
    (power, "pow square"),
    (rounding, "floor ceil trunc round fmod remainder floor_divide trunc_divide nextafter frexp"),
    (complex, "real imag angle complex view_as_real view_as_complex"),
    (functions, "positive atan2 hypot logaddexp logaddexp2 copysign"),
    (comparison, "logical_and logical_or logical_xor logical_not isnan isinf isfinite"),
    (bitwise, "bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift"),
    (activation, "sigmoid softplus"),
    (
        special,
        "erf erfc erfcx erfinv lgamma digamma polygamma ndtr log_ndtr ndtri i0 i0e i1 i1e zeta "
        "xlogy xlog1py",
    ),
    (selection, "where keep linked fmax fmin nan_to_num"),
):
    tensors.__dict__.update({name: getattr(_module, name) for name in _names.split()})
tensors.__dict__.update(
    equal=comparison.eq,
    not_equal=comparison.ne,
    less=comparison.lt,
    less_equal=comparison.le,
    greater=comparison.gt,
    greater_equal=comparison.ge,
    bitwise_invert=bitwise.bitwise_not,
    conj=conj,
    tanh_slope=binary_operator(trigonometric.tanh_slope, trigonometric.tanh_slope, "tanh_slope"),
    one_minus_square=unary.fast_or_general(trigonometric.one_minus_square),
    quotient=operator.truediv,
    over_gap=operator.truediv,
    difference=operator.sub,
    shares=lambda x, total, *, axis: elementwise.exp(x - total),
    maximum=selection.larger,
    minimum=selection.smaller,
    gammainc=special.igamma,
    gammaincc=special.igammac,
    inf=math.inf,
    nan=math.nan,
    pi=math.pi,
    e=math.e,
)
tensors.__dict__.update(kernels.VOCABULARY)
engine._tensor_namespace[:] = [tensors]


def __array_namespace__(self: Tensor, *, api_version: str | None = None) -> Namespace:
    """The Array API namespace of Tensors."""
    return tensors


Tensor.__array_namespace__ = __array_namespace__  # type: ignore[attr-defined]
