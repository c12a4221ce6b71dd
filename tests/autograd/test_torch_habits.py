"""Habits of torch 2.13 that no other test looks at, each as it was seen there."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

import adjoint as torch
from adjoint.autograd.graph import register_multi_grad_hook

F = torch.nn.functional


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(values, requires_grad=True)


# Views made without recording, of what requires grad: they lead nowhere.


def unrecorded_view(x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return x[:1]


def test_what_meets_an_unrecorded_view_is_not_saved_for_it() -> None:
    x, other = leaf(1.0, 2.0), torch.tensor([5.0])
    y = unrecorded_view(x) * other
    assert y.requires_grad
    assert [node for node, _ in y.grad_fn.next_functions] == [None, None]
    other.add_(1)  # nothing needs its old value
    y.sum().backward()
    assert x.grad is None


def test_the_other_operand_of_an_unrecorded_view_gets_its_gradient() -> None:
    x, w = leaf(3.0, 2.0), leaf(1.0)
    (torch.cat([unrecorded_view(x) * w, w]) * 2).sum().backward()
    assert w.grad.tolist() == [8.0]
    assert x.grad is None


def test_an_unrecorded_view_in_an_operation_of_many_inputs() -> None:
    x = leaf(1.0, 2.0)
    torch.stack([unrecorded_view(x), x[1:], unrecorded_view(x)]).sum().backward()
    assert x.grad.tolist() == [0.0, 1.0]


# A gradient that a graph has saved.


def test_accumulation_is_seen_by_a_graph_that_saved_the_gradient() -> None:
    x, w = leaf(1.0), leaf(1.0)
    x.sum().backward()
    y = w * x.grad
    x.sum().backward()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_accumulation_goes_into_a_gradient_that_has_a_history() -> None:
    x = leaf(1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (x * x).sum().backward(create_graph=True)
    first = x.grad
    x.sum().backward()
    assert x.grad is first
    assert (first.tolist(), first.requires_grad, first._version) == ([3.0], True, 1)


# Expanded tensors.


@pytest.mark.parametrize("write", [lambda e: e.fill_(2), lambda e: e.zero_()])
def test_one_value_may_be_written_to_an_expanded_tensor(write: Callable[..., Any]) -> None:
    x = leaf(1.0, 2.0)
    base = x * 3
    expanded = base.expand(2, 2)
    write(expanded)
    assert expanded[0].tolist() == expanded[1].tolist() == base.tolist()
    (base.sum() + expanded.sum()).backward()
    assert x.grad.tolist() == [0.0, 0.0]


@pytest.mark.filterwarnings("ignore:Use of .* on expanded tensors is deprecated")
@pytest.mark.parametrize(
    "write",
    [
        lambda e: e.__setitem__(torch.tensor([0]), 7.0),
        lambda e: e.__setitem__(torch.tensor([True, False]), 7.0),
        lambda e: e.index_fill_(0, torch.tensor([0]), 7.0),
        lambda e: e.index_put_((torch.tensor([0]),), torch.tensor(7.0)),
        lambda e: e.masked_fill_(torch.tensor([[True], [False]]), 7.0),
    ],
)
def test_what_is_written_at_an_index_wins_in_an_expanded_tensor(write: Callable[..., Any]) -> None:
    base = torch.tensor([1.0, float("nan")])
    write(base.expand(2, 2))
    assert base.tolist() == [7.0, 7.0]


def test_an_index_write_to_an_expanded_tensor_warns() -> None:
    with pytest.warns(UserWarning, match="Use of index_put_ on expanded tensors"):
        torch.zeros(2).expand(2, 2)[torch.tensor([0])] = 1.0


@pytest.mark.filterwarnings("ignore:Use of .* on expanded tensors is deprecated")
def test_a_recorded_index_write_to_an_expanded_tensor_is_refused() -> None:
    expanded = torch.zeros(2).expand(2, 2)
    with pytest.raises(RuntimeError, match="refer to a single memory location"):
        expanded.index_put_((torch.tensor([0]),), leaf(1.0, 2.0))
    assert (expanded.tolist(), expanded._version) == ([[0.0, 0.0]] * 2, 0)
    with pytest.raises(RuntimeError, match="refer to a single memory location"):
        expanded[...] = 1.0


# Results that are never views, whatever their composition.


@pytest.mark.parametrize(
    "operation",
    [
        lambda x: F.pixel_unshuffle(x, 2),
        lambda x: F.pixel_shuffle(x.reshape(1, 16, 1, 1), 1),
        lambda x: F.channel_shuffle(x, 1),
        lambda x: F.interpolate(x, scale_factor=1),
        lambda x: F.interpolate(x, size=(3, 3), mode="bilinear"),
        lambda x: F.unfold(x, (1, 1)),
        lambda x: F.unfold(x[0], (1, 1)),
        lambda x: F.fold(x[0].reshape(16, 1), (2, 2), (2, 2)),
        lambda x: F.avg_pool2d(x[0], 1),
        lambda x: F.adaptive_avg_pool2d(x[0], 2),
        lambda x: F.adaptive_max_pool2d(x[0], 2),
        lambda x: torch.linalg.solve(torch.eye(2), x[0, 0, 0]),
        lambda x: x.sum_to_size(1, 4, 1, 1),
    ],
)
def test_the_result_is_no_view(operation: Callable[..., Any]) -> None:
    x = torch.arange(16.0).reshape(1, 4, 2, 2)
    before = x.tolist()
    result = operation(x)
    assert not result._is_view()
    result.fill_(-1)
    assert x.tolist() == before


def test_einsum_of_one_operand_is_a_view_of_it() -> None:
    x = torch.ones(2, 2)
    result = torch.einsum("ij->ij", x)
    assert result is not x and result._base is x


def test_asarray_keeps_the_history_of_a_tensor() -> None:
    x = leaf(1.0)
    with pytest.warns(UserWarning, match="unspecified requires_grad"):
        assert torch.asarray(x) is x
    assert torch.asarray(x, requires_grad=True) is x
    assert not torch.asarray(x, requires_grad=False).requires_grad
    plain = torch.ones(1)
    assert torch.asarray(plain, requires_grad=True) is plain and plain.requires_grad


# backward(inputs=).


def test_a_node_whose_gradient_is_asked_for_runs() -> None:
    x, seen = leaf(2.0), []
    y = x * x
    y.grad_fn.register_prehook(lambda grads: seen.append("pre"))
    y.grad_fn.register_hook(lambda *grads: seen.append("post"))
    y.sum().backward(inputs=[y])
    assert (seen, y.grad.tolist(), x.grad) == (["pre", "post"], [1.0], None)
    with pytest.raises(RuntimeError, match="a second time"):
        y.sum().backward()


def test_inputs_of_backward_may_be_a_dict() -> None:
    x, y = leaf(2.0), leaf(3.0)
    (x * y).sum().backward(inputs={"x": x})
    assert (x.grad.tolist(), y.grad) == ([3.0], None)


def test_roots_of_backward_may_come_from_a_generator() -> None:
    x = leaf(2.0)
    torch.autograd.backward(t.sum() for t in (x, x * 2))
    assert x.grad.tolist() == [3.0]


# Hooks of nodes.


def test_a_prehook_may_take_the_gradient_away() -> None:
    x = leaf(2.0)
    y = x * 3
    y.grad_fn.register_prehook(lambda grads: (None,))
    y.sum().backward()
    assert x.grad is None


def test_a_posthook_is_given_a_place_for_every_output() -> None:
    seen = []
    a, b = leaf(1.0, 2.0).unbind()
    a.grad_fn.register_hook(lambda _, grads: seen.append([g is not None for g in grads]))
    b.backward()
    assert seen == [[False, True]]


def test_a_posthook_sees_gradients_as_they_arrive() -> None:
    x, w = torch.ones(3, 2, requires_grad=True), leaf(1.0, 2.0)
    seen = []
    y = x + w
    y.grad_fn.register_hook(lambda grads, _: seen.append([tuple(g.shape) for g in grads]))
    y.sum().backward()
    assert seen == [[(3, 2), (2,)]]


@pytest.mark.parametrize(
    ("returned", "error"),
    [
        (lambda g: (g[:1], None), "changed the size"),
        (lambda g: (g.double(), None), "changed the type"),
        (lambda g: (g, g), "None gradient"),
        (lambda g: (g,), "incorrect number of values"),
    ],
)
def test_what_a_posthook_returns_is_checked(returned: Callable[..., Any], error: str) -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    y.grad_fn.register_hook(lambda grads, _: returned(grads[0]))
    with pytest.raises(RuntimeError, match=error):
        y.sum().backward()


# Custom Functions.


class Doubled(torch.autograd.Function):
    """Doubles its input in place."""

    keeps = True

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.mark_dirty(x.mul_(2))
        if not Doubled.keeps:
            ctx.mark_non_differentiable(x)
        return x

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        return grad * 2


def test_a_dirty_input_comes_back_detached_where_nothing_is_recorded() -> None:
    x = leaf(1.0)
    with torch.no_grad():
        y = Doubled.apply(x)
    assert (y.requires_grad, x.requires_grad, x.tolist(), x._version) == (False, True, [2.0], 2)


def test_a_dirty_input_that_has_no_derivative_comes_back_detached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Doubled, "keeps", False)
    x = leaf(1.0) * 1
    y = Doubled.apply(x)
    assert (y.requires_grad, y.tolist(), x.grad_fn.name()) == (False, [2.0], "MulBackward0")


def test_what_is_marked_dirty_has_to_be_returned() -> None:
    class Other(Doubled):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            ctx.mark_dirty(torch.ones(1))
            return x * 1

    with pytest.raises(RuntimeError, match="marked as dirty"):
        Other.apply(leaf(1.0))


# Graph objects, inference tensors, `.data`.


def test_names_of_the_nodes_that_torch_keeps_in_a_namespace() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1
    assert y.grad_fn.next_functions[0][0].name() == "torch::autograd::AccumulateGrad"
    y[:1] = 0
    assert y.grad_fn.name() == "torch::autograd::CopySlices"
    assert repr(y) == "tensor([0., 2.], grad_fn=<CopySlices>)"


def test_saved_values_have_torchs_names() -> None:
    x, w = torch.ones(2, 2, requires_grad=True), leaf(1.0, 2.0)
    assert torch.equal((x @ x).grad_fn._saved_mat2, x)
    assert torch.equal((x @ w).grad_fn._saved_vec, w)
    assert torch.equal(w.dot(w).grad_fn._saved_tensor, w)
    assert torch.equal((w**w).grad_fn._saved_exponent, w)
    assert x.sum(0).grad_fn._saved_self_sym_sizes == (2, 2)


def test_inference_tensors_have_no_version_but_keep_their_kind() -> None:
    with torch.inference_mode():
        t = torch.ones(2)
        x = torch.ones(2)[:1]
    with pytest.raises(RuntimeError, match="do not track version counter"):
        _ = t._version
    assert t.data.is_inference() and x.is_inference()


def test_a_view_made_in_inference_mode_is_named_so() -> None:
    x = leaf(1.0, 2.0) * 1
    with torch.inference_mode():
        view = x[:1]
    with pytest.raises(RuntimeError, match="A view was created in inference mode"):
        view.add_(1)


def test_data_of_what_requires_grad_stays_floating() -> None:
    x = leaf(1.0)
    with pytest.raises(RuntimeError, match="must be floating point or complex"):
        x.data = torch.tensor([1])
    assert x.dtype is torch.float32


def test_multi_grad_hook_on_the_result_itself() -> None:
    x, seen = leaf(1.0), []
    y = x * 2
    register_multi_grad_hook((x, y), lambda grads: seen.append([g.tolist() for g in grads]))
    y.backward(torch.ones(1))
    assert seen == [[[2.0], [1.0]]]


# Second derivatives that are zero, not absent.


@pytest.mark.parametrize(
    "operation",
    [
        lambda x: F.max_pool2d(x, 2),
        lambda x: F.max_pool1d(x[0], 2),
        lambda x: F.avg_pool2d(x, 2),
        lambda x: F.adaptive_avg_pool2d(x, 2),
        lambda x: F.nll_loss(x, torch.zeros(1, 4, 4, dtype=torch.int64)),
    ],
)
def test_the_gradient_of_a_pooling_depends_on_its_input_by_zero(
    operation: Callable[..., Any],
) -> None:
    x = torch.arange(32.0).sin().reshape(1, 2, 4, 4).requires_grad_()
    w = leaf(3.0)
    (first,) = torch.autograd.grad(operation(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    assert second.shape == x.shape and not second.any()
    (first,) = torch.autograd.grad((operation(x) * w).sum(), x, create_graph=True)
    second, by_w = torch.autograd.grad((first * first).sum(), [x, w])
    assert not second.any()
    torch.testing.assert_close(by_w, 2 * (first.detach() ** 2).sum().reshape(1) / 3)


@pytest.mark.parametrize(
    "operation",
    [
        lambda x: F.mse_loss(x, x),
        lambda x: F.huber_loss(x, x),
        lambda x: F.nll_loss(x, torch.tensor([0])),
        lambda x: F.binary_cross_entropy_with_logits(x, x),
        lambda x: F.cosine_similarity(x, x),
        lambda x: F.max_pool1d(x, 1),
        lambda x: F.avg_pool1d(x, 1),
        lambda x: F.interpolate(x[None], scale_factor=2),
        torch.unique,
    ],
)
def test_complex_numbers_are_refused_where_torch_does(operation: Callable[..., Any]) -> None:
    with pytest.raises((NotImplementedError, RuntimeError), match=r"complex|Complex"):
        operation(torch.tensor([[1 + 1j, 2.0]]))


# What random programs found.


class Same(torch.autograd.Function):
    """Returns its input as it is."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        return grad * 7


