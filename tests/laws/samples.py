"""Every registered operation, as test parameters."""

from __future__ import annotations

import importlib
import pkgutil

import adjoint.ops
from adjoint.ops.operation import REGISTRY

for _module in pkgutil.iter_modules(adjoint.ops.__path__):  # importing a family registers it
    importlib.import_module(f"adjoint.ops.{_module.name}")

OPERATIONS = sorted(REGISTRY)
