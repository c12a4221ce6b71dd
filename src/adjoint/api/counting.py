"""Floor 3: distinct values, counts and bins. None of these has a derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import dtypes
from ..arrays.checks import is_any, is_outside
from ..autograd.tensor import Tensor, wrap
from .creation import check_tensor
from .dims import canonical_dim
from .examples import each_example, of_dynamic_shape
from .extremes import require_ordered
from .promotion import Number
from .registration import FUNCTIONS, public
from .results import result_type_of


@public("unique")
@of_dynamic_shape
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: Any = None,
) -> Any:
    """Distinct elements (or slices along `dim`) in order; nan differs from nan.

    With `return_inverse` also where each element is in the result, with `return_counts` how often
    it occurs.

    >>> torch.unique(torch.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    check_tensor(input, "unique")
    require_ordered(input, "unique")
    array = input._data
    axis = None if dim is None else canonical_dim(dim, array.ndim, "unique")
    found, inverse, counts = np.unique(
        array, return_inverse=True, return_counts=True, axis=axis, equal_nan=False
    )
    inverse = inverse.reshape(array.shape if axis is None else -1)
    return _parts(found, inverse, counts, return_inverse, return_counts)


@public("unique_consecutive")
@of_dynamic_shape
def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: Any = None
) -> Any:
    """The first element (or slice along `dim`) of every run of equal ones.

    >>> torch.unique_consecutive(torch.tensor([1, 1, 2, 1]))
    tensor([1, 2, 1])
    """
    check_tensor(input, "unique_consecutive")
    array = input._data
    if dim is None:
        rows = array.reshape(-1)
    else:
        rows = np.moveaxis(array, canonical_dim(dim, array.ndim, "unique_consecutive"), 0)
    starts = np.ones(len(rows), bool)
    differs = rows[1:] != rows[:-1]
    starts[1:] = differs.reshape(len(differs), -1).any(1) if len(differs) else differs.any()
    inverse = np.cumsum(starts) - 1
    counts = np.diff(np.append(np.flatnonzero(starts), len(rows)))
    found = rows[starts]
    if dim is None:
        inverse = inverse.reshape(array.shape)
    else:
        found = np.moveaxis(found, 0, canonical_dim(dim, array.ndim))
    return _parts(found, inverse, counts, return_inverse, return_counts)


def _parts(found: Any, inverse: Any, counts: Any, want_inverse: bool, want_counts: bool) -> Any:
    results = [wrap(found)]
    if want_inverse:
        results.append(wrap(inverse))
    if want_counts:
        results.append(wrap(counts))
    return tuple(results) if len(results) > 1 else results[0]


@public("bincount")
@of_dynamic_shape
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, 2 ... occurs in a 1-d integer tensor, or the sum of its weights.

    >>> torch.bincount(torch.tensor([0, 2, 2]))
    tensor([1, 0, 2])
    """
    check_tensor(input, "bincount")
    array = input._data
    if array.dtype.kind not in "iu":
        raise NotImplementedError(
            f"\"bincount_cpu\" not implemented for '{input.dtype.short}': it counts non-negative "
            "integers; convert with .long()"
        )
    if array.ndim != 1 or is_any(array < 0):
        raise RuntimeError(
            "bincount only supports 1-d non-negative integral inputs, but got shape "
            f"{list(array.shape)}" + (" with negative values" if is_any(array < 0) else "")
        )
    if minlength < 0:
        raise RuntimeError(f"minlength should be >= 0, but got {minlength}")
    if weights is None:
        return wrap(np.bincount(array, minlength=minlength).astype(np.int64, copy=False))
    if weights._data.shape != array.shape:
        raise RuntimeError(
            "weights should be 1-d and have the same length as input: got "
            f"{list(weights._data.shape)} for {list(array.shape)}"
        )
    counts = np.bincount(array, weights._data, minlength)
    single = weights.dtype is dtypes.float32
    return wrap(counts.astype(np.float32 if single else np.float64, copy=False))


@public("histc")
@each_example
def histc(input: Tensor, bins: int = 100, min: Any = 0, max: Any = 0) -> Tensor:
    """Counts in `bins` equal intervals from `min` to `max`; when both are equal, of the data.

    >>> torch.histc(torch.tensor([1.0, 2.0, 2.5]), bins=2, min=1, max=3)
    tensor([1., 2.])
    """
    check_tensor(input, "histc")
    if input._data.dtype.kind not in "fV":
        raise NotImplementedError(
            f"\"histogram_cpu\" not implemented for '{input.dtype.short}'; convert with .float()"
        )
    edges = _edges(input._data, bins, min, max, 1, "histc")
    counts = np.histogram(input._data.astype(np.float64), edges)[0]
    return wrap(counts.astype(input._data.dtype))


def _edges(array: Any, bins: int, low: Any, high: Any, margin: float, name: str) -> Any:
    """Ends of equal intervals, widened where they would be empty."""
    if bins <= 0:
        raise RuntimeError(f"torch.{name}: bins must be > 0, but got {bins}")
    low, high = float(low), float(high)
    if low == high and array.size:
        low, high = float(array.min()), float(array.max())
    if low == high:
        low, high = low - margin, high + margin
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"range of [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError(f"torch.{name}: max must be larger than min, but got [{low}, {high}]")
    return np.linspace(low, high, bins + 1)


@public("searchsorted", method=False)
@each_example
def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Where to insert each value of `input` in the sorted last dimension of `sorted_sequence`.

    Before equal elements, or after them with `right=True` (`side="right"`).

    >>> torch.searchsorted(torch.tensor([1, 3, 5]), torch.tensor([3, 4]))
    tensor([1, 2])
    """
    check_tensor(sorted_sequence, "searchsorted")
    if side not in (None, "left", "right"):
        raise RuntimeError(
            f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}"
        )
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left "
            "while right was True"
        )
    require_ordered(sorted_sequence, "searchsorted")
    sequence = sorted_sequence._data
    values = input._data if isinstance(input, Tensor) else np.asarray(input)
    if sequence.ndim != 1 and (values.ndim == 0 or values.shape[:-1] != sequence.shape[:-1]):
        kind = "a scalar" if values.ndim == 0 else f"of shape {list(values.shape)}"
        raise RuntimeError(
            f"torch.searchsorted(): input value can be {kind} only when boundaries tensor "
            f"dimension is 1, but we got boundaries tensor {list(sequence.shape)}"
        )
    if sorter is not None:
        sequence = np.take_along_axis(sequence, sorter._data, -1)
    where = "right" if right or side == "right" else "left"
    found = _search(sequence, values, where)
    return wrap(np.asarray(found).astype(np.int32 if out_int32 else np.int64, copy=False))


