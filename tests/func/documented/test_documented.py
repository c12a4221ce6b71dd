"""What torch's documentation shows of autograd and torch.func runs unchanged, with its output.

`*_programs.py` are scripts for torch, written for this folder after each documented example;
`printed.json` is what torch printed. Words have to be equal, numbers to the digits that are shown.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from tests.func.documented.running import FILES, FOLDER, load, printed

import adjoint
from adjoint.compat import install

RECORDED = json.loads((FOLDER / "printed.json").read_text(encoding="utf-8"))
PROGRAMS = [(file, name) for file in FILES for name in RECORDED[file]]
NUMBER = re.compile(r"-?(?<![\w.])(?:\d+\.\d*(?:e[-+]\d+)?|nan|inf)j?(?![\w])")

Files = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def programs() -> Files:
    with install():
        return {file: load(file) for file in FILES}


def numbers(line: str) -> list[complex]:
    return [complex(text) for text in NUMBER.findall(line)]


def words(line: str) -> str:
    """The text between the numbers; padding of columns may differ where a last digit does."""
    return "".join(NUMBER.sub("#", line).split())


@pytest.mark.parametrize(("file", "name"), PROGRAMS, ids=[f"{f}-{n}" for f, n in PROGRAMS])
def test_prints_what_torch_prints(file: str, name: str, programs: Files) -> None:
    with install():
        found = printed(programs[file][name], adjoint).splitlines()
    expected = RECORDED[file][name]
    assert [words(line) for line in found] == [words(line) for line in expected]
    for line, recorded in zip(found, expected, strict=True):
        np.testing.assert_allclose(numbers(line), numbers(recorded), rtol=2e-4, atol=2e-4)


def test_every_program_is_recorded(programs: Files) -> None:
    assert {file: list(found) for file, found in programs.items()} == {
        file: list(found) for file, found in RECORDED.items() if file != "source"
    }
    assert all(lines for file in FILES for lines in RECORDED[file].values())


def test_a_difference_is_found() -> None:
    assert words("tensor([ 1.,  2.0000])") == words("tensor([1.5, 2.])")
    assert numbers("tensor([ 1.,  -2.5e-03, nan])")[:2] == [1, -0.0025]
    assert words("True 3.0") != words("False 3.0")
