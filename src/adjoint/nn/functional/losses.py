"""Floor 5: losses of numbers against numbers, and of pairs of vectors."""

from __future__ import annotations

import math
import warnings
from typing import Any

from adjoint.api.promotion import to_common
from adjoint.api.selection import where
from adjoint.arrays.checks import is_all, is_any
from adjoint.autograd.lifted import values_of
from adjoint.autograd.tensor import Tensor
from adjoint.ops import losses as ops

from .arguments import expect_real, expect_tensor, place, reduced, reduction_of, same_shape


def _prepared(input: Any, target: Any, name: str) -> tuple[Tensor, Tensor]:
    """Both as tensors of one shape and dtype."""
    expect_tensor(input, name, "input", 1)
    expect_tensor(target, name, "target", 2)
    input, target = same_shape(input, target)
    if input._data.dtype != target._data.dtype:
        input, target = to_common(input, target, name)
    if input._data.dtype.kind in "biu" and name != "l1_loss":
        raise NotImplementedError(
            f"\"{name}\" not implemented for '{input.dtype.short}'; convert with .float()"
        )
    if name != "l1_loss":
        expect_real(input, name)
    return input, target


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """(input - target)², its mean or its sum.

    >>> torch.nn.functional.mse_loss(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 1.0]))
    tensor(2.)
    """
    if size_average is not None or reduce is not None or reduction != "mean":
        reduction = reduction_of(reduction, size_average, reduce)
    input, target = _prepared(input, target, "mse_loss")
    if weight is not None:
        return _weighted(ops.mse_loss(input, target, reduction="none"), weight, reduction)
    loss: Tensor = ops.mse_loss(input, target, reduction=reduction)
    return loss


