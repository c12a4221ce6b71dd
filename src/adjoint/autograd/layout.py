"""Floor 1: which dtype and which strides a leaf's gradient has: those of the leaf, unless told.

Knows arrays and switches; that gradients accumulate is the tape's business.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from .modes import Mode


class _Policy(threading.local):
    """Per thread: whether a gradient is copied for the sake of its strides alone."""

    enforced: bool = True


_policy = _Policy()


def laid_out(ct: Any, leaf: Any, shared: bool) -> Any:
    """`ct` as a leaf's first gradient: memory of its own, in the leaf's order of dimensions.

    A leaf without holes gives its gradient its own strides (torch: "default gradient layouts");
    any other leaf, of which some elements share memory or which strides over others', row-major.
    """
    if ct.__class__ is not np.ndarray or not leaf.shape or ct.shape != leaf.shape:
        return np.array(ct)  # of another shape when the leaf was given other data since
    if not _policy.enforced and not shared and ct.base is None:
        return ct
    own = np.empty_like(leaf, dtype=ct.dtype, order="K" if _is_dense(leaf) else "C", subok=False)
    own[...] = ct
    return own


def _is_dense(array: Any) -> bool:
    """Whether the elements fill one stretch of memory, each its own place, in whatever order."""
    if array.flags.forc:
        return True
    reach = array.itemsize
    for stride, n in sorted(zip(array.strides, array.shape)):
        if n != 1:
            if stride != reach:
                return False
            reach *= n
    return True


class enforce_grad_layout_policy(Mode):
    """Whether first gradients are copied where only their strides differ from their leaf's.

    With False, a gradient that nobody else holds is taken over with the strides it arrives with,
    which spares a copy. A block, a decorator, or a call that sets it for this thread.

    >>> w = torch.ones(3, 2, requires_grad=True)
    >>> with torch.autograd.enforce_grad_layout_policy(False):
    ...     (w.t() * 2).exp().sum().backward()
    >>> w.grad.shape
    torch.Size([3, 2])
    """

    def __init__(self, enable: bool = True) -> None:
        self.mode = bool(enable)
        self._before = _policy.enforced
        _policy.enforced = self.mode

    def __call__(self, wrapped: Any) -> Any:
        _policy.enforced = self._before  # as a decorator it acts inside the function only
        return super().__call__(wrapped)

    def _fresh(self) -> Any:
        return enforce_grad_layout_policy(self.mode)

    def __enter__(self) -> None:
        """The policy was set when the object was made, as torch does."""

    def __exit__(self, *exc: object) -> None:
        _policy.enforced = self._before
