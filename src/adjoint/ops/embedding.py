"""Floor 2: rows of a table by index, and its transpose, which adds rows where they came from.

`skip` is a row that gets no gradient, or a range of them: several tables may be one.
"""

from __future__ import annotations

import numpy as np

from .operation import linear
from .samples import cases

INDICES = np.array([[0, 3, 1], [3, 3, 0]])


@linear(
    "embedding",
    samples=cases(
        ((4, 2), INDICES, {"skip": None}),
        ((5, 2), INDICES, {"skip": 2}),
        ((8, 2), INDICES, {"skip": range(2, 8, 4)}),
    ),
    reference=lambda w, indices, skip: w[indices],
)
class embedding:
    """The rows of w (count, d) at indices (...): (..., d). Row `skip` gets no gradient."""

    def forward(xp, w, indices, *, skip):
        return xp.rows(w, indices)

    def transpose_w(xp, ct, indices, w_shape, skip):
        return xp.add_rows(ct, indices, count=w_shape[0], skip=skip)


@linear(
    "add_rows",
    samples=cases(
        ((2, 3, 2), INDICES, {"count": 4, "skip": None}),
        ((2, 3, 2), INDICES, {"count": 5, "skip": 3}),
        ((2, 3, 2), INDICES, {"count": 4, "skip": range(1, 4, 2)}),
    ),
)
class add_rows:
    """Rows x (..., d) added into zeros (count, d) at indices (...), less those for row `skip`."""

    def forward(xp, x, indices, *, count, skip):
        return xp.add_rows(x, indices, count=count, skip=skip)

    def transpose_x(xp, ct, indices, skip):
        taken = xp.rows(ct, indices)
        if skip is None:
            return taken
        every = isinstance(skip, range)
        is_skipped = indices % skip.step == skip.start if every else indices == skip
        return xp.where(xp.expand_dims(is_skipped, axis=-1), 0, taken)
