"""Files and functions stay readable: blank lines, comments and docstrings do not count."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

import adjoint

SOURCE = Path(adjoint.__file__).parent
FILE_CAP = 400
FUNCTION_CAP = 60

# What is longer, with the reason: "path" for a file, "path::Class.function" for a function.
LONGER: dict[str, str] = {}

NOT_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}
Scope = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def code_lines(text: str, tree: ast.Module) -> set[int]:
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in NOT_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(tree):
        if isinstance(node, Scope) and ast.get_docstring(node, clean=False) is not None:
            docstring = node.body[0]
            lines.difference_update(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
    return lines


def functions(scope: ast.AST, path: str = "") -> Iterator[tuple[str, ast.AST]]:
    for node in ast.iter_child_nodes(scope):
        name = path
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{path}.{node.name}" if path else node.name
            if not isinstance(node, ast.ClassDef):
                yield name, node
        yield from functions(node, name)


def sizes(path: Path) -> Iterator[tuple[str, int, int]]:
    """Yield the name, size and cap of a file and of each function in it."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    code = code_lines(text, tree)
    file = path.relative_to(SOURCE).as_posix()
    yield file, len(code), FILE_CAP
    for name, node in functions(tree):
        body = range(node.lineno, node.end_lineno + 1)  # type: ignore[attr-defined]
        yield f"{file}::{name}", len(code.intersection(body)), FUNCTION_CAP


def test_files_and_functions_keep_to_their_caps() -> None:
    longer = {
        name: f"{size} lines of code, cap {cap}"
        for path in sorted(SOURCE.rglob("*.py"))
        for name, size, cap in sizes(path)
        if size > cap
    }
    assert {name: size for name, size in longer.items() if name not in LONGER} == {}
    assert sorted(set(LONGER) - set(longer)) == [], "no longer exceptions: take them off the list"


def test_only_code_is_counted() -> None:
    text = '"""Docs,\nof two lines."""\n\n# why\ndef f(x):\n    """Docs."""\n    return """\n"""\n'
    assert code_lines(text, ast.parse(text)) == {5, 7, 8}
