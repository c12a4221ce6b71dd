"""Floor 3: distinct values, counts and bins. None of these has a derivative."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..arrays import counts, dtypes
from ..arrays.checks import is_any, is_outside
from ..autograd.lifted import values_of
from ..autograd.tensor import Tensor, wrap
from .creation import check_tensor
from .dims import canonical_dim
from .examples import depends_on_values, mapped_levels, of_dynamic_shape, on_values
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
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, 2 ... occurs in a 1-d integer tensor, or the sum of its weights.

    Inside vmap all values have to be below `minlength`, which then is the size of the result.

    >>> torch.bincount(torch.tensor([0, 2, 2]))
    tensor([1, 0, 2])
    """
    check_tensor(input, "bincount")
    shape = input._data.shape
    if input._data.dtype.kind not in "iu":
        raise NotImplementedError(
            f"\"bincount_cpu\" not implemented for '{input.dtype.short}': it counts non-negative "
            "integers; convert with .long()"
        )
    array = values_of(input)
    if len(shape) != 1 or is_any(array < 0):
        raise RuntimeError(
            "bincount only supports 1-d non-negative integral inputs, but got shape "
            f"{list(shape)}" + (" with negative values" if is_any(array < 0) else "")
        )
    if minlength < 0:
        raise RuntimeError(f"minlength should be >= 0, but got {minlength}")
    if weights is not None and weights._data.shape != shape:
        raise RuntimeError(
            "weights should be 1-d and have the same length as input: got "
            f"{list(weights._data.shape)} for {list(shape)}"
        )
    bins = max(int(array.max()) + 1 if array.size else 0, minlength)
    if bins > minlength and mapped_levels(input):
        raise RuntimeError(depends_on_values("bincount without a minlength above all values"))
    wanted: Any = np.int64
    if weights is not None:
        wanted = np.float32 if weights.dtype is dtypes.float32 else np.float64

    def count(n: int, x: Any, *given: Any) -> Any:
        found = counts.counts_of(_rows(n, x), bins, *[_rows(n, w) for w in given])
        return found.astype(wanted, copy=False).reshape(*x.shape[:n], bins)

    return on_values(count, input, *([] if weights is None else [weights]))


@public("histc")
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
    _check_bins(bins, min, max, "histc")

    def count(n: int, x: Any) -> Any:
        rows = _rows(n, x.astype(np.promote_types(x.dtype, np.float32)))
        low, high = _limits(rows, min, max, 1)
        numbers = counts.bins_by_division(rows, low, high, bins)
        return counts.counts_of(numbers, bins).reshape(*x.shape[:n], bins).astype(x.dtype)

    return on_values(count, input)


def _rows(n: int, x: Any) -> Any:
    """All elements after the first n axes as rows, one for each example."""
    return x.reshape(prod(x.shape[:n]), prod(x.shape[n:]))


def _check_bins(bins: int, low: float, high: float, name: str) -> None:
    if bins <= 0:
        raise RuntimeError(f"torch.{name}: bins must be > 0, but got {bins}")
    _check_range(low, high)
    if low > high:
        raise RuntimeError(f"torch.{name}: max must be larger than min, but got [{low}, {high}]")


def _check_range(low: float, high: float) -> None:
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"range of [{low}, {high}] is not finite")


def _limits(rows: Any, low: Any, high: Any, margin: float) -> tuple[Any, Any]:
    """Both ends for each row (r, 1): those of its data where equal, and apart in any case."""
    of_data = low == high and rows.shape[1] > 0
    low, high = (np.full((len(rows), 1), end, rows.dtype) for end in (low, high))
    if of_data:
        low, high = rows.min(1, keepdims=True), rows.max(1, keepdims=True)
        for ends in zip(low[:, 0], high[:, 0]):
            _check_range(*ends)
    apart = (low == high) * rows.dtype.type(margin)
    return low - apart, high + apart


