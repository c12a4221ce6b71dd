"""Floor debug: taking the values away from all tensors, and giving everything back as it was."""

from __future__ import annotations

import gc
import random
import sys
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from operator import is_
from types import MemberDescriptorType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from ..arrays import dtypes
from ..arrays.random import Generator
from ..autograd import modes
from ..autograd.storage import Storage
from ..autograd.tape import Node
from ..autograd.tensor import AutogradMeta, Tensor, new
from ..ops.definition import Definition
from .ledger import Ledger
from .memory import is_whole

_SLOTS = ("_data", "_requires_grad", "_edge", "_storage", "_view", "_meta")
_META = AutogradMeta.__slots__
_PACKAGE = __package__.partition(".")[0]
_APART = (Storage, AutogradMeta, Definition, Ledger)
_CONTAINERS = (dict, list, deque, set)
_WEAK = (weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet)


class _Held:
    """One tensor as it was; the tensor itself only weakly, so that its memory can go in the run."""

    __slots__ = ("ref", "cls", "slots", "storage", "meta", "grad", "attributes", "alive")

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
        self.alive: Any = None  # the tensor, while things are put back

    def revive(self) -> Any:
        """The tensor; a new one if only what is put back held it, and the run let it go."""
        if self.alive is None:
            self.alive = new(self.cls)
        return self.alive

    def restore(self) -> None:
        t = self.alive
        for slot, value in zip(_SLOTS, self.slots):
            setattr(t, slot, value)
        if t._storage is not None and self.storage is not None:
            t._storage.version, t._storage.writer, t._storage.inference = self.storage
        if t._meta is not None and self.meta is not None:
            for slot, value in self.meta.items():
                setattr(t._meta, slot, value)
            t._meta.grad = None if self.grad is None else self.grad.alive
        vars(t).clear()
        vars(t).update(self.attributes)


class _Kept:
    """What a container held; tensors as `_Held`, so that one which is replaced can go."""

    __slots__ = ("base", "container", "keys", "values", "tensors")

    def __init__(self, container: Any) -> None:
        # the methods of the built-in class, past those that a subclass overrides
        self.base: Any = next(c for c in (OrderedDict, *_CONTAINERS) if isinstance(container, c))
        self.container = container
        self.keys, self.values = self._contents()
        self.tensors: list[tuple[int, _Held]] = []

    def _contents(self) -> tuple[list[Any] | None, list[Any]]:
        """What it holds now, in lists, which ask no key for its hash; with keys if it has those."""
        base, container = self.base, self.container
        if issubclass(base, dict):
            return list(base.keys(container)), list(base.values(container))
        return None, list(base.__iter__(container))

    def restore(self) -> None:
        """Make the contents what they were; a container that did not change is not touched."""
        base, container = self.base, self.container
        for place, held in self.tensors:
            self.values[place] = held.revive()
        keys, values = self._contents()
        if _are_same(values, self.values) and _are_same(keys or [], self.keys or []):
            return
        base.clear(container)
        if self.keys is not None:
            for key, value in zip(self.keys, self.values):
                if not _is_dead(key) and not _is_dead(value):
                    base.__setitem__(container, key, value)
        elif base is set:
            base.update(container, [value for value in self.values if not _is_dead(value)])
        else:
            base.extend(container, self.values)


def _are_same(now: list[Any], before: list[Any]) -> bool:
    return len(now) == len(before) and all(map(is_, now, before))


def _is_dead(value: Any) -> bool:
    """Whether it is in a weak dictionary, and what it stood for went in the run."""
    return isinstance(value, weakref.ref) and value() is None


_NOT_FILLED = object()


