"""Floor 2: inverse, solve, determinants, Cholesky, QR and eigenvalues of Hermitian matrices.

Rules: M. Giles, Collected matrix derivative results (2008); I. Murray, Differentiation of the
Cholesky decomposition (2016); M. Seeger et al., Auto-differentiating linear algebra (2017).
"""

from __future__ import annotations

import math

import numpy as np

from .operation import general
from .samples import Sample, generator


def adjoint_of(xp, x):
    """The conjugate transpose."""
    return xp.conj(xp.matrix_transpose(x))


def hermitian_part(xp, x):
    """(x + x^H) / 2."""
    return (x + adjoint_of(xp, x)) / 2


def regular(*shapes, positive=False):
    """Samples of well-conditioned square matrices; the first of each call, others are arbitrary."""

    def make():
        for given in shapes:
            draws = [generator(s, i).standard_normal(s) for i, s in enumerate(given)]
            a = draws[0]
            if positive:
                a = a @ a.swapaxes(-1, -2)
            draws[0] = a + 2 * np.eye(a.shape[-1])
            yield Sample(tuple(draws))

    return make


def rectangular(*shapes):
    """Samples of full rank, with the limit for each batch."""

    def make():
        for shape in shapes:
            limit = np.full(shape[:-2], 1e-9)
            yield Sample((generator(shape, "rectangular").standard_normal(shape), limit))

    return make


@general(
    "inv",
    node="LinalgInvExBackward0",
    samples=regular(((3, 3),), ((2, 2, 2),)),
    reference=lambda x: np.linalg.solve(x, np.broadcast_to(np.eye(x.shape[-1]), x.shape)),
)
class inv:
    """The inverse of square matrices (..., n, n)."""

    def forward(xp, x):
        return xp.inv(x)

    def vjp_x(xp, ct, out):
        adjoint = adjoint_of(xp, out)
        return -xp.matmul(xp.matmul(adjoint, ct), adjoint)

    def jvp_x(xp, t, out):
        return -xp.matmul(xp.matmul(out, t), out)


@general(
    "matrix_exp",
    node="LinalgMatrixExpBackward0",
    samples=regular(((3, 3),), ((2, 2, 2),), ((1, 1),)),
    reference=lambda x: np.linalg.matrix_power(sum(_taylor(x / 64)), 64),
)
class matrix_exp:
    """exp of square matrices (..., n, n): 1 + x + x x / 2 + ...

    Its derivative along t stands above the diagonal of exp [[x, t], [0, x]] (R. Mathias 1996).
    """

    def forward(xp, x):
        return xp.matrix_exp(x)

    def vjp_x(xp, ct, x):
        return _exp_along(xp, adjoint_of(xp, x), ct)

    def jvp_x(xp, t, x):
        return _exp_along(xp, x, t)


def _exp_along(xp, x, t):
    n = x.shape[-1]
    above, below = xp.concat([x, t], axis=-1), xp.concat([xp.zeros_like(x), x], axis=-1)
    return xp.matrix_exp(xp.concat([above, below], axis=-2))[..., :n, n:]


def _taylor(x):
    """The first terms of exp(x)."""
    term = np.broadcast_to(np.eye(x.shape[-1]), x.shape)
    for k in range(1, 20):
        yield term
        term = term @ x / k


@general(
    "solve",
    node="LinalgSolveExBackward0",
    samples=regular(((3, 3), (3, 2)), ((2, 2, 2), (2, 2, 1)), ((2, 2), (3, 2, 1))),
    reference=lambda a, b: np.linalg.inv(a) @ b,
)
class solve:
    """x with a x = b: a (..., n, n), b (..., n, k)."""

    def forward(xp, a, b):
        return xp.solve(a, b)

    def vjp_a(xp, ct, a, out):
        inner = xp.solve(adjoint_of(xp, a), ct)
        return -xp.matmul(inner, adjoint_of(xp, out))

    def vjp_b(xp, ct, a):
        return xp.solve(adjoint_of(xp, a), ct)

    def jvp_a(xp, t, a, out):
        return -xp.solve(a, xp.matmul(t, out))

    def jvp_b(xp, t, a):
        return xp.solve(a, t)


