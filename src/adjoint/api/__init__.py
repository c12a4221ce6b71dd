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
    copying,
    counting,
    creation,
    dims,
    draws,
    elementwise,
    extremes,
    functions,
    gathering,
    indexing,
    joining,
    kernels,
    legacy,
    linalg,
    masking,
    namespace,
    norm,
    operators,
    padding,
    parts,
    picking,
    placement,
    power,
    products,
    promotion,
    quantile,
    random,
    ranges,
    rearranging,
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
    statistics,
    subscripts,
    views,
)
from .creation import from_numpy, tensor
from .registration import FUNCTIONS

__all__ = ["FUNCTIONS", "from_numpy", "tensor"]
