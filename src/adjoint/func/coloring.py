"""Floor 5: colours: which columns of a sparse matrix can share one product with a vector.

Knows patterns only. Forbidden colours are bits of Python integers, kept where they are shared, so
the time is linear in the nonzeros, and not in the paths of two or three of them.

Source: A. Gebremedhin, F. Manne, A. Pothen, "What Color Is Your Jacobian? Graph Coloring for
Computing Derivatives", SIAM Review 47 (2005); for star colouring also A. Gebremedhin,
A. Tarafdar, F. Manne, A. Pothen, SIAM J. Sci. Comput. 29 (2007), algorithm 4.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np


def color_columns(pattern: Any) -> Any:
    """Colours of the columns of a pattern, such that no row meets a colour twice.

    Then each nonzero of the matrix J stands alone in a product with the sum of one colour's unit
    vectors: J[i, j] = (J s_c)[i] where c is the colour of j. This is a distance-2 colouring of the
    columns in the bipartite graph of the pattern (Gebremedhin, Manne, Pothen 2005, section 3.4),
    by the greedy rule, in the order given and, where that may not be best, the fullest column
    first. At least as many colours as nonzeros in the fullest row are needed.

    - `pattern`: a SciPy sparse array or matrix (m, n), or a dense array; its nonzeros count.

    Returns an int64 array (n,) of colours from 0; a column without nonzeros has colour -1.

    >>> color_columns(np.eye(4))
    array([0, 0, 0, 0])
    >>> color_columns(np.eye(4) + np.eye(4, k=1))
    array([0, 1, 0, 1])
    """
    by_row = _csr(pattern)
    by_column = by_row.T.tocsr()
    fullest = int(np.diff(by_row.indptr).max(initial=0))
    return _best(by_column, fullest, lambda order: _color_apart(by_column, order))


def star_color(pattern: Any) -> Any:
    """Colours of the rows and columns of a symmetric pattern, for its matrix to be read directly.

    A star colouring of the graph of the nonzeros off the diagonal: neighbours differ, and every
    path of four vertices has at least three colours. Then each H[i, j], or H[j, i], stands alone
    in the product of H with the sum of one colour's unit vectors (Gebremedhin, Manne, Pothen 2005,
    section 4.1). It needs fewer colours than `color_columns`, which ignores symmetry: 2 for an
    arrow, where that needs n.

    - `pattern`: symmetric, a SciPy sparse array or matrix (n, n), or a dense array.

    Returns an int64 array (n,) of colours from 0; an empty row has colour -1. Raises ValueError
    where the pattern is not symmetric.

    >>> arrow = np.eye(5); arrow[0, :] = arrow[:, 0] = 1
    >>> star_color(arrow)
    array([0, 1, 1, 1, 1])
    """
    graph = _csr(pattern)
    if graph.shape[0] != graph.shape[1] or (graph != graph.T).nnz:
        raise ValueError(
            f"star_color: expected a symmetric pattern, but got one of shape {graph.shape} that is "
            "not; pass pattern + pattern.T, or use color_columns for a Jacobian"
        )
    return _best(graph, 2, lambda order: _color_stars(graph, order))


def count_colors(colors: Any) -> int:
    """How many colours there are, which is how many products with a vector they take.

    >>> count_colors(color_columns(np.ones((2, 3))))
    3
    """
    return int(np.max(colors, initial=-1)) + 1


def _csr(pattern: Any) -> Any:
    from scipy.sparse import csr_array

    found = csr_array(pattern, dtype=bool)
    found.sum_duplicates()
    found.eliminate_zeros()
    return found


def _best(rows: Any, least: int, color: Callable[[Iterable[int]], list[int]]) -> Any:
    """The fewer colours of two orders: as given, and the fullest first."""
    degrees = np.diff(rows.indptr)
    used = np.flatnonzero(degrees)
    first = np.array(color(used.tolist()), np.int64)
    if count_colors(first) <= least:
        return first
    order = used[np.argsort(-degrees[used], kind="stable")]
    second = np.array(color(order.tolist()), np.int64)
    return second if count_colors(second) < count_colors(first) else first


def _color_apart(columns: Any, order: Iterable[int]) -> list[int]:
    """Greedy: the lowest colour that no row of the column has met. `met[i]`: colours of row i."""
    starts, rows = columns.indptr.tolist(), columns.indices.tolist()
    met = [0] * columns.shape[1]
    colors = [-1] * columns.shape[0]
    for j in order:
        own = rows[starts[j] : starts[j + 1]]
        forbidden = 0
        for i in own:
            forbidden |= met[i]
        bit = ~forbidden & (forbidden + 1)
        colors[j] = bit.bit_length() - 1
        for i in own:
            met[i] |= bit
    return colors


def _color_stars(graph: Any, order: Iterable[int]) -> list[int]:
    """Greedy star colouring: the lowest colour that closes no path of four in two colours.

    Such a path through a new vertex v of colour c begins v-w-x-y, where x has colour c and y that
    of w; or it is u-v-w-x, where u has the colour of w and x has colour c. Kept for a vertex:
    `once` and `twice`, colours that at least one and two of its neighbours have; `first`, the only
    neighbour of a colour so far; `barred`, the colours that a new neighbour may not take because
    of paths w-x-y.
    """
    starts, indices = graph.indptr.tolist(), graph.indices.tolist()
    n = graph.shape[0]
    once, twice, barred = [0] * n, [0] * n, [0] * n
    first: list[dict[int, int]] = [{} for _ in range(n)]
    colors = [-1] * n
    for v in order:
        own = [w for w in indices[starts[v] : starts[v + 1]] if w != v]
        forbidden = once[v]
        for w in own:
            if colors[w] >= 0:
                forbidden |= once[w] if twice[v] >> colors[w] & 1 else barred[w]
        bit = ~forbidden & (forbidden + 1)
        c = colors[v] = bit.bit_length() - 1
        for x in own:
            color = colors[x]
            if once[x] & bit:
                twice[x] |= bit
                if color >= 0:  # paths v-x-v' and back: neither end's new neighbours take x's
                    barred[v] |= 1 << color
                    barred[first[x][c]] |= 1 << color
            else:
                once[x] |= bit
                first[x][c] = v
            if color >= 0 and twice[v] >> color & 1:
                barred[x] |= bit
    return colors
