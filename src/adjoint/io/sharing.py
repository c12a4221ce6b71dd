"""Floor 5: tensors that share memory are stored once, and share memory again when they are loaded.

`gather` finds out what to store: an array for each piece of memory, and for each tensor where in
it to look. Knows arrays only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .container import DamageError

__all__ = ["gather", "restore"]

Array = Any
# Of a tensor that is not stored by itself: [name of what is stored, offset, shape, strides], the
# last three counted in elements.
View = list[Any]


def gather(leaves: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, View]]:
    """The arrays to store, by name, and the views on them that stand for the rest."""
    stored: dict[str, Array] = {}
    views: dict[str, View] = {}
    for names in _clusters(leaves):
        arrays = [leaves[name] for name in names]
        if len(names) == 1 or not _can_share(arrays):
            stored.update(zip(names, arrays, strict=True))
            continue
        base, low = _covering(arrays)
        same = [n for n, a in zip(names, arrays, strict=True) if a is base]
        home = same[0] if same else _unused(names[0] + "#memory", leaves)
        stored[home] = base
        for name, array in zip(names, arrays, strict=True):
            if name != home:
                size = array.itemsize
                views[name] = [
                    home,
                    (_address(array) - low) // size,
                    list(array.shape),
                    [stride // size for stride in array.strides],
                ]
    return stored, views


def _can_share(arrays: list[Array]) -> bool:
    """One dtype, and strides forward: what a view can be told by."""
    return len({a.dtype for a in arrays}) == 1 and all(n >= 0 for a in arrays for n in a.strides)


def _unused(name: str, taken: Mapping[str, Any]) -> str:
    while name in taken:
        name += "#"
    return name


def _address(array: Array) -> int:
    return int(array.__array_interface__["data"][0])


def _bounds(array: Array) -> tuple[int, int]:
    """The first address of an array and the one after its last."""
    low, high = np.lib.array_utils.byte_bounds(array)
    return int(low), int(high)


def _clusters(leaves: Mapping[str, Array]) -> list[list[str]]:
    """Names of arrays whose memory overlaps, together; in the order of the first of each."""
    position = {name: i for i, name in enumerate(leaves)}
    clusters: list[list[str]] = [[name] for name, array in leaves.items() if array.size == 0]
    end = -1
    for name in sorted((n for n in leaves if leaves[n].size), key=lambda n: _bounds(leaves[n])):
        low, high = _bounds(leaves[name])
        if low < end:
            clusters[-1].append(name)
        else:
            clusters.append([name])
        end = max(end, high) if low < end else high
    for cluster in clusters:
        cluster.sort(key=position.__getitem__)
    return sorted(clusters, key=lambda cluster: position[cluster[0]])


def _covering(arrays: list[Array]) -> tuple[Array, int]:
    """One array that has all of the memory, and the address it begins at."""
    bounds = [_bounds(array) for array in arrays]
    low, high = min(b[0] for b in bounds), max(b[1] for b in bounds)
    for array, extent in zip(arrays, bounds, strict=True):
        if extent == (low, high) and array.flags.c_contiguous:
            return array, low
    first = next(a for a, b in zip(arrays, bounds, strict=True) if b[0] == low)
    return as_strided(first, ((high - low) // first.itemsize,), (first.itemsize,)), low


def restore(view: View, stored: Mapping[str, Array]) -> Array:
    """The array that a view describes, on the memory that was loaded."""
    damage = DamageError("its structure is damaged (a view outside its memory)")
    try:
        home, offset, shape, strides = view
        flat = stored[home].reshape(-1)
        counts = [offset, *shape, *strides]
    except (ValueError, TypeError, KeyError):
        raise damage from None
    if len(shape) != len(strides) or not all(type(n) is int and n >= 0 for n in counts):
        raise damage
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if 0 not in shape and last >= flat.size:
        raise damage
    try:
        return as_strided(flat[offset:], shape, [n * flat.itemsize for n in strides])
    except (ValueError, OverflowError):
        raise damage from None
