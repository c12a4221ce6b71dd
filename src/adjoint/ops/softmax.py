"""Floor 2: softmax and log-softmax along one dimension; both keep their output only."""

from __future__ import annotations

from typing import Any

import numpy as np

from .operation import general
from .samples import REAL_ONLY, cases

ALONG = cases(
    ((5,), {"dim": 0}), ((2, 3), {"dim": 1}), ((2, 3, 2), {"dim": 1}), ((0, 3), {"dim": 1})
)


def _softmax(x: Any, *, dim: int) -> Any:
    return np.exp(x) / np.sum(np.exp(x), axis=dim, keepdims=True)


@general("softmax", samples=ALONG, reference=_softmax, except_laws=REAL_ONLY)
class softmax:
    """Softmax: out = exp(x) / sum(exp(x)) along `dim`."""

    def forward(xp, x, *, dim):
        return xp.softmax(x, axis=dim)

    def vjp_x(xp, ct, out, dim):
        weighted = ct * out
        return weighted - out * xp.sum(weighted, axis=dim, keepdims=True)

    def jvp_x(xp, t, out, dim):
        weighted = t * out
        return weighted - out * xp.sum(weighted, axis=dim, keepdims=True)


@general(
    "log_softmax",
    samples=ALONG,
    reference=lambda x, *, dim: np.log(_softmax(x, dim=dim)),
    except_laws=REAL_ONLY,
)
class log_softmax:
    """Log-softmax: out = x - log(sum(exp(x))) along `dim`."""

    def forward(xp, x, *, dim):
        return xp.log_softmax(x, axis=dim)

    def vjp_x(xp, ct, out, dim):
        return ct - xp.exp(out) * xp.sum(ct, axis=dim, keepdims=True)

    def jvp_x(xp, t, out, dim):
        return t - xp.sum(t * xp.exp(out), axis=dim, keepdims=True)
