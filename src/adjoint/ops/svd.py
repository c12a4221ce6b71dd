"""Floor 2: the singular value decomposition.

Derivatives: torch's svd_backward and svd_jvp (J. Townsend, Differentiating the Singular Value
Decomposition, 2016). The singular vectors' need distinct singular values; the values' do not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .operation import general
from .samples import cases


def _adjoint(xp: Any, x: Any) -> Any:
    return xp.conj(xp.matrix_transpose(x))


def _gaps(xp: Any, s: Any) -> Any:
    """s[j]² - s[i]² at (i, j), and 1 on the diagonal."""
    squares = xp.square(s)
    gaps = xp.expand_dims(squares, axis=-2) - xp.expand_dims(squares, axis=-1)
    return gaps + xp.eye(s.shape[-1], dtype=s.dtype)


def _on_diagonal(xp: Any, values: Any, like: Any) -> Any:
    return xp.expand_dims(values, axis=-1) * xp.eye(values.shape[-1], dtype=like.dtype)


def _inner_cotangent(xp: Any, ct: Any, u: Any, s: Any, vh: Any, is_complex: bool) -> Any:
    """The part of the cotangent within the singular subspaces, in their bases."""
    parts = []
    if 0 in ct:
        turned = xp.matmul(_adjoint(xp, u), ct[0])
        skew = turned - _adjoint(xp, turned)
        parts.append(xp.over_gap(skew, _gaps(xp, s)) * xp.expand_dims(s, axis=-2))
        if is_complex and 2 in ct:  # the phase by which a pair of vectors turns apart
            phase = skew * xp.eye(s.shape[-1], dtype=s.dtype)
            parts.append(xp.over_gap(phase, xp.expand_dims(2 * s, axis=-1)))
    if 2 in ct:
        turned = xp.matmul(vh, _adjoint(xp, ct[2]))
        skew = turned - _adjoint(xp, turned)
        parts.append(xp.over_gap(xp.expand_dims(s, axis=-1) * skew, _gaps(xp, s)))
    if 1 in ct:
        parts.append(_on_diagonal(xp, ct[1], u))
    inner = parts[0]
    for part in parts[1:]:
        inner = inner + part
    return inner


@general(
    "svd",
    node="LinalgSvdBackward0",
    outputs=("u", "s", "vh"),
    samples=cases(((3, 3),), ((4, 2),), ((2, 2, 3),)),
    reference=lambda x: tuple(np.linalg.svd(x, full_matrices=False)),
    except_laws=("complex_inputs",),  # up to a phase of each vector: tests/laws/test_phases.py
)
class svd:
    """x = u diag(s) vh, with orthonormal columns of u and rows of vh, and s falling.

    Complex vectors are determined up to a phase for each pair, which a loss must not depend on.
    """

    def forward(xp, x):
        return xp.svd(x)

    def vjp_x(xp, ct, u, s, vh, x_shape, x_dtype):
        rows, columns, rank = x_shape[-2], x_shape[-1], min(x_shape[-2:])
        inner = _inner_cotangent(xp, ct, u, s, vh, x_dtype.kind == "c")
        result = xp.matmul(xp.matmul(u, inner), vh)
        if rows > rank and 0 in ct:
            scaled = xp.over_gap(ct[0], xp.expand_dims(s, axis=-2))
            outside = scaled - xp.matmul(u, xp.matmul(_adjoint(xp, u), scaled))
            result = result + xp.matmul(outside, vh)
        if columns > rank and 2 in ct:
            scaled = xp.over_gap(ct[2], xp.expand_dims(s, axis=-1))
            outside = scaled - xp.matmul(xp.matmul(scaled, _adjoint(xp, vh)), vh)
            result = result + xp.matmul(u, outside)
        return result

    def jvp_x(xp, t, u, s, vh, x_shape, x_dtype):
        rows, columns, rank = x_shape[-2], x_shape[-1], min(x_shape[-2:])
        uh, v = _adjoint(xp, u), _adjoint(xp, vh)
        inner = xp.matmul(xp.matmul(uh, t), v)
        moved_s = xp.sum(xp.real(inner) * xp.eye(rank, dtype=s.dtype), axis=-1)
        right = inner * xp.expand_dims(s, axis=-2)
        left = xp.expand_dims(s, axis=-1) * inner
        # On the diagonal the symmetric parts stand for no rotation at all.
        off = xp.over_gap(1 - xp.eye(rank, dtype=s.dtype), _gaps(xp, s))
        turn_u = (right + _adjoint(xp, right)) * off
        turn_v = (left + _adjoint(xp, left)) * off
        if x_dtype.kind == "c":  # the phase of each pair, half by each
            phase = (inner - _adjoint(xp, inner)) * xp.eye(rank, dtype=s.dtype)
            phase = xp.over_gap(phase, xp.expand_dims(4 * s, axis=-1))
            turn_u, turn_v = turn_u + phase, turn_v - phase
        moved_u, moved_v = xp.matmul(u, turn_u), xp.matmul(v, turn_v)
        if rows > rank:
            scaled = xp.over_gap(xp.matmul(t, v), xp.expand_dims(s, axis=-2))
            moved_u = moved_u + scaled - xp.matmul(u, xp.matmul(uh, scaled))
        if columns > rank:
            scaled = xp.over_gap(xp.matmul(_adjoint(xp, t), u), xp.expand_dims(s, axis=-2))
            moved_v = moved_v + scaled - xp.matmul(v, xp.matmul(vh, scaled))
        return moved_u, moved_s, _adjoint(xp, moved_v)
