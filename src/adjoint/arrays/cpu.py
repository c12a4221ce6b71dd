"""Floor 0: the CPU namespace: what the rules of operations call `xp` when they compute.

The vocabulary is the Array API standard's, from NumPy, with the extensions that operations need.
A name that is used by a rule has to exist in every namespace.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import (
    abs,
    add,
    all,
    any,
    arange,
    argmax,
    argmin,
    argsort,
    asarray,
    atan2,
    bitwise_and,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    concat,
    copysign,
    cos,
    cosh,
    divide,
    einsum,
    empty,
    equal,
    exp,
    exp2,
    expm1,
    eye,
    floor_divide,
    fmax,
    fmin,
    fmod,
    frexp,
    full,
    full_like,
    gcd,
    greater,
    greater_equal,
    hypot,
    imag,
    inf,
    isfinite,
    isinf,
    isnan,
    lcm,
    less,
    less_equal,
    log,
    log1p,
    log2,
    logaddexp2,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    maximum,
    minimum,
    moveaxis,
    multiply,
    nan,
    negative,
    nextafter,
    nonzero,
    not_equal,
    ones,
    ones_like,
    pi,
    positive,
    real,
    remainder,
    repeat,
    roll,
    searchsorted,
    signbit,
    sin,
    sinh,
    sort,
    sqrt,
    square,
    std,
    subtract,
    take,
    take_along_axis,
    tan,
    tanh,
    tensordot,
    tile,
    var,
    vecdot,
    zeros,
    zeros_like,
)
from numpy import arccos as acos
from numpy import arccosh as acosh
from numpy import arcsin as asin
from numpy import arcsinh as asinh
from numpy import arctan as atan
from numpy import arctanh as atanh

from .convolution import convolve, convolve_input_transpose, convolve_weight_transpose
from .decompositions import svd
from .elementwise import (
    angle,
    ceil,
    complex,
    floor,
    keep,
    linked,
    log10,
    logaddexp,
    nan_to_num,
    one_minus_square,
    pow,
    round,
    rsqrt,
    sgn,
    sigmoid,
    sign,
    sinc,
    softplus,
    tanh_slope,
    trunc,
    trunc_divide,
    view_as_complex,
    view_as_real,
    where,
    xlog1py,
    xlogy,
)
from .factorizations import (
    cholesky,
    cofactors,
    det,
    eigh,
    inv,
    matrix_exp,
    pinv,
    qr,
    slogdet,
    solve,
)
from .indexing import (
    gather,
    index,
    index_put,
    scatter,
    scatter_add,
    scatter_extreme,
    scatter_multiply,
    unindex,
)
from .layout import copy_in_order
from .limits import difference, over_gap, quotient, shares
from .losses import softmax_cross_entropy
from .normalization import (
    normalize_cotangent,
    normalize_moments,
    normalize_weight_cotangent,
)
from .ordering import kth_index, median, median_index, mode_index, sort_index, top_index
from .padding import pad_constant, pad_edges, pad_edges_transpose
from .pooling import average_pool, average_pool_transpose, max_pool, pool_put, pool_take
from .products import conj, cross, linear, matmul
from .reductions import (
    max,
    mean,
    min,
    place_along_axis,
    prod,
    spread,
    sum,
    variance,
    vector_norm,
)
from .rows import add_at_class, add_rows, pick_class, put_class, rows
from .scans import (
    cumulative_extreme,
    cumulative_prod,
    cumulative_sum,
    linear_recurrence,
    logcumsumexp,
)
from .softmax import log_softmax, logsumexp, softmax
from .special import (
    digamma,
    erf,
    erfc,
    erfcx,
    erfinv,
    gammainc,
    gammaincc,
    i0,
    i0e,
    i1,
    i1e,
    lgamma,
    log_ndtr,
    ndtr,
    ndtri,
    polygamma,
    zeta,
)
from .strides import (
    as_strided,
    broadcast_to,
    contiguous,
    diagonal,
    embed,
    embed_diagonal,
    embed_strided,
    expand_dims,
    flip,
    fold_windows,
    matrix_transpose,
    permute_dims,
    replace,
    replace_diagonal,
    reshape,
    rot90,
    squeeze,
    stack,
    swapaxes,
    tril,
    triu,
    unfold,
)


def scipy_special(name: str) -> Any:
    """A function of scipy.special; SciPy is imported when the first one is needed."""
    import scipy.special

    return getattr(scipy.special, name)


def astype(x: Any, dtype: Any) -> Any:
    """A copy of `x` in another dtype.

    Not NumPy's function: a warning about nan made an integer is then ours, and dropped.
    """
    if x.dtype.kind == "c" and np.dtype(dtype).kind not in "cb":
        x = x.real  # as NumPy does, which warns of it; adjoint warned already
    return x.astype(dtype)
