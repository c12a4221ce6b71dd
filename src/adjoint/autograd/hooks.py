"""Floor 1: hooks on tensors and nodes, in torch's order, off the engine's fast path.

Order at a node: tensor hooks as registered (each may replace the gradient), what retains the
gradient, node pre-hooks, the node, node post-hooks. After accumulation: post-accumulate hooks.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from .tape import AccumulateGrad, Node, edge_of
from .tensor import Tensor, meta_of, wrap

if TYPE_CHECKING:
    from .engine import Run

_ids = count().__next__


class RemovableHandle:
    """Removes a hook: call `remove()`, or use it in a `with` block."""

    def __init__(self, hooks: dict[int, Any]) -> None:
        self._hooks = weakref.ref(hooks) if hasattr(hooks, "__weakref__") else lambda: hooks
        self.id = _ids()

    def remove(self) -> None:
        """Take the hook out; doing so twice is allowed."""
        hooks = self._hooks()
        if hooks is not None:
            hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


class NodeHooks:
    """The hooks of one node; most nodes have none."""

    __slots__ = ("tensor", "retain", "pre", "post", "metadata")

    def __init__(self) -> None:
        self.tensor: dict[int, dict[int, Callable[..., Any]]] = {}
        self.retain: dict[int, Any] = {}  # output number -> weak reference to its tensor
        self.pre: dict[int, Callable[..., Any]] = {}
        self.post: dict[int, Callable[..., Any]] = {}
        self.metadata: dict[str, Any] = {}

    def before(self, ct: Any, run: Run, node: Node) -> Any:
        """Tensor hooks, retained gradients and pre-hooks; returns the cotangent to go on with."""
        run.shared.add(node)  # a hook may have kept it
        single = node.shape is not None
        outputs = {0: ct} if single else dict(ct)
        for output in sorted(outputs):
            outputs[output] = self._tensor_hooks(outputs[output], output, run, node)
        if self.pre:
            outputs = self._pre_hooks(outputs, run, node)
        return outputs[0] if single else outputs

    def _tensor_hooks(self, ct: Any, output: int, run: Run, node: Node) -> Any:
        for hook in list(self.tensor.get(output, {}).values()):
            replaced = hook(_as_tensor(ct, run))
            if replaced is not None:
                ct = _checked(replaced, node, output, run)
        reference = self.retain.get(output)
        tensor = None if reference is None else reference()
        if tensor is not None:
            meta = meta_of(tensor)
            kept = ct if run.create_graph else wrap(np.array(ct))
            meta.grad = kept if meta.grad is None else meta.grad + kept
        return ct

    def _pre_hooks(self, outputs: dict[int, Any], run: Run, node: Node) -> dict[int, Any]:
        for hook in list(self.pre.values()):
            n = 1 if node.shape is not None else max(outputs) + 1
            given = tuple(_as_tensor(outputs.get(i), run) for i in range(n))
            replaced = hook(given)
            if replaced is not None:
                replaced = replaced if isinstance(replaced, (tuple, list)) else (replaced,)
                outputs = {
                    i: _checked(g, node, i, run) for i, g in enumerate(replaced) if g is not None
                }
        return outputs

    def after(self, cts: Any, ct: Any, run: Run, node: Node) -> Any:
        """Post-hooks; returns the cotangents to deliver."""
        if not self.post:
            return cts
        outputs = (ct,) if node.shape is not None else tuple(ct.values())
        for hook in list(self.post.values()):
            inputs = node.plan.spread(tuple(cts)) if hasattr(node, "plan") else tuple(cts)
            inputs = tuple(g[0] if isinstance(g, tuple) else g for g in inputs)
            replaced = hook(
                tuple(_as_tensor(g, run) for g in inputs),
                tuple(_as_tensor(g, run) for g in outputs),
            )
            if replaced is not None:
                kept = [
                    (g if run.create_graph else g._data) if g is not None else None
                    for g in replaced
                ]
                if hasattr(node, "plan"):
                    kept = [kept[node.plan.shown.index(i)] for i in node.plan.needed]
                cts = kept
        return cts


def _as_tensor(ct: Any, run: Run) -> Any:
    return ct if run.create_graph or ct is None else wrap(ct)


def _checked(replaced: Any, node: Node, output: int, run: Run) -> Any:
    if not isinstance(replaced, Tensor):
        raise TypeError(
            f"a hook must return a Tensor or None, but one on {node.name()} returned "
            f"{type(replaced).__name__}"
        )
    shape, _ = node.metas_of(output)
    if replaced._data.shape != shape:
        raise RuntimeError(
            f"hook has changed the size of value: the gradient has shape {list(shape)}, the hook "
            f"returned {list(replaced._data.shape)}"
        )
    return replaced if run.create_graph else replaced._data


def hooks_of(node: Node) -> NodeHooks:
    """A node's hooks, made when first asked for."""
    if node.hooks is None:
        node.hooks = NodeHooks()
    return node.hooks


def register_tensor_hook(t: Tensor, hook: Callable[[Tensor], Any]) -> RemovableHandle:
    """See Tensor.register_hook."""
    if not t.requires_grad:
        raise RuntimeError(
            "cannot register a hook on a tensor that doesn't require gradient; call "
            "requires_grad_() first"
        )
    if t._edge is None:
        meta = meta_of(t)
        if meta.hooks is None:
            meta.hooks = {}
        hooks = meta.hooks
        node = None if meta.accumulator is None else meta.accumulator()
        if node is not None:
            adopt_leaf_hooks(t, node)
    else:
        node, output = t._edge
        hooks = hooks_of(node).tensor.setdefault(output, {})
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


def adopt_leaf_hooks(t: Tensor, node: AccumulateGrad) -> None:
    """Give a leaf's accumulation node the leaf's hooks: the dict is shared, so both stay one."""
    hooks = meta_of(t).hooks
    assert hooks is not None
    hooks_of(node).tensor[0] = hooks


def register_post_accumulate_hook(t: Tensor, hook: Callable[[Tensor], None]) -> RemovableHandle:
    """See Tensor.register_post_accumulate_grad_hook."""
    if not t.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if t._edge is not None:
        raise RuntimeError(
            "post accumulate grad hooks cannot be registered on non-leaf tensors; use "
            "register_hook instead"
        )
    meta = meta_of(t)
    if meta.post_accumulate is None:
        meta.post_accumulate = {}
    handle = RemovableHandle(meta.post_accumulate)
    meta.post_accumulate[handle.id] = hook
    return handle


def register_node_hook(node: Node, hook: Callable[..., Any], *, post: bool) -> RemovableHandle:
    """See Node.register_hook and Node.register_prehook."""
    hooks = hooks_of(node).post if post else hooks_of(node).pre
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


def retain_grad(t: Tensor) -> None:
    """See Tensor.retain_grad."""
    if not t.requires_grad:
        raise RuntimeError(
            "can't retain_grad on Tensor that has requires_grad=False; call requires_grad_() "
            "before computing with it"
        )
    if t._edge is None or meta_of(t).retains_grad:
        return
    node, output = edge_of(t)
    hooks_of(node).retain[output] = weakref.ref(t)
    meta_of(t).retains_grad = True
