"""Floor 1: hooks on several tensors at once: called when all gradients are there, or the first."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .hooks import PassHook, RemovableHandle, register_tensor_hook
from .tape import Node, edge_of
from .tensor import Tensor

if TYPE_CHECKING:
    from .engine import Run


class _Handle(RemovableHandle):
    """Removes the hooks of all the tensors."""

    def __init__(self, handles: Sequence[RemovableHandle]) -> None:
        self._handles = tuple(handles)

    def remove(self) -> None:
        for handle in self._handles:
            handle.remove()


class _Collector:
    """Gathers the gradients of one set of tensors, apart for each backward pass."""

    def __init__(
        self, tensors: Sequence[Tensor], fn: Callable[[list[Tensor | None]], None]
    ) -> None:
        self.fn = fn
        # Weak, as the hooks are held by the nodes; a leaf's node is another one in each graph.
        self.places: list[weakref.ref[Any]] = [
            weakref.ref(t if t.is_leaf else edge_of(t)[0]) for t in tensors
        ]
        self.lock = threading.Lock()
        # Pass -> [gradients, how many are still to come].
        self.passes: weakref.WeakKeyDictionary[Run, list[Any]] = weakref.WeakKeyDictionary()

    def receive(self, i: int, grad: Tensor, run: Run, node: Node) -> None:
        """Take gradient number `i`; call the user with all of them when it was the last."""
        with self.lock:
            entry = self.passes.get(run)
            if entry is None:
                expected = reached(run, node)
                awaited = sum(_node_at(place) in expected for place in self.places)
                entry = self.passes[run] = [[None] * len(self.places), awaited]
            entry[0][i] = grad
            entry[1] -= 1
        if entry[1] == 0:
            self.fn(entry[0])


def _node_at(place: weakref.ref[Any]) -> Node | None:
    found: Any = place()
    return edge_of(found)[0] if isinstance(found, Tensor) else found


def reached(run: Run, node: Node) -> set[Node]:
    """The nodes that this pass will still run or deliver to, the present one included."""
    stack = [node, *(pending for _, pending in run.heap)]
    found = set(stack)
    needed = None if run.captures is None else run.captures.needed
    while stack:
        for following, _ in stack.pop().edges:
            if following not in found and (needed is None or following in needed):
                found.add(following)
                stack.append(following)
    return found


class _OfAll(PassHook):
    """The hook on one of the tensors, when all are awaited."""

    def __init__(self, collector: _Collector, i: int) -> None:
        self.collector = collector
        self.i = i

    def receive(self, grad: Tensor, run: Run, node: Node) -> None:
        self.collector.receive(self.i, grad, run, node)


class _OfAny(PassHook):
    """The hook that all tensors share, when the first gradient counts."""

    def __init__(self, fn: Callable[[Tensor], None]) -> None:
        self.fn = fn
        self.lock = threading.Lock()
        self.seen: weakref.WeakSet[Run] = weakref.WeakSet()

    def receive(self, grad: Tensor, run: Run, node: Node) -> None:
        with self.lock:
            if run in self.seen:
                return
            self.seen.add(run)
        self.fn(grad)


def register_multi_grad_hook(
    tensors: Sequence[Tensor], fn: Callable[[Any], None], *, mode: str = "all"
) -> RemovableHandle:
    """Call `fn` once in a backward pass, with the gradients of several tensors.

    mode "all": `fn(grads)` after the last of them, with None for tensors that this pass does not
    reach. mode "any": `fn(grad)` at the first one. The handle's `remove()` takes the hook out.

    >>> a = torch.ones(2, requires_grad=True)
    >>> b, c = a * 2, a * 3
    >>> def show(grads):
    ...     print([g is not None for g in grads])
    >>> handle = torch.autograd.graph.register_multi_grad_hook((a, b, c), show)
    >>> b.sum().backward()
    [True, True, False]
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    if mode == "any":
        shared = _OfAny(fn)
        return _Handle([register_tensor_hook(t, shared) for t in tensors if t.requires_grad])
    for i, t in enumerate(tensors):
        if not t.requires_grad:
            raise AssertionError(
                "Expected gradient function to be set, but tensor "
                f"{i} does not require grad; leave it out, or use mode='any'"
            )
    collector = _Collector(tensors, fn)
    return _Handle([register_tensor_hook(t, _OfAll(collector, i)) for i, t in enumerate(tensors)])
