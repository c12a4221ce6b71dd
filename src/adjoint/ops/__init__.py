"""Floor 2: the operations, one file per family, each written once over an array namespace."""

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "aten":  # torch.ops.aten.mm.default: names of operations, made when asked for
        from .names import aten

        return aten
    if not name.startswith("__"):  # of an operation of one's own: torch.ops.mylib
        from .names import NAMESPACES

        if name in NAMESPACES:
            return NAMESPACES[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
