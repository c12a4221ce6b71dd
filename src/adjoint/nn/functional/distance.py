"""Floor 5: distances and similarities of vectors, and the losses made of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.api.promotion import to_common
from adjoint.api.selection import where
from adjoint.autograd.tensor import Tensor, wrap

from .arguments import reduced, reduction_of


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 · x2 / (|x1| |x2|) along `dim`, each norm at least eps.

    >>> F = torch.nn.functional
    >>> F.cosine_similarity(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 1.0]), dim=0)
    tensor(0.7071)
    """
    x1, x2 = to_common(x1, x2, "cosine_similarity")
    if x1._data.dtype.kind == "c":
        raise RuntimeError(
            f"cosine_similarity: expected real floating-point inputs, but got {x1.dtype}; for "
            "complex vectors use (x1 * x2.conj()).sum(dim) over the norms"
        )
    shape = np.broadcast_shapes(x1._data.shape, x2._data.shape)
    x1, x2 = x1.expand(shape), x2.expand(shape)
    units = []
    for x in (x1, x2):
        length = x.norm(2, dim, keepdim=True)
        # As torch: the norm is clamped in value only, its derivative is the norm's own.
        units.append(x / (length + (length.clamp_min(eps) - length).detach()))
    return (units[0] * units[1]).sum(dim)


def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last axis.

    >>> F.pairwise_distance(torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2))
    tensor([5.0000])
    """
    return (x1 - x2 + eps).norm(p, -1, keepdim=keepdim)


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """1 - cos where the target is 1, max(0, cos - margin) where it is -1.

    >>> a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    >>> F.cosine_embedding_loss(a, b, torch.tensor([1]))
    tensor(1.)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    if input1._data.shape[:-1] != target._data.shape or input1._data.ndim not in (1, 2):
        raise RuntimeError(
            f"{target._data.ndim}D target tensor expects {target._data.ndim + 1}D input tensors, "
            f"but found inputs with sizes {list(input1._data.shape)} and "
            f"{list(input2._data.shape)}."
        )
    eps = 1e-12
    products = (input1 * input2).sum(-1)
    lengths = ((input1 * input1).sum(-1) + eps) * ((input2 * input2).sum(-1) + eps)
    cos = products / lengths.sqrt()
    values = where(target.eq(1), 1 - cos, 0.0) + where(
        target.eq(-1), (cos - margin).clamp_min(0), 0.0
    )
    return reduced(values, reduction)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin).

    With `swap` the negative distance is the smaller of those from the anchor and the positive
    (Balntas et al. 2016).

    >>> a, p, n = torch.tensor([[0.0]]), torch.tensor([[1.0]]), torch.tensor([[1.5]])
    >>> F.triplet_margin_loss(a, p, n)
    tensor(0.5000)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    _check_triplet(anchor, positive, negative, margin)
    near = pairwise_distance(anchor, positive, p, eps)
    far = pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = far.minimum(pairwise_distance(positive, negative, p, eps))
    return reduced((near - far + margin).clamp_min(0), reduction)


def _check_triplet(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float) -> None:
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    ranks = [t._data.ndim for t in (anchor, positive, negative)]
    if len(set(ranks)) > 1:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {ranks[0]}D, positive {ranks[1]}D, and negative "
            f"{ranks[2]}D inputs"
        )


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Any = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """`triplet_margin_loss` with any distance function.

    >>> a, p, n = torch.tensor([[0.0]]), torch.tensor([[1.0]]), torch.tensor([[3.0]])
    >>> apart = lambda x, y: (x - y).abs().sum(1)
    >>> F.triplet_margin_with_distance_loss(a, p, n, distance_function=apart, margin=5.0)
    tensor(3.)
    """
    reduction = reduction_of(reduction)
    _check_triplet(anchor, positive, negative, margin)
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    return reduced((near - far + margin).clamp_min(0), reduction)


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The p-norm distance of every pair of rows i < j of (n, d): n (n - 1) / 2 numbers.

    >>> F.pdist(torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]))
    tensor([5.0000, 1.0000, 4.2426])
    """
    first, second = np.triu_indices(input._data.shape[0], 1)
    return (input[wrap(first)] - input[wrap(second)]).norm(p, -1)
