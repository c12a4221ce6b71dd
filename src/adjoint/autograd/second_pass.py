"""Floor 1: what to tell when a backward pass meets a graph that an earlier one has freed.

Which tensor ties the two graphs together, where it was made and where it was used again. Runs only
when such an error is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .function_node import FunctionNode
from .tape import AccumulateGrad, Node, OperationNode, node_line

if TYPE_CHECKING:
    from .tensor import Edge


def tell(error: RuntimeError, roots: Iterable[Node]) -> None:
    """Add to the error of a pass from `roots` what ties its graph to the freed one."""
    freed = getattr(error, "node", None)
    if freed is None:
        return
    del error.node  # type: ignore[attr-defined]
    error.args = (f"{error.args[0]}. {_tie(list(roots), freed)}".rstrip(),)


def _tie(roots: Sequence[Node], freed: Node) -> str:
    """Which tensor of the freed graph the new one is built on; that of the loss itself is none."""
    nodes = set(roots)
    stack = list(roots)
    while stack:
        for following, _ in stack.pop().edges:
            if following not in nodes and following.seq >= freed.seq:
                nodes.add(following)
                stack.append(following)
    # What ran before the error in this pass was not freed: it is of the new graph.
    fresh = [n.seq for n in nodes if n.seq > freed.seq and _saves(n)]
    if not fresh:
        return (
            "Nothing new lies before it: this is the second backward from the same result, or two "
            "results share that part. Compute it anew, add the results and call backward once, or "
            "keep the graph with retain_graph=True."
        )
    border = min(fresh)
    edge = _crossing(nodes, border, freed)
    if edge is None:
        return ""
    user, (made, _) = edge
    return (
        f"The tensor that ties the two graphs together is the result of {made.name()}, made at "
        f"{node_line(made)}; it was used again by {user.name()} at {node_line(user)}. Detach it "
        "where it is carried over (h = h.detach()), compute it anew, or add the losses and call "
        "backward once."
    )


def _saves(node: Node) -> bool:
    if isinstance(node, FunctionNode):
        return bool(node.plan.count)
    return isinstance(node, OperationNode) and bool(node.plan.saved_names)


def _crossing(nodes: set[Node], border: int, freed: Node) -> tuple[Node, Edge] | None:
    """The edge by which the new part of the graph (from `border` on) reaches the freed node."""
    leading = {freed}
    for node in sorted(nodes, key=lambda n: n.seq):
        if any(following in leading for following, _ in node.edges):
            leading.add(node)
    for node in sorted(nodes, key=lambda n: -n.seq):
        if node.seq < border:
            break
        for edge in node.edges:
            made = edge[0]
            if made.seq < border and made in leading and not isinstance(made, AccumulateGrad):
                return node, edge
    return None
