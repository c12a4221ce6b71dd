"""Floor 5: arguments and results as trees: tuples, lists and dictionaries of leaves.

A structure is compared with `==` and printed in errors. Anything else than a container is a leaf.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Rebuild = Callable[[Sequence[Any]], Any]


class Structure(NamedTuple):
    """How leaves are held: the container's type, its keys (or length) and its children."""

    kind: Any  # None for a leaf
    keys: Any = None
    children: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        if self.kind is None:
            return "*"
        inner = ", ".join(map(repr, self.children))
        if isinstance(self.keys, tuple):
            inner = ", ".join(f"{k!r}: {c!r}" for k, c in zip(self.keys, self.children))
        return f"{self.kind.__name__}({inner})"


LEAF = Structure(None)


def is_namedtuple(value: Any) -> bool:
    """Whether a value is of a class made by `namedtuple`."""
    return isinstance(value, tuple) and hasattr(value, "_fields")


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """The leaves from left to right, and the structure that holds them."""
    leaves: list[Any] = []
    return leaves, _flatten(tree, leaves)


def _flatten(tree: Any, leaves: list[Any]) -> Structure:
    kind = type(tree)
    if kind in (dict, OrderedDict, defaultdict):
        keys = tuple(tree)
        return Structure(kind, keys, tuple([_flatten(tree[k], leaves) for k in keys]))
    if kind in (tuple, list) or is_namedtuple(tree):
        return Structure(kind, len(tree), tuple([_flatten(t, leaves) for t in tree]))
    leaves.append(tree)
    return LEAF


def unflatten(leaves: Sequence[Any], structure: Structure) -> Any:
    """The tree of a structure with these leaves."""
    return _unflatten(iter(leaves), structure)


def _unflatten(leaves: Any, structure: Structure) -> Any:
    kind = structure.kind
    if kind is None:
        return next(leaves)
    children = [_unflatten(leaves, child) for child in structure.children]
    if isinstance(structure.keys, tuple):
        pairs = zip(structure.keys, children)
        return dict(pairs) if kind is defaultdict else kind(pairs)
    if kind is list:
        return children
    return tuple(children) if kind is tuple else kind(*children)


def map_leaves(f: Callable[[Any], Any], tree: Any) -> Any:
    """A tree of the same structure, with `f` of every leaf."""
    leaves, structure = flatten(tree)
    return unflatten([f(leaf) for leaf in leaves], structure)


def spread_prefix(prefix: Any, structure: Structure) -> list[Any] | None:
    """A value for each leaf, from a tree that may stop early; None when they do not match."""
    if structure.kind is None:
        return [prefix]
    if isinstance(prefix, (int, type(None))):
        return [prefix] * _count(structure)
    own = flatten_once(prefix)
    if own is None or own[0] != (structure.kind, structure.keys):
        return None
    found: list[Any] = []
    for child, inner in zip(own[1], structure.children):
        part = spread_prefix(child, inner)
        if part is None:
            return None
        found += part
    return found


def flatten_once(tree: Any) -> tuple[Any, list[Any]] | None:
    """(type and keys, children) of a container; None of a leaf."""
    if isinstance(tree, dict):
        return (type(tree), tuple(tree)), list(tree.values())
    if isinstance(tree, (tuple, list)):
        return (type(tree), len(tree)), list(tree)
    return None


def _count(structure: Structure) -> int:
    if structure.kind is None:
        return 1
    return sum(map(_count, structure.children))
