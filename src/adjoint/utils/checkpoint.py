"""Floor 5: torch.utils.checkpoint: forget what a part of the model saved, and compute it again.

The saved values of the part are replaced by empty places (saved-tensor hooks); the first that
backward asks for runs the part once more and fills them all.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from adjoint.api.random import fork_rng, get_rng_state, set_rng_state
from adjoint.autograd import lifted, origin
from adjoint.autograd.graph import saved_tensors_hooks
from adjoint.autograd.lifted import Lifted
from adjoint.autograd.modes import enable_grad, state
from adjoint.autograd.saved import Kept, Packed, Recorder
from adjoint.autograd.tensor import Tensor, wrap

from .checkpoint_devices import (
    DefaultDeviceType,
    GraphExecGroup,
    get_device_states,
    set_device_states,
)
from .checkpoint_policies import (
    CheckpointPolicy,
    SelectiveCheckpointContext,
    create_selective_checkpoint_contexts,
)
from .reentrant import CheckpointFunction, check_backward_validity, detach_variable

__all__ = [
    "CheckpointError",
    "CheckpointFunction",
    "CheckpointPolicy",
    "DefaultDeviceType",
    "GraphExecGroup",
    "SelectiveCheckpointContext",
    "check_backward_validity",
    "checkpoint",
    "checkpoint_sequential",
    "create_selective_checkpoint_contexts",
    "detach_variable",
    "get_device_states",
    "noop_context_fn",
    "set_checkpoint_debug_enabled",
    "set_checkpoint_early_stop",
    "set_device_states",
]

Contexts = tuple[AbstractContextManager[Any], AbstractContextManager[Any]]

_early_stop: bool | None = None  # set for a block, over what a call asks for
_debug: bool | None = None


class CheckpointError(RuntimeError):
    """Computing a part again did not give what it gave at first."""


class _Stop(BaseException):
    """Everything that is needed has been computed; not an error, so nothing should catch it."""


def noop_context_fn() -> Contexts:
    """Two contexts that do nothing: what `context_fn` is by default."""
    return contextlib.nullcontext(), contextlib.nullcontext()


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """Whether checkpoints whose forward is in the block stop as soon as they can in backward."""
    global _early_stop
    before, _early_stop = _early_stop, enable
    try:
        yield
    finally:
        _early_stop = before


@contextlib.contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None) -> Iterator[None]:
    """Whether checkpoint errors list what was saved; over the `debug` of calls, unless None."""
    global _debug
    before, _debug = _debug, enabled
    try:
        yield
    finally:
        _debug = before


def _metadata(t: Tensor) -> dict[str, Any]:
    return {"shape": t.shape, "dtype": t.dtype, "device": t.device}


_CHECKS: dict[str, Callable[[Tensor], Any]] = {"default": _metadata, "none": lambda t: None}


class _Place:
    """Where a saved tensor would be."""

    __slots__ = ("value", "__weakref__")

    def __init__(self) -> None:
        self.value: Tensor | Packed | None = None


class _Part:
    """One checkpointed call."""

    def __init__(
        self,
        recompute: Callable[..., Any],
        args: tuple[Any, ...],
        check: Callable[[Tensor], Any],
        early_stop: bool,
        debug: bool,
    ) -> None:
        self.recompute = recompute
        self.args = [Kept(a) if isinstance(a, Tensor) else a for a in args]
        self.check = check
        self.early_stop = early_stop
        self.debug = debug
        self.lock = threading.RLock()  # passes in several threads
        self.complete = False  # whether forward has returned
        self.levels = state.levels  # backward may come when vmap has ended
        hooks = state.packing
        self.budget = hooks[:2] if hooks and isinstance(hooks[0], Recorder) else None
        # For each saved tensor: its place while a node holds it, what to check, and the line.
        self.places: list[weakref.ref[_Place]] = []
        self.expected: list[Any] = []
        self.lines: list[origin.Origin] = []

    def pack(self, t: Tensor) -> _Place:
        """Forget the tensor."""
        place = _Place()
        self.places.append(weakref.ref(place))
        self.expected.append(self.check(t))
        self.lines.append(origin.caller(2))
        return place

    def unpack(self, place: _Place) -> Tensor:
        """The tensor, computed again unless it is there."""
        with self.lock:
            if place.value is None:
                self._run_again()
            value, place.value = place.value, None  # even when the graph is retained
        if value is None:
            raise CheckpointError(
                "torch.utils.checkpoint: a tensor of the forward pass was not computed again. Does "
                "the function depend on something that has changed since?"
            )
        return value.tensor(None) if isinstance(value, Packed) else value

    def held(self, t: Tensor) -> Tensor | Packed:
        """What a place keeps of a tensor; a memory budget around the checkpoint counts it."""
        if self.budget is None or isinstance(t._data, Lifted):
            return t
        return Packed(t, None, self.budget)

    def _run_again(self) -> None:
        args = [a.tensor() if isinstance(a, Kept) else a for a in self.args]
        again = _Again(self)
        try:
            with (
                lifted.inside(self.levels),
                saved_tensors_hooks(again.pack, _same),
                enable_grad(),
            ):
                self.recompute(*args)
        except _Stop:
            pass
        again.finish()

    def listing(self, again: list[origin.Origin]) -> str:
        """For errors: what was saved where, then and now."""
        if not self.debug:
            return "Pass debug=True to checkpoint to see every line that saved a tensor."
        then = "\n".join([f"  {i}: {origin.describe(o)}" for i, o in enumerate(self.lines)])
        now = "\n".join([f"  {i}: {origin.describe(o)}" for i, o in enumerate(again)])
        return f"Saved by the forward pass:\n{then}\nSaved by the recomputation:\n{now}"


def _same(t: Tensor) -> Tensor:
    return t


class _Again:
    """One recomputation of a part."""

    def __init__(self, part: _Part) -> None:
        self.part = part
        self.lines: list[origin.Origin] = []
        self.different: list[str] = []

    def pack(self, t: Tensor) -> Tensor:
        """Put the tensor into its place; stop after the last one."""
        part = self.part
        # Without its history a backward inside the function can still use the new graph; what is
        # Lifted keeps its tangents and what is recorded below.
        t = wrap(t._data) if isinstance(t._data, Lifted) else t.detach()
        i = len(self.lines)
        if i >= len(part.places):
            if part.complete:
                raise CheckpointError(
                    "torch.utils.checkpoint: trying to save more tensors during recomputation than "
                    f"during the original forward pass ({len(part.places)}): the next one at "
                    f"{origin.describe(origin.caller(2))}. {part.listing(self.lines)}"
                )
            return t  # of the rest of forward, which has not come so far yet
        self.lines.append(origin.caller(2))
        place = part.places[i]()
        if place is not None:  # nobody needs it any more
            found = part.check(t)
            if found != part.expected[i]:
                self.different.append(
                    f"tensor at position {i}:\nsaved metadata: {part.expected[i]}, at "
                    f"{origin.describe(part.lines[i])}\nrecomputed metadata: {found}, at "
                    f"{origin.describe(self.lines[i])}\n"
                )
            place.value = part.held(t)
        if part.early_stop and len(self.lines) == len(part.places):
            raise _Stop
        return t

    def finish(self) -> None:
        """Compare with the forward pass."""
        part = self.part
        if len(self.lines) < len(part.places):
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the "
                "original forward and recomputation.\n"
                f"Number of tensors saved during forward: {len(part.places)}\n"
                f"Number of tensors saved during recomputation: {len(self.lines)}.\n"
                "The function has to do the same both times: does it depend on a global, on the "
                f"clock, or on random numbers of NumPy? {part.listing(self.lines)}"
            )
        if self.different:
            raise CheckpointError(
                "torch.utils.checkpoint: Recomputed values for the following tensors have "
                "different metadata than during the forward pass.\n"
                + "".join(self.different)
                + part.listing(self.lines)
            )


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = False,
    context_fn: Callable[[], Contexts] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """`function(*args, **kwargs)`, keeping its arguments instead of what its operations save.

    Backward computes it again, with the same random numbers, up to the last value that is needed.
    Torch's default, use_reentrant=True, is on its way out; here False is.

    context_fn: returns two context managers, for the forward pass and for the recomputation; for
    example those of `create_selective_checkpoint_contexts`, which keep chosen results.
    determinism_check: "default" compares shape, dtype and device of what is computed again with
    the forward pass (CheckpointError), "none" nothing. debug: bool, errors list every line that
    saved something. early_stop: bool, stop the recomputation when all is there.
    preserve_rng_state: bool, draw the same random numbers again.

    Source: Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016.

    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> y = torch.utils.checkpoint.checkpoint(lambda t: t.exp().sin(), x)
    >>> y.sum().backward()
    >>> torch.equal(x.grad, x.exp().cos() * x.exp())
    True
    """
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if context_fn is not noop_context_fn or debug:
            raise ValueError(
                "Passing `context_fn` or `debug` is only supported when use_reentrant=False."
            )
        return CheckpointFunction.apply(function, preserve_rng_state, *args)
    debug = debug if _debug is None else _debug
    if debug and context_fn is not noop_context_fn:
        raise ValueError("debug=True is incompatible with non-default context_fn")
    if determinism_check not in _CHECKS:
        raise ValueError(
            f"determinism_check should be one of {list(_CHECKS)}, but got {determinism_check}"
        )
    if not state.grad:
        return function(*args, **kwargs)
    random_state = get_rng_state() if preserve_rng_state else None
    forward_context, again_context = context_fn()

    def recompute(*args: Any) -> None:
        with fork_rng(enabled=random_state is not None):
            if random_state is not None:
                set_rng_state(random_state)
            with again_context:
                function(*args, **kwargs)

    stop = early_stop if _early_stop is None else _early_stop
    part = _Part(recompute, args, _CHECKS[determinism_check], stop, debug)
    with saved_tensors_hooks(part.pack, part.unpack), forward_context:
        result = function(*args, **kwargs)
        part.complete = True
    if not part.complete:
        raise RuntimeError(
            "torch.utils.checkpoint: the forward context provided by context_fn suppressed an "
            "exception raised during the checkpointed forward. This is not supported because "
            "checkpoint cannot return a value for a failed forward."
        )
    return result


def checkpoint_sequential(
    functions: Any,
    segments: int,
    input: Any,
    use_reentrant: bool | None = False,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """Run a Sequential (or a list of functions) in segments, each but the last a checkpoint.

    segments: int, the number of parts of equal length; the last takes what is left over.

    >>> model = torch.nn.Sequential(*[torch.nn.Linear(4, 4) for _ in range(6)])
    >>> x = torch.ones(1, 4, requires_grad=True)
    >>> y = torch.utils.checkpoint.checkpoint_sequential(model, 3, x)
    >>> torch.equal(y, model(x))
    True
    """
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    steps = list(functions.children()) if hasattr(functions, "children") else list(functions)
    length = len(steps) // segments
    if length == 0:
        raise ValueError(
            f"checkpoint_sequential: {segments} segments are more than the {len(steps)} functions"
        )

    def run(start: int, end: int) -> Callable[[Any], Any]:
        def forward(value: Any) -> Any:
            for step in steps[start:end]:
                value = step(value)
            return value

        return forward

    last = length * (segments - 1)
    for start in range(0, last, length):
        input = checkpoint(
            run(start, start + length),
            input,
            use_reentrant=use_reentrant,
            preserve_rng_state=preserve_rng_state,
        )
    return run(last, len(steps))(input)
