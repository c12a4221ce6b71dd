"""Writes random programs for `programs_machine`: each step is chosen from what is there by now.

The writer runs what it writes, so that shapes fit most of the time; now and then it does not look,
for the errors.
"""

from __future__ import annotations

from typing import Any

from programs_choices import Choices, fits, nested, shares
from programs_machine import PASSES, observe

SHAPES = ((3,), (2, 3), (3, 1), (), (2, 2), (1, 3), (2, 1, 3), (4,), (2, 3, 2))
SMOOTH = (
    "sin",
    "cos",
    "tanh",
    "sigmoid",
    "exp",
    "neg",
    "square",
    "abs",
    "relu",
    "sqrt",
    "log",
    "reciprocal",
    "rsqrt",
    "atan",
    "expm1",
    "clone",
    "sign",
    "floor",
    "erf",
    "sinh",
)
BINARY = (
    "add",
    "sub",
    "mul",
    "div",
    "maximum",
    "minimum",
    "atan2",
    "hypot",
    "pow",
    "logaddexp",
    "fmod",
)
IN_PLACE = (
    "sin_",
    "cos_",
    "tanh_",
    "sigmoid_",
    "exp_",
    "neg_",
    "square_",
    "abs_",
    "relu_",
    "sqrt_",
    "reciprocal_",
    "zero_",
    "atan_",
    "floor_",
    "rsqrt_",
)
IN_PLACE_BINARY = (
    "add_",
    "mul_",
    "sub_",
    "div_",
    "copy_",
    "add_",
    "mul_",
    "fill_",
    "masked_fill_",
    "clamp_",
    "addcmul_",
    "lerp_",
    "pow_",
    "mul_",
)
REDUCTIONS = (
    "sum",
    "mean",
    "prod",
    "amax",
    "amin",
    "logsumexp",
    "var",
    "std",
    "cumsum",
    "cumprod",
    "softmax",
    "log_softmax",
    "norm",
    "max",
    "min",
    "median",
    "argmax",
    "sort",
    "nansum",
    "all",
    "logcumsumexp",
)


