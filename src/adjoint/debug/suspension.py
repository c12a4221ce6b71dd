"""Floor debug: taking the values away from all tensors, and giving everything back as it was."""

from __future__ import annotations

import gc
import weakref
from collections import deque
from collections.abc import Callable
from functools import cache, partial
from types import MemberDescriptorType
from typing import Any

import numpy as np

from ..arrays import dtypes
from ..arrays.random import Generator
from ..autograd import modes
from ..autograd.storage import Storage
from ..autograd.tape import Node
from ..autograd.tensor import AutogradMeta, Tensor, new
from ..ops.definition import Definition
from .ledger import Ledger

_SLOTS = ("_data", "_requires_grad", "_edge", "_storage", "_view", "_meta")
_META = AutogradMeta.__slots__
_PACKAGE = __package__.partition(".")[0]
_APART = (Storage, AutogradMeta, Definition, Ledger)


class _Held:
    """One tensor as it was; the tensor itself only weakly, so that its memory can go in the run."""

    __slots__ = ("ref", "cls", "slots", "storage", "meta", "grad", "attributes")

    def __init__(self, t: Tensor) -> None:
        self.ref = weakref.ref(t)
        self.cls = type(t)
        self.slots = tuple([getattr(t, s) for s in _SLOTS])
        storage, meta = t._storage, t._meta
        self.storage = None if storage is None else (storage.version, storage.writer,
                                                     storage.inference)  # fmt: skip
        self.grad: _Held | None = None
        self.meta = (
            None if meta is None else {s: _copied(getattr(meta, s)) for s in _META if s != "grad"}
        )
        self.attributes = dict(vars(t))

    def restore(self, t: Tensor) -> None:
        for slot, value in zip(_SLOTS, self.slots):
            setattr(t, slot, value)
        if t._storage is not None and self.storage is not None:
            t._storage.version, t._storage.writer, t._storage.inference = self.storage
        if t._meta is not None and self.meta is not None:
            for slot, value in self.meta.items():
                setattr(t._meta, slot, value)
        vars(t).clear()
        vars(t).update(self.attributes)


