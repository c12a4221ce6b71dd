"""Memory budgets: the same gradients, bit by bit, with a bound on what the graph keeps."""

from __future__ import annotations

import functools
import gc
import itertools
import math
import random
import re
import threading
import tracemalloc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from benchmarks.memory_budget import optimum
from tests.pages import programs

import adjoint as torch
from adjoint import nn
from adjoint.autograd.budget import MemoryBudgetError, memory_budget, parse_bytes
from adjoint.autograd.budget_meter import Saved
from adjoint.autograd.tape import OperationNode
from adjoint.utils.checkpoint import checkpoint

F = nn.functional


def kept_bytes(loss: torch.Tensor, budget: memory_budget) -> int:
    """Bytes of the distinct buffers that a graph and a budget hold, counted by walking them."""
    kept: dict[int, int] = {}
    nodes, seen = [loss.grad_fn], set()
    known = [entry.value for entry in budget._meter.known.values()]
    while nodes:
        node = nodes.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        for t in getattr(node, "saved", None) or () if isinstance(node, OperationNode) else ():
            values = [*known, t.value.value] if isinstance(t, Saved) else known
            known = []
            while values:
                value = values.pop()
                if id(value) in seen:
                    continue
                seen.add(id(value))
                values.append(value.root)
                values.extend(value.step.inputs if value.step is not None else ())
                array = value.array
                if array is not None and not value.free:
                    while isinstance(array.base, np.ndarray):
                        array = array.base
                    kept[id(array)] = array.nbytes
        nodes.extend(following for following, _ in node.edges)
    return sum(kept.values())


def gradients(leaves: list[torch.Tensor]) -> list[bytes]:
    found = [b"" if t.grad is None else t.grad.numpy().tobytes() for t in leaves]
    for t in leaves:
        t.grad = None
    return found


def compare(
    run: Callable[[], torch.Tensor], leaves: list[torch.Tensor], size: int, inside: bool = True
) -> memory_budget:
    """Run without and with a budget; the same bits have to come out."""
    torch.manual_seed(0)
    loss = run()
    loss.backward()
    plain, after = [loss.item(), *gradients(leaves)], torch.rand(1).item()
    torch.manual_seed(0)
    with memory_budget(size) as budget:
        loss = run()
        assert kept_bytes(loss, budget) == budget.bytes <= size
        if inside:
            loss.backward()
    if not inside:
        loss.backward()
    assert [loss.item(), *gradients(leaves)] == plain
    assert torch.rand(1).item() == after
    assert budget.peak <= size
    assert budget.bytes == 0
    return budget


@pytest.mark.parametrize("name", ["tanh", "sin"])
@pytest.mark.parametrize("slots", [2, 3, 4, 5, 7, 10, 25])
@pytest.mark.parametrize("length", [5, 13, 40, 100])
def test_chains_are_computed_again_hardly_more_than_at_best(
    length: int, slots: int, name: str
) -> None:
    x = torch.linspace(0, 1, 50, requires_grad=True)

    def run() -> torch.Tensor:
        y = x
        for _ in range(length):
            y = getattr(y, name)()
        return y.sum()

    budget = compare(run, [x], 200 * slots)
    saved = length if name == "tanh" else length - 1  # sin saves its input, tanh its output
    best = optimum(saved, slots) if saved > slots else 0
    assert best <= budget.recomputed <= 1.5 * best
    assert (budget.recomputed == 0) == (saved <= slots)


def fewest_of_layers(sizes: tuple[int, ...], room: int) -> float:
    """Fewest operations run again on layers of `sizes` bytes, a product and a tanh each.

    After the forward pass, which holds its value itself; the input of the first layer is free. What
    is kept is kept until backward reaches it: to drop it before can be better, by a little.
    """
    end = len(sizes)

    @functools.cache
    def again(first: int, last: int, room: int) -> float:
        best, before = (0.0 if first == last else math.inf), 0
        for k in range(first, last):  # keep the output of layer k on the way
            if max(before, sizes[k]) + sizes[k] > room:
                break
            later = 2 * (k + 1 - first) + again(k + 1, last, room - sizes[k])
            best = min(best, later + again(first, k, room) if later < best else best)
            before = sizes[k]
        return best

    @functools.cache
    def forward(first: int, room: int) -> float:
        kept = [k for k in range(first, end) if sizes[k] <= room]
        return min(
            [forward(k + 1, room - sizes[k]) + again(first, k, room) for k in kept],
            default=0.0 if first == end else math.inf,
        )

    return forward(0, room)


