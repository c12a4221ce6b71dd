"""Floor 2: losses: of one number against another, and of scores against classes.

A loss is written as its value and slope for one pair of numbers; `reduction` is none, mean or sum.
At kinks torch's conventions hold: SmoothL1 is linear at |d| = beta, Huber quadratic at delta.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .operation import general, linear
from .samples import REAL_ONLY, Sample, cases, spread


def reduced(xp: Any, values: Any, reduction: str) -> Any:
    """The loss from its values: all of them, their mean or their sum."""
    if reduction == "none":
        return values
    return xp.mean(values) if reduction == "mean" else xp.sum(values)


def per_element(ct, shape, reduction):
    """The factor with which each element's slope counts."""
    if reduction != "mean":
        return ct
    count = math.prod(shape)
    return ct / count if count else ct * math.nan


def pairs(x=(-2.0, 2.0), y=(-2.0, 2.0), **params):
    """Samples of two arrays of one shape, under each reduction."""

    def make():
        for shape, reduction in (((2, 3), "mean"), ((5,), "sum"), ((2, 2), "none"), ((), "mean")):
            inputs = spread(shape, *x, "x"), spread(shape, *y, "y")
            yield Sample(inputs, {"reduction": reduction, **params})

    return make


REDUCE: dict[str, Any] = {"mean": np.mean, "sum": np.sum, "none": np.asarray}


@general(
    "mse_loss",
    samples=pairs(),
    reference=lambda x, y, reduction: REDUCE[reduction]((x - y) ** 2),
    except_laws=REAL_ONLY,
)
class mse_loss:
    """Squared error: (x - y)²."""

    def forward(xp, x, y, *, reduction):
        return reduced(xp, xp.square(x - y), reduction)

    def vjp_x(xp, ct, x, y, reduction):
        return (x - y) * per_element(ct * 2, x.shape, reduction)

    def vjp_y(xp, ct, x, y, reduction):
        return (y - x) * per_element(ct * 2, x.shape, reduction)

    def jvp_x(xp, t, x, y, reduction):
        return reduced(xp, 2 * (x - y) * t, reduction)

    def jvp_y(xp, t, x, y, reduction):
        return reduced(xp, 2 * (y - x) * t, reduction)


def of_difference(value, slope, doc):
    """The rules of a loss that depends on d = x - y alone, and on a `width` where it changes."""

    def forward(xp, x, y, *, reduction, width):
        return reduced(xp, value(xp, x - y, width), reduction)

    def vjp_x(xp, ct, x, y, reduction, width):
        return slope(xp, x - y, width) * per_element(ct, x.shape, reduction)

    def vjp_y(xp, ct, x, y, reduction, width):
        return slope(xp, x - y, width) * per_element(-ct, x.shape, reduction)

    def jvp_x(xp, t, x, y, reduction, width):
        return reduced(xp, slope(xp, x - y, width) * t, reduction)

    def jvp_y(xp, t, x, y, reduction, width):
        return reduced(xp, slope(xp, x - y, width) * -t, reduction)

    rules = (forward, vjp_x, vjp_y, jvp_x, jvp_y)
    return type("rules", (), {"__doc__": doc, **{rule.__name__: rule for rule in rules}})


def _smooth_value(xp, d, width):
    size = xp.abs(d)
    return xp.where(size < width, (0.5 / width) * d * d, size - 0.5 * width)


def _smooth_slope(xp, d, width):
    return xp.where(xp.abs(d) < width, d / width, xp.sign(d))


smooth_l1_loss = general(
    "smooth_l1_loss",
    node="SmoothL1LossBackward0",
    samples=pairs(width=0.7),
    except_laws=REAL_ONLY,
)(of_difference(_smooth_value, _smooth_slope, "d² / (2 width) below width, |d| - width/2 above."))


def _huber_value(xp, d, width):
    size = xp.abs(d)
    return xp.where(size <= width, 0.5 * d * d, width * (size - 0.5 * width))


def _huber_slope(xp, d, width):
    return xp.where(xp.abs(d) <= width, d, width * xp.sign(d))


huber_loss = general(
    "huber_loss", node="HuberLossBackward0", samples=pairs(width=0.7), except_laws=REAL_ONLY
)(of_difference(_huber_value, _huber_slope, "d² / 2 below width, width (|d| - width/2) above."))


@general(
    "binary_cross_entropy",
    samples=pairs(x=(0.05, 0.95), y=(0.0, 1.0)),
    reference=lambda x, y, reduction: REDUCE[reduction](-(y * np.log(x) + (1 - y) * np.log(1 - x))),
    except_laws=REAL_ONLY,
)
class binary_cross_entropy:
    """-(y log x + (1 - y) log(1 - x)) of probabilities x; logarithms stop at -100."""

    def forward(xp, x, y, *, reduction):
        values = (y - 1) * xp.maximum(xp.log1p(-x), -100.0) - y * xp.maximum(xp.log(x), -100.0)
        return reduced(xp, values, reduction)

    def vjp_x(xp, ct, x, y, reduction):
        return _slope_of_bce(xp, x, y) * per_element(ct, x.shape, reduction)

    def vjp_y(xp, ct, x, reduction):
        return (xp.log1p(-x) - xp.log(x)) * per_element(ct, x.shape, reduction)

    def jvp_x(xp, t, x, y, reduction):
        return reduced(xp, _slope_of_bce(xp, x, y) * t, reduction)

    def jvp_y(xp, t, x, reduction):
        return reduced(xp, (xp.log1p(-x) - xp.log(x)) * t, reduction)


