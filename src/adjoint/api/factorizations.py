"""Floor 3: inverse, solve, determinants and factorizations of matrices, as in torch.linalg."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import dtypes
from ..arrays.checks import are_equal, is_all
from ..autograd import modes
from ..autograd.lifted import values_of
from ..autograd.tensor import Tensor, wrap
from ..autograd.views import own
from ..ops import factorizations as ops
from ..ops.svd import svd as svd_operation
from .examples import on_values
from .joining import cat
from .products import expect_tensor, matmul
from .registration import public
from .results import result_type_of
from .selection import where

linalg_slogdet = result_type_of("linalg_slogdet", ("sign", "logabsdet"))
linalg_eigh = result_type_of("linalg_eigh", ("eigenvalues", "eigenvectors"))
linalg_qr = result_type_of("linalg_qr", ("Q", "R"))
linalg_svd = result_type_of("linalg_svd", ("U", "S", "Vh"))
svd_result = result_type_of("svd", ("U", "S", "V"))
linalg_lstsq = result_type_of("linalg_lstsq", ("solution", "residuals", "rank", "singular_values"))


def check_matrix(x: Any, name: str, *, square: bool = False) -> None:
    """Refuse what is no batch of floating (square) matrices, as torch does."""
    expect_tensor(x, name, "A", 1)
    shape = x._data.shape
    if len(shape) < 2:
        raise RuntimeError(
            f"{name}: The input tensor A must have at least 2 dimensions, but has shape "
            f"{list(shape)}"
        )
    if square and shape[-1] != shape[-2]:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, but they are {shape[-2]} by "
            f"{shape[-1]} matrices"
        )
    if x.dtype.category < dtypes.FLOATING:
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got {x.dtype.short}; "
            "convert it with .float()"
        )


@public("inverse")
def inv(A: Tensor) -> Tensor:
    """The inverse of each matrix (..., n, n); LinAlgError for a singular one.

    >>> torch.linalg.inv(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    check_matrix(A, "linalg.inv", square=True)
    result: Tensor = ops.inv(A)
    return result


@public()
def matrix_exp(A: Tensor) -> Tensor:
    """exp of each matrix (..., n, n): 1 + A + A A / 2 + ...

    >>> torch.linalg.matrix_exp(torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
    tensor([[1., 1.],
            [0., 1.]])
    """
    check_matrix(A, "linalg.matrix_exp", square=True)
    result: Tensor = ops.matrix_exp(A)
    return result


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """X with A X = B (or X A = B): A (..., n, n), B (..., n, k) or (..., n).

    >>> torch.linalg.solve(torch.tensor([[2.0, 0.0], [0.0, 4.0]]), torch.tensor([2.0, 2.0]))
    tensor([1.0000, 0.5000])
    """
    check_matrix(A, "linalg.solve", square=True)
    expect_tensor(B, "linalg.solve", "B", 2)
    if A._data.dtype != B._data.dtype:
        raise RuntimeError(
            f"linalg.solve: Expected A and B to have the same dtype, but got {A.dtype} and "
            f"{B.dtype}; convert one of them"
        )
    a, b = A._data.shape, B._data.shape
    vector = len(b) == 1 or (len(a) - 1 == len(b) and b == a[:-1])
    if not left:
        if vector:
            raise RuntimeError("linalg.solve: left=False is not supported for a vector B")
        return solve(A.mT, B.mT).mT
    if vector:
        B = B.unsqueeze(-1)
        b = B._data.shape
    if a[-1] != b[-2]:
        raise RuntimeError(
            "linalg.solve: Incompatible shapes of A and B for the equation AX = B "
            f"({a[-2]}x{a[-1]} and {b[-2]}x{b[-1]})"
        )
    result: Tensor = ops.solve(A, B)
    return own(result.squeeze(-1)) if vector else result


def solve_triangular(
    A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """X with A X = B for the upper or lower triangle of A (with a diagonal of ones).

    >>> A = torch.tensor([[2.0, 1.0], [0.0, 4.0]])
    >>> torch.linalg.solve_triangular(A, torch.tensor([[4.0], [8.0]]), upper=True)
    tensor([[1.],
            [2.]])
    """
    check_matrix(A, "linalg.solve_triangular", square=True)
    triangle = A.triu() if upper else A.tril()
    if unitriangular:
        eye = wrap(np.eye(A._data.shape[-1], dtype=A._data.dtype))
        triangle = (A.triu(1) if upper else A.tril(-1)) + eye
    return solve(triangle, B, left=left)


@public()
def det(A: Tensor) -> Tensor:
    """The determinant of each matrix (..., n, n); its gradient exists for singular ones too.

    >>> torch.det(torch.tensor([[2.0, 1.0], [0.0, 4.0]]))
    tensor(8.)
    """
    check_matrix(A, "linalg.det", square=True)
    result: Tensor = ops.det(A)
    return result


@public()
def slogdet(A: Tensor) -> Any:
    """Sign (or phase) of the determinant, and the logarithm of its absolute value.

    >>> torch.linalg.slogdet(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    torch.return_types.linalg_slogdet(
    sign=tensor(-1.),
    logabsdet=tensor(0.))
    """
    check_matrix(A, "linalg.slogdet", square=True)
    return linalg_slogdet(*ops.slogdet(A))


@public()
def logdet(input: Tensor) -> Tensor:
    """The logarithm of the determinant; nan where that is negative.

    >>> torch.logdet(torch.eye(2) * 2)
    tensor(1.3863)
    """
    check_matrix(input, "logdet", square=True)
    sign, logarithm = ops.slogdet(input)
    if input.dtype.is_complex:
        return sign.log() + logarithm
    return where(sign == -1, float("nan"), logarithm)


@public()
def cholesky(A: Tensor, upper: bool = False) -> Tensor:
    """The triangle L with A = L Lᴴ (or U with Uᴴ U), for Hermitian positive-definite A.

    >>> torch.linalg.cholesky(torch.tensor([[4.0, 2.0], [2.0, 5.0]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    check_matrix(A, "linalg.cholesky", square=True)
    lower: Tensor = ops.cholesky(_hermitian(A, "U" if upper else "L"))
    return lower.mH if upper else lower


def _hermitian(A: Tensor, triangle: str) -> Tensor:
    """A itself if it is Hermitian, else the Hermitian matrix with its lower (upper) triangle."""
    x = values_of(A)
    if are_equal(x, np.conj(x.swapaxes(-1, -2))):
        return A
    if triangle == "L":
        return A.tril() + A.tril(-1).mH
    return A.triu() + A.triu(1).mH


def eigh(A: Tensor, UPLO: str = "L") -> Any:
    """Rising eigenvalues and eigenvectors (columns) of Hermitian A, read from one triangle.

    >>> torch.linalg.eigh(torch.tensor([[3.0, 0.0], [0.0, 2.0]])).eigenvalues
    tensor([2., 3.])
    """
    check_matrix(A, "linalg.eigh", square=True)
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return linalg_eigh(*ops.eigh(_hermitian(A, UPLO.upper())))


def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """Rising eigenvalues of Hermitian A.

    >>> torch.linalg.eigvalsh(torch.tensor([[2.0, 1.0], [1.0, 2.0]]))
    tensor([1., 3.])
    """
    values: Tensor = eigh(A, UPLO)[0]
    return values


def linalg_qr_of(A: Tensor, mode: str = "reduced") -> Any:
    """A = Q R with orthonormal columns of Q and R upper triangular.

    mode: "reduced", "complete" (square Q, without gradient for tall A), or "r" (Q is empty).

    >>> A = torch.tensor([[3.0, 1.0], [4.0, 2.0]])
    >>> Q, R = torch.linalg.qr(A)
    >>> torch.allclose(Q @ R, A)
    True
    """
    check_matrix(A, "linalg.qr")
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', "
            "or 'complete'"
        )
    rows, columns = A._data.shape[-2:]
    if mode == "complete" and rows > columns:
        if A.requires_grad and modes.state.grad:
            raise RuntimeError(
                "The QR decomposition is not differentiable when mode='complete' and nrows > "
                "ncols; use mode='reduced'"
            )
        return linalg_qr(*on_values(lambda _, x: np.linalg.qr(x, "complete"), A))
    if rows >= columns:
        q, r = ops.qr(A)
    else:
        q, square = ops.qr(A[..., :rows])
        r = cat([square, matmul(q.mH, A[..., rows:])], -1)
    if mode == "r":
        q = wrap(np.empty(0, A._data.dtype))
    return linalg_qr(q, r)


@public("qr")
def qr(input: Tensor, some: bool = True) -> Any:
    """The old name of `linalg.qr`.

    >>> Q, R = torch.qr(torch.eye(2))
    >>> torch.allclose(Q @ R, torch.eye(2))
    True
    """
    return linalg_qr_of(input, "reduced" if some else "complete")


def linalg_svd_of(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> Any:
    """A = U diag(S) Vh, with S falling; `full_matrices=False` gives the reduced form.

    The vectors that full_matrices=True adds to a matrix that is not square are constants.

    >>> U, S, Vh = torch.linalg.svd(torch.tensor([[0.0, 2.0], [3.0, 0.0]]))
    >>> S
    tensor([3., 2.])
    """
    check_matrix(A, "linalg.svd")
    rows, columns = A._data.shape[-2:]
    u, s, vh = svd_operation(A)
    if full_matrices and rows > columns:
        u = cat([u, on_values(lambda _, x: _complement(x), u)], -1)
    elif full_matrices and rows < columns:
        vh = cat([vh, on_values(lambda _, x: _adjoint(_complement(_adjoint(x))), vh)], -2)
    return linalg_svd(u, s, vh)


def _adjoint(x: Any) -> Any:
    """The conjugate transpose."""
    return np.conj(x.swapaxes(-1, -2))


def _complement(q: Any) -> Any:
    """Orthonormal columns that complete those of q; constants, for they have no derivative."""
    return np.linalg.qr(q, "complete")[0][..., q.shape[-1] :]


def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """The singular values of each matrix, falling.

    >>> torch.linalg.svdvals(torch.tensor([[0.0, 2.0], [3.0, 0.0]]))
    tensor([3., 2.])
    """
    check_matrix(A, "linalg.svdvals")
    values: Tensor = svd_operation(A)[1]
    return values


@public("svd")
def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> Any:
    """The old form of `linalg.svd`: U, S, V with input = U diag(S) Vᴴ.

    >>> A = torch.tensor([[0.0, 2.0], [3.0, 0.0]])
    >>> U, S, V = torch.svd(A)
    >>> torch.allclose(U @ torch.diag(S) @ V.t(), A)
    True
    """
    u, s, vh = linalg_svd_of(input, not some)
    if not compute_uv:
        shape = input._data.shape
        u = input.new_zeros((*shape[:-1], shape[-2]))
        vh = input.new_zeros((*shape[:-2], shape[-1], shape[-1]))
    return svd_result(u, s, vh.mH)


def _cutoffs(s: Any, longest: int, atol: Any, rtol: Any) -> Any:
    """Singular values up to this count as 0."""
    absolute = 0.0 if atol is None else atol
    if rtol is None:
        rtol = np.where(np.asarray(absolute) > 0, 0.0, longest * np.finfo(s.dtype).eps)
    largest = s.max(-1) if s.shape[-1] else np.zeros(s.shape[:-1], s.dtype)
    return np.maximum(absolute, rtol * largest).astype(s.dtype)


def _on_singular_values(f: Any, A: Tensor, atol: Any, rtol: Any) -> Any:
    """`f(s, cutoffs)` of each matrix; the tolerances are numbers or Tensors."""
    tensors = [t for t in (atol, rtol) if isinstance(t, Tensor)]
    longest = max(A._data.shape[-2:])

    def compute(_: int, x: Any, *given: Any) -> Any:
        left = list(given)
        limits = [left.pop(0) if isinstance(t, Tensor) else t for t in (atol, rtol)]
        s = np.linalg.svd(x, compute_uv=False)
        return f(s, _cutoffs(s, longest, *limits))

    return on_values(compute, A, *tensors)


def matrix_rank(
    A: Tensor, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> Tensor:
    """How many singular values are above max(atol, rtol times the largest).

    >>> torch.linalg.matrix_rank(torch.tensor([[1.0, 2.0], [2.0, 4.0]]))
    tensor(1)
    """
    check_matrix(A, "linalg.matrix_rank")
    limits = (atol, rtol) if tol is None else (tol, 0.0)
    found: Tensor = _on_singular_values(lambda s, cut: (s > cut[..., None]).sum(-1), A, *limits)
    return found


@public("pinverse")
def pinv(
    A: Tensor, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> Tensor:
    """The Moore-Penrose inverse, by the singular value decomposition.

    >>> torch.linalg.pinv(torch.tensor([[2.0, 0.0], [0.0, 4.0], [0.0, 0.0]]))
    tensor([[0.5000, 0.0000, 0.0000],
            [0.0000, 0.2500, 0.0000]])
    """
    check_matrix(A, "linalg.pinv")
    if A._data.size == 0:
        return A.mH
    relative = rtol if rcond is None else rcond
    cutoffs = _on_singular_values(
        lambda s, cut: np.broadcast_to(cut, s.shape[:-1]), A, atol, relative
    )
    result: Tensor = ops.pinv(A, cutoffs)
    return result


def lstsq(A: Tensor, B: Tensor, rcond: Any = None, *, driver: str | None = None) -> Any:
    """X that minimises |A X - B|, with residuals for tall A of full rank.

    >>> A = torch.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    >>> torch.linalg.lstsq(A, torch.tensor([[1.0], [3.0], [5.0]])).solution.round(decimals=3)
    tensor([[1.],
            [2.]])
    """
    check_matrix(A, "linalg.lstsq")
    vector = A._data.ndim - 1 == B._data.ndim
    right = B.unsqueeze(-1) if vector else B
    solution = matmul(pinv(A, rcond), right)
    rows, columns = A._data.shape[-2:]
    rank = matrix_rank(A, rtol=rcond)
    tall = rows > columns and is_all(values_of(rank) == columns)
    if tall and driver not in (None, "gelsy"):  # which do not find them
        residuals = (matmul(A, solution) - right).abs().pow(2).sum(-2)
    else:
        residuals = solution.reshape(-1)[:0].abs()
    solution = solution.squeeze(-1) if vector else solution
    if driver == "gels":  # it finds neither
        return linalg_lstsq(solution, residuals, rank.new_zeros((0,)), A.new_zeros((0,)).abs())
    values = svdvals(A.detach()) if driver in ("gelsd", "gelss") else A.new_zeros((0,)).abs()
    return linalg_lstsq(solution, residuals, rank, values)


def tensorinv(A: Tensor, ind: int = 2) -> Tensor:
    """The inverse of A as a map from its axes after `ind` to those before.

    >>> A = torch.eye(6).reshape(2, 3, 6)
    >>> torch.linalg.tensorinv(A, ind=2).shape
    torch.Size([6, 2, 3])
    """
    expect_tensor(A, "linalg.tensorinv", "A", 1)
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    left, right = A._data.shape[:ind], A._data.shape[ind:]
    rows, columns = int(np.prod(left)), int(np.prod(right))
    if rows != columns:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == "
            f"prod(self.shape[:ind]), but got {columns} != {rows}"
        )
    return inv(A.reshape(rows, columns)).reshape(right + left)


def tensorsolve(A: Tensor, B: Tensor, dims: Any = None) -> Tensor:
    """X with tensordot(A, X, X.ndim) = B; `dims` of A are first moved to its end.

    >>> A = 2 * torch.eye(4).reshape(2, 2, 4)
    >>> torch.linalg.tensorsolve(A, torch.ones(2, 2))
    tensor([0.5000, 0.5000, 0.5000, 0.5000])
    """
    expect_tensor(A, "linalg.tensorsolve", "A", 1)
    expect_tensor(B, "linalg.tensorsolve", "B", 2)
    if dims is not None:
        A = A.movedim(tuple(dims), tuple(range(A._data.ndim - len(dims), A._data.ndim)))
    shape = A._data.shape[B._data.ndim :]
    rows, columns = B._data.size, int(np.prod(shape))
    if rows != columns:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {columns} != {rows}"
        )
    return solve(A.reshape(rows, columns), B.reshape(-1)).reshape(shape)
