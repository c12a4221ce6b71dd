"""Floor 5: what runs in a worker process: takes tasks from a pipe and sends batches back.

Arrays travel outside the pickled part of a message (pickle protocol 5), without being copied into
it, and arrive writable. Shared memory would save one more copy, but fails where it is small, as in
most containers, and outlives processes that are killed.
"""

from __future__ import annotations

import io
import os
import pickle
import queue
import threading
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["END", "RESUME", "Failure", "WorkerInfo", "get_worker_info", "receive", "run", "send"]

_CHECK_PARENT = 5.0  # seconds; a worker whose parent was killed must not stay

# What stands in a message in place of a batch, or of a task.
END = "end of the stream"
RESUME = "next pass"


class WorkerInfo(NamedTuple):
    """What a worker knows of itself: its number, how many there are, its seed, its data set.

    >>> class Numbers(torch.utils.data.IterableDataset):
    ...     def __iter__(self):
    ...         info = torch.utils.data.get_worker_info()
    ...         first, step = (0, 1) if info is None else (info.id, info.num_workers)
    ...         return iter(range(first, 4, step))
    >>> list(torch.utils.data.DataLoader(Numbers(), batch_size=4))
    [tensor([0, 1, 2, 3])]
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


_info: list[WorkerInfo] = []


def get_worker_info() -> WorkerInfo | None:
    """In a worker process: its id, num_workers, seed and dataset; None in the main process.

    >>> print(torch.utils.data.get_worker_info())
    None
    """
    return _info[0] if _info else None


class Settings(NamedTuple):
    """All that a worker needs to begin."""

    id: int
    num_workers: int
    base_seed: int
    dataset: Any
    options: dict[str, Any]
    init: Callable[[int], Any] | None


class Failure:
    """An exception in a worker, as text and class, to be raised again in the main process."""

    def __init__(self, error: BaseException, where: str) -> None:
        self.kind = type(error)
        # Tracebacks do not travel; their text does.
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        self.text = f"Caught {self.kind.__name__} {where}.\nOriginal {text}"

    def __reduce__(self) -> Any:
        try:
            pickle.dumps(self.kind)
        except (pickle.PicklingError, AttributeError, TypeError):
            return _failure, (RuntimeError, self.text)  # a class that only the worker knows
        return _failure, (self.kind, self.text)

    def reraise(self) -> None:
        """Raise an exception of the same class, whose text has the worker's traceback."""
        try:
            error = self.kind(_Lines(self.text) if self.kind is KeyError else self.text)
        except Exception:  # noqa: BLE001 - the class wants other arguments, whatever they are
            raise RuntimeError(self.text) from None
        raise error


def _failure(kind: type[BaseException], text: str) -> Failure:
    failure = Failure.__new__(Failure)
    failure.kind, failure.text = kind, text
    return failure


class _Lines(str):
    """A text that KeyError prints as it is, with its line breaks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def send(pipe: Any, message: Any) -> None:
    """Write one message; whole, or not at all if it cannot be pickled."""
    write_parts(pipe, pack(message))


def pack(message: Any) -> list[Any]:
    """The pickled message, preceded by the sizes of its arrays, and the arrays' memory."""
    arrays: list[pickle.PickleBuffer] = []
    text = pickle.dumps(message, protocol=5, buffer_callback=arrays.append)
    views = [array.raw() for array in arrays]
    head = pickle.dumps([len(view) for view in views])
    return [head, text, *[view for view in views if len(view)]]


def write_parts(pipe: Any, parts: list[Any]) -> None:
    for part in parts:
        pipe.send_bytes(part)


def receive(pipe: Any) -> Any:
    """Read one message."""
    sizes = pickle.loads(pipe.recv_bytes())
    text = pipe.recv_bytes()
    arrays = []
    for size in sizes:
        array = np.empty(size, np.uint8)
        if size:
            pipe.recv_bytes_into(array)
        arrays.append(array)
    return pickle.load(io.BytesIO(text), buffers=arrays)


