"""Floor 3: einsum, tensordot and kron, lowered to permutations and (batched) matrix products."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..autograd.tensor import Tensor
from ..autograd.views import own
from ..ops import products as ops
from .products import expect_tensor, same_dtype
from .registration import FUNCTIONS, public

Label = Hashable  # a letter, a number of the sublist form, or a (place,) under an ellipsis
Labels = tuple[Label, ...]
ELLIPSIS = "..."


def einsum(equation: Any, *operands: Any) -> Tensor:
    """Sums of products by subscripts: `einsum("bij,bjk->bik", x, y)`.

    A letter that is missing on the right is summed over; one repeated in an operand takes its
    diagonal; `...` stands for broadcast leading axes. Without `->` the letters that occur once
    form the result, in alphabetical order. Also `einsum(x, [0, 1], y, [1, 2], [0, 2])`.

    >>> torch.einsum("ij,j->i", torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([1.0, 1.0]))
    tensor([3., 7.])
    """
    if isinstance(equation, Tensor):
        inputs, output, tensors = _parse_sublists((equation, *operands))
    else:
        if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
            operands = tuple(operands[0])
        inputs, output = _parse(equation)
        tensors = list(operands)
    if not tensors:
        raise RuntimeError("einsum(): must specify at least one operand")
    for i, t in enumerate(tensors):
        expect_tensor(t, "einsum", "operands", i + 2)
    if len(inputs) != len(tensors):
        few = "fewer" if len(tensors) < len(inputs) else "more"
        raise RuntimeError(
            f"einsum(): {few} operands were provided than specified in the equation: it names "
            f"{len(inputs)}, but {len(tensors)} were given"
        )
    for t in tensors[1:]:
        same_dtype(tensors[0], t, "einsum")
    labels = _expand(inputs, tensors)
    out = _output_labels(labels, inputs, output)
    result = _contract(tensors, labels, out)
    # As in torch, a view where nothing is summed, never the operand itself.
    return result.permute(*range(result._data.ndim)) if result is tensors[0] else result


FUNCTIONS["einsum"] = einsum


@lru_cache(maxsize=512)
def _parse(equation: str) -> tuple[tuple[Labels, ...], Labels | None]:
    """Labels of each operand, and of the output when there is an arrow."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    inputs = tuple(_letters(term, f"operand {i}") for i, term in enumerate(left.split(",")))
    return inputs, (_letters(right, "the output") if arrow else None)


def _letters(term: str, where: str) -> Labels:
    head, dots, tail = term.partition(ELLIPSIS)
    for letter in head + tail:
        if not (letter.isalpha() and letter.isascii()):
            raise RuntimeError(
                f"einsum(): invalid subscript given at {where}: {letter!r}; subscripts must be in "
                "[a-zA-Z], with at most one '...'"
            )
    return (*head, *((ELLIPSIS,) if dots else ()), *tail)


def _parse_sublists(given: Sequence[Any]) -> tuple[tuple[Labels, ...], Labels | None, list[Any]]:
    """einsum(x, [0, 1], y, [1, 2], [0, 2])."""

    def label(value: Any) -> Label:
        if value is Ellipsis:
            return ELLIPSIS
        if not 0 <= value < 52:
            raise RuntimeError(
                f"einsum(): expected subscripts to be within the range [0, 52), but got {value}"
            )
        return "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[value]

    pairs = len(given) // 2
    inputs = tuple(tuple(label(v) for v in given[2 * i + 1]) for i in range(pairs))
    output = tuple(label(v) for v in given[-1]) if len(given) % 2 else None
    return inputs, output, [given[2 * i] for i in range(pairs)]


def _expand(inputs: Sequence[Labels], tensors: Sequence[Tensor]) -> list[Labels]:
    """Labels for every axis: an ellipsis becomes ("...", places from the right)."""
    expanded = []
    for i, (labels, t) in enumerate(zip(inputs, tensors, strict=True)):
        ndim = t._data.ndim
        named = len(labels) - (ELLIPSIS in labels)
        if named > ndim or (ELLIPSIS not in labels and named != ndim):
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({named}) "
                f"{'is more than' if ELLIPSIS in labels else 'does not match'} the number of "
                f"dimensions ({ndim}) for operand {i}"
                + ("" if ELLIPSIS in labels else " and no ellipsis was given")
            )
        hidden = tuple((ELLIPSIS, k) for k in range(ndim - named, 0, -1))
        flat: list[Label] = []
        for label in labels:
            flat += hidden if label == ELLIPSIS else (label,)
        expanded.append(tuple(flat))
    return expanded


def _output_labels(
    labels: Sequence[Labels], inputs: Sequence[Labels], output: Labels | None
) -> Labels:
    """The labels of the result, axis by axis."""
    hidden = {label for term in labels for label in term if isinstance(label, tuple)}
    ordered = tuple(sorted(hidden, key=lambda label: -label[1]))
    if output is None:
        letters = [label for term in inputs for label in term if label != ELLIPSIS]
        return (*ordered, *sorted((c for c in set(letters) if letters.count(c) == 1), key=str))
    known = {label for term in labels for label in term}
    for label in output:
        if label != ELLIPSIS and label not in known:
            raise RuntimeError(
                f"einsum(): output subscript {label} does not appear in the equation for any "
                "input operand"
            )
        if output.count(label) > 1:
            raise RuntimeError(
                f"einsum(): output subscript {label} appears more than once in the output"
            )
    flat: list[Label] = []
    for label in output:
        flat += ordered if label == ELLIPSIS else (label,)
    return tuple(flat)


