"""Floor 5: Rprop, which looks at signs only, and averaged stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.autograd.tensor import Tensor, wrap

from .optimizer import Group
from .update import ElementwiseOptimizer, Kernel, check_options, number, scalar

__all__ = ["ASGD", "Rprop"]


class Rprop(ElementwiseOptimizer):
    """Resilient backpropagation, for full batches: every element has a step size of its own.

    Where the gradient keeps its sign the step size grows by etas[1], where it changes it shrinks
    by etas[0] and no step is made; it stays within `step_sizes` and starts at lr. `maximize`
    negates the gradient. `foreach` and `capturable` are accepted and change nothing.

    Errors: ValueError unless 0 < etas[0] < 1 < etas[1]. Source: Riedmiller & Braun 1993.

    >>> p = torch.tensor([1.0], requires_grad=True)
    >>> optimizer = torch.optim.Rprop([p], lr=0.1)
    >>> (p * p).backward()
    >>> optimizer.step()
    >>> p.detach()
    tensor([0.9000])
    """

    _WORK = 3

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        check_options(defaults)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        super().__init__(params, defaults)

    def _decays_weights(self, group: Group) -> bool:
        return False

    def _slots(self, group: Group) -> tuple[str, ...]:
        return "prev", "step_size"

    def _start(self, p: Tensor, group: Group, state: dict[str, Any]) -> None:
        lr = number(group["lr"])
        filling = complex(lr, lr) if p._data.dtype.kind == "c" else lr
        super()._start(p, group, state)
        state["step_size"] = wrap(np.full_like(p._data, filling))

    def _advance(self, group: Group, state: dict[str, Any], fresh: bool) -> Any:
        super()._advance(group, state, fresh)
        return None  # the update does not depend on the number of steps

    def _kernel(self, group: Group, step: Any, fill: Callable[[float], Any]) -> Kernel:
        shrink, grow = map(fill, group["etas"])
        least, most = map(fill, group["step_sizes"])

        def update(p: Any, g: Any, slots: Any, work: Any) -> None:
            (previous, size), (agreement, factor, change) = slots, work[:3]
            np.multiply(g, previous, agreement)
            factor.fill(1)
            np.copyto(factor, grow, where=agreement > 0)
            turned = agreement < 0
            np.copyto(factor, shrink, where=turned)
            np.multiply(size, factor, size)
            np.clip(size, least, most, size)
            np.copyto(previous, g)
            np.copyto(previous, 0, where=turned)
            np.sign(previous, change)
            np.multiply(change, size, change)
            np.subtract(p, change, p)

        return update


class ASGD(ElementwiseOptimizer):
    """Averaged stochastic gradient descent: state["ax"] holds the average of the parameters.

    eta_t = lr / (1 + lambd * lr * t)^alpha;  p <- (1 - lambd * eta) p - eta * g;
    ax <- ax + mu (p - ax) with mu_t = 1 / max(1, t - t0). weight_decay * p is added to g;
    `maximize` negates it first. `foreach` and `capturable` are accepted and change nothing.

    Errors: ValueError for negative options. Source: Polyak & Juditsky 1992.

    >>> p = torch.tensor([1.0], requires_grad=True)
    >>> optimizer = torch.optim.ASGD([p], lr=0.1)
    >>> (p * p).backward()
    >>> optimizer.step()
    >>> p.detach()
    tensor([0.8000])
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        check_options(defaults)
        super().__init__(params, defaults)

    def _slots(self, group: Group) -> tuple[str, ...]:
        return ("ax",)

    def _start(self, p: Tensor, group: Group, state: dict[str, Any]) -> None:
        state["step"], state["eta"] = scalar(0.0), scalar(number(group["lr"]))
        state["mu"] = scalar(1.0)
        super()._start(p, group, state)

    def _advance(self, group: Group, state: dict[str, Any], fresh: bool) -> Any:
        step = super()._advance(group, state, fresh)
        eta, mu = state["eta"]._data, state["mu"]._data
        used = float(eta), float(mu)
        lr = number(group["lr"])
        eta[...] = lr / (1 + group["lambd"] * lr * step) ** group["alpha"]
        mu[...] = 1 / max(1, step - group["t0"])
        return used

    def _kernel(self, group: Group, step: Any, fill: Callable[[float], Any]) -> Kernel:
        shrink, rate, weight = fill(1 - group["lambd"] * step[0]), fill(step[0]), fill(step[1])
        averages = step[1] != 1

        def update(p: Any, g: Any, slots: Any, work: Any) -> None:
            average, t = slots[0], work[0]
            np.multiply(p, shrink, p)
            np.multiply(g, rate, t)
            np.subtract(p, t, p)
            if averages:
                np.subtract(p, average, t)
                np.multiply(t, weight, t)
                np.add(average, t, average)
            else:
                np.copyto(average, p)

        return update
