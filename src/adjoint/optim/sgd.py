"""Floor 5: stochastic gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .optimizer import Group
from .update import ElementwiseOptimizer, Kernel, check_options, number

__all__ = ["SGD"]


class SGD(ElementwiseOptimizer):
    """Stochastic gradient descent: p <- p - lr * g, or with momentum p <- p - lr * b.

    g is the gradient plus weight_decay * p (negated first with `maximize`). The buffer b starts as
    g; then b <- momentum * b + (1 - dampening) * g. With `nesterov` the step is along
    g + momentum * b. lr may be a tensor of one element. `foreach` and `fused` are accepted and
    change nothing.

    Errors: ValueError for negative options, and for nesterov without momentum or with dampening.
    Source: Sutskever et al. 2013, in torch's form (the learning rate is not in the buffer).

    >>> x = torch.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = torch.optim.SGD([x], lr=0.25, momentum=0.9)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([ 0.5000, -1.0000], requires_grad=True)
    """

    _COUNTS = False

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        check_options(defaults)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for kept in self.state.values():
            if kept.get("momentum_buffer", self) is None:  # torch keeps None before the first step
                del kept["momentum_buffer"]

    def _slots(self, group: Group) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] != 0 else ()

    def _advance(self, group: Group, state: dict[str, Any], fresh: bool) -> Any:
        return 0.0 if fresh else 1.0  # the first step fills the buffer

    def _kernel(self, group: Group, step: Any, fill: Callable[[float], Any]) -> Kernel:
        lr = fill(number(group["lr"]))
        if group["momentum"] == 0:

            def descend(p: Any, g: Any, slots: Any, work: Any) -> None:
                change = work[0]
                np.multiply(g, lr, change)
                np.subtract(p, change, p)

            return descend

        momentum = fill(number(group["momentum"]))
        kept = fill(1 - number(group["dampening"]))
        plain = group["dampening"] == 0
        nesterov = group["nesterov"]

        def descend_with_momentum(p: Any, g: Any, slots: Any, work: Any) -> None:
            buffer, change = slots[0], work[0]
            if step == 0:
                np.copyto(buffer, g)
            else:
                np.multiply(buffer, momentum, buffer)
                np.add(buffer, g if plain else np.multiply(g, kept, change), buffer)
            if nesterov:
                np.multiply(buffer, momentum, change)
                np.add(change, g, change)
                np.multiply(change, lr, change)
            else:
                np.multiply(buffer, lr, change)
            np.subtract(p, change, p)

        return descend_with_momentum
