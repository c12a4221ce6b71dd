"""Floor 1: what a backward pass collects for `grad`, and which nodes it has to run for that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from .tape import Node, edge_of
from .tensor import Tensor, is_cut

if TYPE_CHECKING:
    from .tensor import Edge


def place_of(t: Any) -> Edge:
    """Where the gradient of a tensor, or at a GradientEdge, flows to."""
    if isinstance(t, Tensor):
        return edge_of(t)
    node = t.node
    return (node if isinstance(node, Node) else node._node), t.output_nr


_SEQUENCE = attrgetter("seq")


class Captures:
    """The inputs of `grad` (or `backward(inputs=)`): what to collect, which nodes lead there."""

    def __init__(self, inputs: Sequence[Any], roots: Iterable[Node], accumulate: bool) -> None:
        self.edges = [place_of(t) for t in inputs]
        self.accumulate = accumulate
        self.wanted: dict[Node, list[int]] = {}
        self.through: set[Node] = set()  # nodes that must run, not only be captured
        for position, ((node, _), t) in enumerate(zip(self.edges, inputs)):
            if not isinstance(t, Tensor) or not is_cut(t):
                self.wanted.setdefault(node, []).append(position)
        self.results: list[Any] = [None] * len(self.edges)
        self.needed = self._reaching(roots)

    def _reaching(self, roots: Iterable[Node]) -> set[Node]:
        """Nodes from which a wanted node can be reached: by sequence number, no recursion."""
        wanted = self.wanted
        floor = min([node.seq for node in wanted], default=0)
        stack = list(roots)
        found = set(stack)
        while stack:
            for following, _ in stack.pop().edges:
                if following.seq < floor or following in found:
                    continue
                if following.edges or following in wanted:  # other leaves lead nowhere
                    found.add(following)
                    stack.append(following)
        needed, through = set(wanted), self.through
        for node in sorted(found, key=_SEQUENCE):
            for following, _ in node.edges:
                if following in needed:
                    through.add(node)
                    needed.add(node)
                    break
        return needed

    def take(self, node: Node, ct: Any) -> bool:
        """Collect what is wanted of `node`; whether the node still has to run."""
        for position in self.wanted.get(node, ()):
            output = self.edges[position][1]
            self.results[position] = ct if node.shape is not None else ct.get(output)
        if self.accumulate and node in self.wanted and not node.edges:
            return True  # the accumulation node of a leaf
        return node in self.through
