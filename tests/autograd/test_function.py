"""Custom functions: values, saved tensors, marks, views and every misuse, as torch has them."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import adjoint as torch
from adjoint.autograd import Function
from adjoint.autograd.function import InplaceFunction, once_differentiable
from adjoint.autograd.graph import saved_tensors_hooks


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(list(values), dtype=torch.float64, requires_grad=True)


def plain(*values: float) -> torch.Tensor:
    return torch.tensor(list(values), dtype=torch.float64)


def function(forward, backward=lambda ctx, g: g, **more):
    """A Function class named F from its methods."""
    methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type("F", (Function,), {**methods, **more})


class Exp(Function):
    @staticmethod
    def forward(ctx, x):
        result = x.exp()
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx, grad_output):
        (result,) = ctx.saved_tensors
        return grad_output * result


class Scale(Function):
    @staticmethod
    def forward(a, b, k=3):
        return a * b * k

    @staticmethod
    def setup_context(ctx, inputs, output):
        a, b, ctx.k = inputs
        ctx.save_for_backward(a, b)
        ctx.seen = (len(inputs), output.shape)

    @staticmethod
    def backward(ctx, grad_output):
        a, b = ctx.saved_tensors
        return grad_output * b * ctx.k, grad_output * a * ctx.k, None


def square(ctx, x):
    ctx.save_for_backward(x)
    return x * x


def double_in_place(ctx, x):
    x.mul_(2)
    ctx.mark_dirty(x)
    return x


Twice = function(double_in_place, lambda ctx, g: g * 2)
Same = function(lambda ctx, x: x, lambda ctx, g: g * 7)
First = function(lambda ctx, x: x[0], lambda ctx, g: torch.stack([g, g * 0]))


# Values and gradients


def test_derivatives_of_every_order() -> None:
    x = leaf(0.0, 1.0)
    y = Exp.apply(x)
    for _ in range(3):
        (y,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        np.testing.assert_allclose(y.detach().numpy(), np.exp([0.0, 1.0]))


@pytest.mark.parametrize(
    ("call", "k"),
    [
        (lambda a, b: Scale.apply(a, b), 3),
        (lambda a, b: Scale.apply(a, b, 2), 2),
        (lambda a, b: Scale.apply(a, b=b, k=5), 5),
    ],
)
def test_setup_context_sees_every_argument(call, k) -> None:
    a, b = leaf(2.0), leaf(5.0)
    out = call(a, b)
    out.sum().backward()
    assert (out.item(), a.grad.item(), b.grad.item()) == (10 * k, 5 * k, 2 * k)
    assert out.grad_fn.seen == (3, (1,))


def test_setup_context_needs_the_arguments_of_forward() -> None:
    with pytest.raises(TypeError, match="missing a required argument: 'b'"):
        Scale.apply(leaf(2.0))


def test_needs_input_grad_and_arguments_that_are_no_tensors() -> None:
    seen = []

    def forward(ctx, a, n, b, name):
        seen.append(ctx.needs_input_grad)
        return a * n + b

    def backward(ctx, g):
        seen.append(ctx.needs_input_grad)
        return g * 2, None, None, None

    a = leaf(1.0)
    out = function(forward, backward).apply(a, 2, plain(3.0), "name")
    out.sum().backward()
    assert seen == [(True, False, False, False)] * 2
    assert a.grad.tolist() == [2.0]
    assert [n and n.name() for n, _ in out.grad_fn.next_functions] == [
        "torch::autograd::AccumulateGrad",
        None,
    ]


def test_forward_and_backward_record_nothing_unless_asked() -> None:
    modes = []

    def forward(ctx, x):
        modes.append(torch.is_grad_enabled())
        return x * 2

    def backward(ctx, g):
        modes.append(torch.is_grad_enabled())
        return g * 2

    x = leaf(1.0)
    y = function(forward, backward).apply(x)
    torch.autograd.grad(y, x, leaf(1.0), retain_graph=True)
    torch.autograd.grad(y, x, leaf(1.0), create_graph=True)
    assert modes == [False, False, True]
    with torch.no_grad():
        assert not function(forward).apply(x).requires_grad


def test_several_outputs_and_zeros_for_those_not_used() -> None:
    def backward(ctx, g, h):
        ctx.got = (g.tolist(), h.tolist())
        return g * 2 + h * 3

    x = leaf(1.0)
    a, b = function(lambda ctx, x: (x * 2, x * 3), backward).apply(x)
    assert (a.output_nr, b.output_nr) == (0, 1)
    b.sum().backward()
    assert a.grad_fn.got == ([0.0], [1.0])
    assert x.grad.tolist() == [3.0]


def test_set_materialize_grads() -> None:
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        return x * 2, x * 3

    x = leaf(1.0)
    _, b = function(forward, lambda ctx, g, h: h if g is None else None).apply(x)
    b.sum().backward()
    assert x.grad.tolist() == [1.0]


def test_outputs_that_are_no_tensors() -> None:
    def backward(ctx, *grads):
        ctx.got = grads
        return grads[0] * 2

    x = leaf(1.0)
    out = function(lambda ctx, x: (x * 2, 3, "name", None), backward).apply(x)
    out[0].sum().backward()
    assert out[1:] == (3, "name", None)
    assert out[0].grad_fn.got[1:] == (None, None, None)
    assert function(lambda ctx, x: 3).apply(x) == 3


def test_a_gradient_is_summed_to_the_shape_of_its_input() -> None:
    x = leaf(1.0, 2.0)
    function(lambda ctx, x: x * 2, lambda ctx, g: torch.ones(3, 2)).apply(x).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    assert x.grad.dtype == torch.float64


def test_gradients_own_their_memory() -> None:
    a, b = leaf(1.0), leaf(2.0)
    function(lambda ctx, a, b: a + b, lambda ctx, g: (g, g)).apply(a, b).sum().backward()
    a.grad.add_(5)
    assert b.grad.tolist() == [1.0]


def test_the_cotangent_of_a_scalar_can_be_written() -> None:
    x = torch.tensor(1.0, requires_grad=True)
    function(lambda ctx, x: x * 2, lambda ctx, g: g.mul_(3)).apply(x).backward()
    assert x.grad.item() == 3.0


def test_complex() -> None:
    z = torch.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    backward = lambda ctx, g: g * (2 * ctx.saved_tensors[0]).conj()  # noqa: E731
    function(square, backward).apply(z).real.sum().backward()
    assert z.grad.tolist() == [2 - 4j, 6 + 2j]


def test_vjp_is_another_name_of_backward() -> None:
    class Vjp(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def vjp(ctx, g):
            return g * 5

    x = leaf(1.0)
    Vjp.apply(x).sum().backward()
    assert x.grad.tolist() == [5.0]


def test_jvp_and_vmap_are_kept() -> None:
    cube = function(square, jvp=staticmethod(lambda ctx, t: t * 3), generate_vmap_rule=True)
    ctx = cube.apply(leaf(1.0)).grad_fn
    assert ctx.apply_jvp(2) == 6
    assert cube.generate_vmap_rule is True
    for name in ("jvp", "vmap"):
        with pytest.raises(NotImplementedError, match=name):
            getattr(Exp, name)(None, 1)


def test_backward_in_one_list() -> None:
    def backward(ctx, grads):
        return grads.pop() * 3

    x = leaf(1.0)
    _, b = function(lambda ctx, x: (x * 2, x * 3), backward, boxed_grads_call=True).apply(x)
    b.sum().backward()
    assert x.grad.tolist() == [3.0]


# The context


def test_the_context_is_the_node() -> None:
    contexts = []

    def forward(ctx, x):
        contexts.append(ctx)
        return x * 2

    y = function(forward).apply(leaf(1.0))
    assert y.grad_fn is contexts[0]
    assert (y * 3).grad_fn.next_functions[0][0] is contexts[0]
    assert isinstance(y.grad_fn, torch.autograd.function.FunctionCtx)
    assert y.grad_fn.name() == "FBackward"
    assert repr(y.grad_fn).startswith("<torch.autograd.function.FBackward object at ")
    assert repr(y).endswith("grad_fn=<FBackward>)")


def test_attributes_have_any_name() -> None:
    names = ("shape", "dtype", "edges", "seq", "hooks", "saved", "plan", "where", "function")

    def forward(ctx, x):
        for name in names:
            setattr(ctx, name, name)
        return x * 2

    def backward(ctx, g):
        assert [getattr(ctx, name) for name in names] == list(names)
        return g * 2

    x = leaf(1.0, 2.0)
    function(forward, backward).apply(x).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_saved_inputs_are_the_inputs_and_saved_outputs_are_linked() -> None:
    def forward(ctx, x):
        out = x * 2
        ctx.save_for_backward(x, None, out)
        return out

    x = leaf(1.0)
    y = function(forward).apply(x)
    saved = y.grad_fn.saved_tensors
    assert saved[0] is x
    assert saved[1] is None
    assert saved[2].grad_fn is y.grad_fn


def test_no_reference_cycles() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0) * 1
        for f in (Exp, Twice):
            y = f.apply(x * 1)
            watched = [weakref.ref(y), weakref.ref(y.grad_fn), weakref.ref(y._edge[0])]
            y.sum().backward(retain_graph=True)
            del y
            assert [w() for w in watched] == [None] * 3
    finally:
        gc.enable()


def test_grad_fn_keeps_the_graph_alive() -> None:
    x = leaf(1.0)
    node = Exp.apply(x * 1).grad_fn
    assert node.next_functions[0][0].name() == "MulBackward0"
    assert node.saved_tensors[0].grad_fn is node


def test_hooks_on_a_node() -> None:
    seen = []
    x = leaf(0.0)
    y = Exp.apply(x)
    y.register_hook(lambda g: seen.append("tensor"))
    y.grad_fn.register_prehook(lambda grads: seen.append("pre"))
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append(inputs[0].tolist()))
    y.retain_grad()
    y.sum().backward()
    assert seen == ["tensor", "pre", [1.0]]
    assert y.grad.tolist() == [1.0]


def test_a_hook_sees_a_gradient_for_every_tensor() -> None:
    seen = []
    f = function(lambda ctx, a, k, b: a * b, lambda ctx, g: (g * 2, None, g))
    y = f.apply(leaf(1.0), 5, plain(2.0))
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append(len(inputs)))
    y.sum().backward()
    assert seen == [2]


# Marks


def test_mark_dirty_returns_the_input_itself() -> None:
    x = leaf(1.0)
    y = x * 3
    z = Twice.apply(y)
    assert z is y
    assert y.grad_fn.name() == "FBackward"
    z.sum().backward()
    assert (y.tolist(), x.grad.tolist()) == ([6.0], [6.0])


def test_mark_dirty_on_a_view_rewrites_the_history_of_its_base() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1
    view = y[0]
    assert Twice.apply(view) is view
    assert (y.grad_fn.name(), view.grad_fn.name()) == (
        "torch::autograd::CopySlices",
        "AsStridedBackward0",
    )
    y.sum().backward()
    assert (y.tolist(), x.grad.tolist()) == ([2.0, 2.0], [2.0, 1.0])


def test_mark_dirty_on_a_tensor_without_gradient() -> None:
    def forward(ctx, a, b):
        a.copy_(b)
        ctx.mark_dirty(a)
        return a

    a, b = torch.zeros(2, dtype=torch.float64), leaf(1.0, 2.0)
    c = function(forward, lambda ctx, g: (None, g)).apply(a, b)
    (c * 3).sum().backward()
    assert c is a
    assert b.grad.tolist() == [3.0, 3.0]


def both(ctx, a, b):
    a.mul_(2)
    ctx.mark_dirty(a)
    return a, a * b


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Twice.apply(leaf(1.0)), "a leaf Variable that requires grad has been used in an"),
        (lambda: Twice.apply(leaf(1.0, 2.0)[0]), "a view of a leaf Variable that requires grad"),
        (lambda: Twice.apply((leaf(1.0, 2.0) * 1).unbind()[0]), "returns multiple views"),
        (
            lambda: function(lambda ctx, x: (ctx.mark_dirty(x), x * 2)[1]).apply(leaf(1.0) * 1),
            "Some elements marked as dirty during the forward method were not returned",
        ),
        (lambda: function(both).apply((leaf(1.0, 2.0) * 1)[0], leaf(1.0)), "more than one Tensor"),
    ],
)
def test_mark_dirty_refuses(make, message) -> None:
    with pytest.raises(RuntimeError, match=message):
        make()


def test_mark_dirty_of_something_else_warns() -> None:
    def forward(ctx, x):
        y = x * 2
        ctx.mark_dirty(y)
        return y

    with pytest.warns(UserWarning, match="Only input Tensors should be given"):
        y = function(forward).apply(leaf(1.0))
    assert y.requires_grad


def test_mark_non_differentiable() -> None:
    def forward(ctx, x):
        values, places = x.sort()
        kept = values * 2
        ctx.mark_non_differentiable(places, kept)
        return values, places, kept

    def backward(ctx, g, *others):
        ctx.got = [o.tolist() for o in others]
        return g

    x = leaf(2.0, 1.0)
    values, places, kept = function(forward, backward).apply(x)
    assert [t.requires_grad for t in (values, places, kept)] == [True, False, False]
    values.sum().backward()
    assert values.grad_fn.got == [[0, 0], [0.0, 0.0]]


# Inputs and views that are returned


def test_a_returned_input_is_an_alias_with_its_own_history() -> None:
    x = leaf(1.0, 2.0)
    y = Same.apply(x)
    assert y is not x
    assert y._base is x
    y.sum().backward()
    assert x.grad.tolist() == [7.0, 7.0]
    without = plain(1.0)
    assert Same.apply(without) is not without


def test_an_input_returned_twice() -> None:
    x = leaf(1.0, 2.0)
    y, z = function(lambda ctx, x: (x, x), lambda ctx, g, h: g * 7 + h * 3).apply(x)
    (y + z * 10).sum().backward()
    assert y is not z
    assert x.grad.tolist() == [37.0, 37.0]


def test_returned_views() -> None:
    x = leaf(1.0, 2.0)
    y = First.apply(x)
    assert y._base is x
    y.backward()
    assert x.grad.tolist() == [1.0, 0.0]
    without = plain(1.0, 2.0)
    First.apply(without).mul_(5)
    assert without.tolist() == [5.0, 2.0]


@pytest.mark.parametrize("f", [Same, First])
def test_returned_views_may_not_be_written(f) -> None:
    y = f.apply(leaf(1.0, 2.0) * 1)
    for view in (y, y.view(-1)):
        with pytest.raises(RuntimeError, match="created inside a custom Function"):
            view.mul_(2)


@pytest.mark.parametrize("f", [Same, First])
def test_a_returned_view_ends_with_a_write_to_its_base(f) -> None:
    base = leaf(1.0, 2.0) * 1
    y = f.apply(base)
    base.mul_(2)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="its base or another view of its base has been"):
            y.sum()


def test_one_of_several_views_may_not_be_written() -> None:
    f = function(lambda ctx, x: (x[0], x[1]), lambda ctx, g, h: torch.stack([g, h]))
    y, _ = f.apply(leaf(1.0, 2.0) * 1)
    with pytest.raises(RuntimeError, match="returns multiple views"):
        y.mul_(2)


def test_a_returned_input_without_gradient_is_detached() -> None:
    def forward(ctx, x):
        ctx.mark_non_differentiable(x)
        return x

    x = leaf(1.0)
    y = function(forward).apply(x)
    assert not y.requires_grad
    assert not (y * 2).requires_grad
    assert x.requires_grad


def test_history_made_inside_forward_is_replaced() -> None:
    def forward(ctx, x):
        with torch.enable_grad():
            return x * 2

    x = leaf(2.0)
    function(forward, lambda ctx, g: g * 100).apply(x).sum().backward()
    assert x.grad.tolist() == [100.0]


# Misuse


@pytest.mark.parametrize(
    ("backward", "message"),
    [
        (
            lambda ctx, g: g,
            r"FBackward returned an incorrect number of gradients \(expected 2, got 1",
        ),
        (lambda ctx, g: (g, None, g), r"incorrect number of gradients \(expected 2, got 3"),
        (lambda ctx, g: (g, g), "gradient different than None at position 2"),
        (lambda ctx, g: (3.0, None), r"expected Variable or None \(got float\)"),
        (
            lambda ctx, g: (torch.ones(3), None),
            r"returned an invalid gradient at index 0 - got \[3\] but expected shape .* with \[2\]",
        ),
        (lambda ctx, g: (g.sum(), None), r"got \[\] but expected shape compatible with \[2\]"),
        (lambda ctx, g: (g * 1j, None), "a complex gradient at index 0 for an argument .* real"),
    ],
)
def test_wrong_gradients(backward, message) -> None:
    x = leaf(1.0, 2.0)
    y = function(lambda ctx, x, k: x * k, backward).apply(x, 3)
    with pytest.raises(RuntimeError, match=message):
        y.sum().backward()
    assert x.grad is None


def test_more_nones_than_arguments_are_allowed() -> None:
    x = leaf(1.0)
    function(lambda ctx, x: x * 2, lambda ctx, g: (g, None, None)).apply(x).sum().backward()
    assert x.grad.tolist() == [1.0]


def test_none_is_no_gradient() -> None:
    x = leaf(1.0)
    function(lambda ctx, x: x * 2, lambda ctx, g: None).apply(x).sum().backward()
    assert x.grad is None


@pytest.mark.parametrize("saved", [3, [1], "name"])
def test_only_tensors_are_saved(saved) -> None:
    f = function(lambda ctx, x: (ctx.save_for_backward(x, saved), x * 2)[1])
    with pytest.raises(
        TypeError, match="save_for_backward can only save variables, but argument 1"
    ):
        f.apply(leaf(1.0))
    f.apply(plain(1.0))
    with pytest.raises(
        AssertionError, match="save_for_forward expects all arguments to be tensors"
    ):
        function(lambda ctx, x: ctx.save_for_forward(saved)).apply(leaf(1.0))


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ("mark_dirty", "mark_dirty can only accept variables, but argument 0 is of type int"),
        ("mark_non_differentiable", "mark_non_differentiable only accepts variable arguments"),
    ],
)
def test_marks_take_tensors(mark, message) -> None:
    f = function(lambda ctx, x: (getattr(ctx, mark)(3), x * 2)[1])
    with pytest.raises(RuntimeError, match=message):
        f.apply(leaf(1.0))


def test_backward_a_second_time() -> None:
    x = leaf(1.0)
    y = Exp.apply(x)
    y.sum().backward(retain_graph=True)
    y.sum().backward()
    with pytest.raises(RuntimeError, match=r"second time .*ExpBackward, made at .*test_function"):
        y.sum().backward()
    with pytest.raises(RuntimeError, match="after they have already been freed"):
        y.grad_fn.saved_tensors


def test_a_function_that_saves_nothing_may_run_again() -> None:
    x = leaf(1.0)
    z = function(lambda ctx, x: x * 2, lambda ctx, g: g * 2).apply(x).sum()
    z.backward()
    z.backward()
    assert x.grad.tolist() == [4.0]


def test_saved_tensors_once() -> None:
    def backward(ctx, g):
        ctx.saved_tensors
        return ctx.saved_tensors[0] * g

    f = function(square, backward, clear_saved_tensors_on_access=True)
    with pytest.raises(RuntimeError, match="can only be accessed once"):
        f.apply(leaf(1.0)).sum().backward()


@pytest.mark.parametrize("written", ["input", "output"])
def test_saved_values_that_were_overwritten(written) -> None:
    x = leaf(1.0) * 1
    y = function(square).apply(x) if written == "input" else Exp.apply(x)
    (x if written == "input" else y).mul_(2)
    with pytest.raises(RuntimeError, match=r"modified by an inplace.*it was overwritten at .*mul_"):
        (y * 1).sum().backward() if written == "output" else _read(y)


def _read(y) -> None:
    y.grad_fn.saved_tensors


def test_inference_tensors_cannot_be_saved() -> None:
    with torch.inference_mode():
        kept = torch.ones(1)
    f = function(lambda ctx, x: (ctx.save_for_backward(kept), x * 2)[1])
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        f.apply(leaf(1.0))


def test_methods_that_are_missing() -> None:
    class Nothing(Function):
        pass

    with pytest.raises(NotImplementedError, match="You must implement the forward function"):
        Nothing.apply(leaf(1.0))
    with pytest.raises(NotImplementedError, match="setup_context is not implemented"):
        Nothing.setup_context(None, (), None)
    no_backward = type("NoBackward", (Function,), {"forward": staticmethod(lambda ctx, x: x * 2)})
    with pytest.raises(NotImplementedError, match="either the backward or vjp method"):
        no_backward.apply(leaf(1.0)).sum().backward()
    with pytest.raises(RuntimeError, match="Implementing both 'backward' and 'vjp'"):
        function(square, vjp=staticmethod(lambda ctx, g: g)).apply(leaf(1.0)).sum().backward()


def test_instances() -> None:
    with pytest.warns(DeprecationWarning, match="should not be instantiated"):
        instance = Exp()
    with pytest.raises(RuntimeError, match="Legacy autograd function with non-static forward"):
        instance(leaf(1.0))
    with pytest.warns(DeprecationWarning, match="should not be instantiated"):
        assert InplaceFunction(inplace=True).inplace


def test_set_materialize_grads_takes_a_bool() -> None:
    with pytest.raises(TypeError, match="expected a bool, but got int"):
        function(lambda ctx, x: ctx.set_materialize_grads(1)).apply(leaf(1.0))


def test_errors_of_backward_come_through() -> None:
    def backward(ctx, g):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        function(square, backward).apply(leaf(1.0)).sum().backward()
    with pytest.raises(AttributeError, match="'FBackward' object has no attribute 'absent'"):
        function(square, lambda ctx, g: ctx.absent).apply(leaf(1.0)).sum().backward()


def test_the_grad_mode_is_restored_when_forward_fails() -> None:
    with pytest.raises(ZeroDivisionError):
        function(lambda ctx, x: 1 / 0).apply(leaf(1.0))
    assert torch.is_grad_enabled()


# once_differentiable

Once = function(square, once_differentiable(lambda ctx, g: 2 * ctx.saved_tensors[0] * g))


def test_once_differentiable() -> None:
    x = leaf(3.0)
    y = Once.apply(x)
    (first,) = torch.autograd.grad(y, x, leaf(1.0), create_graph=True)
    assert first.tolist() == [6.0]
    assert first.grad_fn.name() == "Error"
    with pytest.raises(
        RuntimeError, match=r"differentiate twice .* marked with @once_differentiable"
    ):
        torch.autograd.grad(first.sum(), x)


def test_once_differentiable_without_a_second_derivative() -> None:
    x = leaf(3.0)
    Once.apply(x).sum().backward()
    assert x.grad.tolist() == [6.0]
    two = function(lambda ctx, a, b: a + b, once_differentiable(lambda ctx, g: (g, None)))
    ct = leaf(1.0)
    (found,) = torch.autograd.grad(two.apply(x, plain(1.0)), x, ct, create_graph=True)
    assert found.requires_grad


# Hooks on what is saved


def test_saved_tensors_hooks() -> None:
    seen = []

    def pack(t):
        seen.append(t.tolist())
        return t.detach() * 1

    def forward(ctx, x):
        out = x.exp()
        ctx.save_for_backward(x, None, out)
        return out

    def backward(ctx, g):
        x, nothing, out = ctx.saved_tensors
        assert nothing is None
        return g * out * x

    x = leaf(2.0)
    with saved_tensors_hooks(pack, lambda kept: kept * 10):
        y = function(forward, backward).apply(x)
    assert seen == [[2.0], y.tolist()]
    (found,) = torch.autograd.grad(y, x, leaf(1.0), create_graph=True)
    torch.testing.assert_close(found.detach(), 200 * y.detach())


@pytest.mark.parametrize("f", [Exp, function(square)])
def test_hooks_on_one_saved_tensor(f) -> None:
    y = f.apply(leaf(1.0))
    (saved,) = y.grad_fn._raw_saved_tensors
    saved.register_hooks(lambda t: t.detach(), lambda kept: kept + 4)
    (before,) = f.apply(leaf(1.0)).grad_fn.saved_tensors
    assert y.grad_fn.saved_tensors[0].tolist() == [before.item() + 4]


def test_outputs_saved_with_constants() -> None:
    def forward(ctx, x, k):
        out = x * k
        ctx.save_for_backward(k, out)
        return out

    y = function(forward, lambda ctx, g: (g * ctx.saved_tensors[0], None)).apply(
        leaf(1.0), plain(3.0)
    )
    assert y.grad_fn.saved_tensors[1].grad_fn is y.grad_fn
    y.sum().backward()
    with pytest.raises(RuntimeError, match="after they have already been freed"):
        y.grad_fn._raw_saved_tensors
