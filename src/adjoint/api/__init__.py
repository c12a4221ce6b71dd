"""Floor 3: torch's functions and Tensor methods: argument forms, promotion, scalars, composites.

Importing this package attaches every method to Tensor and fills `FUNCTIONS`, torch's top-level
names.
"""

from . import (
    activation,
    addmm,
    aggregates,
    arithmetic,
    attributes,
    bitwise,
    casting,
    comparison,
    complex,
    contractions,
    conversion,
    copying,
    counting,
    creation,
    differences,
    dims,
    draws,
    elementwise,
    extremes,
    factorizations,
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
    reflections,
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
    strided,
    subscripts,
    views,
)
from .creation import from_numpy, tensor
from .registration import FUNCTIONS

__all__ = ["FUNCTIONS", "from_numpy", "tensor"]

# In-place functions that torch has at its top level too; the others are methods only.
_IN_PLACE = (
    "abs_ acos_ acosh_ addmv_ arccos_ arccosh_ arcsin_ arcsinh_ arctan_ arctanh_ as_strided_ asin_ "
    "asinh_ atan_ atanh_ ceil_ celu_ clamp_ clamp_max_ clamp_min_ clip_ conj_physical_ cos_ cosh_ "
    "deg2rad_ erf_ erfc_ exp2_ exp_ expm1_ fill_ fix_ floor_ frac_ gcd_ i0_ index_put_ lcm_ ldexp_ "
    "log10_ log1p_ log2_ log_ logit_ nan_to_num_ neg_ negative_ rad2deg_ reciprocal_ relu_ round_ "
    "rrelu_ rsqrt_ selu_ sigmoid_ sin_ sinc_ sinh_ sqrt_ square_ tan_ tanh_ threshold_ trunc_ "
    "xlogy_ zero_"
)
for _name in {name for name in FUNCTIONS if name.endswith("_")}.difference(_IN_PLACE.split()):
    del FUNCTIONS[_name]
