"""Corners where random programs found the engine to differ; each fact was read off torch 2.13."""

from __future__ import annotations

import pytest

import adjoint as torch


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(values, requires_grad=True)


def unrecorded_view(x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return x[:1]


def test_a_view_made_without_recording_requires_grad_and_leads_nowhere() -> None:
    x = leaf(1.0, 2.0)
    v = unrecorded_view(x)
    assert v.requires_grad and v.is_leaf
    assert v.requires_grad_(False).requires_grad  # its base's, not its own
    (v * 2).backward()
    assert v.grad is None and x.grad is None
    assert torch.autograd.grad(v * 2, v, allow_unused=True) == (None,)
    with pytest.raises(RuntimeError, match="does not require grad"):
        v.backward()


def test_such_a_view_may_be_asked_to_require_grad_itself() -> None:
    x = leaf(1.0, 2.0)
    v = unrecorded_view(x).requires_grad_()
    (v * 2).backward()
    assert v.grad.tolist() == [2.0] and x.grad is None


def test_such_a_view_has_no_history_once_its_base_was_written() -> None:
    y = leaf(1.0, 2.0) * 1
    v = unrecorded_view(y)
    y.mul_(2)
    assert v.requires_grad  # asking this much is allowed
    with pytest.raises(RuntimeError, match="created in no_grad mode and its base"):
        _ = v.grad_fn
    with pytest.raises(RuntimeError, match="created in no_grad mode and its base"):
        v * 2
    with torch.no_grad():
        assert (v * 2).tolist() == [4.0]


def test_one_of_several_views_has_no_history_once_its_base_was_written() -> None:
    y = leaf(1.0, 2.0) * 1
    first, _ = y.unbind()
    y.mul_(2)
    with pytest.raises(RuntimeError, match="returns multiple views"):
        _ = first.grad_fn


def test_a_leaf_that_needs_no_gradient_any_more_gets_none() -> None:
    x = leaf(1.0)
    y = x * 2
    x.requires_grad_(False)
    y.backward()
    assert x.grad is None


def test_a_leaf_that_was_moved_into_the_graph_is_refused() -> None:
    x, w = leaf(1.0), leaf(3.0)
    y = x * 2
    x.requires_grad_(False).mul_(w)
    with pytest.raises(RuntimeError, match="moved into the graph interior"):
        y.backward()


def test_a_retained_gradient_is_that_of_the_written_value() -> None:
    y = leaf(1.0, 1.0) * 1
    y.retain_grad()
    y.mul_(3)
    y.sum().backward()
    assert y.grad.tolist() == [1.0, 1.0]


def test_inputs_of_backward_retain_their_gradient() -> None:
    y = leaf(1.0) * 2
    (y * 3).backward(inputs=[y], retain_graph=True)
    assert y.retains_grad and y.grad.tolist() == [3.0]


def test_prehooks_do_not_touch_what_is_captured() -> None:
    x = leaf(1.0)
    y = x * 2
    y.grad_fn.register_prehook(lambda grads: (grads[0] * 100,))
    assert torch.autograd.grad(y * 3, y, retain_graph=True)[0].tolist() == [3.0]
    assert torch.autograd.grad(y * 3, x)[0].tolist() == [600.0]


def test_what_a_node_hook_gives_or_keeps_is_not_taken_over_by_a_leaf() -> None:
    x, mine, kept = leaf(1.0), torch.tensor([5.0]), []
    y = x + 0
    y.grad_fn.register_hook(lambda grads, _: kept.append(grads[0]))
    y.grad_fn.register_hook(lambda grads, _: (mine, *grads[1:]))
    y.backward()
    x.grad.add_(1)
    assert mine.tolist() == [5.0] and kept[0].tolist() == [1.0]


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (lambda grads: grads[0], TypeError, "expected tuple"),
        (lambda grads: (grads[0],), RuntimeError, "incorrect number of values"),
    ],
)
def test_what_node_hooks_may_not_return(answer, error, words) -> None:
    y = leaf(1.0) * 2
    y.grad_fn.register_hook(lambda grads, _: answer(grads))
    with pytest.raises(error, match=words):
        y.backward()


def test_a_hook_may_not_change_the_dtype() -> None:
    y = leaf(1.0) * 2
    y.register_hook(lambda grad: grad.double())
    with pytest.raises(RuntimeError, match="changed the type of value"):
        y.backward()


def test_a_recorded_gradient_is_not_the_users_own_tensor() -> None:
    x, given = leaf(1.0), torch.ones(1)
    with pytest.warns(UserWarning, match="reference cycle"):
        x.backward(given, create_graph=True)
    with torch.no_grad():
        x.grad.zero_()
    assert given.tolist() == [1.0]


def test_one_gradient_for_two_inputs_is_one_tensor() -> None:
    x, y = leaf(1.0), leaf(2.0)
    first, second = torch.autograd.grad(x + y, [x, y])
    assert first is second


def test_grad_of_nothing_is_refused() -> None:
    with pytest.raises(RuntimeError, match="cannot be empty"):
        torch.autograd.grad(leaf(1.0), [])


@pytest.mark.parametrize("make", [lambda x: x / x, torch.erfinv])
def test_results_may_be_overwritten_where_torch_lets_them(make) -> None:
    y = make(leaf(0.5))
    y.mul_(2)
    y.backward()


def test_a_value_cut_in_place_is_refused_where_its_history_is_needed() -> None:
    x = leaf(2.0)
    y = x * x
    z = y * y
    y.detach_()
    with pytest.raises(RuntimeError, match="detached in-place"):
        torch.autograd.grad(z, x, create_graph=True)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: torch.softmax(x[0, 0], 0),
        lambda x: torch.sort(x[0, 0]).values,
        lambda x: torch.quantile(x, 0.5),
        lambda x: torch.kron(x, x),
        lambda x: torch.ones(2, 2, 2) @ x[0],
    ],
)
def test_results_are_no_views_of_what_made_them(make) -> None:
    x = torch.rand(2, 2)
    with torch.no_grad():
        result = make(x)
    assert not result._is_view()
    result.mul_(leaf(2.0).sum())  # refused of a view that was made without recording
    assert result.requires_grad


def test_ravel_copies_what_is_not_contiguous() -> None:
    x = torch.zeros(2, 3)
    x[:, 0].ravel().add_(1)
    assert x.sum() == 0


def test_an_empty_dimension_has_no_parts() -> None:
    assert torch.zeros(2, 0, requires_grad=True).unbind(1) == ()
