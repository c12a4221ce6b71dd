"""Tells mypy that a class of rules under `@elementwise(...)` and its kin is an operation.

mypy takes a decorated class for the class that it was. Here each such class is given a `__new__`
that takes Tensors and parameters and returns what the operation returns.
"""

from __future__ import annotations

from collections.abc import Callable

from mypy.nodes import ARG_STAR, ARG_STAR2, Argument, Var
from mypy.plugin import ClassDefContext, Plugin
from mypy.plugins.common import add_method_to_class
from mypy.types import AnyType, TypeOfAny

KINDS = {f"adjoint.ops.operation.{kind}" for kind in ("elementwise", "linear", "general")}


class OperationsPlugin(Plugin):
    """Looks out for the decorators of the kinds of operation."""

    def get_class_decorator_hook_2(self, fullname: str) -> Callable[[ClassDefContext], bool] | None:
        return make_callable if fullname in KINDS else None


def make_callable(context: ClassDefContext) -> bool:
    """Give the class its `__new__`."""
    anything = AnyType(TypeOfAny.explicit)
    arguments = [
        Argument(Var(name, anything), anything, None, kind)
        for name, kind in (("tensors", ARG_STAR), ("params", ARG_STAR2))
    ]
    add_method_to_class(
        context.api, context.cls, "__new__", arguments, anything, self_type=anything
    )
    return True


def plugin(version: str) -> type[Plugin]:
    """What mypy calls to load this file."""
    return OperationsPlugin
