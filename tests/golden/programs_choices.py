"""What the writer of random programs chooses from: tensors, operands, subscripts, views."""

from __future__ import annotations

import random
from typing import Any

from programs_machine import Machine


class Choices:
    """The tensors that there are by now, and random choices among them."""

    def __init__(self, torch: Any, seed: int) -> None:
        self.rng = random.Random(seed)
        self.machine = Machine(torch)

    def floats(self) -> list[tuple[int, Any]]:
        """Floating tensors, with their numbers."""
        return [
            (i, t)
            for i, t in enumerate(self.machine.tensors)
            if t is not None and t.is_floating_point() and self.machine.state(t) != "E"
        ]

    def any(self) -> int:
        """A tensor, rather a late one."""
        found = [i for i, _ in self.floats()]
        if self.rng.random() < 0.6:
            found = found[-6:]
        return self.rng.choice(found)

    def tensor(self, i: int) -> Any:
        """A tensor by its number."""
        return self.machine.tensors[i]

    def fitting(self, i: int) -> Any:
        """Another operand for tensor i: a number, or a tensor that broadcasts with it."""
        if self.rng.random() < 0.25:
            return self.number()
        if self.rng.random() < 0.04:
            return f"v{self.any()}"
        shape = tuple(self.tensor(i).shape)
        found = [j for j, t in self.floats() if broadcasts(shape, tuple(t.shape))]
        return f"v{self.rng.choice(found)}"

    def number(self) -> float:
        """A number as an operand."""
        return self.rng.choice([0.5, 2, -1.5, 3, 0.25, 1.25, -0.75])

    def constant(self, shape: Any) -> Any:
        """Nested lists of random numbers, of a shape."""
        n = 1
        for s in shape:
            n *= s
        values = [round(self.rng.uniform(-2, 2), 2) for _ in range(n)]
        return nested(values, list(shape))

    def ones_like(self, i: int) -> Any:
        """A constant of the shape and dtype of tensor i."""
        t = self.tensor(i)
        return {"tensor": [self.constant(t.shape), str(t.dtype)[6:]]}

    def dim(self, ndim: int) -> int:
        """A dimension of a tensor."""
        return self.rng.randrange(-ndim, ndim) if ndim else self.rng.choice([0, -1])

    def view(self, i: int) -> tuple[str, list[Any]]:
        """A view operation on tensor i, with its arguments."""
        t = self.tensor(i)
        n, rng = t.dim(), self.rng
        choices: list[tuple[str, list[Any]]] = [
            (".reshape", [[-1]]),
            (".view", [[-1]]),
            (".unsqueeze", [self.dim(n + 1)]),
            (".squeeze", []),
            (".flatten", []),
            (".expand", [[2, *t.shape]]),
            (".view_as", [f"v{i}"]),
            ("getitem", [{"tuple": [{"dots": 0}, None]}]),
            (".contiguous", []),
            (".ravel", []),
        ]
        if n:
            d = self.dim(n)
            size = t.shape[d]
            start = rng.randrange(size) if size else 0
            choices += [
                (".select", [d, start]),
                (".narrow", [d, start, rng.randint(1, max(size - start, 1))]),
                ("getitem", [start if n == 0 else rng.randrange(t.shape[0] or 1)]),
                ("getitem", [self.key(t)]),
                ("getitem", [self.key(t)]),
                ("getitem", [self.key(t)]),
                (".movedim", [d, self.dim(n)]),
                (".reshape", [[t.shape[-1], -1]]),
                (".unfold", [d, min(2, size), 2]),
                ("broadcast_to", [[2, *t.shape]]),
            ]
        if n >= 2:
            choices += [
                (".t", []),
                (".transpose", [self.dim(n), self.dim(n)]),
                (".permute", [rng.sample(range(n), n)]),
                (".diagonal", []),
                (".swapaxes", [0, 1]),
            ] * 2
        return rng.choice(choices)

    def key(self, t: Any) -> Any:
        """A subscript of ints and slices."""
        parts = []
        for size in t.shape[: self.rng.randint(1, t.dim())]:
            if self.rng.random() < 0.35 and size:
                parts.append(self.rng.randrange(-size, size))
            else:
                cut = [self.rng.choice([None, 0, 1]), self.rng.choice([None, size, -1]),
                       self.rng.choice([None, 1, 2])]  # fmt: skip
                parts.append({"slice": cut})
        return {"tuple": parts}

    def picks(self, t: Any) -> Any:
        """A subscript with a mask or index tensors."""
        rng = self.rng
        size = t.shape[0]
        if rng.random() < 0.35:
            return {"mask": self.bits(t.shape)}
        if rng.random() < 0.2:
            return {"mask": self.bits(t.shape[:1])}
        first = {"index": [rng.randrange(-size, size) for _ in range(2)]}
        if t.dim() == 1 or rng.random() < 0.5:
            return first
        other = t.shape[1]
        if rng.random() < 0.5:
            return {"tuple": [first, {"index": [rng.randrange(other) for _ in range(2)]}]}
        return {"tuple": [{"slice": [None]}, {"index": [rng.randrange(other), 0]}]}

    def bits(self, shape: Any) -> Any:
        """Nested lists of booleans, of a shape."""
        n = 1
        for s in shape:
            n *= s
        return nested([self.rng.random() < 0.5 for _ in range(n)], list(shape))

    def mask(self, i: int) -> Any:
        """A mask of the shape of tensor i."""
        return {"mask": self.bits(self.tensor(i).shape)}

    def alike(self, i: int, j: int) -> bool:
        """Whether two tensors have one shape and dtype."""
        a, b = self.tensor(i), self.tensor(j)
        return bool(a.shape == b.shape and a.dtype == b.dtype)

    def target(self) -> int:
        """A tensor to be written: rather one that may be."""
        found = [
            i for i, t in self.floats()
            if not (t.is_leaf and t.requires_grad) and 0 not in t.stride()
        ]  # fmt: skip
        return self.rng.choice(found) if found and self.rng.random() < 0.9 else self.any()

    def smaller(self, i: int) -> str:
        """A tensor that broadcasts to the shape of tensor i."""
        shape = tuple(self.tensor(i).shape)
        found = [
            j for j, t in self.floats()
            if fits(tuple(t.shape), shape) and (j == i or not shares(t, self.tensor(i)))
        ]  # fmt: skip
        return f"v{self.rng.choice(found)}"

    def moving(self) -> list[int]:
        """Tensors that require grad."""
        return [i for i, t in self.floats() if t.requires_grad]


def nested(values: list[Any], shape: list[int]) -> Any:
    """A flat list in the nesting of a shape."""
    if not shape:
        return values[0]
    step = len(values) // shape[0] if shape[0] else 0
    return [nested(values[k * step : (k + 1) * step], shape[1:]) for k in range(shape[0])]


def shares(a: Any, b: Any) -> bool:
    """Whether two tensors are views of one memory; torch refuses some such writes."""
    return bool(a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr())


def broadcasts(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether two shapes broadcast."""
    return all(m == n or m == 1 or n == 1 for m, n in zip(a[::-1], b[::-1]))


def fits(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether shape a broadcasts to shape b."""
    return len(a) <= len(b) and all(m in (1, n) for m, n in zip(a[::-1], b[::-1]))