def run(settings: Settings, pipe: Any, others: list[Any]) -> None:
    """The life of a worker: fetch what is asked for until told to stop, or the parent is gone."""
    import signal

    # Ctrl-C reaches the whole group; the main process decides, and ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # held back by the parent
    for inherited in others:  # by fork: ends of pipes that belong to the parent
        inherited.close()
    tasks: queue.Queue[Any] = queue.Queue()
    results: queue.Queue[Any] = queue.Queue()
    threading.Thread(target=_read, args=(pipe, tasks), daemon=True).start()
    writer = threading.Thread(target=_write, args=(pipe, results), daemon=True)
    writer.start()
    _Worker(settings, results).work(tasks)
    results.put(None)
    writer.join()


def _read(pipe: Any, tasks: queue.Queue[Any]) -> None:
    """Take tasks off the pipe at once, lest the parent wait while this process waits for it."""
    try:
        while True:
            tasks.put(receive(pipe))
    except (EOFError, OSError):
        tasks.put(None)


def _write(pipe: Any, results: queue.Queue[Any]) -> None:
    """Send batches while the next ones are being made."""
    try:
        while (parts := results.get()) is not None:
            write_parts(pipe, parts)
    except OSError:  # the parent closed the pipe
        os._exit(0)


class _Worker:
    def __init__(self, settings: Settings, results: queue.Queue[Any]) -> None:
        self.settings = settings
        self.results = results
        self.where = f"in DataLoader worker process {settings.id}"
        self.failure: Failure | None = None
        self.fetch: Callable[[Any], Any] | None = None
        self.ended = False

    def work(self, tasks: queue.Queue[Any]) -> None:
        parent = os.getppid()
        self.guard(self.begin)
        while True:
            try:
                task = tasks.get(timeout=_CHECK_PARENT)
            except queue.Empty:
                if os.getppid() != parent:
                    return
                continue
            if task is None:
                return
            if task == RESUME:
                self.ended = False
                self.guard(self.make_fetcher)
            else:
                self.answer(*task)

    def guard(self, action: Callable[[], None]) -> None:
        """What goes wrong before the first task is told in answer to it."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - raised again in the main process
            self.failure = Failure(error, self.where)

    def begin(self) -> None:
        settings = self.settings
        seed = settings.base_seed + settings.id
        seed_all(settings.base_seed, settings.id)
        _info[:] = [WorkerInfo(settings.id, settings.num_workers, seed, settings.dataset)]
        if settings.init is not None:
            settings.init(settings.id)
        self.make_fetcher()

    def make_fetcher(self) -> None:
        from .fetch import fetcher

        self.fetch = fetcher(self.settings.dataset, **self.settings.options)

    def answer(self, number: Any, indices: Any) -> None:
        """Make one batch and hand it to the writer."""
        if self.ended:
            return
        batch: Any
        try:
            if self.failure is not None:
                batch, self.failure = self.failure, None
            elif self.fetch is None:
                return
            else:
                batch = self.fetch(indices)
            parts = pack((number, batch))
        except StopIteration as error:
            if self.settings.options["iterable"]:
                self.ended = True
                parts = pack((number, END))
            else:
                parts = pack((number, Failure(error, self.where)))
        except Exception as error:  # noqa: BLE001 - raised again in the main process
            parts = pack((number, Failure(error, self.where)))
        self.results.put(parts)


def seed_all(base_seed: int, worker_id: int) -> None:
    """Seed Python's, NumPy's and our own random numbers, as torch does in its workers."""
    import random as python_random

    from adjoint.arrays import random

    seed = base_seed + worker_id
    python_random.seed(seed)
    random.default_generator.manual_seed(seed)
    entropy = [worker_id, base_seed & 0xFFFFFFFF, base_seed >> 32, 0]
    np.random.seed(np.random.SeedSequence(entropy).generate_state(4))  # noqa: NPY002
