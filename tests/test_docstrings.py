"""The law of documentation: every example in a docstring runs and prints what it says.

Each example sees `torch` (adjoint), `np`, `nn`, `F` and the public names of its own module, draws
after `torch.manual_seed(0)`, prints with the default options, and works in an empty folder.
"""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import adjoint
from adjoint.ops.operation import REGISTRY

# Running these modules is their purpose: importing them starts the program.
SCRIPTS = {"adjoint.__main__"}


def modules() -> list[ModuleType]:
    """Every module of the package."""
    found = pkgutil.walk_packages(adjoint.__path__, "adjoint.")
    names = [module.name for module in found if module.name not in SCRIPTS]
    return [adjoint, *map(importlib.import_module, names)]


def text_of(value: Any) -> str:
    """The docstring that belongs to this object itself."""
    return getattr(value, "__doc__", None) or ""


def own(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The functions and classes that a module defines, with the members of its classes."""
    for name, value in list(vars(module).items()):
        if getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(value):
            yield f"{module.__name__}.{name}", value
            for key, member in vars(value).items():
                if callable(member) or isinstance(member, (property, classmethod, staticmethod)):
                    yield f"{module.__name__}.{name}.{key}", member
        elif inspect.isfunction(value):
            yield f"{module.__name__}.{name}", value


def documented() -> Iterator[tuple[str, str, ModuleType]]:
    """(name, docstring, home) of everything that may hold an example."""
    for module in MODULES:
        yield module.__name__, text_of(module), module
        for name, value in own(module):
            yield name, text_of(value), module
    for name, operation in REGISTRY.items():
        yield f"operation {name}", operation.doc, adjoint
    generated = {f"torch.{name}": value for name, value in adjoint.api.FUNCTIONS.items()}
    generated |= {f"torch.special.{name}": value for name, value in vars(adjoint.special).items()}
    generated |= {f"torch.linalg.{name}": value for name, value in vars(adjoint.linalg).items()}
    generated |= {f"Tensor.{name}": value for name, value in vars(adjoint.Tensor).items()}
    for name, value in generated.items():
        yield name, text_of(value), adjoint


MODULES = modules()


def examples() -> dict[str, doctest.DocTest]:
    """One test for each docstring that holds an example, whatever the names that share it."""
    parser = doctest.DocTestParser()
    tests: dict[str, doctest.DocTest] = {}
    for name, text, module in documented():
        text = inspect.cleandoc(text)
        if ">>>" in text and text not in tests:
            names = names_for(module)
            tests[text] = parser.get_doctest(text, names, name, module.__file__, None)
    return {test.name: test for test in tests.values()}


def names_for(module: ModuleType) -> dict[str, Any]:
    """What the examples of a module see."""
    names = {"torch": adjoint, "np": np, "nn": adjoint.nn, "F": adjoint.nn.functional}
    if module is not adjoint and not module.__name__.startswith("adjoint.api."):
        home = module.__name__
        for name, value in vars(module).items():
            if not name.startswith("_") and getattr(value, "__module__", None) == home:
                names.setdefault(name, value)
    return names


EXAMPLES = examples()


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The state in which an example starts, and to which it returns."""
    monkeypatch.chdir(tmp_path)
    adjoint.manual_seed(0)
    adjoint.set_printoptions(profile="default")
    yield
    adjoint.set_printoptions(profile="default")
    adjoint.set_default_dtype(adjoint.float32)


@pytest.mark.parametrize("name", sorted(EXAMPLES))
@pytest.mark.usefixtures("session")
def test_example_runs(name: str) -> None:
    """The output of every line is the documented one, character by character."""
    report: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    failed = runner.run(EXAMPLES[name], out=report.append, clear_globs=False).failed
    assert not failed, "".join(report)
