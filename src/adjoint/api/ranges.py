"""Floor 3: tensors that count: arange, linspace, eye, index grids, combinations."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from ..arrays import dtypes
from ..autograd.tensor import Tensor, wrap
from .creation import check_options, creator, finish
from .literals import numpy_dtype
from .registration import FUNCTIONS, public, write_out


def _number(value: Any, name: str) -> Any:
    """A Python number, or what a 0-d tensor holds."""
    if isinstance(value, Tensor):
        if value._data.ndim:
            raise RuntimeError(
                f"{name} only supports 0-dimensional tensors as bounds, but got one of shape "
                f"{list(value._data.shape)}"
            )
        return value.item()
    if isinstance(value, np.generic):
        return value.item()
    if not isinstance(value, (int, float, complex)):
        raise TypeError(f"{name}(): expected a Number, but got {type(value).__name__}")
    return value


def _given(array: Any, options: dict[str, Any], name: str) -> Tensor:
    """The tensor, with the remaining options of a creation function."""
    out = options.pop("out", None)
    made = finish(array, options.pop("requires_grad", False), options.pop("device", None))
    check_options(options, name)
    return made if out is None else write_out(made, out, name)


def _bounds(args: tuple[Any, ...], start: Any, end: Any, step: Any, name: str) -> tuple[Any, ...]:
    """(end), (start, end) or (start, end, step), by position or by name."""
    positions = list(args)
    if end is None and positions and (len(positions) == 1 and start is None):
        positions.insert(0, 0)
    values = dict(zip(("start", "end", "step"), positions))
    given = {"start": start, "end": end, "step": step}
    values.update({k: v for k, v in given.items() if v is not None})
    if "end" not in values or len(args) > 3:
        raise TypeError(f"{name}() takes (end), (start, end) or (start, end, step), got {args}")
    ordered = (values.get("start", 0), values["end"], values.get("step", 1))
    start, end, step = (_number(v, name) for v in ordered)
    if step == 0:
        raise RuntimeError(f"step must be nonzero ({name} from {start} to {end} got step {step})")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) / step < 0:
        raise RuntimeError(
            f"upper bound and lower bound inconsistent with step sign: from {start} to {end} by "
            f"{step}"
        )
    return start, end, step


@creator
def arange(
    *args: Any,
    start: Any = None,
    end: Any = None,
    step: Any = None,
    dtype: Any = None,
    **options: Any,
) -> Tensor:
    """start, start + step, ... below `end`. Forms: (end), (start, end), (start, end, step).

    Integer bounds give int64, others the default float.

    >>> torch.arange(1, 2.5, 0.5)
    tensor([1.0000, 1.5000, 2.0000])
    """
    start, end, step = _bounds(args, start, end, step, "arange")
    is_integer = all(isinstance(v, int) for v in (start, end, step))
    wanted = numpy_dtype(dtype, dtypes.int64 if is_integer else None)
    if wanted.kind in "iu" and not is_integer:
        start, end, step = int(start), int(end), int(step)
        if step == 0:
            raise ValueError("step must be nonzero: it rounds to 0 in an integer dtype")
        is_integer = True
    if is_integer:
        count = max(0, -((start - end) // step))
    else:
        count = max(0, math.ceil((end - start) / step))
    return _given(_steps(start, step, count, wanted), options, "arange")


def _steps(start: Any, step: Any, count: int, wanted: Any) -> Any:
    """start + k step, computed in int64 or float64 and then converted."""
    if wanted.kind in "iub":
        start, step = int(start), int(step)
        return (np.arange(count, dtype=np.int64) * step + start).astype(wanted)
    return (np.arange(count) * float(step) + float(start)).astype(wanted)


@creator
def range(
    start: Any = 0, end: Any = None, step: Any = 1, *, dtype: Any = None, **options: Any
) -> Tensor:
    """start, start + step, ... up to and with `end`; use `arange`.

    >>> torch.range(1, 3)
    tensor([1., 2., 3.])
    """
    if end is None:
        start, end = 0, start
    start, end, step = _bounds((start, end, step), None, None, None, "range")
    count = math.floor((end - start) / step) + 1
    return _given(_steps(start, step, count, numpy_dtype(dtype)), options, "range")


@creator
def linspace(start: Any, end: Any, steps: Any, *, dtype: Any = None, **options: Any) -> Tensor:
    """`steps` numbers evenly spaced from `start` to `end`, both included.

    >>> torch.linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    start, end = _number(start, "linspace"), _number(end, "linspace")
    wanted = _spaced_dtype(start, end, dtype)
    return _given(_spaced(start, end, steps, wanted).astype(wanted), options, "linspace")


