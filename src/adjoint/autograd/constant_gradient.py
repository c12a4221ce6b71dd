"""Floor 1: gradients that do not depend on the input they belong to, as torch connects them to it.

The formula of a pooling does not need its input, but torch's takes it: a second derivative with
respect to it exists there and is zero, where it would otherwise be an error. Nothing is saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .tape import Node, edge_of, next_sequence_number
from .tensor import Tensor, new, wrap

if TYPE_CHECKING:
    from .engine import Run


class ConstantGradientBackward(Node):
    """Hands its cotangent on to the history of the gradient, and zeros to the input's."""

    __slots__ = ()

    def apply(self, ct: Any, run: Run) -> Any:
        zeros = run.xp.zeros_like(ct)
        return (zeros,) if len(self.edges) == 1 else (ct, zeros)


ConstantGradientBackward.__module__ = "builtins"


def connected(node: Node, cts: Sequence[Any]) -> Sequence[Any]:
    """The one cotangent that `node` computed, with a history that leads to its input."""
    (ct,) = cts
    if not isinstance(ct, Tensor):
        return cts
    link = new(ConstantGradientBackward)
    link.edges = (*([edge_of(ct)] if ct.requires_grad else []), *node.edges)
    link.seq = next_sequence_number()
    link.shape, link.dtype, link.hooks = ct._data.shape, ct._data.dtype, None
    result: Tensor = wrap(ct._data)
    result._edge, result._requires_grad = (link, 0), True
    return (result,)
