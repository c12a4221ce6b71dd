"""Floor 3: torch.library: the door to operations of one's own, the one the built-in ones use.

An operation is a class of rules over an array namespace `xp`, under the decorator of its kind; see
docs/custom-operations.md. `testing.check_operation` holds it to the laws.
"""

from .ops.definition import Definition
from .ops.operation import MINUS_ONE, ONE, REGISTRY, Operation, elementwise, general, linear
from .ops.samples import Sample, binary, cases, unary

__all__ = [
    "MINUS_ONE",
    "ONE",
    "REGISTRY",
    "Definition",
    "Operation",
    "Sample",
    "binary",
    "cases",
    "elementwise",
    "general",
    "linear",
    "unary",
]
