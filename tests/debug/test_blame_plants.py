"""blame names the planted line in 100 random programs, forward and backward.

A program is some lines of harmless operations, one that yields a NaN or an infinity, and more
harmless ones; values go through it in the shape (4, 3).
"""

from __future__ import annotations

import linecache
import random
from typing import Any

import numpy as np
import pytest

import adjoint as torch

# Each line makes `v` of `v`, of the same shape, and keeps it of moderate size.
HARMLESS = """
v = v.tanh()
v = torch.sin(v) + 0.5
v = v + data
v = v - data
v = data - v
v = v * w
v = v * data.cos()
v = (v @ square).tanh()
v = v.reshape(3, 4).t().reshape(4, 3)
v = v.t().contiguous().view(4, 3)
v = F.softmax(v, dim=1)
v = F.layer_norm(v, (3,))
v = torch.where(data > 0, v, v.sin())
v = torch.cat([v[2:], v[:2]])
v = torch.stack(list(v.unbind(0)))
v = v.clamp(-1.5, 1.5)
v = v + v.mean(0)
v = v - v.mean(1, keepdim=True)
v = F.gelu(v)
v = F.relu(v) + 0.1
v = layer(v)
v = v.double().float()
v = v[[3, 2, 1, 0]]
v = v.masked_fill(data > 0.5, 0.25)
v = torch.sigmoid(v)
v = v / (1.5 + v.abs())
v = v.clone()
v = v.flip(0)
v = v.square().sum(1, keepdim=True).sqrt() + v.sin()
v = v.expand(2, 4, 3).sum(0)
v = Identity.apply(v)
v = v.detach().sin() + v
v = v.exp().clamp(max=3.0).log()
""".strip().splitlines()

FORWARD = """
v = torch.log(v.sin() - 1.5)
v = (v.sin() - 2).sqrt()
v = v / (data - data)
v = (v.abs() * 100 + 200).exp()
v = (v.sin() - 2) ** 0.5
v = torch.acos(v.sin() + 3)
v = torch.log1p(v.tanh() - 3)
v = v * torch.tensor(float("nan"))
v = v + torch.where(data > 100, data, torch.inf)
v = v / (v - v)
v = F.softmax(v - torch.inf, dim=1)
v = v + v[:0].mean()
v = v + v[:1].std(0)
v = (v.abs() + 5).pow(70) * v
v = torch.atanh(v.sin() + 2.5)
v = (v + 400).half().square().float()
v = Broken.apply(v)
v = v.rsqrt() - v.sub(5).rsqrt()
v = v.cosh().mul(1e3).cosh()
v = torch.fmod(v, data * 0)
v = v.sub(v).reciprocal()
v = (v * 1e25) * 1e25
v = v + torch.digamma(v * 0)
v = v.masked_fill(data < 2, float("nan"))
v = F.normalize(v * 0, eps=0.0)
""".strip().splitlines()

BACKWARD = """
v = v + (v * 0).sqrt()
v = v + (v - v).abs().pow(0.5)
v = torch.where(data > 100, (v * 0).log(), v)
v = v + torch.xlogy(v * 0, v * 0)
v = v + (v * 0).var(0).sqrt()
v = v + torch.acos(v * 0 + 1)
v = v + torch.asin(v * 0 - 1)
v = v + BrokenBackward.apply(v)
v = v + (v * 0 + 1e-30).reciprocal() * 1e-30
v = v.masked_fill(data < 100, 0.5) + (v * 0).sqrt().masked_fill(data < 100, 0.0)
v = v + torch.pow(v * 0, 0.3)
v = v + (v * 0).square().sum(1, keepdim=True).sqrt()
v = v + torch.where(data > 100, v / (v * 0), 0.0)
v = v + (v * 0).sum(0).sqrt()
v = v + (v * 0 + 1).sub(1).abs().sqrt().sin()
v = v + (v * 0).cumprod(0).sqrt()
v = v + torch.hypot(v * 0, v * 0).sqrt()
""".strip().splitlines()


class Identity(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 1

    @staticmethod
    def backward(ctx: Any, ct: Any) -> Any:
        return ct


class Broken(Identity):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * float("nan")


class BrokenBackward(Identity):
    @staticmethod
    def backward(ctx: Any, ct: Any) -> Any:
        return ct * float("inf")


def program(seed: int) -> tuple[str, int, str]:
    """The source, the number of the planted line, and the way that is blamed."""
    rng = random.Random(seed)
    plants, way = ((FORWARD, "forward"), (BACKWARD, "backward"))[seed % 2]
    plant = plants[seed // 2 % len(plants)]
    before = rng.choices(HARMLESS, k=rng.randint(0, 8))
    after = rng.choices([s for s in HARMLESS if "masked" not in s], k=rng.randint(0, 6))
    if way == "forward":  # what cuts infinities off would hide the plant
        after = [s for s in after if not any(w in s for w in ("clamp", "tanh", "sigmoid"))]
    lines = ["v = x * 1", *before, plant, *after, "loss = v.mean()"]
    return "\n".join(lines), len(before) + 2, way


def execute(seed: int) -> tuple[dict[str, Any], str, int, str]:
    source, line, way = program(seed)
    name = f"blame{seed}.py"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    torch.manual_seed(seed)
    names = {
        "torch": torch,
        "F": torch.nn.functional,
        "Identity": Identity,
        "Broken": Broken,
        "BrokenBackward": BrokenBackward,
        "x": torch.randn(4, 3).requires_grad_(),
        "w": torch.randn(4, 3).requires_grad_(),
        "square": torch.randn(3, 3),
        "data": torch.rand(4, 3),
        "layer": torch.nn.Linear(3, 3),
    }
    exec(compile(source, name, "exec"), names)
    return names, source, line, way


@pytest.mark.parametrize("seed", range(100))
def test_the_planted_line_is_blamed(seed: int) -> None:
    names, source, line, way = execute(seed)
    loss, x = names["loss"], names["x"]
    assert bool(torch.isfinite(loss)) == (way == "backward"), source
    found = torch.debug.blame(loss, None if way == "forward" else x)
    told = f"{source}\n\n{found}"
    assert (found.where, found.line) == (way, line), told
    assert found.source == source.splitlines()[line - 1]
    assert found.operands or found.candidates, told
    assert found.kind in ("nan", "inf"), told
    assert found.source in str(found)
    assert x.grad is None and np.isfinite(x.detach().numpy()).all()
