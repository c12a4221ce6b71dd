"""What explanations cost: the small graph with and without the user's line at every node.

    python benchmarks/explanations.py

A copy of the package without them runs in turns with the package itself, each in its own process.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src" / "adjoint"
# What is taken out: where a node notes the line that made it, and the module being run.
NOTED = """    frame = getframe(depth)
    node.code = code = frame.f_code
    node.offset = frame.f_lasti
    if code is not _latest:
        if is_internal[code.co_filename]:
            node.code, node.offset = state.origin or origin.caller(depth + 1)
        else:
            _latest = code
"""
MODULE = "        node.module = state.module\n"
KEPT = """    else:
        node.module = None
"""
# ... and where a pass notes the line that asked for it, for nodes that it frees.
PASS = """    frame = getframe(2)  # of the call of `_tensor_backward`, mostly the user's
    code = frame.f_code
    run.origin = caller(3) if is_internal[code.co_filename] else (code, frame.f_lasti)
"""
FREED = "            self.freed_at = run.origin\n"
PROGRAM = """
import time
import adjoint as torch
x, y = torch.rand(10, requires_grad=True), torch.rand(10, requires_grad=True)
def step():
    (x * y + y).tanh().sum().backward()
for _ in range(2000):
    step()
best = []
for _ in range(40):
    start = time.perf_counter()
    for _ in range(250):
        step()
    best.append((time.perf_counter() - start) / 250)
best.sort()
print(best[len(best) // 4] * 1e6)
"""


def stripped(folder: Path) -> Path:
    """A copy of the package whose nodes do not know their line."""
    shutil.copytree(SOURCE, folder / "adjoint", ignore=shutil.ignore_patterns("__pycache__"))
    _rewrite(folder, "ops/recording.py", {NOTED: "", MODULE: "", KEPT: ""})
    _rewrite(folder, "autograd/derivatives.py", {PASS: ""})
    _rewrite(folder, "autograd/tape.py", {FREED: ""})
    return folder


def _rewrite(folder: Path, name: str, replaced: dict[str, str]) -> None:
    file = folder / "adjoint" / name
    text = file.read_text(encoding="utf-8")
    for old, new in replaced.items():
        if old not in text:
            sys.exit(f"{name} notes origins in another way now: change this benchmark")
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")


def microseconds(path: Path) -> float:
    """One step of the small graph, with the package found in `path`."""
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(path)!r})\n{PROGRAM}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    """Medians of several rounds, in turns."""
    with tempfile.TemporaryDirectory() as temporary:
        without = stripped(Path(temporary))
        rounds = [(microseconds(SOURCE.parent), microseconds(without)) for _ in range(9)]
    full = statistics.median(a for a, _ in rounds)
    bare = statistics.median(b for _, b in rounds)
    ratio = statistics.median(a / b for a, b in rounds)
    print(f"with the line of every node: {full:.2f} µs")
    print(f"without:                     {bare:.2f} µs")
    print(f"cost:                        {(ratio - 1) * 100:.1f} %")


if __name__ == "__main__":
    main()
