"""Floor 1: the meter of a memory budget: counts what is kept, drops values, computes them again.

Dynamic tensor rematerialization (Kirisame et al., ICLR 2021) with another measure of what to drop:
the work to compute a value again from what is held, by its bytes and by how far away its use is.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from . import origin
from .budget_recomputation import Recomputation
from .budget_values import Buffer, Source, Step, Use, Value, is_free, owner_of
from .saved import Packed, Recorder
from .storage import Storage
from .tape import OperationNode, edge_of, node_line
from .tensor import Tensor, storage_of, version_of, wrap


class MemoryBudgetError(MemoryError, RuntimeError):
    """What one step needs at once does not fit into the budget; a larger one is needed."""


class _Entry(NamedTuple):
    """Which value lies in an array, as long as its storage is at `version`."""

    array: weakref.ref[Any]
    value: Value
    storage: Storage | None
    version: int


class Saved(Packed):
    """Stands for a saved tensor in a node's `saved`: reading its array may compute it again."""

    __slots__ = ("_storage",)

    def __init__(self, t: Tensor, output: int | None, linked: bool, use: Use) -> None:
        self.requires_grad = linked or t._requires_grad
        self.is_leaf = not linked and t._edge is None
        self.output = output
        self.edge = edge_of(t) if t._requires_grad and output is None else None
        self._storage = storage_of(t)  # versions are checked as without a budget
        self.value, self.unpack = use, use.meter.unpack

    @property
    def dtype(self) -> Any:
        """The element type, for messages."""
        return wrap(np.empty(0, self.value.value.dtype)).dtype

    def _read(self) -> Tensor:
        t = super()._read()
        t._storage = self._storage
        return t


# What is dropped first: little work for many bytes, used late. Backward reaches a value that is n
# steps away with more room than one that is near, hence the exponent; 0.3 is the best of those
# tried on chains (`benchmarks/memory_budget.py`).
_DISTANCE = 0.3
_DEAR = 4  # times the bytes of data that results have to have to be computed again from it
_CANDIDATES = 200  # more are sampled
_OVERHEAD = 16384.0  # what running an operation costs beside its work, in elements: about 10 µs
_WALK = 256  # steps counted at most when the work of computing again is added up


