"""Floor 1: torch.autograd.forward_ad: tangents carried along by Tensors inside a dual level.

A dual Tensor is Lifted, a primal and a tangent; operations move both on by their jvp rules. It
stays in the graph of its primal, so backward inside the level gives gradients that are dual.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from . import modes
from .lifted import Dual, Level, level_of, lift
from .modes import Mode
from .tape import Node, edge_of, next_sequence_number
from .tensor import Tensor, new

__all__ = [
    "UnpackedDualTensor",
    "dual_level",
    "enter_dual_level",
    "exit_dual_level",
    "make_dual",
    "unpack_dual",
]

_entered: list[Level] = []  # at most one: torch does not nest dual levels


class ViewBackward0(Node):
    """A dual Tensor made of a primal that has a history: the gradient passes on to it."""

    __slots__ = ()

    def apply(self, ct: Any, run: Any) -> Any:
        return (ct,)


ViewBackward0.__module__ = "builtins"


class UnpackedDualTensor(NamedTuple):
    """What `unpack_dual` returns: the primal, and the tangent or None.

    >>> torch.autograd.forward_ad.UnpackedDualTensor(torch.ones(1), None).tangent is None
    True
    """

    primal: Tensor
    tangent: Tensor | None


def _current() -> Level | None:
    levels: tuple[Level, ...] = modes.state.levels
    for level in reversed(levels):
        if level in _entered:
            return level
    return None


def enter_dual_level() -> int:
    """Begin a level in which Tensors may carry tangents; returns its number, 0.

    Raises RuntimeError when there is one already: dual levels do not nest (torch.func.jvp does).

    >>> level = torch.autograd.forward_ad.enter_dual_level()
    >>> torch.autograd.forward_ad.exit_dual_level()
    """
    if _current() is not None:
        raise RuntimeError(
            "Nested forward mode AD is not supported at the moment; use torch.func.jvp, which nests"
        )
    level = Level("jvp")
    level.joined = True
    level.__enter__()
    _entered.append(level)
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End the level; what is left of a dual Tensor is its primal."""
    current = _current()
    if current is None or level not in (None, 0):
        raise RuntimeError(
            "Trying to exit a forward AD level that does not exist: Dual level must be a positive "
            "number; call enter_dual_level() first"
        )
    _entered.remove(current)
    current.__exit__()


class dual_level(Mode):
    """A block in which Tensors may carry tangents; all of them are forgotten at its end.

    >>> fwAD = torch.autograd.forward_ad
    >>> with fwAD.dual_level():
    ...     x = fwAD.make_dual(torch.tensor(3.0), torch.tensor(1.0))
    ...     fwAD.unpack_dual(x * x).tangent
    tensor(6.)
    """

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *exc: object) -> None:
        exit_dual_level()


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """A Tensor that carries a tangent of its shape, for the rest of the dual level.

    A tangent of another floating dtype is carried in the primal's.

    Raises RuntimeError outside of a dual level, for a tangent of another shape, for a Tensor that
    has one already and for a tangent that has one itself; ValueError for dtypes that are neither
    floating nor complex.

    >>> fwAD = torch.autograd.forward_ad
    >>> with fwAD.dual_level():
    ...     fwAD.make_dual(torch.ones(2), torch.tensor([1.0, 0.0]))
    tensor([1., 1.], tangent=tensor([1., 0.]))
    """
    current = _current()
    if current is None:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to "
            "enter_dual_level() first."
        )
    for value, what in ((tensor, "primal"), (tangent, "tangent")):
        if not isinstance(value, Tensor):
            raise TypeError(f"make_dual: {what} has to be a Tensor, but got {type(value).__name__}")
        if value._data.dtype.kind not in "fcV":
            raise ValueError(
                f"Expected {what} to be floating point or complex, but got: {value.dtype}"
            )
    if level_of(tensor) is current:
        raise RuntimeError(
            "Making a dual Tensor based on a Tensor that already has a forward gradient at the "
            "same level 0 is not supported."
        )
    if tensor._data.shape != tangent._data.shape:
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original "
            f"Tensor, this is not supported. Tensor is of size {list(tensor._data.shape)} while "
            f"the given forward gradient is of size {list(tangent._data.shape)}."
        )
    if level_of(tangent) is current:
        raise RuntimeError(
            "Setting a forward grad that itself has a forward gradient at the same level 0 is not "
            "supported; take its primal, with unpack_dual"
        )
    tangent = widened(tangent, tensor)
    if tensor._data.dtype != tangent._data.dtype:
        if tangent._data.dtype.kind == "c" and tensor._data.dtype.kind != "c":
            raise RuntimeError(
                f"Expected a real tangent for a primal of {tensor.dtype}, but got {tangent.dtype}; "
                "take its .real, or make the primal complex"
            )
        tangent = tangent.to(tensor.dtype)
    dual = lift(Dual(current, tensor, tangent))
    if tensor.requires_grad and modes.state.grad:
        link(dual, tensor)
    return dual


def widened(tangent: Tensor, primal: Tensor) -> Tensor:
    """A tangent in its primal's dtype where that holds all its values: a real one as complex."""
    own, wanted = tangent._data.dtype, primal._data.dtype
    if own == wanted or "V" in (own.kind, wanted.kind) or own.kind not in "fc":
        return tangent
    if np.promote_types(own, wanted) != wanted:
        return tangent
    found: Tensor = tangent.to(primal.dtype)
    return found


def link(dual: Tensor, primal: Tensor) -> None:
    """Put the dual into the graph of its primal."""
    node = new(ViewBackward0)
    node.edges = (edge_of(primal),)
    node.seq = next_sequence_number()
    node.shape, node.dtype = primal._data.shape, primal._data.dtype
    node.hooks = None
    dual._edge, dual._requires_grad = (node, 0), True


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """The primal and the tangent of a Tensor; the tangent is None where it has none.

    >>> fwAD = torch.autograd.forward_ad
    >>> fwAD.unpack_dual(torch.ones(1)).tangent is None
    True
    """
    current = _current()
    data = tensor._data
    if current is None or data.__class__ is not Dual or data.level is not current:
        return UnpackedDualTensor(tensor, None)
    return UnpackedDualTensor(data.primal, data.tangent)
