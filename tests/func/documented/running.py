"""Runs the programs of this folder: plain scripts for torch, a function for each thing they show.

The same code runs where torch is installed, to record what it prints, and on adjoint.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import runpy
import warnings
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
FILES = sorted(path.stem.removesuffix("_programs") for path in FOLDER.glob("*_programs.py"))


def load(name: str) -> dict[str, Any]:
    """The programs of a file: its public functions without parameters, in order."""
    path = str(FOLDER / f"{name}_programs.py")
    found = runpy.run_path(path)
    return {
        key: value
        for key, value in found.items()
        if inspect.isfunction(value)
        and value.__code__.co_filename == path
        and not key.startswith("_")
        and not inspect.signature(value).parameters
    }


def printed(program: Any, torch: Any) -> str:
    """What a program prints from seed 0; an error that it does not catch ends it."""
    torch.manual_seed(0)
    with contextlib.redirect_stdout(io.StringIO()) as shown, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program()
    return shown.getvalue()
