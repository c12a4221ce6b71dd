"""Floor 2: batching rules of operations whose inputs have roles: products, convolutions, indices.

Everything else follows from kinds and parameter names; see `batching`.
"""

from __future__ import annotations

from ..batching import composed, leading, lined_up, rule
from . import indices, networks, products, reductions, shapes

__all__ = ["indices", "networks", "products", "reductions", "shapes"]


def _names(text: str) -> list[str]:
    return text.split()


# Of another kind, because their derivatives are not partials, but lined up all the same.
rule(
    *_names(
        "relu leaky_relu prelu hardtanh hardsigmoid hardswish softshrink hardshrink threshold abs "
        "sign sgn where nan_to_num copysign heaviside deg2rad rad2deg zero fill cast real imag "
        "conj angle complex polar maximum minimum fmax fmin clamp_number clamp_min clamp_max clamp "
        "floor ceil trunc round round_decimals frexp floor_divide trunc_divide contiguous"
    )
)(lined_up)
# Of matrices, in any number of leading axes.
rule(
    *_names(
        "inv det slogdet cholesky eigh qr svd tril triu view_as_real view_as_complex pinv "
        "matrix_exp"
    )
)(leading)
# Written in operations that batch.
rule(*_names("masked_fill masked_fill_tensor mask_put masked_scatter nll_loss addmm"))(composed)
