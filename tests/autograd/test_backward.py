"""backward and grad: accumulation, arguments, freeing, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as torch


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(values, requires_grad=True)


def test_gradients_accumulate_in_place() -> None:
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    first = x.grad
    (3 * x).sum().backward()
    assert x.grad is first
    assert x.grad.tolist() == [5.0, 7.0]


def test_a_gradient_never_shares_memory_with_what_the_user_passed() -> None:
    x = leaf(1.0, 2.0)
    v = torch.tensor([1.0, 1.0])
    (x + 0).backward(v)
    x.grad.add_(5)
    assert v.tolist() == [1.0, 1.0]


def test_two_leaves_of_one_sum_do_not_share_their_gradient() -> None:
    x, y = leaf(1.0), leaf(2.0)
    (x + y).backward(torch.ones(1))
    x.grad.mul_(10)
    assert y.grad.item() == 1.0


def test_retain_graph_allows_a_second_pass() -> None:
    x = leaf(3.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 12.0


def test_second_backward_without_saved_values_is_allowed() -> None:
    x = leaf(3.0)
    y = (x + 1).sum()
    y.backward()
    y.backward()
    assert x.grad.item() == 2.0


def test_second_backward_names_the_line_that_made_the_freed_values() -> None:
    x = leaf(3.0)
    y = (x * x).sum()  # the line to be named
    y.backward()
    with pytest.raises(RuntimeError, match="a second time") as caught:
        y.backward()
    assert "the line to be named" in str(caught.value)
    assert "retain_graph=True" in str(caught.value)
    assert x.grad.item() == 6.0


def test_retain_variables_is_the_old_name() -> None:
    x = leaf(3.0)
    y = (x * x).sum()
    with pytest.warns(DeprecationWarning, match="retain_graph"):
        y.backward(retain_variables=True)
    y.backward()
    assert x.grad.item() == 12.0


def test_backward_of_a_vector_needs_a_gradient() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match="only for scalar outputs") as caught:
        (x * 2).backward()
    assert "[2]" in str(caught.value)
    assert x.grad is None


def test_backward_without_any_graph() -> None:
    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        torch.ones(1).backward()


@pytest.mark.parametrize(
    ("gradient", "error", "words"),
    [
        (lambda: torch.ones(3), RuntimeError, "Mismatch in shape"),
        (lambda: 1.0, TypeError, "Tensors or None"),
        (lambda: torch.ones(2, dtype=torch.complex64), RuntimeError, "complex"),
    ],
)
def test_wrong_gradients_change_nothing(gradient, error, words) -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(error, match=words):
        (x * 2).backward(gradient())
    assert x.grad is None


def test_inputs_restrict_accumulation() -> None:
    x, y = leaf(2.0), leaf(3.0)
    (x * y).sum().backward(inputs=[x])
    assert x.grad.item() == 3.0
    assert y.grad is None


def test_inputs_may_be_inner_tensors() -> None:
    x = leaf(2.0)
    y = x * x
    (y * 3).sum().backward(inputs=[y])
    assert y.grad.item() == 3.0
    assert x.grad is None


def test_empty_inputs_are_refused() -> None:
    with pytest.raises(RuntimeError, match="cannot be empty"):
        (leaf(1.0) * 2).sum().backward(inputs=[])


def test_grad_returns_and_does_not_accumulate() -> None:
    x = leaf(3.0)
    (g,) = torch.autograd.grad((x * x).sum(), x)
    assert g.item() == 6.0
    assert x.grad is None


def test_grad_of_an_inner_tensor() -> None:
    x = leaf(3.0)
    y = x * x
    dy, dx = torch.autograd.grad((y * y).sum(), [y, x])
    assert dy.item() == 18.0
    assert dx.item() == 108.0


def test_grad_of_unused_inputs() -> None:
    x, y = leaf(3.0), leaf(1.0, 2.0)
    out = (x * x).sum()
    with pytest.raises(RuntimeError, match="allow_unused=True"):
        torch.autograd.grad(out, [x, y], retain_graph=True)
    assert torch.autograd.grad(out, [x, y], retain_graph=True, allow_unused=True)[1] is None
    zeros = torch.autograd.grad(out, [x, y], materialize_grads=True)[1]
    assert zeros.tolist() == [0.0, 0.0]


def test_grad_takes_and_gives_dicts() -> None:
    x = leaf(3.0)
    found = torch.autograd.grad((x * x).sum(), {"x": x})
    assert found["x"].item() == 6.0


def test_grad_needs_a_floating_root() -> None:
    with pytest.raises(TypeError):
        torch.autograd.grad("loss", leaf(1.0))


def test_is_grads_batched_stacks_rows() -> None:
    x = leaf(1.0, 2.0)
    y = x * x
    (rows,) = torch.autograd.grad(y, x, torch.eye(2), is_grads_batched=True)
    assert rows.tolist() == [[2.0, 0.0], [0.0, 4.0]]


def test_create_graph_gives_second_derivatives() -> None:
    x = leaf(2.0)
    (g,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x, create_graph=True)
    (k,) = torch.autograd.grad(h.sum(), x)
    assert (g.item(), h.item(), k.item()) == (12.0, 12.0, 6.0)


def test_backward_with_create_graph_warns_of_the_cycle() -> None:
    x = leaf(2.0)
    with pytest.warns(UserWarning, match="reference cycle"):
        (x**3).sum().backward(create_graph=True)
    assert x.grad.requires_grad
    x.grad = None


def test_broadcasting_is_undone() -> None:
    x = torch.ones(3, 1, requires_grad=True)
    y = torch.ones(4, requires_grad=True)
    (x * y).sum().backward()
    assert x.grad.tolist() == [[4.0]] * 3
    assert y.grad.tolist() == [3.0] * 4


def test_promotion_is_undone() -> None:
    x = torch.ones(2, requires_grad=True)
    y = torch.ones(2, dtype=torch.float64, requires_grad=True)
    out = x * y
    assert out.dtype == torch.float64
    out.sum().backward()
    assert x.grad.dtype == torch.float32
    assert y.grad.dtype == torch.float64


def test_edges_are_taken_when_the_operation_runs() -> None:
    x = leaf(2.0)
    y = x * 3
    z = y * 5
    y.add_(100)  # y has another history now; z's is what it was
    z.sum().backward()
    assert x.grad.item() == 15.0


def test_backward_follows_descending_sequence() -> None:
    x = leaf(1.0)
    order = []
    y = x * 2
    z = x * 3
    y.register_hook(lambda g: order.append("y"))
    z.register_hook(lambda g: order.append("z"))
    (z + y).sum().backward()
    assert order == ["z", "y"]


def test_grad_setter_checks() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match="size"):
        x.grad = torch.ones(3)
    with pytest.raises(RuntimeError, match="type"):
        x.grad = torch.ones(2, dtype=torch.float64)
    with pytest.raises(TypeError):
        x.grad = 1.0
    with pytest.raises(RuntimeError, match="own grad"):
        x.grad = x
    assert x.grad is None


def test_numpy_warnings_as_errors_do_not_break_rules() -> None:
    import warnings

    x = leaf(0.0, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.log(x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [np.inf, 1.0])


def test_next_functions_and_names() -> None:
    x = leaf(1.0)
    y = x * 2 + x
    assert y.grad_fn.name() == "AddBackward0"
    (mul, number), (acc, _) = y.grad_fn.next_functions
    assert (type(mul).__name__, number) == ("MulBackward0", 0)
    assert type(acc).__name__ == "AccumulateGrad"
    assert acc.variable is x
    assert mul.next_functions[1] == (None, 0)
    assert repr(mul).startswith("<MulBackward0 object at 0x")


def test_saved_values_by_name() -> None:
    x, y = leaf(2.0), leaf(3.0)
    node = (x * y).grad_fn
    assert node._saved_self is x
    assert node._saved_other is y
    with pytest.raises(AttributeError, match="keeps no 'out'; it keeps y, x"):
        node._saved_result
    with pytest.raises(AttributeError):
        node._saved_nothing


class _Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, ct: Any) -> Any:
        return 3 * ct * ctx.saved_tensors[0] ** 2


@pytest.mark.parametrize("operation", [torch.exp, _Cube.apply])
@pytest.mark.parametrize(
    "first",
    [
        "y.backward()",
        "y.backward(torch.tensor(1.0))",
        "torch.autograd.backward([y])",
        "torch.autograd.grad(y, x)",
        "torch.autograd.grad(y, x, create_graph=True, retain_graph=False)",
        "(y * 2).sum().backward()",
    ],
)
def test_a_freed_graph_names_the_line_that_freed_it(operation: Any, first: str) -> None:
    x = torch.tensor(2.0, requires_grad=True)
    scope = {"torch": torch, "x": x, "y": operation(x)}
    for kept in range(2):
        exec(compile("y.backward(retain_graph=True)", f"kept{kept}.py", "exec"), scope)
    exec(compile(f"\n\n{first}", "freeing.py", "exec"), scope)
    with pytest.raises(RuntimeError, match=r"were freed by backward at freeing\.py:3"):
        scope["y"].backward()


def test_warnings_that_are_errors_do_not_stop_or_double_what_is_added() -> None:
    inf = torch.inf
    x = leaf(1.0, 2.0)
    y = x * 1
    (y * torch.tensor([inf, 1.0]) + y * torch.tensor([-inf, 1.0])).sum().backward()
    assert x.grad.isnan().tolist() == [True, False] and x.grad[1] == 2
    for factor in (inf, -inf):  # accumulated in place: inf - inf at the second
        x.grad = None if factor > 0 else x.grad
        (x * torch.tensor([factor, 3.0])).sum().backward()
    assert x.grad[0].isnan() and x.grad[1] == 6
    (slope,) = torch.autograd.grad((y * inf + y * -inf).sum(), y, create_graph=True)
    assert slope.isnan().all()
