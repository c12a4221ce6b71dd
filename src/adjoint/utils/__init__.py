"""Floor 5, above the other rooms: torch.utils, names of other rooms under torch's addresses."""

import importlib
from typing import Any

from . import checkpoint, data

__all__ = ["benchmark", "checkpoint", "data", "hooks"]

# Modules that load when touched.
_ROOMS = frozenset(("benchmark", "hooks"))


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"adjoint has no torch.utils.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOMS})
