"""Seconds to import, best of several processes: `python benchmarks/import_time.py`.

With TORCH_PYTHON, also torch's, in turns. The interpreter's own start is subtracted, best of both:
the smallest difference of two single runs would be the one whose start was slowest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

ROUNDS = 10

# Bytecode is written once. Where the environment forbids it, every process compiles all modules.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def seconds(python: str, code: str) -> float:
    """How long one process takes to run `code`."""
    start = time.perf_counter()
    subprocess.run([python, "-c", code], check=True, env=ENVIRONMENT)
    return time.perf_counter() - start


def main() -> None:
    """Print a line for each library."""
    subjects = [(sys.executable, "numpy"), (sys.executable, "adjoint")]
    if os.environ.get("TORCH_PYTHON"):
        subjects.append((os.environ["TORCH_PYTHON"], "torch"))
    bare = {python: float("inf") for python, _ in subjects}
    best = {name: float("inf") for _, name in subjects}
    for _ in range(ROUNDS):
        for python, name in subjects:
            bare[python] = min(bare[python], seconds(python, "pass"))
            best[name] = min(best[name], seconds(python, f"import {name}"))
    for python, name in subjects:
        print(f"{name:8} {best[name] - bare[python]:.3f} s")


if __name__ == "__main__":
    main()
