"""Values and gradients of every public function, held to those recorded from torch.

The cases are in `cases/*.txt`, torch's answers beside them, and where ours may differ, with the
reason, in `functions_differences.txt`.
"""

from __future__ import annotations

import json
import re
from types import ModuleType
from typing import Any

import pytest
from tests.golden import functions_program as program
from tests.golden.functions_comparison import listed, unexpected

import adjoint
from adjoint import autograd, linalg, nn, special
from adjoint.nn import functional, init, utils

# What is public here and has no case, and why.
# Of adjoint's autograd alone, or at torch's top level only, where they have cases.
NOT_TORCH = ("custom_jvp", "custom_vjp", "is_grad_enabled", "is_inference_mode_enabled")
WITHOUT_CASE = {
    "Tensor.legacy_constructor": "what torch.Tensor(...) calls",
    "torch.memory_budget": "adjoint's own",
    "torch.safe_branches": "adjoint's own",
}


@pytest.mark.parametrize("family", program.FAMILIES)
def test_torchs_answers(family: str) -> None:
    recorded = json.loads((program.CASES / f"{family}.json").read_text(encoding="utf-8"))
    texts = program.read_cases(family)
    assert texts == list(recorded), "tests/golden/record_functions.py has to record again"
    found = []
    for text in texts:
        got = program.evaluate(text, adjoint)
        found += [f"{text}\n    {line}" for line in unexpected(text, got, recorded[text])]
    assert not found, f"{len(found)} differences from torch\n" + "\n".join(found)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [text for family in program.FAMILIES for text in program.read_cases(family)]


def names_of(module: ModuleType) -> list[str]:
    """The public functions, classes and values of a module, without what it imported."""
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not isinstance(value, ModuleType)
        and getattr(value, "__module__", "adjoint") not in ("typing", "__future__")
        and not name.isupper()
    ]


def is_from(home: str, module: ModuleType, name: str) -> bool:
    """Whether a module defines a name, and did not import it for itself."""
    return getattr(getattr(module, name), "__module__", "").startswith(home)


def public_names() -> dict[str, list[str]]:
    """The names to be covered, under how a case writes what comes before the dot."""
    return {
        "torch": sorted({*names_of(adjoint), *adjoint._LAZY}),  # some load when touched
        "torch.linalg": names_of(linalg),
        "torch.special": names_of(special),
        "F": names_of(functional),
        "nn": names_of(nn),
        "nn.utils": [n for n in names_of(utils) if is_from("adjoint.nn.utils", utils, n)],
        "torch.autograd": [n for n in names_of(autograd) if n not in NOT_TORCH],
        "init": [name for name in names_of(init) if name not in ("no_grad", "Tensor")],
        "Tensor": [name for name in dir(adjoint.Tensor) if not name.startswith("_")],
        "Module": [name for name in dir(nn.Module) if not name.startswith("_")],
    }


def is_covered(owner: str, name: str, text: str) -> bool:
    if owner in ("Tensor", "Module"):
        before = r"(?<!\btorch)(?<!\bF)(?<!\bnn)(?<!\binit)(?<!special)(?<!linalg)"
        return re.search(rf"{before}\.{name}\b", text) is not None
    return re.search(rf"\b{owner}\.{name}\b", text) is not None


def test_every_public_name_has_a_case(texts: list[str]) -> None:
    text = "\n".join(texts)
    without = {
        f"{owner}.{name}"
        for owner, names in public_names().items()
        for name in names
        if not is_covered(owner, name, text)
    }
    assert sorted(without) == sorted(WITHOUT_CASE)


def test_no_name_is_invented() -> None:
    theirs: dict[str, list[str]] = json.loads(program.NAMES.read_text(encoding="utf-8"))
    ours = public_names()
    del ours["Module"]  # its subclasses' states and conversions have names of their own
    invented = {
        f"{owner}.{name}" for owner, names in ours.items() for name in {*names} - {*theirs[owner]}
    }
    assert sorted(invented - WITHOUT_CASE.keys()) == []


def test_what_is_listed_as_different_is_a_case(texts: list[str]) -> None:
    known = {*texts}
    cases: set[Any] = set().union(*(listed()[s] for s in ("result", "gradients", "raises")))
    assert sorted(cases - known) == []
