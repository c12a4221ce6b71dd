"""Floor 5: relatives of Adam: Adamax, NAdam and RAdam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.autograd.tensor import Tensor

from .optimizer import Group
from .update import ElementwiseOptimizer, Kernel, check_options, number, scalar

__all__ = ["Adamax", "NAdam", "RAdam"]


def _update_moments(g: Any, mean: Any, square: Any, constants: Any, t: Any) -> None:
    """The running means of gradients and of their squares, as in Adam."""
    first, second, keep_second = constants
    np.subtract(g, mean, t)
    np.multiply(t, first, t)
    np.add(mean, t, mean)
    np.multiply(square, keep_second, square)
    np.multiply(g, g, t)
    np.multiply(t, second, t)
    np.add(square, t, square)


class Adamax(ElementwiseOptimizer):
    """Adam with the largest gradient seen, decaying, in place of the mean of squares.

    m <- b1 m + (1 - b1) g;  u <- max(b2 u, |g| + eps);  p <- p - lr / (1 - b1^t) * m / u.
    weight_decay * p is added to g; `maximize` negates it first. `foreach` and `capturable` are
    accepted and change nothing.

    Errors: ValueError for negative options and betas outside [0, 1).
    Source: Kingma & Ba 2015, algorithm 2.

    >>> p = torch.tensor([1.0], requires_grad=True)
    >>> optimizer = torch.optim.Adamax([p], lr=0.1)
    >>> (p * p).backward()
    >>> optimizer.step()
    >>> p.detach()
    tensor([0.9000])
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        check_options(defaults)
        super().__init__(params, defaults)

    def _slots(self, group: Group) -> tuple[str, ...]:
        return "exp_avg", "exp_inf"

    def _kernel(self, group: Group, step: Any, fill: Callable[[float], Any]) -> Kernel:
        beta1, beta2 = map(number, group["betas"])
        first, keep, eps = fill(1 - beta1), fill(beta2), fill(group["eps"])
        rate = fill(number(group["lr"]) / (1 - beta1**step))

        def update(p: Any, g: Any, slots: Any, work: Any) -> None:
            (mean, largest), t = slots, work[0]
            np.subtract(g, mean, t)
            np.multiply(t, first, t)
            np.add(mean, t, mean)
            np.multiply(largest, keep, largest)
            np.absolute(g, t)
            np.add(t, eps, t)
            np.maximum(largest, t, out=largest)
            np.divide(mean, largest, t)
            np.multiply(t, rate, t)
            np.subtract(p, t, p)

        return update


class _Moments(ElementwiseOptimizer):
    """What NAdam and RAdam share: two moments, and weight decay of either kind."""

    def _decays_weights(self, group: Group) -> bool:
        return not group["decoupled_weight_decay"] and super()._decays_weights(group)

    def _slots(self, group: Group) -> tuple[str, ...]:
        return "exp_avg", "exp_avg_sq"

    def _shrink(self, group: Group, fill: Callable[[float], Any]) -> Any:
        """The factor of decoupled weight decay, or None."""
        decay = number(group["weight_decay"])
        if not group["decoupled_weight_decay"] or decay == 0:
            return None
        return fill(1 - number(group["lr"]) * decay)


