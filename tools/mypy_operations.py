"""Tells mypy that a class of rules under `@elementwise(...)` and its kin becomes an Operation.

mypy takes a decorated class for the class that it was, whatever its decorator returns. Here such
a class is given the kind's class (`Elementwise`) as its metaclass, so that it passes for an
Operation and has one's attributes, and a `__new__`, so that calling it computes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from mypy.nodes import ARG_STAR, ARG_STAR2, Argument, Var
from mypy.plugin import ClassDefContext, Plugin
from mypy.plugins.common import add_method_to_class
from mypy.types import AnyType, TypeOfAny

MODULE = "adjoint.ops.operation"
KINDS = {
    f"{MODULE}.{decorator}": f"{MODULE}.{decorator.capitalize()}"
    for decorator in ("elementwise", "linear", "general")
}


class OperationsPlugin(Plugin):
    """Looks out for the classes of the kinds, and for their decorators."""

    def get_customize_class_mro_hook(
        self, fullname: str
    ) -> Callable[[ClassDefContext], None] | None:
        return make_metaclass if fullname in KINDS.values() else None

    def get_class_decorator_hook_2(self, fullname: str) -> Callable[[ClassDefContext], bool] | None:
        kind = KINDS.get(fullname)
        return partial(make_operation, kind) if kind else None


def make_metaclass(context: ClassDefContext) -> None:
    """Put `type` among the bases of a kind, as it is of every metaclass."""
    mro = context.cls.info.mro
    mro.insert(len(mro) - 1, context.api.named_type("builtins.type").type)


def make_operation(kind: str, context: ClassDefContext) -> bool:
    """Give the class its metaclass and `__new__`; False while the kind is not known yet."""
    operation = context.api.named_type_or_none(kind)
    if operation is None:
        return False
    context.cls.info.declared_metaclass = context.cls.info.metaclass_type = operation
    anything = AnyType(TypeOfAny.explicit)
    arguments = [
        Argument(Var(name, anything), anything, None, star)
        for name, star in (("tensors", ARG_STAR), ("params", ARG_STAR2))
    ]
    add_method_to_class(
        context.api, context.cls, "__new__", arguments, anything, self_type=anything
    )
    return True


def plugin(version: str) -> type[Plugin]:
    """What mypy calls to load this file."""
    return OperationsPlugin
