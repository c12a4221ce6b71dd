"""Floor 1: grad mode, inference mode and the module being run, all per thread.

Every switch restores what it found in a `finally`, also when used as a decorator of functions,
generators and classes. Knows nothing of tensors.
"""

from __future__ import annotations

import functools
import inspect
import threading
import warnings
from collections.abc import Callable, Generator
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class _State(threading.local):
    """What a thread's operations look at: one attribute read on the fast path."""

    grad: bool = True
    inference: bool = False
    # What `is_grad_enabled` tells in inference mode, where nothing is recorded whatever it is.
    enabled: bool = False
    module: tuple[Any, Any] | None = None  # (module being run, the frame below it)
    packing: tuple[Any, Any, Any] | None = None  # saved-tensor hooks: (pack, unpack, outer ones)
    packing_refused: str | None = None  # why saved-tensor hooks may not be set
    origin: Any = None  # of nodes that a pass records: found once, where the pass was asked for
    levels: tuple[Any, ...] = ()  # the transforms being run, outermost first
    since: int = 0  # when the innermost transform in reverse mode began; 0: there is none
    safe: Any = None  # the Guard of `safe_branches`, while that is on


state = _State()
# How many modules are being run, saved-tensor hooks in force and anomaly modes on, in any thread: 0
# spares recording a look at each of them.
running = 0
lifted = 0  # how many levels of transforms there are, in all threads: 0 spares looking for them
reversing = 0  # how many transforms in reverse mode there are, in all threads
safe = 0  # how many `safe_branches` are on, in all threads: 0 spares looking for them
anomaly: Any = None  # the Detector of `anomaly_mode`, for all threads
guard: Any = None  # the Keeper of `mutation`: has to know before memory is written


class Mode:
    """The base of the switches: a reusable context manager that also decorates."""

    def __enter__(self) -> Any:
        raise NotImplementedError  # every switch defines it

    def __exit__(self, *exc: object) -> None:
        raise NotImplementedError  # every switch defines it

    def _fresh(self) -> Mode:
        """A switch of the same setting for one decorated call."""
        return type(self)()

    def __call__(self, wrapped: F) -> Any:
        if inspect.isclass(wrapped):
            return self._decorate_class(wrapped)
        if inspect.isgeneratorfunction(wrapped):
            return self._decorate_generator(wrapped)

        @functools.wraps(wrapped)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with self._fresh():
                return wrapped(*args, **kwargs)

        return inside

    def _decorate_class(self, cls: Any) -> Any:
        """Run the constructor inside the mode."""
        warnings.warn(
            "Decorating classes is deprecated and will be disabled in future versions. You should "
            "only decorate functions or methods. To preserve the current behavior of class "
            "decoration, you can directly decorate the `__init__` method and nothing else.",
            FutureWarning,
            stacklevel=3,
        )
        cls.__init__ = self(cls.__init__)
        return cls

    def _decorate_generator(self, wrapped: Any) -> Any:
        """Hold the mode only while the generator's own code runs, never while it is suspended."""

        @functools.wraps(wrapped)
        def inside(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            generator = wrapped(*args, **kwargs)
            resume: Callable[[], Any] = functools.partial(next, generator)
            while True:
                try:
                    with self._fresh():
                        item = resume()
                except StopIteration as end:
                    return end.value
                try:
                    sent = yield item
                    resume = functools.partial(generator.send, sent)
                except GeneratorExit:
                    with self._fresh():
                        generator.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - the generator raises it again
                    resume = functools.partial(generator.throw, error)

        return inside


class no_grad(Mode):
    """Record nothing inside: results have `requires_grad=False`.

    >>> x = torch.ones(2, requires_grad=True)
    >>> with torch.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    _value = False

    def __new__(cls, wrapped: Any = None) -> Any:
        switch = super().__new__(cls)
        return switch if wrapped is None else switch(wrapped)  # `@no_grad` without parentheses

    def __enter__(self) -> None:
        if state.inference:
            self._before, state.enabled = state.enabled, self._value
        else:
            self._before, state.grad = state.grad, self._value

    def __exit__(self, *exc: object) -> None:
        if state.inference:
            state.enabled = self._before
        else:
            state.grad = self._before


class enable_grad(no_grad):
    """Record again inside a `no_grad` block.

    >>> x = torch.ones(2, requires_grad=True)
    >>> with torch.no_grad(), torch.enable_grad():
    ...     (x * 2).requires_grad
    True
    """

    _value = True


class set_grad_enabled(Mode):
    """Set recording on or off: at once when called, and until the end of the block in `with`.

    >>> x = torch.ones(2, requires_grad=True)
    >>> with torch.set_grad_enabled(False):
    ...     (x * 2).requires_grad
    False
    """

    def __init__(self, mode: bool) -> None:
        self._before = is_grad_enabled()
        self.mode = bool(mode)
        _set_enabled(self.mode)

    def _fresh(self) -> Mode:
        return set_grad_enabled(self.mode)

    def __call__(self, wrapped: F) -> Any:
        _set_enabled(self._before)  # as a decorator it acts inside the function only
        return super().__call__(wrapped)

    def __enter__(self) -> None:
        _set_enabled(self.mode)

    def __exit__(self, *exc: object) -> None:
        _set_enabled(self._before)


class inference_mode(Mode):
    """Record nothing, and mark results as inference tensors that no graph may save later.

    >>> with torch.inference_mode():
    ...     x = torch.ones(2)
    >>> x.is_inference()
    True
    """

    def __new__(cls, mode: Any = True) -> Any:
        switch = super().__new__(cls)
        if callable(mode):  # `@inference_mode` without parentheses
            switch.mode = True
            return switch(mode)
        return switch

    def __init__(self, mode: bool = True) -> None:
        self.mode = bool(mode)

    def _fresh(self) -> Mode:
        return inference_mode(self.mode)

    def __enter__(self) -> None:
        self._before = (state.grad, state.inference, state.enabled)
        state.inference, state.enabled = self.mode, False
        state.grad = not self.mode

    def __exit__(self, *exc: object) -> None:
        state.grad, state.inference, state.enabled = self._before


def _set_enabled(mode: bool) -> None:
    if state.inference:
        state.enabled = mode
    else:
        state.grad = mode


def is_grad_enabled() -> bool:
    """Whether operations of this thread are recorded now, if it is not in inference mode.

    There nothing is recorded, also inside `enable_grad`, of which this tells all the same.

    >>> with torch.no_grad():
    ...     torch.is_grad_enabled()
    False
    """
    return state.enabled if state.inference else state.grad


def is_inference_mode_enabled() -> bool:
    """Whether this thread is inside `inference_mode`.

    >>> with torch.inference_mode():
    ...     torch.is_inference_mode_enabled()
    True
    """
    return state.inference
