"""Floor 1: the context of a custom Function: what its forward and backward see as `ctx`.

It shares its attributes with the node that it speaks for, and has none of the engine's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .saved import SavedTensor
from .tape import freed_message
from .tensor import Tensor

if TYPE_CHECKING:
    from .function_node import FunctionNode


class FunctionCtx:
    """What a custom Function's forward and backward see as `ctx`, and its user as `grad_fn`.

    Attributes that are set on it in forward are there in backward.
    """

    __slots__ = ("_node", "__dict__", "__weakref__")

    _node: FunctionNode
    _forward_cls: Any = None

    needs_input_grad: tuple[bool, ...]
    to_save: tuple[Any, ...] | None = None
    saved_for_forward: tuple[Any, ...] | None = None
    dirty_tensors: tuple[Any, ...] | None = None
    non_differentiable: tuple[Any, ...] | None = None
    materialize_grads: bool = True

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for backward, where `ctx.saved_tensors` has them; call it once.

        Inputs and outputs take no memory of their own, and writing to them in place before
        backward is an error then. Other values are kept as attributes: `ctx.dim = dim`.
        """
        self.to_save = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for `jvp`; call it once."""
        for t in tensors:
            if t is not None and not isinstance(t, Tensor):
                raise AssertionError(
                    "save_for_forward expects all arguments to be tensors; you should save "
                    "non-tensors as attributes on ctx."
                )
        self.saved_for_forward = tensors

    def mark_dirty(self, *args: Tensor) -> None:
        """Say which inputs forward writes in place; it has to return them."""
        self.dirty_tensors = args

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Say which outputs have no gradient; backward still gets a zero for each of them."""
        self.non_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether outputs that nobody used give zeros in backward (the default), or None."""
        if not isinstance(value, bool):
            raise TypeError(
                f"set_materialize_grads expected a bool, but got {type(value).__name__}"
            )
        self.materialize_grads = value

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What `save_for_backward` kept."""
        node = self._node
        if "_pushing" in node.attributes:
            return self.saved_for_forward or ()
        if node.saved is None and not node.freed:
            return ()  # forward is still running
        if node.freed and node.saved is not None:
            raise RuntimeError(
                "saved_tensors can only be accessed once when clear_saved_tensors_on_access=True "
                "is set on the autograd.Function. Either access saved_tensors only once, or set "
                "clear_saved_tensors_on_access=False."
            )
        return node.unpack()

    @property
    def _raw_saved_tensors(self) -> tuple[Any, ...]:
        """What `save_for_backward` kept, for hooks of its own."""
        node = self._node
        if node.saved is None:
            raise RuntimeError(freed_message(node))
        return tuple([SavedTensor(node, i) for i in range(len(node.saved))])

    def apply(self, *grad_outputs: Any) -> Any:
        """Run the user's backward (or vjp) on gradients of the outputs."""
        function = self._forward_cls
        backward = function._user_backward()
        if function.boxed_grads_call:
            return backward(self, list(grad_outputs))
        return backward(self, *grad_outputs)

    def apply_jvp(self, *tangents: Any) -> Any:
        """Run the user's jvp on tangents of the inputs."""
        return self._forward_cls.jvp(self, *tangents)

    def name(self) -> str:
        """The node's name: `<class>Backward`."""
        return self._node.name()

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """For each tensor input, the node and the output number it came from."""
        return self._node.next_functions

    @property
    def metadata(self) -> dict[str, Any]:
        """A dictionary for the user's notes about this node."""
        return self._node.metadata

    def _sequence_nr(self) -> int:
        return self._node.seq

    def register_hook(self, hook: Any) -> Any:
        """Call `hook(grad_inputs, grad_outputs)` after this node ran; it may replace the former."""
        return self._node.register_hook(hook)

    def register_prehook(self, hook: Any) -> Any:
        """Call `hook(grad_outputs)` before this node runs; it may replace them."""
        return self._node.register_prehook(hook)
