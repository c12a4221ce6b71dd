"""Floor 5: the DataLoader: its options and their checks, and loading in this process.

Loading in worker processes is in `workers`, imported when workers are asked for.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from adjoint.arrays import random

from .collate import default_collate, default_convert
from .dataset import IterableDataset
from .fetch import fetcher
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

__all__ = ["BatchIterator", "DataLoader"]

T_co = TypeVar("T_co", covariant=True)

_FIXED = frozenset(
    ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")
)


class DataLoader(Generic[T_co]):
    """Batches of a data set, in order or shuffled, loaded here or by worker processes.

    dataset: anything with `__getitem__` and `__len__`, or an IterableDataset. batch_size: None
    yields single samples. shuffle: a new order each pass, torch's for the same seed. sampler,
    batch_sampler: an order of one's own. num_workers: processes that load ahead, `prefetch_factor`
    batches each; 0 loads in this one. collate_fn: makes a batch of a list of samples. drop_last:
    leave out a last batch that is smaller. timeout: seconds to wait for a worker, 0 for ever.
    worker_init_fn: called with its number in each worker. generator: draws orders and seeds.
    persistent_workers: keep the workers from one pass to the next. in_order: False yields batches
    as they come. pin_memory is accepted and has no effect without a GPU.

    Errors: ValueError for options that contradict each other, as torch has them. An error in a
    worker is raised here, of the same class, with the worker's traceback in its text.

    >>> data = torch.utils.data.TensorDataset(torch.arange(5), torch.arange(5) ** 2)
    >>> for x, y in torch.utils.data.DataLoader(data, batch_size=2):
    ...     print(x, y)
    tensor([0, 1]) tensor([0, 1])
    tensor([2, 3]) tensor([4, 9])
    tensor([4]) tensor([16])
    """

    _initialized = False
    _multiprocessing_context: Any = None

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: Any = None,
        generator: random.Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        self._iterable = isinstance(dataset, IterableDataset)
        if self._iterable:
            _check_stream(shuffle, sampler, batch_sampler)
        _check_order(batch_size, shuffle, sampler, batch_sampler, drop_last)
        if sampler is None:
            sampler = self._default_sampler(bool(shuffle), generator)
        if batch_sampler is not None:
            batch_size = None
        elif batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        if collate_fn is None:
            collate_fn = default_convert if batch_sampler is None else default_collate
        self.collate_fn = collate_fn
        self.persistent_workers = persistent_workers
        self._announced_length: int | None = None
        self._iterator: Any = None  # kept when the workers persist
        self._initialized = True
        _warn_of_many_workers(num_workers)

    def _default_sampler(self, shuffle: bool, generator: random.Generator | None) -> Any:
        if self._iterable:
            return _Endless()
        if shuffle:
            return RandomSampler(self.dataset, generator=generator)
        return SequentialSampler(self.dataset)

    def __setattr__(self, name: str, value: Any) -> None:
        if self._initialized and name in _FIXED:
            raise ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized; "
                "make a new one"
            )
        super().__setattr__(name, value)

    @property
    def multiprocessing_context(self) -> Any:
        """How workers are started: None for the default, a context or the name of a method."""
        return self._multiprocessing_context

    @multiprocessing_context.setter
    def multiprocessing_context(self, value: Any) -> None:
        if value is not None:
            if self.num_workers == 0:
                raise ValueError(
                    "multiprocessing_context can only be used with multi-process loading "
                    f"(num_workers > 0), but got num_workers={self.num_workers}"
                )
            from .workers import as_context

            value = as_context(value)
        self._multiprocessing_context = value

    @property
    def _index_sampler(self) -> Any:
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def __iter__(self) -> Iterator[T_co]:
        if self.num_workers == 0:
            return BatchIterator(self)
        from .workers import WorkersIterator

        if not self.persistent_workers:
            return WorkersIterator(self)
        if self._iterator is None or self._iterator.closed:
            self._iterator = WorkersIterator(self)
        else:
            self._iterator.start_again(self)
        return self._iterator

    def __len__(self) -> int:
        if not self._iterable:
            return len(self._index_sampler)
        length = self._announced_length = len(self.dataset)
        if self.batch_size is None:
            return length
        whole, rest = divmod(length, self.batch_size)
        return whole + (rest > 0 and not self.drop_last)


class BatchIterator(Iterator[Any]):
    """One pass over the batches, loaded in this process."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        if loader.pin_memory:
            warnings.warn(
                "'pin_memory' argument is set as true but no accelerator is found, then device "
                "pinned memory won't be used.",
                UserWarning,
                stacklevel=3,
            )
        self._dataset = loader.dataset
        self._options: dict[str, Any] = {
            "iterable": loader._iterable,
            "batched": loader.batch_sampler is not None,
            "collate": loader.collate_fn,
            "drop_last": loader.drop_last,
        }
        self._index_sampler = loader._index_sampler
        self._announced_length = loader._announced_length
        self._yielded = 0
        self._numbers = iter(self._index_sampler)
        # Drawn even where no worker needs it, because torch does: the next draw must agree.
        self._base_seed = random.draw_seed(loader.generator or random.default_generator)
        self._prepare(loader)

    def _prepare(self, loader: DataLoader[Any]) -> None:
        if loader.timeout != 0:
            raise AssertionError(
                "timeout is for worker processes; with num_workers=0 it must be 0, but got "
                f"{loader.timeout}"
            )
        self._fetch = fetcher(self._dataset, **self._options)

    def _next(self) -> Any:
        return self._fetch(next(self._numbers))

    def __next__(self) -> Any:
        batch = self._next()
        self._yielded += 1
        announced = self._announced_length
        if announced is not None and self._yielded > announced and self._options["iterable"]:
            warnings.warn(
                f"Length of IterableDataset {self._dataset} was reported to be {announced}"
                f"(when accessing len(dataloader)), but {self._yielded} samples have been "
                "fetched. ",
                UserWarning,
                stacklevel=2,
            )
        return batch

    def __len__(self) -> int:
        return len(self._index_sampler)

    def __getstate__(self) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} cannot be pickled: it is a pass in progress; pickle the "
            "DataLoader"
        )


