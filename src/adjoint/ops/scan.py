"""Floor 2: cumulative functions: cumsum, cumprod, cummax, cummin, logcumsumexp.

Their derivatives are linear recurrences, which are an operation themselves; so every order of
derivative is right, at zeros too. `dim` is a non-negative int.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .operation import general, linear
from .samples import cases

ALONG = cases(
    ((5,), {"dim": 0}), ((2, 3), {"dim": 1}), ((3, 2, 2), {"dim": 0}), ((0, 3), {"dim": 1})
)


def part(dim: int, *limits: int | None) -> tuple[slice, ...]:
    """The key of a slice along `dim`."""
    return (slice(None),) * dim + (slice(*limits),)


def delayed(xp: Any, x: Any, dim: int) -> Any:
    """x[k-1] at k along `dim`, and 0 at the beginning."""
    return xp.concat([xp.zeros_like(x[part(dim, 1)]), x[part(dim, -1)]], axis=dim)


def backward_recurrence(xp: Any, a: Any, b: Any, dim: int) -> Any:
    """y[k] = b[k] + conj(a[k+1]) y[k+1]: the transpose of the recurrence."""
    factors = delayed(xp, xp.flip(xp.conj(a), axis=dim), dim)
    return xp.flip(xp.linear_recurrence(factors, xp.flip(b, axis=dim), axis=dim), axis=dim)


def products_before(xp: Any, x: Any, dim: int) -> Any:
    """The product of all elements before each one."""
    return xp.cumulative_prod(x, axis=dim, include_initial=True)[part(dim, -1)]


def products_of_others(xp: Any, x: Any, dim: int) -> Any:
    """The product of all other elements along `dim`, without a division."""
    after = xp.flip(products_before(xp, xp.flip(x, axis=dim), dim), axis=dim)
    return products_before(xp, x, dim) * after


@linear("cumsum", samples=ALONG, reference=lambda x, *, dim: np.cumsum(x, dim))
class cumsum:
    """Running sum: out[k] = x[0] + ... + x[k]."""

    def forward(xp, x, *, dim):
        return xp.cumulative_sum(x, axis=dim)

    def transpose_x(xp, ct, dim):
        return xp.flip(xp.cumulative_sum(xp.flip(ct, axis=dim), axis=dim), axis=dim)


@general("cumprod", samples=ALONG, reference=lambda x, *, dim: np.cumprod(x, dim))
class cumprod:
    """Running product: out[k] = x[0] ... x[k]."""

    def forward(xp, x, *, dim):
        return xp.cumulative_prod(x, axis=dim)

    def vjp_x(xp, ct, x, dim):
        before = xp.conj(products_before(xp, x, dim))
        return before * backward_recurrence(xp, x, ct, dim)

    def jvp_x(xp, t, x, dim):
        return xp.linear_recurrence(x, t * products_before(xp, x, dim), axis=dim)


def _recurrence(a: Any, b: Any, *, dim: int) -> Any:
    """Solve (I - diag(a) S) y = b with the shift S."""
    n = b.shape[dim]
    a, b = np.moveaxis(a, dim, -1), np.moveaxis(b, dim, -1)
    matrix = np.zeros((*a.shape, n), a.dtype) + np.eye(n)
    for k in range(1, n):
        matrix[..., k, k - 1] = -a[..., k]
    return np.moveaxis(np.linalg.solve(matrix, b[..., None])[..., 0], -1, dim)


@general(
    "linear_recurrence",
    samples=cases(
        ((5,), (5,), {"dim": 0}), ((2, 3), (2, 3), {"dim": 1}), ((3, 2), (3, 2), {"dim": 0})
    ),
    reference=_recurrence,
)
class linear_recurrence:
    """Linear recurrence: out[k] = a[k] out[k-1] + b[k], with out[-1] = 0."""

    def forward(xp, a, b, *, dim):
        return xp.linear_recurrence(a, b, axis=dim)

    def vjp_a(xp, ct, a, out, dim):
        return backward_recurrence(xp, a, ct, dim) * xp.conj(delayed(xp, out, dim))

    def jvp_a(xp, t, a, out, dim):
        return xp.linear_recurrence(a, t * delayed(xp, out, dim), axis=dim)

    def vjp_b(xp, ct, a, dim):
        return backward_recurrence(xp, a, ct, dim)

    def jvp_b(xp, t, a, dim):
        return xp.linear_recurrence(a, t, axis=dim)


def pull_running(xp: Any, ct: Any, indices: Any, x_shape: Any, dim: Any) -> Any:
    """Each cotangent goes to the element that was the extreme then."""
    return xp.place_along_axis(ct[0], indices, axis=dim, size=x_shape[dim], accumulate=True)


def push_running(xp: Any, t: Any, indices: Any, dim: Any) -> Any:
    """The tangent of the element that was the extreme then."""
    return xp.take_along_axis(t, indices, axis=dim), None


def _running(ufunc: Any) -> Any:
    def reference(x: Any, *, dim: int) -> Any:
        values = ufunc.accumulate(x, dim)
        seen = np.expand_dims(x, dim) == np.expand_dims(values, dim + 1)
        return values, np.argmax(seen, dim + 1)

    return reference


RUNNING: dict[str, Any] = {
    "outputs": ("values", "indices"),
    "differentiable": (0,),
    "samples": cases(((5,), {"dim": 0}), ((2, 3), {"dim": 1}), ((3, 2, 2), {"dim": 0})),
}


@general("cummax", reference=_running(np.maximum), **RUNNING)
class cummax:
    """Running maximum, and the index of its last occurrence so far."""

    def forward(xp, x, *, dim):
        return xp.cumulative_extreme(x, axis=dim, largest=True)

    vjp_x, jvp_x = pull_running, push_running


@general("cummin", reference=_running(np.minimum), **RUNNING)
class cummin:
    """Running minimum, and the index of its last occurrence so far."""

    def forward(xp, x, *, dim):
        return xp.cumulative_extreme(x, axis=dim, largest=False)

    vjp_x, jvp_x = pull_running, push_running


def _weights(xp: Any, x: Any, out: Any) -> Any:
    """exp(x - out); 0 where x is -inf."""
    is_nothing = xp.equal(x, -math.inf)
    return xp.where(is_nothing, 0, xp.exp(x - xp.where(is_nothing, 0, out)))


def _decay(xp: Any, out: Any, dim: int) -> Any:
    """exp(out[k-1] - out[k]), and 0 at the beginning, where nothing came before."""
    nothing = xp.zeros_like(out[part(dim, 1)]) - math.inf
    return _weights(xp, xp.concat([nothing, out[part(dim, -1)]], axis=dim), out)


@general(
    "logcumsumexp",
    samples=ALONG,
    reference=lambda x, *, dim: np.log(np.cumsum(np.exp(x), dim)),
)
class logcumsumexp:
    """Running log-sum-exp: out[k] = log(exp(x[0]) + ... + exp(x[k]))."""

    def forward(xp, x, *, dim):
        return xp.logcumsumexp(x, axis=dim)

    def vjp_x(xp, ct, x, out, dim):
        # sum over i >= k of ct[i] exp(out[k] - out[i]): every factor is at most 1
        decay = _decay(xp, out, dim)
        return xp.conj(_weights(xp, x, out)) * backward_recurrence(xp, decay, ct, dim)

    def jvp_x(xp, t, x, out, dim):
        return xp.linear_recurrence(_decay(xp, out, dim), t * _weights(xp, x, out), axis=dim)