def _weighted(values: Tensor, weight: Tensor, reduction: str) -> Tensor:
    """Values by weight; the mean is over the weights."""
    values = values * weight
    if reduction == "mean":
        return values.sum() / weight.expand_as(values).sum()
    return reduced(values, reduction)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """|input - target|, its mean or its sum.

    >>> torch.nn.functional.l1_loss(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 1.0]))
    tensor(1.)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    input, target = _prepared(input, target, "l1_loss")
    values = (input - target).abs()
    if weight is not None:
        return _weighted(values, weight, reduction)
    return reduced(values, reduction)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """d² / (2 beta) where |d| < beta, |d| - beta / 2 elsewhere, with d = input - target.

    >>> F.smooth_l1_loss(torch.tensor([0.5, 4.0]), torch.tensor([0.0, 0.0]), reduction="none")
    tensor([0.1250, 3.5000])
    """
    reduction = reduction_of(reduction, size_average, reduce)
    input, target = _prepared(input, target, "smooth_l1_loss")
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    loss: Tensor = ops.smooth_l1_loss(input, target, reduction=reduction, width=beta)
    return loss


def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """d² / 2 where |d| <= delta, delta (|d| - delta / 2) elsewhere (Huber 1964).

    >>> F.huber_loss(torch.tensor([0.5, 4.0]), torch.tensor([0.0, 0.0]), reduction="none")
    tensor([0.1250, 3.5000])
    """
    reduction = reduction_of(reduction)
    input, target = _prepared(input, target, "huber_loss")
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    if weight is not None:
        values = ops.huber_loss(input, target, reduction="none", width=delta)
        return _weighted(values, weight, reduction)
    loss: Tensor = ops.huber_loss(input, target, reduction=reduction, width=delta)
    return loss


def _check_same(input: Tensor, target: Tensor, name: str) -> None:
    expect_tensor(input, name, "input", 1)
    expect_tensor(target, name, "target", 2)
    if input._data.shape != target._data.shape:
        raise ValueError(
            f"Using a target size (torch.Size({list(target._data.shape)})) that is different to "
            f"the input size (torch.Size({list(input._data.shape)})) is deprecated. Please ensure "
            f"they have the same size.{place()} ({name}: .view_as(input) or .unsqueeze(1)?)"
        )


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-(target log input + (1 - target) log(1 - input)) of probabilities.

    Logarithms are clamped at -100, so that the loss is finite at 0 and 1.

    >>> torch.nn.functional.binary_cross_entropy(torch.tensor([0.5]), torch.tensor([1.0]))
    tensor(0.6931)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    _check_same(input, target, "binary_cross_entropy")
    x = values_of(input)
    if input._data.dtype != target._data.dtype:
        raise RuntimeError(
            f"Found dtype {target.dtype.short} but expected {input.dtype.short}; convert the "
            f"target with .to({input.dtype})"
        )
    if x.size and not is_all((x >= 0) & (x <= 1)):
        raise RuntimeError(
            f"all elements of input should be between 0 and 1{place()}, but they range from "
            f"{x.min():g} to {x.max():g}: pass probabilities, or logits to "
            "binary_cross_entropy_with_logits"
        )
    if weight is None:
        loss: Tensor = ops.binary_cross_entropy(input, target, reduction=reduction)
        return loss
    values = ops.binary_cross_entropy(input, target, reduction="none") * weight
    return reduced(values, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Binary cross entropy of sigmoid(input), without overflow; `pos_weight` counts positives.

    >>> F = torch.nn.functional
    >>> F.binary_cross_entropy_with_logits(torch.tensor([0.0]), torch.tensor([1.0]))
    tensor(0.6931)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    expect_tensor(input, "binary_cross_entropy_with_logits", "input", 1)
    expect_tensor(target, "binary_cross_entropy_with_logits", "target", 2)
    if input._data.shape != target._data.shape:
        raise ValueError(
            f"Target size (torch.Size({list(target._data.shape)})) must be the same as input size "
            f"(torch.Size({list(input._data.shape)})){place()}"
        )
    input, target = to_common(input, target, "binary_cross_entropy_with_logits")
    expect_real(input, "binary_cross_entropy_with_logits")
    if pos_weight is not None:
        # -log(1 - sigmoid x) = x + softplus(-x), so positives weigh (1 + (w - 1) y) softplus(-x)
        log_weight = (pos_weight - 1) * target + 1
        softplus = (-input.abs()).exp().log1p() + (-input).clamp_min(0)
        values = (1 - target) * input + log_weight * softplus
    elif weight is None:
        loss: Tensor = ops.binary_cross_entropy_with_logits(input, target, reduction=reduction)
        return loss
    else:
        values = ops.binary_cross_entropy_with_logits(input, target, reduction="none")
    return reduced(values if weight is None else values * weight, reduction)


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """target (log target - input), for log-probabilities input; "batchmean" is the divergence.

    >>> p = torch.tensor([[0.5, 0.5]])
    >>> F.kl_div(torch.tensor([[0.25, 0.75]]).log(), p, reduction="batchmean")
    tensor(0.1438)
    """
    batch_mean = reduction == "batchmean"
    if batch_mean:
        reduction = "sum"
    elif reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math "
            "definition.'mean' will be changed to behave the same as 'batchmean' in the next major "
            "release.",
            UserWarning,
            stacklevel=2,
        )
    reduction = reduction_of(reduction, size_average, reduce)
    if log_target:
        values = target.exp() * (target - input)
    else:
        values = target.xlogy(target) - target * input
    total = reduced(values, reduction)
    return total / input._data.shape[0] if batch_mean and input._data.ndim else total


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """exp(input) - target input (the input being log rates), by Stirling's formula if `full`.

    >>> F.poisson_nll_loss(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 3.0]), reduction="none")
    tensor([ 1.0000, -0.2817])
    """
    reduction = reduction_of(reduction, size_average, reduce)
    if log_input:
        values = input.exp() - target * input
    else:
        values = input - target * (input + eps).log()
    if full:
        stirling = target * target.log() - target + 0.5 * (2 * math.pi * target).log()
        values = values + stirling.masked_fill(target <= 1, 0)
    return reduced(values, reduction)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Any,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """(log var + (input - target)² / var) / 2, with var at least eps (its gradient unclamped).

    >>> F.gaussian_nll_loss(torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([1.0]))
    tensor(2.)
    """
    if isinstance(var, float):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = input.detach() * 0 + var
    elif is_any(values_of(var) < 0):
        raise ValueError("var has negative entry/entries")
    shape, got = input._data.shape, var._data.shape
    if got != shape:
        if shape[:-1] == got:
            var = var.unsqueeze(-1)
        elif not (len(shape) == len(got) and shape[:-1] == got[:-1] and got[-1] == 1):
            raise ValueError(f"var is of incorrect size: {list(got)} for an input of {list(shape)}")
    reduction = reduction_of(reduction)
    var = var + (var.clamp_min(eps) - var).detach()
    values = 0.5 * (var.log() + (input - target) ** 2 / var)
    if full:
        values = values + 0.5 * math.log(2 * math.pi)
    return reduced(values, reduction)


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """input where the target is 1, max(0, margin - input) where it is -1.

    >>> F.hinge_embedding_loss(
    ...     torch.tensor([0.5, 0.25]), torch.tensor([1.0, -1.0]), reduction="none"
    ... )
    tensor([0.5000, 0.7500])
    """
    reduction = reduction_of(reduction, size_average, reduce)
    apart = where(target.eq(1), 0.0, (margin - input).clamp_min(0))
    together = where(target.eq(-1), 0.0, input)
    return reduced(apart + together, reduction)


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, -target (input1 - input2) + margin).

    >>> F.margin_ranking_loss(torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([1.0]))
    tensor(2.)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    if not input1._data.ndim == input2._data.ndim == target._data.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {list(input1._data.shape)}, input2: {list(input2._data.shape)}, target: "
            f"{list(target._data.shape)}"
        )
    return reduced((-target * (input1 - input2) + margin).clamp_min(0), reduction)


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """log(1 + exp(-target input)).

    >>> F.soft_margin_loss(torch.tensor([0.0, 2.0]), torch.tensor([1.0, 1.0]), reduction="none")
    tensor([0.6931, 0.1269])
    """
    reduction = reduction_of(reduction, size_average, reduce)
    scores = -target * input
    values = (-scores.abs()).exp().log1p() + scores.clamp_min(0)
    return reduced(values, reduction)