@public("searchsorted", method=False)
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
    values = _tensor_of(input)
    shape, wanted = sorted_sequence._data.shape, values._data.shape
    if len(shape) != 1 and (not wanted or wanted[:-1] != shape[:-1]):
        kind = f"of shape {list(wanted)}" if wanted else "a scalar"
        raise RuntimeError(
            f"torch.searchsorted(): input value can be {kind} only when boundaries tensor "
            f"dimension is 1, but we got boundaries tensor {list(shape)}"
        )
    found = _search(sorted_sequence, values, sorter, right or side == "right")
    return found.int() if out_int32 else found


def _tensor_of(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else wrap(np.asarray(value))


def _search(sequence: Tensor, values: Tensor, sorter: Tensor | None, after: bool) -> Any:
    """In one row for all, or each value in its own row."""
    order = [] if sorter is None else [sorter]
    n = sequence._data.shape[-1]
    if sequence._data.ndim == 1 and not mapped_levels(sequence, *order):
        row = values_of(sequence)
        if sorter is not None:
            row = row[values_of(sorter)]
        return on_values(lambda _, x: counts.places_in_row(row, x, after=after), values)

    def search(lead: int, rows: Any, x: Any, *order: Any) -> Any:
        if order:
            rows = np.take_along_axis(rows, order[0], -1)
        rows = rows.reshape(prod(rows.shape[:-1]), n)
        wanted = x.reshape(len(rows), x.size // max(len(rows), 1))
        return counts.insertion_places(rows, wanted, after=after).reshape(x.shape)

    return on_values(search, sequence, values, *order)


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
def isin(
    elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False
) -> Tensor:
    """Whether each element is among `test_elements` (or, with `invert`, is not).

    >>> torch.isin(torch.tensor([1, 2, 3]), torch.tensor([2]))
    tensor([False,  True, False])
    """
    values, among = _tensor_of(elements), _tensor_of(test_elements)
    if not mapped_levels(among):
        found = values_of(among)
        return on_values(lambda _, x: np.isin(x, found, assume_unique, invert), values)

    def contain(n: int, x: Any, found: Any) -> Any:
        is_in = counts.contained(_rows(n, x), _rows(n, found)).reshape(x.shape)
        return ~is_in if invert else is_in

    return on_values(contain, values, among)


def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """The coordinates, in a tensor of a shape, of indices into the flattened tensor.

    >>> torch.unravel_index(torch.tensor([4]), (2, 3))
    (tensor([1]), tensor([1]))
    """
    if indices._data.dtype.kind not in "iu":
        raise ValueError(f"expected 'indices' to be integer tensor, but got {indices.dtype}")
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    total = int(np.prod(sizes))
    if is_outside(values_of(indices), -total, total):
        raise ValueError(f"unravel_index: an index is out of range for shape {list(sizes)}")
    found: tuple[Tensor, ...] = on_values(
        lambda _, x: tuple(np.unravel_index(x % max(total, 1), sizes)), indices
    )
    return found


FUNCTIONS["unravel_index"] = unravel_index
HistogramResult = result_type_of("histogram", ("hist", "bin_edges"))


@public("histogram")
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
    if input._data.dtype.kind not in "fV":
        raise NotImplementedError(
            f"\"histogram_cpu\" not implemented for '{input.dtype.short}'; convert with .float()"
        )
    low, high = (0, 0) if range is None else range
    given = [] if weight is None else [weight]
    if isinstance(bins, Tensor):
        given.insert(0, bins)
    else:
        _check_bins(bins, low, high, "histogram")

    def count(n: int, x: Any, *more: Any) -> Any:
        rows = _rows(n, x)
        if isinstance(bins, Tensor):
            edges = _rows(n, more[0])
        else:
            ends = _limits(rows.astype(np.float64), low, high, 0.5)
            edges = np.linspace(*ends, bins + 1, axis=1)[..., 0].astype(x.dtype)
        weights = None if weight is None else _rows(n, more[-1])
        found = counts.counts_of(counts.bins_by_edges(rows, edges), edges.shape[1] - 1, weights)
        if density:
            found = found / found.sum(1, keepdims=True) / np.diff(edges)
        lead = x.shape[:n]
        hist = found.astype(x.dtype).reshape(*lead, found.shape[1])
        return hist, np.ascontiguousarray(edges).reshape(*lead, edges.shape[1])

    return HistogramResult(*on_values(count, input, *given))
