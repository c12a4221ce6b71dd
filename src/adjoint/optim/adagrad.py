"""Floor 5: Adagrad and Adadelta, which scale by gradients summed or averaged over time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.autograd.tensor import Tensor, wrap

from .optimizer import Group
from .update import ElementwiseOptimizer, Kernel, check_options, number, scalar

__all__ = ["Adadelta", "Adagrad"]


class Adagrad(ElementwiseOptimizer):
    """Adagrad: divides the gradient by the root of the sum of all its squares so far.

    s <- s + g^2;  p <- p - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps), where s starts at
    `initial_accumulator_value`. weight_decay * p is added to g; `maximize` negates it first.
    `foreach` and `fused` are accepted and change nothing.

    Errors: ValueError for negative options. Source: Duchi, Hazan & Singer 2011.

    >>> x = torch.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = torch.optim.Adagrad([x], lr=0.1)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([ 0.9000, -1.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        check_options(defaults)
        super().__init__(params, defaults)
        for group in self.param_groups:  # torch makes this state at once, not at the first step
            for p in group["params"]:
                self._start(p, group, self.state[p])

    def _start(self, p: Tensor, group: Group, state: dict[str, Any]) -> None:
        value = group["initial_accumulator_value"]
        filling = complex(value, value) if p._data.dtype.kind == "c" else value
        state["step"] = scalar(0.0)
        state["sum"] = wrap(np.full_like(p._data, filling))

    def _slots(self, group: Group) -> tuple[str, ...]:
        return ("sum",)

    def _kernel(self, group: Group, step: Any, fill: Callable[[float], Any]) -> Kernel:
        rate = fill(number(group["lr"]) / (1 + (step - 1) * group["lr_decay"]))
        eps = fill(group["eps"])

        def update(p: Any, g: Any, slots: Any, work: Any) -> None:
            total, t = slots[0], work[0]
            np.multiply(g, g, t)
            np.add(total, t, total)
            np.sqrt(total, t)
            np.add(t, eps, t)
            np.divide(g, t, t)
            np.multiply(t, rate, t)
            np.subtract(p, t, p)

        return update


class Adadelta(ElementwiseOptimizer):
    """Adadelta: the step's scale is the mean of past steps over the mean of past gradients.

    v <- rho v + (1 - rho) g^2;  d = sqrt(u + eps) / sqrt(v + eps) * g;
    u <- rho u + (1 - rho) d^2;  p <- p - lr * d. weight_decay * p is added to g; `maximize`
    negates it first. `foreach` and `capturable` are accepted and change nothing.

    Errors: ValueError for negative options and rho outside [0, 1]. Source: Zeiler 2012.

    >>> p = torch.tensor([1.0], requires_grad=True)
    >>> optimizer = torch.optim.Adadelta([p])
    >>> (p * p).backward()
    >>> optimizer.step()
    >>> p.detach()
    tensor([0.9968])
    """

    _WORK = 2

    def __init__(
        self,
        params: Any,
        lr: Any = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        check_options(defaults)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        super().__init__(params, defaults)

    def _slots(self, group: Group) -> tuple[str, ...]:
        return "square_avg", "acc_delta"

    def _kernel(self, group: Group, step: Any, fill: Callable[[float], Any]) -> Kernel:
        lr, eps = fill(number(group["lr"])), fill(group["eps"])
        keep, take = fill(group["rho"]), fill(1 - group["rho"])

        def update(p: Any, g: Any, slots: Any, work: Any) -> None:
            (square, moved), (t, root) = slots, work[:2]
            np.multiply(square, keep, square)
            np.multiply(g, g, t)
            np.multiply(t, take, t)
            np.add(square, t, square)
            np.add(square, eps, root)
            np.sqrt(root, root)
            np.add(moved, eps, t)
            np.sqrt(t, t)
            np.divide(t, root, t)
            np.multiply(t, g, t)
            np.multiply(moved, keep, moved)
            np.multiply(t, t, root)
            np.multiply(root, take, root)
            np.add(moved, root, moved)
            np.multiply(t, lr, t)
            np.subtract(p, t, p)

        return update
