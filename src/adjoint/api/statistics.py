"""Floor 3: covariance, correlation and Vandermonde matrices, composed of other functions."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..arrays.checks import is_any
from ..autograd.lifted import layout_of, values_of
from ..autograd.tensor import Tensor, wrap
from .creation import check_tensor
from .promotion import to_float
from .registration import FUNCTIONS, public


@public("cov")
def cov(
    input: Tensor,
    *,
    correction: int = 1,
    fweights: Tensor | None = None,
    aweights: Tensor | None = None,
) -> Tensor:
    """Covariance of the variables in the rows, over the observations in the columns.

    fweights: how often each observation counts (integers); aweights: its importance.

    >>> torch.cov(torch.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    check_tensor(input, "cov")
    if input._data.ndim > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with "
            f"{input._data.ndim} dimensions"
        )
    x = to_float(input, "cov")
    x = x.reshape(1, -1) if x._data.ndim < 2 else x
    weights = _weights(fweights, aweights, x._data.shape[1])
    if weights is None:
        centred = x - x.mean(1, keepdim=True)
        scale: Any = x._data.shape[1] - correction
        weighted = centred
    else:
        total = weights.sum()
        centred = x - (x * weights).sum(1, keepdim=True) / total
        scale = total - correction
        if correction and aweights is not None:
            scale = total - correction * (weights * aweights).sum() / total
        weighted = centred * weights
    if not isinstance(scale, Tensor):
        scale = wrap(np.asarray(scale, layout_of(x).real.dtype))
    if is_any(values_of(scale) <= 0):
        warnings.warn("cov(): degrees of freedom is <= 0", UserWarning, stacklevel=2)
        scale = scale.clamp_min(0)
    result: Tensor = (weighted @ centred.t().conj()) / scale
    return result.squeeze()


def _weights(fweights: Tensor | None, aweights: Tensor | None, count: int) -> Tensor | None:
    weights: Tensor | None = None
    for name, given in (("fweights", fweights), ("aweights", aweights)):
        if given is None:
            continue
        if given._data.shape != (count,):
            raise RuntimeError(
                f"cov(): expected {name} to have the same numel as there are observations in the "
                f"input ({count}), but got shape {list(given._data.shape)}"
            )
        if is_any(values_of(given) < 0):
            raise RuntimeError(f"cov(): {name} cannot be negative")
        weights = given if weights is None else weights * given
    return weights


@public("corrcoef")
def corrcoef(input: Tensor) -> Tensor:
    """Correlation coefficients of the variables in the rows: the covariance of scaled rows.

    >>> torch.corrcoef(torch.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    check_tensor(input, "corrcoef")
    if input._data.ndim > 2:
        raise RuntimeError(
            f"corrcoef(): expected input to have two or fewer dimensions but got an input with "
            f"{input._data.ndim} dimensions"
        )
    c = cov(input)
    if c._data.ndim == 0:
        return c / c
    d = c.diagonal().real.sqrt() if c._data.dtype.kind == "c" else c.diagonal().sqrt()
    c = c / d.unsqueeze(-1) / d.unsqueeze(0)
    if c._data.dtype.kind == "c":
        result: Tensor = FUNCTIONS["complex"](c.real.clamp(-1, 1), c.imag.clamp(-1, 1))
        return result
    return c.clamp(-1, 1)


@public("vander", method=False)
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The Vandermonde matrix whose columns are powers of a 1-d tensor, falling by default.

    >>> torch.vander(torch.tensor([1, 2, 3]), increasing=True)
    tensor([[1, 1, 1],
            [1, 2, 4],
            [1, 3, 9]])
    """
    check_tensor(x, "vander")
    if x._data.ndim != 1:
        raise RuntimeError(f"x must be a one-dimensional tensor, but got {list(x._data.shape)}")
    count = x._data.size if N is None else N
    if count < 0:
        raise RuntimeError(f"N must be non-negative, but got {count}")
    kept = x.long() if x._data.dtype.kind in "biu" else x
    powers = [kept**0] + [kept] * (count - 1) if count else []
    if not powers:
        return wrap(np.empty((x._data.size, 0), kept._data.dtype))
    columns = FUNCTIONS["stack"](powers, 1).cumprod(1)
    result: Tensor = columns if increasing else columns.flip(1)
    return result
