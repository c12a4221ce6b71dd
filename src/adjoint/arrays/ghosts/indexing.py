"""Floor 0: subscripts of arrays without values: views, and copies whose shape the indices tell."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import allocate, attach, is_ghost, state, unknown


def _normal(key: Any) -> tuple[Any, ...]:
    """A subscript as a tuple of slices, integers, None, Ellipsis and arrays."""
    found: list[Any] = []
    for k in key if isinstance(key, tuple) else (key,):
        if isinstance(k, list):
            k = np.asarray(k)
        if isinstance(k, np.ndarray):
            known = k.value if is_ghost(k) else None  # type: ignore[attr-defined]
            k = k if known is None else known
            if k.ndim == 0 and k.dtype.kind in "iu" and not is_ghost(k):
                k = int(k)
            elif k.dtype.kind == "b":
                if is_ghost(k):
                    raise unknown("a boolean mask as an index", k)
                found.extend(np.nonzero(k) if k.ndim else [np.zeros(int(k), np.intp)])
                continue
        elif isinstance(k, np.integer):
            k = int(k)
        found.append(k)
    return tuple(found)


def _is_basic(key: tuple[Any, ...]) -> bool:
    return not any(isinstance(k, np.ndarray) for k in key)


def picked_shape(shape: tuple[int, ...], key: tuple[Any, ...]) -> tuple[int, ...]:
    """The shape of what a subscript with arrays reads, by NumPy's rules."""
    takes = sum([k is not None and k is not Ellipsis for k in key])
    if takes > len(shape):
        raise IndexError(
            f"too many indices for array: array is {len(shape)}-dimensional, but {takes} were "
            "indexed"
        )
    if Ellipsis not in [k for k in key if not isinstance(k, np.ndarray)]:
        key = (*key, Ellipsis)
    sizes: list[int] = []
    arrays: list[tuple[int, ...]] = []
    places: list[int] = []  # where arrays and integers stand
    at, axis = 0, 0
    for number, k in enumerate(key):
        if k is None:
            sizes.append(1)
        elif k is Ellipsis:
            for _ in range(len(shape) - takes):
                sizes.append(shape[axis])
                axis += 1
        elif isinstance(k, slice):
            sizes.append(len(range(*k.indices(shape[axis]))))
            axis += 1
        else:
            if not places:
                at = len(sizes)
            places.append(number)
            arrays.append(np.shape(k))
            axis += 1
    if places[-1] - places[0] != len(places) - 1:
        at = 0  # what lies between them puts them first
    return (*sizes[:at], *np.broadcast_shapes(*arrays), *sizes[at:])


def get(x: Any, key: Any) -> Any:
    """`x[key]`."""
    key = _normal(key)
    if _is_basic(key):
        if Ellipsis not in key:
            key = (*key, Ellipsis)
        return x.view_by(lambda a: a[key])
    value = x.value
    if value is not None and not any(is_ghost(k) for k in key):
        return allocate(np.shape(value[key]), x.dtype, value=np.asarray(value[key]))
    places = [k.astype(np.intp) for k in key if is_ghost(k) and k.dtype != np.intp]
    found = allocate(picked_shape(x.shape, key), x.dtype)
    del places
    return found


def put(x: Any, key: Any, values: Any) -> None:
    """`x[key] = values`."""
    if is_ghost(key) and key.dtype.kind == "b" and not np.ndim(values):
        x._buffer.is_known = False  # one number, wherever the mask holds
        return
    key = _normal(key)
    if _is_basic(key):
        target = x.view_by(lambda a: a[key if Ellipsis in key else (*key, Ellipsis)])
        write(target, values)
        return
    wanted = picked_shape(x.shape, key)
    known = x.value
    from_value = values.value if is_ghost(values) else values
    if known is not None and from_value is not None and not any(is_ghost(k) for k in key):
        known[key] = from_value
        return
    check_fits(np.shape(values), wanted)
    x._buffer.is_known = False


def write(target: Any, values: Any) -> None:
    """`target[...] = values`."""
    given = values.value if is_ghost(values) else values
    shape = np.shape(values)
    check_fits(shape, target.shape)
    if not target.flags.writeable:
        raise ValueError("assignment destination is read-only")
    known = target.value
    if known is not None and given is not None:
        known[...] = given
    else:
        target._buffer.is_known = False


def check_fits(shape: tuple[int, ...], target: tuple[int, ...]) -> None:
    """NumPy's error unless `shape` broadcasts to `target`."""
    while len(shape) > len(target) and shape[0] == 1:
        shape = shape[1:]
    if shape != target and np.broadcast_shapes(shape, target) != target:
        raise ValueError(f"could not broadcast input array from shape {shape} into shape {target}")


def refuse_real(what: str, target: Any) -> None:
    """The error of writing unknown values into memory that is there."""
    ledger = state.ledger
    where = "" if ledger is None else f", at {ledger.line()}"
    raise ValueError(
        f"{what}: in a run on shapes alone, nothing can be written to a NumPy array of shape "
        f"{list(np.shape(target))} from outside the run{where}"
    )


attach(__getitem__=get, __setitem__=put)
