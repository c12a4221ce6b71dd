"""The face of torch.backends: switches of libraries that adjoint does not use.

Setting them is allowed, so that scripts run; results are deterministic in any case.
"""

from __future__ import annotations

from types import SimpleNamespace


def _absent(**switches: bool) -> SimpleNamespace:
    return SimpleNamespace(is_available=lambda: False, is_built=lambda: False, **switches)


cudnn = _absent(enabled=False, benchmark=False, deterministic=True, allow_tf32=False)
cuda = _absent(matmul=SimpleNamespace(allow_tf32=False))
mps = _absent()
mkl = _absent()
openmp = _absent()

_deterministic = [False]


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Ask for deterministic algorithms: adjoint has no others."""
    _deterministic[0] = bool(mode)


def are_deterministic_algorithms_enabled() -> bool:
    """What `use_deterministic_algorithms` was last told."""
    return _deterministic[0]
