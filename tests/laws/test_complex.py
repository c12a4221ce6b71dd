"""Complex numbers: nothing that has a complex derivative in torch is refused or left out."""

from __future__ import annotations

import numpy as np
import pytest
from tests.laws.samples import OPERATIONS

import adjoint as torch
from adjoint.ops.operation import REGISTRY
from adjoint.testing.laws import hold_complex
from adjoint.testing.sampling import arrays, complexified, forward, moving, outputs, tensors

# Operations under which torch 2.13 differentiates complex tensors (its table of operations, dtypes
# for backward on the CPU). Those whose vectors have a free phase are in test_phases.py.
DIFFERENTIABLE = """
abs acos acosh add addcdiv addcmul addmm alias alias_copy angle as_strided asin asinh atan atanh
block_diag bmm cast cat cholesky circular_pad1d circular_pad2d circular_pad3d clone conj
constant_pad contiguous convolution convolve copy cos cosh cross cumprod cumsum det diag_embed
diagonal diagonal_copy diagonal_scatter div dot exp exp2 expand expand_copy expm1 fill fill_tensor
flip gather imag index index_add index_copy index_fill index_fill_tensor index_put index_select inv
ldexp lerp lerp_number linalg_vector_norm linear log log10 log1p log2 logaddexp logcumsumexp
logsumexp mask_put masked_fill masked_fill_tensor masked_scatter masked_select matmul mean mean_dim
mm mul mv narrow_copy neg permute permute_copy pinv pow pow_number prod prod_dim project put qr real
reciprocal reflection_pad1d reflection_pad2d reflection_pad3d repeat replication_pad1d
replication_pad2d replication_pad3d roll rot90 rsqrt rsub scatter scatter_add scatter_value select
select_copy sgn sigmoid sin sinc sinh slice slice_copy slogdet solve split split_copy
split_with_sizes split_with_sizes_copy sqrt squeeze_all squeeze_all_copy squeeze_dim
squeeze_dim_copy squeeze_dims squeeze_dims_copy stack std std_mean sub sum sum_dim t t_copy take tan
tanh trace transpose transpose_copy tril triu unbind unbind_copy unfold unfold_copy unsafe_split
unsafe_split_with_sizes unsafe_view unsqueeze unsqueeze_copy var var_mean view view_as_real
view_copy where zero
""".split()  # noqa: SIM905
FREE_PHASE = ["eigh", "svd"]


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_torch_differentiates_it(name: str) -> None:
    operation = REGISTRY[name]
    assert "complex_inputs" not in operation.laws
    for sample in operation.samples():
        if moving(operation, arrays(sample)):
            assert hold_complex(operation, sample), sample


SINGLE = {np.dtype("float64"): np.dtype("float32"), np.dtype("complex128"): np.dtype("complex64")}


@pytest.mark.parametrize("name", [*DIFFERENTIABLE, *FREE_PHASE])
def test_single_precision_stays_single(name: str) -> None:
    operation = REGISTRY[name]
    for sample in operation.samples():
        if "dtype" in sample.params:
            continue
        for values in complexified(operation, sample):
            inputs = tensors(operation, [v.astype(SINGLE.get(v.dtype, v.dtype)) for v in values])
            outs = outputs(operation, operation(*inputs, **sample.params))
            for out, exact in zip(outs, forward(operation, values, sample.params), strict=True):
                assert out._data.dtype == SINGLE.get(exact.dtype, exact.dtype)
            wanted = [inputs[i] for i in moving(operation, values)]
            for t, g in zip(wanted, torch.autograd.grad(outs, wanted, [o * 0 for o in outs])):
                assert g.dtype is t.dtype


def test_the_law_is_left_out_for_real_functions_only() -> None:
    without = {name for name in OPERATIONS if "complex_inputs" in REGISTRY[name].laws}
    assert without.isdisjoint(DIFFERENTIABLE)
    assert without >= set(FREE_PHASE)


