"""Prints the public names of adjoint, one a line, classes with their own public members.

The output is kept in public_api.txt, so that every change of a public name is a change of that
file: `make api-snapshot` records it.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from types import ModuleType

MODULES = (
    "adjoint",
    "adjoint.autograd",
    "adjoint.data",
    "adjoint.func",
    "adjoint.io",
    "adjoint.nn",
    "adjoint.nn.functional",
    "adjoint.nn.init",
    "adjoint.optim",
    "adjoint.optim.lr_scheduler",
    "adjoint.vision.datasets",
    "adjoint.vision.transforms",
)


def is_ours(value: object) -> bool:
    """Say whether a module's attribute is part of its face, not an import of its own."""
    if isinstance(value, ModuleType):
        return value.__name__ in MODULES
    return type(value).__module__ != "__future__"


def names(module: ModuleType) -> Iterator[str]:
    for name in dir(module):
        if name.startswith("_"):
            continue
        value = getattr(module, name)
        if not is_ours(value):
            continue
        yield f"{module.__name__}.{name}"
        if inspect.isclass(value) and value.__module__.startswith("adjoint"):
            yield from (f"{module.__name__}.{name}.{member}" for member in members(value))


def members(cls: type) -> list[str]:
    """List the public attributes that the class adds to its bases."""
    return sorted(name for name in vars(cls) if not name.startswith("_"))


def main() -> None:
    for module in map(importlib.import_module, MODULES):
        for name in names(module):
            print(name)


if __name__ == "__main__":
    main()
