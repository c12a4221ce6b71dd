"""Floor 3: norms of tensors: `norm`, `dist`."""

from __future__ import annotations

import math
from typing import Any

from ..arrays import dtypes
from ..autograd.tensor import Tensor
from ..ops.norm import linalg_vector_norm
from ..ops.svd import svd
from .creation import check_tensor
from .dims import canonical_dim, canonical_dims
from .reduction import converted
from .registration import FUNCTIONS, public


def vector_norm(
    input: Tensor,
    ord: Any = 2,
    dim: Any = None,
    keepdim: bool = False,
    dtype: Any = None,
) -> Tensor:
    """(sum |x|^ord)^(1/ord) over `dim` (all by default), of the real dtype.

    `ord` is any number; inf and -inf give the largest and smallest |x|, 0 the number of
    non-zeros. The derivative at 0 is 0.

    >>> torch.linalg.vector_norm(torch.tensor([3.0, -4.0]))
    tensor(5.)
    >>> torch.linalg.vector_norm(torch.tensor([[3.0, -4.0], [1.0, 1.0]]), ord=1, dim=1)
    tensor([7., 2.])
    """
    name = "linalg.vector_norm"
    check_tensor(input, name)
    if input.dtype.category < dtypes.FLOATING:
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got "
            f"{input.dtype.short}; convert it with .float()"
        )
    if not isinstance(ord, (int, float)):
        raise TypeError(f"{name}(): argument 'ord' must be Number, not {type(ord).__name__}")
    input = converted(input, dtype)
    dims = canonical_dims(dim, input._data.ndim, name)
    if (ord < 0 or ord == math.inf) and input._data.size == 0:
        sizes = input._data.shape if dims is None else [input._data.shape[d] for d in dims]
        if 0 in sizes:
            raise RuntimeError(
                f"{name} cannot compute the {float(ord):g} norm on an empty tensor because the "
                "operation does not have an identity"
            )
    return linalg_vector_norm(input, ord=float(ord), dim=dims, keepdim=keepdim)


@public("norm")
def norm(
    input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Tensor:
    """The p-norm of all elements, or over `dim`.

    p: a number, inf, -inf, "fro" (the 2-norm) or "nuc" (the sum of a matrix's singular values).

    >>> torch.norm(torch.tensor([3.0, 4.0]))
    tensor(5.)
    """
    if p is None or p == "fro":
        p = 2
    elif p == "nuc":
        return _nuclear(converted(input, dtype), dim, keepdim)
    elif isinstance(p, str):
        raise RuntimeError(
            f"linalg.matrix_norm: Order {p} not supported. norm() takes a number, 'fro' or 'nuc'"
        )
    return vector_norm(input, p, dim, keepdim, dtype)


def _nuclear(input: Tensor, dim: Any, keepdim: bool) -> Tensor:
    """The sum of the singular values of the matrices in two dimensions."""
    ndim = input._data.ndim
    dims = canonical_dims((-2, -1) if dim is None else dim, max(ndim, 2), "norm")
    if ndim < 2 or dims is None or len(dims) != 2:
        raise RuntimeError(
            f"norm: p='nuc' is for matrices and needs two dims, but got dim={dim} for a tensor of "
            f"{ndim} dimensions"
        )
    result: Tensor = svd(input.movedim(dims, (-2, -1)))[1].sum(-1)
    if keepdim:
        for d in sorted(dims):
            result = result.unsqueeze(d)
    return result


@public("dist")
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of input - other, which have to be broadcastable.

    >>> torch.dist(torch.tensor([1.0, 2.0]), torch.tensor([4.0, 6.0]))
    tensor(5.)
    """
    return vector_norm(input - other, p)


@public("renorm", in_place=True)
def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """Scale each slice along `dim` whose p-norm is above `maxnorm` down to it.

    >>> torch.renorm(torch.tensor([[3.0, 4.0], [0.0, 1.0]]), 2, 0, 1.0)
    tensor([[0.6000, 0.8000],
            [0.0000, 1.0000]])
    """
    check_tensor(input, "renorm")
    ndim = input._data.ndim
    if ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {ndim} dimensions")
    if not p > 0 or maxnorm < 0:
        raise RuntimeError(f"renorm: expected p > 0 and maxnorm >= 0, got p={p}, maxnorm={maxnorm}")
    dim = canonical_dim(dim, ndim, "renorm")
    norms = vector_norm(input, p, [d for d in range(ndim) if d != dim], True)
    # torch's 1e-7 keeps the scaled norm from rounding to more than maxnorm.
    scale = FUNCTIONS["where"](norms > maxnorm, maxnorm / (norms + 1e-7), 1.0)
    return input * scale.to(input.dtype)


@public("frobenius_norm", method=False)
def frobenius_norm(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The 2-norm over `dim`.

    >>> torch.frobenius_norm(torch.tensor([[3.0, 4.0], [0.0, 0.0]]), dim=(0, 1))
    tensor(5.)
    """
    return vector_norm(input, 2, dim, keepdim)


@public("nuclear_norm", method=False)
def nuclear_norm(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The sum of the singular values of matrices.

    >>> torch.nuclear_norm(torch.tensor([[3.0, 0.0], [0.0, 4.0]]))
    tensor(7.)
    """
    return norm(input, "nuc", dim, keepdim)
