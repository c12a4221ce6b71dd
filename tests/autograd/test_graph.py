"""Graph objects, hooks on saved tensors, multi-grad hooks, and passes in threads and in passes."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

import adjoint as torch
from adjoint.autograd import graph


@pytest.fixture
def x() -> torch.Tensor:
    return torch.tensor([1.0, 2.0], requires_grad=True)


class Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        out = x * y
        ctx.save_for_backward(x, None, out)
        return out

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x, nothing, out = ctx.saved_tensors
        assert nothing is None
        return grad * out / x, grad * x


class Log:
    """Hooks that note what they are given."""

    def __init__(self) -> None:
        self.packed: list[Any] = []
        self.unpacked = 0

    def pack(self, t: torch.Tensor) -> Any:
        self.packed.append(t.tolist())
        return t.detach().clone()

    def unpack(self, kept: Any) -> torch.Tensor:
        self.unpacked += 1
        return kept

    def hooks(self) -> graph.saved_tensors_hooks:
        return graph.saved_tensors_hooks(self.pack, self.unpack)


# Graph objects.


def test_every_grad_fn_is_a_node(x) -> None:
    y = x * 2
    custom = Product.apply(x, x)
    leaf = graph.get_gradient_edge(x).node
    assert all(isinstance(n, graph.Node) for n in (y.grad_fn, custom.grad_fn, leaf))
    assert issubclass(type(y.grad_fn), graph.Node)
    assert not isinstance(x, graph.Node)


def test_metadata_keeps_the_users_notes(x) -> None:
    y = x * 2
    y.grad_fn.metadata["layer"] = 3
    assert y.grad_fn.metadata == {"layer": 3}


def test_gradient_edges_stand_for_tensors(x) -> None:
    y = x * 2
    loss = (y * y).sum()
    at_x, at_y, at_loss = map(graph.get_gradient_edge, (x, y, loss))
    assert (at_y.node.name(), at_y.output_nr) == ("MulBackward0", 0)
    grads = torch.autograd.grad(loss, [at_x, at_y, x], retain_graph=True)
    assert [g.tolist() for g in grads] == [[8.0, 16.0], [4.0, 8.0], [8.0, 16.0]]
    (from_edge,) = torch.autograd.grad(at_loss, at_x, retain_graph=True)
    assert from_edge.tolist() == [8.0, 16.0]
    torch.autograd.backward(at_y, torch.ones(2), retain_graph=True)
    assert x.grad.tolist() == [2.0, 2.0]
    torch.autograd.backward(loss, inputs=[at_x])
    assert x.grad.tolist() == [10.0, 18.0]


def test_a_gradient_edge_of_a_custom_function(x) -> None:
    y = Product.apply(x, x)
    edge = graph.get_gradient_edge(y)
    loss = (y * 2).sum()
    del y
    assert torch.autograd.grad(loss, edge)[0].tolist() == [2.0, 2.0]
    assert edge.node.name() == "ProductBackward"


def test_what_gradient_edges_cannot_do(x) -> None:
    with pytest.raises(RuntimeError, match="does not require gradients"):
        graph.get_gradient_edge(torch.ones(2))
    edge = graph.get_gradient_edge(x * 2)
    with pytest.raises(RuntimeError, match="only for scalar outputs"):
        torch.autograd.grad(edge, x)
    with pytest.raises(RuntimeError, match="not have been used in the graph"):
        torch.autograd.grad(x.sum(), edge)
    assert torch.autograd.grad(x.sum(), edge, allow_unused=True) == (None,)
    with pytest.raises(RuntimeError, match="materialize_grads cannot be used"):
        torch.autograd.grad(x.sum(), edge, materialize_grads=True)


def test_increment_version_makes_saved_values_stale(x) -> None:
    y = x * 1
    z = (y * y).sum()
    graph.increment_version(y)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()
    a, b = torch.ones(1), torch.ones(1)
    graph.increment_version([a, b])
    with torch.inference_mode():
        graph.increment_version(torch.ones(1))
    assert (a._version, b._version) == (1, 1)
    with pytest.raises(RuntimeError, match="expect"):
        graph.increment_version(3)


# Saved-tensor hooks.


def test_gradients_pass_through_the_hooks(x) -> None:
    log = Log()
    y = x * 2
    with log.hooks():
        z = (x * y).exp()
    g = torch.autograd.grad(z.sum(), x, create_graph=True)[0]
    gg = torch.autograd.grad(g.sum(), x)[0]
    value = (2 * x * x).exp()
    assert torch.allclose(g, 4 * x * value)
    assert torch.allclose(gg, (4 + 16 * x * x) * value)
    assert sorted(log.packed[:2]) == [[1.0, 2.0], [2.0, 4.0]]
    assert log.unpacked == 6


def test_hooks_see_tensors_in_their_place_in_the_graph(x) -> None:
    seen = []

    def pack(t: torch.Tensor) -> torch.Tensor:
        seen.append((t.requires_grad, t.is_leaf, torch.is_grad_enabled()))
        return t.detach()

    y = x * 2
    with graph.saved_tensors_hooks(pack, lambda t: t):
        z = x * y
        e = z.exp()
    assert sorted(seen) == [(True, False, False), (True, False, False), (True, True, False)]
    assert e.grad_fn._saved_result.grad_fn is e.grad_fn
    saved = z.grad_fn._saved_self
    assert saved is not x
    assert (saved.is_leaf, saved.requires_grad) == (True, True)
    saved.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_numbers_and_unsaved_values_are_not_packed(x) -> None:
    log = Log()
    with log.hooks():
        _ = x * 3.0 + 1.0
        with torch.no_grad():
            _ = x * x
    assert log.packed == []


def test_only_the_innermost_pair_acts(x) -> None:
    outer, inner = Log(), Log()
    with outer.hooks():
        with inner.hooks():
            _ = x * x
        _ = x.exp()
    _ = x.exp()
    assert (len(outer.packed), len(inner.packed)) == (1, 2)


def test_each_thread_has_its_own_hooks(x) -> None:
    log = Log()
    with log.hooks():
        thread = threading.Thread(target=lambda: x * x)
        thread.start()
        thread.join()
    assert log.packed == []


def test_custom_functions_save_through_the_hooks(x) -> None:
    log = Log()
    w = torch.tensor([3.0, 4.0], requires_grad=True)
    with log.hooks():
        out = Product.apply(x, w)
    out.sum().backward()
    assert log.packed == [[1.0, 2.0], [3.0, 8.0]]
    assert log.unpacked == 2
    assert (x.grad.tolist(), w.grad.tolist()) == ([3.0, 4.0], [1.0, 2.0])


@pytest.mark.parametrize("pack", [lambda t: t, lambda t: t.detach()])
def test_in_place_operations_keep_what_hooks_hold(x, pack) -> None:
    w = torch.tensor([3.0, 4.0], requires_grad=True)

    def run() -> list[Any]:
        b = x * 1
        b.mul_(w)
        b[0].mul_(w[1])
        b.exp_()
        return [g.tolist() for g in torch.autograd.grad(b.log().sum() + b.sum(), (x, w))]

    plain = run()
    with graph.saved_tensors_hooks(pack, lambda t: t):
        assert run() == plain


def test_versions_are_not_checked_through_hooks(x) -> None:
    b = x * 1
    with graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        y = b * b
    b.add_(1)
    y.sum().backward()
    assert x.grad.tolist() == [4.0, 6.0]


def test_freed_values_are_released(x) -> None:
    kept: list[weakref.ref[Any]] = []

    class Box:
        def __init__(self, t: torch.Tensor) -> None:
            self.t = t.detach()
            kept.append(weakref.ref(self))

    with graph.saved_tensors_hooks(Box, lambda box: box.t):
        y = (x * x).exp()
    y.sum().backward(retain_graph=True)
    assert all(r() is not None for r in kept)
    y.sum().backward()
    assert [r() for r in kept] == [None] * 3


def test_no_cycle_when_pack_detaches(x) -> None:
    gc.collect()
    gc.disable()
    try:
        with graph.saved_tensors_hooks(lambda t: t.detach(), lambda t: t):
            y = x.exp()
        node = weakref.ref(y.grad_fn)
        del y
        assert node() is None
    finally:
        gc.enable()


def test_misuse_of_hooks(x) -> None:
    with (
        pytest.raises(TypeError, match="has to be callable"),
        graph.saved_tensors_hooks(1, 2),  # type: ignore[arg-type]
    ):
        pass
    with graph.saved_tensors_hooks(lambda t: t, lambda t: 3):  # type: ignore[arg-type, return-value]
        y = x * x
    with pytest.raises(TypeError, match="expected to be a Tensor but got result of type int"):
        y.sum().backward()
    with (
        graph.saved_tensors_hooks(lambda t: t.add_(1), lambda t: t),
        pytest.raises(RuntimeError, match="pack hook is modifying its input in place"),
    ):
        x * 1.5 * torch.ones(2, requires_grad=True)
    assert (x * x).grad_fn._saved_self is x  # the hooks are gone


def test_hooks_can_be_disabled(x) -> None:
    with graph.disable_saved_tensors_hooks("not here"):
        with pytest.raises(RuntimeError, match="not here"), graph.save_on_cpu():
            pass
        with graph.disable_saved_tensors_hooks("nor here"):
            pass
        with pytest.raises(RuntimeError, match="not here"), Log().hooks():
            pass
    with (
        Log().hooks(),
        pytest.raises(RuntimeError, match="too late"),
        graph.disable_saved_tensors_hooks("too late"),
    ):
        pass
    with Log().hooks():
        pass


def test_save_on_cpu(x) -> None:
    with graph.save_on_cpu():
        y = x * x
    with graph.save_on_cpu(pin_memory=True):
        y = y * x
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 12.0]


def test_hooks_of_one_saved_value(x) -> None:
    y = x * x
    y.grad_fn._raw_saved_self.register_hooks(lambda t: (t.detach(),), lambda kept: kept[0] * 2)
    with pytest.raises(RuntimeError, match="hooks have already been set"):
        y.grad_fn._raw_saved_self.register_hooks(lambda t: t, lambda t: t)
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 6.0]
    with pytest.raises(RuntimeError, match="after it has been freed"):
        y.grad_fn._raw_saved_self.register_hooks(lambda t: t, lambda t: t)


# Mutation of saved tensors.


def test_saved_tensors_may_be_written(x) -> None:
    with graph.allow_mutation_on_saved_tensors():
        a = torch.ones(4, requires_grad=True)
        b = a.clone()
        v = b[:2]
        out = (v * v).sum() + (b * b).sum()
        b[0] = 7.0
        v.mul_(3)
        later = (v * v).sum()
        b.zero_()
        (out + later).backward()
    assert a.grad.tolist() == [4.0, 22.0, 2.0, 2.0]


def test_leaves_outputs_and_out_arguments_may_be_written() -> None:
    with graph.allow_mutation_on_saved_tensors():
        a = torch.ones(3, requires_grad=True)
        squares, e = (a * a).sum(), (a * 1).exp()
        y = torch.full((3,), 2.0)
        product, total = (a * y).sum(), e.sum()
        with torch.no_grad():
            a.add_(5)
        torch.add(y, 1, out=y)
        e.mul_(2)
        (squares + product + total).backward()
    assert torch.allclose(a.grad, torch.full((3,), 4 + 2.718281828))


def test_an_optimizer_step_may_come_before_backward() -> None:
    with graph.allow_mutation_on_saved_tensors():
        p = torch.nn.Parameter(torch.ones(2))
        optimizer = torch.optim.SGD([p], lr=1.0)
        out = (p * p).sum()
        p.grad = torch.ones(2)
        optimizer.step()
        p.grad = None
        out.backward()
    assert p.tolist() == [0.0, 0.0]
    assert p.grad.tolist() == [2.0, 2.0]


def test_mutation_belongs_inside_its_block(x) -> None:
    with graph.allow_mutation_on_saved_tensors():
        out = (x * x).sum()
        with (
            pytest.raises(RuntimeError, match="cannot be nested"),
            graph.allow_mutation_on_saved_tensors(),
        ):
            pass
    with pytest.raises(AssertionError, match="outside of the 'allow_mutation"):
        out.backward()
    b = x * 1
    out = (b * b).sum()
    b.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.backward()


# Hooks on several tensors.


def test_a_multi_grad_hook_waits_for_all_that_this_pass_reaches() -> None:
    a, b = (torch.ones(2, requires_grad=True) for _ in range(2))
    c, d = a * b, a * b
    seen: list[Any] = []
    handle = graph.register_multi_grad_hook(
        (a, b, c, d), lambda grads: seen.append([g is not None for g in grads])
    )
    c.sum().backward(retain_graph=True)
    c.sum().backward(inputs=(a,), retain_graph=True)
    (c + d).sum().backward(retain_graph=True)
    torch.autograd.grad(c.sum(), c, retain_graph=True)
    assert seen == [
        [True, True, True, False],
        [True, False, True, False],
        [True, True, True, True],
        [False, False, True, False],
    ]
    handle.remove()
    c.sum().backward()
    assert len(seen) == 4


def test_a_multi_grad_hook_for_the_first_gradient() -> None:
    a = torch.ones(2, requires_grad=True)
    b, c = a * 2, a * 3
    seen: list[Any] = []
    tensors = (a, b, c, torch.ones(1))
    with graph.register_multi_grad_hook(tensors, lambda g: seen.append(g.tolist()), mode="any"):
        (b + c).sum().backward(retain_graph=True)
        (b * 5).sum().backward(retain_graph=True)
    (b + c).sum().backward()
    assert seen == [[1.0, 1.0], [5.0, 5.0]]


def test_a_multi_grad_hook_serves_new_graphs_of_its_leaves() -> None:
    a, b = (torch.ones(1, requires_grad=True) for _ in range(2))
    seen: list[Any] = []
    graph.register_multi_grad_hook((a, b), lambda grads: seen.append([g.item() for g in grads]))
    for factor in (2.0, 3.0):
        (a * factor + b).backward()
    assert seen == [[2.0, 1.0], [3.0, 1.0]]


def test_misuse_of_multi_grad_hooks(x) -> None:
    with pytest.raises(ValueError, match="Expects mode to be one of"):
        graph.register_multi_grad_hook((x,), print, mode="some")
    with pytest.raises(AssertionError, match="does not require grad"):
        graph.register_multi_grad_hook((torch.ones(1),), print)


# Passes inside passes, and in threads.


class Inner(torch.autograd.Function):
    """x ** 2, whose backward runs a backward pass."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        with torch.enable_grad():
            ctx.x = x.detach().requires_grad_()
            ctx.y = (ctx.x * ctx.x).sum()
        return ctx.y.detach()

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        ctx.y.backward(grad)
        return ctx.x.grad


