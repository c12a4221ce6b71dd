"""Floor 1: tensors on the meta device: a shape and a dtype, with no memory and no values.

For models of which only the structure is needed: skeletons of `func.functional_call`, and modules
that get memory later (`to_empty`, `load_state_dict(assign=True)`). Operations on them are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from ..arrays import device as devices
from . import modes
from .lifted import Level, Lifted, twin
from .tensor import Tensor

_LEVEL = Level("meta")  # of no transform: it never runs


class MetaError(NotImplementedError):
    """Values were asked of a meta tensor; torch raises NotImplementedError too."""


class Meta(Lifted):
    """What a meta tensor has in the place of an array."""

    __slots__ = ()

    place = devices.META

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.level, self.shape, self.dtype = _LEVEL, shape, twin(dtype)
        modes.lifted += 1  # while there is one, operations look at what they are given, and refuse

    def __del__(self) -> None:
        modes.lifted -= 1

    def parts(self) -> NoReturn:
        self.refuse()

    def map(self, f: Callable[[Tensor], Tensor]) -> NoReturn:
        self.refuse()

    def overwrite(self, source: Tensor) -> None:
        """Nothing: there is no place for values, so they are dropped, as in torch."""

    def detached(self) -> Meta:
        return self

    def copy(self, order: str = "C") -> Meta:
        return self

    def refuse(self, *_: Any, **__: Any) -> NoReturn:
        """Say that there is nothing to compute with."""
        raise MetaError(
            f"Cannot copy out of meta tensor; no data! A tensor of shape {list(self.shape)} on "
            "device 'meta' has no values, and operations on it are not computed: give its module "
            "memory with torch.nn.Module.to_empty(device='cpu'), or values with "
            "load_state_dict(..., assign=True) or torch.func.functional_call"
        )

    __array__ = __array_ufunc__ = __array_function__ = __bool__ = __getitem__ = refuse
    reshape = transpose = swapaxes = squeeze = refuse
    T = property(refuse)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self.refuse()
