"""Floor 2: the operations, one file per family, each written once over an array namespace."""

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "aten":  # torch.ops.aten.mm.default: names of operations, made when asked for
        from .names import aten

        return aten
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
