"""Floor 0: NumPy's functions on arrays without values, each by the shape of its result.

A function that has no rule here says so; the law of shape-only runs finds those that operations
need.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from .array import Ghost, allocate, allocate_like, is_ghost, unknown
from .indexing import check_fits, refuse_real, write
from .ufuncs import is_all_known, known_result, normal_axes, reduced_shape

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


def _leaves(x: Any) -> list[Any]:
    if isinstance(x, (tuple, list)):
        return [leaf for item in x for leaf in _leaves(item)]
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
        ghosts = [x for x in _leaves([args, list(kwargs.values())]) if is_ghost(x)]
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
            return allocate_like(x, shape, dtype)
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
    return _into(out, shape, np.result_type(*arrays) if dtype is None else dtype)


def _into(out: Any, shape: Any, dtype: Any, like: Any = None) -> Any:
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
    if axis is None:
        return _into(out, shape, a.dtype)
    (axis,) = normal_axes(axis, np.ndim(a))
    return _into(out, (*np.shape(a)[:axis], *shape, *np.shape(a)[axis + 1 :]), a.dtype)


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
    return _into(out, a.shape, a.dtype, a)


@rule(np.clip)
def _clip(a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, **kwargs: Any) -> Any:
    bounds = [b for b in (a_min, a_max) if b is not None]
    shape = np.broadcast_shapes(np.shape(a), *[np.shape(b) for b in bounds])
    return _into(out, shape, np.result_type(a, *bounds))


@rule(np.argsort, np.argpartition)
def _argsort(a: Any, *args: Any, **kwargs: Any) -> Any:
    return allocate_like(a, a.shape, np.intp)


@rule(np.isneginf, np.isposinf)
def _is_infinite(x: Any, out: Any = None) -> Any:
    return _into(out, x.shape, bool, x)


@rule(np.isclose)
def _isclose(a: Any, b: Any, *args: Any, **kwargs: Any) -> Any:
    return allocate(np.broadcast_shapes(np.shape(a), np.shape(b)), bool)


@rule(np.allclose, np.array_equal)
def _compare(a: Any, b: Any, *args: Any, **kwargs: Any) -> Any:
    raise unknown("comparing arrays", a if is_ghost(a) else b)


# -- reductions ----------------------------------------------------------------


def _enter_reduction(function: Any, ufunc: Any) -> None:
    @rule(function)
    def reduce(a: Any, axis: Any = None, dtype: Any = None, out: Any = None,
               keepdims: Any = False, **kwargs: Any) -> Any:  # fmt: skip
        keepdims = keepdims is True
        if ufunc in (np.logical_and, np.logical_or, np.maximum, np.minimum):
            # these take no dtype
            return ufunc.reduce(a, axis=axis, out=dtype, keepdims=keepdims)
        return ufunc.reduce(a, axis=axis, dtype=dtype, out=out, keepdims=keepdims)


for _function, _ufunc in (
    (np.sum, np.add), (np.prod, np.multiply), (np.max, np.maximum), (np.min, np.minimum),
    (np.amax, np.maximum), (np.amin, np.minimum), (np.any, np.logical_or),
    (np.all, np.logical_and),
):  # fmt: skip
    _enter_reduction(_function, _ufunc)


@rule(np.mean)
def _mean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
          **kwargs: Any) -> Any:  # fmt: skip
    if dtype is None:
        dtype = np.float64 if a.dtype.kind in "bui" else a.dtype
    return _into(out, reduced_shape(a.shape, axis, keepdims is True), dtype)


@rule(np.var, np.std)
def _var(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
         keepdims: Any = False, **kwargs: Any) -> Any:  # fmt: skip
    dtype = np.float64 if a.dtype.kind in "bui" else a.real.dtype
    centred = allocate(a.shape, np.result_type(a, dtype))  # NumPy makes it, and squares in place
    del centred
    return allocate(reduced_shape(a.shape, axis, keepdims is True), dtype)


@rule(np.median, np.nansum)
def _median(a: Any, axis: Any = None, out: Any = None, overwrite_input: Any = False,
            keepdims: Any = False, **kwargs: Any) -> Any:  # fmt: skip
    return allocate(reduced_shape(a.shape, axis, keepdims is True), a.dtype)


@rule(np.argmax, np.argmin)
def _argmax(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Any:
    return _into(out, reduced_shape(a.shape, axis, keepdims is True), np.intp)


@rule(np.count_nonzero)
def _count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return allocate(reduced_shape(a.shape, axis, keepdims), np.intp)


@rule(np.cumsum, np.cumprod)
def _cumulate(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    if axis is None:
        a, axis = a.reshape(-1), 0
    return np.add.accumulate(a, axis=axis, dtype=dtype, out=out)


@rule(np.trace)
def _trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, **kwargs: Any) -> Any:
    return np.add.reduce(a.diagonal(offset, axis1, axis2), axis=-1)


@rule(np.diff)
def _diff(a: Any, n: int = 1, axis: int = -1, **kwargs: Any) -> Any:
    shape = list(a.shape)
    shape[axis] = max(shape[axis] - n, 0)
    return allocate(shape, a.dtype)


@rule(np.searchsorted)
def _searchsorted(a: Any, v: Any, side: Any = "left", sorter: Any = None) -> Any:
    return allocate(np.shape(v), np.intp)


@rule(np.unravel_index)
def _unravel_index(indices: Any, shape: Any, order: Any = "C") -> Any:
    return tuple([allocate(indices.shape, np.intp) for _ in shape])


@rule(np.bincount)
def _bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    raise unknown("np.bincount (how many different numbers there are)", x)


@rule(np.nonzero, np.flatnonzero, np.argwhere, np.unique, np.compress, np.extract,
      np.histogram, np.isin)  # fmt: skip
def _by_value(*args: Any, **kwargs: Any) -> Any:
    ghost = next(x for x in _leaves(list(args)) if is_ghost(x))
    raise unknown("a result whose shape depends on values (nonzero, unique, a mask)", ghost)


# -- products ------------------------------------------------------------------


@rule(np.dot)
def _dot(a: Any, b: Any, out: Any = None) -> Any:
    if not np.ndim(a) or not np.ndim(b):
        return np.multiply(a, b)
    if np.ndim(b) == 1:
        shape, inner = a.shape[:-1], b.shape[0]
    else:
        shape, inner = (*a.shape[:-1], *b.shape[:-2], b.shape[-1]), b.shape[-2]
    if a.shape[-1] != inner:
        raise ValueError(
            f"shapes {a.shape} and {b.shape} not aligned: {a.shape[-1]} (dim {a.ndim - 1}) != "
            f"{inner} (dim {max(b.ndim - 2, 0)})"
        )
    return _into(out, shape, np.result_type(a, b))


@rule(np.vdot, np.inner)
def _inner(a: Any, b: Any) -> Any:
    if a.ndim < 2 and b.ndim < 2:
        return allocate((), np.result_type(a, b))
    return np.dot(a, b.swapaxes(-1, -2))


@rule(np.tensordot)
def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    if isinstance(axes, int):
        left, right = list(range(a.ndim - axes, a.ndim)), list(range(axes))
    else:
        left, right = [list(normal_axes(tuple(np.atleast_1d(x).tolist()), n.ndim))
                       for x, n in zip(axes, (a, b))]  # fmt: skip
    if [a.shape[i] for i in left] != [b.shape[i] for i in right]:
        raise ValueError("shape-mismatch for sum")
    rest = [i for i in range(a.ndim) if i not in left], [i for i in range(b.ndim) if i not in right]
    shape = [a.shape[i] for i in rest[0]] + [b.shape[i] for i in rest[1]]
    inner = prod([a.shape[i] for i in left])
    first = a.transpose([*rest[0], *left]).reshape((prod([a.shape[i] for i in rest[0]]), inner))
    second = b.transpose([*right, *rest[1]]).reshape((inner, prod([b.shape[i] for i in rest[1]])))
    return np.dot(first, second).reshape(shape)


@rule(np.einsum)
def _einsum(*operands: Any, out: Any = None, optimize: Any = False, **kwargs: Any) -> Any:
    if isinstance(operands[0], str):
        inputs, _, result = operands[0].replace(" ", "").partition("->")
        terms: list[Any] = [_letters(t) for t in inputs.split(",")]
        arrays = list(operands[1:])
        target = _letters(result) if "->" in operands[0] else None
    else:
        pairs = len(operands) // 2
        arrays, terms = (
            list(operands[: 2 * pairs : 2]),
            [list(t) for t in operands[1 : 2 * pairs : 2]],
        )
        target = list(operands[-1]) if len(operands) % 2 else None
    return _into(out, _einsum_shape(terms, arrays, target), np.result_type(*arrays))


def _letters(term: str) -> list[Any]:
    return [Ellipsis if c == "." else c for c in term.replace("...", ".")]


def _einsum_shape(terms: list[Any], arrays: Sequence[Any], target: Any) -> list[int]:
    sizes: dict[Any, int] = {}
    lead: tuple[int, ...] = ()
    for term, array in zip(terms, arrays):
        shape = np.shape(array)
        extra = len(shape) - len([t for t in term if t is not Ellipsis])
        if Ellipsis in term:
            at = term.index(Ellipsis)
            lead = np.broadcast_shapes(lead, shape[at : at + extra])
            shape = shape[:at] + shape[at + extra :]
        elif extra:
            raise ValueError("einstein sum subscripts do not match the operand's dimensions")
        for name, n in zip([t for t in term if t is not Ellipsis], shape):
            if sizes.setdefault(name, n) != n:
                if 1 not in (n, sizes[name]):
                    raise ValueError(f"operands could not be broadcast together: {name!r}")
                sizes[name] = max(n, sizes[name])
    if target is None:
        every = [t for term in terms for t in term if t is not Ellipsis]
        target = [Ellipsis, *sorted([t for t in set(every) if every.count(t) == 1])]
    return [n for t in target for n in (lead if t is Ellipsis else (sizes[t],))]


# -- linear algebra ------------------------------------------------------------


@rule(np.linalg.inv, np.linalg.cholesky)
def _square(a: Any, **kwargs: Any) -> Any:
    return allocate(a.shape, a.dtype)


@rule(np.linalg.pinv)
def _pinv(a: Any, *args: Any, **kwargs: Any) -> Any:
    return allocate((*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype)


@rule(np.linalg.solve)
def _solve(a: Any, b: Any) -> Any:
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return allocate((*batch, *b.shape[-2:]), np.result_type(a, b))


@rule(np.linalg.det)
def _det(a: Any) -> Any:
    return allocate(a.shape[:-2], a.dtype)


@rule(np.linalg.slogdet)
def _slogdet(a: Any) -> Any:
    return allocate(a.shape[:-2], a.dtype), allocate(a.shape[:-2], a.real.dtype)


@rule(np.linalg.eigh, np.linalg.eig)
def _eigh(a: Any, UPLO: str = "L") -> Any:
    return allocate(a.shape[:-1], a.real.dtype), allocate(a.shape, a.dtype)


@rule(np.linalg.qr)
def _qr(a: Any, mode: str = "reduced") -> Any:
    *batch, m, n = a.shape
    k = min(m, n)
    return allocate((*batch, m, k), a.dtype), allocate((*batch, k, n), a.dtype)


@rule(np.linalg.svd)
def _svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    *batch, m, n = a.shape
    k = min(m, n)
    s = allocate((*batch, k), a.real.dtype)
    if not compute_uv:
        return s
    left, right = (m, n) if full_matrices else (k, k)
    return allocate((*batch, m, left), a.dtype), s, allocate((*batch, right, n), a.dtype)


@rule(np.linalg.norm)
def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if ord not in (None, 2):
        powers = np.abs(x)
        del powers
    return allocate(reduced_shape(x.shape, axis, keepdims), x.real.dtype)


# -- methods -------------------------------------------------------------------


def _method(function: Any) -> Any:
    return lambda self, *args, **kwargs: function(self, *args, **kwargs)


for _name, _function in {
    "sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min, "any": np.any, "all": np.all,
    "mean": np.mean, "var": np.var, "std": np.std, "argmax": np.argmax, "argmin": np.argmin,
    "argsort": np.argsort, "cumsum": np.cumsum, "cumprod": np.cumprod, "take": np.take,
    "dot": np.dot, "repeat": np.repeat, "nonzero": np.nonzero, "clip": np.clip, "round": np.round,
    "trace": np.trace, "searchsorted": np.searchsorted, "conj": np.conjugate,
    "conjugate": np.conjugate, "compress": np.compress,
}.items():  # fmt: skip
    setattr(Ghost, _name, _method(_function))


def _fill(self: Any, value: Any) -> None:
    write(self, value)


def _sort(self: Any, *args: Any, **kwargs: Any) -> None:
    self._buffer.is_known = False


Ghost.fill = _fill  # type: ignore[attr-defined]
Ghost.sort = _sort  # type: ignore[attr-defined]
Ghost.partition = _sort  # type: ignore[attr-defined]
Ghost.flatten = lambda self, order="C": self.copy(order).reshape(-1)  # type: ignore[attr-defined]
Ghost.flat = property(lambda self: self.reshape(-1))  # type: ignore[attr-defined]
Ghost.__array_function__ = array_function  # type: ignore[attr-defined]
