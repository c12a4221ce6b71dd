"""The mistakes of `mistakes.txt`, and what to run them with: adjoint in tests, torch to check."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Mistake:
    """One paragraph: a name, what goes before, the mistake, and the error it should give."""

    name: str
    setup: str
    code: str
    error: str  # the class of torch's error
    words: tuple[str, ...]  # each is in our message
    not_with_torch: str = ""


def read() -> Iterator[Mistake]:
    path = Path(__file__).with_name("mistakes.txt")
    for paragraph in path.read_text(encoding="utf-8").strip().split("\n\n"):
        lines = paragraph.splitlines()
        reason = lines.pop().partition(": ")[2] if lines[-1].startswith("not with torch") else ""
        error, _, words = lines.pop().partition(": ")
        code = lines.pop()
        assert lines[0].startswith("# ") and code.startswith("> "), paragraph
        name, setup = lines[0][2:], "\n".join(lines[1:])
        yield Mistake(name, setup, code[2:], error, tuple(words.split(" | ")), reason)


def namespace(torch: Any, tmp: Path) -> dict[str, Any]:
    """The names that a mistake can use."""
    nn = torch.nn
    return {"torch": torch, "nn": nn, "F": nn.functional, "np": np, "tmp": tmp}
