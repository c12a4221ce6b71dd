"""Floor 1: Jacobians for `autograd.functional`, by columns: one run in forward mode.

The unit tangents of all inputs are the examples of a batch, so that the function runs once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .lifted import Batched, Dual, Level, lift, spread
from .tensor import Tensor, wrap

Tensors = tuple[Tensor, ...]


def check_forward_mode(create_graph: bool, strict: bool, vectorize: bool) -> None:
    """Refuse what does not go with `strategy="forward-mode"`, as torch does."""
    clash = (
        'torch.autograd.functional.jacobian: `{}=True` and `strategy="forward-mode"` are not '
        'supported together (yet). Please either set `{}=False` or `strategy="reverse-mode"`.'
    )
    if create_graph:
        raise NotImplementedError(clash.format("create_graph", "create_graph"))
    if strict:
        raise RuntimeError(clash.format("strict", "strict"))
    if not vectorize:
        raise NotImplementedError(
            "Computing Jacobian using forward-AD or forward-over-reverse Hessian is only "
            "implemented for `vectorize=True`."
        )


def forward_mode(
    func: Callable[[Tensors], tuple[bool, Tensors]], points: Tensors
) -> tuple[bool, tuple[Tensors, ...]]:
    """For each output, for each input: d output / d input, of shape (*output, *input).

    `func` takes all inputs in one tuple; it says whether it returned a tuple, and returns one.
    """
    total = sum(t._data.size for t in points)
    start, duals, columns = 0, [], []
    # A random mask has to be the same for all columns of one Jacobian.
    with Level("vmap", total, "same") as batch, Level("jvp") as level:
        for t in points:
            units = np.zeros((total, *t._data.shape), t.dtype.numpy)
            square = units.reshape(total, t._data.size)
            square[start : start + t._data.size] = np.eye(t._data.size)
            duals.append(lift(Dual(level, t, lift(Batched(batch, wrap(units))))))
            start += t._data.size
        several, outputs = func(tuple(duals))
        for out in outputs:
            data = out._data
            moved = data.tangent if data.__class__ is Dual and data.level is level else None
            columns.append(None if moved is None else spread(moved, batch))
    shapes = [t._data.shape for t in points]
    return several, tuple(_blocks(o, c, shapes) for o, c in zip(outputs, columns))


def _blocks(output: Tensor, columns: Tensor | None, shapes: list[tuple[int, ...]]) -> Tensors:
    """Columns (elements of all inputs, *output) as one block for each input: (*output, *input)."""
    whole, start, found = output._data.shape, 0, []
    for shape in shapes:
        size = int(np.prod(shape, dtype=np.int64))
        if columns is None:
            found.append(wrap(np.zeros((*whole, *shape), output.dtype.numpy)))
        else:
            part = columns.narrow(0, start, size)
            order = (*range(1, part._data.ndim), 0)
            found.append(part.permute(order).reshape((*whole, *shape)).contiguous())
        start += size
    return tuple(found)
