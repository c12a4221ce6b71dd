"""Floor 0: inverse, solve, determinant, Cholesky, QR and eigenvalues, from NumPy's LAPACK.

A matrix that has none raises LinAlgError, which names its place in the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from . import checks
from .dtypes import LOW_PRECISION, NP_FLOAT32

Array = Any
F = TypeVar("F", bound=Callable[..., Any])


class LinAlgError(RuntimeError):
    """A matrix was singular, or not positive-definite, where it had to be.

    >>> try:
    ...     torch.linalg.inv(torch.zeros(2, 2))
    ... except torch.linalg.LinAlgError:
    ...     print("singular")
    singular
    """


def guarded(f: F) -> F:
    """Compute half precision in float32, and give nan for matrices that are not finite."""

    @wraps(f)
    def call(x: Array, *others: Array) -> Any:
        dtype = x.dtype
        if dtype in LOW_PRECISION:
            found = call(x.astype(NP_FLOAT32), *[o.astype(NP_FLOAT32) for o in others])
            if isinstance(found, tuple):
                return tuple(part.astype(dtype) for part in found)
            return found.astype(dtype)
        finite = np.isfinite(x).all((-2, -1))
        if checks.is_all(finite):
            return f(x, *others)
        square = np.broadcast_to(np.eye(*x.shape[-2:], dtype=dtype), x.shape)
        found = f(np.where(finite[..., None, None], x, square), *others)
        for part in found if isinstance(found, tuple) else (found,):
            lost = ~finite.reshape(finite.shape + (1,) * (part.ndim - finite.ndim))
            np.copyto(part, np.nan, where=lost)
        return found

    return call  # type: ignore[return-value]


def _place(x: Array, fails: Callable[[Array], object]) -> str:
    """`(Batch element i): ` for the first matrix that fails; empty for a single matrix."""
    if x.ndim == 2:
        return ""
    for i, matrix in enumerate(x.reshape(-1, *x.shape[-2:])):
        try:
            fails(matrix)
        except np.linalg.LinAlgError:
            return f"(Batch element {i}): "
    return ""


@guarded
def inv(x: Array) -> Array:
    """The inverse of each matrix (..., n, n)."""
    try:
        return np.linalg.inv(x)
    except np.linalg.LinAlgError:
        where = _place(x, np.linalg.inv)
        raise LinAlgError(
            f"linalg.inv: {where}The inversion could not be completed because the input matrix is "
            "singular. linalg.pinv, or adding a small multiple of the identity, may serve instead."
        ) from None


@guarded
def matrix_exp(x: Array) -> Array:
    """exp of each matrix (..., n, n), by scaling, squaring and a Pade approximation."""
    from scipy.linalg import expm  # imported when first needed: SciPy's linalg takes 0.1 s

    if x.dtype == bool:  # what is no number to LAPACK, SciPy refuses from 1.20 on
        x = x.astype(np.float64)
    return expm(x) if x.size else x.copy()


@guarded
def solve(a: Array, b: Array) -> Array:
    """x with a x = b: a (..., n, n), b (..., n, k)."""
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        where = _place(a, np.linalg.inv)
        raise LinAlgError(
            f"torch.linalg.solve: {where}The solver failed because the input matrix is singular. "
            "linalg.lstsq or linalg.pinv find a least-squares solution."
        ) from None


@guarded
def pinv(x: Array, limit: Array) -> Array:
    """The Moore-Penrose inverse, with singular values up to `limit` (...) taken for 0."""
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    kept = s > np.asarray(limit)[..., None]
    inverse = np.where(kept, 1 / np.where(kept, s, 1), 0).astype(s.dtype)
    v = np.conj(np.swapaxes(vh, -1, -2))
    return np.matmul(v * inverse[..., None, :], np.conj(np.swapaxes(u, -1, -2)))


@guarded
def det(x: Array) -> Array:
    """The determinant of each matrix (..., n, n)."""
    return np.asarray(np.linalg.det(x))


@guarded
def slogdet(x: Array) -> tuple[Array, Array]:
    """Sign (or phase) and logarithm of the absolute value of the determinant."""
    sign, logarithm = np.linalg.slogdet(x)
    return np.asarray(sign, x.dtype), np.asarray(logarithm)


@guarded
def cofactors(x: Array) -> Array:
    """The gradient of the determinant: det(x) x^-T, also where x is singular.

    From x = u diag(s) vh: det(u vh) u diag(products of the other s) vh, conjugated.
    """
    u, s, vh = np.linalg.svd(x)
    n = s.shape[-1]
    others = np.where(np.eye(n, dtype=bool), 1, s[..., None, :]).prod(-1)
    phase = np.linalg.det(np.matmul(u, vh))[..., None, None]
    return np.conj(phase) * np.matmul(u * others[..., None, :], vh)


@guarded
def cholesky(x: Array) -> Array:
    """The lower triangle l with l l^H = (x + x^H) / 2."""
    symmetric = (x + np.conj(np.swapaxes(x, -1, -2))) / 2
    try:
        return np.linalg.cholesky(symmetric)
    except np.linalg.LinAlgError:
        where = _place(symmetric, np.linalg.cholesky)
        raise LinAlgError(
            f"linalg.cholesky: {where}The factorization could not be completed because the input "
            "is not positive-definite. Adding a small multiple of the identity may help."
        ) from None


@guarded
def eigh(x: Array) -> tuple[Array, Array]:
    """Rising eigenvalues and eigenvectors (in columns) of (x + x^H) / 2."""
    symmetric = (x + np.conj(np.swapaxes(x, -1, -2))) / 2
    try:
        values, vectors = np.linalg.eigh(symmetric)
    except np.linalg.LinAlgError:
        raise LinAlgError(
            "linalg.eigh: The algorithm failed to converge; does the matrix hold inf or nan?"
        ) from None
    return values, vectors


@guarded
def qr(x: Array) -> tuple[Array, Array]:
    """x = q r with orthonormal columns of q and r upper triangular, in the reduced form."""
    q, r = np.linalg.qr(x)
    return q, r
