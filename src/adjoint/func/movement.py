"""Floor 5: the pattern of a node that only moves, adds or scales elements, read off its own rule.

The rule is linear in the cotangent with constant coefficients, so it is run on numbered elements:
what arrives tells where it came from. Random cotangents check the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from ..autograd.derivatives import grad
from ..autograd.engine import Run, fit
from ..autograd.modes import enable_grad
from ..autograd.tape import Node
from ..autograd.tensor import Tensor, wrap
from .chains import Chain, dense, is_broadcast, spread

Array = Any
# Integers up to 2^bits are exact in a dtype; some rules compute in the dtype of the input.
_BITS = {"d": 52, "D": 52, "f": 23, "F": 23, "e": 10}


def moved(node: Node, outputs: Sequence[int]) -> list[dict[int, Chain]]:
    """For each edge of a node, the chain from each output to that input; dense where it fails."""
    shapes = [node.metas_of(output)[0] for output in outputs]
    ends = np.cumsum([0, *map(prod, shapes)])
    pulled = _probe(lambda u: _pull(node, outputs, ends, u), int(ends[-1]))
    chains = []
    for i, edge in enumerate(node.edges):
        chain = _found(node, outputs, ends, i, [cts[i] for cts in pulled])
        parts = zip(outputs, ends, ends[1:], shapes, strict=False)
        into = edge[0].metas_of(edge[1])[0]
        chains.append(
            {
                output: (chain[0][start:stop], *chain[1:]) if chain else dense(shape, into)
                for output, start, stop, shape in parts
            }
        )
    return chains


def _found(
    node: Node, outputs: Sequence[int], ends: Array, i: int, pulled: list[Array]
) -> Chain | None:
    """The chain from all outputs together to the input of edge i, None where it cannot be read."""
    following, output = node.edges[i]
    into, dtype = following.metas_of(output)
    raw = pulled[0].shape  # the engine sums it to the input's shape
    matrix = _read(pulled, int(ends[-1]), dtype)
    if matrix is not None and is_broadcast(into, raw):
        back = matrix.T.tocsr()
        return (back,) if into == raw else (back, spread(into, raw))
    pushed = _probe(lambda v: _push(node, outputs, ends, i, v), prod(into))
    matrix = _read(pushed, prod(into), dtype)
    return None if matrix is None else (matrix,)


def _probe(run: Callable[[Array], Any], size: int) -> list[Any]:
    """What comes of ones, of the numbers of the elements, and of random numbers from 1 to 2."""
    draws = np.random.default_rng(size).uniform(1, 2, size)
    return [run(values) for values in (np.ones(size), np.arange(float(size)), draws)]


def _read(probes: Sequence[Array], size: int, dtype: Any) -> Any:
    """The boolean matrix of a linear map with at most one nonzero in a row, or None if it has not.

    What comes of ones are then the nonzeros; of numbers, divided by them, their columns.
    """
    from scipy.sparse import csr_array

    ones, numbers, draws = [probe.reshape(-1) for probe in probes]
    if size >= 2 ** _BITS.get(dtype.char, 7):
        return None
    some = ones != 0
    columns = np.zeros(len(ones), np.int64)
    with np.errstate(all="ignore"):
        found = np.rint(numbers[some] / ones[some])
    if not np.all((found >= 0) & (found < size)) or np.any(numbers[~some]):
        return None
    columns[some] = found
    sent = np.random.default_rng(size).uniform(1, 2, size)
    expected = ones * sent[columns] if size else ones
    if not np.allclose(draws, expected, rtol=1e-5 if dtype.char in _BITS else 1e-2, atol=0):
        return None
    starts = np.concatenate([[0], np.cumsum(some)])
    return csr_array((np.ones(some.sum(), bool), columns[some], starts), shape=(len(ones), size))


def _cotangent(node: Node, outputs: Sequence[int], ends: Array, u: Array, wrapped: bool) -> Any:
    """Numbers for the elements of the named outputs, as the cotangent that a node takes."""
    parts: dict[int, Any] = {}
    for k, output in enumerate(outputs):
        shape, dtype = node.metas_of(output)
        part = u[ends[k] : ends[k + 1]].reshape(shape)
        part = part * (1 + 1j) if dtype.kind == "c" else part
        parts[output] = wrap(part).requires_grad_() if wrapped else part
    return parts


def _pull(node: Node, outputs: Sequence[int], ends: Array, u: Array) -> list[Array]:
    """The transpose of the node applied to `u`: the sizes of what comes, for each edge."""
    ct = _cotangent(node, outputs, ends, u, False)
    cts = node.apply(ct if node.shape is None else ct[0], Run(False, True))
    shapes = [edge[0].metas_of(edge[1])[0] for edge in node.edges]
    return [
        np.zeros(shape) if g is None else np.abs(g).astype(np.float64)
        for g, shape in zip(cts, shapes, strict=True)
    ]


def _push(node: Node, outputs: Sequence[int], ends: Array, i: int, v: Array) -> Array:
    """The node's linear map itself, from edge i: the transpose of its transpose rule."""
    shape, dtype = node.edges[i][0].metas_of(node.edges[i][1])
    with enable_grad():
        parts = _cotangent(node, outputs, ends, np.zeros(ends[-1]), True)
        run = Run(True, True)
        g = node.apply(parts if node.shape is None else parts[0], run)[i]
        if not isinstance(g, Tensor) or not g.requires_grad:
            return np.zeros(ends[-1])
        g = fit(run.xp, g, shape, g._data.dtype, node)
    moving = v.reshape(shape).astype(g._data.dtype)
    moving = wrap(moving * (1 + 1j) if dtype.kind == "c" else moving)
    found = grad(g, list(parts.values()), moving, materialize_grads=True)
    return np.concatenate([np.abs(t._data).reshape(-1) for t in found])