def _slope_of_bce(xp, x, y):
    """(x - y) / (x (1 - x)), with torch's floor of 1e-12 under the denominator."""
    below = (1 - x) * x
    return (x - y) / xp.where(below > 1e-12, below, 1e-12)


@general(
    "binary_cross_entropy_with_logits",
    samples=pairs(x=(-3.0, 3.0), y=(0.0, 1.0)),
    reference=lambda x, y, reduction: REDUCE[reduction](np.logaddexp(0, x) - x * y),
)
class binary_cross_entropy_with_logits:
    """log(1 + exp x) - x y: binary cross entropy of sigmoid(x), without overflow."""

    def forward(xp, x, y, *, reduction):
        values = xp.log1p(xp.exp(-xp.abs(x))) + xp.maximum(x, 0.0) - x * y
        return reduced(xp, values, reduction)

    def vjp_x(xp, ct, x, y, reduction):
        return (xp.sigmoid(x) - y) * per_element(ct, x.shape, reduction)

    def vjp_y(xp, ct, x, reduction):
        return x * per_element(-ct, x.shape, reduction)

    def jvp_x(xp, t, x, y, reduction):
        return reduced(xp, (xp.sigmoid(x) - y) * t, reduction)

    def jvp_y(xp, t, x, reduction):
        return reduced(xp, -x * t, reduction)


CLASSES = np.array([2, 0, 2])


def _cross_entropies(x, classes, reduction):
    """Loss and slope by plain formulas."""
    total = np.exp(x).sum(1)
    loss = np.log(total) - x[np.arange(len(x)), classes]
    slope = np.exp(x) / total[:, None] - np.eye(x.shape[1])[classes]
    return REDUCE[reduction](loss), slope


@general(
    "cross_entropy",
    node="NllLossBackward0",
    outputs=("loss", "slope"),
    samples=cases(
        ((3, 4), CLASSES, {"reduction": "mean"}),
        ((3, 3), CLASSES, {"reduction": "sum"}),
        ((3, 5), CLASSES, {"reduction": "none"}),
    ),
    reference=_cross_entropies,
    except_laws=REAL_ONLY,
)
class cross_entropy:
    """-log softmax(x) of scores x (n, c) at classes (n,).

    The second output is kept for the derivative: softmax(x), less 1 at the class.
    """

    def forward(xp, x, classes, *, reduction):
        loss, slope = xp.softmax_cross_entropy(x, classes)
        return reduced(xp, loss, reduction), slope

    def vjp_x(xp, ct, slope, classes, reduction):
        total = None
        if 0 in ct:
            row = ct[0] if reduction != "none" else xp.expand_dims(ct[0], axis=1)
            total = slope * per_element(row, (slope.shape[0],), reduction)
        if 1 in ct:
            part = _through_softmax(xp, ct[1], slope, classes)
            total = part if total is None else total + part
        return total

    def jvp_x(xp, t, slope, classes, reduction):
        loss = reduced(xp, xp.sum(slope * t, axis=1), reduction)
        return loss, _through_softmax(xp, t, slope, classes)


def _through_softmax(xp, t, slope, classes):
    """p t - p (p . t): the symmetric Jacobian of softmax, with p read off the slope."""
    p = xp.add_at_class(slope, classes, value=1.0)
    moved = p * t
    return moved - p * xp.sum(moved, axis=1, keepdims=True)


@linear(
    "nll_loss",
    node="NllLossBackward0",
    constant=True,
    samples=cases(
        ((3, 4), CLASSES, np.array([1.0, 0.0, 2.0]), {"reduction": "sum"}),
        ((2, 3, 2), np.array([[0, 2], [1, 1]]), np.ones((2, 2)), {"reduction": "none"}),
    ),
    reference=lambda x, classes, factors, reduction: REDUCE[reduction](
        -np.take_along_axis(x, classes[:, None], 1)[:, 0] * factors
    ),
)
class nll_loss:
    """-x at classes (n, *space) of x (n, c, *space), times factors (n, *space), which are given."""

    def forward(xp, x, classes, factors, *, reduction):
        return reduced(xp, xp.pick_class(x, classes) * -factors, reduction)

    def transpose_x(xp, ct, classes, factors, x_shape):
        return xp.put_class(ct * -factors, classes, count=x_shape[1])


@linear(
    "pick_class",
    samples=cases(((3, 4), CLASSES), ((2, 3, 2), np.array([[0, 2], [1, 1]]))),
)
class pick_class:
    """x (n, c, *space) at classes (n, *space)."""

    def forward(xp, x, classes):
        return xp.pick_class(x, classes)

    def transpose_x(xp, ct, classes, x_shape):
        return xp.put_class(ct, classes, count=x_shape[1])


@linear(
    "put_class",
    samples=cases(
        ((3,), CLASSES, {"count": 4}), ((2, 2), np.array([[0, 2], [1, 1]]), {"count": 3})
    ),
)
class put_class:
    """Zeros (n, count, *space) with x (n, *space) at classes."""

    def forward(xp, x, classes, *, count):
        return xp.put_class(x, classes, count=count)

    def transpose_x(xp, ct, classes):
        return xp.pick_class(ct, classes)
