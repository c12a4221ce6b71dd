"""Floor 1: what a memory budget knows of an array: how to compute it again, and who holds it.

A Value is one array of the forward pass, a Step the operation that made it. Steps hold Values, so
a graph of them, without arrays, stays as long as something may have to be computed again.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy import ndarray

from .origin import Origin
from .storage import Storage
from .tensor import Tensor, storage_of

if TYPE_CHECKING:
    from .budget_meter import Meter


def owner_of(array: Any) -> Any:
    """The array that owns the memory of a view."""
    while array.base.__class__ is ndarray:
        array = array.base
    return array


class Buffer:
    """Memory that the graph keeps: its bytes count as long as this is alive."""

    __slots__ = ("meter", "array", "nbytes", "fixed", "__weakref__")

    def __init__(self, meter: Meter, array: Any, fixed: bool) -> None:
        self.meter = meter
        self.array = array  # keeps its id
        self.nbytes: int = array.nbytes
        self.fixed = fixed  # cannot be computed again
        meter.count_bytes(self.nbytes, fixed)

    def __del__(self) -> None:
        self.meter.count_bytes(-self.nbytes, self.fixed)


class Step:
    """One application of an operation, which can be run again."""

    __slots__ = (
        "operation", "params", "inputs", "number", "where", "outputs", "cost", "need", "__weakref__"
    )  # fmt: skip

    def __init__(
        self,
        operation: Any,
        params: dict[str, Any],
        inputs: tuple[Value, ...],
        number: int,
        where: Origin,
    ) -> None:
        self.operation = operation
        self.params = params
        self.inputs = inputs
        self.number = number  # in the order of the forward pass
        self.outputs: tuple[weakref.ref[Value], ...] = ()
        self.cost = 0.0  # of running it, in elements written
        self.need = 0  # bytes of its inputs and outputs that can be computed again
        self.where = where

    def made(self) -> list[Value]:
        """Its results that are still of use and have memory of their own."""
        return [v for r in self.outputs if (v := r()) is not None and v.of is None]


class Value:
    """One array of the forward pass: held, or to be computed again by `step`.

    Without a step it cannot be, and is always held. The array counts while the storage it lies in
    is at `version`.
    """

    __slots__ = (
        "step", "of", "array", "alive", "buffer", "storage", "version", "nbytes", "shape",
        "dtype", "uses", "last", "free", "needed", "users", "debt", "__weakref__",
    )  # fmt: skip

    def __init__(self, array: Any, step: Step | None, root: Value | None) -> None:
        self.step = step
        self.of = root  # None: it owns its memory; itself would be a cycle
        self.array: Any = None
        self.alive: weakref.ref[Any] | None = None  # the array, while its user holds it
        self.buffer: Buffer | None = None
        self.storage: Storage | None = None
        self.version = 0
        self.nbytes: int = owner_of(array).nbytes if root is None else 0
        self.shape: tuple[int, ...] = array.shape
        self.dtype: Any = array.dtype
        self.uses = 0  # how many saved values need this memory
        self.last = 0  # the number of the last step that saved it
        self.free = False  # a parameter or a constant, which is alive anyway
        self.needed = False  # some step has it as an input
        self.users: list[weakref.ref[Step]] = []  # those steps
        self.debt: float | None = None  # the work of computing it again, as last added up

    @property
    def root(self) -> Value:
        """The value that owns the memory."""
        return self if self.of is None else self.of

    @property
    def is_intact(self) -> bool:
        """Whether the memory still holds what it held."""
        return self.storage is None or self.storage.version == self.version

    def ready(self) -> Any:
        """The array, when there is one that nobody has written to since."""
        array = self.array
        if array is None and self.alive is not None:
            array = self.alive()
        return array if array is not None and self.is_intact else None

    def lies_in(self, array: Any, storage: Storage | None, version: int) -> None:
        """Note where the value is to be found as long as its user holds it."""
        self.alive = weakref.ref(array)
        self.storage, self.version = storage, version


class Use:
    """A saved value of a node, or a tensor that was kept: needs its Value until it is dropped."""

    __slots__ = ("meter", "value", "group", "number")

    def __init__(self, meter: Meter, value: Value, group: Sequence[Value], number: int) -> None:
        self.meter = meter
        self.value = value
        self.group = group  # what the node needs at the same time
        self.number = number  # of the step that saved it
        value.root.uses += 1
        value.root.last = value.last = number
        meter.live += 1

    def __del__(self) -> None:
        self.meter.release(self.value)


class Watched(Storage):
    """The storage of a value that cannot be computed again: it is copied before it is written."""

    __slots__ = ()

    def bump(self, writer: Origin | None) -> None:
        watch = _watches.get(id(self))
        if watch is not None:
            watch.preserve(written=writer is None)
        super().bump(writer)


class Watch:
    """The values that lie in one storage."""

    __slots__ = ("storage", "values", "__weakref__")

    def __init__(self, storage: Storage) -> None:
        self.storage = storage  # keeps its id
        self.values: list[weakref.ref[Source]] = []

    def preserve(self, written: bool) -> None:
        """Give the values memory of their own; `written`: it is too late."""
        for reference in self.values:
            value = reference()
            if value is None or value.storage is not self.storage or not value.is_intact:
                continue
            if written:
                value.array = None
            elif value.needed:
                value.meter.hold_copy(value)


_watches: weakref.WeakValueDictionary[int, Watch] = weakref.WeakValueDictionary()


class Source(Value):
    """A value that cannot be computed again: a leaf, data, what a custom Function returned."""

    __slots__ = ("meter", "watch")

    def __init__(self, meter: Meter, t: Tensor) -> None:
        super().__init__(t._data, None, None)
        self.meter = meter
        self.array = t._data
        self.free = is_free(t)
        self.storage = storage = storage_of(t)
        self.version = storage.version
        if storage.__class__ is Storage:
            storage.__class__ = Watched
        watch = _watches.get(id(storage))
        if watch is None:
            watch = _watches[id(storage)] = Watch(storage)
        self.watch = watch
        watch.values[:] = [*(r for r in watch.values if r() is not None), weakref.ref(self)]


def is_free(t: Tensor) -> bool:
    """Whether keeping a tensor costs nothing: a leaf that requires grad, a Python number."""
    if t._edge is not None:
        return False
    return t._requires_grad or (t._data.ndim == 0 and not t._data.flags.writeable)
