"""Floor 3: sums, means, products and variances over dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import dtypes
from ..arrays.dtypes import NP_FLOAT32, NP_FLOAT64
from ..autograd import modes
from ..autograd.tensor import Tensor, wrap
from ..autograd.views import own
from ..ops import reduction as ops
from .casting import cast_to
from .creation import check_tensor, shape_of
from .dims import canonical_dim, canonical_dims
from .examples import on_values
from .promotion import to_float
from .registration import public


def check_keepdim(keepdim: Any, name: str) -> None:
    """TypeError unless `keepdim` is a bool."""
    if keepdim is not True and keepdim is not False:
        raise TypeError(f"{name}(): argument 'keepdim' must be bool, not {type(keepdim).__name__}")


def converted(input: Tensor, dtype: Any) -> Tensor:
    """`input` as `dtype`, unless that is None."""
    if dtype is None:
        return input
    return cast_to(input, dtypes.as_dtype(dtype).numpy)


def require_inexact(input: Tensor, name: str) -> None:
    """RuntimeError unless the dtype is floating or complex."""
    d = input.dtype
    if d.category < dtypes.FLOATING:
        raise RuntimeError(
            f"{name}(): could not infer output dtype. Input dtype must be either a floating point "
            f"or complex dtype. Got: {d.short}; convert with .float(), or pass dtype="
        )


@public("sum")
def sum_(
    input: Any,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Any = None,
    keepdims: bool = False,
) -> Tensor:
    """Sum of all elements, or over `dim` (an int or several). Integers and bools give int64.

    >>> torch.sum(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=0)
    tensor([4., 6.])
    """
    if dim is None and axis is None and dtype is None and not keepdim and not keepdims:
        if not isinstance(input, Tensor):
            check_tensor(input, "sum")
        d = input._data.dtype
        if d is NP_FLOAT32 or d is NP_FLOAT64:
            return ops.sum_.run_one(input)
        return ops.sum_(input)
    check_tensor(input, "sum")
    check_keepdim(keepdim, "sum")
    input = converted(input, dtype)
    dims = canonical_dims(axis if dim is None else dim, input._data.ndim, "sum")
    keepdim = keepdim or keepdims
    if dtype is not None and input._data.dtype.kind in "biu":  # the promised type, not int64
        return cast_to(ops.sum_dim(input, dim=dims, keepdim=keepdim), input._data.dtype)
    if dims is None and not keepdim:
        return ops.sum_(input)
    return ops.sum_dim(input, dim=dims, keepdim=keepdim)


@public("mean")
def mean(
    input: Any,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Any = None,
    keepdims: bool = False,
) -> Tensor:
    """Arithmetic mean of all elements, or over `dim`; of floating or complex tensors.

    >>> torch.mean(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=1)
    tensor([1.5000, 3.5000])
    """
    if dim is None and axis is None and dtype is None and not keepdim and not keepdims:
        check_tensor(input, "mean")
        d = input._data.dtype
        if d is NP_FLOAT32 or d is NP_FLOAT64:
            return ops.mean.run_one(input)
    check_tensor(input, "mean")
    check_keepdim(keepdim, "mean")
    input = converted(input, dtype)
    require_inexact(input, "mean")
    dims = canonical_dims(axis if dim is None else dim, input._data.ndim, "mean")
    keepdim = keepdim or keepdims
    if dims is None and not keepdim:
        return ops.mean(input)
    return ops.mean_dim(input, dim=dims, keepdim=keepdim)


@public("prod")
def prod(
    input: Tensor,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Any = None,
    keepdims: bool = False,
) -> Tensor:
    """Product of all elements, or along `dim` (one int). Integers and bools give int64.

    >>> torch.prod(torch.tensor([2.0, 3.0, 4.0]))
    tensor(24.)
    """
    check_tensor(input, "prod")
    check_keepdim(keepdim, "prod")
    input = converted(input, dtype)
    dim = axis if dim is None else dim
    if dim is None:
        result = ops.prod(input)
    else:
        if isinstance(dim, (tuple, list)):
            raise TypeError(f"prod(): argument 'dim' must be int, not {type(dim).__name__}")
        dim = canonical_dim(dim, input._data.ndim, "prod")
        if input._data.ndim == 0:
            result = ops.prod(input)
        else:
            result = ops.prod_dim(input, dim=dim, keepdim=keepdim or keepdims)
    return result if dtype is None else cast_to(result, input._data.dtype)


def _spread_arguments(
    input: Tensor,
    dim: Any,
    unbiased: Any,
    keepdim: Any,
    correction: Any,
    axis: Any,
    name: str,
) -> dict[str, Any]:
    """The forms of std and var: (unbiased), (dim, unbiased, keepdim), (dim, correction=...)."""
    check_tensor(input, name)
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if unbiased is not None and correction is not None:
        raise TypeError(
            f"{name}() received an invalid combination of arguments: give `correction` or "
            "`unbiased`, not both"
        )
    if input.dtype.category < dtypes.FLOATING:
        raise RuntimeError(
            f"{name}: std and var only support floating point and complex dtypes, but got "
            f"{input.dtype.short}; convert with .float()"
        )
    if correction is None:
        correction = 1 if unbiased is None or unbiased else 0
    dims = canonical_dims(axis if dim is None else dim, input._data.ndim, name)
    return {"dim": dims, "correction": correction, "keepdim": keepdim}


@public("var")
def var(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    axis: Any = None,
) -> Tensor:
    """Variance, sum |x - mean|² / (n - correction), of all elements or over `dim`.

    `correction` is 1 by default (`unbiased=True`).

    >>> torch.var(torch.tensor([1.0, 2.0, 4.0]))
    tensor(2.3333)
    """
    options = _spread_arguments(input, dim, unbiased, keepdim, correction, axis, "var")
    return ops.var(input, **options)


@public("std")
def std(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    axis: Any = None,
) -> Tensor:
    """Standard deviation: the root of `var`, of all elements or over `dim`.

    >>> torch.std(torch.tensor([1.0, 2.0, 4.0]))
    tensor(1.5275)
    """
    options = _spread_arguments(input, dim, unbiased, keepdim, correction, axis, "std")
    return ops.std(input, **options)


@public("var_mean", method=False)
def var_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    axis: Any = None,
) -> tuple[Tensor, Tensor]:
    """Variance and mean together.

    >>> torch.var_mean(torch.tensor([1.0, 2.0, 4.0]))
    (tensor(2.3333), tensor(2.3333))
    """
    options = _spread_arguments(input, dim, unbiased, keepdim, correction, axis, "var_mean")
    found: tuple[Tensor, Tensor] = ops.var_mean(input, **options)
    return found


@public("std_mean", method=False)
def std_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    axis: Any = None,
) -> tuple[Tensor, Tensor]:
    """Standard deviation and mean together.

    >>> torch.std_mean(torch.tensor([1.0, 3.0]), correction=0)
    (tensor(1.), tensor(2.))
    """
    options = _spread_arguments(input, dim, unbiased, keepdim, correction, axis, "std_mean")
    found: tuple[Tensor, Tensor] = ops.std_mean(input, **options)
    return found


@public("nansum")
def nansum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Sum in which nan counts as 0, of all elements or over `dim`.

    >>> torch.nansum(torch.tensor([1.0, float("nan"), 2.0]))
    tensor(3.)
    """
    check_tensor(input, "nansum")
    if input._data.dtype.kind == "c":
        raise RuntimeError("nansum on CPU does not support complex inputs; sum .real and .imag")
    if input._data.dtype.kind in "biu":
        return sum_(input, dim, keepdim, dtype=dtype)
    input = converted(input, dtype)
    dims = canonical_dims(dim, input._data.ndim, "nansum")
    return ops.nansum(input, dim=dims, keepdim=keepdim)


