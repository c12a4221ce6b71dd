"""Floor 3: the Tensor namespace: the vocabulary of `arrays.cpu`, on Tensors.

Rules that run in it are recorded, which gives derivatives of every order. It is also what
`Tensor.__array_namespace__()` returns. Names are added here by families, one line each.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import engine
from ..autograd.tensor import Tensor, wrap
from . import arithmetic


def lift(value: Any) -> Any:
    """Arrays that a rule kept as constants become Tensors."""
    return wrap(value) if isinstance(value, (np.ndarray, np.generic)) else value


class Namespace:
    """Holds the functions; a missing name says which one a rule asked for."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"the Tensor namespace has no {name!r}: a rule used a name of the CPU namespace that "
            "api/namespace.py does not map to an operation yet"
        )


tensors = Namespace()
tensors.__dict__.update(
    add=arithmetic.add,
    subtract=arithmetic.sub,
    multiply=arithmetic.mul,
    divide=arithmetic.true_divide,
    negative=arithmetic.neg,
)
engine._tensor_namespace[:] = [tensors]


def __array_namespace__(self: Tensor, *, api_version: str | None = None) -> Namespace:  # noqa: N807
    """The Array API namespace of Tensors."""
    return tensors


Tensor.__array_namespace__ = __array_namespace__  # type: ignore[attr-defined]
