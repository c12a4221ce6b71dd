"""Programs of the documentation, with what is shown below them."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
_EXAMPLE = re.compile(r"```python\n(.*?)```\s*```text\n(.*?)```", re.DOTALL)


def examples(page: str) -> list[tuple[str, str]]:
    """(program, output) of a page, in its order; every program has its output."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = _EXAMPLE.findall(text)
    assert len(found) == text.count("```python")
    return found


def printed(code: str, page: str) -> str:
    """What a program prints."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(code, page, "exec"), {})
    return output.getvalue()
