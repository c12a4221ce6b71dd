"""Floor 5: the older form of checkpointing: a Function whose backward runs a backward pass.

Its forward records nothing; kept for programs that ask for use_reentrant=True.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from adjoint.api.random import fork_rng, get_rng_state, set_rng_state
from adjoint.autograd.derivatives import backward
from adjoint.autograd.function import Function
from adjoint.autograd.modes import enable_grad, no_grad
from adjoint.autograd.tensor import Tensor


def detach_variable(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Tensors cut from their history, requiring gradients as before; the rest as it is."""
    if not isinstance(inputs, tuple):
        raise RuntimeError(
            "Only tuple of tensors is supported. Got Unsupported input type: "
            f"{type(inputs).__name__}"
        )
    found = []
    for value in inputs:
        if isinstance(value, Tensor):
            needed = value.requires_grad
            value = value.detach()
            value.requires_grad = needed
        found.append(value)
    return tuple(found)


def check_backward_validity(inputs: Iterable[Any]) -> None:
    """Warn when no input requires a gradient: the part's parameters would get none either."""
    if not any(t.requires_grad for t in inputs if isinstance(t, Tensor)):
        warnings.warn(
            "None of the inputs have requires_grad=True. Gradients will be None", stacklevel=3
        )


class CheckpointFunction(Function):
    """`function(*args)` without recording; backward computes it again and walks its graph."""

    _wants_pass = True

    @staticmethod
    def forward(ctx: Any, function: Any, preserve_rng_state: bool, *args: Any) -> Any:
        """Run the function, keeping its arguments."""
        check_backward_validity(args)
        ctx.function = function
        ctx.random_state = get_rng_state() if preserve_rng_state else None
        ctx.others = [None if isinstance(a, Tensor) else a for a in args]
        ctx.places = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        ctx.save_for_backward(*[args[i] for i in ctx.places])
        with no_grad():
            return function(*args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Gradients of the arguments; those of other leaves are accumulated on the way."""
        if ctx._pass.captures is not None:
            raise RuntimeError(
                "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or "
                "passing an `inputs` parameter to .backward(). To resolve this error, you can "
                "either set use_reentrant=False, or call .backward() without passing the `inputs` "
                "argument."
            )
        args = list(ctx.others)
        for i, t in zip(ctx.places, ctx.saved_tensors, strict=True):
            args[i] = t
        detached = detach_variable(tuple(args))
        with fork_rng(enabled=ctx.random_state is not None):
            if ctx.random_state is not None:
                set_rng_state(ctx.random_state)
            with enable_grad():
                outputs = ctx.function(*detached)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        pairs = [
            (out, grad)
            for out, grad in zip(outputs, grads, strict=True)
            if isinstance(out, Tensor) and out.requires_grad
        ]
        if not pairs:
            raise RuntimeError(
                "none of output has requires_grad=True, this checkpoint() is not necessary"
            )
        backward([out for out, _ in pairs], [grad for _, grad in pairs])
        return (None, None, *[a.grad if isinstance(a, Tensor) else None for a in detached])
