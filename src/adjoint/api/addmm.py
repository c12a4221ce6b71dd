"""Floor 3: a product added to something: addmm and its relatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.dtypes import FLOATING, NP_BOOL, dtype
from ..autograd.tensor import Tensor, wrap
from ..ops import products as ops
from .products import (
    bmm,
    c_name,
    expect_ndim,
    expect_tensor,
    mv,
    outer,
    same_dtype,
    shape_error,
)
from .promotion import Number
from .registration import public


def _number(value: Any, name: str, argument: str, d: dtype) -> Any:
    """A factor, cut to an integer for integer tensors as torch does."""
    if not isinstance(value, Number):
        raise TypeError(
            f"{name}(): argument '{argument}' must be Number, not {type(value).__name__}"
        )
    if isinstance(value, complex) and not d.is_complex:
        raise RuntimeError(
            f"value cannot be converted to type {c_name(d)} without overflow: {name} got "
            f"{argument}={value}"
        )
    return int(value) if d.category < FLOATING else value  # type: ignore[arg-type]


def _with_product(name: str, c: Any, product: Tensor, beta: Any, alpha: Any) -> Tensor:
    """beta * c + alpha * product; with beta = 0, c is not read at all (nan in it is ignored)."""
    expect_tensor(c, name, "input", 1)
    beta = _number(beta, name, "beta", product.dtype)
    alpha = _number(alpha, name, "alpha", product.dtype)
    same_dtype(c, product, name)
    try:
        fits = np.broadcast_shapes(c._data.shape, product._data.shape) == product._data.shape
    except ValueError:
        fits = False
    if not fits:
        raise RuntimeError(
            f"The expanded size of the tensor ({product._data.shape[-1]}) must match the existing "
            f"size ({c._data.shape[-1]}) at non-singleton dimension {product._data.ndim - 1}. "
            f" Target sizes: {list(product._data.shape)}.  Tensor sizes: {list(c._data.shape)}: "
            f"the input of {name} has to broadcast to the product"
        )
    product = product if alpha == 1 else product * alpha
    if beta == 0:
        return product
    return (c if beta == 1 else c * beta) + product


@public(in_place=True)
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """out = beta input + alpha (mat1 @ mat2), with input broadcast to (m, n).

    >>> torch.addmm(torch.ones(2, 2), torch.eye(2), torch.eye(2), alpha=2)
    tensor([[3., 1.],
            [1., 3.]])
    """
    expect_tensor(input, "addmm", "input", 1)
    expect_ndim(mat1, 2, "addmm", "mat1")
    expect_ndim(mat2, 2, "addmm", "mat2")
    a, b = mat1._data.shape, mat2._data.shape
    if a[1] != b[0]:
        raise shape_error(a, b, "addmm needs (m, k) and (k, n)")
    same_dtype(mat1, mat2, "addmm")
    plain = input._data.dtype == mat1._data.dtype and input._data.dtype.kind in "fV"
    shape = (a[0], b[1])
    if plain and beta != 0 and input._data.shape in (shape, shape[1:], (1, b[1]), (a[0], 1)):
        alpha = _number(alpha, "addmm", "alpha", input.dtype)
        beta = _number(beta, "addmm", "beta", input.dtype)
        return ops.addmm(input, mat1, mat2, alpha=alpha, beta=beta)
    return _with_product("addmm", input, ops.mm(mat1, mat2), beta, alpha)


@public(in_place=True)
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """out = beta input + alpha (mat @ vec).

    input: broadcastable to (n,); mat: (n, m); vec: (m,).

    >>> torch.addmv(torch.ones(2), torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([1.0, 1.0]))
    tensor([4., 8.])
    """
    return _with_product("addmv", input, mv(mat, vec), beta, alpha)


@public(in_place=True)
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """out = beta input + alpha (vec1 ⊗ vec2).

    input: broadcastable to (n, m); vec1: (n,); vec2: (m,).

    >>> torch.addr(torch.zeros(2, 2), torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    product = outer(vec1, vec2)
    for value, argument in ((beta, "beta"), (alpha, "alpha")):
        if isinstance(value, (float, complex)) and product._data.dtype.kind in "iub":
            raise RuntimeError(
                f"For integral input tensors, argument {argument} must not be a floating point "
                "number. (addr)"
            )
    if input._data.dtype == NP_BOOL and product._data.dtype == NP_BOOL:
        return input.logical_and(wrap(bool(beta))) | product.logical_and(wrap(bool(alpha)))
    if beta == 0:
        return product * alpha
    return input * beta + product * alpha


@public(in_place=True)
def baddbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1
) -> Tensor:
    """out = beta input + alpha (batch1 @ batch2), for each of b.

    input: broadcastable to (b, n, p); batch1: (b, n, m); batch2: (b, m, p).

    >>> torch.baddbmm(torch.ones(1, 1, 1), torch.ones(2, 1, 3), torch.ones(2, 3, 1))
    tensor([[[4.]],
    <BLANKLINE>
            [[4.]]])
    """
    return _with_product("baddbmm", input, bmm(batch1, batch2), beta, alpha)


@public(in_place=True)
def addbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1
) -> Tensor:
    """out = beta input + alpha (the sum of the b products batch1 @ batch2).

    input: broadcastable to (n, p); batch1: (b, n, m); batch2: (b, m, p).

    >>> torch.addbmm(torch.ones(1, 1), torch.ones(2, 1, 3), torch.ones(2, 3, 1))
    tensor([[7.]])
    """
    return _with_product("addbmm", input, bmm(batch1, batch2).sum(0), beta, alpha)
