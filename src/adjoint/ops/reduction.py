"""Floor 2: sums and means: sum, mean, nansum, prod, var, std, logsumexp.

`dim` is None (all) or a tuple of non-negative ints; `prod` over one dimension takes an int.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.reductions import reduced_size
from .operation import general, linear
from .samples import Sample, cases, unary
from .scan import products_of_others


def kept_shape(shape: Any, dim: Any) -> tuple[int, ...]:
    """`shape` with size 1 in the reduced dimensions."""
    if dim is None:
        return (1,) * len(shape)
    dims = (dim,) if isinstance(dim, int) else dim
    return tuple([1 if i in dims else n for i, n in enumerate(shape)])


def restore(xp: Any, reduced: Any, dim: Any, keepdim: bool, shape: Any) -> Any:
    """A reduced array with its lost dimensions back, so that it broadcasts to `shape`."""
    return reduced if keepdim or dim is None else xp.reshape(reduced, kept_shape(shape, dim))


def inner(xp: Any, a: Any, b: Any, dim: Any, keepdim: bool) -> Any:
    """sum(a * b) over `dim`."""
    return xp.sum(xp.multiply(a, b), axis=dim, keepdims=keepdim)


@linear("sum", samples=unary(), reference=np.sum)
class sum_:
    """Sum of all elements."""

    def forward(xp, x):
        return xp.sum(x)

    def transpose_x(xp, ct, x_shape):
        return xp.spread(ct, x_shape)


REDUCED = cases(
    ((2, 3), {"dim": (0,), "keepdim": False}),
    ((2, 3), {"dim": (1,), "keepdim": True}),
    ((2, 1, 3), {"dim": (0, 2), "keepdim": False}),
    ((2, 1, 3), {"dim": None, "keepdim": True}),
    ((0, 3), {"dim": (1,), "keepdim": False}),
    ((), {"dim": (), "keepdim": False}),
)


@linear(
    "sum_dim",
    node="SumBackward1",
    samples=REDUCED,
    reference=lambda x, *, dim, keepdim: np.sum(x, axis=dim, keepdims=keepdim),
)
class sum_dim:
    """Sum over some dimensions."""

    def forward(xp, x, *, dim, keepdim=False):
        return xp.sum(x, axis=dim, keepdims=keepdim)

    def transpose_x(xp, ct, x_shape, dim, keepdim):
        return xp.spread(restore(xp, ct, dim, keepdim, x_shape), x_shape)


@linear("mean", samples=cases(((),), ((5,),), ((2, 3),)), reference=np.mean)
class mean:
    """Arithmetic mean of all elements."""

    def forward(xp, x):
        return xp.mean(x)

    def transpose_x(xp, ct, x_shape):
        return xp.spread(ct / max(reduced_size(x_shape, None), 1), x_shape)


@linear(
    "mean_dim",
    node="MeanBackward1",
    samples=REDUCED,
    reference=lambda x, *, dim, keepdim: np.mean(x, axis=dim, keepdims=keepdim),
)
class mean_dim:
    """Arithmetic mean over some dimensions."""

    def forward(xp, x, *, dim, keepdim=False):
        return xp.mean(x, axis=dim, keepdims=keepdim)

    def transpose_x(xp, ct, x_shape, dim, keepdim):
        share = restore(xp, ct, dim, keepdim, x_shape) / max(reduced_size(x_shape, dim), 1)
        return xp.spread(share, x_shape)


@general("prod", samples=unary(0.5, 2.0), reference=np.prod)
class prod:
    """Product of all elements; right at zeros, in every order of derivative."""

    def forward(xp, x):
        return xp.prod(x)

    def vjp_x(xp, ct, x, x_shape):
        others = products_of_others(xp, xp.reshape(x, (-1,)), 0)
        return ct * xp.conj(xp.reshape(others, x_shape))

    def jvp_x(xp, t, x):
        others = products_of_others(xp, xp.reshape(x, (-1,)), 0)
        return xp.sum(others * xp.reshape(t, (-1,)))


@general(
    "prod_dim",
    node="ProdBackward1",
    samples=cases(
        ((3,), {"dim": 0, "keepdim": False}),
        ((2, 3), {"dim": 1, "keepdim": True}),
        ((2, 3, 2), {"dim": 1, "keepdim": False}),
        Sample((np.array([[0.0, 2.0, 3.0], [1.5, 0.5, 2.0]]),), {"dim": 1, "keepdim": False}),
    ),
    reference=lambda x, *, dim, keepdim: np.prod(x, axis=dim, keepdims=keepdim),
)
class prod_dim:
    """Product along one dimension; right at zeros, in every order of derivative."""

    def forward(xp, x, *, dim, keepdim=False):
        return xp.prod(x, axis=dim, keepdims=keepdim)

    def vjp_x(xp, ct, x, x_shape, dim, keepdim):
        others = products_of_others(xp, x, dim)
        return restore(xp, ct, dim, keepdim, x_shape) * xp.conj(others)

    def jvp_x(xp, t, x, dim, keepdim):
        return inner(xp, products_of_others(xp, x, dim), t, dim, keepdim)


SPREADS = cases(
    ((2, 3), {"dim": None, "correction": 1, "keepdim": False}),
    ((2, 3), {"dim": (0,), "correction": 0, "keepdim": True}),
    ((4, 1, 3), {"dim": (0, 2), "correction": 1, "keepdim": False}),
    ((2, 3), {"dim": (1,), "correction": 0.5, "keepdim": False}),
)


def centred(xp: Any, x: Any, dim: Any, correction: Any) -> Any:
    """2 (x - mean) / (n - correction): the derivative of the variance."""
    count = reduced_size(x.shape, dim) - correction
    return (x - xp.mean(x, axis=dim, keepdims=True)) * (2 / count if count else np.inf)


def real_inner(xp: Any, a: Any, b: Any, dim: Any, keepdim: bool) -> Any:
    """Real part of sum(conj(a) * b) over `dim`."""
    return xp.sum(xp.real(xp.multiply(xp.conj(a), b)), axis=dim, keepdims=keepdim)


def half_inverse(xp: Any, out: Any) -> Any:
    """1 / (2 out), and 0 where `out` is 0: the derivative of the root, as torch has it here."""
    return 0.5 / xp.where(xp.equal(out, 0), np.inf, out)


@general(
    "var",
    samples=SPREADS,
    reference=lambda x, *, dim, correction, keepdim: np.var(
        x, axis=dim, ddof=correction, keepdims=keepdim
    ),
)
class var:
    """Variance: sum |x - mean|² / (n - correction)."""

    def forward(xp, x, *, dim=None, correction=1, keepdim=False):
        return xp.variance(x, axis=dim, correction=correction, keepdims=keepdim)

    def vjp_x(xp, ct, x, x_shape, dim, correction, keepdim):
        return restore(xp, ct, dim, keepdim, x_shape) * centred(xp, x, dim, correction)

    def jvp_x(xp, t, x, dim, correction, keepdim):
        return real_inner(xp, centred(xp, x, dim, correction), t, dim, keepdim)


@general(
    "std",
    samples=SPREADS,
    reference=lambda x, *, dim, correction, keepdim: np.std(
        x, axis=dim, ddof=correction, keepdims=keepdim
    ),
)
class std:
    """Standard deviation: the root of the variance, whose derivative at 0 is 0."""

    def forward(xp, x, *, dim=None, correction=1, keepdim=False):
        return xp.sqrt(xp.variance(x, axis=dim, correction=correction, keepdims=keepdim))

    def vjp_x(xp, ct, x, out, x_shape, dim, correction, keepdim):
        ct = restore(xp, ct * half_inverse(xp, out), dim, keepdim, x_shape)
        return ct * centred(xp, x, dim, correction)

    def jvp_x(xp, t, x, out, dim, correction, keepdim):
        moved = real_inner(xp, centred(xp, x, dim, correction), t, dim, keepdim)
        return moved * half_inverse(xp, out)


def _moments(x: Any, *, dim: Any, correction: float, keepdim: bool) -> Any:
    options: dict[str, Any] = {"axis": dim, "keepdims": keepdim}
    return np.var(x, ddof=correction, **options), np.mean(x, **options)


@general("var_mean", outputs=("spread", "center"), samples=SPREADS, reference=_moments)
class var_mean:
    """Variance and mean together."""

    def forward(xp, x, *, dim=None, correction=1, keepdim=False):
        options = {"axis": dim, "keepdims": keepdim}
        return xp.variance(x, correction=correction, **options), xp.mean(x, **options)

    def vjp_x(xp, ct, x, x_shape, dim, correction, keepdim):
        parts = []
        if 0 in ct:
            parts.append(
                restore(xp, ct[0], dim, keepdim, x_shape) * centred(xp, x, dim, correction)
            )
        if 1 in ct:
            parts.append(mean_dim.rules["transpose_x"](xp, ct[1], x_shape, dim, keepdim))
        return parts[0] if len(parts) == 1 else parts[0] + parts[1]

    def jvp_x(xp, t, x, dim, correction, keepdim):
        moved = real_inner(xp, centred(xp, x, dim, correction), t, dim, keepdim)
        return moved, xp.mean(t, axis=dim, keepdims=keepdim)


@general(
    "std_mean",
    outputs=("spread", "center"),
    samples=SPREADS,
    reference=lambda x, **options: (np.sqrt(_moments(x, **options)[0]), _moments(x, **options)[1]),
)
class std_mean:
    """Standard deviation and mean together."""

    def forward(xp, x, *, dim=None, correction=1, keepdim=False):
        options = {"axis": dim, "keepdims": keepdim}
        return xp.sqrt(xp.variance(x, correction=correction, **options)), xp.mean(x, **options)

    def vjp_x(xp, ct, x, spread, x_shape, dim, correction, keepdim):
        if 0 in ct:
            ct = {**ct, 0: ct[0] * half_inverse(xp, spread)}
        return var_mean.rules["vjp_x"](xp, ct, x, x_shape, dim, correction, keepdim)

    def jvp_x(xp, t, x, spread, dim, correction, keepdim):
        moved, center = var_mean.rules["jvp_x"](xp, t, x, dim, correction, keepdim)
        return moved * half_inverse(xp, spread), center


@general(
    "nansum",
    samples=REDUCED,
    reference=lambda x, *, dim, keepdim: np.nansum(x, axis=dim, keepdims=keepdim),
)
class nansum:
    """Sum over some dimensions in which nan counts as 0."""

    def forward(xp, x, *, dim=None, keepdim=False):
        return xp.sum(xp.where(xp.isnan(x), 0, x), axis=dim, keepdims=keepdim)

    def vjp_x(xp, ct, x, x_shape, dim, keepdim):
        return xp.where(xp.isnan(x), 0, restore(xp, ct, dim, keepdim, x_shape))

    def jvp_x(xp, t, x, dim, keepdim):
        return xp.sum(xp.where(xp.isnan(x), 0, t), axis=dim, keepdims=keepdim)


@general(
    "logsumexp",
    samples=cases(
        ((2, 3), {"dim": (0,), "keepdim": False}),
        ((2, 3), {"dim": (1,), "keepdim": True}),
        ((2, 1, 3), {"dim": (0, 2), "keepdim": False}),
        ((), {"dim": (), "keepdim": False}),
    ),
    reference=lambda x, *, dim, keepdim: np.log(np.sum(np.exp(x), axis=dim, keepdims=keepdim)),
)
class logsumexp:
    """log(sum(exp(x))) over some dimensions, without overflow."""

    def forward(xp, x, *, dim, keepdim=False):
        return xp.logsumexp(x, axis=dim, keepdims=keepdim)

    def vjp_x(xp, ct, x, out, x_shape, dim, keepdim):
        weight = xp.shares(x, restore(xp, out, dim, keepdim, x_shape), axis=dim)
        return restore(xp, ct, dim, keepdim, x_shape) * xp.conj(weight)

    def jvp_x(xp, t, x, out, x_shape, dim, keepdim):
        weight = xp.shares(x, restore(xp, out, dim, keepdim, x_shape), axis=dim)
        return inner(xp, weight, t, dim, keepdim)
