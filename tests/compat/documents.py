"""Takes the code and the outputs out of the five autograd documents in `seeds/`.

Three are notebooks saved as text (`In [n]:`, code, output, prose), 001 is the text of a web page
with fenced code and `Out:`, 003 one with code as paragraphs and no outputs. No line is corrected
here but for one stray tag; what the pages lost or damaged is listed in test_seeds.py.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "seeds"
# What torch printed for each piece, from seed 0; made by record.py.
RECORDED: dict[str, dict[str, str]] = json.loads(
    Path(__file__).with_name("recorded.json").read_text(encoding="utf-8")
)
NAMES = tuple(sorted(path.stem[:3] for path in FOLDER.glob("*.txt")))

_IN = re.compile(r"^In \[(\d+)\]:\n", re.MULTILINE)
_OUTPUT = re.compile(r"tensor\(|<\w+ (?:object )?at 0x|(?:True|False|None)\s|Before backward")
_FENCE = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# The scan of 001 read the last of its `Out:` marks as this.
_DAMAGED_MARK = "\\sim\t.4.\n\t11."


@dataclass(frozen=True)
class Piece:
    """A piece of code with the output that stands under it: None where the page shows none."""

    label: str
    code: str
    output: str | None


def read(name: str) -> list[Piece]:
    """The pieces of the document whose file name begins with `name`, in order."""
    (path,) = FOLDER.glob(f"{name}_*.txt")
    return _READERS[name](path.read_text(encoding="utf-8"))


def without_addresses(text: str) -> str:
    """The text with the addresses of objects taken out."""
    return re.sub(r"0x[0-9A-Fa-f]+", "0x...", text)


def form(text: str) -> str:
    """The text with its numbers, and the blanks that align them, taken out."""
    return re.sub(r" *-?\d+\.\d*(?:e[+-]\d+)?", " #", text)


def _paragraphs(text: str) -> list[str]:
    return [part.strip("\n") for part in re.split(r"\n{2,}", text) if part.strip()]


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def _from_notebook(text: str) -> list[Piece]:
    pieces = []
    parts = _IN.split(text)
    for number, body in zip(parts[1::2], parts[2::2], strict=True):
        code: list[str] = []
        output = ""
        for paragraph in _paragraphs(body):
            if _OUTPUT.match(paragraph + "\n"):
                output = paragraph
                break
            if not _is_python(paragraph):
                break  # prose
            code.append(paragraph)
        pieces.append(Piece(f"In [{number}]", "\n\n".join(code), output))
    return pieces


def _from_fenced_page(text: str) -> list[Piece]:
    pieces: list[Piece] = []
    between = _FENCE.split(text)
    for fence, (before, block, after) in enumerate(
        zip(between[0::2], between[1::2], between[2::2], strict=False)
    ):
        if before.strip() == "Out:":
            last = pieces[-1]
            pieces[-1] = Piece(last.label, last.code, block.rstrip("\n"))
            continue
        code = block.rstrip("\n").removesuffix("</pre>")
        pieces.append(Piece(f"block {fence + 1}", code, _unfenced_output(after)))
    return pieces


def _unfenced_output(after: str) -> str | None:
    """What the text after a code block says about its output: none marked, shown, or lost."""
    mark, *rest = _paragraphs(after) or [""]
    if mark not in ("Out:", _DAMAGED_MARK):
        return ""
    shown = bool(rest) and _OUTPUT.match(rest[0] + "\n") is not None
    return rest[0] if shown else None


def _from_paragraph_page(text: str) -> list[Piece]:
    pieces = []
    for number, paragraph in enumerate(_paragraphs(text), 1):
        # A heading of one word parses as well: as a name.
        if _is_python(paragraph) and not re.fullmatch(r"\w+", paragraph):
            pieces.append(Piece(f"paragraph {number}", paragraph, None))
    return pieces


_READERS: dict[str, Callable[[str], list[Piece]]] = {
    "000": _from_notebook,
    "001": _from_fenced_page,
    "002": _from_notebook,
    "003": _from_paragraph_page,
    "004": _from_notebook,
}
