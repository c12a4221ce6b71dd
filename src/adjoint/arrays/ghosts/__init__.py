"""Floor 0: arrays without values, for runs on shapes alone. Loaded when the first such run is made.

`array` is the array; `indexing`, `ufuncs`, `functions`, `products` and `methods` are NumPy on it;
`kernels` has what replaces functions that cannot run on it. Why it is so:
docs/decisions/0024-shape-only-runs.md.
"""

from . import methods, products
from .array import Ghost, Uncounted, UnknownValues, allocate, haunt, is_ghost, is_kept, state
from .kernels import SUBSTITUTES

__all__ = [
    "SUBSTITUTES",
    "Ghost",
    "Uncounted",
    "UnknownValues",
    "allocate",
    "haunt",
    "is_ghost",
    "is_kept",
    "methods",
    "products",
    "state",
]