WIDTHS = {
    "growing": lambda i, n: 1 + 7 * i // n,
    "shrinking": lambda i, n: 8 - 7 * i // n,
    "hourglass": lambda i, n: 1 + abs(7 * (2 * i - n)) // n,
    "in turns": lambda i, n: (1, 8)[i % 2],
    "seldom large": lambda i, n: (8, 1, 1, 1)[i % 4],
}


@pytest.mark.parametrize("share", [0.9, 0.6, 0.4, 0.25])
@pytest.mark.parametrize("length", [5, 12, 20])
@pytest.mark.parametrize("profile", WIDTHS)
def test_layers_of_uneven_sizes(profile: str, length: int, share: float) -> None:
    widths = [WIDTHS[profile](i, length) for i in range(length + 1)]
    sizes = tuple([16 * n for n in widths[1:]])
    size = int(sum(sizes) * share) // 16 * 16
    best = fewest_of_layers(sizes, size)
    if best == math.inf:
        return
    torch.manual_seed(0)
    x = torch.randn(4, widths[0], requires_grad=True)
    weights = [torch.randn(n, m, requires_grad=True) for n, m in itertools.pairwise(widths)]

    def run() -> torch.Tensor:
        y = x
        for w in weights:
            y = torch.tanh(y @ w)
        return y.sum()

    budget = compare(run, [x, *weights], size)
    assert budget.recomputed <= 1.5 * best + 2


