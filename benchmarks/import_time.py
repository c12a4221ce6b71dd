"""Seconds to import, best of several processes: `python benchmarks/import_time.py`.

With TORCH_PYTHON, also torch's, in turns. The interpreter's own start is subtracted.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time


def seconds(python: str, code: str) -> float:
    """How long one process takes to run `code`."""
    start = time.perf_counter()
    subprocess.run([python, "-c", code], check=True)
    return time.perf_counter() - start


def main() -> None:
    """Print a line for each library."""
    subjects = [(sys.executable, "numpy"), (sys.executable, "adjoint")]
    if os.environ.get("TORCH_PYTHON"):
        subjects.append((os.environ["TORCH_PYTHON"], "torch"))
    best = {name: float("inf") for _, name in subjects}
    for _ in range(10):
        for python, name in subjects:
            spent = seconds(python, f"import {name}") - seconds(python, "pass")
            best[name] = min(best[name], spent)
    for name, spent in best.items():
        print(f"{name:8} {spent:.3f} s")


if __name__ == "__main__":
    main()