class Writer(Choices):
    """One program being written."""

    def __init__(self, torch: Any, seed: int, length: int) -> None:
        super().__init__(torch, seed)
        self.length = length
        self.steps: list[Any] = []
        self.watch = self.rng.random() < 0.6
        self.dead = False  # an error has left things undefined
        self.kinds = [k for k in dir(self) if k.startswith("write_")]
        weights = {"view": 3, "in_place": 3, "unary": 2, "binary": 3, "set": 2, "backward": 2,
                   "in_place_binary": 2, "grad": 1.5, "leaf": 0.3, "reshape_in_place": 0.6,
                   "requires_grad": 0.5, "detach": 0.5, "reduce": 1.5}  # fmt: skip
        self.weights = [weights.get(k[6:], 1) for k in self.kinds]

    def write(self) -> dict[str, Any]:
        """The program."""
        for _ in range(self.rng.randint(2, 3)):
            self.write_leaf()
        while len(self.steps) < self.length and not self.dead:
            (kind,) = self.rng.choices(self.kinds, self.weights)
            getattr(self, kind)()
        if not self.dead:
            self.last()
        return {"steps": self.steps, "watch": self.watch}

    def last(self) -> None:
        """Backward of all that moves."""
        moving = [i for i, t in self.floats() if t.requires_grad and not t.is_leaf]
        if not moving:
            return
        chosen = self.rng.sample(moving, min(len(moving), 3))
        ones = [self.ones_like(i) for i in chosen]
        self.add("backward_of", [[f"v{i}" for i in chosen], ones])

    def add(self, name: str, args: list[Any], kwargs: Any = None, mode: str | None = None) -> Any:
        """Write one step, and run it."""
        if mode is None:
            mode = self.rng.choices(["", "no_grad", "enable_grad"], [20, 3, 0.3])[0]
        if name in (*PASSES, "hook", "keep_hook", "leaf"):
            mode = ""
        step = [name, args, kwargs or {}, mode]
        before = len(self.machine.tensors)
        seen = observe(self.machine, step, False)
        if name == "grad" and not isinstance(seen, str):
            self.separate(step, before)
        if isinstance(seen, str) and name not in PASSES:
            if self.rng.random() < 0.4 and name != "prehook":
                self.steps.append(step)  # most errors are not worth a step
            return None
        self.steps.append(step)
        if isinstance(seen, str):
            self.dead = True
            return None
        if any(is_wild(t) for t in self.machine.tensors if t is not None):
            self.dead = True
            self.steps.pop()
        return seen

    def separate(self, step: list[Any], before: int) -> None:
        """Make gradients copies where torch's share memory, as its formulas have it."""
        tensors = self.machine.tensors
        given = step[2].get("grad_outputs")
        known = [t for t in tensors[:before] if t is not None]
        found = [t for t in tensors[before:] if t is not None]
        for k, g in enumerate(found):
            if any(shares(g, t) for t in [*known, *found[:k]]) or (
                isinstance(given, dict) and (step[1][0] in step[1][1])
            ):
                step[2]["copy"] = True
                tensors[before:] = [g if g is None else g.clone() for g in tensors[before:]]
                return

    def write_leaf(self) -> None:
        shape = self.rng.choice(SHAPES)
        dtype = self.rng.choices(["float64", "float32"], [9, 1])[0]
        self.add("leaf", [self.constant(shape), dtype, self.rng.random() < 0.75])

    def write_unary(self) -> None:
        self.add(self.rng.choice(SMOOTH), [f"v{self.any()}"])

    def write_binary(self) -> None:
        i = self.any()
        args = [f"v{i}", self.fitting(i)]
        name = self.rng.choice(BINARY if isinstance(args[1], str) else BINARY[:4])
        if isinstance(args[1], str) and self.rng.random() < 0.3:
            args.reverse()
        self.add(name, args)

    def write_ternary(self) -> None:
        i = self.any()
        name = self.rng.choice(["lerp", "addcmul", "addcdiv", "clamp", "where", "masked_fill"])
        if name == "clamp":
            self.add(name, [f"v{i}", -0.5, 1.0])
        elif name == "masked_fill":
            self.add(name, [f"v{i}", self.mask(i), self.number()])
        elif name == "where":
            self.add(name, [self.mask(i), f"v{i}", self.fitting(i)])
        else:
            rest = [self.fitting(i), self.fitting(i)]
            self.add(name, [f"v{i}", *rest])

    def write_reduce(self) -> None:
        i = self.any()
        name = self.rng.choice(REDUCTIONS)
        ndim = self.tensor(i).dim()
        if (
            (name in ("amax", "amin") and self.rng.random() < 0.4)
            or (self.rng.random() < 0.35 and name in REDUCTIONS[:8])
            or name == "norm"
        ):
            self.add(name, [f"v{i}"])
        else:
            keep = self.rng.random() < 0.3 and name in ("sum", "mean", "amax", "max", "min")
            self.add(name, [f"v{i}", self.dim(ndim)], {"keepdim": True} if keep else {})

    def write_product(self) -> None:
        pairs = []
        for i, a in self.floats():
            for j, b in self.floats():
                if (
                    0 < a.dim() < 4
                    and 0 < b.dim() < 4
                    and (a.shape[-1] == b.shape[-2 if b.dim() > 1 else -1])
                ):
                    pairs.append((i, j))
        if pairs:
            i, j = self.rng.choice(pairs)
            self.add("matmul", [f"v{i}", f"v{j}"])

    def write_outer(self) -> None:
        i, j = self.any(), self.any()
        self.add("outer", [f"v{i}", f"v{j}"])

    def write_join(self) -> None:
        i = self.any()
        shape = self.tensor(i).shape
        same = [f"v{j}" for j, t in self.floats() if t.shape == shape]
        chosen = self.rng.choices(same, k=self.rng.randint(1, 3))
        name = self.rng.choice(["cat", "stack", "hstack", "vstack"])
        args: list[Any] = [chosen]
        if name in ("cat", "stack"):
            args.append(self.dim(max(len(shape), 1)))
        self.add(name, args)

    def write_view(self) -> None:
        i = self.any()
        name, args = self.view(i)
        self.add(name, [f"v{i}", *args])

    def write_pick(self) -> None:
        i = self.any()
        t = self.tensor(i)
        if not t.dim() or not t.numel():
            return
        d = self.dim(t.dim())
        size = t.shape[d]
        index = {"index": [self.rng.randrange(size) for _ in range(2)]}
        kind = self.rng.random()
        if kind < 0.5:
            self.add("getitem", [f"v{i}", self.picks(t)])
        elif kind < 0.65:
            self.add("index_select", [f"v{i}", d, index])
        elif kind < 0.75:
            self.add("flip", [f"v{i}", [d]])
        elif kind < 0.85:
            self.add("roll", [f"v{i}", 1, d])
        else:
            places = [self.rng.randrange(size) for _ in range(t.numel())]
            self.add("gather", [f"v{i}", d, {"index": nested(places, list(t.shape))}])

    def write_several(self) -> None:
        i = self.any()
        t = self.tensor(i)
        if t.dim() and t.shape[0] < 5:
            d = self.dim(t.dim())
            name, args = self.rng.choice([
                (".split", [1, d]), (".chunk", [2, d]), (".unbind", [d]), (".split", [2, d]),
                (".tensor_split", [2, d]),
            ])  # fmt: skip
            self.add(name, [f"v{i}", *args])

    def write_in_place(self) -> None:
        name = self.rng.choice(IN_PLACE)
        self.add("." + name, [f"v{self.target()}"])

    def write_in_place_binary(self) -> None:
        i = self.target()
        name = self.rng.choice(IN_PLACE_BINARY)
        args: list[Any] = {
            "masked_fill_": lambda: [self.mask(i), self.number()],
            "clamp_": lambda: [-0.5, 0.75],
            "fill_": lambda: [self.number()],
            "pow_": lambda: [self.rng.choice([2, 3])],
            "copy_": lambda: [self.smaller(i)],
            "addcmul_": lambda: [self.smaller(i), self.smaller(i)],
            "lerp_": lambda: [self.smaller(i), self.smaller(i)],
        }.get(name, lambda: [self.number() if self.rng.random() < 0.25 else self.smaller(i)])()
        self.add("." + name, [f"v{i}", *args])

    def write_set(self) -> None:
        i = self.target()
        t = self.tensor(i)
        if not t.dim() or not t.numel():
            return
        overlaps = 0 in t.stride()  # torch warns of picking there, adjoint refuses
        key = self.picks(t) if self.rng.random() < 0.4 and not overlaps else self.key(t)
        picked = t.detach()[self.machine.decode(key)]
        found = [
            f"v{j}" for j, o in self.floats()
            if fits(tuple(o.shape), tuple(picked.shape)) and o.dtype == t.dtype
            and not shares(o, t)
        ]  # fmt: skip
        value: Any = self.number()
        if found and self.rng.random() < 0.7:
            value = self.rng.choice(found)
        name = self.rng.choices(["setitem", "add_at", "mul_at"], [5, 1, 1])[0]
        self.add(name, [f"v{i}", key, value])

    def write_put(self) -> None:
        i = self.target()
        t = self.tensor(i)
        if not t.dim() or not t.numel():
            return
        d = self.dim(t.dim())
        size = t.shape[d]
        same = [
            f"v{j}" for j, o in self.floats()
            if o.shape == t.shape and o.dtype == t.dtype and not shares(o, t)
        ]  # fmt: skip
        if not same:
            return
        value = self.rng.choice(same)
        whole = {"index": [self.rng.randrange(size) for _ in range(size)]}
        places = [self.rng.randrange(size) for _ in range(t.numel())]
        index = {"index": nested(places, list(t.shape))}
        name = self.rng.choice(["index_add", "scatter_add", "index_fill", "index_add_",
                                "scatter_add_", "index_fill_"])  # fmt: skip
        args: list[Any] = {
            "index_add": [d, whole, value],
            "scatter_add": [d, index, value],
            "index_fill": [d, whole, self.number()],
        }[name.rstrip("_")]
        self.add("." + name, [f"v{i}", *args])

    def write_reshape_in_place(self) -> None:
        i = self.target()
        n = self.tensor(i).dim()
        name, args = self.rng.choice([
            ("t_", []), ("transpose_", [self.dim(n), self.dim(n)]), ("squeeze_", []),
            ("unsqueeze_", [self.dim(n + 1)]),
        ])  # fmt: skip
        # Unrecorded, a tensor that requires grad would have another shape than its node.
        mode = "" if self.tensor(i).requires_grad else None
        self.add("." + name, [f"v{i}", *args], None, mode)

    def write_detach(self) -> None:
        i = self.any()
        name = self.rng.choice([".detach", ".detach", ".detach_", "grad_of", ".clone"])
        self.add(name, [f"v{i}"])

    def write_requires_grad(self) -> None:
        self.add(".requires_grad_", [f"v{self.any()}", self.rng.random() < 0.7])

    def write_hook(self) -> None:
        moving = self.moving()
        if not moving:
            return
        i = self.rng.choice(moving)
        names = ["hook", "hook", "keep_hook"]
        if self.tensor(i).is_leaf:
            names.append("after_hook")
        else:
            names += [".retain_grad_", "prehook", "posthook"]
        name = self.rng.choice(names)
        if name == ".retain_grad_":
            self.add("retain_grad_", [f"v{i}"])
        elif name == "keep_hook":
            self.add(name, [f"v{i}"])
        else:
            self.add(name, [f"v{i}", self.number()], None, "")

    def write_retain_grad(self) -> None:
        moving = self.moving()
        if moving:
            self.add("retain_grad_", [f"v{self.rng.choice(moving)}"], None, "")

    def write_backward(self) -> None:
        moving = self.moving()
        if not moving or len(self.steps) < 6:
            return
        late = [i for i in moving if not self.tensor(i).is_leaf] or moving
        i = self.rng.choice(late[-4:])
        kwargs: dict[str, Any] = {}
        if self.rng.random() < 0.7:
            kwargs["retain_graph"] = True
        if self.rng.random() < 0.12:
            kwargs["create_graph"] = True
        if self.rng.random() < 0.15:
            kwargs["inputs"] = [f"v{j}" for j in self.rng.sample(moving, min(2, len(moving)))]
        if self.tensor(i).dim() or self.rng.random() < 0.3:
            kwargs["gradient"] = self.ones_like(i)
        self.add("backward", [f"v{i}"], kwargs)

    def write_grad(self) -> None:
        moving = self.moving()
        if not moving or len(self.steps) < 4:
            return
        i = self.rng.choice(moving[-4:])
        count = min(self.rng.randint(1, 3), len(moving))
        inputs = [f"v{j}" for j in self.rng.sample(moving, count)]
        kwargs: dict[str, Any] = {"allow_unused": self.rng.random() < 0.95}
        if self.rng.random() < 0.6:
            kwargs["create_graph"] = True
        elif self.rng.random() < 0.7:
            kwargs["retain_graph"] = True
        kwargs["grad_outputs"] = self.ones_like(i)
        if self.rng.random() < 0.15 and "create_graph" in kwargs:
            kwargs["grad_outputs"] = self.rng.choice([f"v{j}" for j in moving if self.alike(i, j)])
        self.add("grad", [f"v{i}", inputs], kwargs)


def is_wild(t: Any) -> bool:
    """Whether a tensor is too long, or has values with which little can be tested."""
    values = t.data
    return bool(values.numel() > 40 or not (values.double().abs() < 1e4).all())