def _search(sequence: Any, values: Any, side: Any) -> Any:
    if sequence.ndim == 1:
        return np.searchsorted(sequence, values, side)
    found = np.empty(values.shape, np.int64)
    for place in np.ndindex(sequence.shape[:-1]):
        found[place] = np.searchsorted(sequence[place], values[place], side)
    return found


@public("bucketize", method=False)
def bucketize(
    input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False
) -> Tensor:
    """The number of the interval between sorted `boundaries` that each value lies in.

    >>> torch.bucketize(torch.tensor([0, 4]), torch.tensor([1, 3, 5]))
    tensor([0, 2])
    """
    if not isinstance(input, (Tensor, *Number)):
        raise TypeError(f"bucketize(): input must be Tensor or Number, not {type(input).__name__}")
    if boundaries._data.ndim != 1:
        raise RuntimeError(
            f"boundaries tensor must be 1 dimension, but got dim({boundaries._data.ndim})"
        )
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


@public("isin", method=False)
@each_example
def isin(
    elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False
) -> Tensor:
    """Whether each element is among `test_elements` (or, with `invert`, is not).

    >>> torch.isin(torch.tensor([1, 2, 3]), torch.tensor([2]))
    tensor([False,  True, False])
    """
    values, among = (
        e._data if isinstance(e, Tensor) else np.asarray(e) for e in (elements, test_elements)
    )
    return wrap(np.isin(values, among, assume_unique=assume_unique, invert=invert))


@each_example
def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """The coordinates, in a tensor of a shape, of indices into the flattened tensor.

    >>> torch.unravel_index(torch.tensor([4]), (2, 3))
    (tensor([1]), tensor([1]))
    """
    if indices._data.dtype.kind not in "iu":
        raise ValueError(f"expected 'indices' to be integer tensor, but got {indices.dtype}")
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    total = int(np.prod(sizes))
    if is_outside(indices._data, -total, total):
        raise ValueError(f"unravel_index: an index is out of range for shape {list(sizes)}")
    return tuple(wrap(c) for c in np.unravel_index(indices._data % max(total, 1), sizes))


FUNCTIONS["unravel_index"] = unravel_index
HistogramResult = result_type_of("histogram", ("hist", "bin_edges"))


@public("histogram")
@each_example
def histogram(
    input: Tensor,
    bins: Any,
    *,
    range: Any = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Any:
    """Counts (or sums of weights) between bin edges, as (hist, bin_edges).

    bins: a number of equal intervals over `range` (by default of the data), or a tensor of edges.
    density: the counts divided by their sum and by the widths.

    >>> torch.histogram(torch.tensor([1.0, 2.0, 2.5]), bins=2, range=(1.0, 3.0)).hist
    tensor([1., 2.])
    """
    check_tensor(input, "histogram")
    array = input._data
    if array.dtype.kind not in "fV":
        raise NotImplementedError(
            f"\"histogram_cpu\" not implemented for '{input.dtype.short}'; convert with .float()"
        )
    if isinstance(bins, Tensor):
        edges = bins._data
    else:
        low, high = (0, 0) if range is None else range
        edges = _edges(array, bins, low, high, 0.5, "histogram").astype(array.dtype)
    weights = None if weight is None else weight._data.ravel()
    counts = np.histogram(array.ravel(), edges, weights=weights, density=density)[0]
    return HistogramResult(wrap(counts.astype(array.dtype)), wrap(edges))
