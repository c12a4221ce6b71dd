"""The face of torch.cuda where there is no CUDA: it says so, and seeds nothing."""

from __future__ import annotations

from typing import Any


def is_available() -> bool:
    """False: adjoint computes on the CPU.

    >>> "cuda" if torch.cuda.is_available() else "cpu"
    'cpu'
    """
    return False


def is_initialized() -> bool:
    """False.

    >>> torch.cuda.is_initialized()
    False
    """
    return False


def device_count() -> int:
    """0.

    >>> torch.cuda.device_count()
    0
    """
    return 0


def manual_seed(seed: int) -> None:
    """Seed CUDA's generators; there are none, so nothing happens, as in torch without CUDA.

    >>> torch.cuda.manual_seed(0)
    """


def manual_seed_all(seed: int) -> None:
    """Seed CUDA's generators; there are none, so nothing happens, as in torch without CUDA.

    >>> torch.cuda.manual_seed_all(0)
    """


def empty_cache() -> None:
    """Free cached CUDA memory; there is none.

    >>> torch.cuda.empty_cache()
    """


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    if name in ("current_device", "get_device_name", "synchronize", "set_device", "mem_get_info"):
        raise AssertionError(
            f"torch.cuda.{name}: adjoint is not compiled with CUDA; guard the call with "
            "torch.cuda.is_available()"
        )
    raise AttributeError(f"adjoint has no torch.cuda.{name}: it computes on the CPU")
