"""Floor 0: questions about values that decide between an error and going on.

Checks ask them here, so that a run on shapes alone, which has no values, can let them pass.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def is_any(mask: Any) -> bool:
    """Whether any element of a boolean array holds: something is wrong."""
    return bool(mask.any())


def is_all(mask: Any) -> bool:
    """Whether all elements of an array hold: nothing is wrong."""
    return bool(mask.all())


def reaches(array: Any, limit: Any) -> bool:
    """Whether the largest element of an array, which has some, is `limit` or more."""
    return bool(array.max() >= limit)


def is_outside(array: Any, low: Any, high: Any) -> bool:
    """Whether an element is below `low`, or not below `high`; of nothing, none is."""
    return bool(array.size and (array.min() < low or array.max() >= high))


def are_equal(x: Any, y: Any) -> bool:
    """Whether two arrays have the same elements; nan equals nan."""
    return bool(np.array_equal(x, y, equal_nan=True))


def listed(array: Any, below: int) -> list[int]:
    """Whole numbers from 0 up to `below` as a list, to choose examples by."""
    found: list[int] = array.tolist()
    return found


def number_of(array: Any, assumed: float = math.nan) -> float:
    """The number that an array of one element holds, or `assumed` in a run on shapes alone."""
    return float(array)
