"""Floor 5: which arguments are differentiated, and what a transform accepts and returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adjoint.autograd import modes
from adjoint.autograd.lifted import Lifted, constant_at
from adjoint.autograd.modes import Mode, state
from adjoint.autograd.tape import AccumulateGrad, next_sequence_number
from adjoint.autograd.tensor import Tensor, meta_of, wrap
from adjoint.ops import shape

from . import pytree


def chosen(args: tuple[Any, ...], argnums: Any) -> tuple[int, ...]:
    """The positions that `argnums` names, none negative."""
    if not isinstance(argnums, (int, tuple)):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    numbers = (argnums,) if isinstance(argnums, int) else argnums
    if not numbers:
        raise RuntimeError("argnums must be non-empty")
    found = []
    for number in numbers:
        if not isinstance(number, int):
            raise RuntimeError(f"argnum must be int, got: {type(number)}")
        if not -len(args) <= number < len(args):
            raise RuntimeError(f"Got argnum={number}, but only {len(args)} positional inputs")
        found.append(number % len(args))
    if len(set(found)) != len(found):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    return tuple(found)


def replaced(args: tuple[Any, ...], numbers: Sequence[int], new: Sequence[Any]) -> tuple[Any, ...]:
    """The arguments with new ones at these positions."""
    given = list(args)
    for number, value in zip(numbers, new, strict=True):
        given[number] = value
    return tuple(given)


def to_current_level(t: Tensor) -> Tensor:
    """A Tensor as one of the innermost transform, so that its history is kept there.

    Otherwise the gradient by what all examples share would be the sum over the examples.
    """
    level = state.levels[-1] if state.levels else None
    data = t._data
    if level is None or (isinstance(data, Lifted) and data.level is level):
        return t
    return constant_at(level, t)


class Reverse(Mode):
    """A transform in reverse mode while its function runs: recorded, and what it makes is known."""

    def __enter__(self) -> None:
        self._before = state.grad, state.since
        state.grad, state.since = not state.inference, next_sequence_number()
        modes.reversing += 1

    def __exit__(self, *exc: object) -> None:
        modes.reversing -= 1
        state.grad, state.since = self._before


class Inputs:
    """The point at which a function is differentiated: fresh Tensors in place of the arguments."""

    def __init__(self, trees: Sequence[Any], name: str) -> None:
        self.since = next_sequence_number()
        leaves, self.structure = pytree.flatten(tuple(trees))
        for leaf in leaves:
            if not isinstance(leaf, Tensor):
                raise ValueError(
                    f"{name}: Thing passed to transform API must be Tensor, got {type(leaf)}; "
                    "name the arguments to differentiate with argnums"
                )
        self.leaves = leaves
        self.points = [_fresh(leaf, name, self.since) for leaf in leaves]
        self.tracked = any(p._edge is not None for p in self.points)

    @property
    def trees(self) -> Any:
        """The points, held as the arguments were."""
        return pytree.unflatten(self.points, self.structure)

    def reaches_outside(self, outputs: Sequence[Tensor]) -> bool:
        """Whether history of before, or of other leaves, is in the outputs: then it is kept."""
        if self.tracked:
            return True
        stack = [t._edge[0] for t in outputs if t._edge is not None]
        seen = set(stack)
        while stack:
            node = stack.pop()
            if isinstance(node, AccumulateGrad):
                meta = node.variable._meta
                if meta is None or meta.transient < self.since:
                    return True  # a leaf that was there before, or that the function made
                continue
            if node.seq < self.since:
                return True
            for following, _ in node.edges:
                if following not in seen:
                    seen.add(following)
                    stack.append(following)
        return False


def _fresh(t: Tensor, name: str, since: int) -> Tensor:
    """A leaf of the same value; linked to the given one where that is tracked outside."""
    if t._data.dtype.kind not in "fcV":
        raise RuntimeError(
            f"{name}: only Tensors of floating point and complex dtype can be differentiated, but "
            f"got one of {t.dtype}; convert it first, for example with .float()"
        )
    t = to_current_level(t)
    if t.requires_grad and state.grad:
        return shape.alias(t, key=(...,))
    point: Tensor = wrap(t._data)
    point._requires_grad = True
    meta_of(point).transient = since
    return point


def outside(t: Any, keeps_history: bool) -> Any:
    """A result as the caller may see it: without the history of the transform's own inputs."""
    if not isinstance(t, Tensor) or keeps_history or (t._edge is None and not t._requires_grad):
        return t
    found: Tensor = wrap(t._data)
    return found


def tensors_of(output: Any, name: str) -> list[Tensor]:
    """The leaves of an output; refuses what is empty and what is no Tensor."""
    leaves = pytree.flatten(output)[0]
    if not leaves or (len(leaves) == 1 and leaves[0] is None):
        raise RuntimeError(
            f"{name}: Expected f to be a function that has non-empty output (got output = {output})"
        )
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise RuntimeError(
                f"{name}: expected f(*primals) to return only tensors, got unsupported type "
                f"{type(leaf)}"
            )
    return leaves


def with_aux(output: Any, name: str) -> tuple[Any, Any]:
    """(output, aux) of a function that returns both."""
    if not (isinstance(output, tuple) and len(output) == 2):
        raise RuntimeError(
            f"{name}: output of function f should be a tuple: (output, aux) if has_aux is True"
        )
    return output
