"""Floor 2: products of matrices and vectors: dot, mv, mm, bmm, matmul, linear, addmm, cross."""

from __future__ import annotations

import numpy as np

from ..arrays import products as arrays
from ..autograd import modes
from ..autograd.modes import state
from ..autograd.tensor import Tensor, mark_born, new, refresh, storage_of
from .operation import general, linear
from .samples import cases

_NO_PARAMS: dict[str, object] = {}


def adjoint_of(xp, x):
    """The conjugate transpose of the last two axes."""
    return xp.conj(xp.matrix_transpose(x))


@linear("dot", samples=cases(((4,), (4,)), ((0,), (0,))), reference=np.dot)
class dot:
    """Sum of products of two vectors (k,), without conjugation."""

    def forward(xp, x, y):
        return xp.matmul(x, y)

    def transpose_x(xp, ct, y):
        return xp.multiply(ct, xp.conj(y))

    def transpose_y(xp, ct, x):
        return xp.multiply(ct, xp.conj(x))


@linear("mv", samples=cases(((3, 4), (4,)), ((3, 0), (0,))), reference=np.dot)
class mv:
    """Matrix (m, k) times vector (k,)."""

    def forward(xp, x, y):
        return xp.matmul(x, y)

    def transpose_x(xp, ct, y):
        return xp.multiply(xp.expand_dims(ct, axis=1), xp.conj(y))

    def transpose_y(xp, ct, x):
        return xp.matmul(adjoint_of(xp, x), ct)


@linear("mm", samples=cases(((2, 3), (3, 4)), ((0, 3), (3, 2)), ((2, 0), (0, 3))), reference=np.dot)
class mm:
    """Matrix product: x (m, k) times y (k, n)."""

    def forward(xp, x, y):
        return xp.matmul(x, y)

    def transpose_x(xp, ct, y):
        return xp.matmul(ct, adjoint_of(xp, y))

    def transpose_y(xp, ct, x):
        return xp.matmul(adjoint_of(xp, x), ct)


@linear(
    "bmm",
    samples=cases(((5, 2, 3), (5, 3, 4)), ((0, 2, 3), (0, 3, 4))),
    reference=lambda x, y: np.einsum("bij,bjk->bik", x, y),
)
class bmm:
    """A matrix product for each of b: x (b, m, k) times y (b, k, n)."""

    def forward(xp, x, y):
        return xp.matmul(x, y)

    def transpose_x(xp, ct, y):
        return xp.matmul(ct, adjoint_of(xp, y))

    def transpose_y(xp, ct, x):
        return xp.matmul(adjoint_of(xp, x), ct)


@linear(
    "matmul",
    node="UnsafeViewBackward0",
    samples=cases(
        ((5, 2, 3), (3, 4)),
        ((2, 3), (5, 3, 4)),
        ((2, 1, 3, 2), (4, 2, 3)),
        ((2, 5, 0), (0, 3)),
    ),
    reference=lambda x, y: np.einsum("...ij,...jk->...ik", x, y),
)
class matmul:
    """Matrix products over broadcast leading axes: x (..., m, k) times y (..., k, n)."""

    def forward(xp, x, y):
        return xp.matmul(x, y)

    def transpose_x(xp, ct, y):
        return xp.matmul(ct, adjoint_of(xp, y))

    def transpose_y(xp, ct, x, y_shape):
        if len(y_shape) == 2:  # one matrix for all rows: the sum over rows is in the product
            return xp.matmul(adjoint_of(xp, flat_rows(xp, x)), flat_rows(xp, ct))
        return xp.matmul(adjoint_of(xp, x), ct)


def flat_rows(xp, x):
    """x (..., k) as one matrix (rows, k)."""
    if x.ndim == 2:
        return x
    rows = 1
    for n in x.shape[:-1]:
        rows *= n
    return xp.reshape(x, (rows, x.shape[-1]))


@linear(
    "project",
    node="MmBackward0",
    samples=cases(((2, 3), (4, 3)), ((2, 5, 3), (4, 3)), ((3,), (4, 3)), ((0, 3), (4, 3))),
    reference=lambda x, w: np.einsum("...k,nk->...n", x, w),
)
class project:
    """out = x wᵀ for x (..., k), w (n, k): a linear layer without bias."""

    def forward(xp, x, w):
        return xp.matmul(x, xp.matrix_transpose(w))

    def transpose_x(xp, ct, w):
        return xp.matmul(ct, xp.conj(w))

    def transpose_w(xp, ct, x):
        return weight_cotangent(xp, ct, x)


