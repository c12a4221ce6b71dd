"""Floor 3: the neural-network part of the Tensor namespace: array kernels as recorded operations.

A rule that calls `xp.convolve` on Tensors arrives here, and is recorded again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.checks import is_all
from ..autograd.lifted import Lifted
from ..autograd.tensor import Tensor, wrap
from ..ops import convolution, embedding, factorizations, losses, normalization, pooling
from ..ops import products as ops
from . import products
from .contractions import einsum


def convolve(x: Tensor, w: Tensor, b: Tensor | None = None, **params: Any) -> Tensor:
    """Convolution with or without a bias."""
    if b is None:
        return convolution.convolve(x, w, **params)
    return convolution.convolution(x, w, b, **params)


def normalize_moments(
    x: Tensor, w: Tensor | None, b: Tensor | None, *, axes: Any, affine_shape: Any, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalisation by moments, with both or neither of scale and shift."""
    if w is None:
        return normalization.standardize(x, axes=axes, eps=eps)
    params = {"axes": axes, "affine_shape": affine_shape, "eps": eps}
    return normalization.layer_norm(x, w, b, **params)


def normalize_cotangent(
    ct: Tensor,
    x: Tensor,
    mean: Tensor,
    var: Tensor,
    w: Tensor | None,
    *,
    axes: Any,
    affine_shape: Any,
    eps: float,
) -> Tensor:
    """The cotangent of normalised x as a composite: what `arrays.normalization` fuses."""
    g = ct if w is None else ct * w.reshape(affine_shape)
    scale = (var + eps).rsqrt()
    z = (x - mean) * scale
    inner = (g * z).mean(axes, keepdim=True)
    return scale * (g - g.mean(axes, keepdim=True) - z * inner)


def normalize_weight_cotangent(
    ct: Tensor, x: Tensor, mean: Tensor, var: Tensor, *, affine_shape: Any, eps: float
) -> Tensor:
    """The cotangent of the scale, likewise."""
    products = ct * (x - mean) * (var + eps).rsqrt()
    axes = normalization.shared_axes(products._data.shape, affine_shape)
    return products.sum(axes, keepdim=True) if axes else products


def softmax_cross_entropy(x: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
    """Losses of rows, and the softmax."""
    return losses.cross_entropy(x, classes, reduction="none")


def add_at_class(x: Tensor, classes: Tensor, *, value: float) -> Tensor:
    """`value` added at each row's class."""
    ones = classes.new_full(classes._data.shape, value, dtype=x.dtype)
    return x + losses.put_class(ones, classes, count=x._data.shape[1])


def cofactors(x: Tensor) -> Tensor:
    """The gradient of the determinant; from minors where a matrix has no inverse."""
    det = factorizations.det(x)
    if not isinstance(det._data, Lifted) and not is_all(det._data):
        return _minors(x).conj()
    return (det.conj().unsqueeze(-1).unsqueeze(-1)) * factorizations.inv(x).mH


def _minors(x: Tensor) -> Tensor:
    """The determinants of what is left without row i and column j, with their signs."""
    n = x._data.shape[-1]
    kept = np.array([[k for k in range(n) if k != i] for i in range(n)], np.int64)
    kept = kept.reshape(n, n - 1)
    left = x[..., wrap(kept[:, None, :, None]), wrap(kept[None, :, None, :])]
    signs = (-1.0) ** np.add.outer(np.arange(n), np.arange(n))
    return factorizations.det(left) * wrap(signs.astype(x._data.dtype))


def take_rows(w: Tensor, indices: Tensor) -> Tensor:
    """Rows of a table."""
    return embedding.embedding(w, indices, skip=None)


VOCABULARY: dict[str, Any] = {
    "add_at_class": add_at_class,
    "add_rows": embedding.add_rows,
    "average_pool": pooling.average_pool,
    "average_pool_transpose": pooling.average_pool_transpose,
    "cholesky": factorizations.cholesky,
    "cofactors": cofactors,
    "convolve": convolve,
    "convolve_input_transpose": convolution.convolve_input_transpose,
    "convolve_weight_transpose": convolution.convolve_weight_transpose,
    "cross": ops.cross,
    "det": factorizations.det,
    "eigh": factorizations.eigh,
    "einsum": einsum,
    "inv": factorizations.inv,
    "linear": ops.linear_layer,
    "matmul": products.matmul,
    "matrix_exp": factorizations.matrix_exp,
    "max_pool": pooling.max_pool,
    "normalize_cotangent": normalize_cotangent,
    "normalize_moments": normalize_moments,
    "normalize_weight_cotangent": normalize_weight_cotangent,
    "pick_class": losses.pick_class,
    "pinv": factorizations.pinv,
    "pool_put": pooling.pool_put,
    "pool_take": pooling.pool_take,
    "put_class": losses.put_class,
    "qr": factorizations.qr,
    "rows": take_rows,
    "slogdet": factorizations.slogdet,
    "softmax_cross_entropy": softmax_cross_entropy,
    "solve": factorizations.solve,
}