@general(
    "pinv",
    node="LinalgPinvBackward0",
    samples=rectangular((3, 2), (2, 2, 4), (2, 2)),
    reference=lambda x, limit: np.linalg.pinv(x),
)
class pinv:
    """The Moore-Penrose inverse; singular values up to `limit` (...) count as 0.

    Its differential (Golub & Pereyra 1973), with p the result:
    -p dx p + p p^H dx^H (1 - x p) + (1 - p x) dx^H p^H p.
    """

    def forward(xp, x, limit):
        return xp.pinv(x, limit)

    def vjp_x(xp, ct, x, out):
        ph, cth = adjoint_of(xp, out), adjoint_of(xp, ct)
        first = xp.matmul(xp.matmul(ph, ct), ph)
        left = xp.matmul(cth, xp.matmul(out, ph))
        right = xp.matmul(xp.matmul(ph, out), cth)
        left = left - xp.matmul(x, xp.matmul(out, left))
        return left + right - xp.matmul(xp.matmul(right, out), x) - first

    def jvp_x(xp, t, x, out):
        ph, th = adjoint_of(xp, out), adjoint_of(xp, t)
        first = xp.matmul(xp.matmul(out, t), out)
        left = xp.matmul(xp.matmul(out, ph), th)
        right = xp.matmul(th, xp.matmul(ph, out))
        left = left - xp.matmul(xp.matmul(left, x), out)
        return left + right - xp.matmul(out, xp.matmul(x, right)) - first


@general(
    "det",
    node="LinalgDetBackward0",
    samples=regular(((3, 3),), ((2, 2, 2),), ((1, 1),)),
    reference=lambda x: np.real_if_close(np.prod(np.linalg.eigvals(x), axis=-1)),
)
class det:
    """The determinant of square matrices (..., n, n)."""

    def forward(xp, x):
        return xp.det(x)

    def vjp_x(xp, ct, x):
        return xp.expand_dims(xp.expand_dims(ct, axis=-1), axis=-1) * xp.cofactors(x)

    def jvp_x(xp, t, x):
        return xp.sum(xp.conj(xp.cofactors(x)) * t, axis=(-2, -1))


@general(
    "slogdet",
    node="LinalgSlogdetBackward0",
    outputs=("sign", "logabsdet"),
    samples=regular(((3, 3),), ((2, 2, 2),)),
    reference=lambda x: (
        np.linalg.det(x) / np.abs(np.linalg.det(x)),
        np.log(np.abs(np.linalg.det(x))),
    ),
)
class slogdet:
    """Sign (phase, for complex matrices) and log of the absolute value of the determinant."""

    def forward(xp, x):
        return xp.slogdet(x)

    def vjp_x(xp, ct, x, sign, x_dtype):
        factor = ct.get(1)
        if 0 in ct and x_dtype.kind == "c":
            part = xp.imag(xp.conj(ct[0]) * sign) * -1j  # the phase turns with Im tr(x^-1 dx)
            factor = part if factor is None else factor + part
        elif factor is None:
            factor = 0 * ct[0]
        factor = xp.expand_dims(xp.expand_dims(factor, axis=-1), axis=-1)
        return factor * adjoint_of(xp, _inverse(xp, x, sign))

    def jvp_x(xp, t, x, sign, x_dtype):
        moved = xp.sum(xp.matrix_transpose(_inverse(xp, x, sign)) * t, axis=(-2, -1))
        if x_dtype.kind == "c":
            return xp.imag(moved) * 1j * sign, xp.real(moved)
        return 0 * moved, moved


def _inverse(xp, x, sign):
    """The inverse, and nan for singular matrices: the slope of log |det| there is infinite."""
    nothing = xp.expand_dims(xp.expand_dims(xp.equal(sign, 0), axis=-1), axis=-1)
    inverse = xp.inv(xp.where(nothing, xp.eye(x.shape[-1], dtype=x.dtype), x))
    return xp.where(nothing, math.nan, inverse)


