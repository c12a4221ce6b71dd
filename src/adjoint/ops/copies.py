"""Floor 2: views as copies: `permute_copy` and so on, derived from the view operations."""

from __future__ import annotations

import functools
from typing import Any

from . import shape
from .operation import linear


def _copy_of(operation: Any) -> Any:
    """The operation that gives what a view operation gives, in memory of its own."""

    @functools.wraps(operation.forward)
    def forward(xp: Any, x: Any, **params: Any) -> Any:
        found = operation.forward(xp, x, **params)
        return [xp.contiguous(f) for f in found] if operation.several else xp.contiguous(found)

    doc = f"{operation.doc.rstrip('.')}, in memory of its own."
    rules = {"__doc__": doc, **operation.rules, "forward": forward}
    several = {"several": True, "outputs": operation.outputs} if operation.several else {}
    return linear(
        f"{operation.name}_copy",
        node=f"{operation.node_class.__name__}_copy",
        samples=operation.samples,
        reference=operation.reference,
        **several,
    )(type(f"{operation.name}_copy", (), rules))


COPIES = {
    operation: _copy_of(operation)
    for operation in (
        shape.alias,
        shape.diagonal,
        shape.expand,
        shape.permute,
        shape.select,
        shape.slice_,
        shape.split,
        shape.split_with_sizes,
        shape.squeeze_all,
        shape.squeeze_dim,
        shape.squeeze_dims,
        shape.t,
        shape.transpose,
        shape.unbind,
        shape.unfold,
        shape.unsqueeze,
        shape.view,
    )
}