@public("nanmean")
def nanmean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Mean of what is not nan, of all elements or over `dim`.

    >>> torch.nanmean(torch.tensor([1.0, float("nan"), 2.0]))
    tensor(1.5000)
    """
    check_tensor(input, "nanmean")
    require_inexact(input, "nanmean")
    count = sum_(input.isnan().logical_not(), dim, keepdim)
    return nansum(input, dim, keepdim, dtype=dtype) / count


@public("logsumexp")
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x))) over `dim`, without overflow.

    >>> torch.logsumexp(torch.tensor([0.0, 0.0]), 0)
    tensor(0.6931)
    """
    input = to_float(input, "logsumexp")
    dims = canonical_dims(dim, input._data.ndim, "logsumexp")
    return ops.logsumexp(input, dim=dims, keepdim=keepdim)


@public("count_nonzero")
def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """The number of elements that are not 0, of all or over `dim`.

    >>> torch.count_nonzero(torch.tensor([0.0, 1.0, 2.0]))
    tensor(2)
    """
    check_tensor(input, "count_nonzero")
    dims = canonical_dims(dim, input._data.ndim, "count_nonzero")
    return on_values(lambda n, x: np.add.reduce(x != 0, _past(dims, n, x.ndim), np.int64), input)


def _past(dims: Any, n: int, ndim: int) -> Any:
    """Dimensions (None: all) past n hidden axes."""
    if not n:
        return dims
    return tuple(range(n, ndim)) if dims is None else tuple([d + n for d in dims])


