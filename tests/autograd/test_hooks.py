"""Hooks: order, replacement, removal, and retained gradients."""

from __future__ import annotations

import pytest

import adjoint as torch


@pytest.fixture
def x() -> torch.Tensor:
    return torch.tensor([1.0, 2.0], requires_grad=True)


def test_tensor_hooks_run_in_order_and_may_replace(x) -> None:
    y = x * 3
    seen = []
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.sum().backward()
    assert seen == [[1.0, 1.0], [10.0, 10.0]]
    assert x.grad.tolist() == [30.0, 30.0]


def test_leaf_hooks_see_the_whole_gradient_once(x) -> None:
    seen = []
    x.register_hook(lambda g: seen.append(g.tolist()))
    (x * 2 + x * 3).sum().backward()
    assert seen == [[5.0, 5.0]]


def test_removed_hooks_do_not_run(x) -> None:
    handle = x.register_hook(lambda g: g * 0)
    handle.remove()
    handle.remove()
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]
    with x.register_hook(lambda g: g * 0):
        (x * 2).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_a_hook_of_wrong_shape_is_refused(x) -> None:
    y = x * 3
    y.register_hook(lambda g: torch.ones(5))
    with pytest.raises(RuntimeError, match="changed the size"):
        y.sum().backward()
    assert x.grad is None


def test_hooks_need_requires_grad() -> None:
    with pytest.raises(RuntimeError, match="doesn't require gradient"):
        torch.ones(2).register_hook(print)


def test_retain_grad_keeps_the_value_after_hooks(x) -> None:
    y = x * 3
    y.retain_grad()
    y.register_hook(lambda g: g * 10)
    y.sum().backward()
    assert y.retains_grad
    assert y.grad.tolist() == [10.0, 10.0]


def test_grad_of_a_non_leaf_warns(x) -> None:
    y = x * 2
    y.sum().backward()
    with pytest.warns(UserWarning, match="not a leaf Tensor"):
        assert y.grad is None


def test_node_hooks(x) -> None:
    y = x * 3
    seen = []
    y.grad_fn.register_prehook(lambda outputs: seen.append("pre"))
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append("post"))
    y.register_hook(lambda g: seen.append("tensor"))
    y.sum().backward()
    assert seen == ["tensor", "pre", "post"]


def test_node_hooks_may_replace(x) -> None:
    y = x * 3
    y.grad_fn.register_prehook(lambda outputs: (outputs[0] * 2,))
    y.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] + 1, None))
    y.sum().backward()
    assert x.grad.tolist() == [7.0, 7.0]


def test_post_accumulate_hooks(x) -> None:
    seen = []
    x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.tolist()))
    (x * 2).sum().backward()
    assert seen == [[2.0, 2.0]]
    with pytest.raises(RuntimeError, match="non-leaf"):
        (x * 2).register_post_accumulate_grad_hook(print)


def test_a_failing_hook_leaves_grad_mode_on(x) -> None:
    y = x * 3

    def fail(g):
        raise KeyError("mine")

    y.register_hook(fail)
    with pytest.raises(KeyError, match="mine"):
        y.sum().backward()
    assert torch.is_grad_enabled()
