"""The face of torch.backends: switches of libraries that adjoint does not use.

Setting them is allowed, so that scripts run; results are deterministic in any case.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any


def _absent(**switches: Any) -> SimpleNamespace:
    found = SimpleNamespace(is_available=lambda: False, is_built=lambda: False, **switches)

    @contextmanager
    def flags(**wanted: Any) -> Iterator[None]:
        unknown = wanted.keys() - switches.keys()
        if unknown:
            raise TypeError(f"flags() got an unexpected keyword argument {min(unknown)!r}")
        before = {name: getattr(found, name) for name in wanted}
        vars(found).update(wanted)
        try:
            yield
        finally:
            vars(found).update(before)

    found.flags = flags  # a block in which some switches are set otherwise
    return found


cudnn = _absent(
    enabled=False, benchmark=False, benchmark_limit=10, deterministic=True, allow_tf32=False
)
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
