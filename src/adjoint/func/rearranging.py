"""Floor 5: `rearrange`: permuting, splitting and merging dimensions, told by a pattern of names."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from adjoint.api.joining import stack
from adjoint.autograd.tensor import Tensor

_TOKEN = re.compile(r"\.\.\.|[()]|[^\s()]+")
_ELLIPSIS = "..."

# One dimension of a side: the names that are merged in it, () for one of size 1; or `...`.
Group = tuple[str, ...]
BARE: Group = ("...", "not merged")


def rearrange(tensor: Tensor | Sequence[Tensor], pattern: str, **axes_lengths: int) -> Tensor:
    """Permute, split and merge dimensions as `"dims before -> dims after"` says.

    Each dimension has a name; `(a b)` is one that is made of two, `...` stands for any number, `1`
    (or `()`) for one of size 1. `axes_lengths` gives sizes of names that are merged on the left;
    one in each group may be left out. tensor: a Tensor, or several of one shape, which are stacked
    first. Errors: ValueError for a pattern that does not parse, does not fit the shape, or does
    not have the same names on both sides.

    >>> images = torch.zeros(32, 30, 40, 3)
    >>> torch.func.rearrange(images, "b h w c -> b c h w").shape
    torch.Size([32, 3, 30, 40])
    >>> torch.func.rearrange(images, "b (h1 h) w c -> (b h1) h (w c)", h1=2).shape
    torch.Size([64, 15, 120])
    """
    before, after = _sides(pattern, axes_lengths)
    x: Tensor = tensor if isinstance(tensor, Tensor) else stack(tensor)
    before, after = _without_ellipsis(before, after, x.dim(), pattern)
    sizes = _sizes(before, x.shape, axes_lengths, pattern)
    names = [name for group in before for name in group]
    order = [names.index(name) for group in after for name in group]
    apart = x.reshape([sizes[name] for name in names])
    merged = [math.prod([sizes[name] for name in group]) for group in after]
    result: Tensor = apart.permute(order).reshape(merged)
    return result


def _sides(pattern: str, lengths: dict[str, int]) -> tuple[list[Group], list[Group]]:
    """Both sides of the pattern, with the same names in them."""
    halves = pattern.split("->")
    if len(halves) != 2:
        raise ValueError(f"rearrange: pattern must contain a single '->' separator: {pattern!r}")
    before, after = [_groups(half, pattern) for half in halves]
    left, right = _names(before), _names(after)
    if left != right:
        raise ValueError(
            "rearrange: identifiers only on one side of the expression (should be on both): "
            f"{', '.join(sorted(left ^ right))}, in {pattern!r}"
        )
    unknown = lengths.keys() - left
    if unknown:
        raise ValueError(
            f"rearrange: identifiers not found in the expression: {', '.join(sorted(unknown))}, "
            f"in {pattern!r}"
        )
    return before, after


def _names(side: list[Group]) -> set[str]:
    return {name for group in side for name in (group[:1] if group is BARE else group)}


def _groups(side: str, pattern: str) -> list[Group]:
    """The dimensions of one side."""
    groups: list[Group] = []
    inside: list[str] | None = None
    seen: set[str] = set()
    for token in _TOKEN.findall(side):
        if token in "()":
            if (token == "(") is not (inside is None):
                raise ValueError(f"rearrange: imbalanced or nested parentheses in {pattern!r}")
            if inside is not None:
                groups.append(tuple(inside))
            inside = [] if token == "(" else None
            continue
        if token != "1":
            _check_name(token, seen, pattern)
        name = () if token == "1" else (token,)
        if inside is None:
            groups.append(BARE if token == _ELLIPSIS else name)
        else:
            inside.extend(name)
    if inside is not None:
        raise ValueError(f"rearrange: imbalanced parentheses in {pattern!r}")
    return groups


def _check_name(name: str, seen: set[str], pattern: str) -> None:
    """Refuse what cannot name a dimension, and a name that was there before."""
    if name.isdecimal():
        raise ValueError(f"rearrange: unnamed axes are of size 1 only, got {name} in {pattern!r}")
    if name != _ELLIPSIS and (not name.isidentifier() or "_" in (name[0], name[-1])):
        raise ValueError(
            f"rearrange: invalid axis identifier {name!r} in {pattern!r}: a Python identifier that "
            "does not start or end with an underscore"
        )
    if name in seen:
        raise ValueError(f"rearrange: duplicate dimension {name!r} on one side of {pattern!r}")
    seen.add(name)


def _without_ellipsis(
    before: list[Group], after: list[Group], dims: int, pattern: str
) -> tuple[list[Group], list[Group]]:
    """Both sides with names of our own in the place of `...`."""
    if any(_ELLIPSIS in group and group is not BARE for group in before):
        raise ValueError(f"rearrange: an ellipsis cannot be split, on the left of {pattern!r}")
    given = BARE in before
    extra = dims - len(before) + given
    if extra < 0 or (extra and not given):
        raise ValueError(
            f"rearrange: number of dimensions in the pattern ({len(before) - given}) must be equal "
            f"to the number of dimensions in the tensor ({dims}): {pattern!r}"
        )
    rest = tuple([f"{i} of ..." for i in range(extra)])

    def spread(side: list[Group]) -> list[Group]:
        spread_out: list[Group] = []
        for group in side:
            if group is BARE:
                spread_out.extend([(name,) for name in rest])
            else:
                at = group.index(_ELLIPSIS) if _ELLIPSIS in group else len(group)
                more = rest if at < len(group) else ()
                spread_out.append((*group[:at], *more, *group[at + 1 :]))
        return spread_out

    return spread(before), spread(after)


def _sizes(
    groups: list[Group], shape: Sequence[int], lengths: dict[str, int], pattern: str
) -> dict[str, Any]:
    """The size of every name."""
    sizes: dict[str, Any] = dict(lengths)
    for group, n in zip(groups, shape, strict=True):
        unknown = [name for name in group if name not in sizes]
        if len(unknown) > 1:
            raise ValueError(
                f"rearrange: cannot infer the sizes of {' and '.join(unknown)} at once in "
                f"{pattern!r}: give all but one, as {unknown[0]}=..."
            )
        known = math.prod([sizes[name] for name in group if name in sizes])
        if unknown:
            whole = known > 0 and n % known == 0
            sizes[unknown[0]] = n // known if whole else 0
        else:
            whole = known == n
        if not whole:
            raise ValueError(
                f"rearrange: a dimension of size {n} is not made of ({' '.join(group) or 1}) with "
                f"{ {name: sizes[name] for name in group if name in lengths} } in {pattern!r}"
            )
    return sizes
