"""Floor 3: torch's functions and Tensor methods: argument forms, promotion, scalars, composites.

Importing this package attaches every method to Tensor and fills `FUNCTIONS`, torch's top-level
names.
"""

from . import (
    activation,
    aggregates,
    arithmetic,
    bitwise,
    casting,
    comparison,
    complex,
    contractions,
    conversion,
    creation,
    dims,
    elementwise,
    extremes,
    functions,
    indexing,
    joining,
    kernels,
    namespace,
    norm,
    operators,
    placement,
    power,
    products,
    promotion,
    quantile,
    reduction,
    registration,
    results,
    rounding,
    scan,
    selection,
    shape,
    softmax,
    sorting,
    special,
    subscripts,
)
from .creation import from_numpy, tensor
from .registration import FUNCTIONS

__all__ = ["FUNCTIONS", "from_numpy", "tensor"]
