"""Floor 0: places in sorted rows and counts of bins, of all rows of an array at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import checks


def insertion_places(rows: Any, x: Any, *, after: bool) -> Any:
    """Where each of x (r, m) goes in its sorted row of `rows` (r, n): before equals, or after.

    A binary search of everything together; nan is the end, as in torch.
    """
    n = rows.shape[1]
    low, high = np.zeros(x.shape, np.int64), np.full(x.shape, n)
    for _ in range(n.bit_length()):
        middle = (low + high) // 2
        value = np.take_along_axis(rows, np.minimum(middle, n - 1), 1)
        is_past = value > x if after else value >= x
        is_open = low < high
        high = np.where(is_open & is_past, middle, high)
        low = np.where(is_open & ~is_past, middle + 1, low)
    return low


def places_in_row(row: Any, x: Any, *, after: bool) -> Any:
    """As `insertion_places`, of x of any shape in one row."""
    if len(row) and checks.is_any(row[-1:] != row[-1:]):  # NumPy: nan is the largest number
        return insertion_places(row[None], x.reshape(1, x.size), after=after).reshape(x.shape)
    return np.asarray(np.searchsorted(row, x, "right" if after else "left"))


def contained(x: Any, among: Any) -> Any:
    """Whether each of x (r, m) is in its row of `among` (r, n)."""
    n = among.shape[1]
    if n == 0:
        return np.zeros(x.shape, bool)
    ordered = np.sort(among, axis=1)
    places = np.minimum(insertion_places(ordered, x, after=False), n - 1)
    return np.take_along_axis(ordered, places, 1) == x


def counts_of(numbers: Any, bins: int, weights: Any = None) -> Any:
    """How often each number from 0 to bins - 1 is in each row (r, m), or the sum of its weights.

    Negative numbers are left out.
    """
    count = len(numbers)
    kept = numbers >= 0
    own = (numbers + np.arange(count)[:, None] * bins)[kept]
    found = np.bincount(own, None if weights is None else weights[kept], count * bins)
    return found.reshape(count, bins)


def bins_by_edges(x: Any, edges: Any) -> Any:
    """The number of the bin between its row's edges (r, n + 1) of each of x (r, m); else -1."""
    found = insertion_places(edges, x, after=True) - 1
    last = edges.shape[1] - 1
    found[x == edges[:, -1:]] = last - 1  # the last bin has its end
    found[(found >= last) | (x != x)] = -1
    return found


def bins_by_division(x: Any, low: Any, high: Any, bins: int) -> Any:
    """The number of one of `bins` equal bins from low to high (r, 1); -1 outside.

    In the precision of x, as torch.histc.
    """
    kept = (x >= low) & (x <= high)
    places = (np.where(kept, x, low) - low) * x.dtype.type(bins) / (high - low)
    return np.where(kept, np.minimum(places.astype(np.int64), bins - 1), -1)
