"""Floor 1: what to tell when a backward pass fails.

Of a graph that an earlier pass has freed: which tensor ties the two graphs together, where it was
made and where it was used again. Of any other error: which node failed, and the line that made it.
Runs only when such an error is told.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from . import origin
from .function_node import FunctionNode
from .tape import AccumulateGrad, Node, OperationNode, node_line

if TYPE_CHECKING:
    from .tensor import Edge

_ENGINE = os.path.join(os.path.dirname(__file__), "engine.py")
_NUMPY = os.path.dirname(np.__file__) + os.sep


def tell(error: Exception, roots: Iterable[Node]) -> None:
    """Add to the error of a pass from `roots` where it comes from."""
    freed = getattr(error, "node", None)
    if freed is None:
        _tell_node(error)
        return
    del error.node  # type: ignore[attr-defined]
    error.args = (f"{error.args[0]}. {_tie(list(roots), freed)}".rstrip(),)


def _tell_node(error: Exception) -> None:
    """Which node failed and where it was made, unless the message has that line."""
    node, is_users = _failed(error)
    line = "" if node is None or node.origin is None else node_line(node)
    if not line or line in str(error):
        return
    assert node is not None
    text = f"This happened in the backward pass, at {node.name()}, made at {line}."
    if not is_users and len(error.args) == 1 and isinstance(error.args[0], str):
        error.args = (f"{error.args[0].rstrip('.')}. {text}",)
    elif hasattr(error, "add_note"):  # from Python 3.11 on; the user's own words stay as they are
        error.add_note(text)


def _failed(error: Exception) -> tuple[Node | None, bool]:
    """The node that the engine was at, and whether the error is from code of the user's."""
    node, is_users = None, False
    at = error.__traceback__
    while at is not None:
        name = at.tb_frame.f_code.co_filename
        if name == _ENGINE:
            node, is_users = at.tb_frame.f_locals.get("node", node), False
        elif not origin.is_internal[name]:
            is_users = is_users or not name.startswith(_NUMPY)
        at = at.tb_next
    return (node if isinstance(node, Node) else None), is_users


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
