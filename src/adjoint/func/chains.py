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
