"""docs/errors.md: every program gives the error below it, or works where none is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import adjoint as torch

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
SECTIONS = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
LINES = r"((?:(?!```).*\n)*)```\n"
BLOCK = re.compile(rf"^```python\n{LINES}(?:\n```text\n{LINES})?", re.MULTILINE)


def programs(section: str) -> Iterator[tuple[str, str]]:
    """Each program, and the error that is shown below it, on one line; or none."""
    for found in BLOCK.finditer(section):
        yield found[1], " ".join((found[2] or "").split())


@pytest.mark.parametrize("section", SECTIONS, ids=lambda s: s.partition("\n")[0])
def test_the_programs_of_a_section(section: str) -> None:
    names = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "np": np}
    shown = []
    for program, error in programs(section):
        code = compile(program, "train.py", "exec")
        if error:
            shown.append(error)
            with pytest.raises(Exception) as caught:
                exec(code, names)
            text = f"{type(caught.value).__name__}: {caught.value}"
            assert " ".join(text.split()) == error
        else:
            exec(code, names)
    assert shown


def test_there_are_twelve() -> None:
    assert [int(section.partition(".")[0]) for section in SECTIONS] == list(range(1, 13))
