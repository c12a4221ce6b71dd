"""Floor 4: registering what belongs to a custom operation by its name: torch.library.register_*."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..ops.names import NAMESPACES
from .custom_ops import CustomOpDef

__all__ = ["register_autograd", "register_fake", "register_kernel", "register_vmap"]


def _operation(op: Any) -> CustomOpDef:
    if isinstance(op, CustomOpDef):
        return op
    namespace, _, name = str(op).partition("::")
    found = NAMESPACES.get(namespace)
    made = None if found is None else found._operations.get(name)
    if made is None:
        raise RuntimeError(
            f"there is no custom operation {op!r}: make it with torch.library.custom_op"
        )
    return made


def register_autograd(
    op: Any,
    backward: Callable[..., Any],
    /,
    *,
    setup_context: Callable[..., Any] | None = None,
    lib: Any = None,
) -> None:
    """Give a custom operation, or the one of a name, its derivative.

    See CustomOpDef.register_autograd.
    """
    _operation(op).register_autograd(backward, setup_context=setup_context)


def register_vmap(op: Any, func: Callable[..., Any] | None = None, /, *, lib: Any = None) -> Any:
    """Give a custom operation, or the one of a name, its rule for batches."""
    return _operation(op).register_vmap(func)


def register_fake(op: Any, func: Callable[..., Any] | None = None, /, *, lib: Any = None) -> Any:
    """Give a custom operation, or the one of a name, its output without values: a decorator."""
    made = _operation(op)
    return made.register_fake if func is None else made.register_fake(func)


def register_kernel(
    op: Any,
    device_types: str | Sequence[str] | None,
    func: Callable[..., Any] | None = None,
    /,
    *,
    lib: Any = None,
) -> Any:
    """Give a custom operation, or the one of a name, its function for a kind of device."""
    return _operation(op).register_kernel(device_types, func)
