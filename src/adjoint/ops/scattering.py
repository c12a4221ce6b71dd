"""Floor 2: gather and the scatter family: places given along one dimension, for each element.

`places` has as many dimensions as x, and nowhere but in `dim` may it be larger.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .operation import general, linear
from .samples import Sample, spread


def _values(*shape: int, key: Any = 0) -> Any:
    return spread(shape, -2, 2, key)


def _each(x: Any, places: Any, dim: int) -> Any:
    """(place in `places`, place in x) for each element."""
    for i in np.ndindex(*places.shape):
        yield i, (*i[:dim], int(places[i]), *i[dim + 1 :])


def _gathered(x: Any, places: Any, dim: int) -> Any:
    out = np.empty(places.shape, x.dtype)
    for i, j in _each(x, places, dim):
        out[i] = x[j]
    return out


def _gather_samples() -> Any:
    yield Sample((_values(3, 4), np.array([[2, 0, 1, 2], [1, 1, 1, 0]])), {"dim": 0})
    yield Sample((_values(3, 4), np.array([[3, 3], [0, 1]])), {"dim": 1})
    yield Sample((_values(3), np.zeros((0,), int)), {"dim": 0})


@linear("gather", samples=_gather_samples, reference=_gathered)
class gather:
    """out[i][j] = x[places[i][j]][j] for dim 0."""

    def forward(xp, x, places, *, dim):
        return xp.gather(x, places, dim)

    def transpose_x(xp, ct, x_shape, x_dtype, places, dim):
        return xp.scatter_add(xp.zeros(x_shape, dtype=x_dtype), places, ct, dim)


class Scattered:
    """A copy of x with out[places[i][j]][j] = values[i][j] for dim 0; 0-d values everywhere."""

    def forward(xp, x, places, values, *, dim):
        return xp.scatter(x, places, values, dim)

    def vjp_x(xp, ct, x_dtype, places, dim):
        return xp.scatter(ct, places, xp.zeros((), dtype=x_dtype), dim)

    def vjp_values(xp, ct, places, dim):
        return xp.gather(ct, places, dim)  # the engine undoes broadcasting

    def jvp_x(xp, t, x_dtype, places, dim):
        return xp.scatter(t, places, xp.zeros((), dtype=x_dtype), dim)

    def jvp_values(xp, t, x_shape, x_dtype, places, dim):
        return xp.scatter(xp.zeros(x_shape, dtype=x_dtype), places, t, dim)


def _scatter_reference(combine: Any) -> Any:
    def reference(x: Any, places: Any, values: Any, dim: int, **params: Any) -> Any:
        out = x.copy()
        values = np.broadcast_to(values, places.shape)
        for i, j in _each(x, places, dim):
            out[j] = combine(out[j], values[i], **params)
        return out

    return reference


_PLACES = np.array([[2, 0, 1, 2], [1, 1, 0, 0]])  # distinct in each column


def _once() -> Sample:
    return Sample((_values(3, 4), _PLACES, _values(2, 4, key=1)), {"dim": 0})


def _often() -> Sample:
    return Sample((_values(2, 3), np.array([[1, 1], [2, 0]]), _values(2, 2, key=1)), {"dim": 1})


_replaced = _scatter_reference(lambda old, new: new)
_added = _scatter_reference(lambda old, new: old + new)

scatter = general("scatter", samples=lambda: [_once()], reference=_replaced)(Scattered)
scatter_value = general(
    "scatter_value",
    node="ScatterBackward1",
    samples=lambda: [Sample((_values(3, 4), _PLACES, _values()), {"dim": 0})],
    reference=_replaced,
)(Scattered)


class ScatterAdded:
    """A copy of x with values[i][j] added to out[places[i][j]][j] for dim 0."""

    def forward(xp, x, places, values, *, dim):
        return xp.scatter_add(x, places, values, dim)

    def vjp_x(xp, ct):
        return ct

    def vjp_values(xp, ct, places, dim):
        return xp.gather(ct, places, dim)

    def jvp_x(xp, t):
        return t

    def jvp_values(xp, t, x_shape, x_dtype, places, dim):
        return xp.scatter_add(xp.zeros(x_shape, dtype=x_dtype), places, t, dim)


scatter_add, scatter_sum = (
    general(name, node=node, samples=lambda: [_once(), _often()], reference=_added)(ScatterAdded)
    for name, node in (
        ("scatter_add", "ScatterAddBackward0"),
        ("scatter_sum", "ScatterReduceBackward0"),
    )
)


def counts(xp: Any, x_shape: Any, x_dtype: Any, places: Any, dim: int, include_self: bool) -> Any:
    """How many values meet at each place of x; at least 1."""
    start = xp.ones(x_shape, dtype=x_dtype) if include_self else xp.zeros(x_shape, dtype=x_dtype)
    met = xp.scatter_add(start, places, xp.ones(places.shape, dtype=x_dtype), dim)
    return met if include_self else xp.where(met == 0, xp.ones((), dtype=x_dtype), met)


def _mean_reference(x: Any, places: Any, values: Any, dim: int, include_self: bool) -> Any:
    total = _added(x, places, values, dim)
    met = _added(np.full(x.shape, float(include_self)), places, np.ones(places.shape), dim)
    return total / np.maximum(met, 1)


class Averaged:
    """The mean of what is scattered to each place, and of x itself when `include_self`.

    Without it x has to hold 0 wherever something is scattered.
    """

    def forward(xp, x, places, values, *, dim, include_self):
        met = counts(xp, x.shape, x.dtype, places, dim, include_self)
        return xp.scatter_add(x, places, values, dim) / met

    def vjp_x(xp, ct, x_shape, x_dtype, places, dim, include_self):
        return ct / counts(xp, x_shape, x_dtype, places, dim, include_self)

    def vjp_values(xp, ct, x_shape, x_dtype, places, dim, include_self):
        met = counts(xp, x_shape, x_dtype, places, dim, include_self)
        return xp.gather(ct / met, places, dim)

    def jvp_x(xp, t, x_shape, x_dtype, places, dim, include_self):
        return t / counts(xp, x_shape, x_dtype, places, dim, include_self)

    def jvp_values(xp, t, x_shape, x_dtype, places, dim, include_self):
        met = counts(xp, x_shape, x_dtype, places, dim, include_self)
        return xp.scatter_add(xp.zeros(x_shape, dtype=x_dtype), places, t, dim) / met


def _twice(name: str, rules: type, samples: Any, reference: Any) -> Any:
    """The operation under its two names, those of scatter_reduce and of index_reduce."""
    return [
        general(f"{first}_{name}", node=node, samples=samples, reference=reference)(rules)
        for first, node in (
            ("scatter", "ScatterReduceBackward0"),
            ("index", "IndexReduceBackward0"),
        )
    ]


def _with_and_without_self() -> Any:
    for sample in (_once(), _often()):
        for include_self in (False, True):
            yield Sample(sample.inputs, {**sample.params, "include_self": include_self})


scatter_mean, index_mean = _twice("mean", Averaged, _with_and_without_self, _mean_reference)


def _others(xp: Any, x: Any, places: Any, values: Any, dim: int) -> Any:
    """For each of `values`, the product of everything else that meets at its place.

    Zeros are counted apart, so that nothing is divided by 0.
    """
    one, nothing = xp.ones((), dtype=x.dtype), xp.zeros((), dtype=x.dtype)
    is_zero = values == 0
    nonzero = xp.where(is_zero, one, values)
    product = xp.scatter_multiply(xp.where(x == 0, one, x), places, nonzero, dim)
    zeros = xp.scatter_add(
        xp.where(x == 0, one, nothing), places, xp.where(is_zero, one, nothing), dim
    )
    rest = xp.gather(zeros, places, dim) - xp.where(is_zero, one, nothing)
    return xp.where(rest == 0, xp.gather(product, places, dim) / nonzero, nothing)


class Multiplied:
    """A copy of x multiplied by the values scattered to it."""

    def forward(xp, x, places, values, *, dim):
        return xp.scatter_multiply(x, places, values, dim)

    def vjp_x(xp, ct, x_shape, x_dtype, places, values, dim):
        ones = xp.ones(x_shape, dtype=x_dtype)
        return ct * xp.conj(xp.scatter_multiply(ones, places, values, dim))

    def vjp_values(xp, ct, x, places, values, dim):
        return xp.gather(ct, places, dim) * xp.conj(_others(xp, x, places, values, dim))

    def jvp_x(xp, t, x_shape, x_dtype, places, values, dim):
        return t * xp.scatter_multiply(xp.ones(x_shape, dtype=x_dtype), places, values, dim)

    def jvp_values(xp, t, x, x_shape, x_dtype, places, values, dim):
        moved = t * _others(xp, x, places, values, dim)
        return xp.scatter_add(xp.zeros(x_shape, dtype=x_dtype), places, moved, dim)


scatter_prod, index_prod = _twice(
    "prod",
    Multiplied,
    lambda: [_once(), _often()],
    _scatter_reference(lambda old, new: old * new),
)


def _shares(xp: Any, x: Any, places: Any, values: Any, out: Any, dim: int) -> Any:
    """What part of each extreme x and each of `values` has: ties are split evenly."""
    one, nothing = xp.ones((), dtype=x.dtype), xp.zeros((), dtype=x.dtype)
    own = xp.where(x == out, one, nothing)
    brought = xp.where(values == xp.gather(out, places, dim), one, nothing)
    met = xp.scatter_add(own, places, brought, dim)
    return own / met, brought / xp.gather(met, places, dim)


class Extreme:
    """The largest (or smallest) of x and the values scattered to each place."""

    def forward(xp, x, places, values, *, dim, largest):
        return xp.scatter_extreme(x, places, values, dim, largest)

    def vjp_x(xp, ct, x, places, values, out, dim):
        return ct * _shares(xp, x, places, values, out, dim)[0]

    def vjp_values(xp, ct, x, places, values, out, dim):
        return xp.gather(ct, places, dim) * _shares(xp, x, places, values, out, dim)[1]

    def jvp_x(xp, t, x, places, values, out, dim):
        return t * _shares(xp, x, places, values, out, dim)[0]

    def jvp_values(xp, t, x, x_shape, x_dtype, places, values, out, dim):
        moved = t * _shares(xp, x, places, values, out, dim)[1]
        return xp.scatter_add(xp.zeros(x_shape, dtype=x_dtype), places, moved, dim)


def _both_ends() -> Any:
    for sample in (_once(), _often()):
        for largest in (False, True):
            yield Sample(sample.inputs, {**sample.params, "largest": largest})


scatter_extreme, index_extreme = _twice(
    "extreme",
    Extreme,
    _both_ends,
    _scatter_reference(lambda old, new, largest: (max if largest else min)(old, new)),
)