class Cells(nn.Module):
    """An LSTM in plain operations: two values go from step to step, and all read the data."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length
        self.gates = nn.Linear(16, 32)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = c = torch.zeros(4, 8)
        for _ in range(self.length):
            i, f, g, o = self.gates(torch.cat([x, h], 1)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return h


@pytest.mark.parametrize(("share", "rounds"), [(0.5, 1), (0.2, 2), (0.1, 4)])
def test_graphs_are_computed_again_from_cuts(share: float, rounds: int) -> None:
    """Not each value from the start: the work grows as that of a chain of steps would."""
    torch.manual_seed(0)
    model, data = Cells(30), torch.randn(4, 8)

    def run() -> torch.Tensor:
        return model(data).square().mean()

    with memory_budget("1GB") as whole:
        loss = run()
        assert whole._meter.fixed <= 8 * data._data.nbytes  # not what each step makes of it
        steps = whole._meter.steps
    loss.backward()
    gradients(list(model.parameters()))
    budget = compare(run, list(model.parameters()), int(whole.peak * share))
    assert 0 < budget.recomputed <= rounds * steps


def test_skips_that_hold_too_much_are_computed_again() -> None:
    """In the order of the forward pass all skips would wait at once, and not fit."""
    torch.manual_seed(0)
    downs = [nn.Linear(16, 16) for _ in range(8)]
    ups = [nn.Linear(32, 16) for _ in range(8)]
    data = torch.randn(8, 16)

    def run() -> torch.Tensor:
        skips, x = [], data
        for layer in downs:
            skips.append(torch.tanh(layer(x)))
            x = torch.sin(skips[-1])
        for layer in ups:
            x = torch.tanh(layer(torch.cat([x, skips.pop()], 1)))
        return x.square().mean()

    leaves = [p for layer in downs + ups for p in layer.parameters()]
    assert compare(run, leaves, 3072).recomputed < 400


def test_what_a_checkpoint_computes_again_counts() -> None:
    x = torch.linspace(0, 1, 100, requires_grad=True)

    def part(t: torch.Tensor) -> torch.Tensor:
        for _ in range(5):
            t = t.tanh()
        return t

    def run() -> torch.Tensor:
        return checkpoint(part, checkpoint(part, x)).sum()

    run().backward()
    (plain,) = gradients([x])
    with memory_budget(2400) as budget:
        run().backward()
    assert gradients([x]) == [plain]
    assert budget.peak == 2400
    assert budget.bytes == 0
    with memory_budget(2000):
        loss = run()
    with pytest.raises(MemoryBudgetError, match="what checkpoints compute again"):
        loss.backward()


def test_a_budget_that_is_not_needed_changes_nothing() -> None:
    layer = nn.Linear(4, 4)
    x = torch.ones(2, 4)
    budget = compare(lambda: layer(x).tanh().sum(), list(layer.parameters()), 10_000)
    assert (budget.recomputed, budget.evicted) == (0, 0)
    assert 0 < budget.peak < 200


def layers(*widths: int) -> list[nn.Module]:
    found: list[nn.Module] = []
    for n, m in itertools.pairwise(widths):
        found += [nn.Linear(n, m), nn.GELU()]
    return found


class Residual(nn.Module):
    def __init__(self, inplace: bool) -> None:
        super().__init__()
        self.first = nn.Conv2d(6, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.act = nn.ReLU(inplace=inplace)
        self.second = nn.Conv2d(6, 6, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.act(self.norm(self.first(x)))
        y = self.second(y)
        if self.act.inplace:
            y += x
        else:
            y = y + x
        return self.act(y)


def make_network(name: str) -> tuple[nn.Module, torch.Tensor]:
    if name == "mlp":
        return nn.Sequential(*layers(8, 64, 64, 64, 64, 64, 4)), torch.randn(64, 8)
    if name == "dropout":
        steps: list[nn.Module] = []
        for layer in layers(8, 64, 64, 64, 64, 4):
            steps += [layer, nn.Dropout(0.3)]
        return nn.Sequential(*steps), torch.randn(64, 8)
    blocks = [Residual(name == "inplace") for _ in range(4)]
    return nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), *blocks), torch.randn(4, 3, 8, 8)


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize(
    ("name", "share"), [("mlp", 0.4), ("dropout", 0.7), ("residual", 0.4), ("inplace", 0.5)]
)
def test_networks(name: str, share: float, inside: bool) -> None:
    torch.manual_seed(1)
    model, data = make_network(name)
    state = {k: v.clone() for k, v in model.state_dict().items()}

    def run() -> torch.Tensor:
        model.load_state_dict(state)
        return model(data).square().mean()

    leaves = list(model.parameters())
    with memory_budget("1GB") as whole:
        run()
    budget = compare(run, leaves, int(whole.peak * share), inside)
    assert budget.recomputed > 0


def test_real_memory_goes_down() -> None:
    x = torch.randn(128, 128, requires_grad=True)

    def peak(size: str) -> int:
        gc.collect()
        tracemalloc.start()
        with memory_budget(size):
            y = x
            for _ in range(100):
                y = y.tanh()
            y.sum().backward()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak("100MB") > 100 * 65536
    assert peak("640kB") < 20 * 65536


def program(seed: int) -> tuple[Callable[[], torch.Tensor], list[torch.Tensor]]:
    """A random program: products, views, in-place writes, several outputs, data, dead ends."""
    numbers = np.random.default_rng(seed)
    leaves = [torch.from_numpy(numbers.normal(size=(6, 6))).requires_grad_() for _ in range(3)]
    data = torch.from_numpy(numbers.normal(size=(6, 6)))

    def run() -> torch.Tensor:
        choose = random.Random(seed)
        live = [*leaves, data]

        def pick() -> torch.Tensor:
            return choose.choice(live[-6:] if choose.random() < 0.8 else live)

        for _ in range(40):
            x, y = pick(), pick()
            kind = choose.randrange(16)
            if kind < 4:
                z = choose.choice([torch.tanh, torch.sin, torch.sigmoid, F.gelu])(x)
            elif kind == 4:
                z = x * y
            elif kind == 5:
                z = x + y
            elif kind == 6:
                z = (x @ y) / 6
            elif kind == 7:
                z = x.t().reshape(36)[::1].view(6, 6) * 1.5
            elif kind == 8:
                z = torch.cat([x[:3], y[3:]])
            elif kind == 9:
                a, _ = x.max(dim=0)
                z = x - a
            elif kind == 10:
                a, b = torch.softmax(x, 1).split(3)
                z = torch.cat([b, a]) * y
            elif kind == 11:
                z = F.dropout(x, 0.3)
            elif kind == 12:
                z = x[torch.tensor([0, 3, 3, 1, 5, 2])].clamp(-1, 1)
            elif kind == 13:
                z = (x * 1.1).mul_(y).sin_()
            elif kind == 14:
                z = x.sin()
                z[1:3] = y[:2]
                z[0].mul_(0.5)
                z = z.exp().tanh()
            else:
                with torch.no_grad():
                    z = x * 0.5
                z = z * y
            live.append(z)
        return torch.stack([t.sum() for t in [*leaves, *live[-8:]]]).sum()

    return run, leaves


@pytest.mark.parametrize("seed", range(24))
def test_random_programs(seed: int) -> None:
    run, leaves = program(seed)
    torch.manual_seed(0)
    with memory_budget("1MB") as whole:
        run()
    size = whole.peak * 9 // 10
    while size > 576:
        try:
            compare(run, leaves, size)
        except MemoryBudgetError:
            gradients(leaves)
            break
        size = size * 3 // 4
    assert size < whole.peak * 3 // 4


def test_second_derivatives_and_several_passes() -> None:
    x = torch.linspace(0, 1, 64, requires_grad=True)

    def run(y: torch.Tensor) -> torch.Tensor:
        for _ in range(12):
            y = y.tanh() * 1.5
        return y.sum()

    (first,) = torch.autograd.grad(run(x), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    with memory_budget(256 * 100) as whole:
        (again,) = torch.autograd.grad(run(x), x, create_graph=True)
        torch.autograd.grad(again.sum(), x)
    with memory_budget(whole.peak // 2) as budget:
        (again,) = torch.autograd.grad(run(x), x, create_graph=True)
        (twice,) = torch.autograd.grad(again.sum(), x)
    assert torch.equal(again, first)
    assert torch.equal(twice, second)
    assert budget.peak <= whole.peak // 2
    with memory_budget(256 * 4) as budget:
        loss = run(x)
    passes = [torch.autograd.grad(loss, x, retain_graph=True)[0] for _ in range(3)]
    assert all(torch.equal(p, first) for p in passes)
    assert budget.peak <= 256 * 4
    assert budget.bytes > 0
    del loss
    assert budget.bytes == 0


def test_values_that_the_user_holds_are_not_computed_again() -> None:
    x = torch.ones(100, requires_grad=True)
    with memory_budget(400 * 3) as budget:
        held = [x]
        for _ in range(10):
            held.append(held[-1].tanh())
    held[-1].sum().backward()
    assert budget.evicted >= 7
    assert budget.recomputed == 0
    assert budget.peak <= 1200


def test_what_was_computed_from_may_be_overwritten() -> None:
    """Data and parameters that only recomputation needs are copied before they are written."""
    x = torch.linspace(0, 1, 100)
    w = torch.full((1,), 0.5, requires_grad=True)

    def run() -> torch.Tensor:
        y = x * w
        for _ in range(5):
            y = (y + w).tanh()
        return y.sum()

    run().backward()
    (plain,) = gradients([w])
    with memory_budget(400 * 5) as budget:
        loss = run()
    with torch.no_grad():
        w.add_(1.0)
    loss.backward()
    assert gradients([w]) == [plain]
    assert budget.recomputed > 0


def test_saved_values_that_were_overwritten_are_refused() -> None:
    x = torch.ones(100, requires_grad=True)
    with memory_budget(400 * 3):
        y = x * 2
        z = y.sin()
        for _ in range(5):
            z = z.tanh()
        with torch.no_grad():
            y.add_(1)
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation.*overwritten at"):
        z.sum().backward()


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        out = x**3
        ctx.save_for_backward(x, out)
        return out

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        x, _ = ctx.saved_tensors
        return 3 * x**2 * grad


def test_custom_functions_and_hooks_keep_what_they_kept() -> None:
    x = torch.linspace(0, 1, 100, requires_grad=True)
    packed: list[int] = []

    def pack(t: torch.Tensor) -> torch.Tensor:
        packed.append(1)
        return t.detach()

    def run() -> torch.Tensor:
        y = Cube.apply(x.tanh().sin())
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            y = y.exp()
        for _ in range(6):
            y = y.tanh()
        y = checkpoint(lambda t: t.sin().exp().sin(), y)
        for _ in range(6):
            y = y.sin()
        return y.sum()

    budget = compare(run, [x], 400 * 8)
    assert budget.recomputed > 0
    assert packed


def test_passes_in_several_threads() -> None:
    x = torch.linspace(0, 1, 500, requires_grad=True)
    with memory_budget(2000 * 4):
        y = x
        for _ in range(30):
            y = y.tanh()
        loss = y.sum()
    once = torch.autograd.grad(loss, x, retain_graph=True)[0]
    found: list[torch.Tensor] = []

    def run() -> None:
        found.extend(torch.autograd.grad(loss, x, retain_graph=True))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(torch.equal(g, once) for g in found)


def test_nothing_stays_alive() -> None:
    x = torch.ones(100, requires_grad=True)
    gc.collect()
    gc.disable()
    try:
        for finish in (lambda t: t.backward(), lambda t: None):
            with memory_budget(400 * 3) as budget:
                y = x
                for _ in range(10):
                    y = y.tanh() + 1
                loss = y.sum()
            node = weakref.ref(y.grad_fn)
            finish(loss)
            del y, loss
            assert node() is None
            assert budget.bytes == 0
            meter = weakref.ref(budget._meter)
            del budget
            assert meter() is None
    finally:
        gc.enable()


def test_long_chains_do_not_recurse() -> None:
    x = torch.ones(1, requires_grad=True)
    with memory_budget(400) as budget:
        y = x
        for _ in range(5_000):
            y = y + 0.0
        y = y.exp()
        for _ in range(1_200):
            y = y.neg().tanh()
    y.sum().backward()
    assert budget.recomputed > 0


def test_without_a_budget_nothing_is_noticed() -> None:
    x = torch.ones(3, requires_grad=True)
    with memory_budget("1kB"):
        x.exp()
    assert (x * x).grad_fn._saved_self is x
    assert torch.autograd.modes.state.packing is None


@pytest.mark.parametrize(
    ("size", "count"),
    [
        (100, 100),
        ("300MB", 300_000_000),
        ("1.5 GB", 1_500_000_000),
        ("512MiB", 512 << 20),
        ("64k", 64_000),
        ("12 b", 12),
        ("7", 7),
    ],
)
def test_sizes(size: Any, count: int) -> None:
    assert parse_bytes(size) == count


@pytest.mark.parametrize("size", ["", "MB", "3 apples", "-1MB", "1e3", "0", 0, -5])
def test_sizes_that_are_none(size: Any) -> None:
    with pytest.raises(ValueError, match=r"memory_budget: .*(no number of bytes|positive)"):
        torch.memory_budget(size)


@pytest.mark.parametrize("size", [None, 1.5, True])
def test_sizes_of_another_type(size: Any) -> None:
    with pytest.raises(TypeError, match="expected a size as str"):
        torch.memory_budget(size)


def test_what_does_not_fit_is_told_with_its_line() -> None:
    x = torch.ones(1000, requires_grad=True)
    with torch.memory_budget("5kB"), pytest.raises(MemoryError) as raised:
        x.exp() * x.sin()  # this line
    message = str(raised.value)
    assert "MulBackward0" in message
    assert "this line" in message
    assert "8000 bytes is the least" in message
    x.exp().sum().backward()
    assert x.grad is not None


def test_as_a_decorator() -> None:
    budget = torch.memory_budget(400 * 2)
    x = torch.ones(100, requires_grad=True)

    @budget
    def step() -> None:
        y = x
        for _ in range(8):
            y = y.tanh()
        y.sum().backward()

    step()
    assert repr(budget).startswith("memory_budget(limit=800, peak=800, recomputed=")


def test_the_page_about_memory_runs(capsys: pytest.CaptureFixture[str]) -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 1))
    x = torch.ones(2, 4, requires_grad=True)
    scope: dict[str, Any] = {"model": model, "block": model, "data": x, "x": x}
    blocks = [code for code in programs("memory.md") if ">>>" not in code]
    assert len(blocks) == 3
    for code in blocks:
        exec(compile(code, "memory.md", "exec"), scope)
    shown = r"memory_budget\(limit=300000000, peak=\d+, recomputed=\d+, evicted=\d+\)\n"
    assert re.fullmatch(shown, capsys.readouterr().out)
    scope["y"].sum().backward()
    assert x.grad is not None
