"""Floor 5: a backward pass that is watched: every cotangent measured, no `.grad` touched.

It runs hooks as a real pass does, because they are part of what a gradient is; it keeps the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop
from typing import Any

import numpy as np

from adjoint.arrays import cpu
from adjoint.autograd.captures import place_of
from adjoint.autograd.derivatives import _gradients
from adjoint.autograd.engine import Run, execute, fit
from adjoint.autograd.hooks import NodeHooks, PassHook, _as_tensor, _checked
from adjoint.autograd.tape import AccumulateGrad, Node


class Visit:
    """One node of a watched pass: what arrived, what hooks made of it, what it sent on."""

    __slots__ = ("node", "arrived", "given", "sent", "hook")

    def __init__(self, node: Node, arrived: dict[int, Any]) -> None:
        self.node = node
        self.arrived = arrived  # by output number
        self.given = arrived  # after hooks
        self.sent: list[Any] = []  # one for each edge, as the node's rules gave it; None: nothing
        self.hook: Callable[..., Any] | None = None  # the last one that replaced a gradient


class WatchedPass(Run):
    """A backward pass whose visits are handed to a function, one by one, and then forgotten."""

    __slots__ = ("look", "needed")

    def __init__(self, look: Callable[[Visit], None], needed: set[Node] | None = None) -> None:
        super().__init__(create_graph=False, retain_graph=True)
        self.look = look
        self.needed = needed  # None: every node

    def start(self, root: Any, gradient: Any = None) -> None:
        """Run from a tensor; `gradient` is 1 when it is not given, also for several elements."""
        given = root.new_ones(root.shape) if gradient is None else gradient
        places = (place_of(root),)
        gradients = _gradients(places, (given.detach(),), "blame()")
        with np.errstate(all="ignore"):
            execute(self, places, gradients)

    def walk(self) -> None:
        """Visit every needed node that has something pending, latest first."""
        while self.heap:
            node = heappop(self.heap)[1]
            ct = self.pending.pop(node)
            if self.needed is None or node in self.needed:
                self._visit(node, ct)

    def _visit(self, node: Node, ct: Any) -> None:
        single = node.shape is not None
        visit = Visit(node, {0: ct} if single else ct)
        if node.hooks is not None:
            visit.given = self._hooked(visit, node.hooks)
            if node.hooks.pre:
                moved = node.hooks.ahead(visit.given[0] if single else visit.given, self, node)
                if moved is not visit.given.get(0):
                    visit.hook = list(node.hooks.pre.values())[-1]
                visit.given = {0: moved} if single else moved
        if isinstance(node, AccumulateGrad):
            self.look(visit)
            return
        given = visit.given[0] if single else visit.given
        cts: Sequence[Any] = node.apply(given, self)
        if node.hooks is not None and node.hooks.post:
            replaced = node.hooks.after(cts, given, self, node)
            if replaced is not cts:
                visit.hook = list(node.hooks.post.values())[-1]
            cts = replaced
        visit.sent = list(cts)
        self.look(visit)
        for (following, output), g in zip(node.edges, cts):
            if g is not None:
                self.deliver(following, output, g)

    def _hooked(self, visit: Visit, hooks: NodeHooks) -> dict[int, Any]:
        """Tensor hooks, without those that only watch and without retained gradients."""
        found = {}
        for output, ct in sorted(visit.arrived.items()):
            for hook in list(hooks.tensor.get(output, {}).values()):
                if isinstance(hook, PassHook):
                    continue
                replaced = hook(_as_tensor(ct, self))
                if replaced is not None:
                    ct = _checked(replaced, visit.node, output, self, hook)
                    visit.hook = hook
            found[output] = ct
        return found


def fitted(edge: Any, ct: Any) -> Any:
    """A cotangent as it arrives at the end of an edge: of the shape and dtype there."""
    shape, dtype = edge[0].metas_of(edge[1])
    return fit(cpu, ct, shape, dtype, edge[0])


def leading_to(nodes: Sequence[Node], target: Node) -> set[Node]:
    """Of `nodes` (in the order they were made), those from which gradients flow to `target`."""
    found = {target}
    for node in nodes:
        if any(following in found for following, _ in node.edges):
            found.add(node)
    return found
