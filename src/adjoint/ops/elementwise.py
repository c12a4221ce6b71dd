"""Floor 2: absolute value, sign, selection and interpolation, elementwise."""

from __future__ import annotations

import numpy as np

from .operation import elementwise, general
from .plan import ONE
from .samples import REAL_ONLY, Sample, binary, cases, generator, spread, unary

_COMPLEX = np.array([1 + 2j, -0.5 + 0.3j, 2 - 1j])


@general("abs", samples=unary(0.1, 2.0), reference=np.abs)
class abs:
    """Absolute value; |z| of complex numbers, which is real. The derivative at 0 is 0.

    >>> torch.abs(torch.tensor([-1.0, 2.0]))
    tensor([1., 2.])
    """

    def forward(xp, x):
        return xp.abs(x)

    def vjp_x(xp, ct, x):
        return ct * xp.sgn(x)

    def jvp_x(xp, t, x):
        return xp.real(xp.conj(xp.sgn(x)) * t)


def _zero(xp, ct):
    """The derivative of a step function."""
    return xp.zeros_like(ct)


@general("sign", samples=unary(-1.9, 2.2), reference=np.sign, except_laws=REAL_ONLY)
class sign:
    """-1, 0 or 1 by the sign of x; 0 for nan. The derivative is 0.

    >>> torch.sign(torch.tensor([-3.0, 0.0, 2.0]))
    tensor([-1.,  0.,  1.])
    """

    def forward(xp, x):
        return xp.sign(x)

    vjp_x = jvp_x = _zero


@general("sgn", samples=cases((_COMPLEX,), ((2, 3),)), reference=lambda x: x / np.abs(x))
class sgn:
    """x / |x|, and 0 at 0: the sign of a real number, the direction of a complex one.

    >>> torch.sgn(torch.tensor([3 + 4j]))
    tensor([0.6000+0.8000j])
    """

    def forward(xp, x):
        return xp.sgn(x)

    def vjp_x(xp, ct, x, out, x_dtype):
        return _turn(xp, ct, x, out, x_dtype)

    def jvp_x(xp, t, x, out, x_dtype):
        return _turn(xp, t, x, out, x_dtype)


def _turn(xp, t, x, out, x_dtype):
    """The part of t across the direction of x, over |x|; the same for both modes."""
    if x_dtype.kind != "c":
        return xp.zeros_like(t)
    size = xp.abs(x)
    zero = xp.equal(size, 0)
    across = t - out * xp.real(xp.conj(out) * t)
    return xp.where(zero, 0, across / xp.where(zero, 1, size))


@elementwise("linked", samples=cases(((2, 3), (2, 3)), ((), ())), reference=lambda value, x: value)
class linked:
    """The value, which depends on x by steps only, put in the graph of x with derivative 0.

    A rule that masks by x calls it, so that second derivatives are 0, not missing, as in torch.
    """

    def forward(xp, value, x):
        return xp.positive(value)

    d_value = ONE

    def d_x(xp, x_dtype):
        return xp.zeros((), dtype=x_dtype)


def _where_samples():
    for a, b, c in (((2, 3),) * 3, ((3,), (2, 1), (2, 3)), ((), (), ()), ((0, 2), (2,), (1, 1))):
        condition = generator("where", a).random(a) < 0.5
        yield Sample((condition, spread(b, -2.0, 2.0, "x"), spread(c, -2.0, 2.0, "y")))


@general("where", samples=_where_samples, reference=np.where)
class where:
    """x where the condition is true, else y. Neither branch's gradient reaches the other."""

    def forward(xp, condition, x, y):
        return xp.where(condition, x, y)

    def vjp_x(xp, ct, condition):
        return xp.keep(ct, condition)

    def vjp_y(xp, ct, condition):
        return xp.keep(ct, xp.logical_not(condition))

    def jvp_x(xp, t, condition, out):
        return xp.where(condition, t, xp.zeros_like(out))

    def jvp_y(xp, t, condition, out):
        return xp.where(condition, xp.zeros_like(out), t)


@general(
    "nan_to_num",
    samples=cases(
        ([1.0, np.nan],),
        ([1.0, np.nan, np.inf, -np.inf], {"nan": 7.0, "posinf": 8.0, "neginf": -8.0}),
        ((2, 3),),
    ),
    reference=lambda x, nan=0.0, posinf=None, neginf=None: np.nan_to_num(
        x, nan=nan, posinf=posinf, neginf=neginf
    ),
)
class nan_to_num:
    """Numbers for nan, inf and -inf: 0 and the largest and smallest of the dtype, unless given.

    The derivative is 1 at finite x, else 0.
    """

    def forward(xp, x, *, nan=0.0, posinf=None, neginf=None):
        return xp.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)

    def vjp_x(xp, ct, x, x_dtype):
        return _where_finite(xp, ct, x, x_dtype)

    def jvp_x(xp, t, x, x_dtype):
        return _where_finite(xp, t, x, x_dtype)


