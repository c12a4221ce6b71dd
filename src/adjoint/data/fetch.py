"""Floor 5: getting the samples of one batch from a data set; the same in every process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .collate import default_collate

__all__ = ["fetcher"]

Fetch = Callable[[Any], Any]


def fetcher(
    dataset: Any, *, iterable: bool, batched: bool, collate: Callable[[Any], Any], drop_last: bool
) -> Fetch:
    """The function from a sampler's item to a batch; StopIteration when a stream is at its end.

    batched: the item is a list of numbers (of a stream: a list of that length).
    """
    if iterable:
        return _from_stream(dataset, batched, collate, drop_last)
    if not batched:
        return lambda index: collate(dataset[index])

    at_once = getattr(dataset, "_batch", None) if collate is default_collate else None
    many = getattr(dataset, "__getitems__", None)

    def fetch(indices: Any) -> Any:
        if at_once is not None:
            batch = at_once(indices)
            if batch is not None:
                return batch
        if callable(many):
            return collate(many(indices))
        return collate([dataset[i] for i in indices])

    return fetch


def _from_stream(
    dataset: Any, batched: bool, collate: Callable[[Any], Any], drop_last: bool
) -> Fetch:
    stream = iter(dataset)
    ended = False

    def fetch(indices: Any) -> Any:
        nonlocal ended
        if ended:
            raise StopIteration
        if not batched:
            return collate(next(stream))
        samples = []
        for _ in indices:
            try:
                samples.append(next(stream))
            except StopIteration:
                ended = True
                break
        if not samples or (drop_last and len(samples) < len(indices)):
            raise StopIteration
        return collate(samples)

    return fetch
