"""Floor 3: random tensors, the default generator and its state, as `torch.random` has them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..arrays import dtypes
from ..arrays import random as draws
from ..arrays.checks import is_any
from ..arrays.random.poisson import poisson as draw_poisson
from ..autograd import modes
from ..autograd.lifted import values_of
from ..autograd.tensor import Tensor, wrap
from .creation import check_options, check_tensor, creator, finish, shape_of
from .examples import drawn, drawn_from, mapped_levels, random_levels
from .literals import numpy_dtype
from .registration import FUNCTIONS, public, write_out


class Generator(draws.Generator):
    """A source of random numbers: `torch.Generator(device="cpu")`, seeded by `manual_seed`.

    >>> torch.Generator().manual_seed(3).initial_seed()
    3
    """

    __slots__ = ()

    def get_state(self) -> Any:
        """The whole state as a uint8 tensor, in torch's layout."""
        return wrap(super().get_state())

    def set_state(self, new_state: Any) -> Any:
        """Go back to a state that `get_state` returned."""
        super().set_state(new_state._data if isinstance(new_state, Tensor) else new_state)
        return self


default_generator = draws.default_generator
# The one generator that every draw uses by default speaks Tensors from here on.
default_generator.__class__ = Generator
FUNCTIONS.update(Generator=Generator, default_generator=default_generator)


@creator
def manual_seed(seed: Any) -> Generator:
    """Restart the default generator from `seed`; the same seed gives torch's numbers.

    >>> torch.manual_seed(0).initial_seed()
    0
    """
    default_generator.manual_seed(int(seed))
    return default_generator  # type: ignore[return-value]


@creator
def seed() -> int:
    """Restart the default generator from the system's entropy, and return that seed.

    >>> torch.seed() == torch.initial_seed()
    True
    """
    return default_generator.seed()


@creator
def initial_seed() -> int:
    """The seed that the default generator started from.

    >>> generator = torch.manual_seed(7)
    >>> torch.initial_seed()
    7
    """
    return default_generator.initial_seed()


@creator
def get_rng_state() -> Tensor:
    """The default generator's state, as a uint8 tensor.

    >>> state = torch.get_rng_state()
    >>> first = torch.rand(3)
    >>> torch.set_rng_state(state)
    >>> torch.equal(torch.rand(3), first)
    True
    """
    state: Tensor = default_generator.get_state()  # type: ignore[assignment]
    return state


@creator
def set_rng_state(new_state: Tensor) -> None:
    """Set the default generator's state to one that `get_rng_state` returned.

    >>> state = torch.get_rng_state()
    >>> first = torch.randn(2)
    >>> torch.set_rng_state(state)
    >>> torch.equal(torch.randn(2), first)
    True
    """
    default_generator.set_state(new_state)  # type: ignore[arg-type]


@contextlib.contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, **options: Any) -> Iterator[None]:
    """Put the default generator's state back at the end of the block."""
    state = get_rng_state() if enabled else None
    try:
        yield
    finally:
        if state is not None:
            set_rng_state(state)


def source(generator: Any) -> draws.Generator:
    """The generator given, or the default one."""
    if generator is None:
        return default_generator
    if not isinstance(generator, draws.Generator):
        raise TypeError(
            f"argument 'generator' must be torch.Generator, not {type(generator).__name__}; make "
            "one with torch.Generator().manual_seed(...)"
        )
    return generator


def _sized(name: str, draw: Any, what: str, example: str) -> Any:
    """`name(*size)`: random numbers of a given shape."""

    def create(
        *size: Any,
        generator: Any = None,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        out: Tensor | None = None,
        **options: Any,
    ) -> Tensor:
        if not size:
            if "size" not in options:
                raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
            size = (options.pop("size"),)
        check_options(options, name)
        gen, wanted = source(generator), numpy_dtype(dtype)
        made = drawn(lambda sizes: draw(gen, sizes, wanted), shape_of(size, name))
        made = given(made, requires_grad, device)
        return made if out is None else write_out(made, out, name)

    create.__name__ = create.__qualname__ = name
    create.__doc__ = (
        f"{what}. `size`: ints, or one sequence of ints.\n\n"
        f">>> generator = torch.manual_seed(0)\n>>> torch.{name}(2)\ntensor([{example}])"
    )
    return creator(create)


