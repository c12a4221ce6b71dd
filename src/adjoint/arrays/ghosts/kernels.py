"""Floor 0: what stands in the place of functions that cannot run on arrays without values.

Those that make arrays from nothing, those written in loops or for BLAS and SciPy, and those that
look at values. `SUBSTITUTES` maps each function to what replaces it wherever adjoint's modules name
it, while a run on shapes alone is in force.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from math import ceil, prod
from typing import Any

import numpy as np
from numpy.lib import stride_tricks

from .. import (
    checks,
    elementwise,
    factorizations,
    indexing,
    ordering,
    pieces,
    reductions,
    rows,
    scans,
    strides,
)
from ..random import boxmuller, continuous, discrete, generator
from .array import MOST_KNOWN, allocate, is_ghost, state

Function = Callable[..., Any]
SUBSTITUTES: dict[Function, Function] = {}


def maker(*functions: Function) -> Callable[[Function], Function]:
    """Enter what makes an array in the place of functions, in threads that run on shapes alone."""

    def enter(rule: Function) -> Function:
        for function in functions:
            SUBSTITUTES[function] = _while_running(function, rule)
        return rule

    return enter


def _while_running(function: Function, rule: Function) -> Function:
    @wraps(rule)
    def call(*args: Any, **kwargs: Any) -> Any:
        if state.ledger is None:
            return function(*args, **kwargs)
        return rule(*args, **kwargs)

    return call


def kernel(*functions: Function) -> Callable[[Function], Function]:
    """Enter the rule of functions for arguments of which one is an array without values."""

    def enter(rule: Function) -> Function:
        for function in functions:
            SUBSTITUTES[function] = _on_ghosts(function, rule)
        return rule

    return enter


def _on_ghosts(function: Function, rule: Function) -> Function:
    @wraps(rule)
    def call(*args: Any, **kwargs: Any) -> Any:
        for x in args:
            if type(x) in (tuple, list):
                if any(is_ghost(item) for item in x):
                    return rule(*args, **kwargs)
            elif is_ghost(x):
                return rule(*args, **kwargs)
        return function(*args, **kwargs)

    return call


def outside(function: Function, *args: Any) -> Any:
    """What a function returns that runs for real."""
    ledger, state.ledger = state.ledger, None
    try:
        return function(*args)
    finally:
        state.ledger = ledger


# -- arrays from nothing -------------------------------------------------------


def _sizes(shape: Any) -> tuple[int, ...]:
    if isinstance(shape, (tuple, list)):
        return tuple([int(n) for n in shape])
    return (int(shape),)


def _maybe_known(function: Function, shape: Any, dtype: Any, *args: Any, order: Any = "C") -> Any:
    """A new array; its values are kept where they are few."""
    shape = _sizes(shape)
    if prod(shape) <= MOST_KNOWN and (not shape or np.dtype(dtype).kind in "biu"):
        made = function(shape, *args, dtype=dtype)
        return allocate(shape, dtype, value=made)
    return allocate(shape, dtype, order=order)


@maker(np.empty)
def _empty(shape: Any, dtype: Any = float, order: Any = "C", **kwargs: Any) -> Any:
    return _maybe_known(np.empty, shape, dtype, order=order)


@maker(np.zeros)
def _zeros(shape: Any, dtype: Any = float, order: Any = "C", **kwargs: Any) -> Any:
    return _maybe_known(np.zeros, shape, dtype, order=order)


@maker(np.ones)
def _ones(shape: Any, dtype: Any = None, order: Any = "C", **kwargs: Any) -> Any:
    return _maybe_known(np.ones, shape, float if dtype is None else dtype, order=order)


@maker(np.full)
def _full(shape: Any, fill_value: Any, dtype: Any = None, order: Any = "C", **kwargs: Any) -> Any:
    if dtype is None:
        dtype = fill_value.dtype if is_ghost(fill_value) else np.asarray(fill_value).dtype
    if is_ghost(fill_value):
        fill_value = fill_value.value
        if fill_value is None:
            return allocate(_sizes(shape), dtype)
    return _maybe_known(np.full, shape, dtype, fill_value, order=order)


_real_arange: Any = np.arange


@maker(np.arange)
def _arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None, **kwargs: Any) -> Any:
    start, stop, step = [_number(v) for v in (start, stop, step)]
    if stop is None:
        start, stop = 0, start
    count = max(0, ceil((stop - start) / step))
    if count <= MOST_KNOWN:
        made: Any = _real_arange(start, stop, step, dtype)
        return allocate(made.shape, made.dtype, value=made)
    if dtype is None:
        dtype = np.result_type(*[np.asarray(v) for v in (start, stop, step)])
    return allocate((count,), dtype)


def _number(value: Any) -> Any:
    return value.item() if is_ghost(value) else value


@maker(np.eye)
def _eye(N: int, M: Any = None, k: int = 0, dtype: Any = float, **kwargs: Any) -> Any:
    return allocate((N, N if M is None else M), dtype)


@maker(np.tri)
def _tri(N: int, M: Any = None, k: int = 0, dtype: Any = float, **kwargs: Any) -> Any:
    return allocate((N, N if M is None else M), dtype)


@maker(np.linspace)
def _linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, **kwargs: Any) -> Any:
    dtype = kwargs.get("dtype") or np.result_type(start, stop, np.float64)
    return allocate((num, *np.broadcast_shapes(np.shape(start), np.shape(stop))), dtype)


def _triangle(part: Function) -> Function:
    def indices(n: int, k: int = 0, m: Any = None) -> Any:
        m = n if m is None else m
        counts = [max(0, min(m, i + k + 1)) for i in range(n)]
        total = sum(counts) if part is np.tril_indices else sum([m - c for c in counts])
        return allocate((total,), np.intp), allocate((total,), np.intp)

    return indices


maker(np.tril_indices)(_triangle(np.tril_indices))


@maker(np.triu_indices)
def _triu_indices(n: int, k: int = 0, m: Any = None) -> Any:
    return _triangle(np.triu_indices)(n, k - 1, m)


# -- arrays from data ----------------------------------------------------------


def _has_ghost(data: Any) -> bool:
    if isinstance(data, (tuple, list)):
        return any(_has_ghost(item) for item in data)
    return is_ghost(data)


def _nested(data: Any) -> tuple[tuple[int, ...], Any]:
    """Shape and dtype of nested lists that hold arrays without values."""
    if isinstance(data, (tuple, list)):
        inner = [_nested(item) for item in data]
        return (len(data), *inner[0][0]), np.result_type(*[d for _, d in inner])
    return np.shape(data), data.dtype if is_ghost(data) else np.asarray(data).dtype


@maker(np.array)
def _array(
    obj: Any, dtype: Any = None, *, copy: Any = True, order: Any = "K", **kwargs: Any
) -> Any:
    if is_ghost(obj):
        wanted = obj.dtype if dtype is None else np.dtype(dtype)
        return obj.astype(wanted, order, copy=copy is not False)
    if _has_ghost(obj):
        shape, found = _nested(obj)
        return allocate(shape, found if dtype is None else dtype)
    if isinstance(obj, np.ndarray):
        wanted = obj.dtype if dtype is None else np.dtype(dtype)
        few = obj.size <= MOST_KNOWN
        return allocate(obj.shape, wanted, value=obj.astype(wanted) if few else None)
    made = np.array(obj, dtype)
    return allocate(made.shape, made.dtype, value=made)


@maker(np.asarray, np.asanyarray)
def _asarray(
    a: Any, dtype: Any = None, order: Any = None, *, copy: Any = None, **kwargs: Any
) -> Any:
    if copy:
        return _array(a, dtype, order=order or "K")
    if isinstance(a, np.ndarray) and not is_ghost(a):
        a = state.ledger.ghost_of(a)
    if is_ghost(a):
        if dtype is not None and np.dtype(dtype) != a.dtype:
            return a.astype(dtype)
        return a
    return _array(a, dtype)


@maker(np.ascontiguousarray)
def _ascontiguousarray(a: Any, dtype: Any = None) -> Any:
    a = _asarray(a, dtype)
    return a if a.flags.c_contiguous else a.copy()


# -- layouts -------------------------------------------------------------------


@kernel(strides.strided)
def _strided(x: Any, shape: Any, strides: Any, offset: int = 0) -> Any:
    return x.strided(_sizes(shape), tuple(strides))


@kernel(strides.broadcast_to)
def _broadcast_to(x: Any, shape: Any) -> Any:
    return x.strided(tuple(shape), np.broadcast_to(x.outline, tuple(shape)).strides)


@kernel(reductions.sum)
def _sum(x: Any, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
    options = {"axis": axis, "keepdims": keepdims}
    if dtype is None and x.itemsize == 2 and x.dtype.kind in "fV":
        return np.add.reduce(x, dtype=np.float32, **options).astype(x.dtype)
    return np.add.reduce(
        x, dtype=np.int64 if x.dtype.kind == "u" and not dtype else dtype, **options
    )


@kernel(stride_tricks.as_strided)
def _as_strided(x: Any, shape: Any = None, strides: Any = None, writeable: bool = True,
                **kwargs: Any) -> Any:  # fmt: skip
    found = x.strided(_sizes(shape), tuple(strides))
    if not writeable:
        found.outline.flags.writeable = False
    return found


@kernel(elementwise.view_as_real)
def _view_as_real(x: Any) -> Any:
    part = x.real
    return x.strided((*x.shape, 2), (*x.strides, part.itemsize), part.dtype)


@kernel(elementwise.view_as_complex)
def _view_as_complex(x: Any) -> Any:
    dtype = np.dtype(f"c{2 * x.itemsize}")
    if x.strides[-1] != x.itemsize:
        return allocate(x.shape[:-1], dtype)
    return x.strided(x.shape[:-1], x.strides[:-1], dtype)


# -- loops ---------------------------------------------------------------------


@maker(pieces.starts)
def _starts(count: int, step: int) -> Any:
    """The first two pieces and the last: in the second, what the first made is still there."""
    every = range(0, count, step)
    return every if len(every) <= 3 else (every[0], every[1], every[-1])


# -- checks of values, which pass ----------------------------------------------


@kernel(checks.is_any)
def _is_any(mask: Any) -> bool:
    value = mask.value
    return False if value is None else bool(value.any())


@kernel(checks.is_all)
def _is_all(mask: Any) -> bool:
    value = mask.value
    return True if value is None else bool(value.all())


@kernel(checks.reaches)
def _reaches(array: Any, limit: Any) -> bool:
    value = array.value
    return False if value is None else checks.reaches(value, limit)


@kernel(checks.are_equal)
def _are_equal(x: Any, y: Any) -> bool:
    known = is_ghost(x) and is_ghost(y) and x.value is not None and y.value is not None
    return checks.are_equal(x.value, y.value) if known else True


@kernel(checks.number_of)
def _number_of(array: Any, assumed: float = math.nan) -> float:
    value = array.value
    return assumed if value is None else float(value)


@kernel(checks.listed)
def _listed(array: Any, below: int) -> list[int]:
    value = array.value
    return [i % below for i in range(array.size)] if value is None else value.tolist()


@kernel(checks.is_outside)
def _is_outside(array: Any, low: Any, high: Any) -> bool:
    value = array.value
    return False if value is None else checks.is_outside(value, low, high)


# -- what looks at values, or calls what does ----------------------------------


_guarded: Any = factorizations.matrix_exp


@kernel(_guarded.__wrapped__)
def _matrix_exp(x: Any) -> Any:
    found = allocate(x.shape, x.dtype)
    # SciPy 1.17's, of one matrix after another: powers, and magnitudes to choose the order by
    made = allocate((5, *x.shape[-2:]), x.dtype), allocate(x.shape[-2:], x.real.dtype)
    del made
    return found


@kernel(scans.linear_recurrence)
def _linear_recurrence(a: Any, b: Any, *, axis: int) -> Any:
    return allocate(b.shape, np.result_type(a, b))


@kernel(rows.add_rows)
def _add_rows(x: Any, indices: Any, *, count: int, skip: Any) -> Any:
    shape = (count, x.shape[-1])
    if x.itemsize != 2:
        return allocate(shape, x.dtype)
    wide, out = x.astype(np.float32), allocate(shape, np.float32)
    del wide
    return out.astype(x.dtype)


@kernel(indexing._add_at)
def _add_at(out: Any, key: Any, values: Any) -> None:
    if len(key) == 1 and out.ndim > 1 and out.dtype != bool:
        rows = key[0].reshape(-1)
        values = np.broadcast_to(values, key[0].shape + out.shape[1:]).reshape(-1, *out.shape[1:])
        order = np.argsort(rows)
        gathered = values[order]
        runs = (min(rows.size, out.shape[0]), *out.shape[1:])  # at most: repeated places are one
        sums = allocate(runs, out.dtype), allocate(runs, out.dtype)
        del gathered, sums
    out._buffer.is_known = False


@kernel(ordering.top_index)
def _top_index(x: Any, k: int, *, axis: int, largest: bool = True) -> Any:
    n = x.shape[axis]
    if not k or k * 8 >= n:
        return ordering.sort_index(x, axis=axis, descending=largest)[
            (slice(None),) * axis + (slice(k),)
        ]
    edge = np.partition(np.moveaxis(x, axis, -1), 0, -1)
    chosen = edge >= edge
    del chosen
    shape = list(x.shape)
    shape[axis] = k
    return np.moveaxis(allocate([n for i, n in enumerate(shape) if i != axis] + [k], np.intp), -1,
                       axis)  # fmt: skip


@kernel(ordering.median_index)
def _median_index(x: Any, *, axis: int, ignore_nan: bool = False) -> Any:
    if x.shape[axis] and not ignore_nan:
        return ordering._ranked_index(x, (x.shape[axis] - 1) // 2, axis)
    order = ordering.sort_index(x, axis=axis)
    shape = list(x.shape)
    shape[axis] = 1
    return np.take_along_axis(order, allocate(shape, np.intp), axis)


# -- random numbers: nothing is drawn, so the stream stays where it is ---------


@maker(generator.Generator.words)
def _words(self: Any, count: int) -> Any:
    return allocate((count,), np.uint64)


_real_get_state = generator.Generator.get_state


@maker(generator.Generator.get_state)
def _get_state(self: Any) -> Any:
    return _array(outside(_real_get_state, self))


@kernel(generator.Generator.set_state)
def _set_state(self: Any, state: Any) -> None:
    return None  # nothing was drawn since


@maker(discrete.draw_seed)
def _draw_seed(gen: Any) -> int:
    return 0


@maker(discrete.permutation)
def _permutation(gen: Any, n: int, np_dtype: Any = np.int64) -> Any:
    return allocate((n,), np_dtype)


@kernel(boxmuller.float64_blocks)
def _float64_blocks(uniforms: Any) -> Any:
    return uniforms


@maker(continuous._serial_normals)
def _serial_normals(gen: Any, count: int) -> Any:
    out = allocate((count,), np.float64)
    parts = [allocate((count // 2,), np.float64) for _ in range(6)]
    del parts
    return out


@kernel(discrete.bernoulli_tensor)
def _bernoulli_tensor(gen: Any, probabilities: Any, np_dtype: Any) -> Any:
    out = np.empty_like(probabilities, dtype=np_dtype)
    unit = allocate(out.shape, np.float64 if probabilities.dtype == np.float64 else np.float32)
    mask = unit < probabilities
    del unit, mask
    return out


@kernel(discrete._check_multinomial)
def _check_multinomial(probabilities: Any, n_samples: int, replacement: bool) -> None:
    return None
