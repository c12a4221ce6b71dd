"""Colourings are valid, as few as can be on bands, and linear in the nonzeros."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from adjoint.func.coloring import color_columns, count_colors, star_color

PATTERNS = arrays.arrays(
    bool, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.booleans()
)
SQUARE = st.integers(1, 10).flatmap(lambda n: arrays.arrays(bool, (n, n), elements=st.booleans()))


def band(n: int, reach: int) -> Any:
    offsets = range(-reach, reach + 1)
    return scipy.sparse.diags_array([np.ones(n - abs(k)) for k in offsets], offsets=offsets)


def has_two_coloured_path(graph: Any, colors: Any) -> bool:
    """Whether some path of four vertices has fewer than three colours; by its definition."""
    near = [[int(j) for j in np.flatnonzero(row) if j != i] for i, row in enumerate(graph)]
    return any(
        colors[v] == colors[x] and colors[w] == colors[y]
        for v in range(len(graph))
        for w in near[v]
        for x in near[w]
        if x != v
        for y in near[x]
        if y not in (v, w)
    )


@given(PATTERNS)
def test_no_row_meets_a_colour_twice(pattern: Any) -> None:
    colors = color_columns(pattern)
    for row in pattern:
        met = colors[row]
        assert (met >= 0).all() and len(set(met)) == len(met)
    assert ((colors == -1) == ~pattern.any(axis=0)).all()
    assert count_colors(colors) >= pattern.sum(axis=1).max()


@given(SQUARE)
def test_star_colouring(half: Any) -> None:
    graph = half | half.T
    colors = star_color(graph)
    i, j = np.nonzero(graph & ~np.eye(len(graph), dtype=bool))
    assert (colors[i] != colors[j]).all()
    assert not has_two_coloured_path(graph, colors)
    assert ((colors == -1) == ~graph.any(axis=0)).all()


@given(SQUARE)
def test_every_nonzero_stands_alone(half: Any) -> None:
    """What the colours are for: H[i, j] or H[j, i] is an element of a product."""
    graph = half | half.T
    colors = star_color(graph)
    for i, j in np.argwhere(graph):
        alone = (graph[i] & (colors == colors[j])).sum() == 1
        assert alone or (graph[j] & (colors == colors[i])).sum() == 1


@pytest.mark.parametrize("reach", [0, 1, 2, 5])
def test_a_band_needs_its_width(reach: int) -> None:
    pattern = band(1000, reach)
    assert count_colors(color_columns(pattern)) == 2 * reach + 1
    assert count_colors(star_color(pattern)) <= 2 * reach + 1


def test_an_arrow_has_two_stars() -> None:
    arrow = np.eye(100)
    arrow[0, :] = arrow[:, 0] = 1
    assert count_colors(star_color(arrow)) == 2
    assert count_colors(color_columns(arrow)) == 100
    assert count_colors(star_color(arrow[::-1, ::-1])) == 2


def test_the_fullest_first_where_that_is_better() -> None:
    """A path of four columns, its ends first: as given, the last inner one takes a third colour."""
    ends_first = np.array([[1, 0, 1, 0], [0, 0, 1, 1], [0, 1, 0, 1]])
    assert color_columns(ends_first).tolist() == [1, 0, 0, 1]


def test_linear_in_the_nonzeros() -> None:
    """Ten times the size takes about ten times as long, and a hundred thousand well under 5 s."""
    start = time.perf_counter()
    assert count_colors(color_columns(scipy.sparse.eye_array(100_000))) == 1
    assert count_colors(star_color(scipy.sparse.eye_array(100_000))) == 1
    assert count_colors(star_color(band(100_000, 1))) == 3
    assert time.perf_counter() - start < 5


def test_empty_patterns() -> None:
    assert color_columns(np.zeros((3, 2))).tolist() == [-1, -1]
    assert star_color(np.zeros((0, 0))).size == 0
    assert count_colors(color_columns(np.zeros((0, 4)))) == 0


def test_a_star_colouring_is_of_a_symmetric_pattern() -> None:
    for pattern in (np.eye(3, k=1), np.ones((2, 3))):
        with pytest.raises(ValueError, match="symmetric pattern"):
            star_color(pattern)
