"""Floor 1: the engine: walks a graph backward and delivers cotangents.

Nodes run in descending sequence number, from a heap: iterative, linear in the nodes,
deterministic. Rules run on bare arrays; with `create_graph` the same rules run on Tensors and are
recorded again.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import cpu
from . import modes, second_pass
from .captures import Captures
from .constant_gradient import connected
from .origin import Origin, caller
from .tape import Node, node_line
from .tensor import Tensor

if TYPE_CHECKING:
    from .tensor import Edge

_tensor_namespace: list[Any] = []  # filled by the api floor: the namespace whose arrays are Tensors


class Run:
    """One backward pass: its options and its pending cotangents."""

    __slots__ = (
        "create_graph", "retain_graph", "on_tensors", "xp", "pending", "heap", "shared",
        "captures", "origin", "hands_none", "__weakref__",
    )  # fmt: skip

    def __init__(self, create_graph: bool, retain_graph: bool, on_tensors: bool = False) -> None:
        self.create_graph = create_graph
        self.retain_graph = retain_graph
        # Whether rules run on Tensors: to be recorded, or because the data are of a transform.
        self.on_tensors = create_graph or on_tensors
        self.xp: Any = _tensor_namespace[0] if self.on_tensors else cpu
        self.pending: dict[Node, Any] = {}
        self.heap: list[tuple[int, Node]] = []
        self.shared: set[Node] = set()  # nodes whose cotangent's memory has another owner
        self.captures: Captures | None = None
        self.origin: Origin | None = None  # where the pass was asked for
        # Whether a custom Function or a hook gave None for a gradient: as in torch what lies behind
        # runs all the same, with None (custom Functions: with zeros).
        self.hands_none = False

    def deliver(self, node: Node, output: int, ct: Any) -> None:
        """Add a cotangent to what is pending for one output of a node."""
        pending = self.pending
        shape, dtype = node.metas_of(output)
        ct = fit(self.xp, ct, shape, dtype, node)
        if node not in pending:
            heappush(self.heap, (-node.seq, node))
            pending[node] = ct if node.shape is not None else {output: ct}
        elif node.shape is not None:
            pending[node] = _sum(pending[node], ct)
            self.shared.discard(node)
        else:
            outputs = pending[node]
            outputs[output] = _sum(outputs[output], ct) if output in outputs else ct

    def fitted(self, edge: Any, ct: Any) -> Any:
        """A cotangent as it will arrive at an edge."""
        shape, dtype = edge[0].metas_of(edge[1])
        return fit(self.xp, ct, shape, dtype, edge[0])

    def walk(self) -> None:
        """Run every node that has something pending, latest first.

        The loop is the fast path: bare arrays, no hooks, nothing to capture. Any other node takes
        `_step`.
        """
        heap, pending, shared = self.heap, self.pending, self.shared
        rare = self.on_tensors or self.captures is not None
        rare = rare or modes.anomaly is not None or modes.safe > 0
        node = None
        while heap or node is not None:
            if node is None:
                node = heappop(heap)[1]
                ct = pending.pop(node)
            if rare or node.hooks is not None:
                self._step(node, ct)
                node = None
                rare = rare or self.hands_none
                continue
            try:
                cts = node.apply(ct, self)
            except RuntimeWarning:  # the user turned NumPy's warnings into errors
                with np.errstate(all="ignore"):
                    cts = node.apply(ct, self)
            edges = node.edges
            node = None
            if not cts:  # a leaf
                continue
            if len(edges) == 1:  # a chain: what follows is next, and need not wait in the heap
                following, g = edges[0][0], cts[0]
                if (
                    (not heap or following.seq > -heap[0][0])
                    and g is not None
                    and g.shape == following.shape
                    and g.dtype is following.dtype
                    and following not in pending
                ):
                    if g is ct:
                        shared.add(following)
                    node, ct = following, g
                    continue
            for (following, output), g in zip(edges, cts):
                if g is None:
                    if self.hands_none:
                        rare = True
                        self._hand_none(following)
                    continue
                # `deliver`, inlined for one output of the right shape and dtype.
                if g.shape == following.shape and g.dtype is following.dtype:
                    if following in pending:
                        pending[following] = _sum(pending[following], g)
                        shared.discard(following)
                        continue
                    pending[following] = g
                    heappush(heap, (-following.seq, following))
                else:
                    self.deliver(following, output, g)
                if g is ct:
                    shared.add(following)

    def _step(self, node: Node, ct: Any) -> None:
        """Run one node with all that may be asked of it: hooks, captures, anomalies, recording."""
        hooks, captures = node.hooks, self.captures
        if hooks is not None:
            goes_on, ct = self._before(node, ct)
            if not goes_on:
                return
        elif captures is not None and node in captures.wanted and not captures.take(node, ct):
            return
        edges = node.edges
        nothing = ct is None or (node.shape is None and not ct)  # a pre-hook may have taken it away
        try:
            if nothing:
                cts: Any = node.apply_none(ct, self)
            elif modes.anomaly is not None or modes.safe:
                cts = _runner(node)(ct, self)
            elif captures is not None and len(edges) > 1:
                cts = node.apply_for(ct, self, captures.needed)
            else:
                cts = node.apply(ct, self)
        except RuntimeWarning:
            with np.errstate(all="ignore"):
                cts = _runner(node)(ct, self)
        if node.constant and self.create_graph and not nothing:
            cts = connected(node, cts)
        if hooks is not None:
            cts = hooks.after(cts, ct, self, node)
        pending, on_tensors = self.pending, self.on_tensors
        for edge, g in zip(edges, cts):
            following = edge[0]
            if captures is not None and following not in captures.needed:
                continue
            if g is None:
                if nothing or self.hands_none:
                    self._hand_none(following)
                continue
            array = g._data if on_tensors else g
            if array.shape != following.shape or array.dtype is not following.dtype:
                self.deliver(following, edge[1], g)
            elif following in pending:
                pending[following] = _sum(pending[following], g)
                self.shared.discard(following)
            else:
                pending[following] = g
                heappush(self.heap, (-following.seq, following))
            if g is ct:
                self.shared.add(following)

    def _hand_none(self, node: Node) -> None:
        """Let a node run for which there may be no cotangent; the pass goes on by `_step`."""
        self.hands_none = True
        if node not in self.pending:
            self.pending[node] = None if node.shape is not None else {}
            heappush(self.heap, (-node.seq, node))

    def _before(self, node: Node, ct: Any) -> tuple[bool, Any]:
        """What hooks make of a cotangent before the node runs, and whether it runs at all."""
        hooks, captures = node.hooks, self.captures
        assert hooks is not None
        arrived = ct
        ct = hooks.before(ct, self, node)
        if captures is not None:
            # torch's order: what goes on is captured as it arrived, what ends here hooked
            if node in captures.through:
                captures.take(node, arrived)
            elif not captures.take(node, ct):
                return False, ct
        return True, hooks.ahead(ct, self, node) if hooks.pre else ct


def _sum(a: Any, b: Any) -> Any:
    """Two contributions; inf - inf is nan, also where the user turned warnings into errors."""
    try:
        return a + b
    except RuntimeWarning:
        with np.errstate(all="ignore"):
            return a + b
    except TypeError:
        if a is None:  # nothing was handed on so far
            return b
        raise


def _runner(node: Node) -> Any:
    """A node's rule with safe branches and anomaly mode around it, where they are on."""
    run = node.apply
    safe = modes.state.safe if modes.safe else None
    if safe is not None:
        run = partial(safe.run, node)
    return run if modes.anomaly is None else partial(modes.anomaly.run, node, run)


