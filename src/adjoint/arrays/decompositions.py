"""Floor 0: decompositions of NumPy matrices, from NumPy's LAPACK."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import checks


def svd(x: Any) -> tuple[Any, Any, Any]:
    """x = u diag(s) vh, in the reduced form; half precision by way of single.

    A matrix that is not finite gives nan, where LAPACK would not converge.
    """
    given = x.dtype
    parts: Any
    wide = x.astype(np.float32) if given.itemsize == 2 else x
    is_finite = np.isfinite(wide).all((-2, -1))
    if checks.is_all(is_finite):
        parts = np.linalg.svd(wide, full_matrices=False)
    else:
        parts = np.linalg.svd(np.where(is_finite[..., None, None], wide, 0), full_matrices=False)
        for part in parts:
            part[~is_finite] = np.nan
    if given.itemsize == 2:
        parts = [part.astype(given) for part in parts]
    u, s, vh = parts
    return u, s, vh
