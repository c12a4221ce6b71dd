"""docs/explanations.md: every program prints, or fails with, what is shown below it."""

from __future__ import annotations

import contextlib
import io
import linecache
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adjoint as torch
from adjoint.debug.reasons import ADVICE

PAGE = (Path(__file__).parents[2] / "docs" / "explanations.md").read_text(encoding="utf-8")
LINES = r"((?:(?!```).*\n)*)```\n"
PROGRAMS = re.findall(rf"^```python\n{LINES}\n```text\n{LINES}", PAGE, flags=re.MULTILINE)


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_a_program_prints_what_is_shown(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    code, shown = PROGRAMS[number]
    source = (len(code), None, code.splitlines(keepends=True), "train.py")
    monkeypatch.setitem(linecache.cache, "train.py", source)
    names: dict[str, Any] = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "np": np}
    names["__name__"] = "train"
    torch.manual_seed(0)
    printed = io.StringIO()
    error = shown.partition(": ")[0]
    with contextlib.redirect_stdout(printed):
        if error == "RuntimeError":
            with pytest.raises(RuntimeError) as caught:
                exec(compile(code, "train.py", "exec"), names)
            print(f"RuntimeError: {caught.value}")
        else:
            exec(compile(code, "train.py", "exec"), names)
    assert printed.getvalue().split() == shown.split()


def test_every_cause_is_in_the_table() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    told = {word for row in rows for word in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert told == set(ADVICE)


def test_there_are_programs() -> None:
    assert len(PROGRAMS) == 7
