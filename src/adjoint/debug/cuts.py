"""Floor 5: where a gradient was cut, told from what is left of a graph after it was made.

A cut leaves no node. What it leaves is memory that is shared with the parameter, or values that
equal it; and the source text of the functions that made the graph, for candidates.
"""

from __future__ import annotations

import inspect
import linecache
import re
from collections.abc import Iterable, Sequence
from types import CodeType, FrameType, FunctionType

import numpy as np

from adjoint.autograd.tape import AccumulateGrad, Node, OperationNode
from adjoint.autograd.tensor import Tensor

from .calls import Cut, is_ours
from .statistics import Place, place_of_node

_WORDS = (
    (r"\bno_grad\(|@.*\bno_grad\b|set_grad_enabled\(False", "no_grad"),
    (r"\binference_mode\(|@.*\binference_mode\b", "inference_mode"),
    (r"\.numpy\(|\bnp\.|from_numpy\(", "numpy"),
    (r"\.item\(|\.tolist\(|(?<![.\w])(float|int)\(|\bmath\.\w+\(", "item"),
    (r"\.detach_?\(", "detach"),
    (r"\.data\b(?!\s*=[^=])", "data"),
    (r"\btorch\.(as_)?tensor\(|\.new_tensor\(|\bParameter\(", "tensor"),
    (r"\barg(max|min|sort|where)\(|\.?\b(topk|sort|multinomial|bernoulli|nonzero)\(", "argmax"),
    (r"\.(long|int|short|bool|byte)\(|\.to\([^)]*\b(u?int\d*|long|bool)\b", "integer"),
    (
        r"\b(count_nonzero|isclose|logical_\w+)\(|(\.|\btorch\.)(gt|ge|lt|le|eq|ne)\(",
        "comparison",
    ),
    (r"\b(bucketize|searchsorted)\(|\.(max|min)\(.*\)(\[1\]|\.indices)", "argmax"),
    (r"use_reentrant=True", "checkpoint_inputs"),
)
# Comparisons by signs also count steps and check options: they are told when nothing else is.
_SIGNS = re.compile(r"[\w)\]] ?(==|!=|<=?|>=?) ?[-\w(]")


def shared_memory(nodes: Sequence[Node], parameter: Tensor) -> Cut | None:
    """The line where memory of the parameter was used without its history."""
    for node in nodes:
        if isinstance(node, AccumulateGrad):
            t = node.variable
            if t is not None and t is not parameter and _same_memory(t, parameter):
                return _at(_user_of(node, nodes), "recreated")
            continue
        if not isinstance(node, OperationNode):
            continue
        for t in node.saved or ():
            if not isinstance(t, Tensor) or t.requires_grad or not _same_memory(t, parameter):
                continue
            if t is parameter:
                return _at(node, "requires_grad")
            shared = t._storage is not None and t._storage is parameter._storage
            return _at(node, "detach" if shared else "data")
    return None


def same_values(nodes: Sequence[Node], parameter: Tensor) -> Cut | None:
    """The line where a tensor of the same values is used in the parameter's place."""
    if not (parameter._data != parameter._data.reshape(-1)[:1]).any():
        return None  # elements that are all equal prove nothing
    for node in nodes:
        if isinstance(node, AccumulateGrad):
            t = node.variable
            if t is not None and t is not parameter and _equal(t, parameter):
                return _at(_user_of(node, nodes), "recreated")
        elif isinstance(node, OperationNode):
            for t in node.saved or ():
                if isinstance(t, Tensor) and not t.requires_grad and _equal(t, parameter):
                    return _at(node, "tensor")
    return None


def _at(node: Node, kind: str) -> Cut | None:
    place = place_of_node(node)
    return None if place is None else Cut(kind, place, node.name().rpartition("::")[2])


def _user_of(leaf: Node, nodes: Sequence[Node]) -> Node:
    return next(n for n in nodes if any(following is leaf for following, _ in n.edges))


def _same_memory(t: Tensor, parameter: Tensor) -> bool:
    return t._data.size > 0 and np.may_share_memory(t._data, parameter._data)


def _equal(t: Tensor, parameter: Tensor) -> bool:
    own, other = t._data, parameter._data
    return bool(own.shape == other.shape and own.dtype == other.dtype and (own == other).all())


def called(codes: Iterable[CodeType], frame: FrameType) -> list[CodeType]:
    """The functions that made a graph, that which asks, and those that they call by name."""
    found = dict.fromkeys([*codes, frame.f_code])
    waiting = list(found)
    while waiting:
        for name in waiting.pop().co_names:
            function = frame.f_globals.get(name)
            if not isinstance(function, FunctionType):
                continue
            code = inspect.unwrap(function).__code__
            if code not in found and not is_ours(code.co_filename):
                found[code] = None
                waiting.append(code)
    return list(found)


def at_its_word(cut: Cut, candidates: Sequence[Cut]) -> Cut:
    """A cut that memory tells of, at the one line that says its word; else where it was used."""
    words = {"detach": ("detach",), "data": ("data", "numpy")}.get(cut.kind, ())
    said = [c for c in candidates if c.kind in words]
    return said[0] if len(said) == 1 else cut


def in_source(codes: Sequence[CodeType]) -> list[Cut]:
    """Lines in the source of functions that say a word which cuts: candidates, no more."""
    found: dict[tuple[str, int], Cut] = {}
    signs: dict[tuple[str, int], Cut] = {}
    for code in codes:
        for line in _lines(code):
            text = linecache.getline(code.co_filename, line).split("#")[0]
            if "explain_grad" in text:
                continue
            kind = next((kind for words, kind in _WORDS if re.search(words, text)), None)
            place = Place(code.co_filename, line, code.co_name, text.strip())
            if kind == "tensor" and "requires_grad=" in text:
                kind = None if code.co_name == "<module>" else "recreated"  # leaves are made there
            if kind is not None:
                found.setdefault((code.co_filename, line), Cut(kind, place, ""))
            elif _SIGNS.search(text):
                decides = re.search(r"\b(if|while|assert)\b", text)
                kind = "branch" if decides else "comparison"
                signs.setdefault((code.co_filename, line), Cut(kind, place, ""))
    chosen = found or signs
    return [chosen[key] for key in sorted(chosen)]


def _lines(code: CodeType) -> set[int]:
    """The lines of a function and of those in it; of a script only its own."""
    found = {line for _, _, line in code.co_lines() if line}
    if code.co_name != "<module>":
        for inner in code.co_consts:
            if isinstance(inner, CodeType):
                found |= _lines(inner)
    return found