def _where_finite(xp, t, x, x_dtype):
    """t where x is finite, part by part."""
    if x_dtype.kind != "c":
        return xp.keep(t, xp.isfinite(x))
    return xp.complex(
        xp.keep(xp.real(t), xp.isfinite(xp.real(x))), xp.keep(xp.imag(t), xp.isfinite(xp.imag(x)))
    )


@general("copysign", samples=binary((0.2, 2.0), (-1.9, 2.2)), reference=np.copysign)
class copysign:
    """|x| with the sign of y. The derivative in x at 0 is 0; that in y is 0.

    >>> torch.copysign(torch.tensor([1.0, 2.0]), torch.tensor([-1.0, 0.0]))
    tensor([-1.,  2.])
    """

    def forward(xp, x, y):
        return xp.copysign(x, y)

    def vjp_x(xp, ct, x, out):
        return ct * xp.sign(x) * xp.sign(out)

    def vjp_y(xp, ct):
        return xp.zeros_like(ct)

    def jvp_x(xp, t, x, out):
        return t * xp.sign(x) * xp.sign(out)

    def jvp_y(xp, t, out):
        return xp.zeros_like(out)


@elementwise(
    "lerp",
    node="LerpBackward1",
    samples=cases(((2, 3),) * 3, ((3,), (2, 1), ()), ((),) * 3, ((0, 2),) * 3, low=0.1),
    reference=lambda x, y, w: x + w * (y - x),
)
class lerp:
    """Linear interpolation: out = x + w (y - x)."""

    def forward(xp, x, y, w):
        return x + w * (y - x)

    def d_x(xp, w):
        return 1 - w

    def d_y(xp, w):
        return w

    def d_w(xp, x, y):
        return y - x


@elementwise(
    "lerp_number",
    node="LerpBackward0",
    samples=cases(((2, 3), (2, 3), {"weight": 0.3}), ((3,), (2, 1), {"weight": 2.0})),
    reference=lambda x, y, weight: x + weight * (y - x),
)
class lerp_number:
    """Linear interpolation with a number as weight: out = x + w (y - x)."""

    def forward(xp, x, y, *, weight):
        return x + weight * (y - x)

    def d_x(xp, x_dtype, weight):
        return xp.asarray(1 - weight, dtype=x_dtype)

    def d_y(xp, y_dtype, weight):
        return xp.asarray(weight, dtype=y_dtype)


@elementwise(
    "addcmul",
    samples=cases(((2, 3),) * 3, ((3,), (2, 1), (), {"value": 0.5}), ((0, 2),) * 3),
    reference=lambda x, a, b, value=1: x + value * a * b,
)
class addcmul:
    """out = x + value a b.

    >>> torch.addcmul(torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor([3.0]), value=10)
    tensor([61.])
    """

    def forward(xp, x, a, b, *, value=1):
        return x + value * a * b

    d_x = ONE

    def d_a(xp, b, value):
        return b * value

    def d_b(xp, a, value):
        return a * value


@elementwise(
    "addcdiv",
    samples=cases(((2, 3),) * 3, ((3,), (2, 1), (), {"value": 0.5}), low=0.5),
    reference=lambda x, a, b, value=1: x + value * a / b,
)
class addcdiv:
    """out = x + value a / b.

    >>> torch.addcdiv(torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([2.0]), value=10)
    tensor([16.])
    """

    def forward(xp, x, a, b, *, value=1):
        return x + value * (a / b)

    d_x = ONE

    def d_a(xp, b, value):
        return value / b

    def d_b(xp, a, b, value):
        return -value * (a / b) / b


@elementwise(
    "ldexp",
    samples=cases(((2, 3), (2, 3)), ((3,), ()), ((0,), (1,))),
    reference=lambda x, y: x * 2.0**y,
)
class ldexp:
    """out = x 2^y.

    >>> torch.ldexp(torch.tensor([1.5]), torch.tensor([2]))
    tensor([6.])
    """

    def forward(xp, x, y):
        return x * xp.exp2(y)

    def d_x(xp, y):
        return xp.exp2(y)

    def d_y(xp, out):
        return out * 0.6931471805599453


@general(
    "heaviside",
    samples=cases(([-1.0, 0.0, 2.0], [5.0, 0.5, 5.0]), ((2, 3), ())),
    reference=np.heaviside,
)
class heaviside:
    """Step: 0 for x < 0, y at 0, 1 for x > 0; no derivative is defined (torch has none either).

    >>> torch.heaviside(torch.tensor([-1.0, 0.0, 2.0]), torch.tensor(0.5))
    tensor([0.0000, 0.5000, 1.0000])
    """

    def forward(xp, x, y):
        return xp.where(xp.equal(x, 0), y, xp.astype(xp.greater(x, 0), y.dtype))
