"""Floor 0: how many threads BLAS uses."""

from __future__ import annotations

from typing import Any


def _pools() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


def get_num_threads() -> int:
    """How many threads matrix products use.

    >>> torch.get_num_threads() >= 1
    True
    """
    return max((pool["num_threads"] for pool in _pools().info()), default=1)


def set_num_threads(num: int) -> None:
    """Set how many threads matrix products use, in this process, until set again.

    Errors: TypeError unless an int, RuntimeError unless positive.
    """
    if isinstance(num, bool) or not isinstance(num, int):
        raise TypeError(f"set_num_threads expects an int, but got {type(num).__name__}")
    if num < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, but got {num}")
    for pool in _pools().lib_controllers:
        pool.set_num_threads(num)
