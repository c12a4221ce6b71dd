"""Floor 5: torch.func: functions of functions, which nest in any order.

>>> from torch.func import grad, vmap
>>> vmap(grad(lambda x: x**2))(torch.tensor([1.0, 2.0, 3.0]))
tensor([2., 4., 6.])
"""

from __future__ import annotations

from .forward import hessian, jacfwd, jvp, linearize
from .modules import functional_call, stack_module_state
from .reverse import grad, grad_and_value, jacrev, vjp
from .taylor import jet
from .vmapping import vmap

__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jet",
    "jvp",
    "linearize",
    "stack_module_state",
    "vjp",
    "vmap",
]
