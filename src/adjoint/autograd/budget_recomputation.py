"""Floor 1: computing dropped values again under a memory budget: in which order, and what to keep.

Iterative, because chains of dropped values are as long as programs.
"""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import ndarray

from .budget_values import Step, Value

if TYPE_CHECKING:
    from .budget_meter import Meter

_DETOURS = 200  # how often a value may be dropped that the present recomputation waits for


class Recomputation:
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
        self.detours += meter.make_room(
            sum([v.nbytes for _, v in wanted]), pinned, self.waiting, None
        )
        if self.detours > _DETOURS:
            raise meter.refuse(0, pinned, None)
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
        meter.hold(value, array)
        meter.know(array, value, None, 0)
        if not value.uses:
            meter.transient[value] = None


def _missing(target: Value) -> list[Value]:
    """The saved values that are to be computed again for `target`, in the order of their making."""
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
