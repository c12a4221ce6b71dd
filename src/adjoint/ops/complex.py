"""Floor 2: complex numbers: parts, conjugate, angle, and views between pairs and numbers.

Gradients are dL/dRe + i dL/dIm, so the vjp of a function is linear over the reals only.
"""

from __future__ import annotations

import numpy as np

from .operation import general, linear
from .samples import REAL_ONLY, Sample, binary, cases

_Z = np.array([[1 + 2j, -0.5 + 0.3j], [2 - 1j, 0.25 + 0j]])
_NUMBERS = cases((_Z,), (_Z[0, 0],), (_Z[:0],))


@linear("real", node="SelectBackward0", view=True, samples=_NUMBERS, reference=np.real)
class real:
    """The real part, sharing memory.

    >>> torch.real(torch.tensor([1 + 2j]))
    tensor([1.])
    """

    def forward(xp, x):
        return xp.real(x)

    def transpose_x(xp, ct):
        return xp.complex(ct, xp.zeros_like(ct))


@linear("imag", node="SelectBackward0", view=True, samples=_NUMBERS, reference=np.imag)
class imag:
    """The imaginary part, sharing memory.

    >>> torch.imag(torch.tensor([1 + 2j]))
    tensor([2.])
    """

    def forward(xp, x):
        return xp.imag(x)

    def transpose_x(xp, ct):
        return xp.complex(xp.zeros_like(ct), ct)


@linear("conj", samples=_NUMBERS, reference=np.conj)
class conj:
    """The complex conjugate, computed at once.

    >>> torch.conj(torch.tensor([1 + 2j]))
    tensor([1.-2.j])
    """

    def forward(xp, x):
        return xp.conj(x)

    def transpose_x(xp, ct):
        return xp.conj(ct)


@general("angle", samples=cases((_Z,), ((2, 3),)), reference=lambda z: np.arctan2(z.imag, z.real))
class angle:
    """The argument of a complex number, in (-pi, pi]; of a real one 0 or pi (nan for nan).

    The derivative is 0 for real x and at 0.

    >>> torch.angle(torch.tensor([1j, -1.0]))
    tensor([1.5708, 3.1416])
    """

    def forward(xp, x):
        return xp.angle(x)

    def vjp_x(xp, ct, x, x_dtype):
        return ct * _gradient(xp, x) if x_dtype.kind == "c" else xp.zeros_like(ct)

    def jvp_x(xp, t, x, x_dtype):
        if x_dtype.kind != "c":
            return xp.zeros_like(t)
        return xp.real(xp.conj(_gradient(xp, x)) * t)


def _gradient(xp, x):
    """i z / |z|^2, the gradient of the angle of z; 0 at 0."""
    re, im = xp.real(x), xp.imag(x)
    square = re * re + im * im
    square = xp.where(xp.equal(square, 0), 1, square)
    return xp.complex(-im / square, re / square)


@general(
    "complex",
    samples=binary(),
    reference=lambda re, im: re + 1j * im,
    except_laws=REAL_ONLY,
)
class complex:
    """The complex number re + i im of two real tensors of one dtype.

    >>> torch.complex(torch.tensor([1.0]), torch.tensor([2.0]))
    tensor([1.+2.j])
    """

    def forward(xp, re, im):
        return xp.complex(re, im)

    def vjp_re(xp, ct):
        return xp.real(ct)

    def vjp_im(xp, ct):
        return xp.imag(ct)

    def jvp_re(xp, t, im):
        return xp.complex(t, xp.zeros_like(im))

    def jvp_im(xp, t, re):
        return xp.complex(xp.zeros_like(re), t)


@general(
    "polar",
    samples=binary(x=(0.2, 2.0)),
    reference=lambda size, phase: size * np.exp(1j * phase),
    except_laws=REAL_ONLY,
)
class polar:
    """The complex number of size r and angle phi: out = r e^(i phi).

    >>> torch.polar(torch.tensor([2.0]), torch.tensor([0.0]))
    tensor([2.+0.j])
    """

    def forward(xp, size, phase):
        return xp.complex(size * xp.cos(phase), size * xp.sin(phase))

    def vjp_size(xp, ct, phase):
        return xp.real(ct) * xp.cos(phase) + xp.imag(ct) * xp.sin(phase)

    def vjp_phase(xp, ct, out):
        return xp.imag(ct) * xp.real(out) - xp.real(ct) * xp.imag(out)

    def jvp_size(xp, t, phase):
        return xp.complex(t * xp.cos(phase), t * xp.sin(phase))

    def jvp_phase(xp, t, out):
        return xp.complex(-xp.imag(out) * t, xp.real(out) * t)


@linear("view_as_real", view=True, samples=_NUMBERS)
class view_as_real:
    """A complex tensor as pairs of reals along a new last dim, sharing memory.

    >>> torch.view_as_real(torch.tensor([1 + 2j]))
    tensor([[1., 2.]])
    """

    def forward(xp, x):
        return xp.view_as_real(x)

    def transpose_x(xp, ct):
        return xp.complex(ct[..., 0], ct[..., 1])


def _pairs():
    yield Sample((np.arange(6.0).reshape(3, 2),))
    yield Sample((np.arange(8.0).reshape(2, 2, 2),))


@linear("view_as_complex", view=True, keeps_dtype=False, samples=_pairs, except_laws=REAL_ONLY)
class view_as_complex:
    """Pairs of reals along the last dim as complex numbers, sharing memory.

    >>> torch.view_as_complex(torch.tensor([[1.0, 2.0]]))
    tensor([1.+2.j])
    """

    def forward(xp, x):
        return xp.view_as_complex(x)

    def transpose_x(xp, ct):
        return xp.stack([xp.real(ct), xp.imag(ct)], axis=-1)
