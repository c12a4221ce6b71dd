"""Floor 5: chains of sparse boolean matrices, the form in which local patterns are kept.

A pattern is the product of its chain: a softmax over rows is "element to its row" times "row to its
elements", which stays small where the product would not.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

Shape = tuple[int, ...]
Chain = tuple[
    Any, ...
]  # of boolean CSR matrices: (output elements x ...) to (... x input elements)


def spread(small: Shape, large: Shape) -> Any:
    """Elements of a shape (rows) to the elements of the shape that was broadcast to it."""
    from scipy.sparse import csr_array

    n, m = prod(large), prod(small)
    places = np.broadcast_to(np.arange(m).reshape(small), large).reshape(-1)
    return csr_array((np.ones(n, bool), places, np.arange(n + 1)), shape=(n, m))


def is_broadcast(small: Shape, large: Shape) -> bool:
    """Whether one shape broadcasts to exactly the other."""
    extra = len(large) - len(small)
    return extra >= 0 and all(a in (1, b) for a, b in zip(small, large[extra:]))


def dense(out: Shape, into: Shape) -> Chain:
    """Every output on every input."""
    return spread((), out), spread((), into).T


def kronecker(*factors: Any) -> Any:
    """The Kronecker product: a pattern for each of several dimensions, in row-major order."""
    from scipy.sparse import kron

    found = factors[0]
    for factor in factors[1:]:
        found = kron(found, factor, format="csr")
    return found.astype(bool)


def reach(large: int, small: int, size: int, step: int, before: int, apart: int) -> Any:
    """Windows (rows) to the elements of one dimension that they see."""
    from scipy.sparse import csr_array

    rows = np.repeat(np.arange(small), size)
    columns = rows * step - before + np.tile(np.arange(size) * apart, small)
    inside = (columns >= 0) & (columns < large)
    rows, columns = rows[inside], columns[inside]
    return csr_array((np.ones(len(rows), bool), (rows, columns)), shape=(small, large))
