"""Floor 5: the local pattern of one node: which of its outputs depend on which of its inputs.

By the sparsity kind of the node's operation, from shapes and parameters. Values are not read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

from ..autograd.function_node import FunctionNode
from ..autograd.tape import Node, OperationNode
from ..autograd.views import AsStridedBackward0, CopySlices
from ..ops.sparsity_kinds import sparsity_kind
from .chains import Chain, Shape, dense, is_broadcast, kronecker, reach, spread
from .fixed_factors import fixed_chain
from .movement import moved

Rule = Callable[[OperationNode, int, Shape, Shape], Chain | None]  # None: nothing better than dense


def local_chains(node: Node, outputs: Sequence[int], fixed_factors: bool) -> list[dict[int, Chain]]:
    """For each edge of a node, the chain from each of the named outputs to that input."""
    if isinstance(node, (CopySlices, AsStridedBackward0)):
        return moved(node, outputs)
    if not isinstance(node, OperationNode) or isinstance(node, FunctionNode):
        return [_each(node, outputs, edge, dense) for edge in node.edges]
    kind = sparsity_kind(node.operation)
    if kind == "movement" and _reads_integers(node):
        return moved(node, outputs)
    rule = _RULES.get(kind)
    if rule is None:
        return [_each(node, outputs, edge, dense) for edge in node.edges]
    chains = []
    for position, edge in zip(node.plan.needed, node.edges, strict=True):
        number = node.plan.rule_number(position)
        chain = partial(_by_rule, rule, fixed_factors, node, number)
        chains.append(_each(node, outputs, edge, chain))
    return chains


def _by_rule(
    rule: Rule, fixed_factors: bool, node: OperationNode, number: int, out: Shape, into: Shape
) -> Chain:
    found = fixed_chain(node, number, out, into) if fixed_factors else None
    return found or rule(node, number, out, into) or dense(out, into)


def _each(
    node: Node, outputs: Sequence[int], edge: Any, chain: Callable[[Shape, Shape], Chain]
) -> dict[int, Chain]:
    into = edge[0].metas_of(edge[1])[0]
    return {output: chain(node.metas_of(output)[0], into) for output in outputs}


def _reads_integers(node: OperationNode) -> bool:
    """Whether all that the rules of a node read are shapes, parameters and integers."""
    return all(t._data.dtype.kind in "iu" for t in node.saved or ())


def _elementwise(node: OperationNode, number: int, out: Shape, into: Shape) -> Chain | None:
    return (spread(into, out),) if is_broadcast(into, out) else None


def _coupled(out: Shape, into: Shape, dims: Sequence[int]) -> Chain | None:
    """Elements that differ only along `dims` depend on each other, and nothing else does."""
    dims = [d % len(into) for d in dims] if into else []
    if len(out) == len(into) - len(dims):
        kept = iter(out)
        out = tuple([1 if d in dims else next(kept) for d in range(len(into))])
    if len(out) != len(into):
        return None
    lines_out = tuple([1 if d in dims else n for d, n in enumerate(out)])
    lines_in = tuple([1 if d in dims else n for d, n in enumerate(into)])
    if not is_broadcast(lines_in, lines_out):
        return None
    down = spread(lines_out, out), spread(lines_in, into).T
    return down if lines_in == lines_out else (down[0], spread(lines_in, lines_out), down[1])


_NORMS = ("batch_norm", "group_norm", "layer_norm")
_CLASS_LOSSES = ("cross_entropy", "nll_loss")  # classes are dimension 1


def _lines(node: OperationNode, number: int, out: Shape, into: Shape) -> Chain | None:
    name, constants = node.operation.name, _constants(node)
    if name in _NORMS and number:
        shape = constants["affine_shape"]
        return (spread(shape, out),) if is_broadcast(shape, out) else None
    if name in _CLASS_LOSSES:
        return _coupled(out, into, [1])
    for word in ("dim", "axis", "axes"):
        if word in constants:
            dims = constants[word]
            break
    else:
        dims = None
    if dims is None or dims == ():
        dims = range(len(into))
    return _coupled(out, into, [dims] if isinstance(dims, int) else list(dims))


def _constants(node: OperationNode) -> dict[str, Any]:
    """Shapes and parameters that the node keeps, by name."""
    return dict(zip(node.plan.constant_names, node.constants))


def _matrix(node: OperationNode, number: int, out: Shape, into: Shape) -> Chain | None:
    """Each matrix of a batch by itself."""
    batch = into[:-2]
    if not batch or out[: len(batch)] != batch:
        return None
    size = prod(batch)
    rows, columns = ((size, prod(shape[len(batch) :])) for shape in (out, into))
    return spread((size, 1), rows), spread((size, 1), columns).T


def _product(node: OperationNode, number: int, out: Shape, into: Shape) -> Chain | None:
    name = node.operation.name
    if name == "addmm":
        if number == 0:
            return _elementwise(node, number, out, into)
        number -= 1
    if name in ("linear", "project") and number:
        if number == 2:
            return _elementwise(node, number, out, into)
        return spread((out[-1],), out), spread((into[0], 1), into).T
    if len(into) == 1:  # a vector: the whole of it goes to every element of its batch
        return None
    if number == 0:
        if len(out) < len(into):  # times a vector
            return _coupled(out, into, [-1])
        return _coupled_padded(out, into, -1)
    if len(out) < len(into):  # a vector times it
        return _coupled(out, into, [-2])
    return _coupled_padded(out, into, -2)


def _coupled_padded(out: Shape, into: Shape, dim: int) -> Chain | None:
    """As `_coupled` along a dimension counted from the end, where batches may be broadcast."""
    return _coupled(out, (1,) * (len(out) - len(into)) + into, [dim])


def _window(node: OperationNode, number: int, out: Shape, into: Shape) -> Chain | None:
    name, constants = node.operation.name, _constants(node)
    ones = (1,) * (len(out) - 2)
    if name in ("convolution", "convolve") and number:  # weights and bias of a channel, to it
        channel = spread((into[0], *ones), out)
        return (channel,) if number == 2 else (channel, spread((into[0], *ones, 1), into).T)
    if name == "convolve_weight_transpose" and number == 0:  # from a channel, to its weights
        return spread((out[0], *ones, 1), out), spread((into[1], *ones), into).T
    if number:
        return None
    backward = name in ("convolve_input_transpose", "average_pool_transpose", "pool_put")
    large, small = (out, into) if backward else (into, out)
    kernel = constants.get("kernel")
    if kernel is None:
        kernel = node.saved_value("w").shape[2:]
    steps = constants["stride"], constants["padding"], constants.get("dilation")
    pattern = _channels(large, small, constants.get("groups"))
    for axis, size in enumerate(kernel):
        step, before = steps[0][axis], steps[1][axis][0]
        apart = 1 if steps[2] is None else steps[2][axis]
        seen = reach(large[axis + 2], small[axis + 2], size, step, before, apart)
        pattern = kronecker(pattern, seen)
    return (pattern.T if backward else pattern,)


def _channels(large: Shape, small: Shape, groups: int | None) -> Any:
    """Samples and channels: pools keep them apart, a convolution mixes the channels of a group."""
    from scipy.sparse import csr_array, eye_array

    if groups is None:
        return eye_array(large[0] * large[1], dtype=bool, format="csr")
    block = csr_array(np.ones((small[1] // groups, large[1] // groups), bool))
    return kronecker(eye_array(large[0] * groups, dtype=bool, format="csr"), block)


_RULES: dict[str, Rule] = {
    "elementwise": _elementwise,
    "lines": _lines,
    "matrix": _matrix,
    "product": _product,
    "window": _window,
}
