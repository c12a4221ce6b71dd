"""Floor 5: torch.nn.modules: the names of `nn` under torch's address, and `modules.module`."""

from __future__ import annotations

import sys
from typing import Any

from . import module

__all__ = ["module"]


def __getattr__(name: str) -> Any:
    room = sys.modules[__name__.rpartition(".")[0]]
    if name in room.__all__:
        return getattr(room, name)
    raise AttributeError(f"adjoint has no torch.nn.modules.{name}; look in torch.nn for its like")
