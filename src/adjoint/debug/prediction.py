"""Floor debug: `predict_memory`: the peak of a call, from shapes and dtypes alone."""

from __future__ import annotations

import gc
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple

from ..arrays.ghosts import state
from ..arrays.ghosts.kernels import maker
from ..autograd import origin
from ..data.fetch import fetcher
from ..data.loader import BatchIterator, DataLoader
from ..ops.substitution import shapes_alone
from .ledger import Ledger
from .memory import Report, human
from .suspension import Suspension

_lock = threading.Lock()
# Rooms that are imported when first touched: what they name has to be there to be replaced.
_ROOMS = ("nn", "optim", "func", "linalg", "special", "utils.checkpoint")


class _LoadedHere(BatchIterator):
    """Batches without worker processes: these are not in the run, nor is their memory."""

    def _prepare(self, loader: DataLoader[Any]) -> None:
        if loader.num_workers == 0:
            super()._prepare(loader)
        else:
            self._fetch = fetcher(self._dataset, **self._options)


@maker(DataLoader.__iter__)
def _load_here(loader: DataLoader[Any]) -> Iterator[Any]:
    return _LoadedHere(loader)


class Prediction(NamedTuple):
    """What one call needs: `bytes` at the most, beside what was alive before, and where."""

    bytes: int
    seconds: float
    line: str  # at which the peak is reached
    report: Report  # what is alive at the peak

    def __str__(self) -> str:
        return f"{human(self.bytes)} at the peak, reached at {self.line}\n{self.report}"


def predict_memory(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Prediction:
    """The most memory that `function(*args, **kwargs)` would need, from shapes and dtypes alone.

    The function is run, but no kernel computes and no array is allocated: a step that needs
    100 GB is predicted on a laptop, in the time of its Python. Counted are arrays of all kinds,
    temporary ones included, beside what is alive before. What adjoint keeps is afterwards as it
    was: parameters, buffers, gradients, optimizers, versions, random streams, and the attributes of
    modules with the lists and dicts in them; also after an error. Lists and variables that only the
    program has are not put back, nor is what it writes into NumPy arrays itself; tensors that the
    run left there have no values. While it runs, tensors have no values in other threads either.

    Errors: RuntimeError in another prediction, and after `gc.freeze()`; UnknownValues where the
    function depends on values: `item()`, a condition on a tensor, a boolean mask. Whole numbers and
    single numbers that were known before the run stay known.

    Returns a Prediction: `bytes`, `seconds`, `line`, `report`, which lists what is alive at the
    peak as `debug.memory` does.

    >>> peak = torch.debug.predict_memory(lambda: torch.ones(1000, 1000, 1000, 1000).exp())
    >>> peak.bytes
    8000000000000
    """
    for room in _ROOMS:
        import_module(f"..{room}", __package__)
    if state.ledger is not None or not _lock.acquire(blocking=False):
        raise RuntimeError(
            "predict_memory: another prediction is running; they cannot be nested, nor run in "
            "two threads at once"
        )
    ledger = Ledger()
    try:
        start = time.perf_counter()
        suspension = Suspension(ledger)
        collects = gc.isenabled()
        try:
            gc.disable()  # what it would free of earlier work is not of this call
            suspension.begin()
            with shapes_alone(ledger):
                function(*args, **kwargs)
        finally:
            with _uninterrupted():
                suspension.restore()
            (gc.enable if collects else gc.disable)()
        seconds = time.perf_counter() - start
    finally:
        _lock.release()
    line = "no line" if ledger.place is None else origin.describe(ledger.place.running)
    if ledger.place is not None and ledger.place.kind == "gradient":
        line += f" (in {ledger.place.name}, of {origin.describe(ledger.place.line)})"
    found = Prediction(ledger.peak, seconds, line, ledger.report(10))
    ledger.close()
    return found


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait: half put back, the program's tensors would be without values for good."""
    is_main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT) if is_main else None
    if not callable(handler):
        yield
        return
    came: list[Any] = []
    signal.signal(signal.SIGINT, lambda *args: came.append(args))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if came:
        handler(*came[0])
