"""Floor 5: Adam, and AdamW, which decays weights apart from the gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.autograd.tensor import Tensor

from .optimizer import Group
from .update import ElementwiseOptimizer, Kernel, check_options, number

__all__ = ["Adam", "AdamW"]


class Adam(ElementwiseOptimizer):
    """Adam: steps along the mean of gradients, divided by the root of the mean of their squares.

    m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;  after t steps
    p <- p - lr * m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps).
    weight_decay * p is added to g (with `decoupled_weight_decay` p <- (1 - lr * weight_decay) p
    first instead, as in AdamW). With `amsgrad` the largest v so far divides. lr and betas may be
    tensors of one element. `foreach`, `fused` and `capturable` are accepted and change nothing.

    Errors: ValueError for negative options and betas outside [0, 1).
    Source: Kingma & Ba 2015, algorithm 1; amsgrad: Reddi et al. 2018.

    >>> x = torch.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = torch.optim.Adam([x], lr=0.1)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([ 0.9000, -1.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": tuple(betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        check_options(defaults)
        _check_tensor_options(lr, betas, bool(foreach), capturable)
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("decoupled_weight_decay", False)

    def _decays_weights(self, group: Group) -> bool:
        return not group["decoupled_weight_decay"] and super()._decays_weights(group)

    def _slots(self, group: Group) -> tuple[str, ...]:
        names = ("exp_avg", "exp_avg_sq")
        return (*names, "max_exp_avg_sq") if group["amsgrad"] else names

    def _kernel(self, group: Group, step: Any, fill: Callable[[float], Any]) -> Kernel:
        lr, eps = number(group["lr"]), number(group["eps"])
        beta1, beta2 = map(number, group["betas"])
        correction = (1 - beta2**step) ** 0.5
        first, second, keep_second = fill(1 - beta1), fill(1 - beta2), fill(beta2)
        # lr / c1 * m / (sqrt(v) / c + eps), with c multiplied out: one pass less over the array.
        rate, floor = fill(lr * correction / (1 - beta1**step)), fill(eps * correction)
        decoupled = group["decoupled_weight_decay"] and number(group["weight_decay"]) != 0
        shrink = fill(1 - lr * number(group["weight_decay"])) if decoupled else None
        amsgrad = group["amsgrad"]

        def update(p: Any, g: Any, slots: Any, work: Any) -> None:
            mean, square, t = slots[0], slots[1], work[0]
            if shrink is not None:
                np.multiply(p, shrink, p)
            np.subtract(g, mean, t)
            np.multiply(t, first, t)
            np.add(mean, t, mean)
            np.multiply(square, keep_second, square)
            np.multiply(g, g, t)
            np.multiply(t, second, t)
            np.add(square, t, square)
            np.sqrt(np.maximum(slots[2], square, out=slots[2]) if amsgrad else square, t)
            np.add(t, floor, t)
            np.divide(mean, t, t)
            np.multiply(t, rate, t)
            np.subtract(p, t, p)

        return update


class AdamW(Adam):
    """Adam with decoupled weight decay: p <- (1 - lr * weight_decay) p before each step of Adam.

    Arguments and errors as of `Adam`; weight_decay is 0.01 unless given.
    Source: Loshchilov & Hutter 2019, algorithm 2.

    >>> x = torch.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = torch.optim.AdamW([x], lr=0.1, weight_decay=0.5)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([ 0.8500, -1.8000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True


def _check_tensor_options(lr: Any, betas: tuple[Any, Any], foreach: bool, capturable: bool) -> None:
    """The rules for options that are Tensors, as torch has them."""
    if isinstance(betas[0], Tensor) != isinstance(betas[1], Tensor):
        raise ValueError("betas must be either both floats or both Tensors")
    for name, value in (("lr", lr), ("betas[0]", betas[0]), ("betas[1]", betas[1])):
        if not isinstance(value, Tensor):
            continue
        if foreach and not capturable:
            raise ValueError(
                f"{name} as a Tensor is not supported for capturable=False and foreach=True"
            )
        if value._data.size != 1:
            raise ValueError(f"Tensor {name} must be 1-element")
