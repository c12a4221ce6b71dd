"""Floor 5: loading by worker processes, seen from the main one.

Each worker has a pipe of its own, so one that dies blocks no other, and is noticed at once. Tasks
go to the workers in turn; batches that come early wait until it is their turn.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import multiprocessing.connection
import os
import pickle
import time
import warnings
import weakref
from collections.abc import Iterator
from typing import Any

from .loader import BatchIterator, DataLoader
from .worker import END, RESUME, Failure, Settings, receive, run, send

__all__ = ["WorkersIterator", "as_context"]

_PATIENCE = 1.0  # seconds that workers have to end what they are doing


def as_context(value: Any) -> Any:
    """A multiprocessing context, given one or the name of a start method."""
    methods = multiprocessing.get_all_start_methods()
    if isinstance(value, str):
        if value not in methods:
            raise ValueError(
                "multiprocessing_context option should specify a valid start method in "
                f"{methods!r}, but got multiprocessing_context={value!r}"
            )
        return multiprocessing.get_context(value)
    if not isinstance(value, multiprocessing.context.BaseContext):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string "
            f"specifying the start method, but got multiprocessing_context={value}"
        )
    return value


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back while a process is made, so that the new one meets it only when ready."""
    import signal

    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class WorkersIterator(BatchIterator):
    """One pass over the batches, or one after the other, loaded by worker processes."""

    def _prepare(self, loader: DataLoader[Any]) -> None:
        assert loader.prefetch_factor is not None
        self._timeout = loader.timeout
        self._in_order = loader.in_order
        self._persistent = loader.persistent_workers
        self._most = loader.prefetch_factor * loader.num_workers
        self._pass = 0
        context = loader.multiprocessing_context or multiprocessing.get_context()
        self._pipes: list[Any] = []
        self._processes: list[Any] = []
        # Runs when this object goes, and at the end of the program.
        self._finalizer = weakref.finalize(
            self, _end_workers, self._pipes, self._processes, os.getpid()
        )
        try:
            for i in range(loader.num_workers):
                settings = Settings(
                    i,
                    loader.num_workers,
                    self._base_seed,
                    self._dataset,
                    self._options,
                    loader.worker_init_fn,
                )
                self._start_worker(context, settings)
        except BaseException:
            self.close()
            raise
        self._begin()

    def _start_worker(self, context: Any, settings: Settings) -> None:
        here, there = context.Pipe()
        forked = context.get_start_method() == "fork"
        inherited = [*self._pipes, here] if forked else []
        process = context.Process(target=run, args=(settings, there, inherited), daemon=True)
        with warnings.catch_warnings():
            # Python warns of fork when BLAS has threads; these survive it (pthread_atfork).
            warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
            try:
                with _interrupts_held():
                    process.start()
            except (TypeError, AttributeError, pickle.PicklingError):
                warnings.warn(
                    "A DataLoader worker could not be started: where workers are not forked, the "
                    "dataset, collate_fn and worker_init_fn have to be picklable. Define them at "
                    "the top level of a module, or pass multiprocessing_context='fork'.",
                    UserWarning,
                    stacklevel=6,
                )
                raise
            finally:
                there.close()
        self._pipes.append(here)
        self._processes.append(process)

    def _begin(self) -> None:
        self._numbers = iter(self._index_sampler)
        self._yielded = 0
        self._sent = self._received = 0
        self._assigned: dict[int, int] = {}  # task number -> worker
        self._early: dict[int, Any] = {}  # task number -> batch that is not yet due
        self._active = [True] * len(self._processes)
        self._turns = itertools.cycle(range(len(self._processes)))
        self._fill()

    def start_again(self, loader: DataLoader[Any]) -> None:
        """Begin the next pass, with the same workers; what is left of the last one is dropped."""
        self._announced_length = loader._announced_length
        self._pass += 1
        for i in range(len(self._pipes)):
            self._send(i, RESUME)
        self._begin()

    def _fill(self) -> None:
        """Give out tasks until every worker has its share."""
        while len(self._assigned) + len(self._early) < self._most and any(self._active):
            try:
                indices = next(self._numbers)
            except StopIteration:
                return
            worker = next(i for i in self._turns if self._active[i])
            self._assigned[self._sent] = worker
            task = (self._pass, self._sent), indices
            self._sent += 1
            self._send(worker, task)

    def _send(self, worker: int, message: Any) -> None:
        try:
            send(self._pipes[worker], message)
        except OSError:
            raise self._died([worker]) from None

    def _next(self) -> Any:
        try:
            batch = self._take()
        except StopIteration:
            if not self._persistent:
                self.close()
            raise
        except BaseException:  # a dead worker, a timeout, Ctrl-C: no pass can go on after these
            self.close()
            raise
        if isinstance(batch, Failure):
            batch.reraise()
        return batch

    def _take(self) -> Any:
        """The batch that is due."""
        if self.closed:
            raise StopIteration
        while True:
            if self._in_order:
                while self._received < self._sent and self._is_void(self._received):
                    self._received += 1
                due = self._received if self._received in self._early else None
            else:
                due = next(iter(self._early), None)
            if due is not None:
                batch = self._early.pop(due)
                self._received += self._in_order
                self._fill()
                return batch
            if not self._assigned:
                raise StopIteration
            self._wait()

    def _is_void(self, number: int) -> bool:
        """Whether no batch will come of a task: its stream was at its end."""
        return number not in self._assigned and number not in self._early

    def _wait(self) -> None:
        """Read what has arrived; at least one message of this pass."""
        busy = sorted(set(self._assigned.values()))
        by_pipe = {self._pipes[i]: i for i in busy}
        deadline = time.monotonic() + self._timeout if self._timeout else None
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            ready = multiprocessing.connection.wait(list(by_pipe), left)
            if not ready:
                raise RuntimeError(
                    f"DataLoader timed out after {self._timeout} seconds; the workers are alive. "
                    "Loading a batch takes longer than timeout allows"
                )
            read = [self._read(by_pipe[pipe]) for pipe in ready]
            if any(read):
                return

    def _read(self, worker: int) -> bool:
        """Take one message from a worker; whether it belongs to this pass."""
        try:
            (number_of_pass, number), batch = receive(self._pipes[worker])
        except (EOFError, OSError):
            raise self._died([worker]) from None
        if number_of_pass != self._pass:
            return False
        del self._assigned[number]
        if isinstance(batch, str) and batch == END:
            self._active[worker] = False
            for other in [n for n, w in self._assigned.items() if w == worker]:
                del self._assigned[other]
            self._fill()
        else:
            self._early[number] = batch
        return True

    def _died(self, workers: list[int]) -> RuntimeError:
        processes = [self._processes[i] for i in workers]
        for process in processes:
            process.join(timeout=1.0)
        pids = ", ".join(str(process.pid) for process in processes)
        code = processes[0].exitcode
        if code is not None and code < 0:
            how = f"was killed by signal {-code} (is there enough memory?)"
        else:
            how = f"ended with exit code {code}"
        return RuntimeError(
            f"DataLoader worker (pid(s) {pids}) exited unexpectedly: it {how}. With num_workers=0 "
            "the batch is loaded in this process, and an error shows its own traceback"
        )

    @property
    def closed(self) -> bool:
        """Whether the workers were ended."""
        return not self._finalizer.alive

    def close(self) -> None:
        """End the workers; those that do not end by themselves are terminated."""
        self._finalizer()


def _end_workers(pipes: list[Any], processes: list[Any], owner: int) -> None:
    if owner != os.getpid():  # a copy of the iterator in a forked process
        return
    for pipe in pipes:
        with contextlib.suppress(OSError):
            send(pipe, None)
            pipe.close()
    deadline = time.monotonic() + _PATIENCE
    for process in processes:
        process.join(timeout=max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.terminate()
            process.join()
