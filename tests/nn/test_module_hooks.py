"""Hooks of Modules: what they see, what they may replace, and in which order they are called."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

import adjoint as torch
from adjoint import nn
from adjoint.nn.modules import module as shared

Log = list[Any]


def note(log: Log, name: str, value: Any = None) -> Callable[..., Any]:
    """A hook that notes its name."""

    def hook(*args: Any) -> Any:
        log.append(name)
        return value

    return hook


@pytest.fixture
def log() -> Log:
    return []


@pytest.fixture
def layer() -> nn.Linear:
    layer = nn.Linear(2, 2)
    with torch.no_grad():
        layer.weight.fill_(1.0)
        layer.bias.fill_(0.0)
    return layer


@pytest.fixture
def x() -> torch.Tensor:
    return torch.ones(1, 2, requires_grad=True)


def values(grads: Any) -> Any:
    return [None if g is None else g.tolist() for g in grads]


def test_backward_hooks_see_both_ends(layer, x, log) -> None:
    layer.register_full_backward_hook(
        lambda m, gi, go: log.append((m is layer, type(gi), values(gi), values(go)))
    )
    layer.register_full_backward_pre_hook(lambda m, go: (log.append(values(go)), (go[0] * 2,))[1])
    y = layer(x)
    y.sum().backward()
    assert log == [[[[1.0, 1.0]]], (True, tuple, [[[4.0, 4.0]]], [[[2.0, 2.0]]])]
    assert y.grad_fn.name() == "BackwardHookFunctionBackward"
    assert x.grad.tolist() == [[4.0, 4.0]]
    assert layer.weight.grad.tolist() == [[2.0, 2.0]] * 2


def test_backward_hooks_replace_one_after_the_other(layer, x) -> None:
    layer.register_full_backward_hook(lambda m, gi, go: (gi[0] * 10,))
    layer.register_full_backward_hook(lambda m, gi, go: (gi[0] + 1,))
    layer(x).sum().backward()
    assert x.grad.tolist() == [[21.0, 21.0]]


def test_wrong_numbers_of_gradients(layer, x) -> None:
    with layer.register_full_backward_hook(lambda m, gi, go: gi * 2):
        y = layer(x).sum()
    with pytest.raises(RuntimeError, match="invalid number of grad_input, got 2, but expected 1"):
        y.backward()
    with layer.register_full_backward_pre_hook(lambda m, go: go * 2):
        y = layer(x).sum()
    with pytest.raises(RuntimeError, match="invalid number of grad_output, got 2, but expected 1"):
        y.backward()


def test_without_inputs_that_need_gradients(layer, log) -> None:
    layer.register_full_backward_hook(lambda m, gi, go: log.append(gi))
    with pytest.warns(UserWarning, match="no inputs require gradients"):
        layer(torch.ones(1, 2)).sum().backward()
    assert log == [(None,)]
    assert layer.weight.grad is not None
    layer.register_full_backward_hook(lambda m, gi, go: (torch.ones(1, 2),))
    with (
        pytest.warns(UserWarning, match="no inputs require gradients"),
        pytest.raises(RuntimeError, match="should always return None"),
    ):
        layer(torch.ones(1, 2)).sum().backward()


def test_what_is_no_tensor_has_no_gradient(log) -> None:
    class Several(nn.Module):
        def forward(self, x: Any, y: Any, number: int, k: Any = None) -> Any:
            return x * 2, y * 3, 5

    several = Several()
    several.register_full_backward_hook(lambda m, gi, go: log.append((values(gi), values(go))))
    x, y = torch.ones(1, requires_grad=True), torch.ones(1)
    out = several(x, y, 7, k=1)
    assert type(out) is tuple
    assert out[2] == 5
    out[0].sum().backward()
    assert log == [([[2.0], [0.0], None], [[1.0], None, None])]


def test_outputs_in_other_structures_have_no_backward_hooks(log) -> None:
    class Nested(nn.Module):
        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"a": x * 2}

    nested = Nested()
    nested.register_full_backward_hook(note(log, "hook"))
    x = torch.ones(1, requires_grad=True)
    with pytest.warns(UserWarning, match="should be a Tensor or a tuple of Tensors"):
        out = nested(x)
    out["a"].backward()
    assert log == []
    assert x.grad.tolist() == [2.0]


def test_modules_with_hooks_do_not_write_in_place(log) -> None:
    relu = nn.ReLU(inplace=True)
    relu.register_full_backward_hook(note(log, "hook"))
    with pytest.raises(RuntimeError, match="is a view and is being modified inplace"):
        relu(torch.ones(1, requires_grad=True) * 1)


def test_double_backward_does_not_call_them_again(layer, x, log) -> None:
    layer.register_full_backward_hook(lambda m, gi, go: log.append(gi[0].requires_grad))
    (g,) = torch.autograd.grad((layer(x) ** 2).sum(), x, create_graph=True)
    assert log == [True]
    g.sum().backward()
    assert layer.weight.grad is not None


def test_nothing_is_attached_without_recording(layer, x, log) -> None:
    layer.register_full_backward_hook(note(log, "hook"))
    with torch.no_grad():
        assert layer(x).grad_fn is None
    plain = copy.deepcopy(layer)
    plain(x).sum().backward()
    assert log == ["hook"]


def test_order_in_a_network(log) -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    for name, part in [("0", model[0]), ("1", model[1]), ("all", model)]:
        part.register_forward_hook(note(log, "after " + name))
        part.register_forward_pre_hook(note(log, "before " + name))
        part.register_full_backward_hook(note(log, "back " + name))
        part.register_full_backward_pre_hook(note(log, "pre " + name))
    model(torch.ones(1, 2, requires_grad=True)).sum().backward()
    assert log[:6] == ["before all", "before 0", "after 0", "before 1", "after 1", "after all"]
    assert log[6:] == ["pre all", "pre 1", "back 1", "pre 0", "back 0", "back all"]


def test_prepended_hooks_come_first(layer, x, log) -> None:
    for name, prepend in [("b", False), ("a", True)]:
        layer.register_forward_hook(note(log, name), prepend=prepend)
        layer.register_forward_pre_hook(note(log, name), prepend=prepend)
        layer.register_full_backward_hook(note(log, name), prepend=prepend)
        layer.register_full_backward_pre_hook(note(log, name), prepend=prepend)
    layer(x).sum().backward()
    assert log == ["a", "b"] * 4


def test_shared_hooks_come_before_a_modules_own(layer, x, log) -> None:
    layer.register_forward_hook(note(log, "after"))
    layer.register_forward_pre_hook(note(log, "before"))
    layer.register_full_backward_hook(note(log, "back"))
    layer.register_full_backward_pre_hook(note(log, "pre"))
    handles = [
        shared.register_module_forward_hook(note(log, "all after")),
        shared.register_module_forward_pre_hook(note(log, "all before")),
        shared.register_module_full_backward_hook(note(log, "all back")),
        shared.register_module_full_backward_pre_hook(note(log, "all pre")),
    ]
    layer(x).sum().backward()
    for handle in handles:
        handle.remove()
    kinds = ["before", "after", "pre", "back"]
    assert log == [name for kind in kinds for name in ("all " + kind, kind)]
    log.clear()
    layer(x).sum().backward()
    assert log == kinds


def test_shared_forward_hooks_replace(layer, x) -> None:
    with shared.register_module_forward_pre_hook(lambda m, args: args[0] * 2):
        assert layer(x).tolist() == [[4.0, 4.0]]
    with shared.register_module_forward_hook(lambda m, args, kwargs, out: 0, with_kwargs=True):
        assert layer(x) == 0


class Failing(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise ValueError("in forward")


def test_some_hooks_are_always_called(x, log) -> None:
    failing = Failing()
    failing.register_forward_hook(note(log, "never"))
    failing.register_forward_hook(lambda m, a, o: log.append(("own", o)), always_call=True)
    failing.register_forward_hook(
        lambda m, a, k, o: log.append(("kwargs", k, o)), always_call=True, with_kwargs=True
    )
    with (
        shared.register_module_forward_hook(
            lambda m, a, o: log.append(("all", o)), always_call=True
        ),
        shared.register_module_forward_hook(note(log, "never")),
        pytest.raises(ValueError, match="in forward"),
    ):
        failing(x=x)
    assert [entry[0] for entry in log] == ["all", "own", "kwargs"]
    assert log[2][1]["x"] is x
    assert log[2][2] is None


def test_after_an_error_in_a_hook(x, log) -> None:
    def broken(*args: Any) -> None:
        log.append("broken")
        raise KeyError("in hook")

    identity = nn.Identity()
    identity.register_forward_hook(broken, always_call=True)
    identity.register_forward_hook(note(log, "always"), always_call=True)
    identity.register_forward_hook(note(log, "plain"))
    with pytest.raises(KeyError, match="in hook"):
        identity(x)
    assert log == ["broken", "always"]
    failing = Failing()
    failing.register_forward_hook(broken, always_call=True)
    with (
        pytest.warns(UserWarning, match="silenced as another error was raised in forward"),
        pytest.raises(ValueError, match="in forward"),
    ):
        failing(x)


def test_pre_hooks_with_keyword_arguments(layer, x) -> None:
    with layer.register_forward_pre_hook(
        lambda m, args, kwargs: (args, {"input": kwargs["input"] * 2}), with_kwargs=True
    ):
        assert layer(input=x).tolist() == [[4.0, 4.0]]
    with (
        layer.register_forward_pre_hook(lambda m, args, kwargs: args, with_kwargs=True),
        pytest.raises(RuntimeError, match="must return None or a tuple of"),
    ):
        layer(x)


def test_the_older_backward_hook(x, log) -> None:
    tanh = nn.Tanh()
    tanh.register_backward_hook(lambda m, gi, go: log.append((values(gi), values(go))))
    tanh(x * 0).sum().backward()
    assert log == [([[[1.0, 1.0]]], [[[1.0, 1.0]]])]
    chain = nn.Sequential(nn.Tanh(), nn.Tanh())
    chain.register_backward_hook(note(log, "chain"))
    with pytest.warns(FutureWarning, match="multiple autograd Nodes"):
        chain(x * 0).sum().backward()
    assert log[1:] == ["chain"]


def test_the_two_kinds_of_backward_hook_do_not_mix(layer) -> None:
    layer.register_full_backward_hook(print)
    with pytest.raises(RuntimeError, match="Cannot use both regular backward hooks and full"):
        layer.register_backward_hook(print)
    with (
        shared.register_module_backward_hook(print),
        pytest.raises(RuntimeError, match="as a global Module hook"),
    ):
        shared.register_module_full_backward_hook(print)


def test_registration_hooks(log) -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Identity()
            self.w = nn.Parameter(torch.ones(1))
            self.register_buffer("b", torch.ones(1))
            self.register_parameter("nothing", None)
            self.add_module("empty", None)
            self.b = torch.zeros(1)
            self.inner = None

    with (
        shared.register_module_parameter_registration_hook(
            lambda m, name, p: (log.append(name), nn.Parameter(p * 0 + 5))[1]
        ),
        shared.register_module_buffer_registration_hook(lambda m, name, b: log.append(name)),
        shared.register_module_module_registration_hook(lambda m, name, c: log.append(name)),
    ):
        model = Model()
    assert log == ["inner", "w", "b", "empty", "b", "inner"]
    assert model.w.tolist() == [5.0]


def test_modules_with_hooks_can_be_copied(layer, x, log) -> None:
    layer.register_full_backward_hook(note(log, "hook"))
    twin = copy.deepcopy(layer)
    twin(x).sum().backward()
    assert log == ["hook"]


def test_torch_s_address_has_every_module() -> None:
    assert nn.modules.Linear is nn.Linear
    with pytest.raises(AttributeError, match=r"no torch\.nn\.modules\.Nothing"):
        _ = nn.modules.Nothing


def test_the_warning_of_a_hook_without_inputs_names_the_line_that_asked_for_gradients() -> None:
    layer = nn.Linear(2, 2)
    layer.register_full_backward_hook(lambda *_: None)
    out = layer(torch.ones(1, 2)).sum()
    with pytest.warns(UserWarning, match="no inputs require gradients") as warned:
        out.backward()
    assert [w.filename for w in warned] == [__file__]
