"""Floor 1: the memory behind tensors as autograd sees it: version counters and views.

A Storage carries one version counter; tensors that share memory share it. A View says how a
tensor is obtained from its base, so that history can be rewritten through it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .origin import Origin

if TYPE_CHECKING:
    from .tensor import Tensor


class Storage:
    """The version counter that every tensor on the same memory shares.

    Made when first needed: a tensor without one is at version 0.
    """

    __slots__ = ("version", "writer", "inference")

    def __init__(self) -> None:
        self.version = 0
        self.writer: Origin | None = None  # who wrote last
        self.inference = False

    def bump(self, writer: Origin | None) -> None:
        """Count one in-place write and remember who did it."""
        self.version += 1
        self.writer = writer


# How a view came to be, which decides whether it may be written in place (SEMANTICS of torch's
# CreationMeta): under no_grad, or as one of several outputs, history cannot be rewritten.
DEFAULT, NO_GRAD, MULTI_OUTPUT, INFERENCE = range(4)


class View:
    """How a view is made from its base: the steps, and the version for which its edge holds."""

    __slots__ = ("of", "steps", "version", "creation")

    def __init__(
        self, of: Tensor, steps: tuple[ViewStep, ...], version: int, creation: int
    ) -> None:
        self.of = of
        self.steps = steps
        self.version = version
        self.creation = creation

    @property
    def base(self) -> Tensor:
        """The tensor that the steps begin with: `of`, as it was if it was reshaped in place."""
        own = self.of._view
        return self.of if own is None else own.of


class Reshaped(View):
    """How a tensor reshaped in place (`x.t_()`) is made from what it was; no view to the user."""

    __slots__ = ()


class ViewStep:
    """One linear view operation: forward on any namespace, and its transpose."""

    __slots__ = ("operation", "params", "shape", "dtype", "output")

    def __init__(
        self, operation: Any, params: dict[str, Any], array: Any, output: int | None
    ) -> None:
        self.operation = operation
        self.params = params
        self.shape: tuple[int, ...] = array.shape
        self.dtype: Any = array.dtype
        self.output = output  # which one, when the operation returns several views

    def forward(self, xp: Any, x: Any) -> Any:
        """The view of `x`."""
        result = self.operation.forward(xp, x, **self.params)
        return result if self.output is None else result[self.output]

    def transpose(self, xp: Any, ct: Any) -> Any:
        """The cotangent of the viewed array, given the view's."""
        return self.operation.transpose_view(
            xp, ct, self.shape, self.dtype, self.params, self.output
        )
