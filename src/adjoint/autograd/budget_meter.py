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
from math import comb
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from . import origin
from .budget_values import Buffer, Source, Step, Use, Value, is_free, owner_of
from .saved import Packed, Recorder
from .storage import Storage
from .tape import OperationNode, edge_of, node_line
from .tensor import Tensor, storage_of, wrap


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
# steps away with more room than one that is near, hence the exponent; 0.7 is the best of those
# tried on chains (`benchmarks/memory_budget.py`).
_DISTANCE = 0.7
_CANDIDATES = 200  # more are sampled
_WALK = 256  # steps counted at most when the work of computing again is added up
_DETOURS = 200  # how often a value may be dropped that the present recomputation waits for


class Meter(Recorder):
    """One budget: see the module's docstring."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = self.peak = self.fixed = 0
        self.recomputed = self.evicted = 0
        self.live = 0  # saved values that may still be asked for
        self.lock = threading.RLock()  # passes in several threads
        self.known: dict[int, _Entry] = {}
        self.sources: dict[int, weakref.ref[Source]] = {}
        self.buffers: weakref.WeakValueDictionary[int, Buffer] = weakref.WeakValueDictionary()
        self.held: dict[Value, None] = {}  # those that can be computed again
        self.transient: dict[Value, None] = {}  # held for the present recomputation only
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
            if any(t._data.__class__ is not ndarray for t in (*tensors, *results)):
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
                    self._know(t._data, value, t._storage, t._version)

    def _step(
        self,
        node: OperationNode,
        tensors: Sequence[Tensor],
        results: Sequence[Tensor],
        params: dict[str, Any],
    ) -> tuple[Step, list[Value]]:
        inputs = tuple([self.value_of(t) for t in tensors])
        step = Step(node.operation, params, inputs, node.where[:2])
        owners = {id(owner_of(t._data)): v.root for t, v in zip(tensors, inputs)}
        outs = [Value(t._data, step, owners.get(id(owner_of(t._data)))) for t in results]
        for t, o in zip(results, outs):
            o.lies_in(t._data, storage_of(t), t._version)
        own = sum([o.nbytes for o in outs])
        kept = {step.inputs[i].root for is_output, i in node.plan.saved_sources if not is_output}
        extra = {r for v in inputs if (r := v.root).step is None and not r.free} - kept
        if own and sum([r.nbytes for r in extra if r.buffer is None]) * 4 > own:
            # What would have to be kept to compute the results again is as large as they are.
            return step, [self._source(t) for t in results]
        step.outputs = tuple([weakref.ref(o) for o in outs])
        reference = weakref.ref(step)
        for v in inputs:
            if v.step is not None:
                v.users.append(reference)
        step.cost = _work(node.operation, tensors, results) if own else 0.0
        step.need = own + sum([r.nbytes for r in {v.root for v in inputs} if r.step is not None])
        return step, outs

    def value_of(self, t: Tensor) -> Value:
        """What is known of a tensor's value; a Source when it is nothing."""
        array = t._data
        entry = self.known.get(id(array))
        if (
            entry is not None
            and entry.array() is array
            and (entry.storage is None or entry.version == t._version)
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

    def _know(self, array: Any, value: Value, storage: Storage | None, version: int) -> None:
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
                self._know(array, value, target._storage, target._version)
            held = value.buffer is not None
            if held:
                self._drop(value)
            if held or value.step is None:
                value.array = array
            value.lies_in(array, target._storage, target._version)
            if held:
                self._hold(value, array)

    def _keep(self, roots: Iterable[Value], pins: Sequence[Value], node: OperationNode) -> None:
        """Hold values that are to be kept, dropping others for them."""
        new = {r: None for r in roots if not r.free and r.buffer is None}
        sizes = {id(owner_of(a)): r.nbytes for r in new if (a := r.ready()) is not None}
        self._make_room(sum(sizes.values()), {*pins, *new}, (), node)
        for r in new:
            array = r.ready()
            if array is not None:  # else it has been dropped, and can be computed again
                self._hold(r, array)

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
                self._make_room(root.nbytes, {root}, (), None)
                self._hold(root, array)
            return Use(self, value, (root,), self.steps)

    # Holding and dropping.

    def count_bytes(self, n: int, fixed: bool) -> None:
        """More or less is kept."""
        self.bytes += n
        self.fixed += n if fixed else 0
        self.peak = max(self.peak, self.bytes)

    def _hold(self, value: Value, array: Any) -> None:
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
            self._make_room(value.nbytes, {value}, (), None)
            array = value.array.copy(order="K")
            value.buffer, value.free, value.storage = None, False, None
            self._hold(value, array)

    def _drop(self, value: Value) -> None:
        """Let go of the array; whoever needs it later computes it again."""
        value.array = value.buffer = None
        self.held.pop(value, None)
        for view in list(self.transient):
            if view.root is value:
                view.array = None

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

    def _make_room(
        self,
        nbytes: int,
        pinned: Collection[Value],
        waiting: Collection[Value],
        node: OperationNode | None,
    ) -> int:
        """Drop values until `nbytes` more fit; returns how many of those `waiting` had to go."""
        detours = 0
        while self.bytes + nbytes > self.limit:
            victim = self._victim(pinned, waiting)
            if victim is None and waiting:
                victim = self._victim(pinned, ())
                detours += 1
            if victim is None:
                raise self._refuse(nbytes, pinned, node)
            self.evicted += victim.uses > 0
            self._drop(victim)
            _touch(victim)
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
        return value.debt / (max(value.nbytes, 1) * away**_DISTANCE)

    def _refuse(
        self, nbytes: int, pinned: Collection[Value], node: OperationNode | None
    ) -> MemoryBudgetError:
        where = origin.describe(origin.caller(2)) if node is None else node_line(node)
        name = "what is kept" if node is None else node.name()
        needed = sum([v.nbytes for v in pinned if v.step is not None and v.buffer is not None])
        return MemoryBudgetError(
            f"memory_budget: a budget of {self.limit} bytes is too small for {name} at {where}: it "
            f"needs {nbytes} bytes more beside {needed} that it uses at the same time and "
            f"{self.fixed} that cannot be computed again (data, random masks, values written in "
            f"place). A budget of {self.fixed + needed + nbytes} bytes is the least for this step; "
            "raise the budget, or use smaller batches"
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
        recomputation = _Recomputation(self)
        try:
            return recomputation.run(value)
        finally:
            for v in list(self.transient):
                v.array = None
                if not v.uses:
                    self._drop(v)
            self.transient.clear()
            self.passing.clear()


class _Recomputation:
    """One value computed again, with all that it needs."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.waiting: dict[Value, int] = {}  # inputs of steps that have been begun
        self.detours = 0

    def run(self, target: Value) -> Any:
        self._plan(target)
        stack, begun = [target], set()
        while True:
            value = stack[-1]
            found = value.ready()
            if found is None:
                step = self._step_of(value)
                if value not in begun:
                    begun.add(value)
                    self._wait(step, 1)
                missing = [v for v in step.inputs if v.ready() is None]
                if missing:
                    stack.extend(missing)
                    continue
                found = self._apply(step, value)
            if value in begun:
                begun.discard(value)
                self._wait(self._step_of(value), -1)
            stack.pop()
            if not stack:
                return found

    def _plan(self, target: Value) -> None:
        """Choose which of the values on the way are worth keeping, as if they were a chain."""
        meter = self.meter
        path = _missing(target)
        sizes = [v.nbytes for v in path]
        free = meter.limit - meter.bytes
        slots = free * len(path) // max(sum(sizes), 1)
        start = 0
        while start < len(path) and len(path) - start > slots:
            stop = start + _split(len(path) - start, slots) if slots > 1 else len(path)
            meter.passing.update(path[start : stop - 1])
            start, slots = stop, slots - 1

    def _step_of(self, value: Value) -> Step:
        if value.step is None:
            raise RuntimeError(
                "memory_budget: a tensor that is needed to compute saved values again has been "
                f"overwritten: shape {list(value.shape)}, dtype {value.dtype}. Write to a copy "
                "instead (the out-of-place form, or .clone() before writing)"
            )
        return value.step

    def _wait(self, step: Step, n: int) -> None:
        for v in step.inputs:
            self.waiting[v.root] = self.waiting.get(v.root, 0) + n
            if not self.waiting[v.root]:
                del self.waiting[v.root]

    def _apply(self, step: Step, target: Value) -> Any:
        """Run one step, and hold what is asked for of its results."""
        meter = self.meter
        arrays = [v.ready() for v in step.inputs]
        alive = [(i, v) for i, r in enumerate(step.outputs) if (v := r()) is not None]
        wanted = [(i, v) for i, v in alive if v.ready() is None and (v is target or v.uses)]
        pinned = {*meter.group, *[v.root for v in step.inputs]}
        self.detours += meter._make_room(
            sum([v.nbytes for _, v in wanted]), pinned, self.waiting, None
        )
        if self.detours > _DETOURS:
            raise meter._refuse(0, pinned, None)
        out = step.operation.compute(arrays, step.params)
        outs = out if step.operation.several else (out,)
        meter.recomputed += step.cost > 0
        for i, v in wanted:
            array = outs[i] if outs[i].__class__ is ndarray else np.asarray(outs[i])
            self._take(v, array if array.dtype == v.dtype else array.astype(v.dtype))
        return target.array

    def _take(self, value: Value, array: Any) -> None:
        meter = self.meter
        meter.held.pop(value, None)
        value.lies_in(array, None, 0)  # the memory is ours
        if value.root is not value:
            value.array = array
            meter.transient[value] = None
            return
        meter._hold(value, array)
        meter._know(array, value, None, 0)
        if not value.uses:
            meter.transient[value] = None


def _forget(known: dict[int, Any], key: int, reference: Any) -> None:
    known.pop(key, None)


def _missing(target: Value) -> list[Value]:
    """The saved values that have to be computed again for `target`, in the order of their making."""
    found, seen, stack = [], {target}, [target]
    while stack:
        value = stack.pop()
        if value.uses and value.root is value:
            found.append(value)
        for v in value.step.inputs if value.step is not None else ():
            if v not in seen and v.ready() is None:
                seen.add(v)
                stack.append(v)
    return sorted(found, key=lambda v: v.last)


def _reach(slots: int, times: int) -> int:
    """How long a chain can be when nothing is computed more than `times` times.

    One value is kept, of which the rest is reached with a slot less: r(s, t) = r(s - 1, t) + 1 +
    r(s, t - 1). With one slot it is 1, because a step needs its input and its output.
    """
    return comb(slots - 1 + times, slots - 1) + comb(slots - 2 + times, slots - 1) - 1


def _split(length: int, slots: int) -> int:
    """Where to keep the first value of a chain that is computed again: Griewank's binomial rule.

    Griewank and Walther, Algorithm 799: revolve, ACM TOMS 2000; here for at least two slots.
    """
    times = 1
    while _reach(slots, times) < length:
        times += 1
    head = min(_reach(slots, times - 1), length - 1 - _reach(slots - 1, times - 1))
    return max(head, 0) + 1


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
    return max(work, 1.0)