class Meter(Recorder):
    """One budget: see the module's docstring."""

    error = MemoryBudgetError

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = self.peak = self.fixed = 0
        self.recomputed = self.evicted = 0
        self.live = 0  # saved values that may still be asked for
        self.lock = threading.RLock()  # passes in several threads
        self.known: dict[int, _Entry] = {}
        self.sources: dict[int, weakref.ref[Source]] = {}
        # Bytes of results held because the data in an array was not.
        self.spent: dict[int, tuple[weakref.ref[Any], int]] = {}
        self.buffers: weakref.WeakValueDictionary[int, Buffer] = weakref.WeakValueDictionary()
        self.held: dict[Value, None] = {}  # those that can be computed again
        # Held for the present recomputation only: values, and views by what they are views of.
        self.transient: dict[Value, None] = {}
        self.views: dict[Value, list[Value]] = {}
        self.steps = self.front = 0  # the last step recorded; the one that backward has reached
        self.group: Sequence[Value] = ()
        self.turn = 0
        self.passing: set[Value] = set()  # computed again only on the way to others

    # Recording.

    def recorded(
        self,
        node: OperationNode,
        tensors: Sequence[Tensor],
        results: Sequence[Tensor],
        params: dict[str, Any] | None,
    ) -> None:
        """Learn how the results were made; keep what the node saves, or drop something else."""
        with self.lock:
            self.steps = self.front = self.steps + 1
            if any(
                t._data.__class__ is not ndarray for t in (*tensors, *results, *(node.saved or ()))
            ):
                return  # inside a transform: its values are left alone
            if params is None:  # a custom Function
                outs: list[Value] = []
                values = [self.value_of(t) for t in node.saved or ()]
                recipe: list[Value] = []
            else:
                step, outs = self._step(node, tensors, results, params)
                values = [
                    outs[i] if is_output else step.inputs[i]
                    for is_output, i in node.plan.saved_sources
                ]
                recipe = [v.root for v in step.inputs] if any(o.step is step for o in outs) else []
            roots = [v.root for v in values]
            self._keep([*roots, *[r for r in recipe if r.step is None]], roots, node)
            for r in recipe:
                r.needed = True
            self._pack(node, values, roots)
            for t, value in zip(results, outs):
                if value.step is not None:
                    self.know(t._data, value, t._storage, version_of(t))

    def _step(
        self,
        node: OperationNode,
        tensors: Sequence[Tensor],
        results: Sequence[Tensor],
        params: dict[str, Any],
    ) -> tuple[Step, list[Value]]:
        inputs = tuple([self.value_of(t) for t in tensors])
        step = Step(node.operation, params, inputs, self.steps, node.origin)
        owners = {id(owner_of(t._data)): v.root for t, v in zip(tensors, inputs)}
        outs = [Value(t._data, step, owners.get(id(owner_of(t._data)))) for t in results]
        for t, o in zip(results, outs):
            o.lies_in(t._data, storage_of(t), version_of(t))
        own = sum([o.nbytes for o in outs])
        kept = {step.inputs[i].root for is_output, i in node.plan.saved_sources if not is_output}
        extra = {r for v in inputs if (r := v.root).step is None and not r.free} - kept
        unheld = [r for r in extra if r.buffer is None]
        if own and self._is_dear(unheld, own):
            return step, [self._source(t) for t in results]
        step.outputs = tuple([weakref.ref(o) for o in outs])
        reference = weakref.ref(step)
        for v in inputs:
            if v.step is not None:
                v.users.append(reference)
        step.cost = _work(node.operation, tensors, results) if own else 0.0
        step.need = own + sum([r.nbytes for r in {v.root for v in inputs} if r.step is not None])
        return step, outs

    def _is_dear(self, data: Sequence[Value], own: int) -> bool:
        """Whether results of `own` bytes had better be held than the data that they come from.

        Where the same data has been let go for other results before, those count as well: an input
        that every step of a recurrent network reads is worth holding in the end.
        """
        before = 0
        for r in data:
            array, spent = self.spent.get(id(r.array), (None, 0))
            before += spent if array is not None and array() is r.array else 0
        if sum([r.nbytes for r in data]) * _DEAR <= own + before:
            return False
        for r in data:
            key = id(r.array)
            array, spent = self.spent.get(key, (None, 0))
            spent = spent if array is not None and array() is r.array else 0
            self.spent[key] = weakref.ref(r.array, partial(_forget, self.spent, key)), spent + own
        return True

    def value_of(self, t: Tensor) -> Value:
        """What is known of a tensor's value; a Source when it is nothing."""
        array = t._data
        entry = self.known.get(id(array))
        if (
            entry is not None
            and entry.array() is array
            and (entry.storage is None or entry.version == version_of(t))
        ):
            return entry.value
        return self._source(t)

    def _source(self, t: Tensor) -> Source:
        """A tensor as a value that cannot be computed again."""
        key = id(t._data)
        reference = self.sources.get(key)
        source = None if reference is None else reference()
        if source is None or source.array is not t._data or not source.is_intact:
            source = Source(self, t)
            self.sources[key] = weakref.ref(source, partial(_forget, self.sources, key))
        source.free = source.free or (source.buffer is None and is_free(t))
        return source

    def know(self, array: Any, value: Value, storage: Storage | None, version: int) -> None:
        key = id(array)
        reference = weakref.ref(array, partial(_forget, self.known, key))
        self.known[key] = _Entry(reference, value, storage, version)

    def moved(self, source: Tensor, target: Tensor) -> None:
        """An in-place operation puts the value of one tensor into the memory of another."""
        if source._data.__class__ is not ndarray or target._data.dtype != source._data.dtype:
            return
        with self.lock:
            value = self.value_of(source)
            array = target._data
            if value.root is not value or value.free:
                return
            if isinstance(value, Source):
                key = id(array)
                self.sources[key] = weakref.ref(value, partial(_forget, self.sources, key))
            else:
                self.know(array, value, target._storage, version_of(target))
            held = value.buffer is not None
            if held:
                self._drop(value)
            if held or value.step is None:
                value.array = array
            value.lies_in(array, target._storage, version_of(target))
            if held:
                self.hold(value, array)

    def _keep(self, roots: Iterable[Value], pins: Sequence[Value], node: OperationNode) -> None:
        """Hold values that are to be kept, dropping others for them."""
        new = {r: None for r in roots if not r.free and r.buffer is None}
        sizes = {id(owner_of(a)): r.nbytes for r in new if (a := r.ready()) is not None}
        self.make_room(sum(sizes.values()), {*pins, *new}, (), node)
        for r in new:
            array = r.ready()
            if array is not None:  # else it has been dropped, and can be computed again
                self.hold(r, array)

    def _pack(self, node: OperationNode, values: Sequence[Value], roots: Sequence[Value]) -> None:
        group = tuple(dict.fromkeys(roots))
        saved: list[Any] = []
        for i, (t, value) in enumerate(zip(node.saved or (), values)):
            if is_free(t):
                saved.append(t)
                continue
            output = node.plan.output_number(node.plan.saved_names[i])
            linked = output is not None and output in node.plan.linked_outputs
            saved.append(Saved(t, output, linked, Use(self, value, group, self.steps)))
        node.saved = saved

    def __call__(self, t: Tensor) -> Use:
        """Keep a tensor outside any node, as `checkpoint` keeps its arguments."""
        with self.lock:
            value = self.value_of(t)
            root = value.root
            if not root.free and root.buffer is None and (array := root.ready()) is not None:
                self.make_room(root.nbytes, {root}, (), None)
                self.hold(root, array)
            return Use(self, value, (root,), self.steps)

    # Holding and dropping.

    def count_bytes(self, n: int, fixed: bool) -> None:
        """More or less is kept."""
        self.bytes += n
        self.fixed += n if fixed else 0
        self.peak = max(self.peak, self.bytes)

    def hold(self, value: Value, array: Any) -> None:
        owner = owner_of(array)
        buffer = self.buffers.get(id(owner))
        if buffer is None:
            buffer = self.buffers[id(owner)] = Buffer(self, owner, value.step is None)
        value.array, value.buffer = array, buffer
        if value.step is not None:
            self.held[value] = None
            _touch(value)

    def hold_copy(self, value: Source) -> None:
        """Copy a value that cannot be computed again, because its memory will be written."""
        with self.lock:
            self.make_room(value.nbytes, {value}, (), None)
            array = value.array.copy(order="K")
            value.buffer, value.free, value.storage = None, False, None
            self.hold(value, array)

    def _drop(self, value: Value) -> None:
        """Let go of the array; whoever needs it later computes it again."""
        value.array = value.buffer = None
        self.held.pop(value, None)
        self.drop_views(value)

    def drop_views(self, value: Value) -> None:
        """Let go of the views of a value, which keep its memory."""
        for view in self.views.pop(value, ()):
            view.array = None

    def no_longer_waiting(self, value: Value) -> None:
        """The present recomputation is done with a value."""
        self.drop_views(value)
        if value in self.transient:
            del self.transient[value]
            self._drop(value)

    def release(self, value: Value) -> None:
        """One saved value less needs it."""
        with self.lock:
            root = value.root
            root.uses -= 1
            self.live -= 1
            if not root.uses and root.step is not None:
                self._drop(root)
            if not self.live:
                self.known.clear()
                self.group = ()

    def make_room(
        self,
        nbytes: int,
        pinned: Collection[Value],
        waiting: Collection[Value],
        node: OperationNode | None,
    ) -> int:
        """Drop values until `nbytes` more fit; returns how many of those `waiting` had to go."""
        detours, dropped = 0, []
        while self.bytes + nbytes > self.limit:
            victim = self._victim(pinned, waiting)
            if victim is None and waiting:
                victim = self._victim(pinned, ())
                detours += 1
            if victim is None:
                raise self.refuse(nbytes, pinned, node)
            dropped.append((victim, victim.array))
            self._drop(victim)
            _touch(victim)
        # A large one that went last may have made room for others that went first.
        for victim, array in reversed(dropped):
            if self.bytes + nbytes + victim.nbytes <= self.limit:
                self.hold(victim, array)
            else:
                self.evicted += victim.uses > 0
        return detours

    def _victim(self, pinned: Collection[Value], waiting: Collection[Value]) -> Value | None:
        """What to drop next."""
        candidates = list(self.held)
        if len(candidates) > _CANDIDATES:
            stride = len(candidates) // _CANDIDATES + 1
            self.turn = (self.turn + 1) % stride
            sample = candidates[self.turn :: stride]
            best = self._cheapest(sample, pinned, waiting)
            if best is not None:
                return best
        return self._cheapest(candidates, pinned, waiting)

    def _cheapest(
        self, candidates: Sequence[Value], pinned: Collection[Value], waiting: Collection[Value]
    ) -> Value | None:
        best, least = None, (True, np.inf)
        for value in candidates:
            assert value.step is not None
            if value in pinned or value in waiting:
                continue
            if value.uses and value.step.need + self.fixed > self.limit:
                continue  # it could not be computed again
            # The array is held by its Value and its Buffer (when it owns its memory); if by others,
            # dropping it saves nothing now.
            elsewhere = sys.getrefcount(value.array) > (3 if value.array.base is None else 2)
            score = (elsewhere, self._score(value))
            if score < least:
                best, least = value, score
        return best

    def _score(self, value: Value) -> float:
        if not value.uses or value in self.passing:
            return 0.0
        away = max(self.front - value.last, 0) + 1
        if value.debt is None:
            value.debt = _debt(value)
        return float(value.debt / (max(value.nbytes, 1) * away**_DISTANCE))

    def refuse(
        self, nbytes: int, pinned: Collection[Value], node: OperationNode | None
    ) -> MemoryBudgetError:
        where = origin.describe(origin.caller(2)) if node is None else node_line(node)
        name = "what is kept" if node is None else node.name()
        needed = sum([v.nbytes for v in pinned if v.step is not None and v.buffer is not None])
        least = self.fixed + needed + nbytes
        if least > self.limit:
            return MemoryBudgetError(
                f"memory_budget: a budget of {self.limit} bytes is too small for {name} at "
                f"{where}: it needs {nbytes} bytes more beside {needed} that it uses at the same "
                f"time and {self.fixed} that cannot be computed again (data, random masks, values "
                "written in place, what checkpoints compute again). A budget of "
                f"{least} bytes is the least for this step alone; raise the budget, or use smaller "
                "batches"
            )
        # It would fit alone. What is in the way may itself need more than the budget.
        again = [v.step.need for v in self.held if v.step is not None and v not in pinned]
        least = self.fixed + min(again, default=0)
        hint = "twice as much is a good next try"
        if least > self.limit:
            hint = f"to compute one of those again takes {least} bytes"
        return MemoryBudgetError(
            f"memory_budget: within a budget of {self.limit} bytes no order of computing again was "
            f"found for {name} at {where}: it fits alone, but not beside the values that other "
            f"operations wait for; raise the budget ({hint}), or use smaller batches"
        )

    # Computing again.

    def unpack(self, use: Use) -> Tensor:
        """The value of a Use, computed again unless it is held."""
        with self.lock:
            self.front, self.group = use.number, use.group
            t: Tensor = wrap(self._bring(use.value))
            return t

    def _bring(self, value: Value) -> Any:
        """The array of a value. Iterative: chains of dropped values are as long as programs."""
        found = value.ready()
        if found is not None:
            return found
        try:
            return Recomputation(self).run(value)
        finally:
            self.forget_transient()

    def forget_transient(self) -> None:
        """Let go of what was held for the present recomputation only."""
        for v in list(self.transient):
            self._drop(v)
        for v in list(self.views):
            self.drop_views(v)
        self.transient.clear()
        self.passing.clear()


