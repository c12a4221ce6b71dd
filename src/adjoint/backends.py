"""The face of torch.backends: switches of libraries that adjoint does not use.

Setting them is allowed, so that scripts run; results are deterministic in any case.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


def _absent(**switches: Any) -> SimpleNamespace:
    return SimpleNamespace(is_available=lambda: False, is_built=lambda: False, **switches)


cudnn = _absent(enabled=False, benchmark=False, deterministic=True, allow_tf32=False)
cuda = _absent(matmul=SimpleNamespace(allow_tf32=False))
mps = _absent()
mkl = _absent()
openmp = _absent()

_deterministic = [False]


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Ask for deterministic algorithms: adjoint has no others.

    >>> torch.use_deterministic_algorithms(False)
    >>> torch.are_deterministic_algorithms_enabled()
    False
    """
    _deterministic[0] = bool(mode)


def are_deterministic_algorithms_enabled() -> bool:
    """What `use_deterministic_algorithms` was last told.

    >>> torch.are_deterministic_algorithms_enabled()
    False
    """
    return _deterministic[0]