@creator
def logspace(
    start: Any, end: Any, steps: Any, base: Any = 10.0, *, dtype: Any = None, **options: Any
) -> Tensor:
    """`steps` numbers from base**start to base**end, evenly spaced in the exponent.

    >>> torch.logspace(0, 2, 3)
    tensor([  1.,  10., 100.])
    """
    start, end = _number(start, "logspace"), _number(end, "logspace")
    wanted = _spaced_dtype(start, end, dtype)
    exponents = _spaced(start, end, steps, wanted)
    powers = np.power(exponents.dtype.type(base), exponents)
    return _given(powers.astype(wanted), options, "logspace")


def _spaced_dtype(start: Any, end: Any, dtype: Any) -> Any:
    is_complex = isinstance(start, complex) or isinstance(end, complex)
    return numpy_dtype(dtype, dtypes.default_complex() if is_complex else None)


def _spaced(start: Any, end: Any, steps: Any, wanted: Any) -> Any:
    """From both ends towards the middle, as torch computes it; integers in float64."""
    steps = steps.__index__()
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    computing = np.dtype(np.float64 if wanted.kind in "iub" else wanted)
    if computing.itemsize == 2:
        computing = np.dtype(np.float32)
    first, last = computing.type(start), computing.type(end)
    if steps < 2:
        return np.full(steps, first)
    step = computing.type((last - first) / computing.type(steps - 1))
    places = np.arange(steps)
    low = first + step * places.astype(computing)
    high = last - step * (steps - 1 - places).astype(computing)
    return np.where(places < steps // 2, low, high)


@creator
def eye(n: Any, m: Any = None, *, dtype: Any = None, **options: Any) -> Tensor:
    """An n x m matrix (m = n by default) with ones on the diagonal.

    >>> torch.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    m = n if m is None else m
    for name, size in (("n", n), ("m", m)):
        if size < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {size}")
    return _given(np.eye(n, m, dtype=numpy_dtype(dtype)), options, "eye")


@creator
def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = None, **options: Any
) -> Tensor:
    """Row and column numbers (2, n) of the lower triangle of a `row` x `col` matrix.

    >>> torch.tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    found = np.stack(np.tril_indices(row, offset, col)).astype(numpy_dtype(dtype, dtypes.int64))
    return _given(found, options, "tril_indices")


@creator
def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = None, **options: Any
) -> Tensor:
    """Row and column numbers (2, n) of the upper triangle of a `row` x `col` matrix.

    >>> torch.triu_indices(2, 2)
    tensor([[0, 0, 1],
            [0, 1, 1]])
    """
    found = np.stack(np.triu_indices(row, offset, col)).astype(numpy_dtype(dtype, dtypes.int64))
    return _given(found, options, "triu_indices")


@creator
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Grids of coordinates: each 1-d tensor expanded to the shape of all.

    indexing: "ij" (rows first; torch's default) or "xy" (the first two dimensions exchanged).

    >>> torch.meshgrid(torch.tensor([1, 2]), torch.tensor([3, 4]), indexing="ij")[0]
    tensor([[1, 1],
            [2, 2]])
    """
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(
            f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}'
        )
    if not tensors:
        raise ValueError("meshgrid expects a non-empty TensorList")
    for t in tensors:
        if t._data.ndim > 1:
            raise RuntimeError(
                "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got one of shape "
                f"{list(t._data.shape)}"
            )
    shape = [t._data.size for t in tensors]
    grids = []
    for i, t in enumerate(tensors):
        ones = [1] * len(shape)
        ones[i] = -1
        grids.append(t.reshape(ones).expand(shape))
    if indexing == "xy" and len(grids) > 1:
        grids = [g.transpose(0, 1) for g in grids]
    return tuple(grids)


@creator
def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All tuples with one element of each 1-d tensor, as rows.

    >>> torch.cartesian_prod(torch.tensor([1, 2]), torch.tensor([3]))
    tensor([[1, 3],
            [2, 3]])
    """
    if any(t._data.ndim != 1 for t in tensors):
        raise RuntimeError("cartesian_prod: Expect a 1D vector, but got other dimensions")
    if len(tensors) == 1:
        return tensors[0]
    grids = meshgrid(*tensors, indexing="ij")
    result: Tensor = FUNCTIONS["stack"]([g.flatten() for g in grids], 1)
    return result


@public("combinations", method=False)
def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of `r` elements of a 1-d tensor, as rows, in order.

    >>> torch.combinations(torch.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    if input._data.ndim != 1:
        raise RuntimeError(
            f"combinations: Expect a 1D vector, but got shape {list(input._data.shape)}"
        )
    if r < 0:
        raise RuntimeError(f"combinations: Expect a non-negative number, but got r={r}")
    if r == 0:
        return wrap(np.empty(0, input._data.dtype))
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    places = np.array(list(choose(np.arange(input._data.size), r)), np.int64).reshape(-1, r)
    return input[wrap(places)]
