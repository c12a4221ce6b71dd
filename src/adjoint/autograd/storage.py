"""Floor 1: the memory behind tensors as autograd sees it: version counters and views.

A Storage carries one version counter; tensors that share memory share it. A View says how a
tensor is obtained from its base, so that history can be rewritten through it.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from . import modes
from .origin import Origin

if TYPE_CHECKING:
    from .tensor import Tensor


class Storage:
    """The version counter that every tensor on the same memory shares.

    Made when first needed: a tensor without one is at version 0.
    """

    __slots__ = (
        "version", "writer", "inference", "counted", "born", "mirrored", "__weakref__",
    )  # fmt: skip

    def __init__(self) -> None:
        self.version = 0
        self.writer: Origin | None = None  # who wrote last
        self.inference = False
        # Whether an inference tensor may be written: detached outside the mode, as torch has it.
        self.counted = False
        # In which transform in reverse mode the memory was made: when that began, or 0.
        self.born = 0
        # Of a conjugate: the storage that it shares in torch, where it is a view (weak), or None.
        self.mirrored: weakref.ref[Storage] | None = None

    def bump(self, writer: Origin | None) -> None:
        """Count one in-place write and remember who did it."""
        if modes.guard is not None:
            modes.guard.preserve(self)
        self.version += 1
        self.writer = writer


# How a view came to be, which decides whether it may be written in place (SEMANTICS of torch's
# CreationMeta): under no_grad, or as one of several outputs, history cannot be rewritten.
# CUSTOM: by a custom Function, whose backward a rewritten history would bypass.
DEFAULT, NO_GRAD, MULTI_OUTPUT, INFERENCE, CUSTOM = range(5)


class View:
    """How a view is made from its base: one step from `before`, or from the base itself.

    `array` is what the step was applied to, `output` which of its results this is, when there are
    several; `version` the one for which the view's edge holds; `inherited` says that the view,
    made unrecorded, requires grad only because its base does.
    """

    __slots__ = (
        "of", "before", "operation", "params", "array", "output", "version", "creation",
        "inherited",
    )  # fmt: skip

    of: Tensor
    before: View | None
    operation: Any
    params: dict[str, Any]
    array: Any
    output: int | None
    version: int
    creation: int
    inherited: bool

    @property
    def base(self) -> Tensor:
        """The tensor that the steps begin with: `of`, as it was if it was reshaped in place."""
        own = self.of._view
        return self.of if own is None else own.of

    @property
    def steps(self) -> tuple[ViewStep, ...]:
        """The steps from the base to the view."""
        steps = []
        view: View | None = self
        while view is not None:
            steps.append(ViewStep(view.operation, view.params, view.array, view.output))
            view = view.before
        return tuple(reversed(steps))

    def reshaped(self, of: Tensor) -> Reshaped:
        """The same steps, for a tensor that is changed in place into what it was a view of."""
        view = Reshaped()
        for name in View.__slots__:
            setattr(view, name, getattr(self, name))
        view.of = of
        view.creation = DEFAULT
        return view


class Reshaped(View):
    """How a tensor reshaped in place (`x.t_()`) is made from what it was; no view to the user."""

    __slots__ = ()


class CustomView:
    """Stands for the operation in a view that a custom Function made: nothing can replay it."""

    __slots__ = ("function",)

    def __init__(self, function: str) -> None:
        self.function = function

    def refuse(self) -> None:
        """Say why the view's history cannot be made anew."""
        raise RuntimeError(
            f"Output 0 of {self.function} is a view and its base or another view of its base has "
            "been modified inplace. This view was created inside a custom Function (or because an "
            "input was returned as-is) and the autograd logic to handle view+inplace would "
            "override the custom backward associated with the custom Function, leading to "
            "incorrect gradients. This behavior is forbidden. You can fix this by cloning the "
            "output of the custom Function."
        )


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
