"""`import torch` gives the engine's own modules, says what is missing, and can be undone."""

from __future__ import annotations

import importlib
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.compat.fake import ALIASES, fake_packages

import adjoint.compat
from adjoint.compat import install, uninstall


@pytest.fixture(autouse=True)
def _packages(tmp_path: Path) -> Iterator[None]:
    with fake_packages(tmp_path):
        yield


def run(code: str) -> dict[str, Any]:
    """Execute statements as a user's module would."""
    namespace: dict[str, Any] = {"__name__": "user"}
    exec(code, namespace)
    return namespace


def test_modules_are_the_same_objects_under_both_names() -> None:
    with install(ALIASES):
        seen = run(
            "import torch, torch.nn as nn, torch.nn.functional as F, torchvision\n"
            "from torch.nn import functional, Linear\n"
            "from torchvision import datasets\n"
            "from torchvision.datasets import MNIST\n"
            "import engine, engine.nn.functional, engine.vision.datasets"
        )
    engine = seen["engine"]
    assert seen["torch"] is engine
    assert seen["nn"] is engine.nn
    assert seen["F"] is seen["functional"] is engine.nn.functional
    assert seen["Linear"] is engine.nn.Linear
    assert seen["torchvision"] is engine.vision
    assert seen["datasets"] is engine.vision.datasets
    assert seen["MNIST"] is engine.vision.datasets.MNIST


def test_the_engine_keeps_its_names_and_specs() -> None:
    with install(ALIASES):
        seen = run("import torch.nn.functional")
        module = seen["torch"].nn.functional
        assert module.__name__ == "engine.nn.functional"
        assert module.__spec__.name == "engine.nn.functional"
        importlib.reload(module)


def test_a_longer_alias_wins_over_a_shorter_one() -> None:
    with install(ALIASES):
        seen = run("from torch.pictures import datasets")
    assert seen["datasets"].__name__ == "engine.vision.datasets"


def test_pickles_written_under_an_alias_are_read_without_it() -> None:
    with install(ALIASES):
        data = pickle.dumps(run("import torch\nx = torch.Tensor()")["x"])
    assert type(pickle.loads(data)).__module__ == "engine"


def test_an_installed_torch_loses_and_comes_back() -> None:
    import torch as real

    assert real.real
    with install(ALIASES):
        assert not hasattr(run("import torch")["torch"], "real")
        with pytest.raises(ModuleNotFoundError, match=r"adjoint has no torch\.only_real"):
            run("import torch.only_real")
    assert sys.modules["torch"] is real
    assert run("import torch")["torch"] is real


def test_uninstalling_leaves_no_trace() -> None:
    run("import engine.nn, engine.lazy")
    finders = list(sys.meta_path)
    before = dict(sys.modules["engine"].__dict__), dict(sys.modules["engine.nn"].__dict__)
    installation = install(ALIASES)
    run("import torch.nn, torchvision.datasets")
    assert "torch.nn" in sys.modules
    installation.uninstall()
    installation.uninstall()
    assert sys.meta_path == finders
    assert not [name for name in sys.modules if name.startswith("torch")]
    after = sys.modules["engine"].__dict__, sys.modules["engine.nn"].__dict__
    # Importing a submodule binds it in its package, with aliases or without.
    assert {**before[0], "vision": sys.modules["engine.vision"]} == after[0]
    assert before[1] == after[1]


def test_uninstalls_when_the_block_fails() -> None:
    finders = list(sys.meta_path)
    with pytest.raises(ZeroDivisionError), install(ALIASES):
        run("import torch; 1 / 0")
    assert sys.meta_path == finders


def test_nested_installations_end_one_by_one() -> None:
    with install(ALIASES):
        run("import torch")
        with install(ALIASES):
            run("import torch.nn")
        assert run("import torch")["torch"].__name__ == "engine"
        with pytest.raises(AttributeError, match=r"adjoint has no torch\.nothing"):
            run("import torch; torch.nothing")
    assert run("import torch")["torch"].real