def test_a_pass_inside_a_custom_function(x) -> None:
    Inner.apply(x * 3).backward()
    assert x.grad.tolist() == [18.0, 36.0]


def test_a_pass_inside_a_hook_on_the_same_leaf(x) -> None:
    def hook(grad: torch.Tensor) -> None:
        with torch.enable_grad():
            (x * x).sum().backward()

    y = x * 3
    y.register_hook(hook)
    y.sum().backward()
    assert x.grad.tolist() == [5.0, 7.0]
    assert torch.is_grad_enabled()


def test_passes_nest_deeply() -> None:
    class Nested(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor, depth: int) -> torch.Tensor:
            ctx.x, ctx.depth = x.detach(), depth
            return x * 2

        @staticmethod
        def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
            if ctx.depth == 0:
                return grad * 2, None
            with torch.enable_grad():
                inner = ctx.x.clone().requires_grad_()
                Nested.apply(inner, ctx.depth - 1).backward(grad)
            return inner.grad, None

    x = torch.tensor(1.0, requires_grad=True)
    Nested.apply(x, 50).backward()
    assert x.grad.item() == 2.0


@pytest.fixture
def busy() -> Iterator[None]:
    """Threads take turns as often as they can."""
    import sys

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def in_threads(target: Any, count: int = 6) -> None:
    errors: list[BaseException] = []

    def run() -> None:
        try:
            target()
        except BaseException as error:  # noqa: BLE001 - shown by the main thread
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("size", [3, 5000])
def test_threads_may_share_a_graph(size: int) -> None:
    w = torch.ones(size, requires_grad=True)
    y = (w * w).sum() + (w * 3).sum()

    def run() -> None:
        for _ in range(20):
            y.backward(retain_graph=True)

    in_threads(run)
    assert bool((w.grad == 6 * 20 * 5).all())


@pytest.mark.usefixtures("busy")
def test_threads_may_share_leaves() -> None:
    w = torch.ones(1000, requires_grad=True)
    seen: list[Any] = []
    w.register_post_accumulate_grad_hook(lambda t: seen.append(t))

    def run() -> None:
        for _ in range(20):
            (w * w).sum().backward()
            (g,) = torch.autograd.grad((w * 2).sum(), w)
            assert bool((g == 2).all())

    in_threads(run)
    assert bool((w.grad == 6 * 20 * 2).all())
    assert len(seen) == 120


def test_set_multithreading_enabled_is_accepted(x) -> None:
    with torch.autograd.set_multithreading_enabled(False):
        (x * x).sum().backward()

    @torch.autograd.set_multithreading_enabled(False)
    def run() -> None:
        (x * x).sum().backward()

    run()
    assert x.grad.tolist() == [4.0, 8.0]
    assert torch.autograd.grad_mode.is_multithreading_enabled()
