"""Floor 2: normalisation by mean and variance over some axes: batch, layer, group, instance norm.

Mean and (biased) variance are outputs two and three, which derivatives of every order go through.
"""

from __future__ import annotations

import math

import numpy as np

from ..arrays.normalization import shared_axes
from .operation import general
from .samples import cases

FEATURES = {"axes": (1,), "affine_shape": (4,), "eps": 1e-5}
CHANNELS = {"axes": (0, 2), "affine_shape": (1, 3, 1), "eps": 1e-3}


def reference(x, w, b, axes, affine_shape, eps):
    """Normalise by NumPy's moments."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    scaled = (x - mean) / np.sqrt(var + eps)
    return scaled * w.reshape(affine_shape) + b.reshape(affine_shape), mean, var


def plain_reference(x, axes, eps):
    """Without scale and shift."""
    return reference(x, np.ones(1), np.zeros(1), axes, (1,) * x.ndim, eps)


def to_affine(xp, ct, affine_shape, shape):
    """Sum a cotangent over what the affine parameter is constant along."""
    axes = shared_axes(ct.shape, affine_shape)  # none for one example: () is all axes to torch
    return xp.reshape(xp.sum(ct, axis=axes) if axes else ct, shape)


def normalized(xp, x, mean, var, eps):
    """(x - mean) / sqrt(var + eps)."""
    return (x - mean) * (1 / xp.sqrt(var + eps))


def to_input(xp, ct, x, w, mean, var, axes, affine_shape, eps):
    """The cotangent of x, from those of the values, the mean and the variance."""
    total = None
    if 0 in ct:
        total = xp.normalize_cotangent(
            ct[0], x, mean, var, w, axes=axes, affine_shape=affine_shape, eps=eps
        )
    count = math.prod(x.shape[i] for i in axes)
    if 1 in ct:
        part = xp.broadcast_to(ct[1] / count, x.shape)
        total = part if total is None else total + part
    if 2 in ct:
        part = (x - mean) * (ct[2] * (2 / count))
        total = part if total is None else total + part
    return total


def moved_moments(xp, t, x, mean, axes):
    """Tangents of mean and variance."""
    count = math.prod(x.shape[i] for i in axes)
    moved_mean = xp.sum(t, axis=axes, keepdims=True) / count
    moved_var = xp.sum((x - mean) * t, axis=axes, keepdims=True) * (2 / count)
    return moved_mean, moved_var


def moved_values(xp, t, x, mean, var, axes, eps):
    """Tangents of the normalised values, the mean and the variance."""
    moved_mean, moved_var = moved_moments(xp, t, x, mean, axes)
    scale = 1 / xp.sqrt(var + eps)
    own = (x - mean) * scale
    values = scale * (t - moved_mean) - own * (moved_var * (0.5 * scale * scale))
    return values, moved_mean, moved_var


class Affine:
    """Normalise x over `axes`, then scale by w and shift by b.

    out = (x - mean) / sqrt(var + eps) * w + b; w and b have `affine_shape` when they broadcast.
    """

    def forward(xp, x, w, b, *, axes, affine_shape, eps):
        return xp.normalize_moments(x, w, b, axes=axes, affine_shape=affine_shape, eps=eps)

    def vjp_x(xp, ct, x, w, mean, var, axes, affine_shape, eps):
        return to_input(xp, ct, x, w, mean, var, axes, affine_shape, eps)

    def vjp_w(xp, ct, x, mean, var, w_shape, affine_shape, eps):
        if 0 not in ct:
            return None
        found = xp.normalize_weight_cotangent(
            ct[0], x, mean, var, affine_shape=affine_shape, eps=eps
        )
        return xp.reshape(found, w_shape)

    def vjp_b(xp, ct, b_shape, affine_shape):
        return to_affine(xp, ct[0], affine_shape, b_shape) if 0 in ct else None

    def jvp_x(xp, t, x, w, mean, var, axes, affine_shape, eps):
        values, moved_mean, moved_var = moved_values(xp, t, x, mean, var, axes, eps)
        return values * xp.reshape(w, affine_shape), moved_mean, moved_var

    def jvp_w(xp, t, x, mean, var, affine_shape, eps):
        return normalized(xp, x, mean, var, eps) * xp.reshape(t, affine_shape), None, None

    def jvp_b(xp, t, x_shape, affine_shape):
        return xp.broadcast_to(xp.reshape(t, affine_shape), x_shape), None, None


OUTPUTS = ("out", "mean", "var")

layer_norm = general(
    "layer_norm",
    node="NativeLayerNormBackward0",
    outputs=OUTPUTS,
    samples=cases(((3, 4), (4,), (4,), FEATURES)),
    reference=reference,
)(Affine)

batch_norm = general(
    "batch_norm",
    node="NativeBatchNormBackward0",
    outputs=OUTPUTS,
    samples=cases(((4, 3, 2), (3,), (3,), CHANNELS)),
    reference=reference,
)(Affine)

group_norm = general(
    "group_norm",
    node="NativeGroupNormBackward0",
    outputs=OUTPUTS,
    samples=cases(
        ((2, 2, 3, 4), (6,), (6,), {"axes": (2, 3), "affine_shape": (1, 2, 3, 1), "eps": 1e-5})
    ),
    reference=reference,
)(Affine)


@general(
    "standardize",
    node="NativeLayerNormBackward0",
    outputs=OUTPUTS,
    samples=cases(
        ((3, 4), {"axes": (1,), "eps": 1e-5}), ((4, 3, 2), {"axes": (0, 2), "eps": 1e-3})
    ),
    reference=plain_reference,
)
class standardize:
    """Normalise x over `axes` to mean 0 and variance 1: (x - mean) / sqrt(var + eps)."""

    def forward(xp, x, *, axes, eps):
        return xp.normalize_moments(x, None, None, axes=axes, affine_shape=None, eps=eps)

    def vjp_x(xp, ct, x, mean, var, axes, eps):
        return to_input(xp, ct, x, None, mean, var, axes, None, eps)

    def jvp_x(xp, t, x, mean, var, axes, eps):
        return moved_values(xp, t, x, mean, var, axes, eps)
