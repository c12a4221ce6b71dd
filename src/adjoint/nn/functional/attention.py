"""Floor 5: attention."""

from __future__ import annotations

import math

import numpy as np

from adjoint.arrays.checks import is_any
from adjoint.autograd.lifted import values_of
from adjoint.autograd.tensor import Tensor, wrap

from .arguments import expect_tensor
from .dropouts import dropout


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(query keyᵀ scale + mask) value (Vaswani et al. 2017).

    query: (..., heads, l, e), key: (..., heads, s, e), value: (..., heads, s, v) -> (..., l, v).
    `attn_mask` broadcasts to (..., l, s): True where a key takes part, or numbers that are added.
    `is_causal` lets position i see keys 0 to i. `scale` is by default 1/√e. With `enable_gqa`
    heads of key and value are repeated to match the query's.

    >>> q = torch.ones(1, 1, 2)
    >>> torch.nn.functional.scaled_dot_product_attention(q, q, q)
    tensor([[[1., 1.]]])
    """
    names = "query", "key", "value"
    for i, (t, name) in enumerate(zip((query, key, value), names, strict=True), start=1):
        expect_tensor(t, "scaled_dot_product_attention", name, i)
    _check(query, key, value)
    if enable_gqa:
        times = query._data.shape[-3] // key._data.shape[-3]
        key = key.repeat_interleave(times, -3)
        value = value.repeat_interleave(query._data.shape[-3] // value._data.shape[-3], -3)
    width = query._data.shape[-1]
    factor = 1 / math.sqrt(width) if scale is None else scale
    scores = (query * factor) @ key.mT
    if is_causal:
        if attn_mask is not None:
            raise RuntimeError(
                "scaled_dot_product_attention: Explicit attn_mask should not be set when "
                "is_causal=True"
            )
        rows, columns = scores._data.shape[-2:]
        attn_mask = wrap(np.tri(rows, columns, dtype=bool))
    if attn_mask is not None:
        scores = _masked(scores, attn_mask)
    weights = scores.softmax(-1)
    if attn_mask is not None and attn_mask._data.dtype == bool:
        # A row without any key has weight 0 everywhere, as in torch, and not nan.
        empty = attn_mask.any(-1, True).logical_not()
        if is_any(values_of(empty)):
            weights = weights.masked_fill(empty, 0.0)
    if dropout_p > 0:
        weights = dropout(weights, dropout_p)
    return weights @ value


def _masked(scores: Tensor, mask: Tensor) -> Tensor:
    if mask._data.dtype == bool:
        return scores.masked_fill(mask.logical_not(), -math.inf)
    if mask._data.dtype.kind not in "fV":
        raise RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got "
            f"attn_mask.dtype: {mask.dtype}"
        )
    return scores + mask


def _check(query: Tensor, key: Tensor, value: Tensor) -> None:
    dtypes = {t._data.dtype for t in (query, key, value)}
    if len(dtypes) > 1:
        raise RuntimeError(
            "Expected query, key, and value to have the same dtype, but got query.dtype: "
            f"{query.dtype} key.dtype: {key.dtype} and value.dtype: {value.dtype} instead."
        )
    if min(t._data.ndim for t in (query, key, value)) < 2:
        raise RuntimeError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got "
            f"{query._data.ndim}, {key._data.ndim} and {value._data.ndim} dimensions"
        )
