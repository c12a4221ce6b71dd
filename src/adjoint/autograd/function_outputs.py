"""Floor 1: what a custom Function returned becomes its outputs: linked, aliased, or cut.

Torch's rules: an input that is returned comes back as an alias with a history of its own, an input
that was written stays itself, and views of inputs may not be written in place.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from . import origin
from .function_node import FunctionNode
from .inplace import check_captured, check_history
from .storage import CUSTOM, MULTI_OUTPUT, CustomView, View
from .tensor import Tensor, new, refresh, relink, storage_of, version_of, wrap
from .views import rebase


class Outputs:
    """The outputs of one application while they are being linked."""

    def __init__(
        self, node: FunctionNode, context: Any, inputs: Sequence[Any], recorded: bool
    ) -> None:
        self.node = node
        self.function = node.function.__name__
        self.recorded = recorded
        self.inputs = {id(t) for t in inputs if isinstance(t, Tensor)}
        self.dirty = _tensors(context.dirty_tensors, "mark_dirty can only accept variables")
        self.cut = _tensors(
            context.non_differentiable, "mark_non_differentiable only accepts variable arguments"
        )
        for name in ("dirty_tensors", "non_differentiable"):  # they would outlive their use
            node.attributes.pop(name, None)

    def link(self, raw: Sequence[Any]) -> list[Any]:
        """The outputs for the user, each with its place in the graph."""
        self._check_dirty(raw)
        differentiable = [self._is_differentiable(out) for out in raw]
        if self.recorded:
            self._describe(raw)
        linked = []
        for number, out in enumerate(raw):
            if not isinstance(out, Tensor):
                linked.append(out)
            elif id(out) in self.dirty:
                linked.append(self._rewritten(out, number, sum(differentiable)))
            else:
                linked.append(self._fresh(out, number, differentiable[number]))
        many = sum(differentiable) > 1
        for out in linked:
            if isinstance(out, Tensor) and out._view is not None and id(out) not in self.dirty:
                self._restrict(out, many)
        return linked

    def _check_dirty(self, raw: Sequence[Any]) -> None:
        returned = {id(out) for out in raw}
        for t in self.dirty.values():
            storage_of(t).bump(origin.caller(4))
            if id(t) not in returned:
                raise RuntimeError(
                    "Some elements marked as dirty during the forward method were not returned as "
                    "output. The inputs that are modified inplace must all be outputs of the "
                    f"Function ({self.function})."
                )
            if id(t) not in self.inputs:
                warnings.warn(
                    "Only input Tensors should be given to ctx.mark_dirty(). If a Tensor is not "
                    "an input, there is no need to pass it to mark_dirty().",
                    UserWarning,
                    stacklevel=5,
                )

    def _is_differentiable(self, out: Any) -> bool:
        return (
            self.recorded
            and isinstance(out, Tensor)
            and id(out) not in self.cut
            and out._data.dtype.kind in "fcV"
        )

    def _describe(self, raw: Sequence[Any]) -> None:
        """Shape and dtype of the outputs, for the engine."""
        node = self.node
        if len(raw) == 1 and isinstance(raw[0], Tensor):
            node.shape, node.dtype = raw[0]._data.shape, raw[0]._data.dtype
            return
        node.shape = node.dtype = None
        node.metas = tuple(
            [(o._data.shape, o._data.dtype) if isinstance(o, Tensor) else ((), None) for o in raw]
        )

    def _rewritten(self, out: Tensor, number: int, count: int) -> Tensor:
        """An input that forward wrote in place: its history is now this node."""
        if not self.recorded or id(out) in self.cut:
            return out.detach() if out.requires_grad else out
        if out._view is None and out._edge is None and out._requires_grad:
            raise RuntimeError(
                "a leaf Variable that requires grad has been used in an in-place operation. "
                f"({self.function} marks it dirty: give it a clone, or a tensor that requires no "
                "gradient)"
            )
        check_captured(out, self.function)
        if out._view is not None and id(out) in self.inputs:
            if count > 1:
                raise RuntimeError(
                    "If your Function modifies inplace an input that is a view of another Tensor, "
                    "your Function cannot return more than one Tensor. This is not supported by "
                    "the current autograd engine. You should either make sure the input is not a "
                    "view (using .clone() for example) or make your Function only return one "
                    f"Tensor. The Function is {self.function}."
                )
            check_history(out, self.function)
            rebase(out, (self.node, number))
            refresh(out)
        else:
            relink(out, (self.node, number))
        return out

    def _fresh(self, out: Tensor, number: int, differentiable: bool) -> Tensor:
        """An output that was not written in place."""
        if id(out) in self.inputs:
            cut = not differentiable and out.requires_grad
            out = out.detach() if cut else self._alias(out)
        if differentiable:
            out._edge, out._requires_grad = (self.node, number), True
        elif out._view is None and self.recorded:
            out._edge, out._requires_grad = None, False
        return out

    def _alias(self, t: Tensor) -> Tensor:
        """An input that is returned as it is: the same memory under another handle."""
        alias: Tensor = wrap(t._data)
        alias._storage = storage_of(t)
        if not t.is_inference():
            alias._view = self._view_of(t, t._data)
        return alias

    def _view_of(self, t: Tensor, array: Any) -> View:
        """How a view is made from `t` by this Function."""
        parent = t._view
        view: View = new(View)
        view.of = parent.of if parent is not None and parent.__class__ is View else t
        view.before = parent
        view.operation, view.params = CustomView(self.function), {}
        view.array, view.output = array, None
        view.version, view.creation, view.inherited = version_of(t), CUSTOM, False
        return view

    def _restrict(self, out: Tensor, many: bool) -> None:
        """Views that a custom Function returns may not be written in place."""
        view = out._view
        if not isinstance(view.operation, CustomView):  # type: ignore[union-attr]
            inherited = view.inherited  # type: ignore[union-attr]
            view = out._view = self._view_of(out, out._data)
            view.inherited = inherited
        if many:
            view.creation = MULTI_OUTPUT  # type: ignore[union-attr]


def _tensors(given: Any, complaint: str) -> dict[int, Tensor]:
    """Tensors by identity, from what a `mark_` method was given."""
    found = {}
    for number, t in enumerate(given or ()):
        if not isinstance(t, Tensor):
            raise RuntimeError(f"{complaint}, but argument {number} is of type {type(t).__name__}")
        found[id(t)] = t
    return found
