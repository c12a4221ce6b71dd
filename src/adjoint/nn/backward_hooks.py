"""Floor 5: backward hooks of Modules: what flows into its outputs and out of its inputs.

Inputs and outputs pass through an identity whose backward calls the hooks.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from adjoint.autograd import modes
from adjoint.autograd.function import Function
from adjoint.autograd.origin import stacklevel
from adjoint.autograd.tensor import Tensor

if TYPE_CHECKING:
    from .module import Module

Gradients = tuple[Any, ...]


class BackwardHookFunction(Function):
    """The identity on tensors; in backward `receive` gets the gradients and returns others."""

    @staticmethod
    def forward(
        ctx: Any, receive: Any, hooks: Sequence[Any], materialize: bool, *tensors: Tensor
    ) -> Any:
        """The tensors themselves; `hooks` is who replaces gradients, for reports."""
        ctx.receive, ctx.module_hooks = receive, hooks
        ctx.set_materialize_grads(materialize)
        ctx.mark_non_differentiable(*[t for t in tensors if not t.requires_grad])
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """What `receive` makes of the gradients."""
        return (None, None, None, *ctx.receive(grads))


class Bridge:
    """One call of a Module: leads gradients of its outputs to hooks on those of its inputs."""

    def __init__(self, module: Module, hooks: Sequence[Any], pre_hooks: Sequence[Any]) -> None:
        self.module = module
        self.hooks = hooks
        self.pre_hooks = pre_hooks
        self.grad_outputs: Gradients | None = None
        self.input_places: list[int] | None = None  # None: no input requires a gradient
        self.input_count = 0

    def enter(self, args: Gradients) -> Gradients:
        """The arguments to run forward with."""
        self.input_count = len(args)
        passed, self.input_places = _pass_through(args, self._at_inputs, self.hooks, True)
        return passed

    def leave(self, result: Any) -> Any:
        """The result to return."""
        if not isinstance(result, (Tensor, tuple)):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of "
                f"Tensors but received {type(result)}",
                stacklevel=5,
            )
            return result
        given = result if isinstance(result, tuple) else (result,)
        places: list[int] | None = None

        def receive(grads: Gradients) -> Gradients:
            assert places is not None
            return self._at_outputs(grads, places, len(given))

        passed, places = _pass_through(given, receive, self.pre_hooks, False)
        return passed if isinstance(result, tuple) else passed[0]

    def _at_outputs(self, grads: Gradients, places: Sequence[int], count: int) -> Gradients:
        outputs = _spread(grads, places, count)
        for hook in self.pre_hooks:
            replaced = hook(self.module, outputs)
            if replaced is None:
                continue
            replaced = replaced if isinstance(replaced, (tuple, list)) else (replaced,)
            if len(replaced) != count:
                raise RuntimeError(
                    "Backward pre hook returned an invalid number of grad_output, got "
                    f"{len(replaced)}, but expected {count}"
                )
            outputs = tuple(replaced)
        self.grad_outputs = outputs
        if self.input_places is None:
            self._without_inputs(outputs)
        return tuple([outputs[i] for i in places])

    def _without_inputs(self, outputs: Gradients) -> None:
        """No gradient will flow to the inputs: the hooks are called at the outputs."""
        self.grad_outputs = None
        if not self.hooks:
            return
        warnings.warn(
            "Full backward hook is firing when gradients are computed with respect to module "
            "outputs since no inputs require gradients. See "
            "https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html"
            "#torch.nn.Module.register_full_backward_hook for more details.",
            stacklevel=stacklevel(),
        )
        for hook in self.hooks:
            found = hook(self.module, (None,) * self.input_count, outputs)
            if found is not None and not (
                isinstance(found, tuple) and all(g is None for g in found)
            ):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always "
                    "return None or None for all gradients."
                )

    def _at_inputs(self, grads: Gradients) -> Gradients:
        if self.grad_outputs is None:  # it flowed here past the outputs, as in double backward
            return grads
        assert self.input_places is not None
        inputs = _spread(grads, self.input_places, self.input_count)
        for hook in self.hooks:
            replaced = hook(self.module, inputs, self.grad_outputs)
            if replaced is None:
                continue
            replaced = replaced if isinstance(replaced, (tuple, list)) else (replaced,)
            if len(replaced) != len(inputs):
                raise RuntimeError(
                    "Backward hook returned an invalid number of grad_input, got "
                    f"{len(replaced)}, but expected {len(inputs)}"
                )
            inputs = tuple(replaced)
        self.grad_outputs = None
        return tuple([inputs[i] for i in self.input_places])


def _pass_through(
    values: Gradients,
    receive: Callable[[Gradients], Gradients],
    hooks: Sequence[Any],
    materialize: bool,
) -> tuple[Gradients, list[int] | None]:
    """The values with every tensor through the identity, and where the tensors are.

    None for the places: nothing is recorded.
    """
    places = [i for i, v in enumerate(values) if isinstance(v, Tensor)]
    if not modes.state.grad or not any(values[i].requires_grad for i in places):
        return values, None
    passed = list(values)
    found = BackwardHookFunction.apply(receive, hooks, materialize, *[values[i] for i in places])
    for i, t in zip(places, found, strict=True):
        passed[i] = t
    return (tuple(passed) if type(values) is tuple else type(values)(*passed)), places


def _spread(grads: Gradients, places: Sequence[int], count: int) -> Gradients:
    """Gradients in the places of all values; None for those that are no tensors."""
    full: list[Any] = [None] * count
    for i, grad in zip(places, grads, strict=True):
        full[i] = grad
    return tuple(full)


def register_on_node(module: Module, hooks: Sequence[Any], args: Any, result: Any) -> None:
    """Non-full backward hooks: on the last node of the Module's first output."""
    first = result
    while not isinstance(first, Tensor):
        first = next(iter(first.values())) if isinstance(first, dict) else first[0]
    node = first.grad_fn
    if node is None:
        return
    came = {t.grad_fn for t in args if isinstance(t, Tensor) and t.grad_fn is not None}
    if first is not result or came != {n for n, _ in node.next_functions}:
        warnings.warn(
            "Using a non-full backward hook when the forward contains multiple autograd Nodes is "
            "deprecated and will be removed in future versions. This hook will be missing some "
            "grad_input. Please use register_full_backward_hook to get the documented behavior.",
            FutureWarning,
            stacklevel=5,
        )
    for hook in hooks:
        node.register_hook(functools.partial(hook, module))