class Halves(torch.autograd.Function):
    """Two views of its input; the gradient that it gives has another shape."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x[:1], x[1:]

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> torch.Tensor:
        return grads[0]


def test_an_input_returned_unrecorded_is_detached() -> None:
    x = leaf(1.0)
    with torch.no_grad():
        y = Same.apply(x)
    assert (y.requires_grad, y._is_view(), y is x) == (False, False, False)


def test_views_that_a_function_made_unrecorded_lead_nowhere() -> None:
    with torch.no_grad():
        first, _ = Halves.apply(leaf(1.0, 2.0, 3.0))
    assert first.requires_grad
    with pytest.raises(RuntimeError, match="does not require grad"):
        first.backward(torch.ones(1))
    with pytest.raises(AssertionError, match="Expected gradient function"):
        torch.autograd.graph.get_gradient_edge(first)


def test_the_gradient_for_an_unrecorded_view_is_not_looked_at() -> None:
    x = leaf(1.0, 2.0, 3.0)
    with torch.no_grad():
        view = x.view(3)
    Halves.apply(view)[0].backward(torch.ones(1))  # a gradient of shape (1,), for one of (3,)
    assert x.grad is None


def test_a_retained_gradient_moves_with_a_tensor_that_a_function_wrote() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1
    y.retain_grad()
    Doubled.apply(y)
    y.sum().backward()
    assert (y.grad.tolist(), x.grad.tolist()) == ([1.0, 1.0], [2.0, 2.0])


def test_zeros_for_unused_inputs_require_grad_with_create_graph() -> None:
    x, unused = leaf(1.0), leaf(1.0)
    (zeros,) = torch.autograd.grad(x * 2, [unused], create_graph=True, materialize_grads=True)
    assert zeros.requires_grad and zeros.is_leaf and not zeros.any()


def test_a_view_that_is_given_other_data_leaves_its_base() -> None:
    base = torch.ones(3)
    view = base[:2]
    view.data = torch.zeros(2)
    view.add_(1)
    base.mul_(leaf(5.0))
    assert (view.tolist(), base.tolist()) == ([1.0, 1.0], [5.0, 5.0, 5.0])
    assert not view.requires_grad


def test_the_kind_of_a_view_is_told_before_that_its_base_is_a_leaf() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"Output 0 of Split is a view .* multiple views"):
        x.split(1)[0].add_(1)
    with pytest.raises(RuntimeError, match="Output 0 of Same is a view"):
        Same.apply(x).add_(1)
    with pytest.raises(RuntimeError, match="A view was created in no_grad mode"):
        unrecorded_view(x).add_(1)
    with pytest.raises(RuntimeError, match=r"Output 0 of Select is a view of a view .* no_grad"):
        unrecorded_view(x)[0].add_(1)


def test_a_view_of_many_may_not_be_assigned_to_itself() -> None:
    part = leaf(1.0, 2.0).split(1)[0]
    with pytest.raises(RuntimeError, match="multiple views"):
        part[:1] = part


def test_as_strided_of_an_unrecorded_view_leads_nowhere() -> None:
    x = leaf(1.0, 2.0, 3.0)
    result = unrecorded_view(x).as_strided((2,), (1,), 1)
    assert (result.tolist(), result.requires_grad) == ([2.0, 3.0], True)
    (result * 2).sum().backward()
    assert x.grad is None


def test_post_accumulate_hooks_outlive_the_users_handle_on_the_leaf() -> None:
    seen = []
    x = leaf(1.0)
    x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.tolist()))
    first, second = x * 2, x * 3
    first.backward()
    del x
    second.backward()
    assert seen == [[2.0], [5.0]]


# How gradients lie in memory.


def test_the_gradient_of_a_matrix_used_transposed_is_dense() -> None:
    x, w = torch.ones(4, 2), torch.ones(3, 2, requires_grad=True)
    (x @ w.t()).square().sum().backward()
    assert w.grad.view(-1).shape == (6,)
    w.grad = None
    with pytest.warns(UserWarning, match="reference cycle"):
        (x @ w.t()).square().sum().backward(create_graph=True)
    assert w.grad.view(-1).shape == (6,)
    loss = (x @ w.t()).square().sum()
    for create_graph in (True, False):
        (grad,) = torch.autograd.grad(loss, w, create_graph=create_graph)
        assert grad.view(-1).shape == (6,) and grad.requires_grad == create_graph


def test_the_gradient_of_a_leaf_that_is_not_contiguous_lies_as_it_does() -> None:
    w = torch.ones(2, 3).t().requires_grad_()
    (w * 2).exp().sum().backward()
    assert w.grad.stride() == w.stride() == (1, 3)


def test_a_gradient_for_a_leaf_of_other_data_is_not_forced_into_them() -> None:
    w = leaf(1.0, 2.0)
    y = w * 3
    w.data = torch.ones(3)
    y.sum().backward()
    assert w.grad.tolist() == [3.0, 3.0]


def test_a_mode_warns_where_it_decorates_a_class() -> None:
    with pytest.warns(FutureWarning, match="Decorating classes is deprecated"):

        @torch.no_grad()
        class Quiet:
            def __init__(self) -> None:
                self.recording = torch.is_grad_enabled()

    assert not Quiet().recording


# Short forms of custom functions.


@pytest.mark.parametrize("container", [dict, list, tuple])
def test_tensors_in_containers_are_refused_where_a_rule_would_be_passed_over(
    container: type[Any],
) -> None:
    def held(x: torch.Tensor) -> Any:
        return {"x": x} if container is dict else container([x])

    @torch.autograd.custom_vjp
    def total(parts: Any) -> torch.Tensor:
        return sum(parts.values() if container is dict else parts)

    total.defvjp(lambda parts: (total.fun(parts), None), lambda _, ct: (held(2 * ct),))
    with pytest.raises(TypeError, match=r"argument 0 is a .* of tensors"):
        total(held(leaf(1.0)))

    @torch.autograd.custom_vjp
    def wrapped(x: torch.Tensor) -> Any:
        return (held(x * 1),)

    wrapped.defvjp(lambda x: (wrapped.fun(x), None), lambda _, ct: (ct,))
    with pytest.raises(TypeError, match=r"its output is a .* of tensors"):
        wrapped(leaf(1.0))


def test_a_tangent_has_to_be_a_tensor() -> None:
    @torch.autograd.custom_jvp
    def square(x: torch.Tensor) -> torch.Tensor:
        return x * x

    square.defjvp(lambda primals, tangents: (primals[0] ** 2, 5))
    with pytest.raises(RuntimeError, match=r"expected Variable or None \(got int\)"):
        torch.func.jvp(square, (torch.ones(1),), (torch.ones(1),))