rand = _sized("rand", draws.uniform, "Uniform random numbers in [0, 1)", "0.4963, 0.7682")
randn = _sized(
    "randn", draws.normal, "Normal random numbers of mean 0 and variance 1", " 1.5410, -0.2934"
)


def given(made: Tensor, requires_grad: bool, device: Any) -> Tensor:
    """A drawn tensor with the options of its creation."""
    return finish(made._data, requires_grad, device)


def drawn_like(x: Tensor, dtype: Any, draw: Any) -> Tensor:
    """Random numbers of the shape of `x`, along its memory, by `draw(shape, serial)`."""
    if not modes.lifted or not (random_levels() or mapped_levels(x)):
        return wrap(in_memory_order(np.empty_like(values_of(x), dtype=dtype), draw))
    return drawn(lambda sizes: in_memory_order(np.empty(sizes, dtype), draw), x._data.shape)


def in_memory_order(array: Any, draw: Any) -> Any:
    """Fill an array along its memory, as torch does, by `draw(shape, serial)`."""
    view = draws.memory_order(array)
    view[...] = draw(view.shape, not array.flags.c_contiguous)
    return array


def _like(name: str, draw: Any, what: str) -> Any:
    def create(
        input: Tensor,
        *,
        generator: Any = None,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        **options: Any,
    ) -> Tensor:
        check_tensor(input, name)
        check_options(options, name)
        wanted, gen = numpy_dtype(dtype, input.dtype), source(generator)
        made = drawn_like(input, wanted, lambda shape, serial: draw(gen, shape, wanted, serial))
        return given(made, requires_grad, device)

    create.__name__ = create.__qualname__ = name
    create.__doc__ = (
        f"{what}, of the shape and (unless given) the dtype of `input`.\n\n"
        f">>> torch.{name}(torch.zeros(2, 3)).shape\ntorch.Size([2, 3])"
    )
    return creator(create)


def _normal(gen: draws.Generator, shape: Any, dtype: Any, serial: bool) -> Any:
    return draws.normal(gen, shape, dtype, serial=serial)


def _uniform(gen: draws.Generator, shape: Any, dtype: Any, serial: bool) -> Any:
    return draws.uniform(gen, shape, dtype)


rand_like = _like("rand_like", _uniform, "Uniform random numbers in [0, 1)")
randn_like = _like("randn_like", _normal, "Normal random numbers of mean 0 and variance 1")


def _interval(args: tuple[Any, ...], low: Any, high: Any, name: str) -> tuple[int, int]:
    """(high) or (low, high), by position or by name."""
    if len(args) == 2:
        low, high = args
    elif len(args) == 1:
        low, high = (low, args[0]) if high is None else (args[0], high)
    if high is None or len(args) > 2:
        raise TypeError(f"{name}() takes (high, size) or (low, high, size)")
    bounds = []
    for value in (0 if low is None else low, high):
        if isinstance(value, float) or not hasattr(value, "__index__"):
            raise TypeError(
                f"{name}(): bounds must be int, not {type(value).__name__}; pass int({value!r})"
            )
        bounds.append(value.__index__())
    return bounds[0], bounds[1]


@creator
def randint(
    *args: Any,
    low: Any = None,
    high: Any = None,
    size: Any = None,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Tensor | None = None,
    **options: Any,
) -> Tensor:
    """Random integers in [low, high). Forms: (high, size) and (low, high, size).

    >>> torch.randint(3, 4, (2,))
    tensor([3, 3])
    """
    check_options(options, "randint")
    if size is None and args:
        *bounds, size = args
    else:
        bounds = list(args)
    if not isinstance(size, (tuple, list)):
        raise TypeError(
            f"randint(): argument 'size' must be tuple of ints, not {type(size).__name__}"
        )
    start, end = _interval(tuple(bounds), low, high, "randint")
    wanted = numpy_dtype(dtype, dtypes.int64)
    gen = source(generator)
    made = drawn(
        lambda sizes: draws.integers(gen, sizes, start, end, wanted), shape_of((size,), "randint")
    )
    made = given(made, requires_grad, device)
    return made if out is None else write_out(made, out, "randint")


