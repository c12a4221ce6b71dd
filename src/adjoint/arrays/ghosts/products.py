"""Floor 0: NumPy's reductions, products and linear algebra on arrays without values."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from .array import allocate, is_ghost, unknown
from .functions import into, leaves, rule
from .ufuncs import normal_axes, reduced_shape

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
    return into(out, reduced_shape(a.shape, axis, keepdims is True), dtype)


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
    return into(out, reduced_shape(a.shape, axis, keepdims is True), np.intp)


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
    ghost = next(x for x in leaves(list(args)) if is_ghost(x))
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
    copies = [x.copy() for x in (a, b) if is_ghost(x) and not _suits_blas(x)]
    found = into(out, shape, np.result_type(a, b))
    del copies
    return found


def _suits_blas(x: Any) -> bool:
    """Whether BLAS can take a matrix as it lies in memory; NumPy copies others."""
    if x.ndim != 2:
        return True
    (m, n), (s, t), item = x.shape, x.strides, x.itemsize
    return (t == item and s >= n * item) or (s == item and t >= m * item) or 1 in (m, n)


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
    return into(out, _einsum_shape(terms, arrays, target), np.result_type(*arrays))


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


_DOUBLE = {np.dtype(np.float32): np.float64, np.dtype(np.complex64): np.complex128}


def _factored(inputs: Sequence[Any], *results: tuple[Any, Any]) -> list[Any]:
    """Results of these shapes and dtypes; NumPy computes single precision in double."""
    if inputs[0].dtype not in _DOUBLE:
        return [allocate(shape, dtype) for shape, dtype in results]
    wide = [allocate(x.shape, _DOUBLE[x.dtype]) for x in inputs]
    made = [allocate(shape, _DOUBLE[np.dtype(dtype)]) for shape, dtype in results]
    del wide
    return [m.astype(dtype) for m, (_, dtype) in zip(made, results)]


@rule(np.linalg.inv, np.linalg.cholesky)
def _square(a: Any, **kwargs: Any) -> Any:
    return _factored([a], (a.shape, a.dtype))[0]


@rule(np.linalg.pinv)
def _pinv(a: Any, *args: Any, **kwargs: Any) -> Any:
    return allocate((*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype)


@rule(np.linalg.solve)
def _solve(a: Any, b: Any) -> Any:
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return _factored([a, b], ((*batch, *b.shape[-2:]), np.result_type(a, b)))[0]


@rule(np.linalg.det)
def _det(a: Any) -> Any:
    return _factored([a], (a.shape[:-2], a.dtype))[0]


@rule(np.linalg.slogdet)
def _slogdet(a: Any) -> Any:
    return tuple(_factored([a], (a.shape[:-2], a.dtype), (a.shape[:-2], a.real.dtype)))


@rule(np.linalg.eigh)
def _eigh(a: Any, UPLO: str = "L") -> Any:
    return tuple(_factored([a], (a.shape[:-1], a.real.dtype), (a.shape, a.dtype)))


@rule(np.linalg.qr)
def _qr(a: Any, mode: str = "reduced") -> Any:
    *batch, m, n = a.shape
    k = min(m, n)
    return tuple(_factored([a, a], ((*batch, m, k), a.dtype), ((*batch, k, n), a.dtype)))


@rule(np.linalg.svd)
def _svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    *batch, m, n = a.shape
    k = min(m, n)
    values = (*batch, k), a.real.dtype
    if not compute_uv:
        return _factored([a], values)[0]
    left, right = (m, n) if full_matrices else (k, k)
    return tuple(
        _factored([a], ((*batch, m, left), a.dtype), values, ((*batch, right, n), a.dtype))
    )


@rule(np.linalg.norm)
def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if ord not in (None, 2):
        powers = np.abs(x)
        del powers
    return allocate(reduced_shape(x.shape, axis, keepdims), x.real.dtype)
