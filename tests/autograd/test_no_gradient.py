"""A custom Function that gives None: what lies behind it runs all the same, as in torch 2.13."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import adjoint as torch
from adjoint.utils.checkpoint import checkpoint

log: list[str] = []


class Nothing(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return None


class Both(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Any:
        return x.clone(), y.clone()

    @staticmethod
    def backward(ctx: Any, g: Any, h: Any) -> Any:
        log.append(f"Both {g.tolist()} {h.tolist()}")
        return g, h


def told(name: str, materialize: bool = True) -> Any:
    class Told(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.set_materialize_grads(materialize)
            return x.clone()

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            log.append(f"{name} {seen(g)}")
            return g

    return Told.apply


def seen(g: Any) -> Any:
    return None if g is None else (g + 0.0).tolist()


nothing, both, told_f = Nothing.apply, Both.apply, told("F")


def hooked(x: Any) -> Any:
    h = x * 2
    h.register_hook(lambda g: log.append(f"hook {g}"))
    return nothing(h.exp())


def node_hooked(x: Any) -> Any:
    h = x * 2
    h.grad_fn.register_prehook(lambda outputs: log.append(f"pre {outputs}"))
    h.grad_fn.register_hook(lambda inputs, outputs: log.append(f"post {inputs} {outputs}"))
    return nothing(h)


def hooked_output(x: Any) -> Any:
    first, second = both(x, x * 2)
    first.register_hook(lambda g: log.append(f"hook {g}"))
    return second


def taken_away(x: Any) -> Any:
    h = told_f(x) * 2
    h.grad_fn.register_hook(lambda inputs, outputs: (None, None))
    return h


def once_more(x: Any) -> Any:
    h = told_f(x)
    return nothing(h) + h


ZERO = ["F [0.0, 0.0]", "leaf [0.0, 0.0]", "after [0.0, 0.0]"]
NONE = ["leaf None", "after None"]
# Recorded from torch 2.13: what runs, and with what.
CASES: dict[str, tuple[Callable[[Any], Any], list[str]]] = {
    "a Function": (lambda x: nothing(told_f(x)), ZERO),
    "that wants no zeros": (lambda x: nothing(told("F", False)(x)), ["F None", *NONE]),
    "through operations": (lambda x: nothing((told_f(x) * 2 + 1).exp()), ZERO),
    "through a matrix product": (lambda x: nothing(told_f(x) @ torch.ones(2)), ZERO),
    "through several outputs": (lambda x: nothing(told_f(x).unbind()[0]), ZERO),
    "two Functions": (
        lambda x: nothing(told("G", False)((told_f(x) * 2).sin())),
        ["G None", *ZERO],
    ),
    "beside a gradient": (
        once_more,
        ["F [1.0, 1.0]", "leaf [1.0, 1.0]", "after [1.0, 1.0]"],
    ),
    "twice": (lambda x: (lambda h: nothing(h) + nothing(h * 2))(told_f(x)), ZERO),
    "one of two outputs": (
        lambda x: nothing(both(x, x * 2)[0]),
        ["Both [0.0, 0.0] [0.0, 0.0]", *ZERO[1:]],
    ),
    "one of two, beside a gradient": (
        lambda x: (lambda a: nothing(a[0]) + a[1])(both(x, x * 2)),
        ["Both [0.0, 0.0] [1.0, 1.0]", "leaf [2.0, 2.0]", "after [2.0, 2.0]"],
    ),
    "a hook on the other output": (
        hooked_output,
        ["hook None", "Both [0.0, 0.0] [1.0, 1.0]", "leaf [2.0, 2.0]", "after [2.0, 2.0]"],
    ),
    "a leaf": (nothing, NONE),
    "a hook": (hooked, ["hook None", *NONE]),
    "hooks of nodes": (node_hooked, ["pre (None,)", "post (None, None) (None,)", *NONE]),
    "a hook that gives None": (taken_away, ZERO),
    "a checkpoint": (lambda x: nothing(checkpoint(told_f, x, use_reentrant=False)), ZERO),
}


@pytest.mark.parametrize("mode", ["backward", "create_graph", "inputs", "anomaly"])
@pytest.mark.parametrize("case", CASES)
def test_what_runs(case: str, mode: str) -> None:
    function, want = CASES[case]
    log.clear()
    x = torch.ones(2, requires_grad=True)
    x.register_hook(lambda g: log.append(f"leaf {seen(g)}"))
    x.register_post_accumulate_grad_hook(lambda t: log.append(f"after {seen(t.grad)}"))
    out = function(x).sum()
    if mode == "create_graph":
        with pytest.warns(UserWarning, match="reference cycle"):
            out.backward(create_graph=True)
    elif mode == "inputs":
        out.backward(inputs=[x])
    else:
        with torch.autograd.set_detect_anomaly(mode == "anomaly"):
            out.backward()
    assert log == want
    assert f"after {seen(x.grad)}" == want[-1]


def test_grad_captures_zeros_or_none() -> None:
    x = torch.ones(2, requires_grad=True)
    z = told_f(x)
    (g,) = torch.autograd.grad(nothing(z * 2).sum(), x, retain_graph=True)
    assert g.tolist() == [0, 0]
    gz, gx = torch.autograd.grad(nothing(z).sum(), [z, x], allow_unused=True)
    assert gz is None and gx.tolist() == [0, 0]


def test_nothing_is_retained_and_values_are_freed() -> None:
    x = torch.ones(2, requires_grad=True)
    h = x.exp()
    h.retain_grad()
    out = nothing(h * h).sum()
    out.backward()
    assert h.grad is None and x.grad is None
    with pytest.raises(RuntimeError, match="second time"):
        (h * h).sum().backward()


def test_hooks_of_several_tensors_count_an_output_that_nothing_reached() -> None:
    x = torch.ones(3, requires_grad=True)
    first, second, _ = (x * 2).unbind()
    seen_together: list[Any] = []
    torch.autograd.graph.register_multi_grad_hook((first, second), seen_together.append)
    second.backward()
    assert seen_together == [[None, torch.tensor(1.0)]]
