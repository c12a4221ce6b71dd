"""Floor 5: dropout and its kin, with the numbers that torch draws on the CPU."""

from __future__ import annotations

import math
import warnings
from typing import Any

from adjoint.api.examples import drawn
from adjoint.api.random import drawn_like
from adjoint.arrays import random
from adjoint.autograd import inplace as writing
from adjoint.autograd.lifted import values_of
from adjoint.autograd.tensor import Tensor

from .arguments import expect_tensor


def _check(input: Any, p: float, name: str) -> None:
    expect_tensor(input, name, "input", 1)
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _kept(input: Tensor, p: float, shape: tuple[int, ...] | None = None) -> Tensor:
    """1 where an element (of `shape`) stays, 0 where it is dropped, in the input's dtype."""
    dtype = input.dtype.numpy

    def draw(sizes: tuple[int, ...], serial: bool = False) -> Any:
        return random.bernoulli(random.default_generator, sizes, 1 - p, dtype)

    return drawn_like(input, dtype, draw) if shape is None else drawn(draw, shape)


def _apply(input: Tensor, compute: Any, inplace: bool, name: str) -> Tensor:
    return writing.write(input, compute, name) if inplace else compute(input)


def _drop(
    input: Tensor, p: float, training: bool, inplace: bool, name: str, features: bool
) -> Tensor:
    """Zero elements, or whole channels, with probability p; scale the rest by 1 / (1 - p)."""
    x = input._data
    if p == 0 or not training or x.size == 0:
        return input
    if p == 1:
        return _apply(input, lambda old: old * 0.0, inplace, name)
    shape = (*x.shape[:2], *(1,) * (x.ndim - 2)) if features else None
    marks = _kept(input, p, shape)
    bottom = values_of(marks)
    bottom /= bottom.dtype.type(1 - p)
    return _apply(input, lambda old: old * marks, inplace, name)


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero each element with probability p and scale the rest by 1 / (1 - p) (Srivastava 2014).

    >>> torch.nn.functional.dropout(torch.ones(3), p=0.0)
    tensor([1., 1., 1.])
    """
    _check(input, p, "dropout")
    return _drop(input, p, training, inplace, "dropout_", features=False)


def _feature_dropout(input: Tensor, p: float, training: bool, inplace: bool, n: int) -> Tensor:
    name = f"dropout{n}d"
    _check(input, p, name)
    ndim = input._data.ndim
    if ndim not in (n + 1, n + 2):
        warnings.warn(
            f"{name}: Received a {ndim}-D input to {name}, which is deprecated and will result in "
            f"an error in a future release. To retain the behavior and silence this warning, "
            f"please use dropout instead. Note that {name} exists to provide channel-wise "
            f"dropout on inputs with {n} spatial dimensions, a channel dimension, and an optional "
            f"batch dimension (i.e. {n + 1}D or {n + 2}D inputs).",
            UserWarning,
            stacklevel=3,
        )
    if ndim == n + 1 and n != 2:
        if inplace:
            return _apply(
                input,
                lambda old: _drop(old.unsqueeze(0), p, training, False, name, True).squeeze(0),
                True,
                name,
            )
        return _drop(input.unsqueeze(0), p, training, False, name, features=True).squeeze(0)
    return _drop(input, p, training, inplace, name, features=True)


def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zero whole channels of (n, c, length) with probability p.

    >>> F.dropout1d(torch.ones(1, 4, 3), p=0.5)
    tensor([[[0., 0., 0.],
             [0., 0., 0.],
             [2., 2., 2.],
             [0., 0., 0.]]])
    """
    return _feature_dropout(input, p, training, inplace, 1)


def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zero whole channels of images (n, c, h, w) with probability p.

    Three axes are taken for (n, c, length), as torch does.

    >>> F.dropout2d(torch.ones(1, 4, 2, 2), p=0.5).sum((2, 3))
    tensor([[0., 0., 8., 0.]])
    """
    return _feature_dropout(input, p, training, inplace, 2)


def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zero whole channels of volumes (n, c, d, h, w) with probability p.

    >>> F.dropout3d(torch.ones(1, 4, 1, 2, 2), p=0.5).sum((2, 3, 4))
    tensor([[0., 0., 8., 0.]])
    """
    return _feature_dropout(input, p, training, inplace, 3)


SELU_LIMIT = 1.7580993408473766  # minus selu(-inf)


def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Dropout that keeps mean 0 and variance 1 of SELU's outputs (Klambauer et al. 2017).

    >>> F.alpha_dropout(torch.tensor([1.0, 2.0, 3.0]), p=0.5, training=True)
    tensor([-0.7792, -0.7792,  3.4384])
    """
    _check(input, p, "alpha_dropout")
    return _alpha(input, p, training, inplace, "alpha_dropout_", features=False)


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """`alpha_dropout` of whole channels.

    >>> F.feature_alpha_dropout(torch.ones(1, 4, 2), p=0.5, training=True)
    tensor([[[-0.7792, -0.7792],
             [-0.7792, -0.7792],
             [ 1.6656,  1.6656],
             [-0.7792, -0.7792]]])
    """
    _check(input, p, "feature_alpha_dropout")
    return _alpha(input, p, training, inplace, "feature_alpha_dropout_", features=True)


def _alpha(
    input: Tensor, p: float, training: bool, inplace: bool, name: str, features: bool
) -> Tensor:
    x = input._data
    if p == 0 or not training or x.size == 0:
        return input
    if p == 1:
        return _apply(input, lambda old: old * 0.0, inplace, name)
    shape = (*x.shape[:2], *(1,) * (x.ndim - 2)) if features else None
    marks = _kept(input, p, shape)
    a = 1 / math.sqrt((SELU_LIMIT**2 * p + 1) * (1 - p))
    shift = (marks - 1) * (SELU_LIMIT * a) + SELU_LIMIT * a * p
    scale = marks * a
    return _apply(input, lambda old: old * scale + shift, inplace, name)
