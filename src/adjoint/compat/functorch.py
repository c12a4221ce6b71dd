"""Floor 5: the names of `functorch`, which became torch.func and is imported by old scripts."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from adjoint.autograd.tensor import Tensor
from adjoint.func import (
    functional_call,
    functionalize,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    stack_module_state,
    vjp,
    vmap,
)

__all__ = [
    "combine_state_for_ensemble",
    "functionalize",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "make_functional",
    "make_functional_with_buffers",
    "vjp",
    "vmap",
]

Values = tuple[Tensor, ...]


def _tell(name: str, instead: str) -> None:
    warnings.warn(
        "We've integrated functorch into PyTorch. As the final step of the integration, "
        f"`functorch.{name}` is deprecated as of PyTorch 2.0 and will be deleted in a future "
        f"version of PyTorch >= 2.3. Please use `{instead}` instead.",
        FutureWarning,
        stacklevel=3,
    )


def make_functional(
    model: Any, disable_autograd_tracking: bool = False
) -> tuple[Callable[..., Any], Values]:
    """`(func, params)` with `func(params, *args)` what `model(*args)` is; it has no buffers.

    >>> import warnings
    >>> from adjoint.compat.functorch import make_functional
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     func, params = make_functional(nn.Linear(3, 2))
    >>> func(params, torch.zeros(1, 3)).shape, [tuple(p.shape) for p in params]
    (torch.Size([1, 2]), [(2, 3), (2,)])
    """
    _tell("make_functional", "torch.func.functional_call")
    if list(model.buffers()):
        raise RuntimeError(
            "make_functional(model): `model` has buffers. Please use "
            "make_functional_with_buffers(model) instead."
        )
    call, params, _ = _functional(model, disable_autograd_tracking)
    return lambda params, *args, **kwargs: call(params, (), *args, **kwargs), params


def make_functional_with_buffers(
    model: Any, disable_autograd_tracking: bool = False
) -> tuple[Callable[..., Any], Values, Values]:
    """`(func, params, buffers)` with `func(params, buffers, *args)` what `model(*args)` is."""
    _tell("make_functional_with_buffers", "torch.func.functional_call")
    return _functional(model, disable_autograd_tracking)


def _functional(model: Any, untracked: bool) -> tuple[Callable[..., Any], Values, Values]:
    skeleton = copy.deepcopy(model)
    named = dict(skeleton.named_parameters()), dict(skeleton.named_buffers())
    held = [tuple([t.detach().clone() for t in part.values()]) for part in named]
    params = (
        held[0]
        if untracked
        else tuple([t.requires_grad_(p.requires_grad) for t, p in zip(held[0], named[0].values())])
    )

    def func(params: Sequence[Tensor], buffers: Sequence[Tensor], *args: Any, **kwargs: Any) -> Any:
        state = dict(zip(named[0], params, strict=True))
        state.update(zip(named[1], buffers, strict=True))
        return functional_call(skeleton, state, args, kwargs)

    return func, params, held[1]


def combine_state_for_ensemble(
    models: Sequence[Any],
) -> tuple[Callable[..., Any], Values, Values]:
    """`(func, params, buffers)` of several models of one kind, stacked, to be vmapped over.

    Errors: RuntimeError for no model, and for models of several classes or modes.
    """
    _tell("combine_state_for_ensemble", "torch.func.stack_module_state")
    params, buffers = stack_module_state(list(models))
    func, _, _ = _functional(models[0], True)
    return func, tuple(params.values()), tuple(buffers.values())
