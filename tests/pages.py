"""Programs of the documentation, with what is shown below them."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import textwrap
import tokenize
from pathlib import Path
from typing import Any

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


def programs(page: str) -> list[str]:
    """The Python blocks of a page, also those of its lists."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.findall(r"^ *```python\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    assert len(found) == text.count("```python")
    return [textwrap.dedent(code) for code in found]


def commented_values(code: str, page: str, scope: dict[str, Any]) -> list[tuple[str, str]]:
    """Run a program; (value, comment) of expressions with a tensor's comment behind or below."""
    comments = {
        token.start[0]: token.string.removeprefix("# ")
        for token in tokenize.generate_tokens(io.StringIO(code).readline)
        if token.type == tokenize.COMMENT and "tensor(" in token.string
    }
    pairs: list[tuple[str, str]] = []

    def keep(value: Any, line: int) -> None:
        pairs.append((re.sub(r"\s+", " ", repr(value)), re.sub(r"\s+", " ", comments[line])))

    tree = ast.parse(code, page)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and (end := node.end_lineno) is not None:
            line = end if end in comments else end + 1
            if line in comments:
                name = ast.Name("_keep", ast.Load())
                node.value = ast.Call(name, [node.value, ast.Constant(line)], [])
    scope["_keep"] = keep
    exec(compile(ast.fix_missing_locations(tree), page, "exec"), scope)
    assert len(pairs) == len(comments)
    return pairs
