"""Floor 5: RMSprop, plain, centered and with momentum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .optimizer import Group
from .update import ElementwiseOptimizer, Kernel, check_options, number

__all__ = ["RMSprop"]


class RMSprop(ElementwiseOptimizer):
    """RMSprop: steps along the gradient, divided by the root of the mean of its squares.

    v <- alpha v + (1 - alpha) g^2;  a = sqrt(v) + eps, or with `centered` sqrt(v - mean(g)^2) +
    eps;  p <- p - lr * g / a, or with momentum b <- momentum * b + g / a and p <- p - lr * b.
    weight_decay * p is added to g; `maximize` negates it first. `foreach` and `capturable` are
    accepted and change nothing.

    Errors: ValueError for negative options.
    Source: Tieleman & Hinton 2012, lecture 6e; centered: Graves 2013, section 4.2.

    >>> x = torch.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = torch.optim.RMSprop([x], lr=0.01)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([ 0.9000, -1.9000], requires_grad=True)
    """

    _WORK = 2

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        check_options(defaults)
        super().__init__(params, defaults)

    def _slots(self, group: Group) -> tuple[str, ...]:
        names = ["square_avg"]
        if group["momentum"] > 0:
            names.append("momentum_buffer")
        if group["centered"]:
            names.append("grad_avg")
        return tuple(names)

    def _kernel(self, group: Group, step: Any, fill: Callable[[float], Any]) -> Kernel:
        lr, eps, momentum = fill(number(group["lr"])), fill(group["eps"]), fill(group["momentum"])
        keep, take = fill(group["alpha"]), fill(1 - group["alpha"])
        moves, centered = group["momentum"] > 0, group["centered"]

        def update(p: Any, g: Any, slots: Any, work: Any) -> None:
            square, t, root = slots[0], work[0], work[1]
            np.multiply(square, keep, square)
            np.multiply(g, g, t)
            np.multiply(t, take, t)
            np.add(square, t, square)
            if centered:
                mean = slots[-1]
                np.subtract(g, mean, t)
                np.multiply(t, take, t)
                np.add(mean, t, mean)
                np.multiply(mean, mean, t)
                np.subtract(square, t, root)
                np.sqrt(root, root)
            else:
                np.sqrt(square, root)
            np.add(root, eps, root)
            np.divide(g, root, t)
            if moves:
                buffer = slots[1]
                np.multiply(buffer, momentum, buffer)
                np.add(buffer, t, buffer)
                np.multiply(buffer, lr, t)
            else:
                np.multiply(t, lr, t)
            np.subtract(p, t, p)

        return update
