"""Floor 2: applying an operation to Tensors inside a transform: below, then recorded here.

What it means at one level is decided by the kind of the level: a batch (`batching`), tangents
(`tangents`) or Taylor series (`series`). The parts are computed with at the levels below, in the
grad mode that holds there; then the result is recorded at its own level like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd.forward_ad import link
from ..autograd.lifted import Batched, Level, Lifted, bottom_arrays, constant_at, level_of
from ..autograd.modes import state
from ..autograd.tensor import Tensor, wrap
from .application import Operation, mark_view
from .batching import apply_batched
from .recording import record
from .series import apply_series
from .tangents import apply_dual

UNTRACKED: Tensor = wrap(np.zeros(()))  # stands for a constant when asked what needs a gradient

_APPLY = {"vmap": apply_batched, "jvp": apply_dual, "jet": apply_series}


def run_lifted(
    self: Operation, level: Level, tensors: Sequence[Tensor], params: dict[str, Any]
) -> Any:
    """Apply an operation to Tensors of which some are Lifted, the innermost at `level`."""
    before = state.grad
    state.grad = level.grad
    try:
        outs = _APPLY[level.kind](self, level, tensors, params)
    finally:
        state.grad = before
    results = tuple([wrap(o) if isinstance(o, Lifted) else o for o in outs])
    if self.view:
        _mark_views(self, tensors[0], results, params)
    if before and results:
        _record(self, level, tensors, results, params)
    return results if self.several else results[0]


def _record(
    operation: Operation,
    level: Level,
    tensors: Sequence[Tensor],
    results: Sequence[Tensor],
    params: dict[str, Any],
) -> None:
    """Record at the level itself: only its own Tensors count, others are constants there.

    Not so in a dual level, which shares its tape with what is below.
    """
    joined = level.joined
    mask = operation.mask([t if joined or level_of(t) is level else UNTRACKED for t in tensors])
    if mask:
        here = [t if level_of(t) is level else constant_at(level, t) for t in tensors]
        if joined:
            for t, own in zip(tensors, here):
                if own is not t and t.requires_grad:
                    link(own, t)
        record(operation, mask, here, results, params, 5)


def _mark_views(
    operation: Operation, t: Tensor, results: Sequence[Tensor], params: dict[str, Any]
) -> None:
    """Tie results that share memory with the input, below all levels, to it."""
    data = t._data
    if not isinstance(data, Lifted):
        return
    many = len(results) > 1 or operation.several
    own = None
    for number, result in enumerate(results):
        made = result._data
        if data.__class__ is Batched and made.__class__ is Batched:  # a level with none below
            before, after = data.value._data, made.value._data
            if before.__class__ is np.ndarray and after.__class__ is np.ndarray:
                if np.may_share_memory(before, after):
                    mark_view(t, result, operation, params, number if many else None)
                continue
        own = own or bottom_arrays(t)
        if isinstance(made, Lifted) and any(
            np.may_share_memory(a, b) for a in own for b in bottom_arrays(result)
        ):
            mark_view(t, result, operation, params, number if many else None)


Operation.run_lifted = run_lifted  # type: ignore[assignment]
