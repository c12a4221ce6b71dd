"""Reads the code cells of a notebook (.ipynb) or a Markdown document.

Floor 5. Files in, text out; nothing is run here.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_FENCE = re.compile(r"^```(?:python|py)\b[^\n]*\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Cell:
    """A piece of code, where it stands, and whether its author expects it to fail."""

    source: str
    place: str
    may_raise: bool = False


def read_cells(path: str) -> list[Cell]:
    """The code cells of a notebook or document, in their order in the file.

    Raises `ValueError` for a file that is neither, for broken JSON, and for a notebook in another
    language than Python; `OSError` when it cannot be read.
    """
    reader = READERS.get(os.path.splitext(path)[1].lower())
    if reader is None:
        known = ", ".join(READERS)
        raise ValueError(f"{path}: expected a notebook or document ({known}) to read cells from")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    return reader(text, path)


def _from_notebook(text: str, path: str) -> list[Cell]:
    try:
        notebook: Mapping[str, Any] = json.loads(text)
        # Format 3, written before 2015, holds its cells in worksheets and calls the text `input`.
        sheets = notebook.get("worksheets") or [notebook]
        cells = [cell for sheet in sheets for cell in sheet["cells"]]
        language = notebook.get("metadata", {}).get("kernelspec", {}).get("language", "python")
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        sources = ["".join(cell["source"] if "source" in cell else cell["input"]) for cell in code]
        tags = [cell.get("metadata", {}).get("tags", ()) for cell in code]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        got = f"{type(error).__name__}: {error}"
        raise ValueError(f"{path}: expected a notebook (JSON with 'cells'), got {got}") from error
    if language.lower() != "python":
        raise ValueError(f"{path}: expected a Python notebook, got one in {language}")
    name = os.path.basename(path)
    return [
        Cell(source, f"cell {number} of {name}", "raises-exception" in tag)
        for number, (source, tag) in enumerate(zip(sources, tags, strict=True), 1)
    ]


def _from_markdown(text: str, path: str) -> list[Cell]:
    name = os.path.basename(path)
    cells = []
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        cells.append(Cell(_without_prompts(match[1]), f"code at line {line} of {name}"))
    return cells


def _without_prompts(code: str) -> str:
    """An example as in a docstring, without its prompts and outputs; other code as it is."""
    lines = code.splitlines()
    prompts = [number for number, line in enumerate(lines) if line.startswith(">>> ")]
    if not prompts:
        return code
    session = lines[prompts[0] :]
    commands = [line[4:] for line in session if line.startswith((">>> ", "... "))]
    return "\n".join(lines[: prompts[0]] + commands)


READERS: Mapping[str, Callable[[str, str], list[Cell]]] = {
    ".ipynb": _from_notebook,
    ".md": _from_markdown,
    ".markdown": _from_markdown,
}
