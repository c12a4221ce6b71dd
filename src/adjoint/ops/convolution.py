"""Floor 2: convolution and its two transposes, which are each other's derivatives.

`padding` holds (before, after) for each spatial axis; strides may leave the end of an axis unread.
"""

from __future__ import annotations

import numpy as np

from .operation import general, linear
from .samples import cases

PLAIN = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}
ODD = {"stride": (2, 1), "padding": ((1, 0), (2, 1)), "dilation": (1, 2), "groups": 2}
LINE = {"stride": (2,), "padding": ((2, 2),), "dilation": (1,), "groups": 1}


def correlate(x, w, stride, padding, dilation, groups):
    """Convolution from its definition, one output at a time."""
    x = np.pad(x, ((0, 0), (0, 0), *padding))
    kernel = w.shape[2:]
    size = [
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(x.shape[2:], kernel, stride, dilation, strict=True)
    ]
    out = np.zeros((len(x), len(w), *size), x.dtype)
    per_group, inner = len(w) // groups, w.shape[1]
    for o in range(len(w)):
        first = o // per_group * inner
        for at in np.ndindex(*size):
            place = tuple(
                slice(a * s, a * s + d * (k - 1) + 1, d)
                for a, s, d, k in zip(at, stride, dilation, kernel, strict=True)
            )
            patch = x[(slice(None), slice(first, first + inner), *place)]
            axes = tuple(range(1, patch.ndim))
            out[(slice(None), o, *at)] = (patch * w[o]).sum(axis=axes)
    return out


@linear(
    "convolve",
    node="ConvolutionBackward0",
    samples=cases(
        ((2, 3, 5, 4), (4, 3, 3, 2), PLAIN),
        ((1, 4, 6, 7), (6, 2, 3, 3), ODD),
        ((2, 2, 7), (3, 2, 3), LINE),
        ((0, 2, 5, 4), (3, 2, 2, 2), PLAIN),
    ),
    reference=correlate,
)
class convolve:
    """Cross-correlation of x (n, c, *space) with w (o, c/groups, *kernel)."""

    def forward(xp, x, w, *, stride, padding, dilation, groups):
        return xp.convolve(x, w, stride=stride, padding=padding, dilation=dilation, groups=groups)

    def transpose_x(xp, ct, w, x_shape, stride, padding, dilation, groups):
        return to_input(xp, ct, w, x_shape, stride, padding, dilation, groups)

    def transpose_w(xp, ct, x, w_shape, stride, padding, dilation, groups):
        return to_weight(xp, ct, x, w_shape, stride, padding, dilation, groups)


def to_input(xp, ct, w, x_shape, stride, padding, dilation, groups):
    """The cotangent of x."""
    return xp.convolve_input_transpose(
        ct,
        xp.conj(w),
        size=x_shape[2:],
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
    )


def to_weight(xp, ct, x, w_shape, stride, padding, dilation, groups):
    """The cotangent of w."""
    return xp.convolve_weight_transpose(
        ct,
        xp.conj(x),
        kernel=w_shape[2:],
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
    )


def to_bias(xp, ct):
    """The cotangent of a bias per channel."""
    return xp.sum(ct, axis=(0, *range(2, ct.ndim)))


def spread_channels(xp, b, out_shape):
    """A value per channel (c,) as an array (n, c, *space)."""
    return xp.broadcast_to(xp.reshape(b, (-1, *(1 for _ in out_shape[2:]))), out_shape)


