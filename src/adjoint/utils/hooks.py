"""Floor 5: torch.utils.hooks: the handle of a hook, and hooks that are not for pickling."""

from __future__ import annotations

import warnings
from typing import Any

from adjoint.autograd.hooks import RemovableHandle

__all__ = ["RemovableHandle", "unserializable_hook", "warn_if_has_hooks"]


def unserializable_hook(f: Any) -> Any:
    """Mark a hook as one that may be dropped, without a warning, when its tensor is pickled."""
    f.__torch_unserializable__ = True
    return f


def warn_if_has_hooks(tensor: Any) -> None:
    """Warn of hooks that pickling a tensor would drop, unless they are marked for it."""
    meta = tensor._meta
    for hook in {} if meta is None or meta.hooks is None else meta.hooks.values():
        if not hasattr(hook, "__torch_unserializable__"):
            warnings.warn(
                f"backward hook {hook!r} on tensor will not be serialized.  If this is expected, "
                "you can decorate the function with @torch.utils.hooks.unserializable_hook to "
                "suppress this warning",
                UserWarning,
                stacklevel=2,
            )
