"""Floor 1: torch.autograd.graph: the graph's objects, and hooks on what it saves.

`saved_tensors_hooks` and what is made of it; multi-grad hooks are in `multi_grad`, mutation of
saved tensors in `mutation`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any

from . import origin
from .function_context import FunctionCtx
from .modes import state
from .multi_grad import register_multi_grad_hook
from .mutation import allow_mutation_on_saved_tensors
from .saved import drop_hooks, set_hooks
from .tape import GradientEdge, edge_of
from .tape import Node as TapeNode
from .tensor import Tensor, is_cut, storage_of

__all__ = [
    "GradientEdge",
    "Node",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "region_activation_memory_budget",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]


class _NodeType(type):
    """Every `grad_fn` is a Node, also the context of a custom Function."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, (TapeNode, FunctionCtx))

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, (TapeNode, FunctionCtx))


class Node(metaclass=_NodeType):
    """What every `grad_fn` is: `name()`, `next_functions`, `metadata`, hooks.

    For `isinstance` only; nodes are made by operations.

    >>> x = torch.ones(2, requires_grad=True)
    >>> isinstance(x.exp().grad_fn, torch.autograd.graph.Node)
    True
    """


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The place in the graph where the gradient of `tensor` is computed.

    RuntimeError when it requires none.

    >>> x = torch.tensor(2.0, requires_grad=True)
    >>> y = x * x
    >>> edge = torch.autograd.graph.get_gradient_edge(y)
    >>> torch.autograd.grad(3 * y, edge)
    (tensor(3.),)
    """
    if not tensor.requires_grad:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require "
            "gradients; call .requires_grad_() before computing with it"
        )
    if is_cut(tensor):
        raise AssertionError(
            "Expected gradient function to be set: this view was made without recording, and no "
            "gradient is computed there"
        )
    node, output = edge_of(tensor)
    return GradientEdge(node.public, output)


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Say that the memory of a tensor (or of several) was written behind autograd's back.

    Values saved of it before are then refused in backward, as after any in-place operation.

    >>> x = torch.zeros(2)
    >>> torch.autograd.graph.increment_version(x); x._version
    1
    """
    tensors = [tensor] if isinstance(tensor, Tensor) else tensor
    if not isinstance(tensors, Iterable):
        raise RuntimeError(
            f"increment_version expect a Iterable[Tensor] as input, but got {type(tensor).__name__}"
        )
    for t in tensors:
        if not isinstance(t, Tensor):
            raise RuntimeError(
                f"increment_version expect each element of the iterable to be a tensor, but got "
                f"{type(t).__name__}"
            )
        if not t.is_inference():
            storage_of(t).bump(origin.caller(2))


class saved_tensors_hooks:
    """Keep `pack_hook(tensor)` for every tensor that an operation saves inside the block.

    `unpack_hook` gets what `pack_hook` returned when the value is needed, and returns a tensor of
    the same values. Only the innermost pair acts; each thread has its own. Neither may write to
    what it is given. Returning the very tensor from `pack_hook` keeps an output and its node alive
    together until the cyclic collector runs: return `x.detach()` instead.

    >>> pack = lambda x: x.numpy(force=True).astype("float16")  # half the memory
    >>> unpack = lambda kept: torch.tensor(kept).float()
    >>> x = torch.tensor([3.0], requires_grad=True)
    >>> with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
    ...     y = x * x
    >>> y.backward(); x.grad
    tensor([6.])
    """

    def __init__(
        self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]
    ) -> None:
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self) -> None:
        for name, hook in (("pack_hook", self.pack_hook), ("unpack_hook", self.unpack_hook)):
            if not callable(hook):
                raise TypeError(
                    f"saved_tensors_hooks: {name} has to be callable, but got {type(hook).__name__}"
                )
        set_hooks(self.pack_hook, self.unpack_hook)

    def __exit__(self, *exc: object) -> None:
        drop_hooks()


class save_on_cpu(saved_tensors_hooks):
    """Keep saved tensors in main memory, and bring them back to their device in backward.

    pin_memory: bool, device_type: the device that pinned memory is for; accepted.

    >>> x = torch.tensor([3.0], requires_grad=True)
    >>> with torch.autograd.graph.save_on_cpu():
    ...     y = x * x
    >>> y.backward(); x.grad
    tensor([6.])
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        def pack(t: Tensor) -> tuple[Any, Tensor]:
            return t.device, t.detach().cpu()

        def unpack(kept: tuple[Any, Tensor]) -> Tensor:
            device, t = kept
            found: Tensor = t.to(device, non_blocking=pin_memory)
            return found

        super().__init__(pack, unpack)


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Generator[None, None, None]:
    """Refuse saved-tensor hooks inside the block, with this message as RuntimeError.

    >>> with torch.autograd.graph.disable_saved_tensors_hooks("not here"):
    ...     with torch.autograd.graph.save_on_cpu():
    ...         pass
    Traceback (most recent call last):
    RuntimeError: not here
    """
    if state.packing is not None:
        raise RuntimeError(error_message)
    before = state.packing_refused
    state.packing_refused = error_message
    try:
        yield
    finally:
        state.packing_refused = before


def region_activation_memory_budget(budget: float) -> Any:
    """In torch, a share of activations that a compiled region may keep; RuntimeError here.

    It has no meaning without a compiler, as in torch outside of `torch.compile`. What it is for,
    `memory_budget` does for eager code: it keeps what is saved under a number of bytes.

    >>> try:
    ...     torch.autograd.graph.region_activation_memory_budget(0.5)
    ... except RuntimeError as error:
    ...     print(str(error)[:84])
    torch.autograd.graph.region_activation_memory_budget can only be used inside a torch
    """
    raise RuntimeError(
        "torch.autograd.graph.region_activation_memory_budget can only be used inside a "
        "torch.compile region; it has no effect in eager mode. Use "
        f"torch.memory_budget('300MB') around the forward pass, not a ratio ({budget})."
    )
