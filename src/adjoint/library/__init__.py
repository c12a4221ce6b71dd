"""Floor 4: torch.library: the door to operations of one's own, the one the built-in ones use.

An operation is a class of rules over an array namespace `xp`, under the decorator of its kind; see
docs/custom-operations.md. `testing.check_operation` holds it to the laws. `custom_op` is torch's
own door, for functions that are no rules: what they do is opaque to autograd.
"""

from ..ops.definition import Definition
from ..ops.operation import MINUS_ONE, ONE, REGISTRY, Operation, elementwise, general, linear
from ..ops.samples import Sample, binary, cases, unary
from .custom_ops import CustomOpDef, custom_op
from .registration import register_autograd, register_fake, register_kernel, register_vmap

__all__ = [
    "MINUS_ONE",
    "ONE",
    "CustomOpDef",
    "custom_op",
    "register_autograd",
    "register_fake",
    "register_kernel",
    "register_vmap",
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