def _contract(tensors: Sequence[Tensor], labels: Sequence[Labels], out: Labels) -> Tensor:
    terms = [
        _take_diagonals(t, term, i) for i, (t, term) in enumerate(zip(tensors, labels, strict=True))
    ]
    _check_sizes([t for t, _ in terms], [term for _, term in terms])
    for first, second in _path(terms, out):
        second_term, first_term = terms.pop(second), terms.pop(first)
        kept = set(out).union(*[term for _, term in terms])
        terms.append(_pair(*first_term, *second_term, kept))
    x, term = terms[0]
    x, term = _sum_away(x, term, set(out))
    order = tuple(term.index(label) for label in out)
    return x if order == tuple(range(len(order))) else x.permute(order)


def _check_sizes(tensors: Sequence[Tensor], labels: Sequence[Labels]) -> None:
    """One label, one size (or 1, which is broadcast)."""
    sizes: dict[Label, int] = {}
    for i, (t, term) in enumerate(zip(tensors, labels, strict=True)):
        for label, n in zip(term, t._data.shape, strict=True):
            seen = sizes.get(label, 1)
            if seen != n and 1 not in (seen, n):
                name = label if isinstance(label, str) else "of the ellipsis"
                raise RuntimeError(
                    f"einsum(): subscript {name} has size {n} for operand {i} which does not "
                    f"broadcast with previously seen size {seen}"
                )
            if seen == 1:
                sizes[label] = n


def _path(terms: Sequence[tuple[Tensor, Labels]], out: Labels) -> Sequence[tuple[int, int]]:
    """Which two terms to multiply next; positions as in a list from which both are taken."""
    if len(terms) <= 2:
        return [(0, 1)] * (len(terms) - 1)
    numbers: dict[Label, int] = {}
    for _, term in terms:
        for label in term:
            numbers.setdefault(label, len(numbers))
    key = tuple((t._data.shape, tuple(numbers[c] for c in term)) for t, term in terms)
    return _greedy_path(key, tuple(numbers[c] for c in out))


@lru_cache(maxsize=256)
def _greedy_path(
    terms: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...], out: tuple[int, ...]
) -> list[tuple[int, int]]:
    call: list[Any] = []
    for shape, numbers in terms:
        call += [np.broadcast_to(0.0, shape), list(numbers)]
    steps = np.einsum_path(*call, list(out), optimize="greedy")[0][1:]
    if any(len(step) != 2 for step in steps):  # NumPy may join several at once, or sum one alone
        return [(0, 1)] * (len(terms) - 1)
    return [(min(step), max(step)) for step in steps]


def _take_diagonals(x: Tensor, term: Labels, number: int) -> tuple[Tensor, Labels]:
    """Axes that share a label become one."""
    while len(set(term)) < len(term):
        label = next(c for c in term if term.count(c) > 1)
        first = term.index(label)
        second = term.index(label, first + 1)
        if x._data.shape[first] != x._data.shape[second]:
            raise RuntimeError(
                f"einsum(): subscript {label} is repeated for operand {number} but the sizes don't "
                f"match, {x._data.shape[second]} != {x._data.shape[first]}"
            )
        x = x.diagonal(0, first, second)
        rest = tuple(c for i, c in enumerate(term) if i not in (first, second))
        term = (*rest, label)
    return x, term


def _sum_away(x: Tensor, term: Labels, kept: set[Label]) -> tuple[Tensor, Labels]:
    """Sum over labels that nobody needs any more."""
    gone = tuple(i for i, c in enumerate(term) if c not in kept)
    if not gone:
        return x, term
    return x.sum(gone), tuple(c for c in term if c in kept)


def _pair(x: Tensor, a: Labels, y: Tensor, b: Labels, kept: set[Label]) -> tuple[Tensor, Labels]:
    """The product of two terms, summed over labels that only they have."""
    x, a = _sum_away(x, a, kept.union(b))
    y, b = _sum_away(y, b, kept.union(a))
    x, a, y, b = _drop_ones(x, a, y, b, kept)
    shared = [c for c in a if c in b]
    summed = [c for c in shared if c not in kept]
    batch = [c for c in shared if c in kept]
    left, right = [c for c in a if c not in b], [c for c in b if c not in a]
    if not summed:
        return _outer_pair(x, a, y, b, (*batch, *left, *right))
    sizes = dict(zip(b, y._data.shape, strict=True)) | dict(zip(a, x._data.shape, strict=True))
    for c in batch:
        sizes[c] = max(x._data.shape[a.index(c)], y._data.shape[b.index(c)])

    def arranged(t: Tensor, term: Labels, *groups: list[Label]) -> Tensor:
        order = tuple(term.index(c) for group in groups for c in group)
        t = t if order == tuple(range(len(order))) else t.permute(order)
        groups = groups if batch else groups[1:]
        own = dict(zip((term[i] for i in order), t._data.shape, strict=True))
        return t.reshape(tuple(math.prod(own[c] for c in group) for group in groups))

    x, y = _expand_batch(x, a, batch, sizes), _expand_batch(y, b, batch, sizes)
    product = ops.bmm if batch else ops.mm
    out = product(arranged(x, a, batch, left, summed), arranged(y, b, batch, summed, right))
    term = (*batch, *left, *right)
    return out.reshape(tuple(sizes[c] for c in term)), term


