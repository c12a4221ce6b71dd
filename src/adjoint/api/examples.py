"""Floor 3: values and random numbers inside transforms, for functions written on arrays.

What has no derivative is computed on arrays with the hidden axes of all vmaps in front. Outside of
transforms every helper here is a call of what it was given.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, TypeVar

import numpy as np

from ..autograd import modes
from ..autograd.lifted import Batched, Level, lift, mapped_over, top_level, values_of
from ..autograd.tensor import Tensor, wrap

F = TypeVar("F", bound=Callable[..., Any])

RANDOM_REFUSED = (
    "vmap: called random operation while in randomness error mode. Please either use the 'same' or "
    "'different' randomness flags on vmap or perform the randomness operation out of vmap"
)
SAME_REFUSED = (
    "Vmap does not currently support same randomness with a batched tensor input: {name} draws by "
    "values that differ between the examples; use randomness='different'"
)
UNMAPPED_DRAW = (
    "vmap: Cannot ask for different inplace randomness on an unbatched tensor. This will appear "
    "like same randomness. {name}() writes into a tensor that all examples share; use the "
    "out-of-place form, or make the tensor from a mapped one: torch.empty_like(x)"
)


def mapped_levels(*tensors: Tensor) -> list[Level]:
    """The vmaps over which any of the tensors differs, outermost first."""
    if not modes.lifted or top_level(tensors) is None:
        return []
    found: set[Level] = set().union(*[mapped_over(t) for t in tensors])
    return sorted(found, key=lambda level: level.number)


def with_hidden_axes(t: Tensor, levels: Sequence[Level]) -> Any:
    """The array of a tensor's values with an axis in front for each of the levels."""
    own, array = mapped_over(t), values_of(t)
    shape = array.shape[len(own) :]
    lead = [level.size if level in own else 1 for level in levels]
    full = tuple([level.size for level in levels]) + shape
    return np.broadcast_to(array.reshape((*lead, *shape)), full)


def flattened(n: int, array: Any) -> Any:
    """An array with everything after its first n axes as one run."""
    return array.reshape((*array.shape[:n], prod(array.shape[n:])))


def lifted_by(array: Any, levels: Sequence[Level]) -> Tensor:
    """An array whose first axes are those of the levels, as a Tensor inside them."""
    t: Tensor = wrap(array)
    for level in levels:
        t = lift(Batched(level, t))
    return t


def on_values(compute: Callable[..., Any], *tensors: Tensor) -> Any:
    """`compute(n, *arrays)` on the values, of which the first n axes are hidden ones.

    Arrays of results come back as Tensors, with the same first axes hidden, and no derivative.
    """
    if not modes.lifted:
        found = compute(0, *[t._data for t in tensors])
        return tuple([wrap(f) for f in found]) if isinstance(found, tuple) else wrap(found)
    levels = mapped_levels(*tensors)
    found = compute(len(levels), *[with_hidden_axes(t, levels) for t in tensors])
    if isinstance(found, tuple):
        return tuple([lifted_by(np.asarray(part), levels) for part in found])
    return lifted_by(np.asarray(found), levels)


def of_dynamic_shape(function: F) -> F:
    """For a function whose result has a shape that depends on values: refused for mapped ones."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if modes.lifted:
            given = [t for t in (*args, *kwargs.values()) if isinstance(t, Tensor)]
            if mapped_levels(*given):
                raise RuntimeError(depends_on_values(function.__name__.rstrip("_")))
        return function(*args, **kwargs)

    return call  # type: ignore[return-value]


def depends_on_values(name: str) -> str:
    """Why a function cannot run for all examples together."""
    return (
        f"vmap: {name} depends on values: what it gives may have another shape, or be another "
        "choice, for each example (a dynamic shape), so it cannot run for all of them together. "
        "Use operations of fixed shape (torch.where(condition, a, b) chooses for each example), or "
        f"call {name} outside of vmap."
    )


# Random numbers.
def random_levels(name: str = "", depends: Sequence[Level] = ()) -> list[Level]:
    """The vmaps whose examples draw numbers of their own; refuses where one forbids to draw."""
    found = []
    for level in modes.state.levels:
        if level.kind == "vmap":
            if level.randomness == "error":
                raise RuntimeError(RANDOM_REFUSED)
            if level.randomness == "different":
                found.append(level)
            elif level in depends:
                raise RuntimeError(SAME_REFUSED.format(name=name))
    return found


def drawn(draw: Callable[[tuple[int, ...]], Any], shape: tuple[int, ...]) -> Tensor:
    """Random numbers of a shape: `draw(sizes)` gives an array of them.

    With `randomness="different"` all examples are drawn at once, as torch does.
    """
    if not modes.lifted:
        return wrap(draw(shape))
    levels = random_levels()
    return lifted_by(draw((*[level.size for level in levels], *shape)), levels)


def drawn_from(name: str, draw: Callable[..., Any], *tensors: Tensor) -> Tensor:
    """Random numbers that depend on values: `draw(*arrays)` gives an array of them."""
    if not modes.lifted:
        return wrap(draw(*[t._data for t in tensors]))
    levels = random_levels(name, mapped_levels(*tensors))
    arrays = [np.ascontiguousarray(with_hidden_axes(t, levels)) for t in tensors]
    return lifted_by(draw(*arrays), levels)


def check_written(x: Tensor, name: str) -> None:
    """A tensor that all examples share cannot be filled with different numbers."""
    if modes.lifted:
        own = mapped_levels(x)
        if any(level not in own for level in random_levels()):
            raise RuntimeError(UNMAPPED_DRAW.format(name=name))
