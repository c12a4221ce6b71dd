"""Floor 3: torch's functions and Tensor methods: argument forms, promotion, scalars, composites.

Importing this package attaches every method to Tensor and fills `FUNCTIONS`, torch's top-level
names.
"""

from . import arithmetic, creation, namespace, operators, promotion, registration
from .creation import from_numpy, tensor
from .registration import FUNCTIONS

__all__ = ["FUNCTIONS", "from_numpy", "tensor"]