@general(
    "cholesky",
    node="LinalgCholeskyExBackward0",
    samples=regular(((3, 3),), ((2, 2, 2),), positive=True),
    reference=lambda x: np.linalg.cholesky((x + np.conj(x.swapaxes(-1, -2))) / 2),
)
class cholesky:
    """The lower triangle l with l l^H = (x + x^H) / 2, positive-definite."""

    def forward(xp, x):
        return xp.cholesky(x)

    def vjp_x(xp, ct, out):
        inverse = xp.inv(out)
        inner = _halved(xp, xp.matmul(adjoint_of(xp, out), ct))
        whole = xp.matmul(xp.matmul(adjoint_of(xp, inverse), inner), inverse)
        return hermitian_part(xp, whole)

    def jvp_x(xp, t, out):
        inverse = xp.inv(out)
        moved = xp.matmul(inverse, hermitian_part(xp, t))
        return xp.matmul(out, _halved(xp, xp.matmul(moved, adjoint_of(xp, inverse))))


def _halved(xp, x):
    """The lower triangle, with half the diagonal."""
    return xp.tril(x) - x * xp.eye(x.shape[-1], dtype=x.dtype) / 2


@general(
    "eigh",
    node="LinalgEighBackward0",
    outputs=("values", "vectors"),
    samples=regular(((3, 3),), ((2, 2, 2),), positive=True),
    reference=lambda x: tuple(np.linalg.eigh((x + x.swapaxes(-1, -2)) / 2)),
    except_laws=("complex_inputs",),  # up to a phase of each vector: tests/laws/test_phases.py
)
class eigh:
    """Rising eigenvalues and eigenvectors of (x + x^H) / 2; repeated ones have no derivative."""

    def forward(xp, x):
        return xp.eigh(x)

    def vjp_x(xp, ct, values, vectors):
        inner = None
        if 1 in ct:
            turned = xp.matmul(adjoint_of(xp, vectors), ct[1])
            inner = turned * _inverse_gaps(xp, values)
        if 0 in ct:
            part = xp.expand_dims(ct[0], axis=-1) * xp.eye(values.shape[-1], dtype=vectors.dtype)
            inner = part if inner is None else inner + part
        whole = xp.matmul(xp.matmul(vectors, inner), adjoint_of(xp, vectors))
        return hermitian_part(xp, whole)

    def jvp_x(xp, t, values, vectors):
        turned = xp.matmul(adjoint_of(xp, vectors), hermitian_part(xp, t))
        turned = xp.matmul(turned, vectors)
        moved = xp.sum(xp.real(turned) * xp.eye(values.shape[-1], dtype=values.dtype), axis=-1)
        return moved, xp.matmul(vectors, turned * _inverse_gaps(xp, values))


def _inverse_gaps(xp, values):
    """1 / (values[j] - values[i]) at (i, j), and 0 on the diagonal."""
    eye = xp.eye(values.shape[-1], dtype=values.dtype)
    gaps = xp.expand_dims(values, axis=-2) - xp.expand_dims(values, axis=-1)
    return xp.over_gap(1 - eye, gaps + eye)


@general(
    "qr",
    node="LinalgQrBackward0",
    outputs=("q", "r"),
    samples=regular(((3, 3),), ((2, 2, 2),)),
    reference=lambda x: tuple(np.linalg.qr(x)),
)
class qr:
    """x (..., m, n), m >= n, as q r: orthonormal columns, and an upper triangle."""

    def forward(xp, x):
        return xp.qr(x)

    def vjp_x(xp, ct, q, r):
        inner = None
        if 1 in ct:
            inner = xp.matmul(r, adjoint_of(xp, ct[1]))
        if 0 in ct:
            part = xp.matmul(adjoint_of(xp, ct[0]), q)
            inner = -part if inner is None else inner - part
        # Hermitian with the lower triangle of `inner`, its diagonal real
        lower = _halved(xp, inner)
        result = xp.matmul(q, lower + adjoint_of(xp, lower))
        result = result + ct[0] if 0 in ct else result
        return adjoint_of(xp, xp.solve(r, adjoint_of(xp, result)))

    def jvp_x(xp, t, q, r):
        turned = adjoint_of(xp, xp.solve(adjoint_of(xp, r), adjoint_of(xp, t)))
        inner = xp.matmul(adjoint_of(xp, q), turned)
        upper = _halved(xp, adjoint_of(xp, inner + adjoint_of(xp, inner)))
        upper = adjoint_of(xp, upper)
        return turned - xp.matmul(q, upper), xp.matmul(upper, r)
