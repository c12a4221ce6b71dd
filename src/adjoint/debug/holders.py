"""Floor debug: who holds an object: the variable, attribute or list that keeps it alive.

Reads the references that Python's collector knows, and the frames that are running.
"""

from __future__ import annotations

import gc
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from inspect import CO_OPTIMIZED
from types import CellType, FrameType, FunctionType, ModuleType
from typing import Any

from ..autograd import origin
from ..autograd.hooks import NodeHooks
from ..autograd.tape import Node
from ..autograd.tensor import AutogradMeta, Tensor

_DEPTH = 4  # containers in containers
_CONTAINERS = (list, tuple, set, deque, dict, CellType)
_SEARCHED = 30  # objects whose referrers are looked at for one answer


def frames() -> list[FrameType]:
    """The user's frames of all threads, innermost first."""
    found = []
    tops = sys._current_frames()
    try:
        for frame in list(tops.values()):
            while frame is not None:
                name = frame.f_code.co_filename
                if not origin.is_internal[name]:
                    found.append(frame)
                frame = frame.f_back  # type: ignore[assignment]
    finally:  # this frame is among them: its variables must not hold it, and all that called it
        tops.clear()
        frame = None  # type: ignore[assignment]
    return found


def name_holder(target: Any) -> str:
    """`'history' in train.py`: the name under which a program holds an object, or what it is."""
    return find_holder(target) or _describe(target)


def find_holder(target: Any) -> str | None:
    """The name under which a program holds an object; None when only graphs do."""
    found = _variable(target)
    if found is not None or id(target) in _known:
        return found or _referrer(target, set(), _DEPTH)
    with looking_at([target]):
        return _referrer(target, set(), _DEPTH)


# What refers to an object, while `looking_at` some: one walk over all objects for each level of
# containers, because a walk takes 0.1 s in a large program.
_known: dict[int, list[Any]] = {}


@contextmanager
def looking_at(targets: Sequence[Any]) -> Iterator[None]:
    """Make `name_holder` of these objects cheap inside the block."""
    try:
        level, left = list(targets), _DEPTH
        while left:
            level, left = _look_up(level), left - 1
            if any(isinstance(r, AutogradMeta) for r in level):
                left = _DEPTH  # from a gradient over its leaf to what holds that
        yield
    finally:
        for found in _known.values():
            found.clear()  # they may hold each other
        _known.clear()


def _look_up(objects: Sequence[Any]) -> list[Any]:
    """Note the referrers of objects; returns those whose own referrers may be asked for."""
    wanted = {id(o) for o in objects if id(o) not in _known}
    _known.update({i: [] for i in wanted})
    own = {id(objects), *[id(known) for known in _known.values()]}
    found = [r for r in gc.get_referrers(*objects) if id(r) not in own] if wanted else []
    for r in found:
        for target in gc.get_referents(r):
            if id(target) in wanted:
                _known[id(target)].append(r)
    containers = [
        r
        for r in found
        if (isinstance(r, _CONTAINERS) or _is_of_gradient(r, wanted))
        and r is not _known
        and not (isinstance(r, dict) and "__builtins__" in r)
    ]
    return containers[: max(_SEARCHED, 4 * len(wanted))]


def _is_of_gradient(r: Any, wanted: set[int]) -> bool:
    """Whether an object is between a gradient and the name of its leaf."""
    if isinstance(r, Tensor):
        return id(getattr(r, "_meta", None)) in wanted
    return isinstance(r, AutogradMeta) and id(r.grad) in wanted


def _referrers(target: Any) -> list[Any]:
    return _known.get(id(target), [])


def _variable(target: Any) -> str | None:
    """A local variable of a running function."""
    for frame in frames():
        if not frame.f_code.co_flags & CO_OPTIMIZED:
            continue  # a module or a class body: its variables are in a dict of its own
        variables = frame.f_locals
        names = [name for name, value in variables.items() if value is target]
        if isinstance(variables, dict):  # until Python 3.12: a copy that the frame would keep
            variables.clear()
        if names:
            return f"variable {names[0]!r} of {frame.f_code.co_name}()"
    return None


def _referrer(target: Any, seen: set[int], depth: int) -> str | None:
    """A module, an object's attribute, or a container, and what holds that in turn."""
    seen.add(id(target))
    if depth == 0 or len(seen) > _SEARCHED:
        return None
    referrers = [r for r in _referrers(target) if id(r) not in seen]
    try:
        for r in referrers:
            if isinstance(r, dict) and "__builtins__" in r:
                module = r.get("__name__", "")  # there is none where text is run
                keys = [k for k, v in r.items() if v is target]
                if keys and not str(module).startswith("adjoint"):
                    where = f" of module {module}" if module else ""
                    return f"variable {keys[0]!r}{where}"
        for r in referrers:
            found = _step(target, r, seen, depth)
            if found is not None:
                return found
    finally:
        del referrers
    return None


def _step(target: Any, r: Any, seen: set[int], depth: int) -> str | None:
    """What one referrer says: `[3]`, `['loss']` or `.total` of what holds the referrer."""
    if isinstance(r, AutogradMeta) and r.grad is target:
        return _leaf(r, seen, depth)
    if isinstance(r, (FrameType, ModuleType, type, Node, NodeHooks, AutogradMeta, Tensor)):
        return None
    if isinstance(r, (list, tuple, set, deque)):
        if not any(v is target for v in r):
            return None
        holder = _variable(r) or _referrer(r, seen, depth - 1)
        return None if holder is None else f"{holder}, a {type(r).__name__} of {len(r)}"
    if isinstance(r, CellType):
        return _closure(r, seen, depth)
    if isinstance(r, dict):
        owner = _owner(r)
        if owner is None:
            keys = [k for k, v in list(r.items()) if v is target]
            holder = _variable(r) or _referrer(r, seen, depth - 1)
            if not keys or holder is None:
                return None
            return holder.replace("'_parameters'", repr(keys[0])).replace(
                "'_buffers'", repr(keys[0])
            )
        r = owner
    names = [k for k, v in getattr(r, "__dict__", {}).items() if v is target]
    return f"attribute {names[0]!r} of a {type(r).__name__}" if names else None


def _leaf(meta: AutogradMeta, seen: set[int], depth: int) -> str:
    """The name of a leaf whose gradient it is."""
    for r in _referrers(meta):
        if isinstance(r, Tensor) and r._meta is meta:
            return f".grad of {_variable(r) or _referrer(r, seen, _DEPTH) or _describe(r)}"
    return ".grad of a tensor"


def _closure(cell: CellType, seen: set[int], depth: int) -> str | None:
    """The name that a function's closure gives a cell."""
    for r in _referrers(cell):
        cells = r if isinstance(r, tuple) else ()
        for f in _referrers(cells) if cells else ():
            if isinstance(f, FunctionType) and f.__closure__ is cells:
                name = f.__code__.co_freevars[[c is cell for c in cells].index(True)]
                return f"variable {name!r} around {f.__name__}()"
    return None


def _owner(attributes: dict[Any, Any]) -> Any:
    """The object whose `__dict__` this is."""
    for r in _referrers(attributes):
        if getattr(r, "__dict__", None) is attributes and not isinstance(r, (ModuleType, type)):
            return r
    return None


def _describe(target: Any) -> str:
    if isinstance(target, Tensor):
        return f"a tensor of shape {list(target._data.shape)}"
    return f"a {type(target).__name__}"