class _Endless(Sampler[None]):
    """The sampler of streams, which have no numbers."""

    def __iter__(self) -> Iterator[None]:
        while True:
            yield None


def _check_workers(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent: bool
) -> None:
    if num_workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; use num_workers=0 to disable "
            f"multiprocessing. Got {num_workers}."
        )
    if timeout < 0:
        raise ValueError(f"timeout option should be non-negative, but got {timeout}")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing."
            "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
        )
    if prefetch_factor is not None and prefetch_factor < 1:
        raise ValueError(f"prefetch_factor option should be positive, but got {prefetch_factor}")
    if persistent and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")


def _check_stream(shuffle: Any, sampler: Any, batch_sampler: Any) -> None:
    """A stream has an order of its own."""
    if shuffle not in (False, None):
        name, value = "shuffle", shuffle
    elif sampler is not None:
        name, value = "sampler", sampler
    elif batch_sampler is not None:
        name, value = "batch_sampler", batch_sampler
    else:
        return
    raise ValueError(
        f"DataLoader with IterableDataset: expected unspecified {name} option, but got "
        f"{name}={value}"
    )


def _check_order(
    batch_size: Any, shuffle: Any, sampler: Any, batch_sampler: Any, drop_last: bool
) -> None:
    if sampler is not None and shuffle:
        raise ValueError(
            "sampler option is mutually exclusive with shuffle: the sampler alone decides the order"
        )
    if batch_sampler is not None:
        if batch_size != 1 or shuffle or sampler is not None or drop_last:
            raise ValueError(
                "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and "
                "drop_last"
            )
    elif batch_size is None and drop_last:
        raise ValueError(
            "batch_size=None option disables auto-batching and is mutually exclusive with drop_last"
        )


def _warn_of_many_workers(count: int) -> None:
    has_affinity = hasattr(os, "sched_getaffinity")
    available = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count()
    if count and (available is None or count > available):
        suggestion = (
            "DataLoader is not able to compute a suggested max number of worker in current system."
            if available is None
            else f"Our suggested max number of worker in current system is {available}, which is "
            "smaller than what this DataLoader is going to create."
        )
        warnings.warn(
            f"This DataLoader will create {count} worker processes in total. {suggestion} Please "
            "be aware that excessive worker creation might get DataLoader running slow or even "
            "freeze, lower the worker number to avoid potential slowness/freeze if necessary.",
            UserWarning,
            stacklevel=3,
        )
