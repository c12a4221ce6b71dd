"""Floor 0: the CPU namespace: what the rules of operations call `xp` when they compute.

The vocabulary is the Array API standard's, from NumPy, with the extensions that operations need.
A name that is used by a rule has to exist in every namespace.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import (
    abs,  # noqa: A004
    add,
    all,  # noqa: A004
    any,  # noqa: A004
    arange,
    argmax,
    argmin,
    argsort,
    asarray,
    astype,
    atan2,
    bitwise_and,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    broadcast_to,
    ceil,
    concat,
    copysign,
    cos,
    cosh,
    cumulative_prod,
    cumulative_sum,
    divide,
    einsum,
    empty,
    equal,
    exp,
    expand_dims,
    expm1,
    eye,
    flip,
    floor,
    floor_divide,
    full,
    full_like,
    greater,
    greater_equal,
    hypot,
    imag,
    inf,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    matrix_transpose,
    maximum,
    minimum,
    moveaxis,
    multiply,
    nan,
    negative,
    nonzero,
    not_equal,
    ones,
    ones_like,
    permute_dims,
    pi,
    positive,
    prod,
    real,
    remainder,
    repeat,
    reshape,
    roll,
    searchsorted,
    sign,
    signbit,
    sin,
    sinh,
    sort,
    sqrt,
    square,
    squeeze,
    stack,
    std,
    subtract,
    take,
    take_along_axis,
    tan,
    tanh,
    tensordot,
    tile,
    tril,
    triu,
    trunc,
    var,
    vecdot,
    where,
    zeros,
    zeros_like,
)
from numpy import arccos as acos
from numpy import arccosh as acosh
from numpy import arcsin as asin
from numpy import arcsinh as asinh
from numpy import arctan as atan
from numpy import arctanh as atanh
from numpy import power as pow  # noqa: A004
from numpy import rint as round  # noqa: A004

from .products import conj, cross, linear, matmul

from .reductions import (
    max,  # noqa: A004
    mean,
    min,  # noqa: A004
    place_along_axis,
    spread,
    sum,  # noqa: A004
    vector_norm,
)


def scipy_special(name: str) -> Any:
    """A function of scipy.special; SciPy is imported when the first one is needed."""
    import scipy.special

    return getattr(scipy.special, name)


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), without overflow on either side."""
    if x.dtype.kind == "c":
        return 1 / (1 + np.exp(-x))
    half = np.asarray(0.5, x.dtype)
    return half * (np.tanh(half * x) + 1)
