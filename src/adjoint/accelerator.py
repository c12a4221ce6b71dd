"""The face of torch.accelerator where there is none: it says so."""

from __future__ import annotations

from typing import Any


def is_available() -> bool:
    """False: adjoint computes on the CPU.

    >>> accelerator = torch.accelerator
    >>> accelerator.current_accelerator().type if accelerator.is_available() else "cpu"
    'cpu'
    """
    return False


def current_accelerator(check_available: bool = False) -> None:
    """The accelerator's device: None.

    >>> torch.accelerator.current_accelerator()
    """


def device_count() -> int:
    """0.

    >>> torch.accelerator.device_count()
    0
    """
    return 0


def __getattr__(name: str) -> Any:
    if name in ("synchronize", "current_stream", "set_device_index", "current_device_index"):
        raise RuntimeError(
            f"torch.accelerator.{name}: there is no accelerator; guard the call with "
            "torch.accelerator.is_available()"
        )
    raise AttributeError(f"adjoint has no torch.accelerator.{name}: it computes on the CPU")
