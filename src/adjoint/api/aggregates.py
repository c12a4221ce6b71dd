"""Floor 3: the vocabulary of reductions, scans, sorting and creation on Tensors.

The Array API's spellings (`axis=`, `keepdims=`) of torch's functions, as rules call them;
`namespace` takes it over.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import dtypes, strides
from ..autograd.lifted import layout_of
from ..autograd.tensor import Tensor, wrap
from ..ops import conversion, scan, shape, softmax, sorting
from ..ops import reduction as ops
from ..ops.norm import linalg_vector_norm
from ..ops.svd import svd
from . import creation, extremes, joining, ranges, reduction
from .casting import cast_to
from .literals import numpy_dtype


def _tensor(value: Any) -> Tensor:
    """Places that a rule kept are Tensors already; those it worked out may be arrays."""
    return value if isinstance(value, Tensor) else wrap(value)


def _dims(axis: Any) -> Any:
    """Axes as the operations take them: None or a tuple."""
    return (axis,) if isinstance(axis, int) else axis


def _reduced(f: Any) -> Any:
    """`f(x, dim, keepdim)` with the Array API's names."""

    def reduce(x: Tensor, *, axis: Any = None, keepdims: bool = False) -> Any:
        return f(x, axis, keepdims)

    reduce.__name__ = f.__name__
    return reduce