Z = np.array([1 + 2j, -0.5 + 0.3j, 2 - 1j])
# sum of Re f(z), with |dL/dRe| and |dL/dIm| known by hand
BY_HAND = {
    "square of the size": (lambda z: (z * z.conj()).real.sum(), lambda z: 2 * z),
    "square": (lambda z: (z**2).real.sum(), lambda z: 2 * np.conj(z)),
    "imaginary part of a product": (lambda z: (z * 2j).imag.sum(), lambda z: 2 + 0 * z),
    "angle": (lambda z: z.angle().sum(), lambda z: 1j * z / np.abs(z) ** 2),
    "conjugate": (lambda z: (z.conj() * (1 + 3j)).real.sum(), lambda z: (1 + 3j) + 0 * z),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_the_gradient_is_the_direction_of_steepest_ascent(case: str) -> None:
    loss, gradient = BY_HAND[case]
    z = torch.tensor(Z, requires_grad=True)
    loss(z).backward()
    np.testing.assert_allclose(z.grad.numpy(), gradient(Z), rtol=1e-12)


# A real input among complex ones takes the real part of what arrives.
MIXED = {
    "add": lambda x, z: x + z,
    "mul": lambda x, z: x * z,
    "div": lambda x, z: z / x,
    "pow": lambda x, z: x**z,
    "where": lambda x, z: torch.where(x > 0, x, z),
    "cat": lambda x, z: torch.cat([x, z]),
    "stack": lambda x, z: torch.stack([z, x]),
    "addcmul": lambda x, z: torch.addcmul(z, x, z),
    "a complex number": lambda x, z: x * (2 - 1j) + 1j,
    "copy_": lambda x, z: (z * 1).copy_(x),
    "setitem": lambda x, z: _written(z, x),
    "matmul": lambda x, z: x.to(torch.complex128) @ z,
}


def _written(z: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    z = z * 1
    z[:2] = x[1:]
    return z


@pytest.mark.parametrize("case", MIXED)
def test_a_real_input_takes_the_real_part(case: str) -> None:
    ct = torch.tensor(0.7 - 0.4j, dtype=torch.complex128)

    def loss(x: torch.Tensor) -> torch.Tensor:
        return (MIXED[case](x, torch.tensor(Z)) * ct).real.sum()

    start = np.array([0.5, 1.5, 0.8])
    x = torch.tensor(start, requires_grad=True)
    (found,) = torch.autograd.grad(loss(x), x)
    assert found.dtype is torch.float64
    step = 1e-6 * np.eye(3)
    want = [
        (loss(torch.tensor(start + h)) - loss(torch.tensor(start - h))).item() / 2e-6 for h in step
    ]
    np.testing.assert_allclose(found.numpy(), want, rtol=1e-7, atol=1e-8)


# At 0 the subgradients are torch's: 0, or for an analytic function its derivative.
AT_ZERO = {
    "abs": (torch.abs, [0, 0.6 + 0.8j]),
    "angle": (torch.angle, [0, -0.16 + 0.12j]),
    "norm": (torch.linalg.vector_norm, [0, 0.6 + 0.8j]),
    "square": (lambda z: (z**2).real, [0, 6 - 8j]),
    "prod": (lambda z: z.prod().real, [3 - 4j, 0]),
    "sinc": (lambda z: torch.sinc(z).real * 0, [0, 0]),
}


@pytest.mark.parametrize("case", AT_ZERO)
def test_gradients_at_zero(case: str) -> None:
    function, want = AT_ZERO[case]
    z = torch.tensor([0, 3 + 4j], dtype=torch.complex128, requires_grad=True)
    function(z).sum().backward()
    np.testing.assert_allclose(z.grad.numpy(), want, rtol=1e-12, atol=1e-15)


def test_a_complex_loss_is_refused() -> None:
    z = torch.tensor(Z, requires_grad=True)
    with pytest.raises(RuntimeError, match="complex"):
        (z * 2).sum().backward()
