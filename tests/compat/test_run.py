"""`adjoint run` from the command line: the documents end to end, and files it cannot read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from tests.compat.documents import FOLDER, RECORDED, form, read, without_addresses

import adjoint
from adjoint.cli import main

SEED = "import torch; _ = torch.manual_seed(0)"


def command(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "adjoint", "run", *args],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def write_notebook(name: str, folder: Path) -> tuple[str, str]:
    """A document as a notebook: its path, and the outputs that the document shows."""
    pieces = read(name)
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(piece.code) for piece in pieces]
    path = folder / "document.ipynb"
    nbformat.write(notebook, path)
    return str(path), "".join(f"{piece.output}\n" for piece in pieces if piece.output)


def same_form(shown: str, expected: str) -> bool:
    return form(without_addresses(shown)) == form(without_addresses(expected))


@pytest.mark.parametrize("name", ["000", "002"])
def test_a_document_as_a_notebook(name: str, tmp_path: Path) -> None:
    path, expected = write_notebook(name, tmp_path)
    result = command(path)
    assert (result.returncode, result.stderr) == (0, "")
    assert same_form(result.stdout, expected)


@pytest.mark.usefixtures("served_mnist")
def test_the_notebook_that_reads_mnist(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path, expected = write_notebook("004", tmp_path)
    adjoint.manual_seed(0)
    with pytest.warns(UserWarning, match="not a leaf"):
        assert main(["run", path]) == 0
    seen = capfd.readouterr()
    assert same_form(seen.out, expected)


@pytest.mark.parametrize("name", ["001", "003"])
def test_a_document_as_a_script(name: str, tmp_path: Path) -> None:
    path = tmp_path / "document.py"
    code = [SEED, *(piece.code for piece in read(name))]
    path.write_text("\n".join(code), encoding="utf-8")
    result = command(str(path))
    expected = "".join(f"{output}\n" for output in RECORDED[name].values() if output)
    assert (result.returncode, result.stderr) == (0, "")
    assert without_addresses(result.stdout) == without_addresses(expected)


def test_a_document_as_markdown(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The text of 004 holds one block of Python, an example with prompts."""
    (source,) = FOLDER.glob("004_*.txt")
    text = source.read_text(encoding="utf-8")
    path = tmp_path / "document.md"
    path.write_text(text.replace("```python\n", "```python\nimport torch\n"), encoding="utf-8")
    assert main(["run", str(path)]) == 0
    assert capfd.readouterr().out == "False\n"


def test_a_scripts_arguments_and_status_are_its_own(tmp_path: Path) -> None:
    path = tmp_path / "job.py"
    path.write_text("import sys\nprint(sys.argv[1:])\nsys.exit(7)\n", encoding="utf-8")
    result = command(str(path), "--help", "-v", "--", "x")
    assert (result.returncode, result.stdout) == (7, "['--help', '-v', '--', 'x']\n")


@pytest.mark.parametrize("name", ["absent.py", "absent.ipynb", "absent.md"])
def test_a_file_that_is_not_there(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(tmp_path / name)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"adjoint run: cannot read {tmp_path / name}: ")
    assert "No such file or directory" in error
    assert error.count("\n") == 1


def test_a_broken_notebook(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.ipynb"
    path.write_text("{", encoding="utf-8")
    assert main(["run", str(path)]) == 2
    assert "expected a notebook (JSON with 'cells')" in capsys.readouterr().err
