"""Floor 1: history through views: writing in place to a view rewrites the history of its base.

`CopySlices` is the base's new node after such a write; `AsStridedBackward0` is a view's new node
after its base was written. Both work through the view's own rule and its transpose, on any
namespace, so nothing here depends on shared memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import cpu
from .origin import describe
from .storage import CUSTOM, DEFAULT, INFERENCE, MULTI_OUTPUT, NO_GRAD, CustomView
from .tape import Node, edge_of, next_sequence_number, node_line
from .tensor import Tensor, new, relink, wrap

if TYPE_CHECKING:
    from .engine import Run
    from .storage import View, ViewStep
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

    def name(self) -> str:
        return "torch::autograd::CopySlices"

    def apply(self, ct: Any, run: Run) -> Any:
        xp = run.xp
        written = _forward(self.steps, xp, ct)
        outside = self._outside(xp, ct, written) if len(self.edges) == 2 else None
        if not run.on_tensors:
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


def replay(view: View, t: Tensor) -> Edge:
    """The edge of view `t` made anew from its base as the base is now."""
    steps = view.steps
    for step in steps:
        if isinstance(step.operation, CustomView):
            step.operation.refuse()
    check_creation(view, "its base or another view of its base has been modified inplace", t)
    return _make(AsStridedBackward0, (edge_of(view.base),), t, steps)


def check_creation(view: View, what: str, t: Tensor | None = None) -> None:
    """Refuse to rewrite a history that cannot be, because of how the view `t` was made."""
    creation = view.creation
    if creation == DEFAULT:
        return
    edge = None if t is None else t._edge
    unrecorded = "inference" if creation == INFERENCE else "no_grad"
    if edge is None:
        made = f"A view was created in {unrecorded} mode"
    else:
        made = f"Output {edge[1]} of {_function_name(edge[0])} is a view"
        if creation in (NO_GRAD, INFERENCE):
            made += f" of a view which was created in {unrecorded} mode"
    during = " with grad mode enabled" if "mode" in made else ""
    raise RuntimeError(f"{made} and {what}{during}{_lines(view, t)}. {_REASONS[creation]}")


def _function_name(node: Node) -> str:
    """`Split` for SplitBackward0, and a custom Function's own name."""
    return node.name().partition("Backward")[0]


_REASONS = {
    MULTI_OUTPUT: "This view is the output of a function that returns multiple views. Such "
    "functions do not allow the output views to be modified inplace. You should replace the "
    "inplace operation by an out-of-place one.",
    CUSTOM: "This view was created inside a custom Function (or because an input was returned "
    "as-is) and the autograd logic to handle view+inplace would override the custom backward "
    "associated with the custom Function, leading to incorrect gradients. This behavior is "
    "forbidden. You can fix this by cloning the output of the custom Function.",
} | {
    creation: "Given that this use case is ambiguous and error-prone, it is forbidden. You can "
    f"clarify your code by moving both the view and the inplace either both inside the {mode} "
    "block (if you don't want the inplace to be tracked) or both outside (if you want the inplace "
    "to be tracked)."
    for creation, mode in ((NO_GRAD, "no_grad"), (INFERENCE, "inference"))
}


def _lines(view: View, t: Tensor | None) -> str:
    """Where a view was made and where its memory was last written, for errors."""
    edge = None if t is None else t._edge
    text = "" if edge is None or edge[0].origin is None else f", made at {node_line(edge[0])}"
    storage = view.of._storage
    if storage is not None and storage.writer is not None:
        text += f", written at {describe(storage.writer)}"
    return f" (the view{text})" if text else ""


def own(t: Tensor) -> Tensor:
    """A view of a temporary that nobody else sees, as a tensor of its own.

    It still shares the temporary's version counter: a rule may have saved that.
    """
    t._view = None
    return t


def copied(t: Tensor) -> Tensor:
    """A copy of `t` if it is a view: the result of an operation that is never one."""
    result: Tensor = t if t._view is None else t.clone()
    return result


def rebase(t: Tensor, written: Edge) -> None:
    """Give the base of view `t` its new history: `written` is the edge of the value put there."""
    view = t._view
    assert view is not None
    base = view.base
    edges = (edge_of(base), written) if base._requires_grad else (written,)
    relink(base, _make(CopySlices, edges, base, view.steps))
    view.version = -1  # the view's own edge is made anew when next read
