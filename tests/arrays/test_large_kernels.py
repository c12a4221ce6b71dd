"""Convolution, pooling and normalisation at sizes where they work in pieces or on long rows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from adjoint.arrays import cpu as xp
from adjoint.ops.convolution import correlate


def draw(*shape):
    return np.random.default_rng(0).standard_normal(shape)


CONVOLUTIONS = [
    # x, w, padding, dilation, groups
    ((3, 4, 14, 12), (6, 4, 3, 3), ((1, 1), (1, 1)), (1, 1), 1),
    ((2, 4, 16, 15), (6, 2, 3, 2), ((0, 2), (1, 0)), (2, 1), 2),
    ((2, 3, 20, 30), (3, 1, 3, 3), ((1, 1), (1, 1)), (1, 2), 3),
    ((2, 2, 200), (3, 2, 3), ((1, 1),), (1,), 1),
    ((1, 2, 7, 8, 9), (2, 2, 2, 1, 3), ((0, 0), (0, 0), (1, 1)), (1, 1, 1), 1),
]


@pytest.mark.parametrize(("x", "w", "padding", "dilation", "groups"), CONVOLUTIONS)
def test_convolution_and_its_transposes_with_many_places(x, w, padding, dilation, groups):
    x, w = draw(*x), draw(*w)
    params = {
        "stride": (1,) * (x.ndim - 2),
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
    }
    out = xp.convolve(x, w, **params)
    assert math.prod(out.shape[2:]) >= 128
    np.testing.assert_allclose(out, correlate(x, w, **params), atol=1e-12)
    ct = draw(*out.shape)
    product = np.vdot(ct, out)
    to_x = xp.convolve_input_transpose(ct, w, size=x.shape[2:], **params)
    to_w = xp.convolve_weight_transpose(ct, x, kernel=w.shape[2:], **params)
    np.testing.assert_allclose(np.vdot(to_x, x), product)
    np.testing.assert_allclose(np.vdot(to_w, w), product)


def test_a_convolution_keeps_what_is_not_finite_in_its_windows():
    x = np.ones((1, 1, 12, 12))
    x[0, 0, 5, 0] = np.nan
    params = {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1}
    out = xp.convolve(x, np.ones((1, 1, 3, 3)), **params)
    spoilt = np.zeros((12, 12), bool)
    spoilt[4:7, :2] = True
    np.testing.assert_array_equal(np.isnan(out[0, 0]), spoilt)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 2), (3, 1), (3, 3)])
def test_cotangents_of_a_maximum_go_to_its_place_alone(dtype, kernel, stride):
    x = draw(40, 8, 28, 27).astype(dtype)
    params = {
        "kernel": (kernel, kernel),
        "stride": (stride, stride),
        "padding": ((1, 1), (1, 0)),
        "dilation": (1, 1),
    }
    out, places = xp.max_pool(x, **params)
    ct = np.round(draw(*out.shape) * 4).astype(dtype)  # whole numbers: sums are exact
    found = xp.pool_put(ct, places, size=x.shape[2:], **params)
    assert found.dtype == dtype and found.shape == x.shape
    t = np.round(draw(*x.shape) * 4).astype(dtype)
    moved = xp.pool_take(t, places, **params).astype(np.float64)
    t, found, ct = (a.astype(np.float64) for a in (t, found, ct))
    assert np.vdot(found, t) == np.vdot(ct, moved)


@pytest.mark.parametrize("stride", [2, 1])
def test_an_infinite_cotangent_of_a_maximum_spoils_nothing_else(stride):
    params = {"kernel": (2, 2), "padding": ((0, 0), (0, 0)), "dilation": (1, 1)}
    params["stride"] = (stride, stride)
    out, places = xp.max_pool(draw(1, 1, 4, 4).astype(np.float32), **params)
    ct = np.full(out.shape, np.inf, np.float32)
    found = xp.pool_put(ct, places, size=(4, 4), **params)
    assert not np.isnan(found).any() and np.isinf(found).any()


NORMALISATIONS = [
    ((300, 4, 20, 20), (0, 2, 3), (1, 4, 1, 1)),  # batch
    ((400, 50), (0,), (1, 50)),
    ((40, 130, 64), (2,), (64,)),  # layer
    ((30, 20, 700), (1, 2), (20, 700)),
    ((40, 4, 3, 30, 31), (2, 3, 4), (1, 4, 3, 1, 1)),  # group
]


@pytest.mark.parametrize(("shape", "axes", "affine"), NORMALISATIONS)
def test_normalisation_in_several_blocks(shape, axes, affine):
    x, ct = draw(*shape) + 3, np.cos(draw(*shape) * 5)
    w, b = draw(math.prod(affine)), draw(math.prod(affine)) + 1
    params = {"affine_shape": affine, "eps": 1e-5}
    out, mean, var = xp.normalize_moments(x, w, b, axes=axes, **params)
    np.testing.assert_allclose(mean, x.mean(axes, keepdims=True))
    np.testing.assert_allclose(var, x.var(axes, keepdims=True))
    scale = 1 / np.sqrt(var + 1e-5)
    z = (x - mean) * scale
    np.testing.assert_allclose(out, z * w.reshape(affine) + b.reshape(affine), atol=1e-9)
    g = ct * w.reshape(affine)
    expected = g - g.mean(axes, keepdims=True) - z * (g * z).mean(axes, keepdims=True)
    found = xp.normalize_cotangent(ct, x, mean, var, w, axes=axes, **params)
    np.testing.assert_allclose(found, expected * scale, atol=1e-9)
    full = (1,) * (x.ndim - len(affine)) + affine
    shared = tuple(i for i in range(x.ndim) if full[i] == 1)
    found = xp.normalize_weight_cotangent(ct, x, mean, var, **params)
    np.testing.assert_allclose(found, (ct * z).sum(shared, keepdims=True), atol=1e-8)


def test_normalised_float32_values_far_from_zero_keep_their_precision():
    x = (draw(64, 8, 28, 28) + 1000).astype(np.float32)
    params = {"axes": (0, 2, 3), "affine_shape": None, "eps": 1e-5}
    out, _, var = xp.normalize_moments(x, None, None, **params)
    exact, _, variance = xp.normalize_moments(x.astype(np.float64), None, None, **params)
    np.testing.assert_allclose(var, variance, rtol=1e-4)
    np.testing.assert_allclose(out, exact, atol=1e-3)
