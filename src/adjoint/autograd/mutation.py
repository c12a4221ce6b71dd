"""Floor 1: writing in place to what was saved: the old value is copied just before the write."""

from __future__ import annotations

import weakref
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from . import modes
from .saved import drop_hooks, set_hooks
from .storage import Storage
from .tensor import Tensor, storage_of, wrap


class Keeper:
    """Knows which saved values lie in which storage, inside `allow_mutation_on_saved_tensors`."""

    def __init__(self) -> None:
        self.active = True
        # A storage lives as long as a saved value in it; entries of dead ones are dropped.
        self.saved: dict[int, list[weakref.ref[Tensor]]] = {}

    def pack(self, t: Tensor) -> Tensor:
        """Keep a handle on the same memory, and note where it lies."""
        handle: Tensor = wrap(t._data)
        handle._storage = storage = storage_of(t)
        handles = self.saved.setdefault(id(storage), [])
        handles[:] = [*(r for r in handles if r() is not None), weakref.ref(handle)]
        return handle

    def unpack(self, handle: Tensor) -> Tensor:
        """The value as it was saved."""
        if not self.active:
            raise AssertionError(
                "Trying to backward outside of the 'allow_mutation_on_saved_tensors' context in "
                "which the graph was originally recorded. Call backward inside the block."
            )
        return handle

    def preserve(self, storage: Storage) -> None:
        """The memory is about to be written: give what was saved of it memory of its own."""
        for reference in self.saved.pop(id(storage), ()):
            handle = reference()
            if handle is not None and handle._storage is storage:
                handle._data, handle._storage = handle._data.copy(), None

    def clear(self) -> None:
        """Forget everything; graphs of the block can no longer be walked."""
        self.active = False
        self.saved.clear()


@contextmanager
def allow_mutation_on_saved_tensors() -> Generator[Any, None, None]:
    """Allow in-place writes to tensors that backward needs: they are copied when it happens.

    Forward and backward both belong inside the block.

    >>> with torch.autograd.graph.allow_mutation_on_saved_tensors():
    ...     x = torch.ones(2, requires_grad=True)
    ...     y = x.clone()
    ...     out = (y**2).sum()
    ...     y = y.zero_()
    ...     out.backward()
    >>> x.grad
    tensor([2., 2.])
    """
    if modes.guard is not None:
        raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
    keeper = Keeper()
    set_hooks(keeper.pack, keeper.unpack)
    modes.guard = keeper
    try:
        yield keeper
    finally:
        modes.guard = None
        drop_hooks()
        keeper.clear()