@general(
    "convolution",
    node="ConvolutionBackward0",
    samples=cases(
        ((2, 3, 5, 4), (4, 3, 3, 2), (4,), PLAIN),
        ((1, 4, 6, 7), (6, 2, 3, 3), (6,), ODD),
        ((2, 2, 7), (3, 2, 3), (3,), LINE),
    ),
    reference=lambda x, w, b, **params: (
        correlate(x, w, **params) + b.reshape(-1, *(1 for _ in x.shape[2:]))
    ),
)
class convolution:
    """Cross-correlation with a bias (o,) for each output channel."""

    def forward(xp, x, w, b, *, stride, padding, dilation, groups):
        return xp.convolve(
            x, w, b, stride=stride, padding=padding, dilation=dilation, groups=groups
        )

    def vjp_x(xp, ct, w, x_shape, stride, padding, dilation, groups):
        return to_input(xp, ct, w, x_shape, stride, padding, dilation, groups)

    def vjp_w(xp, ct, x, w_shape, stride, padding, dilation, groups):
        return to_weight(xp, ct, x, w_shape, stride, padding, dilation, groups)

    def vjp_b(xp, ct):
        return to_bias(xp, ct)

    def jvp_x(xp, t, w, stride, padding, dilation, groups):
        return xp.convolve(t, w, stride=stride, padding=padding, dilation=dilation, groups=groups)

    def jvp_w(xp, t, x, stride, padding, dilation, groups):
        return xp.convolve(x, t, stride=stride, padding=padding, dilation=dilation, groups=groups)

    def jvp_b(xp, t, out):
        return spread_channels(xp, t, out.shape)


def first_windows(found, shape):
    """Less the windows that y has no elements for: output_padding beyond the stride makes some."""
    if tuple(found.shape) == tuple(shape):
        return found
    return found[(..., *[slice(0, n) for n in shape[2:]])]


@linear(
    "convolve_input_transpose",
    node="ConvolutionBackward0",
    samples=cases(
        ((2, 4, 3, 3), (4, 3, 3, 2), {"size": (5, 4), **PLAIN}),
        ((1, 6, 3, 6), (6, 2, 3, 3), {"size": (6, 7), **ODD}),
        ((2, 3, 5), (3, 2, 3), {"size": (7,), **LINE}),
        ((2, 3, 4), (3, 2, 3), {"size": (9,), **LINE}),
    ),
)
class convolve_input_transpose:
    """The transpose of `convolve` in x: ct (n, o, *out) -> (n, c, *size)."""

    def forward(xp, y, w, *, size, stride, padding, dilation, groups):
        return xp.convolve_input_transpose(
            y, w, size=size, stride=stride, padding=padding, dilation=dilation, groups=groups
        )

    def transpose_y(xp, ct, w, y_shape, stride, padding, dilation, groups):
        found = xp.convolve(
            ct, xp.conj(w), stride=stride, padding=padding, dilation=dilation, groups=groups
        )
        return first_windows(found, y_shape)

    def transpose_w(xp, ct, y, w_shape, stride, padding, dilation, groups):
        return xp.convolve_weight_transpose(
            xp.conj(y),
            ct,
            kernel=w_shape[2:],
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
        )


@linear(
    "convolve_weight_transpose",
    node="ConvolutionBackward0",
    samples=cases(
        ((2, 4, 3, 3), (2, 3, 5, 4), {"kernel": (3, 2), **PLAIN}),
        ((1, 6, 3, 6), (1, 4, 6, 7), {"kernel": (3, 3), **ODD}),
        ((2, 3, 5), (2, 2, 7), {"kernel": (3,), **LINE}),
    ),
)
class convolve_weight_transpose:
    """The transpose of `convolve` in w: ct (n, o, *out), x -> (o, c/groups, *kernel)."""

    def forward(xp, y, x, *, kernel, stride, padding, dilation, groups):
        return xp.convolve_weight_transpose(
            y,
            x,
            kernel=kernel,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
        )

    def transpose_y(xp, ct, x, y_shape, stride, padding, dilation, groups):
        found = xp.convolve(
            xp.conj(x), ct, stride=stride, padding=padding, dilation=dilation, groups=groups
        )
        return first_windows(found, y_shape)

    def transpose_x(xp, ct, y, x_shape, stride, padding, dilation, groups):
        return xp.convolve_input_transpose(
            xp.conj(y),
            ct,
            size=x_shape[2:],
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
        )