def weight_cotangent(xp, ct, x):
    """ctᵀ x in the layout of the weight, for any number of leading axes."""
    if ct.ndim == 2:
        return xp.matmul(xp.matrix_transpose(ct), xp.conj(x))
    return xp.matmul(xp.matrix_transpose(flat_rows(xp, ct)), xp.conj(flat_rows(xp, x)))


@general(
    "linear",
    node="AddmmBackward0",
    samples=cases(
        ((2, 3), (4, 3), (4,)),
        ((2, 5, 3), (4, 3), (4,)),
        ((3,), (4, 3), (4,)),
        ((0, 3), (4, 3), (4,)),
    ),
    reference=lambda x, w, b: np.einsum("...k,nk->...n", x, w) + b,
)
class linear_layer:
    """out = x wᵀ + b for x (..., k), w (n, k), b (n,)."""

    def forward(xp, x, w, b):
        return xp.linear(x, w, b)

    def vjp_x(xp, ct, w):
        return xp.matmul(ct, xp.conj(w))

    def vjp_w(xp, ct, x):
        return weight_cotangent(xp, ct, x)

    def vjp_b(xp, ct):
        return xp.sum(ct, axis=tuple(range(ct.ndim - 1))) if ct.ndim > 1 else ct

    def jvp_x(xp, t, w):
        return xp.matmul(t, xp.matrix_transpose(w))

    def jvp_w(xp, t, x):
        return xp.matmul(x, xp.matrix_transpose(t))

    def jvp_b(xp, t, x_shape):
        return xp.broadcast_to(t, (*x_shape[:-1], t.shape[0]))


def run_linear(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """`linear_layer(x, w, b)` for one float dtype: every layer's path, 2 µs less than the call."""
    try:
        out = arrays.linear(x._data, w._data, b._data)
    except RuntimeWarning:  # the user turned NumPy's warnings into errors
        out = linear_layer.compute((x._data, w._data, b._data), {})
    t: Tensor = new(Tensor)
    t._data = out
    t._requires_grad = False
    t._edge = t._storage = t._view = t._meta = None
    if state.grad:
        if x._view is not None:
            refresh(x)
        if w._view is not None:
            refresh(w)
        if b._view is not None:
            refresh(b)
        mask = x._requires_grad | w._requires_grad << 1 | b._requires_grad << 2
        if mask:
            plan = linear_layer.plans.get(mask) or linear_layer.plan(mask, 3, False)
            linear_layer.record_one(
                linear_layer.node_class, plan, (x, w, b), (t,), out, _NO_PARAMS, 3
            )
        elif modes.reversing:
            mark_born(t)
    elif state.inference:
        storage_of(t).inference = True
    elif modes.reversing:
        mark_born(t)
    return t


@general(
    "addmm",
    samples=cases(
        ((2, 4), (2, 3), (3, 4), {"alpha": 1, "beta": 1}),
        ((4,), (2, 3), (3, 4), {"alpha": -0.5, "beta": 2.0}),
        ((), (2, 0), (0, 3), {"alpha": 2, "beta": 1}),
    ),
    reference=lambda c, x, y, alpha, beta: beta * c + alpha * np.dot(x, y),
)
class addmm:
    """out = beta c + alpha (x y), with c broadcast to (m, n)."""

    def forward(xp, c, x, y, *, alpha, beta):
        out = xp.matmul(x, y)
        out = out if alpha == 1 else alpha * out
        return out + (c if beta == 1 else beta * c)

    def vjp_c(xp, ct, beta):
        return ct if beta == 1 else ct * beta

    def vjp_x(xp, ct, y, alpha):
        return xp.matmul(ct if alpha == 1 else ct * alpha, adjoint_of(xp, y))

    def vjp_y(xp, ct, x, alpha):
        return xp.matmul(adjoint_of(xp, x), ct if alpha == 1 else ct * alpha)

    def jvp_c(xp, t, x_shape, y_shape, beta):
        return xp.broadcast_to(t * beta, (x_shape[0], y_shape[1]))

    def jvp_x(xp, t, y, alpha):
        return xp.matmul(t, y) * alpha

    def jvp_y(xp, t, x, alpha):
        return xp.matmul(x, t) * alpha


@linear(
    "cross",
    node="LinalgCrossBackward0",
    samples=cases(((3,), (3,), {"axis": 0}), ((2, 3), (4, 1, 3), {"axis": -1})),
    reference=lambda x, y, axis: np.cross(x, y, axis=axis),
)
class cross:
    """The vector product of x and y along an axis of size 3."""

    def forward(xp, x, y, *, axis):
        return xp.cross(x, y, axis=axis)

    def transpose_x(xp, ct, y, axis):
        return xp.cross(xp.conj(y), ct, axis=axis)

    def transpose_y(xp, ct, x, axis):
        return xp.cross(ct, xp.conj(x), axis=axis)
