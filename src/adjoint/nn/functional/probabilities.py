"""Floor 5: softmax and its relatives, with the implicit dimension of old code."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from adjoint.api import softmax as api
from adjoint.api.examples import drawn
from adjoint.arrays import random
from adjoint.autograd import inplace as writing
from adjoint.autograd.tensor import Tensor, wrap


def _dim(dim: int | None, ndim: int, name: str) -> int:
    """The given dim, or with a warning torch's old guess."""
    if dim is not None:
        return dim
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include "
        "dim=X as an argument.",
        UserWarning,
        stacklevel=3,
    )
    return 0 if ndim in (0, 1, 3) else 1


def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """exp(x) / sum(exp(x)) along `dim`.

    >>> torch.nn.functional.softmax(torch.tensor([0.0, 0.0]), dim=0)
    tensor([0.5000, 0.5000])
    """
    return api.softmax(input, _dim(dim, input.ndim, "softmax"), dtype)


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """log(softmax(x)) along `dim`, without overflow.

    >>> F.log_softmax(torch.tensor([0.0, 0.0]), dim=0)
    tensor([-0.6931, -0.6931])
    """
    return api.log_softmax(input, _dim(dim, input.ndim, "log_softmax"), dtype)


def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """softmax(-x) along `dim`.

    >>> F.softmin(torch.tensor([0.0, 1.0]), dim=0)
    tensor([0.7311, 0.2689])
    """
    return api.softmax(-input, _dim(dim, input.ndim, "softmin"), dtype)


def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """Softmax of (logits + Gumbel noise) / tau; `hard` gives one-hot values with its gradient.

    Jang et al. 2017.

    >>> F.gumbel_softmax(torch.tensor([[1.0, 2.0, 3.0]]), hard=True).sum(1)
    tensor([1.])
    """
    dtype = logits.dtype.numpy

    def noise(sizes: tuple[int, ...]) -> Any:
        return -np.log(random.exponential(random.default_generator, sizes, dtype))

    soft = api.softmax((logits + drawn(noise, logits._data.shape)) / tau, dim)
    if not hard:
        return soft
    top = soft.detach().argmax(dim, True)
    marks = soft.new_zeros(soft._data.shape).scatter_(dim, top, 1.0)
    return marks - soft.detach() + soft


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """Leaky ReLU whose slope is drawn from U(lower, upper) for each negative element."""
    x = input._data
    if lower > upper:
        raise RuntimeError(
            "Lower bound should be less than or equal to the upper bound, but rrelu got "
            f"lower={lower} and upper={upper}"
        )
    if training:
        slopes = np.ones_like(x)
        negative = x <= 0
        drawn = random.uniform(random.default_generator, (int(negative.sum()),), np.float64)
        slopes[negative] = lower + (upper - lower) * drawn
    else:
        slopes = np.where(x <= 0, x.dtype.type((lower + upper) / 2), x.dtype.type(1))

    def scaled(old: Tensor) -> Tensor:
        return old * wrap(slopes)

    return writing.write(input, scaled, "rrelu_") if inplace else scaled(input)
