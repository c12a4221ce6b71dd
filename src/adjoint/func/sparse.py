"""Floor 5: sparse Jacobians and Hessians: as many passes as colours, result a SciPy array.

The pattern comes from `sparsity`, the colours from `coloring`; here derivatives are evaluated along
sums of unit vectors, one sum for each colour, and read off by the pattern.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.derivatives import grad
from ..autograd.modes import enable_grad
from ..autograd.tensor import Tensor, wrap
from .coloring import color_columns, count_colors, star_color
from .sparsity import (
    Func,
    checked_pattern,
    gradient_of,
    leaf_of,
    pattern_of,
    value_of,
)

Product = Callable[[Any], Any]  # of an array with a Jacobian, from the one side or the other


def sparse_jacobian(
    f: Func,
    x: Tensor | None = None,
    *,
    pattern: Any = None,
    mode: str = "auto",
    fixed_factors: bool = False,
) -> Any:
    """The Jacobian ∂f/∂x of a function as a sparse matrix, in as many passes as it needs colours.

    Columns that share no row are found by one product with a vector (forward mode), rows that share
    no column by another (reverse mode): Curtis, Powell, Reid 1974. A band of width w takes w
    passes at any length.

    - `f`: takes a Tensor, returns a Tensor; both real.
    - `x`: floating, of any shape; elements count in row-major order. Without it a `SparseJacobian`
      is returned, to be called with points.
    - `pattern`: where the matrix may be nonzero, anything `scipy.sparse.csr_array` takes; by
      default found by `jacobian_sparsity`.
    - `mode`: "forward", "reverse" or "auto", which takes the fewer passes.
    - `fixed_factors`: as for `jacobian_sparsity`: whether zeros of constant matrices and
      convolution kernels in f may be relied upon.

    Returns a `scipy.sparse.csr_array` (elements of f(x), elements of x) of x's dtype. For many
    points keep `SparseJacobian(f)`: pattern and colours are then found once. Raises TypeError (x or
    f(x) is not a real Tensor) and ValueError (another mode, a pattern of another shape).

    >>> sparse_jacobian(lambda x: x[1:] * x[:-1], torch.arange(1.0, 5.0)).toarray()
    array([[2., 1., 0., 0.],
           [0., 3., 2., 0.],
           [0., 0., 4., 3.]], dtype=float32)
    """
    jacobian = SparseJacobian(f, pattern=pattern, mode=mode, fixed_factors=fixed_factors)
    return jacobian if x is None else jacobian(x)


def sparse_hessian(
    f: Func, x: Tensor | None = None, *, pattern: Any = None, fixed_factors: bool = False
) -> Any:
    """The Hessian of a scalar function as a sparse matrix, in as many passes as it needs colours.

    One forward and one backward pass are recorded, then each colour takes a backward pass through
    the gradient. The colours are those of a star colouring, which uses symmetry.

    - `f`: takes a Tensor, returns a single element; both real.
    - `x`: floating, of any shape. Without it a `SparseHessian` is returned, to be called.
    - `pattern`: symmetric; by default found by `hessian_sparsity`, with `fixed_factors`.

    Returns a symmetric `scipy.sparse.csr_array` (n, n) of x's dtype. Raises TypeError (x or f(x) is
    not a real Tensor), RuntimeError (f(x) has several elements) and ValueError (a pattern of
    another shape, or not symmetric).

    >>> sparse_hessian(lambda x: (x[1:] * x[:-1]).sum() + x[0] ** 3, torch.ones(3)).toarray()
    array([[6., 1., 0.],
           [1., 0., 1.],
           [0., 1., 0.]], dtype=float32)
    """
    hessian = SparseHessian(f, pattern=pattern, fixed_factors=fixed_factors)
    return hessian if x is None else hessian(x)


class SparseJacobian:
    """The Jacobian of a function as a function of the point, with pattern and colours kept.

    `f` and the options as for `sparse_jacobian`. Where a point is given, pattern and colours
    are found there at once, else at the first call. They hold wherever f takes the same branches
    and integer indices: `check(x)` compares a random product.

    Attributes, None until then: `pattern`, boolean CSR; `colors`, int64, of the columns (mode
    "forward") or of the rows ("reverse"); `mode`; `passes`, how many each call takes.

    >>> jacobian = SparseJacobian(lambda x: x[1:] ** 2 - x[:-1], torch.zeros(1000))
    >>> jacobian.passes, jacobian.pattern.nnz
    (2, 1998)
    >>> jacobian(torch.arange(1000.0)).diagonal(1)[:4]
    array([2., 4., 6., 8.], dtype=float32)
    """

    def __init__(
        self,
        f: Func,
        x: Tensor | None = None,
        *,
        pattern: Any = None,
        mode: str = "auto",
        fixed_factors: bool = False,
    ) -> None:
        if mode not in ("auto", "forward", "reverse"):
            raise ValueError(
                f"sparse_jacobian: mode must be 'auto', 'forward' or 'reverse', but got {mode!r}"
            )
        self.f = f
        self.mode: str = mode
        self.pattern: Any = None
        self.colors: Any = None
        self.passes: int | None = None
        self._given, self._fixed_factors = pattern, fixed_factors
        if x is not None:
            leaf = leaf_of(x, "sparse_jacobian")
            self._prepare(value_of(f, leaf, "sparse_jacobian"), leaf)

    def __call__(self, x: Tensor) -> Any:
        """The Jacobian at x, a `scipy.sparse.csr_array`."""
        return self.value_and_jacobian(x)[1]

    def value_and_jacobian(self, x: Tensor) -> tuple[Tensor, Any]:
        """`f(x)`, without history, and the Jacobian there: what a step of Newton's method needs.

        >>> SparseJacobian(torch.sin).value_and_jacobian(torch.zeros(1))[0]
        tensor([0.])
        """
        leaf = leaf_of(x, "sparse_jacobian")
        y = value_of(self.f, leaf, "sparse_jacobian")
        self._prepare(y, leaf)
        dtype = leaf._data.dtype
        if self.mode == "reverse":
            compressed = _products(_pulling(y, leaf), self.colors, dtype)
            found = compressed[self.colors[self._rows], self._columns]
        else:
            compressed = _products(_pushing(y, leaf), self.colors, dtype)
            found = compressed[self.colors[self._columns], self._rows]
        return y.detach(), _filled(self.pattern, found)

    def check(self, x: Tensor) -> None:
        """Compare a random combination of rows with one backward pass at x.

        Raises RuntimeError where they differ: f depends at x on elements that the pattern leaves
        out.

        >>> SparseJacobian(lambda x: x if x[0] > 0 else -x, torch.ones(3)).check(-torch.ones(3))
        """
        matrix = self(x)
        leaf = leaf_of(x, "sparse_jacobian")
        y = value_of(self.f, leaf, "sparse_jacobian")
        u = np.random.default_rng(0).standard_normal(y._data.size).astype(y._data.dtype)
        _compare(_pulling(y, leaf)(u), u @ matrix, abs(u) @ abs(matrix), "sparse_jacobian")

    def _prepare(self, y: Tensor, leaf: Tensor) -> None:
        """Find pattern and colours, once; afterwards see that the shape is still theirs."""
        shape = y._data.size, leaf._data.size
        if self.pattern is not None:
            checked_shape(self.pattern.shape, shape, "sparse_jacobian")
            return
        if self._given is None:
            pattern = pattern_of(y, leaf, self._fixed_factors)
        else:
            pattern = checked_pattern(self._given, shape, "sparse_jacobian")
        choices = {}
        if self.mode != "forward":
            choices["reverse"] = color_columns(pattern.T)
        if self.mode != "reverse":
            choices["forward"] = color_columns(pattern)
        # Of equals the reverse: its pass is the cheaper one.
        self.mode = min(choices, key=lambda mode: count_colors(choices[mode]))
        self.colors = choices[self.mode]
        self.passes = count_colors(self.colors)
        self._rows, self._columns = pattern.tocoo().coords
        self.pattern = pattern


class SparseHessian:
    """The Hessian of a scalar function as a function of the point, with pattern and colours kept.

    `f` and the options as for `sparse_hessian`; when they are found, and where they hold, as for
    `SparseJacobian`. Attributes, None until then: `pattern`, boolean CSR; `colors`, int64, of rows
    and columns; `passes`, how many each call takes.

    >>> hessian = SparseHessian(lambda x: (1 - x[1:] * x[:-1]).square().sum(), torch.zeros(1000))
    >>> hessian.passes, hessian.pattern.nnz
    (3, 2998)
    """

    def __init__(
        self,
        f: Func,
        x: Tensor | None = None,
        *,
        pattern: Any = None,
        fixed_factors: bool = False,
    ) -> None:
        self.f = f
        self.pattern: Any = None
        self.colors: Any = None
        self.passes: int | None = None
        self._given, self._fixed_factors = pattern, fixed_factors
        if x is not None:
            leaf = leaf_of(x, "sparse_hessian")
            self._prepare(gradient_of(f, leaf, "sparse_hessian"), leaf)

    def __call__(self, x: Tensor) -> Any:
        """The Hessian at x, a symmetric `scipy.sparse.csr_array`."""
        return self.gradient_and_hessian(x)[1]

    def gradient_and_hessian(self, x: Tensor) -> tuple[Tensor, Any]:
        """The gradient at x, without history, and the Hessian there.

        >>> g, h = SparseHessian(lambda x: (x ** 3).sum()).gradient_and_hessian(torch.ones(2))
        >>> g, h.diagonal()
        (tensor([3., 3.]), array([6., 6.], dtype=float32))
        """
        leaf = leaf_of(x, "sparse_hessian")
        g = gradient_of(self.f, leaf, "sparse_hessian")
        self._prepare(g, leaf)
        compressed = _products(_pulling(g, leaf), self.colors, leaf._data.dtype)
        return g.detach(), _filled(self.pattern, compressed[self._groups, self._places])

    def check(self, x: Tensor) -> None:
        """Compare the product with a random vector with one pass at x.

        Raises RuntimeError where they differ: the pattern leaves something out there.

        >>> SparseHessian(lambda x: x.prod(), torch.ones(3)).check(torch.rand(3))
        """
        matrix = self(x)
        leaf = leaf_of(x, "sparse_hessian")
        g = gradient_of(self.f, leaf, "sparse_hessian")
        u = np.random.default_rng(0).standard_normal(leaf._data.size).astype(leaf._data.dtype)
        _compare(_pulling(g, leaf)(u), matrix @ u, abs(matrix) @ abs(u), "sparse_hessian")

    def _prepare(self, g: Tensor, leaf: Tensor) -> None:
        shape = g._data.size, leaf._data.size
        if self.pattern is not None:
            checked_shape(self.pattern.shape, shape, "sparse_hessian")
            return
        if self._given is None:
            pattern = pattern_of(g, leaf, self._fixed_factors)
            pattern = (pattern + pattern.T).tocsr()
        else:
            pattern = checked_pattern(self._given, shape, "sparse_hessian")
        # Without a diagonal, columns that share no row can be fewer than stars.
        self.colors = min(star_color(pattern), color_columns(pattern), key=count_colors)
        self.passes = count_colors(self.colors)
        self._groups, self._places = _direct_places(pattern, self.colors)
        self.pattern = pattern


def _direct_places(pattern: Any, colors: Any) -> tuple[Any, Any]:
    """For each nonzero H[i, j], the product and the element of it where H[i, j] stands alone.

    That is element i of the product of j's colour, unless row i meets the colour twice: then
    element j of the product of i's colour.
    """
    rows, columns = pattern.tocoo().coords
    passes = count_colors(colors)
    met = np.bincount(rows * np.int64(passes) + colors[columns], minlength=len(colors) * passes)
    alone = met[rows * np.int64(passes) + colors[columns]] == 1
    groups = np.where(alone, colors[columns], colors[rows])
    return groups, np.where(alone, rows, columns)


def checked_shape(expected: tuple[int, int], shape: tuple[int, int], name: str) -> None:
    """Refuse a point of another size than the one that the pattern was found for."""
    if shape != expected:
        raise ValueError(
            f"{name}: the pattern is for a matrix of shape {expected}, but at this point it would "
            f"be {shape}; make another object for inputs of another size"
        )


def _products(multiply: Product, colors: Any, dtype: Any) -> Any:
    """The products with the sum of each colour's unit vectors, one a row."""
    passes = [multiply((colors == c).astype(dtype)) for c in range(count_colors(colors))]
    return np.stack(passes) if passes else np.zeros((0, 0), dtype)


