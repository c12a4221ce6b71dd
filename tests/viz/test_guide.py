"""docs/graphs.md: its program runs, and prints what the page shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "graphs.md"


def masked(text: str) -> str:
    """The text without what differs from run to run: milliseconds, and how wide they are."""
    text = re.sub(r"\d[\d.]* ms", "… ms", text)
    return re.sub(r" +", " ", text)


def test_the_guide_runs_and_prints_what_it_shows(tmp_path: Path) -> None:
    blocks = re.findall(r"```(python|text)\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    script = tmp_path / "train.py"
    script.write_text("\n".join(code for kind, code in blocks if kind == "python"), "utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "train.py"], cwd=tmp_path, env=environment, capture_output=True, text=True,
        encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    shown = "".join(text for kind, text in blocks if kind == "text")
    assert masked(done.stdout) == masked(shown)
    assert {p.name for p in tmp_path.iterdir()} == {
        "train.py", "graph.html", "graph.svg", "graph.dot", "graph.txt",
    }  # fmt: skip
