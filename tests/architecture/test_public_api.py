"""The public names are the recorded ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_public_names_are_the_recorded_ones() -> None:
    # A fresh interpreter, because other tests load rooms that hang themselves onto `adjoint`.
    child = subprocess.run(
        [sys.executable, HERE / "public_api.py"], stdout=subprocess.PIPE, text=True, check=True
    )
    now = set(child.stdout.splitlines())
    recorded = set((HERE / "public_api.txt").read_text(encoding="utf-8").splitlines())
    assert (sorted(recorded - now), sorted(now - recorded)) == ([], []), (
        "public names (gone, new); if that is meant: make api-snapshot"
    )