def _filled(pattern: Any, values: Any) -> Any:
    """A sparse array with the pattern of another; SciPy has none of half precision."""
    from scipy.sparse import csr_array

    if values.dtype.char not in "fd":
        values = values.astype(np.float32)
    parts = values, pattern.indices.copy(), pattern.indptr.copy()
    return csr_array(parts, shape=pattern.shape)


def _pulling(y: Tensor, leaf: Tensor) -> Product:
    """u -> uᵀ J, each a backward pass through the graph of y."""

    def multiply(u: Any) -> Any:
        if not y._requires_grad:
            return np.zeros(leaf._data.size, leaf._data.dtype)
        ct = wrap(u.astype(y._data.dtype).reshape(y._data.shape))
        (found,) = grad(y, leaf, ct, retain_graph=True, materialize_grads=True)
        return found._data.reshape(-1)

    return multiply


def _pushing(y: Tensor, leaf: Tensor) -> Product:
    """v -> J v: the pass backward is linear in its cotangent, and J v is its transpose."""
    if not y._requires_grad:
        return lambda v: np.zeros(y._data.size, y._data.dtype)
    with enable_grad():
        ct = wrap(np.zeros(y._data.shape, y._data.dtype)).requires_grad_()
        (pulled,) = grad(y, leaf, ct, create_graph=True, materialize_grads=True)
    multiply = _pulling(pulled, ct)
    return lambda v: multiply(v).astype(leaf._data.dtype, copy=False)


def _compare(got: Any, expected: Any, sizes: Any, name: str) -> None:
    """Raise where two products of one matrix differ by more than rounding."""
    tolerance = 64 * float(np.finfo(expected.dtype).eps) ** 0.75
    wrong = np.flatnonzero(~(np.abs(got - expected) <= tolerance * (sizes + np.abs(got))))
    if len(wrong):
        j = int(wrong[0])
        raise RuntimeError(
            f"{name}: the pattern does not hold at this point: element {j} of a random product is "
            f"{float(got[j]):.6g}, but {float(expected[j]):.6g} by the pattern. Does the function "
            "branch on values, or index by integers computed from them? Find the pattern here: "
            "make another object"
        )
