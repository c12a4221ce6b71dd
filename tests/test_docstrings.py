"""The law of documentation: public names have a docstring with an example, and examples run.

Each example prints exactly what its docstring says. It sees `torch` (adjoint), `np`, `nn`, `F` and
the public names of its own module, draws after `torch.manual_seed(0)`, prints with the default
options, and works in an empty folder.
"""

from __future__ import annotations

import doctest
import importlib
import inspect
import pickle
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


FACES = (
    "autograd",
    "backends",
    "cuda",
    "data",
    "io",
    "linalg",
    "nn",
    "nn.functional",
    "nn.init",
    "nn.utils",
    "optim",
    "optim.lr_scheduler",
    "special",
    "vision",
    "vision.datasets",
    "vision.transforms",
    "vision.transforms.functional",
    "vision.utils",
    "viz",
)

# Public names without an example of their own, by the reason.
WITHOUT_EXAMPLE = {
    "warns that it is deprecated; its docstring names the function that took its place": (
        "nn.utils.clip_grad_norm nn.functional.upsample nn.functional.upsample_nearest "
        "nn.functional.upsample_bilinear"
    ),
    "copies the view that a method makes; the example is the method's": (
        "torch.alias_copy torch.expand_copy torch.unfold_copy torch.view_copy"
    ),
}


def offered(module: ModuleType) -> list[str]:
    """The public names of a module: its `__all__`, or what the package defines in it."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and str(getattr(value, "__module__", "")).startswith("adjoint")
    ]


def public() -> dict[str, Any]:
    """Every public function, class and property, by the name that users know it by."""
    names = {f"torch.{name}": value for name, value in adjoint.api.FUNCTIONS.items()}
    for cls in reversed(adjoint.Tensor.__mro__[:-1]):
        names |= {f"Tensor.{name}": value for name, value in vars(cls).items() if name[0] != "_"}
    for face in FACES:
        module = importlib.import_module(f"adjoint.{face}")
        names |= {f"{face}.{name}": getattr(module, name) for name in offered(module)}
    return {
        name: value
        for name, value in names.items()
        if callable(value) or isinstance(value, property)
    }


def is_derived(name: str, value: Any) -> bool:
    """Whether this is the in-place form of a function, whose example shows what it does."""
    return name.endswith("_") and text_of(value).startswith("In-place form of `")


def test_every_public_name_is_documented() -> None:
    undocumented = [name for name, value in public().items() if len(text_of(value)) < 10]
    assert undocumented == []


def test_every_public_name_has_an_example() -> None:
    names = public()
    excused = {name for group in WITHOUT_EXAMPLE.values() for name in group.split()}
    bare = {
        name
        for name, value in names.items()
        if ">>>" not in text_of(value) and not is_derived(name, value)
    }
    assert sorted(bare - excused) == []
    assert sorted(excused - bare) == [], "no longer exceptions: take them off the list"


def test_an_in_place_form_tells_of_a_function_with_an_example() -> None:
    names = public()
    derived = {name: text_of(value) for name, value in names.items() if is_derived(name, value)}
    assert len(derived) > 150
    for name, text in derived.items():
        base = f"{name.rpartition('.')[0]}.{text.split('`')[1]}"
        found = names.get(base) or names.get(base.replace("Tensor.", "torch."))
        assert found is not None, f"{name} is said to be the in-place form of {base}"
        assert ">>>" in text_of(found), base


def test_functions_from_tables_look_like_written_ones() -> None:
    exp, add_ = adjoint.exp, adjoint.Tensor.add_
    assert (exp.__name__, exp.__qualname__, exp.__module__) == ("exp", "exp", "adjoint")
    assert list(inspect.signature(exp).parameters) == ["input", "out"]
    assert (add_.__name__, add_.__qualname__) == ("add_", "Tensor.add_")
    assert list(inspect.signature(add_).parameters) == ["input", "other", "alpha"]
    assert text_of(adjoint.Tensor.exp) == text_of(exp) == REGISTRY["exp"].doc


def test_functions_can_be_pickled() -> None:
    for name in adjoint.api.FUNCTIONS:
        function = getattr(adjoint, name, None)
        if inspect.isfunction(function):
            assert pickle.loads(pickle.dumps(function)) is function, name
