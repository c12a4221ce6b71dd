"""Floor 5: losses of scores against classes: cross entropy, negative log likelihood, margins."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.api.examples import flattened, on_values
from adjoint.api.products import linear
from adjoint.arrays import dtypes
from adjoint.arrays.checks import is_all, reaches
from adjoint.autograd.lifted import values_of
from adjoint.autograd.tensor import Tensor
from adjoint.ops import losses as ops

from .arguments import expect_real, expect_tensor, place, reduced, reduction_of


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log softmax(input) at the target class.

    input: scores (n, c), (n, c, *space) or (c,). target: int64 classes of the same shape without
    c, or probabilities of the input's shape. `weight` (c,) counts classes; positions whose target
    is `ignore_index` do not count; `label_smoothing` mixes the target with the uniform
    distribution. The mean is over counted positions, by weight.

    >>> torch.nn.functional.cross_entropy(torch.zeros(1, 2), torch.tensor([0]))
    tensor(0.6931)
    """
    try:
        x, classes = input._data, target._data
    except AttributeError:
        expect_tensor(input, "cross_entropy_loss", "self", 1)
        expect_tensor(target, "cross_entropy_loss", "target", 2)
        raise
    if size_average is not None or reduce is not None or reduction != "mean":
        reduction = reduction_of(reduction, size_average, reduce)
    if (
        x.ndim == 2
        and classes.dtype == dtypes.NP_INT64
        and weight is None
        and label_smoothing == 0
        and ignore_index < 0  # no class that the test below lets through
        and classes.shape == x.shape[:1]
        and classes.size
        and not reaches(values_of(target).view(np.uint64), x.shape[1])  # negative ones become large
        and x.dtype.kind == "f"
    ):
        loss: Tensor = ops.cross_entropy(input, target, reduction=reduction)[0]
        return loss
    return _cross_entropy_general(input, target, weight, ignore_index, reduction, label_smoothing)


