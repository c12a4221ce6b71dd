"""Floor 3: docstrings of functions that are made from others: in-place forms, copies, tables.

They begin with what the other function's docstring says, and have an example of their own where
one follows from its example.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

_EXAMPLE = "\n\n>>> "
_TENSORS = ("torch.tensor(", "torch.zeros(", "torch.ones(")
# In place a result takes the dtype of the tensor, and would print otherwise.
_OTHER_DTYPES = ("dtype", "True", "False")
_IN_PLACE = """In-place form of `{name}`: {sentence}

The result is written into the tensor, which is returned. Errors: RuntimeError for a leaf that
requires grad, and for a result of another shape or of a dtype that cannot be converted."""


def text_of(function: Callable[..., Any]) -> str:
    """The docstring without the indentation of its source."""
    return inspect.cleandoc(function.__doc__ or "")


def with_note(doc: str, note: str) -> str:
    """The docstring with one more sentence, before the example."""
    text, mark, example = doc.partition(_EXAMPLE)
    return f"{text} {note}{mark}{example}"


def in_place_doc(function: Callable[..., Any], name: str, room: str = "") -> str:
    """The docstring of `x.name(...)`, or of `room.name(x, ...)`, derived from `function`."""
    doc = text_of(function)
    sentence = doc.partition(_EXAMPLE)[0].partition("\n\n")[0]
    made = _IN_PLACE.format(name=function.__name__.rstrip("_"), sentence=sentence)
    return made if name.startswith("__") else made + method_example(doc, name, room)


def method_example(doc: str, name: str, room: str = "") -> str:
    """The docstring's example written as `x.name(...)`; empty unless it is one call of a function.

    Plain string work: it is done for every in-place form at import.
    """
    line, _, result = doc.partition(_EXAMPLE)[2].partition("\n")
    function, _, rest = line.partition("(")
    tensor, _, arguments = rest.partition(")")
    if function.count(".") != 1 or not tensor.startswith(_TENSORS) or tensor.count("(") != 1:
        return ""
    if not result.startswith("tensor(") or ">" in result:
        return ""
    for word in _OTHER_DTYPES:
        if word in result:
            return ""
    tensor, arguments = tensor + ")", arguments.removeprefix(", ").removesuffix(")")
    if room:
        inside = f"{tensor}, {arguments}" if arguments else tensor
        return f"{_EXAMPLE}{room}.{name}({inside})\n{result}"
    return f"{_EXAMPLE}{tensor}.{name}({arguments})\n{result}"


def copy_doc(function: Callable[..., Any], name: str) -> str:
    """The docstring of `name`, which copies the view that `function` gives."""
    base = name.removesuffix("_copy")
    _, mark, example = text_of(function).partition(_EXAMPLE)
    call = f"torch.{base}("
    made = f"`{base}`, as a copy: a tensor with memory of its own."
    if call not in example:
        return made
    return made + mark + example.replace(call, f"torch.{name}(")