def fit(xp: Any, ct: Any, shape: tuple[int, ...], dtype: Any, node: Node) -> Any:
    """Undo broadcasting and promotion, so that a cotangent has its primal's shape and dtype."""
    array = ct._data if isinstance(ct, Tensor) else ct
    got = array.shape
    if got != shape:
        extra = len(got) - len(shape)
        stretched = [
            i for i, n in enumerate(got) if i < extra or (shape[i - extra] == 1 and n != 1)
        ]
        ct = xp.sum(ct, axis=tuple(stretched), keepdims=True) if stretched else ct
        if (ct._data if isinstance(ct, Tensor) else ct).shape != shape:
            try:
                ct = xp.reshape(ct, shape)
            except (ValueError, RuntimeError):
                raise RuntimeError(
                    f"a gradient of shape {list(got)} arrived at {node.name()}, whose output has "
                    f"shape {list(shape)}, made at {node_line(node)}"
                ) from None
    array = ct._data if isinstance(ct, Tensor) else ct
    if array.dtype != dtype:
        if array.dtype.kind == "c" and dtype.kind != "c":
            ct = xp.real(ct)
        ct = xp.astype(ct, dtype)
    return ct


def execute(run: Run, places: Sequence[Edge], gradients: Sequence[Any]) -> None:
    """Run the pass from `places` in the grad mode it needs, and leave the mode as it was."""
    state = modes.state
    before, origin = state.grad, state.origin
    state.grad = run.create_graph
    run.origin = origin or caller(3)
    if run.create_graph:
        state.origin = run.origin
    try:
        needed = None if run.captures is None else run.captures.needed
        lone = len(places) == 1  # its hooks run in any case, as in torch
        for (node, output), gradient in zip(places, gradients):
            if needed is not None and node not in needed and not (lone and node.hooks):
                continue
            run.deliver(node, output, gradient if run.on_tensors else gradient._data)
            run.shared.add(node)
        run.walk()
    except Exception as error:
        second_pass.tell(error, [node for node, _ in places])
        raise
    finally:
        state.grad, state.origin = before, origin
