"""Floor 1: Jacobians for `autograd.functional`, by rows: one graph, and its backward passes.

The pass for each row starts at the output with a unit cotangent; which nodes it needs is found out
once. Vectorized, and inside of vmap, one pass does all rows, as a batch. Knows graphs only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from . import engine, modes
from .captures import Captures
from .derivatives import grad
from .engine import Run, execute
from .functional_inputs import NOT_STRICT, Tensors, zeros_like
from .functional_schedule import Row, Schedule
from .lifted import Lifted
from .tape import edge_of
from .tensor import Tensor, wrap

Blocks = tuple[Tensor, ...]


def rows(output: Tensor, inputs: Sequence[Tensor], create_graph: bool) -> Iterator[Row]:
    """The gradients of each element of `output`, which requires grad, in order."""
    run = Run(create_graph, retain_graph=True)
    place = start, number = edge_of(output)
    run.captures = captures = Captures(inputs, (place,), accumulate=False)
    schedule = None if create_graph else Schedule.of(captures, start)
    for unit in _units(output):
        if schedule is not None:
            captures.results = schedule.row(unit, number)
        else:
            captures.results = [None] * len(inputs)
            execute(run, (place,), (wrap(unit),))
        yield captures.results


def _units(output: Tensor) -> Iterator[Any]:
    """The unit cotangents; a new array for each, as a gradient may share its memory."""
    for place in range(output._data.size):
        unit = np.zeros(output._data.shape, output.dtype.numpy)
        unit.reshape(-1)[place] = 1
        yield unit


def stacked_rows(
    found: Iterator[Row], size: int, inputs: Sequence[Tensor], create_graph: bool
) -> list[Any]:
    """For each input its rows as one array (a Tensor with create_graph): (size, *input)."""
    if create_graph:
        stack = engine._tensor_namespace[0].stack
        columns = zip(*found, strict=True)
        return [
            stack([zeros_like(t) if ct is None else ct for ct in column])
            for column, t in zip(columns, inputs)
        ]
    blocks = [np.zeros((size, *t._data.shape), t._data.dtype) for t in inputs]
    for place, row in enumerate(found):
        for block, ct in zip(blocks, row):
            if ct is not None:
                block[place] = ct
    return blocks


def reverse_mode(
    outputs: Tensors, inputs: Tensors, create_graph: bool, strict: bool, vectorize: bool
) -> tuple[Blocks, ...]:
    """For each output, for each input: d output / d input, of shape (*output, *input)."""
    if vectorize and strict:
        raise RuntimeError(
            "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not "
            "supported together. Please either set `strict=False` or `vectorize=False`."
        )
    return tuple(
        _blocks(i, t, inputs, create_graph, strict, vectorize) for i, t in enumerate(outputs)
    )


def _blocks(
    i: int, output: Tensor, inputs: Tensors, create_graph: bool, strict: bool, vectorize: bool
) -> Blocks:
    shape = output._data.shape
    if not output.requires_grad or not output._data.size:
        return tuple(_zeros(output, t, t._data.dtype) for t in inputs)
    if output._data.dtype.kind == "c" and not vectorize:
        raise RuntimeError(
            "grad can be implicitly created only for real scalar outputs but got "
            f"{output.dtype}; return its .real and .imag, or pass vectorize=True for the "
            "derivative along 1"
        )
    if vectorize or (modes.lifted and not strict and isinstance(output._data, Lifted)):
        return _batched_blocks(output, inputs, create_graph)
    found = rows(output, inputs, create_graph)
    if strict:
        found = _checked(found, i, create_graph)
    blocks = stacked_rows(found, output._data.size, inputs, create_graph)
    if create_graph:
        return tuple(b.view((*shape, *t._data.shape)) for b, t in zip(blocks, inputs))
    return tuple(wrap(b.reshape((*shape, *t._data.shape))) for b, t in zip(blocks, inputs))


def _batched_blocks(output: Tensor, inputs: Tensors, create_graph: bool) -> Blocks:
    """All rows in one pass: the unit cotangents are the examples of a batch."""
    shape, size = output._data.shape, output._data.size
    units: Tensor = wrap(np.eye(size, dtype=output.dtype.numpy).reshape((size, *shape)))
    found = grad(
        (output,), inputs, (units,),
        retain_graph=True, create_graph=create_graph, allow_unused=True, is_grads_batched=True,
    )  # fmt: skip
    return tuple(
        _zeros(output, t, t._data.dtype)
        if block is None
        else block.contiguous().reshape((*shape, *t._data.shape))
        for block, t in zip(found, inputs)
    )


def _zeros(output: Tensor, t: Tensor, dtype: Any) -> Tensor:
    result: Tensor = wrap(np.zeros((*output._data.shape, *t._data.shape), dtype))
    return result


def _checked(found: Iterator[Row], i: int, create_graph: bool) -> Iterator[Row]:
    """The rows of output `i`, all of which have to depend on every input."""
    for row in found:
        for j, ct in enumerate(row):
            if ct is None:
                raise RuntimeError(
                    f"Output {i} of the user-provided function is independent of input {j}. "
                    f"{NOT_STRICT}."
                )
            if create_graph and not ct.requires_grad:
                raise RuntimeError(
                    "The jacobian of the user-provided function is independent of input "
                    f"{i}. {NOT_STRICT} when create_graph=True."
                )
        yield row
