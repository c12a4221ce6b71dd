"""Floor 3: the in-place random methods: `uniform_`, `normal_`, `random_`, `bernoulli_` ..."""

from __future__ import annotations

from typing import Any

from ..arrays import random as draws
from ..autograd.meta import Meta
from ..autograd.tensor import Tensor
from .casting import copy_over
from .conversion import method
from .examples import check_written, drawn_from
from .random import drawn_like, source


def _fill(x: Tensor, draw: Any, name: str) -> Tensor:
    """Put random numbers into `x`, along its memory; its history ends there."""
    if x._data.__class__ is Meta:
        return x  # no place for values, and no draw from the stream, as in torch
    check_written(x, name)
    return copy_over(x, drawn_like(x, x.dtype.numpy, draw), name)


@method
def uniform_(
    self: Tensor, from_: float = 0, to: float = 1, *, generator: Any = None, **names: Any
) -> Tensor:
    """Fill with uniform random numbers in [from, to).

    >>> torch.empty(3).uniform_(-1, 1)
    tensor([-0.0075,  0.5364, -0.8230])
    """
    low = names.pop("from", names.pop("a", from_))
    high = names.pop("b", to)
    gen, dtype = source(generator), self.dtype.numpy
    return _fill(
        self, lambda shape, serial: draws.uniform(gen, shape, dtype, low, high), "uniform_"
    )


@method
def normal_(self: Tensor, mean: float = 0, std: float = 1, *, generator: Any = None) -> Tensor:
    """Fill with normal random numbers.

    >>> torch.empty(3).normal_(10, 2)
    tensor([13.0820,  9.4131,  5.6424])
    """
    gen, dtype = source(generator), self.dtype.numpy
    return _fill(
        self,
        lambda shape, serial: draws.normal(gen, shape, dtype, mean, std, serial),
        "normal_",
    )


@method
def random_(
    self: Tensor, from_: Any = None, to: Any = None, *, generator: Any = None, **names: Any
) -> Tensor:
    """Fill with random integers: of the dtype's range, below `to`, or in [from, to).

    >>> torch.empty(5, dtype=torch.int64).random_(0, 10)
    tensor([4, 9, 3, 0, 3])
    """
    low = names.pop("from", from_)
    if to is None and low is not None and "from" not in names and from_ is not None:
        low, to = 0, low
    gen, dtype = source(generator), self.dtype.numpy
    if low is None and to is None:
        return _fill(self, lambda shape, serial: draws.random_full(gen, shape, dtype), "random_")
    start = 0 if low is None else low
    return _fill(
        self, lambda shape, serial: draws.integers(gen, shape, start, to, dtype), "random_"
    )


@method
def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """Fill with 1 of probability `p` (a number, or a tensor of them), else 0.

    >>> torch.empty(5).bernoulli_(0.5)
    tensor([0., 0., 1., 0., 0.])
    """
    gen, dtype = source(generator), self.dtype.numpy
    if isinstance(p, Tensor):
        check_written(self, "bernoulli_")
        chances = p.expand(self._data.shape)
        made = drawn_from("bernoulli_", lambda x: draws.bernoulli_tensor(gen, x, dtype), chances)
        return copy_over(self, made, "bernoulli_")
    return _fill(
        self, lambda shape, serial: draws.bernoulli(gen, shape, float(p), dtype), "bernoulli_"
    )


def _one_sided(name: str, draw: Any, doc: str, **defaults: float) -> None:
    """A method that fills with numbers of a distribution with a few parameters."""

    def fill(self: Tensor, *args: float, generator: Any = None, **options: float) -> Tensor:
        unknown = set(options) - set(defaults)
        if unknown or len(args) > len(defaults):
            raise TypeError(
                f"{name}() takes {', '.join(defaults)}, but got {list(args) or sorted(unknown)}"
            )
        parameters = {**defaults, **dict(zip(defaults, args)), **options}
        gen, dtype = source(generator), self.dtype.numpy
        return _fill(self, lambda shape, serial: draw(gen, shape, dtype, **parameters), name)

    fill.__name__ = fill.__qualname__ = name
    fill.__doc__ = (
        f"{doc}\n\n>>> generator = torch.Generator().manual_seed(0)\n"
        f">>> x = torch.empty(3).{name}(generator=generator)\n>>> x.shape\ntorch.Size([3])"
    )
    method(fill)


_one_sided(
    "exponential_",
    draws.exponential,
    "Fill with exponential numbers of rate `lambd`: density lambd e^(-lambd x).",
    lambd=1,
)
_one_sided(
    "cauchy_",
    draws.cauchy,
    "Fill with Cauchy numbers: median + sigma tan(pi (u - 1/2)), u uniform.",
    median=0,
    sigma=1,
)
_one_sided(
    "log_normal_", draws.log_normal, "Fill with exponentials of normal numbers.", mean=1, std=2
)
_one_sided("geometric_", draws.geometric, "Fill with numbers of trials until success (`p`).", p=0.5)
