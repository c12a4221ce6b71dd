"""Floor 1: Jacobians for `autograd.functional`: one graph, one backward pass for each row.

The pass for each row starts at the output with a unit cotangent; which nodes it needs is found out
once. Knows graphs, not the user's functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from . import engine
from .captures import Captures
from .engine import Run, execute
from .functional_inputs import NOT_STRICT, Tensors, pulled, zeros_like
from .functional_schedule import Row, Schedule
from .tape import edge_of
from .tensor import Tensor, wrap

Blocks = tuple[Tensor, ...]


def rows(output: Tensor, inputs: Sequence[Tensor], create_graph: bool) -> Iterator[Row]:
    """The gradients of each element of `output`, which requires grad, in order."""
    run = Run(create_graph, retain_graph=True)
    start, number = edge_of(output)
    run.captures = captures = Captures(inputs, [start], accumulate=False)
    schedule = None if create_graph else Schedule.of(captures, start)
    for unit in _units(output):
        if schedule is not None:
            captures.results = schedule.row(unit, number)
        else:
            captures.results = [None] * len(inputs)
            execute(run, (output,), (wrap(unit),))
        yield captures.results


def _units(output: Tensor) -> Iterator[Any]:
    """The unit cotangents; a new array for each, as a gradient may share its memory."""
    for place in range(output._data.size):
        unit = np.zeros(output._data.shape, output._data.dtype)
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
    found = rows(output, inputs, create_graph)
    if strict:
        found = _checked(found, i, create_graph)
    blocks = stacked_rows(found, output._data.size, inputs, create_graph)
    if create_graph:
        return tuple(b.view((*shape, *t._data.shape)) for b, t in zip(blocks, inputs))
    return tuple(wrap(b.reshape((*shape, *t._data.shape))) for b, t in zip(blocks, inputs))


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


def forward_mode(outputs: Tensors, inputs: Tensors, create_graph: bool) -> tuple[Blocks, ...]:
    """The same by columns: ∂(Jᵀ ct)/∂ct along each unit vector of the inputs."""
    live = [i for i, t in enumerate(outputs) if t.requires_grad]
    cts = tuple(zeros_like(outputs[i]).requires_grad_() for i in live)
    pulls = pulled(tuple(outputs[i] for i in live), inputs, cts, create_graph=True)
    table = [[_zeros(o, t, o._data.dtype) for t in inputs] for o in outputs]
    for j, pull in enumerate(pulls):
        if pull is None or not pull._data.size:
            continue
        shape = inputs[j]._data.shape
        columns = stacked_rows(rows(pull, cts, create_graph), prod(shape), cts, create_graph)
        for i, column in zip(live, columns):
            table[i][j] = _transposed(column, shape)
    return tuple(map(tuple, table))


def _transposed(columns: Any, shape: tuple[int, ...]) -> Tensor:
    """Columns (input elements, *output) as a block of the Jacobian: (*output, *input)."""
    order = (*range(1, columns.ndim), 0)
    whole = (*columns.shape[1:], *shape)
    block: Tensor
    if isinstance(columns, Tensor):
        block = columns.permute(order).reshape(whole)
    else:
        block = wrap(columns.transpose(order).reshape(whole))
    return block