@creator
def randint_like(
    input: Tensor,
    *args: Any,
    low: Any = None,
    high: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Random integers in [low, high), of the shape and (unless given) the dtype of `input`.

    >>> torch.randint_like(torch.zeros(4), 10)
    tensor([4., 9., 3., 0.])
    """
    check_tensor(input, "randint_like")
    check_options(options, "randint_like")
    start, end = _interval(args, low, high, "randint_like")
    wanted = numpy_dtype(dtype, input.dtype)
    made = drawn_like(
        input,
        wanted,
        lambda shape, serial: draws.integers(default_generator, shape, start, end, wanted),
    )
    return given(made, requires_grad, device)


@creator
def randperm(
    n: Any,
    *,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Tensor | None = None,
    **options: Any,
) -> Tensor:
    """A random order of 0 .. n-1.

    >>> torch.randperm(1)
    tensor([0])
    """
    check_options(options, "randperm")
    wanted = numpy_dtype(dtype, dtypes.int64)
    gen, count = source(generator), n.__index__()

    def orders(sizes: tuple[int, ...]) -> Any:
        if len(sizes) == 1:
            return draws.permutation(gen, count, wanted)
        return np.stack([orders(sizes[1:]) for _ in range(sizes[0])])

    made = given(drawn(orders, (count,)), requires_grad, device)
    return made if out is None else write_out(made, out, "randperm")


@creator
def normal(
    mean: Any,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Any = None,
    out: Tensor | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Normal random numbers; mean and std are numbers (with `size`) or tensors.

    >>> torch.normal(torch.tensor([1.0, 2.0]), 0.0)
    tensor([1., 2.])
    """
    check_options(options, "normal")
    gen = source(generator)
    if not isinstance(mean, Tensor) and not isinstance(std, Tensor):
        if size is None:
            raise TypeError("normal() of two numbers needs a size: normal(mean, std, size=(2, 3))")
        wanted = numpy_dtype(dtype)
        made = drawn(
            lambda sizes: draws.normal(gen, sizes, wanted, mean, std), shape_of((size,), "normal")
        )
        made = given(made, requires_grad, device)
    else:
        made = _normal_around(mean, std, gen)
    return made if out is None else write_out(made, out, "normal")


def _normal_around(mean: Any, std: Any, gen: draws.Generator) -> Tensor:
    """Standard normals, scaled and shifted, as torch makes them."""
    shapes = [v._data.shape for v in (mean, std) if isinstance(v, Tensor)]
    shape = np.broadcast_shapes(*shapes)
    dtype = (mean if isinstance(mean, Tensor) else std).dtype.numpy
    if not isinstance(std, Tensor):
        noise = drawn(lambda sizes: draws.normal(gen, sizes, dtype, 0.0, std), shape)
        return noise + mean.detach()
    if is_any(values_of(std) < 0):
        raise RuntimeError("normal expects all elements of std >= 0.0; pass std.abs()")
    center = mean.detach() if isinstance(mean, Tensor) else mean
    noise = drawn(lambda sizes: draws.normal(gen, sizes, dtype), shape)
    return noise * std.detach() + center


@public("bernoulli")
def bernoulli(input: Tensor, p: Any = None, *, generator: Any = None) -> Tensor:
    """1 with the probability that each element says (or all with `p`), else 0.

    >>> torch.bernoulli(torch.tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    check_tensor(input, "bernoulli")
    gen = source(generator)
    if p is not None:
        wanted = input.dtype.numpy
        return drawn_like(
            input, wanted, lambda shape, serial: draws.bernoulli(gen, shape, float(p), wanted)
        )
    return drawn_from("bernoulli", lambda x: draws.bernoulli_tensor(gen, x, x.dtype), input)


@public("multinomial")
def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Any = None
) -> Tensor:
    """Numbers of categories, drawn by the weights in the last dimension.

    >>> torch.multinomial(torch.tensor([0.0, 1.0, 0.0]), 1)
    tensor([1])
    """
    check_tensor(input, "multinomial")
    gen = source(generator)

    def draw(weights: Any) -> Any:
        rows = weights.reshape(-1, weights.shape[-1]) if weights.ndim > 2 else weights
        found = draws.multinomial(gen, rows, num_samples, replacement)
        return found.reshape(*weights.shape[:-1], num_samples)

    if input._data.ndim > 2:
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    return drawn_from("multinomial", draw, input)


@public("poisson", method=False)
def poisson(input: Tensor, generator: Any = None) -> Tensor:
    """Poisson random counts, of the rate that each element says.

    >>> torch.poisson(torch.tensor([0.0]))
    tensor([0.])
    """
    check_tensor(input, "poisson")
    gen = source(generator)
    return drawn_from("poisson", lambda rates: draw_poisson(gen, rates), input)


FUNCTIONS["random"] = sys.modules[__name__]
