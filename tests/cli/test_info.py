"""`adjoint info`, `python -m adjoint`, and the command line as a whole."""

from __future__ import annotations

import subprocess
import sys

import pytest

import adjoint
from adjoint.cli import main


def test_info_names_what_a_bug_report_needs(capsys) -> None:
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    for word in ("adjoint", "python", "numpy", "blas", "threads", "bfloat16", "extra plots"):
        assert word in text
    assert adjoint.__version__ in text


def test_python_m_adjoint() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "adjoint", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"adjoint {adjoint.__version__}"


def test_a_command_is_needed(capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "COMMAND" in capsys.readouterr().err
