"""Floor 1: the meta device: Tensors that have a shape and a dtype, and no data.

They stand for parameters that are given from outside, by torch.func.functional_call; computing with
them is an error. To the rest of the library one is Lifted data of a level that never ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..arrays.device import META
from . import modes
from .lifted import Level, Lifted, lift, twin
from .tensor import Tensor

NO_DATA = (
    "Cannot copy out of meta tensor; no data! It has a shape and a dtype only, so that nothing can "
    "be computed with it; give a module its values with torch.func.functional_call(module, "
    "parameters, args)"
)

_nowhere = Level("meta")
_nowhere.number, _nowhere.depth, _nowhere.grad, _nowhere.alive = 0, 0, True, True


class Meta(Lifted):
    """A shape and a dtype."""

    __slots__ = ()

    place = META

    def __init__(self, shape: Sequence[int], dtype: Any) -> None:
        self.level = _nowhere
        self.shape = tuple(shape)
        self.dtype = twin(dtype)
        modes.lifted += 1  # while it lives, operations look out for it

    def __del__(self) -> None:
        modes.lifted -= 1

    def parts(self) -> tuple[Tensor | None, ...]:
        raise NotImplementedError(NO_DATA)

    def map(self, f: Callable[[Tensor], Tensor]) -> Meta:
        return self

    def overwrite(self, source: Tensor) -> None:
        raise NotImplementedError(NO_DATA)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise NotImplementedError(NO_DATA)

    def __bool__(self) -> bool:
        raise NotImplementedError(NO_DATA)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotImplementedError(NO_DATA)


def to_meta(t: Tensor, dtype: Any) -> Tensor:
    """The shape of a Tensor, in a NumPy dtype, without its values and without its history."""
    if t._data.__class__ is Meta and t._data.dtype == dtype:
        return t
    return lift(Meta(t._data.shape, dtype))
