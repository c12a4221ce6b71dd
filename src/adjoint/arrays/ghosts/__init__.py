"""Floor 0: arrays without values, for runs on shapes alone. Loaded when the first such run is made.

`array` is the array; `indexing`, `ufuncs` and `functions` are NumPy on it; `kernels` has what
replaces functions that cannot run on it. See docs/decisions/0024-shape-only-runs.md.
"""

from .array import Ghost, UnknownValues, allocate, haunt, is_ghost, is_kept, state
from .functions import RULES
from .kernels import SUBSTITUTES
from .ufuncs import array_ufunc

__all__ = [
    "RULES",
    "SUBSTITUTES",
    "Ghost",
    "UnknownValues",
    "allocate",
    "array_ufunc",
    "haunt",
    "is_ghost",
    "is_kept",
    "state",
]
