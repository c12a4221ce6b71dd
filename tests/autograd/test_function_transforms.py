"""Custom Functions inside transforms: their own jvp and vmap rules, or those of what they run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as torch
import adjoint.autograd.forward_ad as fwAD
from adjoint.autograd import Function, custom_jvp, custom_vjp
from adjoint.func import grad, hessian, jacfwd, jacrev, jet, jvp, vmap


class Cube(Function):
    """x³ with everything that a Function may have, each part recognisable by its factor."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Any) -> Any:
        return x**3, 3 * x**2

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(inputs[0], output[1])
        ctx.save_for_forward(inputs[0], output[1])

    @staticmethod
    def backward(ctx: Any, ct: Any, ct_slope: Any) -> Any:
        x, slope = ctx.saved_tensors
        return ct * slope + ct_slope * 6 * x

    @staticmethod
    def jvp(ctx: Any, t: Any) -> Any:
        x, slope = ctx.saved_tensors
        return slope * t, 6 * x * t


class Sorted(Function):
    """Sorting by NumPy, which only a rule of its own can map and push."""

    @staticmethod
    def forward(x: Any, dim: int) -> Any:
        places = torch.from_numpy(np.argsort(x.detach().numpy(), axis=dim))
        return torch.take_along_dim(x, places, dim), places

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.dim = inputs[1]
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(output[1])
        ctx.save_for_forward(output[1])

    @staticmethod
    def backward(ctx: Any, ct: Any, _: Any) -> Any:
        (places,) = ctx.saved_tensors
        return torch.zeros_like(ct).scatter(ctx.dim, places, ct), None

    @staticmethod
    def jvp(ctx: Any, t: Any, _: Any) -> Any:
        (places,) = ctx.saved_tensors
        return torch.take_along_dim(t, places, ctx.dim), None

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Any, dim: int) -> Any:
        x = x.movedim(in_dims[0], 0)
        dim = dim if dim >= 0 else dim + x.dim() - 1
        assert info.batch_size == x.shape[0]
        return Sorted.apply(x, dim + 1), (0, 0)


class Old(Function):
    """A forward that takes ctx, with a jvp."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any, factor: float) -> Any:
        out = factor * x.sin() * y
        ctx.save_for_backward(x, y, out)
        ctx.save_for_forward(x, y)
        ctx.factor = factor
        return out

    @staticmethod
    def backward(ctx: Any, ct: Any) -> Any:
        x, y, out = ctx.saved_tensors
        return ct * ctx.factor * x.cos() * y, ct * out / y, None

    @staticmethod
    def jvp(ctx: Any, x_t: Any, y_t: Any, _: Any) -> Any:
        x, y = ctx.saved_tensors
        return ctx.factor * (x.cos() * x_t * y + x.sin() * y_t)


X = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)
B = torch.tensor([[0.5, -1.0, 2.0], [3.0, 1.0, -0.5]], dtype=torch.float64)


def close(a: Any, b: Any) -> None:
    torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def cube(x: Any) -> Any:
    return Cube.apply(x)[0]


def test_of_every_transform() -> None:
    close(vmap(cube)(B), B**3)
    close(jvp(cube, (X,), (X,))[1], 3 * X**3)
    close(jacrev(cube)(X), torch.diag(3 * X**2))
    close(jacfwd(cube)(X), torch.diag(3 * X**2))
    close(vmap(jacrev(cube))(B), torch.diag_embed(3 * B**2))
    close(vmap(jacfwd(cube))(B), torch.diag_embed(3 * B**2))
    close(hessian(lambda x: cube(x).sum())(X), torch.diag(6 * X))
    close(vmap(grad(lambda x: cube(x).sum()))(B), 3 * B**2)
    close(grad(lambda x: vmap(cube)(x).sum())(B), 3 * B**2)


def test_a_rule_of_its_own_maps_and_pushes() -> None:
    def ordered(x: Any) -> Any:
        return Sorted.apply(x, 0)[0]

    weights = torch.tensor([1.0, 10.0, 100.0], dtype=torch.float64)
    close(vmap(ordered)(B), B.sort(1).values)
    close(vmap(ordered, in_dims=1, out_dims=1)(B.mT), B.sort(1).values.mT)
    ranks = B.argsort(1).argsort(1)
    close(vmap(grad(lambda x: (ordered(x) * weights).sum()))(B), weights[ranks])
    close(jvp(ordered, (X,), (X,))[1], X.sort().values)
    close(jacfwd(ordered)(X), jacrev(ordered)(X))
    close(jacrev(ordered)(X), torch.eye(3, dtype=torch.float64)[X.argsort()])


def test_a_forward_that_takes_ctx_has_its_jvp() -> None:
    y = X + 3
    value, moved = jvp(lambda x: Old.apply(x, y, 2.0), (X,), (torch.ones_like(X),))
    close(value, 2 * X.sin() * y)
    close(moved, 2 * X.cos() * y)
    close(jacfwd(lambda v: Old.apply(X, v, 2.0))(y), torch.diag(2 * X.sin()))
    mixed = jacfwd(jacrev(lambda x: Old.apply(x, y, 2.0).sum()))(X)
    close(mixed, torch.diag(-2 * X.sin() * y))
    with fwAD.dual_level():
        out = Old.apply(fwAD.make_dual(X, X), y, 1.0)
        close(fwAD.unpack_dual(out).tangent, X.cos() * y * X)


class Plain(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 2

    @staticmethod
    def backward(ctx: Any, ct: Any) -> Any:
        return ct * 2


class Both(Cube):
    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Any) -> Any:
        return Cube.apply(x), (0, 0)


def test_what_has_no_rule_says_which_one_is_missing() -> None:
    with pytest.raises(RuntimeError, match=r"Plain.*vmap staticmethod or set generate_vmap_rule"):
        vmap(Plain.apply)(B)
    with pytest.raises(NotImplementedError, match=r"implement the jvp function.*Plain"):
        jvp(Plain.apply, (X,), (X,))
    with pytest.raises(RuntimeError, match="both generate_vmap_rule=True and"):
        vmap(Both.apply)(B)
    with pytest.raises(NotImplementedError, match="Plain is a custom Function"):
        jet(Plain.apply, (X,), ([X],))
    close(grad(lambda x: Plain.apply(x).sum())(X), torch.full_like(X, 2))


def test_custom_jvp_and_custom_vjp() -> None:
    @custom_jvp
    def tripled(x: Any) -> Any:
        return x * x

    @tripled.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        return primals[0] ** 2, 3 * primals[0] * tangents[0]

    close(jvp(tripled, (X,), (X,))[1], 3 * X * X)
    close(jacrev(tripled)(X), torch.diag(3 * X))
    close(vmap(jacfwd(tripled))(B), torch.diag_embed(3 * B))
    close(vmap(jacrev(tripled))(B), torch.diag_embed(3 * B))

    @custom_vjp
    def doubled(x: Any) -> Any:
        return x * 1

    doubled.defvjp(lambda x: (x * 1, x), lambda x, ct: (2 * ct,))
    close(vmap(grad(lambda x: doubled(x).sum()))(B), torch.full_like(B, 2))
    with pytest.raises(NotImplementedError, match="jvp"):
        jvp(doubled, (X,), (X,))
