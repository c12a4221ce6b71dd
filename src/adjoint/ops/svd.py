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


def _inner_cotangent(xp: Any, ct: Any, u: Any, s: Any, vh: Any) -> Any:
    """The part of the cotangent within the singular subspaces, in their bases."""
    inner = None
    for number in (0, 2):
        if number not in ct:
            continue
        if number == 0:
            turned = xp.matmul(_adjoint(xp, u), ct[0])
            part = (turned - _adjoint(xp, turned)) / _gaps(xp, s) * xp.expand_dims(s, axis=-2)
        else:
            turned = xp.matmul(vh, _adjoint(xp, ct[2]))
            part = xp.expand_dims(s, axis=-1) * (turned - _adjoint(xp, turned)) / _gaps(xp, s)
        inner = part if inner is None else inner + part
    if 1 in ct:
        part = _on_diagonal(xp, ct[1], s)
        inner = part if inner is None else inner + part
    return inner


@general(
    "svd",
    node="LinalgSvdBackward0",
    outputs=("u", "s", "vh"),
    samples=cases(((3, 3),), ((4, 2),), ((2, 2, 3),)),
    reference=lambda x: tuple(np.linalg.svd(x, full_matrices=False)),
)
class svd:
    """x = u diag(s) vh, with orthonormal columns of u and rows of vh, and s falling."""

    def forward(xp, x):
        return xp.svd(x)

    def vjp_x(xp, ct, u, s, vh, x_shape):
        rows, columns, rank = x_shape[-2], x_shape[-1], min(x_shape[-2:])
        result = xp.matmul(xp.matmul(u, _inner_cotangent(xp, ct, u, s, vh)), vh)
        if rows > rank and 0 in ct:
            scaled = ct[0] / xp.expand_dims(s, axis=-2)
            outside = scaled - xp.matmul(u, xp.matmul(_adjoint(xp, u), scaled))
            result = result + xp.matmul(outside, vh)
        if columns > rank and 2 in ct:
            scaled = ct[2] / xp.expand_dims(s, axis=-1)
            outside = scaled - xp.matmul(xp.matmul(scaled, _adjoint(xp, vh)), vh)
            result = result + xp.matmul(u, outside)
        return result

    def jvp_x(xp, t, u, s, vh, x_shape):
        rows, columns, rank = x_shape[-2], x_shape[-1], min(x_shape[-2:])
        uh, v = _adjoint(xp, u), _adjoint(xp, vh)
        inner = xp.matmul(xp.matmul(uh, t), v)
        moved_s = xp.sum(xp.real(inner) * xp.eye(rank, dtype=s.dtype), axis=-1)
        right = inner * xp.expand_dims(s, axis=-2)
        left = xp.expand_dims(s, axis=-1) * inner
        # On the diagonal the symmetric parts stand for no rotation at all.
        off = (1 - xp.eye(rank, dtype=s.dtype)) / _gaps(xp, s)
        moved_u = xp.matmul(u, (right + _adjoint(xp, right)) * off)
        moved_v = xp.matmul(v, (left + _adjoint(xp, left)) * off)
        if rows > rank:
            scaled = xp.matmul(t, v) / xp.expand_dims(s, axis=-2)
            moved_u = moved_u + scaled - xp.matmul(u, xp.matmul(uh, scaled))
        if columns > rank:
            scaled = xp.matmul(_adjoint(xp, t), u) / xp.expand_dims(s, axis=-2)
            moved_v = moved_v + scaled - xp.matmul(v, xp.matmul(vh, scaled))
        return moved_u, moved_s, _adjoint(xp, moved_v)
