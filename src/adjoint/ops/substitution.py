"""Floor 2: putting array functions that follow shapes alone in the place of those that compute.

While a run is in force, adjoint's modules name the substitutes; each of them asks whether its own
thread is in that run, and calls the original if not. Nothing is on any path at other times.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from ..arrays.ghosts import SUBSTITUTES, is_ghost, state
from ..autograd import modes, tensor
from .operation import REGISTRY

_PACKAGE = __package__.partition(".")[0]
_Cached = type(cache(len))
_plain_wrap = tensor.wrap


def _wrap(array: Any) -> Any:
    """`wrap`, of an array without values where a real one is given."""
    if state.ledger is not None and not is_ghost(array) and not hasattr(array, "level"):
        array = state.ledger.ghost_of(np.asarray(array))
    t = tensor.new(tensor.Tensor)
    t._data = array
    t._requires_grad = False
    t._edge = t._storage = t._view = t._meta = None
    if modes.state.inference:
        tensor.storage_of(t).inference = True
    tensor.mark_born(t)
    return t


class _NumPy(ModuleType):
    """NumPy with the substitutes in it, to stand where a module says `np`."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        try:
            found = SUBSTITUTES.get(found, found)
        except TypeError:  # not hashable
            return found
        setattr(self, name, found)
        return found


_numpy = _NumPy("numpy")
SUBSTITUTES[_plain_wrap] = _wrap

_Place = tuple[Callable[[str, Any], None], str, Any, Any]
_places: list[_Place] = []
_caches: list[dict[Any, Any]] = []  # the modules' own dicts
_sizes: list[int] = []
_set_apart: list[tuple[dict[Any, Any], dict[Any, Any]]] = []
_known: frozenset[str] = frozenset()
_replaced: list[_Place] = []
_kernels: dict[Any, Any] = {}


def _find_places() -> list[_Place]:
    """Where adjoint's modules and classes name a function that has a substitute."""
    global _known
    names = [n for n in sys.modules if n.partition(".")[0] == _PACKAGE and ".ghosts" not in n]
    if frozenset(names) == _known:
        return _places
    _known = frozenset(names)
    _places.clear()
    _caches.clear()
    own = sys.modules[__name__]
    seen: set[Any] = set()
    for name in names:
        module = sys.modules[name]
        if module is own:
            continue
        for key, value in list(vars(module).items()):
            if value is np:
                _places.append((vars(module).__setitem__, key, np, _numpy))
            elif type(value) is dict:
                _caches.append(value)
            elif isinstance(value, type) and value.__module__ == name:
                _find_in_class(value, seen)
            else:
                _find(vars(module).__setitem__, key, value)
                _find_in_closure(value, seen)
    return _places


def _find_in_closure(function: Any, seen: set[Any]) -> None:
    """Functions that are made by others hold what those were given."""
    if not isinstance(function, FunctionType) or function in seen:
        return
    seen.add(function)
    for cell in function.__closure__ or ():
        try:
            value = cell.cell_contents
        except ValueError:  # not filled yet
            continue
        _find(partial(_fill, cell), "", value)
        _find_in_closure(value, seen)


def _fill(cell: Any, _: str, value: Any) -> None:
    cell.cell_contents = value


def _find_in_class(cls: type, seen: set[Any]) -> None:
    for key, value in list(vars(cls).items()):
        if isinstance(value, FunctionType):
            _find(lambda k, v: setattr(cls, k, v), key, value)
            _find_in_closure(value, seen)


def _find(put: Callable[[str, Any], None], key: str, value: Any) -> None:
    if type(value) is _Cached:  # what a real run keeps between calls must not outlive this one
        _places.append((put, key, value, value.__wrapped__))
        return
    try:
        found = SUBSTITUTES.get(value)
    except TypeError:  # not hashable
        return
    if found is not None:
        _places.append((put, key, value, found))


def install() -> None:
    """Put the substitutes in place."""
    places = _find_places()
    for table in _caches:
        if table and all(type(v) is np.ndarray for v in table.values()):
            _set_apart.append((table, dict(table)))  # constants with values, made when first needed
            table.clear()
    _sizes[:] = map(_size, _caches)
    for place in places:
        put, key, _, found = place
        _replaced.append(place)  # first: an interrupt between the two is undone as well
        put(key, found)
    for operation in REGISTRY.values():
        _kernels[operation] = operation.kernel
        try:
            operation.kernel = SUBSTITUTES.get(operation.kernel, operation.kernel)
        except TypeError:
            continue


def _size(table: dict[Any, Any]) -> int:
    """How many entries a cache has, with those of caches in it."""
    if type(next(iter(table.values()), None)) is not dict:
        return len(table)
    return len(table) + sum([len(v) for v in table.values() if type(v) is dict])


def remove() -> None:
    """Put the originals back."""
    for put, key, original, _ in _replaced:
        put(key, original)
    _replaced.clear()
    for operation, before in _kernels.items():
        operation.kernel = before
    _kernels.clear()
    for table, size in zip(_caches, _sizes):
        if _size(table) != size:
            _forget_ghosts(table)
    for table, before in _set_apart:
        table.update(before)
    _set_apart.clear()


@contextmanager
def shapes_alone(ledger: Any) -> Iterator[None]:
    """Run on shapes alone in this thread; tensors have to be without values already."""
    try:
        install()
        state.ledger = ledger
        yield
    finally:
        state.ledger = None
        remove()


def _forget_ghosts(table: dict[Any, Any]) -> None:
    """Drop what a run left in a cache: constants without values."""
    for key, value in list(table.items()):
        if type(value) is dict:
            _forget_ghosts(value)
        elif is_ghost(value) or (isinstance(value, tensor.Tensor) and is_ghost(value._data)):
            del table[key]
