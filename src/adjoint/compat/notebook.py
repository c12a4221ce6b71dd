"""Runs the cells of a notebook or document in one namespace, and shows what Jupyter would.

Floor 5. Magics and shell lines are not run; each is skipped with a note on stderr.
"""

from __future__ import annotations

import ast
import linecache
import re
import sys
from collections.abc import Sequence
from types import CodeType, ModuleType
from typing import Any

from adjoint.compat.cells import Cell, read_cells
from adjoint.compat.display import pretty
from adjoint.compat.report import Ending
from adjoint.compat.stage import staged

# Magics whose code is Python to be run; any other `%%` cell is in a language of its own.
_TIMED_CELL = re.compile(r"%%(?:time|timeit|prun|capture)\b.*")
_HELP = re.compile(r"\?{1,2}\S+|[\w.\[\]]+\?{1,2}")
_TIMED_LINE = re.compile(r"%(?:time|timeit|prun)\b(?:\s+-\w+(?:\s+\d+)?)*\s*")


def run_notebook(path: str, args: Sequence[str] = ()) -> int:
    """Run every code cell of a .ipynb or .md file in order; return the exit status.

    The value of a cell's last expression is printed after the cell, as IPython shows it. The
    first uncaught exception ends the run with status 1, unless its cell is tagged
    `raises-exception`. Raises `OSError` or `ValueError` when the file cannot be read as one.
    """
    cells = read_cells(path)
    with staged(path, args) as main:
        session = Session(main)
        for cell in cells:
            with Ending() as ending:
                session.run(cell)
            error = ending.error
            if error is not None and not (cell.may_raise and isinstance(error, Exception)):
                return ending.status
    return 0


class Session:
    """A namespace in which cells run one after another.

    >>> from types import ModuleType
    >>> from adjoint.compat.cells import Cell
    >>> from adjoint.compat.notebook import Session
    >>> session = Session(ModuleType("__main__"))
    >>> session.run(Cell("a = 6", "cell 1"))
    >>> session.run(Cell("a * 7", "cell 2"))
    42
    """

    def __init__(self, main: ModuleType) -> None:
        self._namespace = main.__dict__
        self._namespace.update(display=_display, Out={})
        self._count = 0

    def run(self, cell: Cell) -> None:
        """Execute a cell; print the value of its last expression unless None or ended by `;`."""
        self._count += 1
        source = plain_python(cell)
        # The traceback module finds a cell's lines here. An entry without a modification time is
        # never dropped as stale.
        name = f"<{cell.place}>"
        lines = [line + "\n" for line in source.split("\n")]
        linecache.cache[name] = (len(source), None, lines, name)
        body, last = _compiled(source, name)
        exec(body, self._namespace)
        if last is not None:
            self._show(eval(last, self._namespace))

    def _show(self, value: Any) -> None:
        if value is None:
            return
        print(pretty(value))
        self._namespace["_"] = self._namespace[f"_{self._count}"] = value
        self._namespace["Out"][self._count] = value


def _display(*values: Any) -> None:
    """IPython's `display`, as text."""
    for value in values:
        print(pretty(value))


def _compiled(source: str, name: str) -> tuple[CodeType, CodeType | None]:
    """A cell as statements and, when its value is to be shown, its last expression."""
    # ast.parse would leave a frame of its own in the report of a syntax error.
    tree = compile(source, name, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    final = tree.body[-1] if tree.body else None
    if not isinstance(final, ast.Expr) or _ends_in_semicolon(source, final):
        return compile(tree, name, "exec", dont_inherit=True), None
    del tree.body[-1]
    return (
        compile(tree, name, "exec", dont_inherit=True),
        compile(ast.Expression(final.value), name, "eval", dont_inherit=True),
    )


def _ends_in_semicolon(source: str, final: ast.Expr) -> bool:
    end_line, end_column = final.end_lineno or 0, final.end_col_offset or 0
    rest = source.encode().splitlines()[end_line - 1][end_column:]
    return rest.lstrip().startswith(b";")


def plain_python(cell: Cell) -> str:
    """A cell's source with IPython's own syntax taken out, line for line.

    Only a line that Python cannot parse is looked at, so a `%` inside a string stays. Timing
    magics leave the code they time; all others leave `pass` and a note on stderr.
    """
    lines = cell.source.split("\n")
    if _TIMED_CELL.match(lines[0]):
        lines[0] = ""
    elif lines[0].startswith("%%"):
        _note(cell, 1, lines[0] + " and its cell")
        return ""
    while True:
        source = "\n".join(lines)
        try:
            ast.parse(source)
        except SyntaxError as error:
            # At the end of a text that breaks off, the error's line can lie past the last one.
            number = min(error.lineno or 1, len(lines))
            replaced = _replace(cell, number, lines[number - 1])
            if replaced is None:
                return source  # not IPython's doing: compiling it tells the error in its place
            lines[number - 1] = replaced
        else:
            return source


def _replace(cell: Cell, number: int, line: str) -> str | None:
    """The line without its magic, or None when it has none."""
    text = line.strip()
    indent = line[: len(line) - len(line.lstrip())]
    timed = _TIMED_LINE.match(text)
    if timed:
        return indent + (text[timed.end() :] or "pass")
    if text.startswith(("%", "!")) or _HELP.fullmatch(text):
        _note(cell, number, text)
        return indent + "pass"
    return None


def _note(cell: Cell, number: int, text: str) -> None:
    print(f"adjoint run: {cell.place}, line {number}: skipped {text}", file=sys.stderr)
