"""Floor 1: writing in place inside a transform: what is written may have to move from then on.

A tensor that a Dual is written into becomes one itself, with all it is a view of: what it was, its
history too, stays the primal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import modes
from .lifted import (
    UNMAPPED_WRITE,
    Dual,
    Level,
    level_of,
    made_like,
    mapped_over,
    top_level,
)
from .storage import Storage
from .tensor import Tensor, born, new


def admit(x: Tensor, source: Tensor) -> None:
    """Prepare `x` for a value of `source` in its place: it may have to move from now on."""
    level, own = top_level((x, source)), level_of(x)
    assert level is not None
    if own is not level:
        if level.kind == "vmap":
            raise RuntimeError(UNMAPPED_WRITE)
        if level.kind == "jet":
            raise RuntimeError(
                "jet: a Taylor series cannot be written into a tensor that is none; use the "
                "out-of-place form"
            )
        _in_mode(level, lambda: _set_moving(x, level, source._data.tangent))
    elif x._data.__class__ is Dual and level_of(source) is level and x._data.tangent is not None:
        written = source._data.tangent
        if written is not None and not mapped_over(written) <= mapped_over(x._data.tangent):
            _in_mode(level, lambda: _set_moving(x, level, written))


def overwrite_lifted(x: Tensor, source: Tensor) -> None:
    """Write the value of `source` into the parts of `x`, which was admitted to its level."""
    _in_mode(x._data.level, lambda: x._data.overwrite(source))


def _in_mode(level: Level, f: Callable[[], None]) -> None:
    """Work on parts in the grad mode that holds below the level."""
    state = modes.state
    before = state.grad
    state.grad = level.grad
    try:
        f()
    finally:
        state.grad = before


def _set_moving(x: Tensor, level: Level, like: Tensor | None) -> None:
    """Give a tensor a tangent to write `like` into, and what it is a view of: both share it."""
    base = x if x._view is None else x._view.base
    shape, dtype = base._data.shape, base.dtype.numpy
    is_dual = base._data.__class__ is Dual and base._data.level is level
    primal = base._data.primal if is_dual else handle(base)
    model = primal if like is None else like
    tangent = made_like(model, lambda lead: np.zeros(lead + shape, dtype))
    if is_dual:
        if base._data.tangent is not None:
            tangent = tangent + base._data.tangent
        base._data.tangent = tangent  # of the same Dual, which the graph may have saved
    else:
        _raise(base, Dual(level, primal, tangent), None)
    if base is x or x._view is None:
        return
    if is_dual:
        x._data.tangent = _replayed(x._view, tangent)
    else:
        dual = Dual(level, _replayed(x._view, primal), _replayed(x._view, tangent))
        _raise(x, dual, base._storage)


def follow(t: Tensor) -> None:
    """Bring a view to the level of its base, which was written by something that moves."""
    view = t._view
    assert view is not None
    data, own = view.base._data, level_of(t)
    if data.__class__ is not Dual or not data.level.alive or data.tangent is None:
        return
    moving: Tensor = data.tangent
    if own is None or own.number < data.level.number:

        def raised() -> None:
            primal, tangent = _replayed(view, data.primal), _replayed(view, moving)
            _raise(t, Dual(data.level, primal, tangent), view.base._storage)

        _in_mode(data.level, raised)


def _replayed(view: Any, t: Tensor) -> Tensor:
    """The view of another base, by the same steps."""
    for step in view.steps:
        outs = step.operation(t, **step.params)
        t = outs if step.output is None else outs[step.output]
    return t


def _raise(t: Tensor, dual: Dual, storage: Storage | None) -> None:
    """Make a tensor one of the dual's level: what it was below, its history too, is the primal."""
    if storage is None:
        storage = Storage()
        storage.born = born(t)
    t._data = dual
    t._edge, t._requires_grad = None, False
    t._storage = storage
    if t._view is not None:
        t._view.version, t._view.inherited = t._storage.version, False


def handle(t: Tensor) -> Tensor:
    """The same tensor of the levels below, for a part of the one that is lifted now."""
    found: Tensor = new(Tensor)
    found._data, found._requires_grad = t._data, t._requires_grad
    found._edge, found._storage, found._view = t._edge, t._storage, t._view
    found._meta = None
    return found