def _cross_entropy_general(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Tensor:
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    x, t = input._data, target._data
    if x.ndim == 0:
        raise RuntimeError("cross_entropy: input must have a class dimension, but it is 0-D")
    if x.shape == t.shape:
        return _against_probabilities(input, target, weight, reduction, label_smoothing)
    axis = 0 if x.ndim == 1 else 1
    logp = input.log_softmax(axis)
    if label_smoothing == 0:
        return nll_loss(logp, target, weight, None, ignore_index, None, reduction)
    _, _, total = _factors(logp, target, weight, ignore_index)
    weighted = logp if weight is None else logp * _per_class(weight, x.ndim, axis)
    valid = on_values(lambda n, t: (t != ignore_index).astype(x.dtype), target)
    smooth = -weighted.sum(axis) * valid
    if reduction == "mean":
        smooth = smooth.sum() / total
    elif reduction == "sum":
        smooth = smooth.sum()
    loss = nll_loss(logp, target, weight, None, ignore_index, None, reduction)
    return loss * (1 - label_smoothing) + smooth * (label_smoothing / x.shape[axis])


def _per_class(weight: Tensor, ndim: int, axis: int) -> Tensor:
    return weight.reshape([-1 if i == axis else 1 for i in range(ndim)])


def _against_probabilities(
    input: Tensor, target: Tensor, weight: Tensor | None, reduction: str, smoothing: float
) -> Tensor:
    if target._data.dtype.kind not in "fV":
        raise RuntimeError(
            "Expected floating point type for target with class probabilities, got "
            f"{target.dtype.short}{place()}; class indices have the shape of the input without "
            f"its class dimension, but both are {list(input._data.shape)}"
        )
    axis = 0 if input._data.ndim == 1 else 1
    count = input._data.shape[axis]
    if smoothing:
        target = target * (1 - smoothing) + smoothing / count
    terms = input.log_softmax(axis) * target
    if weight is not None:
        terms = terms * _per_class(weight, input._data.ndim, axis)
    if reduction == "none":
        return -terms.sum(axis)
    if reduction == "sum":
        return -terms.sum()
    positions = input._data.size // count if input._data.ndim > 1 else 1
    return -(terms.sum() / positions)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-input at the target class, for log-probabilities; arguments as `cross_entropy`.

    >>> torch.nn.functional.nll_loss(torch.tensor([[-0.5, -2.0]]), torch.tensor([1]))
    tensor(2.)
    """
    expect_tensor(input, "nll_loss_nd", "self", 1)
    expect_tensor(target, "nll_loss_nd", "target", 2)
    expect_real(input, "nll_loss")
    reduction = reduction_of(reduction, size_average, reduce)
    mean = reduction == "mean"
    classes, factors, total = _factors(input, target, weight, ignore_index, mean)
    x = input
    if input._data.ndim == 1:
        x, classes, factors = input.unsqueeze(0), classes.unsqueeze(0), factors.unsqueeze(0)
    how = "none" if reduction == "none" else "sum"
    loss: Tensor = ops.nll_loss(x, classes, factors, reduction=how)
    if mean and not is_all(values_of(total)):  # the mean of nothing; its gradient is 0 all the same
        return loss + on_values(lambda n, t: np.where(t == 0, t.dtype.type(math.nan), 0), total)
    return loss.squeeze(0) if reduction == "none" and input._data.ndim == 1 else loss


def _factors(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, mean: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """The checked classes, how much each position counts, and how much all do together."""
    x, classes = input._data, target._data
    axis = 0 if x.ndim == 1 else 1
    count = x.shape[axis]
    _check_classes(x, classes, target, axis)
    if weight is not None and weight._data.shape != (count,):
        raise RuntimeError(
            f"weight tensor should be defined either for all {count} classes or no classes but got "
            f"weight tensor of shape: {list(weight._data.shape)}{place()}"
        )
    if weight is not None and weight._data.dtype != x.dtype:
        raise RuntimeError(
            f"expected scalar type {input.dtype.short} but found {weight.dtype.short} for the "
            f"weight{place()}; convert it with .to({input.dtype})"
        )

    def factors(n: int, classes: Any, *weights: Any) -> tuple[Any, Any, Any]:
        counted = classes != ignore_index
        safe = classes if is_all(counted) else np.where(counted, classes, 0)
        safe = safe.astype(np.int64, copy=False)
        if safe.size and reaches(safe.view(np.uint64), count):  # negative ones are huge then
            _refuse_class(classes, count, ignore_index)
        if weights:
            (w,) = weights
            chosen = w[safe] if not n else _each_own(w, safe)
            each = np.where(counted, chosen, x.dtype.type(0))
        else:
            each = counted.astype(x.dtype)
        total = each.sum(tuple(range(n, each.ndim)), dtype=each.dtype, keepdims=True)
        if mean:
            each = each / (total if is_all(total) else np.where(total == 0, 1, total))
        return safe, each, total.reshape(total.shape[:n])

    found: tuple[Tensor, Tensor, Tensor] = on_values(
        factors, target, *([] if weight is None else [weight])
    )
    return found


def _each_own(weights: Any, classes: Any) -> Any:
    """The weight of each class, by the weights of its example."""
    flat = flattened(weights.ndim - 1, classes)
    return np.take_along_axis(weights, flat, -1).reshape(classes.shape)


def _refuse_class(classes: Any, count: int, ignore_index: int) -> None:
    """Name the first class that does not exist, and its place."""
    outside = (classes != ignore_index) & ((classes < 0) | (classes >= count))
    at = [int(i) for i in np.argwhere(outside)[0]]
    where = f" (position {at} of the target)" if at else ""
    raise IndexError(
        f"Target {classes[tuple(at)]} is out of bounds.{where}{place()} The input has {count} "
        f"classes, 0 to {count - 1}; positions to leave out are marked with "
        f"ignore_index={ignore_index}"
    )


def _check_classes(x: Any, classes: Any, target: Tensor, axis: int) -> None:
    if classes.dtype not in (dtypes.NP_INT64, dtypes.uint8.numpy):
        raise RuntimeError(
            f"expected target dtype to be Long or Byte, but got {target.dtype.short}{place()}: "
            "classes are given as int64 (use .long()); floating targets are probabilities, of the "
            f"input's shape {list(x.shape)}, but this one has shape {list(classes.shape)}"
        )
    expected = x.shape[:axis] + x.shape[axis + 1 :]
    if classes.shape == expected:
        return
    if x.ndim > 1 and classes.shape[:1] != x.shape[:1]:
        got = classes.shape[0] if classes.ndim else 1
        raise ValueError(
            f"Expected input batch_size ({x.shape[0]}) to match target batch_size ({got})"
            f"{place()}: input {list(x.shape)}, target {list(classes.shape)}"
        )
    if x.ndim <= 2:
        raise RuntimeError(
            f"0D or 1D target tensor expected, multi-target not supported{place()}: the target "
            f"should have shape {list(expected)}, but has {list(classes.shape)}; .squeeze(1)?"
        )
    raise RuntimeError(f"Expected target size {list(expected)}, got {list(classes.shape)}{place()}")


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Σ_j max(0, margin - input[target] + input[j])^p / c over the other classes j.

    >>> F.multi_margin_loss(torch.tensor([[0.1, 0.2, 0.9]]), torch.tensor([2]))
    tensor(0.1667)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight._data.ndim != 1:
        raise ValueError(
            f"weight must be one-dimensional, but has shape {list(weight._data.shape)}"
        )
    x = input if input._data.ndim == 2 else input.reshape(1, -1)
    classes = target.reshape(-1, 1)
    if classes._data.shape[0] != x._data.shape[0] or target._data.ndim > 1:
        raise RuntimeError(
            f"inconsistent target size, expected {x._data.shape[0]} but got "
            f"{list(target._data.shape)}"
        )
    violations = (margin - x.gather(1, classes) + x).clamp_min(0)
    if p == 2:
        violations = violations * violations
    if weight is not None:
        violations = violations * weight[classes]
    count, dtype = x._data.shape[1], x._data.dtype
    others = on_values(lambda n, t: (t != np.arange(count)).astype(dtype), classes)
    losses = (violations * others).sum(1) / count
    alone = input._data.ndim < 2
    return reduced(losses.squeeze(0) if alone else losses, reduction)


def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Σ_j Σ_i max(0, 1 - (x[j] - x[i])) / c over classes j in the target and i outside it.

    Each row of the target lists its classes; the first -1 ends the list.

    >>> F.multilabel_margin_loss(torch.tensor([[0.1, 0.2, 0.9]]), torch.tensor([[2, -1, 0]]))
    tensor(0.1667)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    if target._data.shape != input._data.shape or input._data.ndim > 2:
        raise RuntimeError(
            f"inconsistent target size: {list(target._data.shape)} for input of size: "
            f"{list(input._data.shape)}"
        )
    count = input._data.shape[-1] if input._data.ndim else 1
    x, dtype = input.reshape(-1, count), input._data.dtype

    def pairs(n: int, listed: Any) -> tuple[Any, Any]:
        used = ~np.logical_or.accumulate(listed < 0, axis=-1)
        is_class = (listed[..., None] == np.arange(count)) & used[..., None]
        outside = ~is_class.any(-2)
        counted = used[..., :, None] & outside[..., None, :]
        return np.where(used, listed, 0), counted.astype(dtype)

    listed, counted = on_values(pairs, target.reshape(-1, count))
    chosen = x.gather(1, listed)
    violations = (1 - chosen.unsqueeze(2) + x.unsqueeze(1)).clamp_min(0)
    losses = (violations * counted).sum((1, 2)) / count
    return reduced(losses if input._data.ndim == 2 else losses.squeeze(0), reduction)


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Tensor:
    """cross_entropy(linear(input, linear_weight, linear_bias), target, ...).

    linear_weight: (c, in), or (c, *space, in) for targets with spatial axes.

    >>> features, weight = torch.tensor([[1.0, 2.0]]), torch.eye(2)
    >>> F.linear_cross_entropy(features, weight, torch.tensor([1]))
    tensor(0.3133)
    """
    classes, *space, inner = linear_weight._data.shape
    if space and input._data.ndim == 1:
        raise RuntimeError(
            "K-dimensional loss defined by linear_weight shape "
            f"{tuple(linear_weight._data.shape)} requires batched input, (N, {inner}), got "
            f"unbatched input with shape {tuple(input._data.shape)}"
        )
    if space:
        linear_weight = linear_weight.reshape(-1, inner)
        linear_bias = None if linear_bias is None else linear_bias.reshape(-1)
    scores = linear(input, linear_weight, linear_bias)
    scores = scores.reshape(*input._data.shape[:-1], classes, *space)
    return cross_entropy(
        scores,
        target,
        weight,
        ignore_index=-100 if ignore_index is None else ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor | float,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over classes of the binary cross entropy of each logit.

    >>> F.multilabel_soft_margin_loss(torch.tensor([[2.0, -1.0]]), torch.tensor([[1.0, 0.0]]))
    tensor(0.2201)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    if not isinstance(target, Tensor):  # a number, for every label
        target = input.new_full((), target)
    terms = ops.binary_cross_entropy_with_logits(input, target, reduction="none")
    if weight is not None:
        terms = terms * weight
    return reduced(terms.mean(-1), reduction)
