"""Floor 1: torch.autograd.grad_mode: the switches of `modes` under torch's address."""

from __future__ import annotations

from typing import Any

from .layout import enforce_grad_layout_policy
from .modes import Mode, enable_grad, inference_mode, no_grad, set_grad_enabled

__all__ = [
    "enable_grad",
    "enforce_grad_layout_policy",
    "inference_mode",
    "no_grad",
    "set_grad_enabled",
    "set_multithreading_enabled",
]

_multithreading = True


class set_multithreading_enabled(Mode):
    """Accepted for torch's programs: a backward pass always runs in the thread that called it.

    >>> with torch.autograd.set_multithreading_enabled(False):
    ...     pass
    """

    def __init__(self, mode: bool) -> None:
        self.mode = bool(mode)
        self._before = _set(self.mode)

    def __call__(self, wrapped: Any) -> Any:
        _set(self._before)  # as a decorator it acts inside the function only
        return super().__call__(wrapped)

    def _fresh(self) -> Any:
        return set_multithreading_enabled(self.mode)

    def __enter__(self) -> None:
        """The mode was set when the object was made, as torch does."""

    def __exit__(self, *exc: object) -> None:
        _set(self._before)


def is_multithreading_enabled() -> bool:
    """What `set_multithreading_enabled` set last."""
    return _multithreading


def _set(mode: bool) -> bool:
    global _multithreading
    before, _multithreading = _multithreading, mode
    return before
