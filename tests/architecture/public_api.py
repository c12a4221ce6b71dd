"""Prints the public names of adjoint, one a line, classes with their own public members.

The output is kept in public_api.txt, so that every change of a public name is a change of that
file: `make api-snapshot` records it.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from enum import Enum
from types import ModuleType

MODULES = (
    "adjoint",
    "adjoint.autograd",
    "adjoint.autograd.function",
    "adjoint.autograd.functional",
    "adjoint.autograd.graph",
    "adjoint.data",
    "adjoint.io",
    "adjoint.library",
    "adjoint.linalg",
    "adjoint.nn",
    "adjoint.nn.functional",
    "adjoint.nn.init",
    "adjoint.nn.modules.module",
    "adjoint.nn.utils",
    "adjoint.optim",
    "adjoint.optim.lr_scheduler",
    "adjoint.special",
    "adjoint.testing",
    "adjoint.utils.checkpoint",
    "adjoint.utils.data",
    "adjoint.vision.datasets",
    "adjoint.vision.transforms",
    "adjoint.vision.transforms.functional",
    "adjoint.vision.utils",
    "adjoint.viz",
)

FOREIGN = {*sys.stdlib_module_names, "numpy"} - {"builtins"}


def is_ours(value: object) -> bool:
    """Say whether a module's attribute is part of its face, not an import of its own."""
    if isinstance(value, ModuleType):
        return False
    home = getattr(value, "__module__", None) or ""
    return home.split(".")[0] not in FOREIGN


def names(module: ModuleType) -> list[str]:
    """List the names that a module offers: its `__all__`, or else what is its own."""
    offered = getattr(module, "__all__", dir(module))
    return sorted(n for n in offered if n[0] != "_" and is_ours(getattr(module, n)))


def members(cls: type) -> list[str]:
    """List the public attributes that the class adds to its bases."""
    own = cls.__members__ if issubclass(cls, Enum) else vars(cls)
    return sorted(name for name in own if name[0] != "_")


def lines() -> Iterator[str]:
    shown = set()
    for module in map(importlib.import_module, MODULES):
        for name in names(module):
            yield f"{module.__name__}.{name}"
            value = getattr(module, name)
            if inspect.isclass(value) and value not in shown:
                shown.add(value)
                yield from (f"{module.__name__}.{name}.{member}" for member in members(value))


if __name__ == "__main__":
    print("\n".join(lines()))
