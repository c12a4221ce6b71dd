"""Floor 2: watching, or taking over, what operations compute in one thread.

Nothing of it is on the path of operations while no interceptor is in force: entering the first one
puts the watching forms of `compute` and of the kernels in place, leaving the last one removes them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from .application import Operation
from .operation import REGISTRY

Compute = Callable[[], Any]

_plain = Operation.compute
_lock = threading.RLock()
_kernels: dict[Operation, Any] = {}  # what the operations had before
_entered = 0  # interceptors in force, in all threads


class _Threads(threading.local):
    def __init__(self) -> None:
        self.interceptors: tuple[Interceptor, ...] = ()


_threads = _Threads()


class Interceptor:
    """A context in which `decide` says what every operation of this thread returns."""

    def decide(
        self, operation: Operation, arrays: Sequence[Any], params: dict[str, Any], run: Compute
    ) -> Any:
        """What the operation returns for these arrays; `run()` computes it."""
        raise NotImplementedError  # every interceptor defines it

    def __enter__(self) -> Interceptor:
        global _entered
        with _lock:
            if not _entered:
                _install()
            _entered += 1
        _threads.interceptors = (*_threads.interceptors, self)
        return self

    def __exit__(self, *exc: object) -> None:
        global _entered
        _threads.interceptors = _threads.interceptors[:-1]
        with _lock:
            _entered -= 1
            if not _entered:
                _remove()


def _install() -> None:
    for operation in REGISTRY.values():
        _kernels[operation] = operation.kernel
        operation.kernel = partial(_watched, operation)
    Operation.compute = _watched_compute  # type: ignore[assignment, method-assign]


def _remove() -> None:
    Operation.compute = _plain  # type: ignore[method-assign]
    for operation, kernel in _kernels.items():
        operation.kernel = kernel
    _kernels.clear()


def _watched(operation: Operation, *arrays: Any) -> Any:
    """In the place of an operation's kernel."""
    return _watched_compute(operation, arrays, {})


def _watched_compute(operation: Operation, arrays: Sequence[Any], params: dict[str, Any]) -> Any:
    """In the place of `Operation.compute`: the innermost interceptor decides, then those around."""
    waiting = _threads.interceptors
    if not waiting:
        return _plain(operation, arrays, params)
    _threads.interceptors = waiting[:-1]
    try:
        return waiting[-1].decide(
            operation, arrays, params, partial(_watched_compute, operation, arrays, params)
        )
    finally:
        _threads.interceptors = waiting
