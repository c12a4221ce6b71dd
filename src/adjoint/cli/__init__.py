"""Floor 5: the command line: `adjoint train`, `adjoint run`, `adjoint info`.

Each subcommand is a file of this room; heavy rooms load when a subcommand runs, not before.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def make_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line.

    >>> make_parser().parse_args(["train", "--epochs", "3"]).epochs
    3
    """
    import adjoint

    from . import info, run, train

    parser = argparse.ArgumentParser(
        prog="adjoint",
        description="Automatic differentiation with PyTorch's API, on NumPy.",
    )
    parser.add_argument("--version", action="version", version=f"adjoint {adjoint.__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in (train, run, info):
        command.add_parser(subparsers).set_defaults(main=command.main)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    arguments = make_parser().parse_args(argv)
    try:
        return int(arguments.main(arguments))
    except BrokenPipeError:  # `adjoint info | head`
        sys.stderr.close()
        return 1