class _Slots:
    """What the slots of an object held: of a node, of which a pass takes; or of the user's."""

    __slots__ = ("owner", "values")

    def __init__(self, owner: Any) -> None:
        # by the descriptors, past properties and `__setattr__` of the class
        self.owner = owner
        self.values: list[tuple[Any, Any]] = []
        for slot in _slots_of(type(owner)):
            try:
                value = slot.__get__(owner)
            except AttributeError:
                value = _NOT_FILLED
            self.values.append((slot, value))

    def restore(self) -> None:
        for slot, value in self.values:
            if value is not _NOT_FILLED:
                slot.__set__(self.owner, _revived(value))
                continue
            with suppress(AttributeError):  # it is still not filled
                slot.__delete__(self.owner)


class _Several(NamedTuple):
    """A tuple or list that has tensors: what a node saved."""

    kind: Any
    values: list[Any]


def _revived(value: Any) -> Any:
    if type(value) is _Held:
        return value.revive()
    if type(value) is _Several:
        return value.kind([_revived(v) for v in value.values])
    return value


def _copied(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else value


class Suspension:
    """Everything that adjoint keeps, as it was: `begin` takes values away, `restore` gives back."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._tensors: dict[int, _Held] = {}  # by the id of the tensor, while all are there
        self._undo: list[Callable[[], None]] = []
        self._seen: set[int] = _namespaces()
        self._roles: dict[type, str] = {}  # of the values in containers, by their class

    def begin(self) -> None:
        """Note how everything is, and put arrays without values into all tensors."""
        if gc.get_freeze_count():
            raise RuntimeError(
                "predict_memory: gc.freeze() hides what was there from the walk over the live "
                "objects, so it could not be put back; call gc.unfreeze() first"
            )
        objects = gc.get_objects()
        for cls in set(map(type, objects)).difference(_kinds):
            _kinds[cls] = _kind_of(cls)
        kinds = {cls: kind for cls, kind in _kinds.items() if kind}
        wanted = [o for o in objects if type(o) in kinds]
        del objects
        tensors = [o for o in wanted if kinds[type(o)] == "tensor" and is_whole(o)]
        self._tensors = {id(t): _Held(t) for t in tensors}
        for o in wanted:
            kind = kinds[type(o)]
            if kind == "generator":
                self._keep_generator(o)
            elif kind != "tensor":
                if kind == "object":
                    self._keep(object.__getattribute__(o, "__dict__"))
                if _slots_of(type(o)):
                    self._keep_slots(o)
        self._keep_modes()
        self._keep_streams()
        self._empty(tensors)
        self._ledger.settle()

    def _empty(self, tensors: list[Tensor]) -> None:
        """Put arrays without values into tensors and their gradients."""
        for t in tensors:
            grad = None if t._meta is None else t._meta.grad
            if grad is not None:
                if id(grad) not in self._tensors:  # another thread has just made it
                    self._tensors[id(grad)] = _Held(grad)
                    tensors.append(grad)
                self._tensors[id(t)].grad = self._tensors[id(grad)]
        for t in tensors:
            array = t._data
            if type(array) is np.ndarray and (array.ndim or array.flags.writeable):
                # the others stand for Python numbers, which other threads use as well
                t._data = self._ledger.adopt(array)

    def _keep(self, container: Any) -> None:
        """Keep what a container of an object of ours has, and those in it, however deep."""
        waiting = [container]
        roles = self._roles
        while waiting:
            container = waiting.pop()
            if id(container) in self._seen or _is_namespace(container):
                continue
            self._seen.add(id(container))
            kept = _Kept(container)
            self._undo.append(kept.restore)
            for cls in set(map(type, kept.values)).difference(roles):
                roles[cls] = _role_of(cls)
            if kept.base is set or not any(map(roles.__getitem__, map(type, kept.values))):
                continue
            for place, value in enumerate(kept.values):
                role = roles[type(value)]
                if role == "array" and value.dtype.kind in "biufcV":
                    key = place if kept.keys is None else kept.keys[place]
                    kept.base.__setitem__(container, key, self._ledger.adopt(value))
                elif role == "tensor" and id(value) in self._tensors:
                    kept.tensors.append((place, self._tensors[id(value)]))
                    kept.values[place] = None
                elif role == "container":
                    waiting.append(value)
                elif role == "weak":
                    waiting.append(value.data)

    def _keep_slots(self, owner: Any) -> None:
        slots = _Slots(owner)
        self._undo.append(slots.restore)
        for i, (slot, value) in enumerate(slots.values):
            weak = self._weakened(value)
            slots.values[i] = slot, weak
            if weak is value and isinstance(value, _CONTAINERS):
                self._keep(value)

    def _weakened(self, value: Any) -> Any:
        """A value with its tensors as `_Held`."""
        if isinstance(value, Tensor):
            return self._tensors.get(id(value), value)
        if type(value) in (tuple, list) and any(isinstance(v, Tensor) for v in value):
            return _Several(type(value), [self._weakened(v) for v in value])
        return value

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

    def _keep_streams(self) -> None:
        """Keep the streams of Python and NumPy that data pipelines draw from."""
        self._undo.append(partial(random.setstate, random.getstate()))
        # NumPy's old stream is the one that has a state for the whole process
        self._undo.append(partial(np.random.set_state, np.random.get_state()))  # noqa: NPY002

    def restore(self) -> None:
        """Give back everything as it was; what fails does not keep the rest from it."""
        every = list(self._tensors.values())
        for held in every:
            held.alive = held.ref()
        failed: BaseException | None = None
        for undo in reversed(self._undo):
            try:
                undo()
            except BaseException as error:  # noqa: BLE001  # raised below
                failed = failed or error
        for held in every:
            inner = held
            while inner.alive is not None and inner.grad is not None:
                inner.grad.revive()
                inner = inner.grad
        for held in every:
            if held.alive is not None:
                held.restore()
        for held in every:
            held.alive = None
        if failed is not None:
            raise failed


def _namespaces() -> set[int]:
    """The ids of what holds the names of modules, and these themselves: not ours to put back."""
    modules = [m for m in list(sys.modules.values()) if isinstance(m, ModuleType)]
    # not `vars`, which makes a module that waits to be loaded do so
    return {id(sys.modules), *[id(object.__getattribute__(m, "__dict__")) for m in modules]}


def _is_namespace(container: Any) -> bool:
    """Whether it holds the names of a program that is run by `exec`."""
    return isinstance(container, dict) and dict.__contains__(container, "__builtins__")


# Weak: a class that a program made and dropped is not kept alive for having been looked at.
_kinds: weakref.WeakKeyDictionary[type, str] = weakref.WeakKeyDictionary()
_slots: weakref.WeakKeyDictionary[type, tuple[Any, ...]] = weakref.WeakKeyDictionary()


def _slots_of(cls: Any) -> tuple[Any, ...]:
    """The descriptors of the slots of a class that its instances fill."""
    found = _slots.get(cls)
    if found is None:
        found = _slots[cls] = tuple(
            [
                m
                for c in cls.__mro__
                if "__slots__" in vars(c)  # members that C code defines may be read-only
                for m in vars(c).values()
                if type(m) is MemberDescriptorType
            ]
        )
    return found


def _kind_of(cls: type) -> str:
    if issubclass(cls, Tensor):
        return "tensor"
    if issubclass(cls, Node):
        return "node"
    if issubclass(cls, Generator):
        return "generator"
    if issubclass(cls, (type, Suspension, *_APART)) or not cls.__dictoffset__:
        return ""
    ours = any(_home(c).partition(".")[0] == _PACKAGE for c in cls.__mro__)
    return "object" if ours and not _home(cls).startswith(f"{_PACKAGE}.ops") else ""


def _home(cls: type) -> str:
    """The module of a class; "" where instances have a slot or property of that name instead."""
    module: Any = cls.__module__
    return module if isinstance(module, str) else ""


def _role_of(cls: type) -> str:
    """What is done with a value of this class in a container that is kept."""
    if cls is np.ndarray:
        return "array"
    if issubclass(cls, Tensor):
        return "tensor"
    if issubclass(cls, _CONTAINERS):
        return "container"
    return "weak" if issubclass(cls, _WEAK) else ""
