"""Floor 5: measuring a graph: milliseconds of each node, and the norm of what arrives there.

The pass is the engine's, without hooks and without accumulation: nothing of the user's changes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heappop
from time import perf_counter
from typing import Any

import numpy as np

from adjoint.autograd import modes
from adjoint.autograd.anomaly_mode import Detector
from adjoint.autograd.engine import Run
from adjoint.autograd.tape import AccumulateGrad, Node, edge_of
from adjoint.autograd.tensor import Tensor

Measures = Mapping[Node, tuple[float | None, float | None]]


class Clock(Detector):
    """Stands where anomaly detection does, and notes when each node of its thread was made."""

    def __init__(self, before: Any) -> None:
        super().__init__(
            check_nan=getattr(before, "check_nan", False), check_forward=False, check_inf=False
        )
        self.before = before
        self.thread = threading.get_ident()
        self.milliseconds: dict[Node, float] = {}
        self.last = perf_counter()

    def recorded(self, node: Node, inputs: Sequence[Tensor], results: Sequence[Tensor]) -> None:
        """The time since the node before is this node's."""
        if threading.get_ident() == self.thread:
            self.milliseconds[node] = 1e3 * (perf_counter() - self.last)
        if self.before is not None:
            self.before.recorded(node, inputs, results)
        if threading.get_ident() == self.thread:
            self.last = perf_counter()

    def run(self, node: Node, apply: Callable[[Any, Run], Any], ct: Any, run: Run) -> Any:
        """Run a node of another backward pass as it would be without the clock."""
        return apply(ct, run) if self.before is None else self.before.run(node, apply, ct, run)


def time_forward(call: Callable[[], Any]) -> tuple[Any, dict[Node, float]]:
    """What `call` returns, and the milliseconds that led to each node it recorded."""
    before = modes.anomaly
    clock = Clock(before)
    modes.running += 1
    modes.anomaly = clock
    try:
        return call(), clock.milliseconds
    finally:
        modes.anomaly = before
        modes.running -= 1


def measure_backward(roots: Sequence[Tensor], around: Iterable[Tensor]) -> Measures:
    """(milliseconds, gradient norm) of each node: the derivative of the sum of all results.

    `around`: leaves beyond the graph's, whose `.grad` a nested pass may reach.
    """
    run = Run(create_graph=False, retain_graph=True)
    found: dict[Node, tuple[float | None, float | None]] = {}
    grad = modes.state.grad
    kept: dict[int, tuple[Any, Any]] = {}
    _set_aside(around, kept)
    modes.state.grad = False
    try:
        for t in roots:
            node, output = edge_of(t)
            run.deliver(node, output, np.ones(t._data.shape, t._data.dtype))
        while run.heap:
            node = heappop(run.heap)[1]
            ct = run.pending.pop(node)
            norm = _norm(ct)
            if isinstance(node, AccumulateGrad):
                found[node] = (None, norm)
                continue
            start = perf_counter()
            with np.errstate(all="ignore"):
                cts = node.apply(ct, run)
            found[node] = (1e3 * (perf_counter() - start), norm)
            for (following, number), g in zip(node.edges, cts):
                if g is not None:
                    run.deliver(following, number, g)
    finally:
        modes.state.grad = grad
        for leaf, gradient in kept.values():
            leaf.grad = gradient
    return found


def _set_aside(leaves: Iterable[Tensor], kept: dict[int, tuple[Any, Any]]) -> None:
    """Take the gradients away: checkpointed parts accumulate from inside their backward."""
    for leaf in leaves:
        if leaf._edge is None and id(leaf) not in kept:
            kept[id(leaf)] = (leaf, leaf.grad)
            leaf.grad = None


def _norm(ct: Any) -> float:
    """The 2-norm of a cotangent, over all outputs of a node, in double precision."""
    with np.errstate(all="ignore"):
        parts = ct.values() if isinstance(ct, dict) else (ct,)
        total = 0.0
        for part in parts:
            flat = np.abs(part).astype(np.float64).reshape(-1)
            largest = float(flat.max(initial=0.0))
            if not np.isfinite(largest) or largest == 0.0:
                total = float(np.hypot(total, largest))
                continue
            total = float(np.hypot(total, largest * np.linalg.norm(flat / largest)))
    return total