def _forget(known: dict[int, Any], key: int, reference: Any) -> None:
    known.pop(key, None)


def _debt(value: Value) -> float:
    """The work of computing a value again from what is held."""
    assert value.step is not None
    total, seen, steps = value.step.cost, {value}, [value.step]
    while steps and len(seen) < _WALK:
        for v in steps.pop().inputs:
            if v.array is None and v.step is not None and v not in seen:
                seen.add(v)
                total += v.step.cost
                steps.append(v.step)
    return total


def _touch(value: Value) -> None:
    """The value was dropped or held: what the next held ones cost is to be added up again."""
    seen, values = {value}, [value]
    while values and len(seen) < _WALK:
        for reference in values.pop().users:
            step = reference()
            for r in () if step is None else step.outputs:
                v = r()
                if v is None or v in seen:
                    continue
                seen.add(v)
                if v.array is None:
                    values.append(v)
                else:
                    v.debt = None
    value.debt = None


def _work(operation: Any, tensors: Sequence[Tensor], results: Sequence[Tensor]) -> float:
    """The cost of an operation, in elements read and written, or as many multiplications."""
    written = sum([t._data.size for t in results])
    read = sum([t._data.size for t in tensors])
    work = float(written + read)
    if operation.kind == "linear" and len(tensors) > 1 and not operation.variadic:
        # (m, k) by (k, n) writes m n and multiplies k times as often; BLAS does 16 in the time.
        sizes = float(tensors[0]._data.size) * float(tensors[1]._data.size)
        work += (sizes * written) ** 0.5 / 16
    return work + _OVERHEAD