def _quantifier(name: str, ufunc: Any, doc: str) -> Any:
    def reduce(
        input: Tensor,
        dim: Any = None,
        keepdim: bool = False,
        *,
        axis: Any = None,
        keepdims: bool = False,
    ) -> Tensor:
        check_tensor(input, name)
        array = input._data
        dim = axis if dim is None else dim
        dims: Any = canonical_dims(dim, array.ndim, name)
        if dims is None and dim is not None:
            dims = ()  # torch: no dims reduce nothing here
        # torch keeps uint8, its bool of old
        kept = np.uint8 if array.dtype == np.uint8 else None

        def over(n: int, x: Any) -> Any:
            found = ufunc.reduce(x != 0, _past(dims, n, x.ndim), bool, None, keepdim or keepdims)
            return np.asarray(found, kept)

        return on_values(over, input) if modes.lifted else wrap(over(0, array))

    reduce.__name__ = reduce.__qualname__ = name
    reduce.__doc__ = doc
    return public(name)(reduce)


all_ = _quantifier(
    "all",
    np.logical_and,
    "Whether all elements are true (not 0), of the tensor or over `dim`.\n\n"
    ">>> torch.all(torch.tensor([[1, 0], [2, 3]]), dim=1)\ntensor([False,  True])",
)
any_ = _quantifier(
    "any",
    np.logical_or,
    "Whether any element is true (not 0), of the tensor or over `dim`.\n\n"
    ">>> torch.any(torch.tensor([[1, 0], [0, 0]]), dim=1)\ntensor([ True, False])",
)


@public("sum_to_size", function=False)
def sum_to_size(input: Tensor, *size: Any) -> Tensor:
    """Sum over the dimensions that broadcasting from `size` would have added or stretched.

    >>> torch.ones(2, 3).sum_to_size(3)
    tensor([2., 2., 2.])
    """
    shape, wanted = input._data.shape, shape_of(size, "sum_to_size")
    extra = len(shape) - len(wanted)
    kept = shape[extra:]
    if extra < 0 or any(w not in (1, n) for w, n in zip(wanted, kept)):
        raise RuntimeError(f"size {list(wanted)} is not expandable to size {list(shape)}.")
    stretched = [extra + i for i, (w, n) in enumerate(zip(wanted, kept)) if w != n]
    dims = [*range(extra), *stretched]
    if input._data.dtype.kind in "biu" and not shape:
        return sum_(input)  # torch sums a 0-d tensor too, which makes it int64
    return own(sum_(input, dims, True).reshape(wanted)) if dims else input
