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

from .origin import written
from .tape import AccumulateGrad, Node, edge_of, node_line
from .tensor import Tensor, meta_of, wrap

if TYPE_CHECKING:
    from .engine import Run
    from .tensor import Edge

_ids = count().__next__


class RemovableHandle:
    """Removes a hook: call `remove()`, or use it in a `with` block."""

    def __init__(self, hooks: dict[int, Any]) -> None:
        self._hooks = hooks
        self.id = _ids()

    def remove(self) -> None:
        """Take the hook out; doing so twice is allowed."""
        self._hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


class PassHook:
    """A tensor hook that has to know which backward pass it is called in, and at which node."""

    def receive(self, grad: Any, run: Run, node: Node) -> None:
        """Take the gradient; it cannot be replaced."""
        raise NotImplementedError  # every such hook defines it

    def __call__(self, grad: Any) -> None:
        raise RuntimeError("this hook can only be called by a backward pass")


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
        """Tensor hooks and retained gradients; returns the cotangent to go on with."""
        run.shared.add(node)  # a hook may have kept it
        if node.shape is not None:
            return self._tensor_hooks(ct, 0, run, node)
        found = {}  # hooks of outputs that nothing reached are called with None
        for output in sorted({*ct, *self.tensor}):
            g = self._tensor_hooks(ct.get(output), output, run, node)
            if g is not None:
                found[output] = g
        return found

    def _tensor_hooks(self, ct: Any, output: int, run: Run, node: Node) -> Any:
        for hook in list(self.tensor.get(output, {}).values()):
            if isinstance(hook, PassHook):
                hook.receive(_as_tensor(ct, run), run, node)
                continue
            replaced = hook(_as_tensor(ct, run))
            if replaced is not None:
                ct = _checked(replaced, node, output, run, hook)
        reference = self.retain.get(output)
        tensor = None if reference is None else reference()
        if tensor is not None and ct is not None:
            meta = meta_of(tensor)
            if meta.grad is not None:
                meta.grad = meta.grad + _as_tensor(ct, run)
            else:
                meta.grad = ct.clone() if run.on_tensors else wrap(np.array(ct))
        return ct

    def ahead(self, ct: Any, run: Run, node: Node) -> Any:
        """Pre-hooks of a node that is about to run; what is captured there does not see them."""
        single = node.shape is not None
        outputs = {0: ct} if single else ct
        count = 1 if single else node.output_count
        for hook in list(self.pre.values()):
            replaced = hook(tuple([_as_tensor(outputs.get(i), run) for i in range(count)]))
            if replaced is not None:
                _check_tuple(replaced, count, node, hook)
                outputs = {
                    i: _checked(g, node, i, run, hook)
                    for i, g in enumerate(replaced)
                    if g is not None
                }
        return outputs.get(0) if single else outputs

    def after(self, cts: Any, ct: Any, run: Run, node: Node) -> Any:
        """Post-hooks; returns the cotangents to deliver."""
        if not self.post:
            return cts
        run.shared.update(edge[0] for edge in node.edges)  # a hook may keep or give what it likes
        if node.shape is not None:
            outputs = (_as_tensor(ct, run),)
        else:
            outputs = tuple([_as_tensor(ct.get(i), run) for i in range(node.output_count)])
        # As they will arrive: what broadcasting stretched is summed.
        cts = [g if g is None else run.fitted(edge, g) for edge, g in zip(node.edges, cts)]
        shown = _shown_positions(node)
        for hook in list(self.post.values()):
            inputs: list[Any] = [None] * (max(shown, default=-1) + 1)
            for position, g in zip(shown, cts):
                inputs[position] = _as_tensor(g, run)
            count = len(node.next_functions)
            inputs += [None] * (count - len(inputs))
            replaced = hook(tuple(inputs), outputs)
            if replaced is not None:
                _check_tuple(replaced, count, node, hook)
                for position, g in enumerate(replaced):
                    if g is not None and inputs[position] is None:
                        raise RuntimeError(
                            f"can't replace a None gradient with a non-None value: the hook "
                            f"{written(hook)} on {node.name()}, made at {node_line(node)}, did so "
                            f"at position {position}"
                        )
                run.hands_none = run.hands_none or any(g is None for g in replaced)
                cts = [
                    None if replaced[i] is None else _checked(replaced[i], *edge, run, hook)
                    for i, edge in zip(shown, node.edges)
                ]
        return cts


def _shown_positions(node: Node) -> list[int]:
    """For each edge of a node, its place in `next_functions`."""
    if not hasattr(node, "plan"):
        return list(range(len(node.edges)))
    return [node.plan.shown.index(i) for i in node.plan.needed]


def _as_tensor(ct: Any, run: Run) -> Any:
    return ct if run.on_tensors or ct is None else wrap(ct)


def _check_tuple(replaced: Any, count: int, node: Node, hook: Any) -> None:
    """A node's hook returns a tuple, with as many gradients as it was given."""
    if not isinstance(replaced, tuple):
        raise TypeError(
            f"expected tuple, but hook returned {type(replaced).__name__!r}: the hook "
            f"{written(hook)} on {node.name()}, made at {node_line(node)}, returns None, or "
            f"{count} gradients in a tuple"
        )
    if len(replaced) != count:
        raise RuntimeError(
            f"hook {written(hook)!r} has returned an incorrect number of values (got "
            f"{len(replaced)}, but expected {count}): it is on {node.name()}, made at "
            f"{node_line(node)}"
        )


def _checked(replaced: Any, node: Node, output: int, run: Run, hook: Any) -> Any:
    if not isinstance(replaced, Tensor):
        raise TypeError(
            f"expected Variable, but hook returned {type(replaced).__name__!r}: the hook "
            f"{written(hook)} on {node.name()}, made at {node_line(node)}, returns a Tensor or None"
        )
    shape, dtype = node.metas_of(output)
    if replaced._data.dtype != dtype:
        raise RuntimeError(
            f"hook has changed the type of value: the gradient at {node.name()} has dtype "
            f"{dtype}, the hook {written(hook)} returned {replaced._data.dtype}; convert it with "
            f".to(grad.dtype) (the value was made at {node_line(node)})"
        )
    if replaced._data.shape != shape:
        raise RuntimeError(
            f"hook has changed the size of value: the gradient has shape {list(shape)}, the hook "
            f"{written(hook)} returned {list(replaced._data.shape)} (the value was made at "
            f"{node_line(node)})"
        )
    return replaced if run.on_tensors else replaced._data


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
        if node is not None and node.variable is t:
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


def move_retained(old: Edge, edge: Edge) -> None:
    """Retain at a new place in the graph what was retained at an old one."""
    node, output = edge
    found = hooks_of(old[0]).retain.pop(old[1], None)
    if found is not None:
        hooks_of(node).retain[output] = found