def test_uninstall_undoes_the_latest() -> None:
    finders = list(sys.meta_path)
    first, second = install(ALIASES), install(ALIASES)
    uninstall()
    assert first in sys.meta_path
    assert second not in sys.meta_path
    uninstall()
    uninstall()  # nothing left to undo
    assert sys.meta_path == finders


@pytest.mark.parametrize(
    ("code", "kind", "missing"),
    [
        ("import torch.nothing", ModuleNotFoundError, "torch.nothing"),
        ("import torch.nothing.at.all", ModuleNotFoundError, "torch.nothing"),
        ("import torch.nn.nothing", ModuleNotFoundError, "torch.nn.nothing"),
        ("from torch.nn.nothing import x", ModuleNotFoundError, "torch.nn.nothing"),
        ("import torchvision.models", ModuleNotFoundError, "torchvision.models"),
        ("from torch import nothing", ImportError, "torch.nothing"),
        ("from torch.nn import functional, Nothing", ImportError, "torch.nn.Nothing"),
        ("from torch.nn.functional import nothing", ImportError, "torch.nn.functional.nothing"),
        ("from torchvision import models", ImportError, "torchvision.models"),
        ("import torch; torch.nothing", AttributeError, "torch.nothing"),
        ("import torch.nn; torch.nn.Nothing", AttributeError, "torch.nn.Nothing"),
        ("import torch.nn as n; n.functional.no", AttributeError, "torch.nn.functional.no"),
        ("import torch; torch.lazy.nothing", AttributeError, "torch.lazy.nothing"),
        ("import torchvision as v; v.datasets.no", AttributeError, "torchvision.datasets.no"),
    ],
)
def test_what_is_missing_is_named(code: str, kind: type[Exception], missing: str) -> None:
    with install(ALIASES), pytest.raises(kind) as caught:
        run(code)
    assert type(caught.value) is kind
    parent = missing.rpartition(".")[0]
    way_out = f"it implements a part of torch; dir({parent}) lists what there is"
    assert str(caught.value) == f"adjoint has no {missing}: {way_out}"


def test_what_is_missing_can_be_asked_for() -> None:
    with install(ALIASES):
        seen = run(
            "import torch\n"
            "asked = hasattr(torch, 'compile'), getattr(torch, 'compile', 7)\n"
            "try: import torch.compiler\n"
            "except ImportError as error: asked += (error.name,)\n"
            "try: from torch import compiler\n"
            "except ImportError as error: asked += (error.name,)\n"
            "asked += (hasattr(torch, '__wrapped__'),)"
        )
    assert seen["asked"] == (False, 7, "torch.compiler", "engine", False)


def test_a_missing_dependency_is_not_taken_for_a_missing_module() -> None:
    with install(ALIASES), pytest.raises(ModuleNotFoundError) as caught:
        run("import torch.needy")
    assert caught.value.name == "a_dependency_that_nobody_has"


def test_modules_that_import_each_other_still_do() -> None:
    with install(ALIASES):
        seen = run("import torch; from torch.circle import one, two")
    assert seen["two"].one is seen["one"]


def test_other_imports_are_left_alone() -> None:
    with install(ALIASES):
        assert run("import json")["json"] is sys.modules["json"]
        with pytest.raises(ModuleNotFoundError, match="No module named 'torchaudio'"):
            run("import torchaudio")


def test_the_default_aliases_give_adjoint() -> None:
    with adjoint.compat.install():
        assert run("import torch")["torch"] is adjoint


def test_a_function_before_a_module_of_its_name_stays() -> None:
    with adjoint.compat.install():
        found = run("from torch.autograd.gradcheck import GradcheckError, gradcheck; import torch")
        assert callable(found["torch"].autograd.gradcheck)
        assert found["torch"].autograd.gradcheck is found["gradcheck"] is adjoint.autograd.gradcheck
        assert issubclass(found["GradcheckError"], RuntimeError)
