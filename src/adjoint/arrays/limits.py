"""Floor 0: arithmetic of rules at points where the formula of a derivative has no value.

Plain quotients and differences here, so that 0 / 0 is nan as in torch. They have names of their
own because `ops.limits` puts functions with values at those points in their place.
"""

from __future__ import annotations

from typing import Any

import numpy as np

quotient = np.divide  # 0 / 0 may be given a value
over_gap = np.divide  # anything / 0 may: the gap between equal eigenvalues
difference = np.subtract  # inf - inf may


def shares(x: Any, total: Any, *, axis: Any) -> Any:
    """exp(x - total): what each element contributes to `total`, the logsumexp over `axis`."""
    return np.exp(x - total)
