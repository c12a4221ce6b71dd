"""Floor 1: where in the user's code something happened.

An origin is a code object and an instruction offset: about 0.1 µs to take, no strings, no frame
kept alive. Text is made only when an error is told.
"""

from __future__ import annotations

import linecache
import os
import sys
from types import CodeType, FrameType
from typing import Any

Origin = tuple[CodeType, int]
getframe = sys._getframe

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class _Files(dict[str, bool]):
    """co_filename -> is it adjoint's own; one lookup per frame instead of a string comparison."""

    def __missing__(self, filename: str) -> bool:
        ours = self[filename] = filename.startswith(_PACKAGE)
        return ours


is_internal = _Files()


def caller(depth: int = 2) -> Origin:
    """The nearest frame outside adjoint, looking from `depth` calls up; else the outermost."""
    frame: FrameType = getframe(depth)
    internal = is_internal
    while internal[frame.f_code.co_filename]:
        above = frame.f_back
        if above is None:
            break
        frame = above
    return frame.f_code, frame.f_lasti


def stacklevel() -> int:
    """The `stacklevel` with which the calling function's warning names the user's line."""
    frame, level = getframe(1), 1
    while is_internal[frame.f_code.co_filename] and frame.f_back is not None:
        frame, level = frame.f_back, level + 1
    return level


def written(function: Any) -> str:
    """`zero (train.py:3)`: the name of a function, such as a hook, and where it is written."""
    function = getattr(function, "func", function)  # of a functools.partial
    code = getattr(function, "__code__", None)
    name: str = getattr(function, "__qualname__", repr(function))
    return name if code is None else f"{name} ({code.co_filename}:{code.co_firstlineno})"


def line_number(origin: Origin) -> int:
    """The line of an origin."""
    code, offset = origin
    best = code.co_firstlineno
    for start, end, line in code.co_lines():
        if start <= offset < end and line is not None:
            return line
    return best


def describe(origin: Origin | None) -> str:
    """`file.py:12, in train: loss = model(x)`, as told in errors."""
    if origin is None:
        return "an unknown line"
    code = origin[0]
    line = line_number(origin)
    text = linecache.getline(code.co_filename, line).strip()
    where = f"{code.co_filename}:{line}"
    if code.co_name != "<module>":
        where += f", in {code.co_name}"
    return f"{where}: {text}" if text else where
