"""Floor 2: the namespaces of safe branches: the same vocabulary, with values at singular points.

Where a rule's formula is 0 / 0, or divides by the gap between equal eigenvalues, these put a finite
value. Everywhere else they compute what the plain namespaces compute, to the last bit; and so that
their own derivatives are finite too, no infinity is computed and then discarded.
"""

from __future__ import annotations

from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from ..arrays import cpu
from ..autograd import engine


@lru_cache(maxsize=2)
def namespace(on_tensors: bool) -> Any:
    """The safe form of the CPU namespace, or of that of Tensors."""
    xp: Any = engine._tensor_namespace[0] if on_tensors else cpu

    def quotient(x: Any, y: Any) -> Any:
        """x / y, and 0 where both are 0."""
        nothing = xp.logical_and(xp.equal(x, 0), xp.equal(y, 0))
        return xp.where(nothing, 0, x / xp.where(nothing, 1, y))

    def over_gap(x: Any, gap: Any) -> Any:
        """x / gap, and 0 where the gap is 0: the limit of x gap / (gap² + eps)."""
        closed = xp.equal(gap, 0)
        return xp.where(closed, 0, x / xp.where(closed, 1, gap))

    def difference(x: Any, y: Any) -> Any:
        """x - y, and 0 where they are the same infinity."""
        same = xp.logical_and(xp.equal(x, y), xp.isinf(x))
        return xp.where(same, 0, x) - xp.where(same, 0, y)

    def shares(x: Any, total: Any, *, axis: Any) -> Any:
        """exp(x - total); of an infinite total, equal shares for the elements that make it so."""
        weights = xp.exp(difference(x, total))
        sums = xp.sum(weights, axis=axis, keepdims=True)
        infinite = xp.isinf(total)
        return xp.where(infinite, weights / xp.where(infinite, sums, 1), weights)

    return SimpleNamespace(
        **{
            **vars(xp),
            "quotient": quotient,
            "over_gap": over_gap,
            "difference": difference,
            "shares": shares,
        }
    )
