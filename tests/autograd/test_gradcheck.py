"""gradcheck and gradgradcheck: what they accept, and what each of their failures says."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as torch
from adjoint.autograd import Function, gradcheck, gradgradcheck
from adjoint.autograd.gradcheck import GradcheckError


def function(backward, forward=lambda ctx, x: (ctx.save_for_backward(x), x * x)[1]):
    methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type("F", (Function,), methods).apply


def real(*shape: int) -> torch.Tensor:
    values = np.random.default_rng(len(shape)).uniform(0.3, 1.3, shape)
    return torch.tensor(values, requires_grad=True)


right = function(lambda ctx, g: 2 * ctx.saved_tensors[0] * g)
wrong = function(lambda ctx, g: 3 * ctx.saved_tensors[0] * g)
complex_right = function(lambda ctx, g: 2 * ctx.saved_tensors[0].conj() * g)
z = torch.tensor([1 + 2j, 0.5 - 0.3j], dtype=torch.complex128, requires_grad=True)


@pytest.mark.parametrize("fast_mode", [False, True])
@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
@pytest.mark.parametrize(
    ("func", "inputs"),
    [
        (right, real(2)),
        (torch.sin, [real(2, 3)]),
        (lambda a, b: (a @ b, a * 2), (real(2, 3), real(3, 2))),
        (lambda a, k: a**k, (real(2), 3)),
        (lambda a, b: a * 2, (real(2), real(3))),
        (lambda a: a * a, torch.tensor(2.0, dtype=torch.float64, requires_grad=True)),
        (lambda a: a * 2, torch.ones(0, dtype=torch.float64, requires_grad=True)),
        (complex_right, z),
        (torch.abs, z),
        (lambda z, x: z * x, (z, real(2))),
        (lambda z: z.real * 2, z),
        (lambda x: torch.complex(x * x, x), real(2)),
    ],
)
def test_right_gradients_pass(check, func, inputs, fast_mode) -> None:
    assert check(func, inputs, fast_mode=fast_mode)


def test_inputs_are_as_they_were() -> None:
    x = real(3)
    before = x.tolist()
    gradcheck(torch.sin, x)
    assert x.tolist() == before
    assert x.grad is None

    def fails(x):
        if x.tolist() != before:
            raise KeyError
        return x * 2

    with pytest.raises(KeyError):
        gradcheck(fails, x)
    assert x.tolist() == before


def test_a_mismatch_shows_both_jacobians() -> None:
    x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda a, b: (a + b, wrong(b)), (real(2), x))
    text = str(caught.value)
    assert text.startswith(
        "Jacobian mismatch for output 1 with respect to input 1,\n"
        "numerical:tensor([[2.0000, 0.0000],\n        [0.0000, 4.0000]], dtype=torch.float64)\n"
        "analytical:tensor([[3., 0.],\n        [0., 6.]], dtype=torch.float64)\n"
    )
    assert "output element 1 by input element 1: numerical 4, analytical 6" in text
    assert not gradcheck(wrong, x, raise_exception=False)
    assert issubclass(GradcheckError, RuntimeError)


def test_a_mismatch_in_fast_mode_shows_the_jacobians_too() -> None:
    x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    with pytest.raises(GradcheckError, match="difference \\(slow mode\\) is: 2"):
        gradcheck(wrong, x, fast_mode=True)


def test_the_part_of_a_complex_output_is_named() -> None:
    not_conjugated = function(lambda ctx, g: 2 * ctx.saved_tensors[0] * g)
    for fast_mode in (False, True):
        with pytest.raises(
            GradcheckError, match="considering the imaginary part of complex outputs"
        ):
            gradcheck(not_conjugated, z, fast_mode=fast_mode)


def test_wrong_second_derivatives() -> None:
    cut = function(lambda ctx, g: 2 * ctx.saved_tensors[0].detach() * g)
    assert gradcheck(cut, real(2))
    with pytest.raises(GradcheckError, match="Jacobian mismatch"):
        gradgradcheck(cut, real(2))


def test_second_derivatives_with_given_cotangents() -> None:
    assert gradgradcheck(torch.sin, real(2), real(2))
    assert gradgradcheck(torch.sin, real(2), gen_non_contig_grad_outputs=True)


def test_backward_has_to_be_deterministic() -> None:
    draws = np.random.default_rng(0)
    noisy = function(lambda ctx, g: 2 * ctx.saved_tensors[0] * g * (1 + draws.random() * 1e-9))
    with pytest.raises(GradcheckError, match="Backward is not reentrant"):
        gradcheck(noisy, real(2))
    assert gradcheck(noisy, real(2), nondet_tol=1e-6)


def test_backward_has_to_be_multiplied_by_the_cotangent() -> None:
    shifted = function(lambda ctx, g: 2 * ctx.saved_tensors[0] * g + 1e-7)
    with pytest.raises(GradcheckError, match="backward not multiplied by grad_output"):
        gradcheck(shifted, real(2))


def test_unused_outputs() -> None:
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        return x * 2, x * 3

    strict = function(lambda ctx, g, h: g * 2 + h * 3, forward)
    total = lambda x: sum(strict(x))  # noqa: E731 - both cotangents are there
    assert gradcheck(total, real(2))
    careful = function(
        lambda ctx, g, h: (0 if g is None else g * 2) + (0 if h is None else h * 3), forward
    )
    assert gradcheck(careful, real(2))
    with pytest.raises(TypeError, match="NoneType"):
        gradcheck(strict, real(2))


def test_outputs_without_gradient() -> None:
    assert gradcheck(lambda x: torch.ones(2), real(2))
    assert gradcheck(lambda x: (x * 2, x.detach() * 3, x.argmax()), real(2))
    with pytest.raises(GradcheckError, match="Numerical gradient for function expected to be zero"):
        gradcheck(lambda x: x.detach(), real(2))


def test_gradients_of_another_type() -> None:
    def forward(ctx, x):
        return x.double() * 2

    x = torch.ones(2, requires_grad=True)
    f = function(lambda ctx, g: g * 2, forward)
    with pytest.warns(UserWarning, match="Input #0 requires gradient and is not a double"):
        assert gradcheck(f, x, eps=1e-2, atol=1e-2, check_grad_dtypes=True)


def test_inputs_that_cannot_be_checked() -> None:
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        gradcheck(torch.sin, torch.ones(2))
    with pytest.raises(RuntimeError, match="has a dimension with stride 0"):
        gradcheck(torch.sin, real(1).expand(3))


def test_functions_that_change_their_output() -> None:
    x = torch.tensor([1.0], dtype=torch.float64, requires_grad=True)
    with pytest.raises(AssertionError, match="outputs with the same shape"):
        gradcheck(lambda x: x.expand(3 if x.item() > 1 else 2), x)
    with pytest.raises(AssertionError, match="outputs with the same dtype"):
        gradcheck(lambda x: x * 2 if x.item() > 1 else x.float(), x)


FORWARD = {"check_forward_ad": True, "check_batched_forward_grad": True}
EVERYTHING = {**FORWARD, "check_batched_grad": True, "check_grad_dtypes": True}


@pytest.mark.parametrize("fast_mode", [False, True])
@pytest.mark.parametrize(
    ("func", "inputs"),
    [
        (torch.sin, real(2, 3)),
        (lambda a, b: (a @ b, a * 2, 3), (real(2, 3), real(3, 2))),
        (lambda a, k: a**k, (real(2), 3)),
        (lambda a, b: a * 2, (real(2), real(3))),
        (lambda a: a * 2, torch.ones(0, dtype=torch.float64, requires_grad=True)),
        (torch.abs, z),
        (lambda z, x: z * x, (z, real(2))),
        (lambda x: torch.complex(x * x, x), real(2)),
    ],
)
def test_all_modes_agree(func, inputs, fast_mode) -> None:
    assert gradcheck(func, inputs, fast_mode=fast_mode, **EVERYTHING)
    assert gradcheck(func, inputs, fast_mode=fast_mode, check_backward_ad=False, **FORWARD)
    more = {"check_fwd_over_rev": True, "fast_mode": fast_mode}
    assert gradgradcheck(func, inputs, check_batched_grad=True, **more)
    assert gradgradcheck(func, inputs, check_rev_over_rev=False, check_undefined_grad=False, **more)


class _Parts(Function):
    """x², whose rules are what a test makes of them."""

    slope = staticmethod(lambda x: 2 * x)
    pushed = staticmethod(lambda x, x_t: 2 * x * x_t)

    @staticmethod
    def forward(x):
        return x * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @classmethod
    def rules(cls, **changed):
        def backward(ctx, ct):
            return kind.slope(ctx.saved_tensors[0]) * ct

        def jvp(ctx, x_t):
            return kind.pushed(ctx.saved_tensors[0], x_t)

        rules = {"backward": backward, "jvp": jvp, "generate_vmap_rule": True, **changed}
        kind = type(
            "Parts",
            (cls,),
            {k: staticmethod(v) if callable(v) else v for k, v in rules.items()},
        )
        return kind.apply


@pytest.mark.parametrize("fast_mode", [False, True])
def test_a_wrong_jvp_is_found(fast_mode) -> None:
    func = _Parts.rules(pushed=lambda x, x_t: 3 * x * x_t)
    assert gradcheck(_Parts.rules(), real(2), fast_mode=fast_mode, **EVERYTHING)
    assert gradcheck(func, real(2), fast_mode=fast_mode)
    with pytest.raises(
        GradcheckError, match="with forward mode mismatch for output 0 with"
    ) as caught:
        gradcheck(func, real(2), check_forward_ad=True, fast_mode=fast_mode)
    assert ("recompute numerical and analytical" in str(caught.value)) is fast_mode
    only = {"check_rev_over_rev": False, "check_undefined_grad": False, "fast_mode": fast_mode}
    half = _Parts.rules(slope=lambda x: _Parts.rules(pushed=lambda x, x_t: x_t)(x) / x * 2)
    assert gradgradcheck(half, real(2), fast_mode=fast_mode)
    with pytest.raises(GradcheckError, match="forward mode mismatch"):
        gradgradcheck(half, real(2), check_fwd_over_rev=True, **only)


def test_a_wrong_jvp_of_complex_numbers_is_found() -> None:
    func = _Parts.rules(
        slope=lambda z: 2 * z.conj(), pushed=lambda z, z_t: 2 * z * z_t.real.to(z.dtype)
    )
    with pytest.raises(GradcheckError, match="considering the imaginary part of complex inputs"):
        gradcheck(func, z, check_forward_ad=True)


class _Mixed(Function):
    """2x, whose rule for batches changes the order of examples."""

    @staticmethod
    def forward(x):
        return x * 2

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, ct):
        return _Mixed.apply(ct)

    @staticmethod
    def jvp(ctx, x_t):
        return _Mixed.apply(x_t)

    @staticmethod
    def vmap(info, in_dims, x):
        return x.flip(0) * 2, 0


def test_a_batch_that_differs_from_its_rows_is_found() -> None:
    assert gradcheck(_Mixed.apply, real(3), check_forward_ad=True)
    with pytest.raises(GradcheckError, match="testing batched gradient computation"):
        gradcheck(_Mixed.apply, real(3), check_batched_grad=True)
    with pytest.raises(GradcheckError, match="testing batched forward gradient computation"):
        gradcheck(_Mixed.apply, real(3), **FORWARD)


def test_what_cannot_be_batched_is_named() -> None:
    func = _Parts.rules()
    stuck = function(lambda ctx, g: g * 2 * ctx.saved_tensors[0] if g.sum().item() else g)
    assert gradcheck(func, real(2), check_batched_grad=True)
    with pytest.raises(GradcheckError, match="While computing batched gradients, got: vmap"):
        gradcheck(stuck, real(2), check_batched_grad=True)


@pytest.mark.parametrize(
    ("check", "asked"),
    [
        (
            gradcheck,
            {"check_batched_grad": True, "check_backward_ad": False, "check_forward_ad": True},
        ),
        (gradcheck, {"check_batched_forward_grad": True}),
        (gradgradcheck, {"check_rev_over_rev": False, "check_fwd_over_rev": True}),
        (
            gradgradcheck,
            {
                "check_rev_over_rev": False,
                "check_fwd_over_rev": True,
                "check_undefined_grad": False,
                "check_batched_grad": True,
            },
        ),
    ],
)
def test_what_needs_another_check(check, asked) -> None:
    with pytest.raises(AssertionError, match="True requires check_"):
        check(torch.sin, real(2), **asked)


def test_something_has_to_be_checked() -> None:
    with pytest.raises(AssertionError, match="at least one of check_forward_ad or check_backward"):
        gradcheck(torch.sin, real(2), check_backward_ad=False)
    with pytest.raises(AssertionError, match="at least one of check_fwd_over_rev or check_rev"):
        gradgradcheck(torch.sin, real(2), check_rev_over_rev=False)


@pytest.mark.parametrize(
    ("undefined", "message"),
    [
        (lambda g: torch.ones(3, dtype=torch.float64), "undefined or zero, but those of Doubled"),
        (lambda g: g * 2, "handle undefined output grads: with None for all of them Doubled"),
        (lambda g: torch.zeros(3, dtype=torch.float64), None),
        (lambda g: None, None),
    ],
)
def test_backward_without_any_cotangent(undefined, message) -> None:
    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return undefined(g) if g is None else g * 2

    x = torch.ones(3, dtype=torch.float64, requires_grad=True)
    if message is None:
        assert gradcheck(Doubled.apply, (x,))
        return
    with pytest.raises(GradcheckError, match=message):
        gradcheck(Doubled.apply, (x,))
    assert gradcheck(Doubled.apply, (x,), check_undefined_grad=False)
