"""Floor 1: history through views: writing in place to a view rewrites the history of its base.

`CopySlices` is the base's new node after such a write; `AsStridedBackward0` is a view's new node
after its base was written. Both work through the view's own rule and its transpose, on any
namespace, so nothing here depends on shared memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import cpu
from .storage import CustomView
from .tape import Node, edge_of, next_sequence_number
from .tensor import Tensor, new, wrap

if TYPE_CHECKING:
    from .engine import Run
    from .storage import ViewStep
    from .tensor import Edge


class _ViewNode(Node):
    """A node that works through a chain of view steps."""

    __slots__ = ("steps",)

    steps: tuple[ViewStep, ...]


class AsStridedBackward0(_ViewNode):
    """A view made anew from its base: the chain of view steps, transposed."""

    __slots__ = ()

    def apply(self, ct: Any, run: Run) -> Any:
        return (_transpose(self.steps, run.xp, ct),)


class CopySlices(_ViewNode):
    """A base after a write through a view: `base = where(in view, written, base)`.

    Edges: the base's old history (when it requires grad), then the written value's.
    """

    __slots__ = ()

    def apply(self, ct: Any, run: Run) -> Any:
        xp = run.xp
        written = _forward(self.steps, xp, ct)
        outside = self._outside(xp, ct, written) if len(self.edges) == 2 else None
        if not run.create_graph:
            written = np.array(written)  # a view of `ct` would tie two gradients together
        return (written,) if outside is None else (outside, written)

    def _outside(self, xp: Any, ct: Any, written: Any) -> Any:
        """`ct` with zeros where the view is."""
        if any(step.dtype != self.dtype for step in self.steps) or written.dtype != ct.dtype:
            # Real and imaginary parts: no mask selects half a number.
            return ct - _transpose(self.steps, xp, written)
        mask = np.zeros(self.shape or (), bool)
        inside = _forward(self.steps, cpu, mask)
        if np.may_share_memory(inside, mask):
            inside[...] = True
        else:  # a reshape that is a view of the base, which lies in memory in another order
            places = np.arange(mask.size).reshape(mask.shape)
            mask.reshape(-1)[_forward(self.steps, cpu, places)] = True
        return xp.where(wrap(mask) if xp is not cpu else mask, 0, ct)


AsStridedBackward0.__module__ = CopySlices.__module__ = "builtins"


def _forward(steps: tuple[ViewStep, ...], xp: Any, x: Any) -> Any:
    for step in steps:
        x = step.forward(xp, x)
    return x


def _transpose(steps: tuple[ViewStep, ...], xp: Any, ct: Any) -> Any:
    for step in reversed(steps):
        ct = step.transpose(xp, ct)
    return ct


def _make(cls: type[_ViewNode], edges: tuple[Edge, ...], t: Tensor, steps: Any) -> Edge:
    node = new(cls)
    node.edges = edges
    node.seq = next_sequence_number()
    node.shape, node.dtype = t._data.shape, t._data.dtype
    node.hooks = None
    node.steps = steps
    return node, 0


def replay(base: Tensor, steps: tuple[ViewStep, ...], view: Tensor) -> Edge:
    """The edge of a view made anew from its base as the base is now."""
    for step in steps:
        if isinstance(step.operation, CustomView):
            step.operation.refuse()
    return _make(AsStridedBackward0, (edge_of(base),), view, steps)


def rebase(t: Tensor, written: Edge) -> None:
    """Give the base of view `t` its new history: `written` is the edge of the value put there."""
    view = t._view
    assert view is not None
    base = view.base
    edges = (edge_of(base), written) if base._requires_grad else (written,)
    base._edge = _make(CopySlices, edges, base, view.steps)
    base._requires_grad = True
    view.version = -1  # the view's own edge is made anew when next read