class NAdam(_Moments):
    """Adam with Nesterov momentum, whose weight grows over the steps by `momentum_decay`.

    mu_t = b1 (1 - 0.5 * 0.96^(t * momentum_decay)); with P_t the product of mu_1 .. mu_t,
    p <- p - lr * ((1 - mu_t) / (1 - P_t) g + mu_{t+1} / (1 - P_{t+1}) m)
    / (sqrt(v / (1 - b2^t)) + eps). Weight decay as in Adam.

    Errors: ValueError for negative options and betas outside [0, 1). Source: Dozat 2016.

    >>> p = torch.tensor([1.0], requires_grad=True)
    >>> optimizer = torch.optim.NAdam([p], lr=0.1)
    >>> (p * p).backward()
    >>> optimizer.step()
    >>> p.detach()
    tensor([0.8944])
    """

    _WORK = 2

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        check_options(defaults)
        super().__init__(params, defaults)

    def _start(self, p: Tensor, group: Group, state: dict[str, Any]) -> None:
        state["step"], state["mu_product"] = scalar(0.0), scalar(1.0)
        super()._start(p, group, state)

    def _advance(self, group: Group, state: dict[str, Any], fresh: bool) -> Any:
        step = super()._advance(group, state, fresh)
        mu = self._momentum(group, step)
        product = state["mu_product"]._data
        product *= mu
        return step, mu, float(product)

    @staticmethod
    def _momentum(group: Group, step: float) -> float:
        growth = 1.0 - 0.5 * 0.96 ** (step * group["momentum_decay"])
        return number(group["betas"][0]) * float(growth)

    def _kernel(self, group: Group, step: Any, fill: Callable[[float], Any]) -> Kernel:
        step, mu, product = step
        lr, (beta1, beta2) = number(group["lr"]), map(number, group["betas"])
        constants = fill(1 - beta1), fill(1 - beta2), fill(beta2)
        following = self._momentum(group, step + 1)
        of_gradient = fill(lr * (1.0 - mu) / (1.0 - product))
        of_mean = fill(lr * following / (1.0 - product * following))
        correction, eps = fill(1 - beta2**step), fill(group["eps"])
        shrink = self._shrink(group, fill)

        def update(p: Any, g: Any, slots: Any, work: Any) -> None:
            (mean, square), (t, root) = slots, work[:2]
            if shrink is not None:
                np.multiply(p, shrink, p)
            _update_moments(g, mean, square, constants, t)
            np.divide(square, correction, root)
            np.sqrt(root, root)
            np.add(root, eps, root)
            for values, rate in ((g, of_gradient), (mean, of_mean)):
                np.divide(values, root, t)
                np.multiply(t, rate, t)
                np.subtract(p, t, p)

        return update


class RAdam(_Moments):
    """Adam whose step is rectified while the second moment rests on few gradients.

    With r_inf = 2 / (1 - b2) - 1 and r_t = r_inf - 2 t b2^t / (1 - b2^t): where r_t > 5 the step is
    Adam's times sqrt((r_t - 4)(r_t - 2) r_inf / ((r_inf - 4)(r_inf - 2) r_t)), else it is
    lr * m / (1 - b1^t). eps is added to sqrt(v). Weight decay as in Adam.

    Errors: ValueError for negative options and betas outside [0, 1). Source: Liu et al. 2020.

    >>> p = torch.tensor([1.0], requires_grad=True)
    >>> optimizer = torch.optim.RAdam([p], lr=0.1)
    >>> (p * p).backward()
    >>> optimizer.step()
    >>> p.detach()
    tensor([0.8000])
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        check_options(defaults)
        super().__init__(params, defaults)

    def _kernel(self, group: Group, step: Any, fill: Callable[[float], Any]) -> Kernel:
        lr, (beta1, beta2) = number(group["lr"]), map(number, group["betas"])
        constants = fill(1 - beta1), fill(1 - beta2), fill(beta2)
        correction = 1 - beta2**step
        limit = 2 / (1 - beta2) - 1
        length = limit - 2 * step * beta2**step / correction
        rate = lr / (1 - beta1**step)
        rectified = length > 5.0
        if rectified:
            ratio = (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)
            rate *= (ratio * correction) ** 0.5
        scale, eps = fill(rate), fill(group["eps"])
        shrink = self._shrink(group, fill)

        def update(p: Any, g: Any, slots: Any, work: Any) -> None:
            (mean, square), t = slots, work[0]
            if shrink is not None:
                np.multiply(p, shrink, p)
            _update_moments(g, mean, square, constants, t)
            if rectified:
                np.sqrt(square, t)
                np.add(t, eps, t)
                np.divide(mean, t, t)
                np.multiply(t, scale, t)
            else:
                np.multiply(mean, scale, t)
            np.subtract(p, t, p)

        return update
