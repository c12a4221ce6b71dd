"""`adjoint run`: a script, notebook or document written for torch, run on adjoint.

Floor 5. Chooses the runner by the file's name, and turns an unreadable file into one line.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Add the `run` subcommand to the command line."""
    parser = subparsers.add_parser(
        "run",
        help="run a script or notebook that imports torch",
        description="Run a Python script, a notebook (.ipynb) or the Python blocks of a Markdown "
        "document (.md), with `import torch` and `import torchvision` resolved to adjoint.",
    )
    parser.add_argument("path", help="script.py, notebook.ipynb or document.md")
    parser.add_argument(
        "args", nargs=argparse.REMAINDER, help="arguments of the script, passed on as they are"
    )
    return parser


def main(args: argparse.Namespace) -> int:
    """Run `args.path` with `args.args`; return its exit status, 2 when it cannot be read."""
    # Here, so that the other subcommands do not load the runners.
    from adjoint.compat.cells import READERS
    from adjoint.compat.notebook import run_notebook
    from adjoint.compat.script import run_script

    is_notebook = os.path.splitext(args.path)[1].lower() in READERS
    runner = run_notebook if is_notebook else run_script
    try:
        return runner(args.path, args.args)
    except (OSError, ValueError) as error:
        print(f"adjoint run: cannot read {args.path}: {error}", file=sys.stderr)
        return 2
