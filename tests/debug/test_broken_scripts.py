"""Broken scripts: each diagnosis names the lines that matter, and the way out.

The scripts are in `test_broken_scripts.txt`. Lines marked `# <=` have to be in the message itself,
`# <-` is the line of the script that Python shows as the last one. `: Error: a | b` ends a script
that fails; `? expression` asks a function of adjoint.debug instead, whose report has to have the
words.
"""

from __future__ import annotations

import builtins
import linecache
import re
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adjoint as torch

TEXT = Path(__file__).with_name("test_broken_scripts.txt").read_text(encoding="utf-8")
SCRIPTS = [paragraph.split("\n", 1) for paragraph in re.split(r"^### ", TEXT, flags=re.M)[1:]]


def parts(body: str) -> tuple[str, str, str, list[str]]:
    """The code, the question, the class of the error and the words of a script."""
    lines = body.strip().splitlines()
    last = lines.pop()[2:]
    question = lines.pop()[2:] if lines[-1].startswith("? ") else ""
    error, _, words = ("", "", last) if question else last.partition(": ")
    return "\n".join(lines) + "\n", question, error, words.split(" | ")


def marked(code: str, mark: str) -> list[int]:
    return [n for n, line in enumerate(code.splitlines(), 1) if line.endswith(mark)]


def diagnosis(code: str, question: str, error: str, name: str) -> tuple[str, int | None]:
    """What is told, and the last line of the script that Python shows."""
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    names: dict[str, Any] = {"torch": torch, "nn": torch.nn, "np": np, "__name__": name}
    program = compile(code, name, "exec")
    if question:
        exec(program, names)
        return str(eval(question, names)), None
    expected: type[Exception] = getattr(builtins, error)
    with pytest.raises(expected) as caught:
        exec(program, names)
    shown = [
        f.lineno for f in traceback.extract_tb(caught.value.__traceback__) if f.filename == name
    ]
    return str(caught.value), shown[-1]


@pytest.mark.filterwarnings("ignore:Error detected in")
@pytest.mark.parametrize("number", range(len(SCRIPTS)), ids=lambda n: SCRIPTS[n][0])
def test_the_diagnosis(number: int) -> None:
    code, question, error, words = parts(SCRIPTS[number][1])
    name = f"broken{number}.py"
    torch.manual_seed(0)
    text, shown = diagnosis(code, question, error, name)
    told = [int(n) for n in re.findall(rf"{re.escape(name)}:(\d+)", text)]
    assert [line for line in marked(code, "# <=") if line not in told] == [], text
    assert marked(code, "# <-") in ([], [shown]), text
    assert [word for word in words if word not in text] == [], text


def test_there_are_enough() -> None:
    assert len({title for title, _ in SCRIPTS}) == len(SCRIPTS) >= 60
    assert all("# <" in body or "optimizer" in title for title, body in SCRIPTS)
