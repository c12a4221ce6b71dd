"""Floor 4: torch.linalg: linear algebra under the names it has there."""

from __future__ import annotations

from .api.factorizations import (
    cholesky,
    det,
    eigh,
    eigvalsh,
    inv,
    lstsq,
    matrix_exp,
    matrix_rank,
    pinv,
    slogdet,
    solve,
    solve_triangular,
    svdvals,
    tensorinv,
    tensorsolve,
)
from .api.factorizations import linalg_qr_of as qr
from .api.factorizations import linalg_svd_of as svd
from .api.linalg import linalg_cross as cross
from .api.linalg import matrix_power, multi_dot
from .api.matrix_norm import cond, matrix_norm, norm, vecdot
from .api.norm import vector_norm
from .api.products import matmul
from .api.reflections import householder_product
from .arrays.factorizations import LinAlgError

__all__ = [
    "LinAlgError",
    "cholesky",
    "cond",
    "cross",
    "det",
    "eigh",
    "eigvalsh",
    "householder_product",
    "inv",
    "lstsq",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensorinv",
    "tensorsolve",
    "vecdot",
    "vector_norm",
]