def _drop_ones(
    x: Tensor, a: Labels, y: Tensor, b: Labels, kept: set[Label]
) -> tuple[Tensor, Labels, Tensor, Labels]:
    """A label to be summed that has size 1 on one side only: sum the other side by itself."""
    for c in [c for c in a if c in b and c not in kept]:
        m, n = x._data.shape[a.index(c)], y._data.shape[b.index(c)]
        if m != n:
            x, y = x.sum(a.index(c)), y.sum(b.index(c))
            a, b = tuple(k for k in a if k != c), tuple(k for k in b if k != c)
    return x, a, y, b


def _expand_batch(x: Tensor, term: Labels, batch: list[Label], sizes: dict[Label, int]) -> Tensor:
    shape = tuple(sizes[c] if c in batch else n for c, n in zip(term, x._data.shape, strict=True))
    return x if shape == x._data.shape else x.expand(shape)


def _outer_pair(x: Tensor, a: Labels, y: Tensor, b: Labels, term: Labels) -> tuple[Tensor, Labels]:
    """Nothing to sum: a broadcast product."""

    def spread(t: Tensor, own: Labels) -> Tensor:
        order = tuple(own.index(c) for c in term if c in own)
        t = t if order == tuple(range(len(order))) else t.permute(order)
        sizes = dict(zip((own[i] for i in order), t._data.shape, strict=True))
        return t.reshape(tuple(sizes.get(c, 1) for c in term))

    return spread(x, a) * spread(y, b), term


def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Sum products over pairs of axes: the last `dims` of a with the first of b, or two lists.

    >>> torch.tensordot(torch.ones(2, 3), torch.ones(3, 4), dims=1).shape
    torch.Size([2, 4])
    """
    expect_tensor(a, "tensordot", "a", 1)
    expect_tensor(b, "tensordot", "b", 2)
    left, right = _tensordot_dims(a, b, dims)
    if len(left) != len(right):
        raise RuntimeError(
            f"both dimension lists should have same length, but got {len(left)} and {len(right)}"
        )
    same_dtype(a, b, "tensordot")
    letters = [("a", i) for i in range(a._data.ndim)]
    others = [("b", i) for i in range(b._data.ndim)]
    for i, j in zip(left, right, strict=True):
        if a._data.shape[i] != b._data.shape[j] and 1 not in (a._data.shape[i], b._data.shape[j]):
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {a._data.shape[i]} in "
                f"dim {i} and second has size {b._data.shape[j]} in dim {j}"
            )
        others[j] = letters[i]
    out = (
        *[c for i, c in enumerate(letters) if i not in left],
        *[c for j, c in enumerate(others) if j not in right],
    )
    return _contract([a, b], [tuple(letters), tuple(others)], out)


FUNCTIONS["tensordot"] = tensordot


def _tensordot_dims(a: Tensor, b: Tensor, dims: Any) -> tuple[list[int], list[int]]:
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a._data.ndim, b._data.ndim):
            raise RuntimeError(
                f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims} for shapes "
                f"{list(a._data.shape)} and {list(b._data.shape)}"
            )
        return list(range(a._data.ndim - dims, a._data.ndim)), list(range(dims))
    left, right = ([d] if isinstance(d, int) else list(d) for d in dims)
    for t, axes in ((a, left), (b, right)):
        for k, d in enumerate(axes):
            if not -t._data.ndim <= d < t._data.ndim:
                raise IndexError(
                    f"Dimension out of range (expected to be in range of [{-t._data.ndim}, "
                    f"{t._data.ndim - 1}], but got {d})"
                )
            axes[k] = d % t._data.ndim
    return left, right


@public()
def kron(input: Tensor, other: Tensor) -> Tensor:
    """Kronecker product: every element of input times the whole of other.

    >>> torch.kron(torch.eye(2), torch.ones(1, 2))
    tensor([[1., 1., 0., 0.],
            [0., 0., 1., 1.]])
    """
    expect_tensor(input, "kron", "self", 1)
    expect_tensor(other, "kron", "other", 2)
    rank = max(input._data.ndim, other._data.ndim)
    a = (1,) * (rank - input._data.ndim) + input._data.shape
    b = (1,) * (rank - other._data.ndim) + other._data.shape
    x = input.reshape([n for size in a for n in (size, 1)])
    y = other.reshape([n for size in b for n in (1, size)])
    return own((x * y).reshape([m * n for m, n in zip(a, b, strict=True)]))
