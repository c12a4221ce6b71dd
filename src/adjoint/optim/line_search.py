"""Floor 5: a line search for a step that satisfies the strong Wolfe conditions.

Works on the function along one direction; knows nothing of parameters. Source: Nocedal & Wright
2006, algorithms 3.5 and 3.6, with the safeguards of Mark Schmidt's minFunc, as in torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Point", "strong_wolfe"]

Array = Any


class Point(NamedTuple):
    """A step length, the value and gradient of the function there, and its slope."""

    t: float
    value: float
    gradient: Array
    slope: float


def cubic_minimum(a: Point, b: Point, bounds: tuple[float, float] | None = None) -> float:
    """The minimum of the cubic through two points and their slopes, within `bounds` (or a, b)."""
    low, high = bounds or (min(a.t, b.t), max(a.t, b.t))
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t)
    square = d1**2 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2.0
    d2 = math.sqrt(square)
    left, right = (a, b) if a.t <= b.t else (b, a)
    spread = right.slope - left.slope + 2 * d2
    if spread == 0:
        return (low + high) / 2.0
    fraction = (right.slope + d2 - d1) / spread
    return min(max(right.t - (right.t - left.t) * fraction, low), high)


def strong_wolfe(
    evaluate: Callable[[float], tuple[float, Array]],
    direction: Array,
    start: Point,
    t: float,
    *,
    max_evaluations: int,
    tolerance_change: float = 1e-9,
    decrease: float = 1e-4,
    curvature: float = 0.9,
) -> tuple[Point, int]:
    """A point where the function fell enough and is flat enough, and the number of evaluations.

    evaluate: gives value and gradient at a step length. start: the point at length 0.
    t: the first length to try. If the evaluations run out, the best point of the bracket.
    """
    search = _Search(evaluate, direction, start, decrease, curvature)
    bracket, iterations = search.bracket(t, max_evaluations)
    if len(bracket) == 2:
        size = float(np.abs(direction).max())
        bracket = [search.zoom(bracket, iterations, max_evaluations, tolerance_change / size)]
    return bracket[0], search.evaluations


class _Search:
    def __init__(
        self,
        evaluate: Callable[[float], tuple[float, Array]],
        direction: Array,
        start: Point,
        decrease: float,
        curvature: float,
    ) -> None:
        self.evaluate = evaluate
        self.direction = direction
        self.start = start
        self.decrease = decrease
        self.curvature = curvature
        self.evaluations = 0

    def at(self, t: float) -> Point:
        value, gradient = self.evaluate(t)
        self.evaluations += 1
        return Point(t, value, gradient, float(gradient @ self.direction))

    def too_high(self, point: Point) -> bool:
        """Armijo: whether the function did not fall in proportion to the step."""
        limit = self.start.value + self.decrease * point.t * self.start.slope
        return point.value > limit

    def flat_enough(self, point: Point) -> bool:
        return abs(point.slope) <= -self.curvature * self.start.slope

    def bracket(self, t: float, most: int) -> tuple[list[Point], int]:
        """One point that is good, or two with a good one between them."""
        previous, point = self.start, self.at(t)
        for iteration in range(most):
            if self.too_high(point) or (iteration > 1 and point.value >= previous.value):
                return [previous, point], iteration
            if self.flat_enough(point):
                return [point], iteration
            if point.slope >= 0:
                return [previous, point], iteration
            bounds = point.t + 0.01 * (point.t - previous.t), point.t * 10
            following = cubic_minimum(previous, point, bounds)
            previous, point = point, self.at(following)
        return [self.start, point], most

    def zoom(self, bracket: list[Point], iteration: int, most: int, tolerance: float) -> Point:
        """Narrow the bracket around a good point; returns its lower end."""
        low, high = sorted(bracket, key=lambda p: p.value)
        stuck = False
        while iteration < most and abs(high.t - low.t) >= tolerance:
            t = cubic_minimum(low, high) if low.t != high.t else low.t
            t, stuck = _away_from_ends(t, low.t, high.t, stuck)
            point = self.at(t)
            iteration += 1
            if self.too_high(point) or point.value >= low.value:
                high = point
                if high.value < low.value:
                    low, high = high, low
                continue
            if self.flat_enough(point):
                return point
            if point.slope * (high.t - low.t) >= 0:
                high = low
            low = point
        return low


def _away_from_ends(t: float, a: float, b: float, stuck: bool) -> tuple[float, bool]:
    """Move a trial step inwards when, twice in a row, it comes too close to an end."""
    least, most = min(a, b), max(a, b)
    margin = 0.1 * (most - least)
    if min(most - t, t - least) >= margin:
        return t, False
    if not stuck and least < t < most:
        return t, True
    return (most - margin if abs(t - most) < abs(t - least) else least + margin), False