def _copied(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else value


class Suspension:
    """Everything that adjoint keeps, as it was: `begin` takes values away, `restore` gives back."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._tensors: list[_Held] = []
        self._undo: list[Callable[[], None]] = []
        self._seen: set[int] = set()

    def begin(self) -> None:
        """Note how everything is, and put arrays without values into all tensors."""
        tensors: list[Tensor] = []
        objects = gc.get_objects()
        for cls in set(map(type, objects)).difference(_kinds):
            _kinds[cls] = _kind_of(cls)
        wanted = {cls for cls, kind in _kinds.items() if kind}
        for o in [o for o in objects if type(o) in wanted]:
            kind = _kinds[type(o)]
            if kind == "tensor":
                tensors.append(o)
            elif kind == "node":
                self._keep_node(o)
            elif kind == "generator":
                self._keep_generator(o)
            else:
                self._keep(o.__dict__)
        del objects
        self._keep_modes()
        self._keep_tensors(tensors)
        self._ledger.settle()

    def _keep_tensors(self, tensors: list[Tensor]) -> None:
        held = {id(t): _Held(t) for t in tensors}
        for t in tensors:
            meta = t._meta
            if meta is not None and meta.grad is not None:
                held[id(t)].grad = held[id(meta.grad)]
        self._tensors = list(held.values())
        for t in tensors:
            array = t._data
            if type(array) is np.ndarray and (array.ndim or array.flags.writeable):
                # the others stand for Python numbers, which other threads use as well
                t._data = self._ledger.adopt(t._data)

    def _keep(self, container: Any) -> None:
        """Keep what a container of an object of ours has, and those in it."""
        if id(container) in self._seen or _is_namespace(container):
            return
        self._seen.add(id(container))
        items = _items(container)
        self._undo.append(partial(_put_back, container, items))
        for key, value in items:
            if type(value) is np.ndarray and not isinstance(container, set):
                container[key] = self._ledger.adopt(value)
            elif isinstance(value, (dict, list, deque, set)):
                self._keep(value)

    def _keep_node(self, node: Any) -> None:
        """Keep what a pass takes from a node that was there before."""
        cls: Any = type(node)
        values = {slot: getattr(node, slot) for slot in _slots_of(cls) if hasattr(node, slot)}

        def undo() -> None:
            for slot, value in values.items():
                setattr(node, slot, value)

        self._undo.append(undo)

    def _keep_generator(self, generator: Generator) -> None:
        words = generator._words
        inner: Any = None if words is None else words.state
        values = {s: getattr(generator, s) for s in ("_engine", "_seed", "_words", "spare")}

        def undo() -> None:
            for slot, value in values.items():
                setattr(generator, slot, value)
            if words is not None:
                words.state = inner

        self._undo.append(undo)

    def _keep_modes(self) -> None:
        thread = dict(vars(modes.state))
        shared = {n: getattr(modes, n) for n in ("running", "lifted", "safe", "anomaly", "guard")}
        default = list(dtypes._default)

        def undo() -> None:
            vars(modes.state).clear()
            vars(modes.state).update(thread)
            for name, value in shared.items():
                setattr(modes, name, value)
            dtypes._default[:] = default

        self._undo.append(undo)

    def restore(self) -> None:
        """Give back everything as it was."""
        made: dict[int, Any] = {}
        for held in self._tensors:
            made[id(held)] = held.ref()
        for held in self._tensors:
            if held.grad is not None and made[id(held)] is not None:
                _revive(held.grad, made)
        for held in self._tensors:
            t = made[id(held)]
            if t is not None:
                held.restore(t)
        for held in self._tensors:
            t = made[id(held)]
            if t is not None and t._meta is not None:
                t._meta.grad = None if held.grad is None else made[id(held.grad)]
        for undo in reversed(self._undo):
            undo()


def _is_namespace(container: Any) -> bool:
    """Whether it holds the names of a module or a program, which are not ours to put back."""
    return isinstance(container, dict) and "__builtins__" in container


def _items(container: Any) -> list[tuple[Any, Any]]:
    """What is in a dict, a list, a deque or a set, with its place there."""
    if isinstance(container, dict):
        return list(container.items())
    return list(enumerate(container))


def _put_back(container: Any, before: list[tuple[Any, Any]]) -> None:
    """Make the contents of a container what they were; one that did not change is not touched."""
    now, keyed = _items(container), isinstance(container, dict)
    if len(now) == len(before) and all(
        value is v and (key is k or not keyed) for (key, value), (k, v) in zip(now, before)
    ):
        return
    container.clear()
    if keyed:
        container.update(before)
    elif isinstance(container, set):
        container.update([value for _, value in before])
    else:
        container.extend([value for _, value in before])


def _revive(held: _Held, made: dict[int, Any]) -> None:
    """A gradient that nobody but its tensor held, and that the run let go."""
    if made[id(held)] is None:
        made[id(held)] = new(held.cls)


_kinds: dict[type, str] = {}


@cache
def _slots_of(cls: Any) -> tuple[str, ...]:
    """The slots of a class that its instances fill."""
    names = {name for c in cls.__mro__ for name in vars(c)}
    return tuple([n for n in names if isinstance(getattr(cls, n, None), MemberDescriptorType)])


def _kind_of(cls: type) -> str:
    if issubclass(cls, Tensor):
        return "tensor"
    if issubclass(cls, Node):
        return "node"
    if issubclass(cls, Generator):
        return "generator"
    if issubclass(cls, (type, *_APART)) or not cls.__dictoffset__:
        return ""
    ours = any(c.__module__.partition(".")[0] == _PACKAGE for c in cls.__mro__)
    return "object" if ours and not cls.__module__.startswith(f"{_PACKAGE}.ops") else ""
