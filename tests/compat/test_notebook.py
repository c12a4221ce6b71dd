"""Notebooks and documents run cell by cell in one namespace and show what Jupyter would."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest

from adjoint.compat.cells import Cell, read_cells
from adjoint.compat.notebook import Session, plain_python, run_notebook


def write(folder: Path, sources: Sequence[str], tags: Sequence[Sequence[str]] = ()) -> str:
    """A notebook as Jupyter writes it."""
    notebook = nbformat.v4.new_notebook()
    notebook.cells.append(nbformat.v4.new_markdown_cell("# Title"))
    for number, source in enumerate(sources):
        metadata = {"tags": list(tags[number])} if number < len(tags) else {}
        notebook.cells.append(nbformat.v4.new_code_cell(source, metadata=metadata))
    path = folder / "work.ipynb"
    nbformat.write(notebook, path)
    return str(path)


def plain(source: str) -> str:
    return plain_python(Cell(source, "cell 1"))


def test_cells_share_a_namespace_and_show_last_values(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write(
        tmp_path,
        [
            "import torch\nx = torch.ones(2)",
            "print('x')\nx * 2",
            "x;",
            "x + 1  # a comment; with a semicolon",
            "None",
            "if True:\n    x",
            "_, _4.sum(), Out[2]",
            "",
            "'text'",
            "display(x, 'y')",
            "class A: pass\nA.__module__, __name__, 'é'",
        ],
    )
    assert run_notebook(path) == 0
    seen = capfd.readouterr()
    assert seen.out.splitlines() == [
        "x",
        "tensor([2., 2.])",
        "tensor([2., 2.])",
        "(tensor([2., 2.]), tensor(4.), tensor([2., 2.]))",
        "'text'",
        "tensor([1., 1.])",
        "'y'",
        "('__main__', '__main__', 'é')",
    ]
    assert seen.err == ""


def test_arguments_and_neighbours_are_found(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "beside.py").write_text("value = 5\n", encoding="utf-8")
    path = write(tmp_path, ["import sys, beside", "sys.argv[1:], beside.value"])
    former = list(sys.path)
    assert run_notebook(path, ["--fast"]) == 0
    sys.modules.pop("beside")
    assert capfd.readouterr().out == "(['--fast'], 5)\n"
    assert sys.path == former


def test_an_error_ends_the_run_with_the_cell_in_its_traceback(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, ["def f(x):\n    return 1 / x", "print('one')\nf(0)", "print('two')"])
    assert run_notebook(path) == 1
    seen = capfd.readouterr()
    assert seen.out == "one\n"
    lines = [line for line in seen.err.splitlines() if not line.strip().startswith(("^", "~"))]
    assert lines == [
        "Traceback (most recent call last):",
        '  File "<cell 2 of work.ipynb>", line 2, in <module>',
        "    f(0)",
        '  File "<cell 1 of work.ipynb>", line 2, in f',
        "    return 1 / x",
        "ZeroDivisionError: division by zero",
    ]


def test_a_cell_may_be_tagged_to_fail(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, ["1 / 0", "'after'"], tags=[["raises-exception"]])
    assert run_notebook(path) == 0
    seen = capfd.readouterr()
    assert seen.out == "'after'\n"
    assert "ZeroDivisionError" in seen.err


@pytest.mark.parametrize(("code", "status"), [("exit_code = 4\nimport sys; sys.exit(4)", 4)])
def test_a_cell_may_exit(code: str, status: int, tmp_path: Path) -> None:
    tags = [["raises-exception"]]  # which does not cover sys.exit
    assert run_notebook(write(tmp_path, [code, "1 / 0"], tags=tags)) == status


def test_broken_python_is_reported_in_its_cell(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_notebook(write(tmp_path, ["x = 1", "if x\n    pass"])) == 1
    error = capfd.readouterr().err
    assert error.startswith('  File "<cell 2 of work.ipynb>", line 1')
    assert "SyntaxError: expected ':'" in error


@pytest.mark.parametrize(
    ("source", "expected", "skipped"),
    [
        ("x = 1", "x = 1", []),
        ("%matplotlib inline\nimport json", "pass\nimport json", ["%matplotlib inline"]),
        ("!pip install it's\n%cd x\ny = 1", "pass\npass\ny = 1", ["%cd x", "!pip install it's"]),
        ("if 1:\n    !ls\n    y = 1", "if 1:\n    pass\n    y = 1", ["!ls"]),
        ("x?", "pass", ["x?"]),
        ("x.sum??", "pass", ["x.sum??"]),
        ("x = 'what?", "x = 'what?", []),
        ("x = '\f\u2028'\n%magic", "x = '\f\u2028'\npass", ["%magic"]),
        ("?x\nx", "pass\nx", ["?x"]),
        ("%time y = f()", "y = f()", []),
        ("%timeit -n 10 -r3 f()", "f()", []),
        ("with a:\n    %time f()\n", "with a:\n    f()\n", []),
        ("%%time\ny = f()\ny", "\ny = f()\ny", []),
        ("%%capture out --no-stderr\nf()", "\nf()", []),
        ("%%bash\nls | wc", "", ["%%bash and its cell"]),
        ("s = '''\n%not magic\n!nor this\n'''", "s = '''\n%not magic\n!nor this\n'''", []),
        ("%magic\ns = '''\n%not magic\n'''", "pass\ns = '''\n%not magic\n'''", ["%magic"]),
        ("x = 7\ny = (x\n% 3)", "x = 7\ny = (x\n% 3)", []),
        ("if x\n    pass", "if x\n    pass", []),
        ("f(", "f(", []),
        ("files = !ls", "files = !ls", []),
        ("%time", "pass", []),
    ],
)
def test_syntax_of_ipython_is_taken_out(
    source: str, expected: str, skipped: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert plain(source) == expected
    notes = capfd.readouterr().err.splitlines()
    assert sorted(note.partition("skipped ")[2] for note in notes) == sorted(skipped)


def test_a_note_names_the_cell_and_the_line(capfd: pytest.CaptureFixture[str]) -> None:
    plain("x = 1\n%matplotlib inline")
    assert capfd.readouterr().err == "adjoint run: cell 1, line 2: skipped %matplotlib inline\n"


def test_markdown_runs_its_python_blocks(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "guide.md"
    path.write_text(
        "# Guide\n\n```python\nimport torch\nx = torch.ones(1)\n```\n\n```sh\nrm x\n```\n"
        "```\nplain\n```\n\n```python\n>>> x + 1\ntensor([2.])\n>>> for i in range(1):\n"
        "...     print(i)\n0\n```\n```py\nx.nothing_like_it\n```\n",
        encoding="utf-8",
    )
    assert run_notebook(str(path)) == 1
    seen = capfd.readouterr()
    assert seen.out == "0\n"
    assert '"<code at line 22 of guide.md>", line 1' in seen.err


def test_a_notebook_of_2014_is_read(tmp_path: Path) -> None:
    sheet = {
        "cells": [
            {"cell_type": "heading", "source": "T"},
            {"cell_type": "code", "input": ["a = 1\n", "a"], "language": "python"},
        ]
    }
    path = tmp_path / "old.ipynb"
    path.write_text(json.dumps({"nbformat": 3, "worksheets": [sheet]}), encoding="utf-8")
    assert read_cells(str(path)) == [Cell("a = 1\na", "cell 1 of old.ipynb")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("not json", "expected a notebook"),
        ("[]", "expected a notebook"),
        ('{"cells": [{}]}', "expected a notebook"),
        ('{"cells": 3}', "expected a notebook"),
        (
            '{"cells": [], "metadata": {"kernelspec": {"language": "julia"}}}',
            "expected a Python notebook, got one in julia",
        ),
    ],
)
def test_what_is_no_notebook_is_refused(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.ipynb"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        run_notebook(str(path))


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"notes\.rst: expected a notebook or document"):
        read_cells(str(tmp_path / "notes.rst"))


def test_sessions_do_not_share_names() -> None:
    def session() -> tuple[Session, dict[str, Any]]:
        module = ModuleType("__main__")
        return Session(module), module.__dict__

    (first, names), (second, others) = session(), session()
    first.run(Cell("a = 1", "one"))
    second.run(Cell("b = 2", "one"))
    assert "a" in names
    assert "a" not in others
