"""Floor 1: what a backward pass collects for `grad`, and which nodes it has to run for that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


class Captures:
    """The inputs of `grad` (or `backward(inputs=)`): what to collect, which nodes lead there."""

    def __init__(self, inputs: Sequence[Any], roots: Sequence[Edge], accumulate: bool) -> None:
        self.accumulate = accumulate
        self.edges: list[Edge] = []
        self.wanted: dict[Node, list[int]] = {}
        for position, t in enumerate(inputs):
            edge = place_of(t)
            self.edges.append(edge)
            if not isinstance(t, Tensor) or not is_cut(t):
                self.wanted.setdefault(edge[0], []).append(position)
        self.results: list[Any] = [None] * len(self.edges)
        self.through: set[Node] = set()  # nodes that must run, not only be captured
        self.needed = self._reaching(roots)

    def _reaching(self, roots: Iterable[Edge]) -> set[Node]:
        """Nodes from which a wanted node can be reached, iteratively: down, then up again."""
        wanted = self.wanted
        floor = min([node.seq for node in wanted], default=0)
        leading: dict[Node, list[Node]] = {}  # to a node, from those above it
        stack = [edge[0] for edge in roots]
        while stack:
            node = stack.pop()
            for edge in node.edges:
                following = edge[0]
                if following in leading:
                    leading[following].append(node)
                elif following.seq >= floor and (following.edges or following in wanted):
                    leading[following] = [node]  # other leaves lead nowhere
                    stack.append(following)
        needed, through = set(wanted), self.through
        stack.extend(wanted)
        while stack:
            for node in leading.get(stack.pop(), ()):
                if node not in through:
                    through.add(node)
                    if node not in needed:
                        needed.add(node)
                        stack.append(node)
        return needed

    def take(self, node: Node, ct: Any) -> bool:
        """Collect what is wanted of `node`; whether the node still has to run."""
        for position in self.wanted.get(node, ()):
            output = self.edges[position][1]
            self.results[position] = ct if node.shape is not None else ct.get(output)
        if self.accumulate and node in self.wanted:
            return True  # a leaf's, which accumulates; and torch runs that of another tensor
        return node in self.through
