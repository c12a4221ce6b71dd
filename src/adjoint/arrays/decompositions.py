"""Floor 0: decompositions of NumPy matrices, from NumPy's LAPACK."""

from __future__ import annotations

from typing import Any

import numpy as np


def svd(x: Any) -> tuple[Any, Any, Any]:
    """x = u diag(s) vh, in the reduced form."""
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return u, s, vh
