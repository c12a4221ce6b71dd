"""Floor 1: what to tell when a backward pass meets a graph that an earlier one has freed.

Which tensor ties the two graphs together, where it was made and used again, and where backward is
called. Runs only when such an error is told.
"""

from __future__ import annotations

import linecache
import re
import sys
from collections.abc import Iterable, Sequence
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

from . import origin
from .function_node import FunctionNode
from .tape import AccumulateGrad, Node, OperationNode, node_line

if TYPE_CHECKING:
    from .tensor import Edge

_CALL = re.compile(r"\.backward\(|\bgrad\(|\bbackward\(")


def tell(error: RuntimeError, roots: Iterable[Node]) -> None:
    """Add to the error of a pass from `roots` what ties its graph to the freed one."""
    freed = getattr(error, "node", None)
    if freed is None:
        return
    del error.node  # type: ignore[attr-defined]
    more = [f"{error.args[0]}.", _tie(list(roots), freed), _calls()]
    error.args = (" ".join([text for text in more if text]),)


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


def _calls() -> str:
    """The lines at which the functions that are running call backward."""
    found: dict[str, None] = {}
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        name = code.co_filename
        if not origin.is_internal.get(name, False) and not origin.classify(name):
            for line in sorted(_lines(code)):
                if _CALL.search(linecache.getline(name, line).split("#")[0]):
                    found[f"{name}:{line}"] = None
            if found:
                break
        frame = frame.f_back
    places = ", ".join(found)
    return f"Backward frees what it has used; it is called at {places}." if places else ""


def _lines(code: CodeType) -> set[int]:
    found = {line for _, _, line in code.co_lines() if line}
    inner: list[Any] = [c for c in code.co_consts if isinstance(c, CodeType)]
    return found.difference(*[_lines(c) for c in inner]) if inner else found
