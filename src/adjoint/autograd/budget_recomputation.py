"""Floor 1: computing dropped values again under a memory budget: in which order, and what to keep.

Iterative, because chains of dropped values are as long as programs.
"""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy import ndarray

from .budget_values import Step, Value

if TYPE_CHECKING:
    from .budget_meter import Meter

_SMALL = 2  # times the usual bytes of a cut
_DETOURS = 200  # how often a value may be dropped that the present recomputation waits for


class Recomputation:
    """One value computed again, with all that it needs."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.waiting: dict[Value, int] = {}  # inputs of steps that have been begun
        self.detours = 0
        self.target: Value | None = None
        self.deep = False  # whether the forward order did not fit

    def run(self, target: Value) -> Any:
        """The array, from steps in the order of the forward pass; if that does not fit, deeper."""
        self.target = target.root
        steps = _missing_steps(target)
        self._plan(steps)
        try:
            self._replay(steps, target)
        except self.meter.error:
            self.meter.forget_transient()
            self.waiting.clear()
            self.detours, self.deep = 0, True
            self._depth_first(target)
        return target.ready()

    def _replay(self, steps: list[Step], target: Value) -> None:
        """Run each of the steps once; a MemoryBudgetError when one's inputs had to go before."""
        for step in steps:
            self._wait(step, 1)
        for step in steps:
            if target.ready() is None:
                self._apply(step, target)
            self._wait(step, -1)

    def _depth_first(self, target: Value) -> None:
        """Compute a value again, depth first: with the least room, at the price of more steps."""
        stack, begun = [target], set()
        while stack:
            value = stack[-1]
            if value.ready() is None:
                step = _step_of(value)
                if value not in begun:
                    begun.add(value)
                    self._wait(step, 1)
                missing = [v for v in step.inputs if v.ready() is None]
                if missing:
                    stack.extend(missing)
                    continue
                self._apply(step, value)
            if value in begun:
                begun.discard(value)
                self._wait(_step_of(value), -1)
            stack.pop()

    def _plan(self, steps: list[Step]) -> None:
        """Choose which of the saved values on the way are worth keeping.

        The way is a chain of cuts: places in it from which the rest can be computed. Some cuts are
        kept, by the binomial rule, and the last values, as many as fit.
        """
        room = self.meter.limit - self.meter.bytes
        made = [[v for v in step.made() if v.uses and v.ready() is None] for step in steps]
        left = sum([v.nbytes for values in made for v in values])
        if left <= room:
            return
        cuts, first, start = _cuts(steps), 0, 0
        total = sum([cut.nbytes for cut in cuts])
        while first < len(cuts) and left > room:
            count = len(cuts) - first
            slots = int((room - left / (count + 1)) * count / total)
            kept = 0 if slots >= count else _split(count + 1, slots + 1) - 1 if slots > 0 else count
            if kept == count:
                break
            cut = cuts[first + kept]
            for values in made[start : cut.place + 1]:
                left -= sum([v.nbytes for v in values])
                room -= sum([v.nbytes for v in values if v in cut.values])
                self.meter.passing.update([v for v in values if v not in cut.values])
            total -= sum([cut.nbytes for cut in cuts[first : first + kept + 1]])
            first, start = first + kept + 1, cut.place + 1
        last = [v for values in made[start:] for v in values]
        while last and last[-1].nbytes <= room:
            room -= last.pop().nbytes
        self.meter.passing.update(last)

    def _wait(self, step: Step, n: int) -> None:
        for v in step.inputs:
            self.waiting[v.root] = self.waiting.get(v.root, 0) + n
            if not self.waiting[v.root]:
                del self.waiting[v.root]
                if v.root is not self.target:
                    self.meter.no_longer_waiting(v.root)

    def _apply(self, step: Step, target: Value) -> None:
        """Run one step, and hold what is asked for of its results."""
        meter = self.meter
        arrays = [v.ready() for v in step.inputs]
        alive = [(i, v) for i, r in enumerate(step.outputs) if (v := r()) is not None]
        wanted = [
            (i, v)
            for i, v in alive
            if v.ready() is None and (v is target or v.uses or v.root in self.waiting)
        ]
        if not wanted:
            return
        pinned = {*meter.group, *[v.root for v in step.inputs]}
        self.detours += meter.make_room(
            sum([v.nbytes for _, v in wanted]), pinned, self.waiting, None
        )
        if self.detours > (_DETOURS if self.deep else 0) or any(a is None for a in arrays):
            raise meter.refuse(0, pinned, None)  # None: another thread's, and let go there
        out = step.operation.compute(arrays, step.params)
        outs = out if step.operation.several else (out,)
        meter.recomputed += step.cost > 0
        for i, v in wanted:
            array = outs[i] if outs[i].__class__ is ndarray else np.asarray(outs[i])
            self._take(v, array if array.dtype == v.dtype else array.astype(v.dtype))

    def _take(self, value: Value, array: Any) -> None:
        meter = self.meter
        meter.held.pop(value, None)
        value.lies_in(array, None, 0)  # the memory is ours
        if value.root is not value:
            value.array = array
            meter.views.setdefault(value.root, []).append(value)
            return
        meter.hold(value, array)
        meter.know(array, value, None, 0)
        if not value.uses:
            meter.transient[value] = None


def _step_of(value: Value) -> Step:
    if value.step is None:
        raise RuntimeError(
            "memory_budget: a tensor that is needed to compute saved values again has been "
            f"overwritten: shape {list(value.shape)}, dtype {value.dtype}. Write to a copy "
            "instead (the out-of-place form, or .clone() before writing)"
        )
    return value.step


def _missing_steps(target: Value) -> list[Step]:
    """The steps to run for `target`, from what is held, in the order of the forward pass."""
    found: set[Step] = set()
    stack = [] if target.ready() is not None else [target]
    while stack:
        value = stack.pop()
        step = _step_of(value)
        if step not in found:
            found.add(step)
            stack.extend([v for v in step.inputs if v.ready() is None])
    return sorted(found, key=lambda step: step.number)


class _Cut(NamedTuple):
    """The values that all later steps need of all earlier ones."""

    place: int  # of the step after which it is
    values: set[Value]
    nbytes: int


def _cuts(steps: list[Step]) -> list[_Cut]:
    """The small cuts of a way, of saved values alone, in their order."""
    last = {v.root: i for i, step in enumerate(steps) for v in step.inputs}
    ends: list[list[Value]] = [[] for _ in steps]
    live: set[Value] = set()
    found, nbytes, unsaved = [], 0, 0
    for i, step in enumerate(steps):
        for v in step.made():
            if last.get(v, i) > i and v not in live:
                live.add(v)
                ends[last[v]].append(v)
                nbytes, unsaved = nbytes + v.nbytes, unsaved + (not v.uses)
        for v in ends[i]:
            live.discard(v)
            nbytes, unsaved = nbytes - v.nbytes, unsaved - (not v.uses)
        if nbytes and not unsaved:
            found.append(_Cut(i, set(live), nbytes))
    usual = sorted([cut.nbytes for cut in found])[len(found) // 2] if found else 0
    return [cut for cut in found if cut.nbytes <= _SMALL * usual]


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
