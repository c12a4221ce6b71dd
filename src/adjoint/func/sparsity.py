"""Floor 5: which elements of a function's output can depend on which elements of its input.

Index sets go backward through the recorded graph of one run, as cotangents would; what one node
does to them is in `local_sparsity`. Nothing is known here of colours or of derivatives' values.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

import numpy as np

from ..autograd.captures import Captures
from ..autograd.derivatives import grad
from ..autograd.modes import enable_grad
from ..autograd.tape import Node, edge_of
from ..autograd.tensor import Tensor
from .local_sparsity import local_chains

Func = Callable[[Tensor], Tensor]


def jacobian_sparsity(f: Func, x: Tensor, *, fixed_factors: bool = False) -> Any:
    """The pattern of the Jacobian of a function: `P[i, j]` is False only where ∂fᵢ/∂xⱼ is always 0.

    Found from one run of `f` at `x`: index sets go backward through the recorded graph. The pattern
    holds wherever `f` takes the same Python branches and uses the same integer indices; it is exact
    for elementwise work, moved elements and stencils, and may be too large elsewhere, never too
    small. A custom Function counts as dense.

    - `f`: takes a Tensor, returns a Tensor; both real.
    - `x`: floating, of any shape; elements count in row-major order.
    - `fixed_factors`: whether zeros of the matrices and convolution kernels that f multiplies by,
      and that need no gradient, count as zeros of the pattern. Then they have to stay where they
      are: neither change from call to call nor depend on x.

    Returns a boolean `scipy.sparse.csr_array` of shape (elements of f(x), elements of x). Raises
    TypeError where x or f(x) is not a real Tensor.

    >>> x = torch.linspace(0, 1, 5)
    >>> jacobian_sparsity(lambda x: x[1:] * x[:-1], x).toarray().astype(int)
    array([[1, 1, 0, 0, 0],
           [0, 1, 1, 0, 0],
           [0, 0, 1, 1, 0],
           [0, 0, 0, 1, 1]])
    """
    leaf = leaf_of(x, "jacobian_sparsity")
    return pattern_of(value_of(f, leaf, "jacobian_sparsity"), leaf, fixed_factors)


def hessian_sparsity(f: Func, x: Tensor, *, fixed_factors: bool = False) -> Any:
    """The pattern of the Hessian of a scalar function: the Jacobian pattern of its gradient.

    As `jacobian_sparsity`, from the graph of one backward pass. `f` returns a single element.

    Returns a symmetric boolean `scipy.sparse.csr_array` (n, n). Raises TypeError as
    `jacobian_sparsity`, and RuntimeError where f(x) has several elements.

    >>> hessian_sparsity(lambda x: (x[1:] * x[:-1]).sum(), torch.ones(4)).toarray().astype(int)
    array([[0, 1, 0, 0],
           [1, 0, 1, 0],
           [0, 1, 0, 1],
           [0, 0, 1, 0]])
    """
    leaf = leaf_of(x, "hessian_sparsity")
    pattern = pattern_of(gradient_of(f, leaf, "hessian_sparsity"), leaf, fixed_factors)
    return (pattern + pattern.T).tocsr()


def leaf_of(x: Any, name: str) -> Tensor:
    """A new leaf of the same values, to differentiate by."""
    if not isinstance(x, Tensor) or x._data.dtype.kind not in "fV":
        found = f"a Tensor of {x.dtype}" if isinstance(x, Tensor) else type(x).__name__
        raise TypeError(
            f"{name}: expected x to be one real floating Tensor, but got {found}; join several "
            "inputs by torch.cat of their flattened elements, and take complex ones as real pairs"
        )
    if not isinstance(x._data, np.ndarray):
        raise RuntimeError(
            f"{name}: patterns are found outside of vmap and jvp; call {name} on plain Tensors, "
            "and loop over a batch"
        )
    leaf: Tensor = x.detach().requires_grad_()
    return leaf


def value_of(f: Func, leaf: Tensor, name: str) -> Tensor:
    """`f(leaf)`, recorded, checked to be a real Tensor."""
    with enable_grad():
        y = f(leaf)
    if not isinstance(y, Tensor) or y._data.dtype.kind == "c":
        found = f"a Tensor of {y.dtype}" if isinstance(y, Tensor) else type(y).__name__
        raise TypeError(
            f"{name}: expected the function to return one real Tensor, but got {found}; join "
            "several outputs by torch.cat of their flattened elements"
        )
    return y


def gradient_of(f: Func, leaf: Tensor, name: str) -> Tensor:
    """The gradient of a scalar function at the leaf, recorded; zeros where it is constant."""
    y = value_of(f, leaf, name)
    if y._data.size != 1:
        raise RuntimeError(
            f"{name}: a Hessian is of a function with a single output element, but this one "
            f"returned shape {list(y._data.shape)}; reduce it with .sum() or .mean()"
        )
    if not y._requires_grad:
        return leaf.detach() * 0
    with enable_grad():
        (g,) = grad(y.reshape(()), leaf, create_graph=True, materialize_grads=True)
    found: Tensor = g
    return found


def pattern_of(y: Tensor, leaf: Tensor, fixed_factors: bool = False) -> Any:
    """The pattern of dy/dleaf, from the graph that y ends."""
    from scipy.sparse import csr_array, eye_array

    shape = y._data.size, leaf._data.size
    if not y._requires_grad:
        return csr_array(shape, dtype=bool)
    place = node, output = edge_of(y)
    pieces: dict[Node, dict[int, list[Any]]] = {}
    _deliver(pieces, [], node, output, eye_array(shape[0], dtype=bool, format="csr"))
    end = edge_of(leaf)[0]
    leading = Captures((leaf,), (place,), accumulate=False).needed
    heap = [(-node.seq, node)]
    while heap:
        node = heappop(heap)[1]
        arrived = {number: _union(parts) for number, parts in pieces.pop(node).items()}
        if node is end:
            return _canonical(arrived[0])
        chains = local_chains(node, sorted(arrived), fixed_factors) if node in leading else []
        for (following, number), chain in zip(node.edges, chains, strict=False):
            if following not in leading:
                continue
            for out, matrices in chain.items():
                piece = arrived[out]
                for matrix in matrices:
                    piece = piece @ matrix
                if piece.nnz:
                    _deliver(pieces, heap, following, number, piece)
    return csr_array(shape, dtype=bool)


def _deliver(
    pieces: dict[Node, dict[int, list[Any]]],
    heap: list[tuple[int, Node]],
    node: Node,
    output: int,
    piece: Any,
) -> None:
    """Add an index set (rows: elements of y) to what is pending for one output of a node."""
    if node not in pieces:
        pieces[node] = {}
        heappush(heap, (-node.seq, node))
    pieces[node].setdefault(output, []).append(piece)


def _union(parts: list[Any]) -> Any:
    """All entries of several patterns of one shape: all at once, as there may be many parts."""
    from scipy.sparse import csr_array

    if len(parts) == 1:
        return parts[0]
    coordinates = [part.tocoo().coords for part in parts]
    rows, columns = (np.concatenate([c[axis] for c in coordinates]) for axis in (0, 1))
    return csr_array((np.ones(len(rows), bool), (rows, columns)), shape=parts[0].shape)


def _canonical(pattern: Any) -> Any:
    """Sorted, without doubles or stored False."""
    pattern = pattern.tocsr()
    pattern.sum_duplicates()
    pattern.eliminate_zeros()
    return pattern


def checked_pattern(pattern: Any, shape: tuple[int, int], name: str) -> Any:
    """A pattern that the user gave, as a boolean CSR array of the right shape."""
    from scipy.sparse import csr_array

    found = csr_array(pattern, dtype=bool)
    if found.shape != shape:
        raise ValueError(
            f"{name}: the pattern has shape {found.shape}, but the matrix is {shape}: a row for "
            "each element of f(x), a column for each element of x"
        )
    return _canonical(found)
