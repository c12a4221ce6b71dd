"""Floor 0: NumPy's functions on arrays without values, each by the shape of its result.

A function that has no rule here says so; the law of shape-only runs finds those that operations
need.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from .array import allocate, allocate_like, is_ghost, unknown
from .indexing import check_fits, refuse_real, write
from .ufuncs import is_all_known, known_result, normal_axes

Rule = Callable[..., Any]
RULES: dict[Any, Rule] = {}
_MUTATING: set[Any] = set()


def rule(*functions: Any, mutates: bool = False) -> Callable[[Rule], Rule]:
    """Enter a rule for functions of NumPy's; it has their parameters."""

    def enter(found: Rule) -> Rule:
        for function in functions:
            RULES[function] = found
            if mutates:
                _MUTATING.add(function)
        return found

    return enter


def leaves(x: Any) -> list[Any]:
    """What nested lists and tuples hold."""
    if isinstance(x, (tuple, list)):
        return [leaf for item in x for leaf in leaves(item)]
    return [x]


def _real(x: Any) -> Any:
    if isinstance(x, (tuple, list)):
        items = [_real(item) for item in x]
        return items if isinstance(x, list) else tuple(items)
    return x.value if is_ghost(x) else x


def array_function(self: Any, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
    """`Ghost.__array_function__`."""
    if func in _MUTATING:
        return RULES[func](*args, **kwargs)
    found = RULES.get(func)
    if func not in _VIEWS and func not in _ABOUT:
        ghosts = [x for x in leaves([args, list(kwargs.values())]) if is_ghost(x)]
        if is_all_known([g.value for g in ghosts]):
            return known_result(
                func(*_real(args), **{key: _real(value) for key, value in kwargs.items()})
            )
    if found is None:
        raise NotImplementedError(
            f"np.{func.__name__} has no rule for arrays without values, so a run on shapes alone "
            "cannot follow it; measure a real run with torch.debug.memory_peak"
        )
    return found(*args, **kwargs)


# -- views: what NumPy does with an outline ------------------------------------

_VIEWS: set[Any] = set()


def _enter_view(function: Any) -> None:
    def view(x: Any, *args: Any, **kwargs: Any) -> Any:
        return x.view_by(lambda a: function(a, *args, **kwargs))

    RULES[function] = view
    _VIEWS.add(function)


for _function in (
    np.transpose, np.swapaxes, np.moveaxis, np.rollaxis, np.squeeze, np.expand_dims,
    np.broadcast_to, np.flip, np.fliplr, np.flipud, np.rot90, np.diagonal, np.matrix_transpose,
    np.atleast_1d, np.atleast_2d, np.atleast_3d, np.lib.stride_tricks.sliding_window_view,
):  # fmt: skip
    _enter_view(_function)


@rule(np.reshape)
def _reshape(a: Any, shape: Any = None, order: Any = "C", **kwargs: Any) -> Any:
    return a.reshape(shape, order=order)


@rule(np.ravel)
def _ravel(a: Any, order: Any = "C") -> Any:
    return a.ravel()


@rule(np.split, np.array_split)
def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    count = len(np.array_split(np.empty(ary.shape[axis], "V0"), indices_or_sections))
    return [
        ary.view_by(lambda a, i=i: np.array_split(a, indices_or_sections, axis)[i])
        for i in range(count)
    ]


@rule(np.broadcast_arrays)
def _broadcast_arrays(*args: Any, subok: bool = False) -> Any:
    shape = np.broadcast_shapes(*[np.shape(a) for a in args])
    return tuple([np.broadcast_to(a, shape) for a in args])


_VIEWS.update((np.reshape, np.ravel, np.split, np.array_split, np.broadcast_arrays))

# -- questions about arrays ----------------------------------------------------

_ABOUT: set[Any] = set()


def _about(function: Any, answer: Callable[..., Any]) -> None:
    RULES[function] = answer
    _ABOUT.add(function)


def _typed(x: Any) -> Any:
    """Something of the same dtype that NumPy can look at."""
    return np.empty(0, x.dtype) if is_ghost(x) else x


def _shares(a: Any, b: Any, max_work: Any = None) -> bool:
    return is_ghost(a) and is_ghost(b) and a._buffer is b._buffer


_about(np.result_type, lambda *args: np.result_type(*[_typed(x) for x in args]))
_about(np.can_cast, lambda x, *args, **kw: np.can_cast(_typed(x), *args, **kw))
_about(np.common_type, lambda *args: np.common_type(*[_typed(x) for x in args]))
_about(np.shape, lambda a: a.shape)
_about(np.ndim, lambda a: a.ndim)
_about(np.size, lambda a, axis=None: a.size if axis is None else a.shape[axis])
_about(np.iscomplexobj, lambda x: x.dtype.kind == "c")
_about(np.isrealobj, lambda x: x.dtype.kind != "c")
_about(np.real, lambda val: val.real)
_about(np.imag, lambda val: val.imag)
_about(np.may_share_memory, _shares)
_about(np.shares_memory, _shares)

# -- new arrays ----------------------------------------------------------------


@rule(np.empty_like, np.zeros_like, np.ones_like)
def _empty_like(prototype: Any, dtype: Any = None, order: Any = "K", subok: bool = True,
                shape: Any = None, **kwargs: Any) -> Any:  # fmt: skip
    dtype = prototype.dtype if dtype is None else np.dtype(dtype)
    if shape is not None:
        return allocate(shape, dtype)
    if order in "KA":
        return allocate_like(prototype, prototype.shape, dtype)
    return allocate(prototype.shape, dtype, order=order)


@rule(np.full_like)
def _full_like(a: Any, fill_value: Any, dtype: Any = None, order: Any = "K", subok: bool = True,
               shape: Any = None, **kwargs: Any) -> Any:  # fmt: skip
    return _empty_like(a, dtype, order, subok, shape)


@rule(np.copy)
def _copy(a: Any, order: Any = "K", subok: bool = False) -> Any:
    return a.copy(order)


@rule(np.where)
def _where(condition: Any, *values: Any) -> Any:
    if not values:
        raise unknown("np.where (the places where something holds)", condition)
    shape = np.broadcast_shapes(np.shape(condition), *[np.shape(v) for v in values])
    dtype = np.result_type(*values)
    for x in (condition, *values):
        if isinstance(x, np.ndarray) and x.shape == shape:
            return allocate_like(x, shape, dtype, iterated=True)
    return allocate(shape, dtype)


@rule(np.concatenate)
def _concatenate(arrays: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None,
                 casting: Any = "same_kind") -> Any:  # fmt: skip
    arrays = [a if isinstance(a, np.ndarray) else np.asarray(a) for a in arrays]
    if axis is None:
        arrays, axis = [a.reshape(-1) for a in arrays], 0
    (axis,) = normal_axes(axis, arrays[0].ndim)
    shape = list(arrays[0].shape)
    for a in arrays[1:]:
        if a.ndim != len(shape) or any(
            n != m for i, (n, m) in enumerate(zip(shape, a.shape)) if i != axis
        ):
            raise ValueError(
                "all the input array dimensions except for the concatenation axis must match "
                f"exactly, but the shapes are {[tuple(a.shape) for a in arrays]}"
            )
    shape[axis] = sum([a.shape[axis] for a in arrays])
    return into(out, shape, np.result_type(*arrays) if dtype is None else dtype)


def into(out: Any, shape: Any, dtype: Any, like: Any = None) -> Any:
    """The array that a result goes to: `out`, or a new one, laid out as `like`."""
    shape = tuple(shape)
    if out is None:
        return allocate(shape, dtype) if like is None else allocate_like(like, shape, dtype)
    if not is_ghost(out):
        refuse_real("out=", out)
    if out.shape != shape:
        raise ValueError(f"output array has shape {out.shape}, but the result has {shape}")
    out._buffer.is_known = False
    return out


@rule(np.stack)
def _stack(arrays: Any, axis: int = 0, out: Any = None, **kwargs: Any) -> Any:
    arrays = list(arrays)
    if len({np.shape(a) for a in arrays}) > 1:
        raise ValueError("all input arrays must have the same shape")
    return np.concatenate(
        [np.expand_dims(a, axis) for a in arrays], axis % (np.ndim(arrays[0]) + 1)
    )


@rule(np.take)
def _take(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: Any = "raise") -> Any:
    shape = np.shape(indices)
    places = None
    if isinstance(indices, np.ndarray) and indices.dtype != np.intp:
        places = indices.astype(np.intp)  # as NumPy does, until it is through
    if axis is not None:
        (axis,) = normal_axes(axis, np.ndim(a))
        shape = (*np.shape(a)[:axis], *shape, *np.shape(a)[axis + 1 :])
    found = into(out, shape, a.dtype)
    del places
    return found


@rule(np.take_along_axis)
def _take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    if axis is None:
        return allocate(indices.shape, arr.dtype)
    (axis,) = normal_axes(axis, arr.ndim)
    shape = np.broadcast_shapes(
        tuple([1 if i == axis else n for i, n in enumerate(arr.shape)]), indices.shape
    )
    return allocate(shape, arr.dtype)


@rule(np.put_along_axis, mutates=True)
def _put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    if not is_ghost(arr):
        refuse_real("np.put_along_axis", arr)
    arr._buffer.is_known = False


@rule(np.copyto, mutates=True)
def _copyto(dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    if not is_ghost(dst):
        refuse_real("np.copyto", dst)
    if not np.can_cast(_typed(src) if isinstance(src, np.ndarray) else np.asarray(src).dtype,
                       dst.dtype, casting):  # fmt: skip
        raise TypeError(f"cannot cast from {src.dtype} to {dst.dtype} by {casting!r}")
    if where is True:
        write(dst, src)
        return
    check_fits(np.shape(src), dst.shape)
    check_fits(np.shape(where), dst.shape)
    dst._buffer.is_known = False


@rule(np.repeat)
def _repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    shape = list(np.shape(a))
    if axis is None:
        shape, axis = [prod(shape)], 0
    if is_ghost(repeats) and repeats.value is None:
        raise unknown("np.repeat (how often each element comes)", repeats)
    counts = np.asarray(repeats)
    axis = axis % len(shape)
    shape[axis] = shape[axis] * int(counts) if counts.size == 1 else int(counts.sum())
    return allocate(shape, a.dtype)


@rule(np.tile)
def _tile(A: Any, reps: Any) -> Any:
    reps = tuple(reps) if isinstance(reps, (tuple, list)) else (reps,)
    ndim = max(len(reps), A.ndim)
    shape = (1,) * (ndim - A.ndim) + A.shape
    return allocate([n * r for n, r in zip(shape, (1,) * (ndim - len(reps)) + reps)], A.dtype)


@rule(np.pad)
def _pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    pads = np.broadcast_to(pad_width, (array.ndim, 2)).tolist()
    return allocate([n + b + a for n, (b, a) in zip(array.shape, pads)], array.dtype)


@rule(np.roll, np.nan_to_num, np.sort, np.partition, np.tril, np.triu)
def _alike(a: Any, *args: Any, **kwargs: Any) -> Any:
    return allocate_like(a, a.shape, a.dtype)


@rule(np.round, np.around)
def _round(a: Any, decimals: int = 0, out: Any = None) -> Any:
    return into(out, a.shape, a.dtype, a)


@rule(np.clip)
def _clip(a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, **kwargs: Any) -> Any:
    bounds = [b for b in (a_min, a_max) if b is not None]
    shape = np.broadcast_shapes(np.shape(a), *[np.shape(b) for b in bounds])
    return into(out, shape, np.result_type(a, *bounds))


@rule(np.argsort, np.argpartition)
def _argsort(a: Any, *args: Any, **kwargs: Any) -> Any:
    return allocate_like(a, a.shape, np.intp)


@rule(np.isneginf, np.isposinf)
def _is_infinite(x: Any, out: Any = None) -> Any:
    return into(out, x.shape, bool, x)


@rule(np.isclose)
def _isclose(a: Any, b: Any, *args: Any, **kwargs: Any) -> Any:
    return allocate(np.broadcast_shapes(np.shape(a), np.shape(b)), bool)


@rule(np.allclose, np.array_equal)
def _compare(a: Any, b: Any, *args: Any, **kwargs: Any) -> Any:
    raise unknown("comparing arrays", a if is_ghost(a) else b)
