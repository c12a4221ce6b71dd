"""Floor 1: derivatives that do not depend on a tensor, as torch connects them to it.

The formula of a pooling's gradient does not need its input, but torch's takes it: a second
derivative with respect to it exists there and is zero, where it would otherwise be an error. So
with a tangent: in torch an input that does not move has one of zeros, which is multiplied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .tape import Node, edge_of, next_sequence_number
from .tensor import Tensor, new, wrap

if TYPE_CHECKING:
    from .engine import Run
    from .tensor import Edge


class ConstantGradientBackward(Node):
    """Hands its cotangent on to the derivative's own history, if any, and zeros to the others."""

    __slots__ = ("has_own",)

    has_own: bool  # whether the first edge is to that

    def apply(self, ct: Any, run: Run) -> Any:
        found = [ct] if self.has_own else []
        for node, output in self.edges[len(found) :]:
            shape, dtype = node.metas_of(output)
            found.append(run.xp.zeros(shape, dtype=dtype))
        return found


ConstantGradientBackward.__module__ = "builtins"


def connected(node: Node, cts: Sequence[Any]) -> Sequence[Any]:
    """The one cotangent that `node` computed, with a history that leads to its input."""
    (ct,) = cts
    if not isinstance(ct, Tensor):
        return cts
    return (connected_to(ct, node.edges),)


def connected_to(t: Tensor, edges: Sequence[Edge]) -> Tensor:
    """A tensor of the same value, with a history that leads to places it depends on by zero too."""
    link = new(ConstantGradientBackward)
    link.has_own = t.requires_grad
    link.edges = (*([edge_of(t)] if link.has_own else []), *edges)
    link.seq = next_sequence_number()
    link.shape, link.dtype, link.hooks = t._data.shape, t._data.dtype, None
    result: Tensor = wrap(t._data)
    result._edge, result._requires_grad = (link, 0), True
    return result
