"""Floor 5: torch.func: functions of functions, which nest in any order.

>>> from adjoint.func import grad, vmap
>>> vmap(grad(lambda x: x**2))(torch.tensor([1.0, 2.0, 3.0]))
tensor([2., 4., 6.])
"""

from __future__ import annotations

from .coloring import color_columns, count_colors, star_color
from .curvature import (
    ParameterMatrix,
    empirical_fisher_product,
    fisher_product,
    ggn_product,
    parameter_ggn,
    parameter_hessian,
)
from .forward import hessian, jacfwd, jvp, linearize
from .functionalization import functionalize
from .modules import functional_call, replace_all_batch_norm_modules_, stack_module_state
from .reverse import grad, grad_and_value, jacrev, vjp
from .sparse import SparseHessian, SparseJacobian, sparse_hessian, sparse_jacobian
from .sparsity import hessian_sparsity, jacobian_sparsity
from .taylor import jet
from .unwrapping import debug_unwrap
from .vmapping import vmap

__all__ = [
    "ParameterMatrix",
    "SparseHessian",
    "SparseJacobian",
    "color_columns",
    "count_colors",
    "debug_unwrap",
    "empirical_fisher_product",
    "fisher_product",
    "functional_call",
    "functionalize",
    "ggn_product",
    "grad",
    "grad_and_value",
    "hessian",
    "hessian_sparsity",
    "jacfwd",
    "jacobian_sparsity",
    "jacrev",
    "jet",
    "jvp",
    "linearize",
    "parameter_ggn",
    "parameter_hessian",
    "replace_all_batch_norm_modules_",
    "sparse_hessian",
    "sparse_jacobian",
    "stack_module_state",
    "star_color",
    "vjp",
    "vmap",
]
