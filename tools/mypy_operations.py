"""Tells mypy that a class of rules under `@elementwise(...)` and its kin becomes an Operation.

mypy takes a decorated class for the class that it was, whatever its decorator returns. Here such
a class is given Operation as its metaclass, so that it passes for an Operation and has one's
attributes, and a `__new__`, so that calling it computes instead of making an instance.
"""

from __future__ import annotations

from collections.abc import Callable

from mypy.nodes import ARG_STAR, ARG_STAR2, Argument, Var
from mypy.plugin import ClassDefContext, Plugin
from mypy.plugins.common import add_method_to_class
from mypy.types import AnyType, TypeOfAny

OPERATION = "adjoint.ops.operation.Operation"
KINDS = {f"adjoint.ops.operation.{kind}" for kind in ("elementwise", "linear", "general")}


class OperationsPlugin(Plugin):
    """Looks out for Operation, and for the decorators of its kinds."""

    def get_customize_class_mro_hook(
        self, fullname: str
    ) -> Callable[[ClassDefContext], None] | None:
        return make_metaclass if fullname == OPERATION else None

    def get_class_decorator_hook_2(self, fullname: str) -> Callable[[ClassDefContext], bool] | None:
        return make_operation if fullname in KINDS else None


def make_metaclass(context: ClassDefContext) -> None:
    """Put `type` among the bases of Operation, as it is of every metaclass."""
    mro = context.cls.info.mro
    mro.insert(len(mro) - 1, context.api.named_type("builtins.type").type)


def make_operation(context: ClassDefContext) -> bool:
    """Give the class its metaclass and `__new__`; False while Operation is not known yet."""
    operation = context.api.named_type_or_none(OPERATION)
    if operation is None:
        return False
    context.cls.info.declared_metaclass = context.cls.info.metaclass_type = operation
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