def sum(x: Any, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """Sum over `axis` (None: all)."""
    return reduction.sum_(_tensor(x), axis, keepdims, dtype=dtype)


def prod(x: Tensor, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """Product over `axis` (None: all)."""
    if isinstance(axis, tuple):
        for a in sorted((a % x._data.ndim for a in axis), reverse=True):
            x = reduction.prod(x, a, keepdims, dtype=dtype)
        return x
    return reduction.prod(x, axis, keepdims, dtype=dtype)


def spread(x: Any, shape_: Any) -> Tensor:
    """`x` broadcast to a shape: the transpose of a sum, straight to the operation."""
    x = _tensor(x)
    return shape.expand.run_view(x, strides.broadcast_to(layout_of(x), shape_), {"shape": shape_})


def variance(
    x: Tensor, *, axis: Any = None, correction: float = 1, keepdims: bool = False
) -> Tensor:
    """sum |x - mean|² / (n - correction)."""
    return reduction.var(x, axis, keepdim=keepdims, correction=correction)


def std(x: Tensor, *, axis: Any = None, correction: float = 0, keepdims: bool = False) -> Tensor:
    """The Array API's standard deviation (correction 0)."""
    return reduction.std(x, axis, keepdim=keepdims, correction=correction)


def var(x: Tensor, *, axis: Any = None, correction: float = 0, keepdims: bool = False) -> Tensor:
    """The Array API's variance (correction 0)."""
    return reduction.var(x, axis, keepdim=keepdims, correction=correction)


def vector_norm(
    x: Tensor,
    *,
    ord: float = 2,
    axis: Any = None,
    keepdims: bool = False,
) -> Tensor:
    """(sum |x|^ord)^(1/ord) over `axis`."""
    return linalg_vector_norm(x, ord=ord, dim=_dims(axis), keepdim=keepdims)


def logsumexp(x: Tensor, *, axis: Any, keepdims: bool = False) -> Tensor:
    """log(sum(exp(x))) over `axis`."""
    return ops.logsumexp(x, dim=_dims(axis), keepdim=keepdims)


def cumulative_sum(
    x: Tensor, *, axis: int = 0, dtype: Any = None, include_initial: bool = False
) -> Tensor:
    """Running sum; with `include_initial` a 0 comes first."""
    return _started(scan.cumsum, x, 0, axis, dtype, include_initial)


def cumulative_prod(
    x: Tensor, *, axis: int = 0, dtype: Any = None, include_initial: bool = False
) -> Tensor:
    """Running product; with `include_initial` a 1 comes first."""
    return _started(scan.cumprod, x, 1, axis, dtype, include_initial)


def _started(
    operation: Any, x: Tensor, start: int, axis: int, dtype: Any, include_initial: bool
) -> Tensor:
    axis %= x._data.ndim
    result: Tensor = operation(x if dtype is None else astype(x, dtype), dim=axis)
    if not include_initial:
        return result
    first = list(result._data.shape)
    first[axis] = 1
    return joining.cat([wrap(np.full(first, start, result._data.dtype)), result], axis)


def cumulative_extreme(x: Tensor, *, axis: int, largest: bool) -> Any:
    """Running maximum or minimum, and where it was met."""
    return (scan.cummax if largest else scan.cummin)(x, dim=axis)


def linear_recurrence(a: Any, b: Any, *, axis: int) -> Tensor:
    """y[k] = a[k] y[k-1] + b[k]."""
    return scan.linear_recurrence(_tensor(a), _tensor(b), dim=axis)


def logcumsumexp(x: Tensor, *, axis: int) -> Tensor:
    """Running log-sum-exp."""
    return scan.logcumsumexp(x, dim=axis)


def softmax_(x: Tensor, *, axis: int) -> Tensor:
    """exp(x) / sum(exp(x))."""
    return softmax.softmax(x, dim=axis)


def log_softmax(x: Tensor, *, axis: int) -> Tensor:
    """x - log(sum(exp(x)))."""
    return softmax.log_softmax(x, dim=axis)


def place_along_axis(
    values: Any, indices: Any, *, axis: int, size: int, accumulate: bool = False
) -> Tensor:
    """Zeros with values at indices."""
    return sorting.place_along_axis(
        _tensor(values), _tensor(indices), axis=axis, size=size, accumulate=accumulate
    )


def sort(x: Tensor, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """Elements in order."""
    return sorting.sort(x, dim=axis % x._data.ndim, descending=descending)[0]


def argsort(x: Tensor, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The indices that sort."""
    return sort_index(x, axis=axis % x._data.ndim, descending=descending)


def sort_index(x: Tensor, *, axis: int, descending: bool = False) -> Tensor:
    """The indices that sort, `axis` non-negative."""
    return sorting.sort(x.detach(), dim=axis, descending=descending)[1]


def median(x: Tensor, *, ignore_nan: bool = False) -> Tensor:
    """The lower median of all elements."""
    return (sorting.nanmedian if ignore_nan else sorting.median)(x)


def astype(x: Any, dtype: Any, *, copy: bool = True) -> Tensor:
    """Another dtype, by a NumPy or torch dtype."""
    return cast_to(_tensor(x), numpy_dtype(dtype))


def asarray(obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Tensor:
    """A Tensor of data; a copy if asked."""
    if isinstance(obj, Tensor):
        return obj.to(device=device, dtype=dtype, copy=bool(copy))
    return creation.asarray(obj, dtype=dtype, device=device, copy=copy)


def copy_in_order(x: Tensor, order: tuple[int, ...]) -> Tensor:
    """A copy with its dimensions in the given order in memory."""
    return conversion.clone(x, order=order)


def _filled(f: Any) -> Any:
    """A creation function that also takes NumPy's dtypes, and ints for one dimension."""

    def create(shape: Any, *values: Any, dtype: Any = None, device: Any = None) -> Any:
        size = (shape,) if isinstance(shape, int) else tuple(shape)
        wanted = None if dtype is None else dtypes.as_dtype(dtype)
        return f(size, *values, dtype=wanted, device=device)

    create.__name__ = f.__name__
    return create


VOCABULARY: dict[str, Any] = {
    f.__name__.rstrip("_"): f
    for f in (
        sum, prod, spread, variance, std, var, vector_norm, logsumexp, cumulative_sum,
        cumulative_prod, cumulative_extreme, linear_recurrence, logcumsumexp, softmax_, log_softmax,
        place_along_axis, sort, argsort, sort_index, median, astype, asarray, copy_in_order,
    )
}  # fmt: skip
VOCABULARY.update(
    mean=_reduced(reduction.mean),
    max=_reduced(extremes.amax),
    min=_reduced(extremes.amin),
    all=_reduced(reduction.all_),
    any=_reduced(reduction.any_),
    argmax=_reduced(extremes.argmax),
    argmin=_reduced(extremes.argmin),
    eye=ranges.eye,
    svd=svd,
    zeros=_filled(creation.zeros),
    ones=_filled(creation.ones),
    empty=_filled(creation.empty),
    full=_filled(creation.full),
    zeros_like=creation.zeros_like,
    ones_like=creation.ones_like,
    empty_like=creation.empty_like,
    full_like=creation.full_like,
)
