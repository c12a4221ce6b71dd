"""torch.linalg: solutions that solve, factors that multiply back, and what singular input says."""

from __future__ import annotations

import math

import numpy as np
import pytest

import adjoint as torch
from adjoint import linalg


def made(*shape: int, grad: bool = False) -> torch.Tensor:
    values = np.random.default_rng(int(np.prod(shape))).standard_normal(shape)
    return torch.tensor(values, requires_grad=grad)


def positive(n: int) -> torch.Tensor:
    a = made(n, n)
    return a @ a.mT + torch.eye(n, dtype=torch.float64)


def same(got: torch.Tensor, want: object) -> None:
    np.testing.assert_allclose(got.detach().numpy(), want, rtol=1e-9, atol=1e-9)
    assert got.shape == np.shape(want)


class TestSolve:
    def test_forms_of_the_right_side(self) -> None:
        a, b = made(4, 3, 3), made(4, 3, 2)
        same(a @ linalg.solve(a, b), b.numpy())
        vectors = made(4, 3)
        same((a @ linalg.solve(a, vectors).unsqueeze(-1)).squeeze(-1), vectors.numpy())
        same(linalg.solve(a, b.mT, left=False) @ a, b.mT.numpy())

    def test_inverse(self) -> None:
        a = made(2, 3, 3)
        same(a @ torch.inverse(a), np.broadcast_to(np.eye(3), (2, 3, 3)))
        same(torch.matrix_power(a, -2), np.linalg.matrix_power(a.numpy(), -2))

    def test_triangles(self) -> None:
        a, b = made(3, 3), made(3, 2)
        same(a.triu() @ linalg.solve_triangular(a, b, upper=True), b.numpy())
        x = linalg.solve_triangular(a, b, upper=False, unitriangular=True)
        same((a.tril(-1) + torch.eye(3, dtype=torch.float64)) @ x, b.numpy())

    def test_least_squares(self) -> None:
        a, b = made(5, 3), made(5, 2)
        solution = linalg.lstsq(a, b).solution
        same(solution, np.linalg.lstsq(a.numpy(), b.numpy(), rcond=None)[0])

    def test_tensors(self) -> None:
        a = made(6, 2, 3)
        same(torch.tensordot(linalg.tensorinv(a, ind=1), a, 1), np.eye(6).reshape(2, 3, 2, 3))
        same(torch.tensordot(a, linalg.tensorsolve(a, made(6)), 2), made(6).numpy())

    def test_singular(self) -> None:
        batch = torch.stack([torch.eye(2), torch.zeros(2, 2)])
        with pytest.raises(linalg.LinAlgError, match=r"inv: \(Batch element 1\): .*singular"):
            linalg.inv(batch)
        with pytest.raises(
            RuntimeError, match="solver failed because the input matrix is singular"
        ):
            linalg.solve(torch.zeros(2, 2), torch.ones(2))

    def test_nan_stays_in_its_matrix(self) -> None:
        a = torch.stack([torch.eye(2), torch.eye(2) * float("nan")])
        out = linalg.inv(a)
        same(out[0], np.eye(2))
        assert bool(out[1].isnan().all())

    def test_errors(self) -> None:
        with pytest.raises(RuntimeError, match="they are 2 by 3 matrices"):
            linalg.inv(torch.zeros(2, 3))
        with pytest.raises(RuntimeError, match="at least 2 dimensions"):
            linalg.det(torch.zeros(2))
        with pytest.raises(RuntimeError, match="Expected a floating point or complex tensor"):
            linalg.inv(torch.ones(2, 2, dtype=torch.int64))
        with pytest.raises(RuntimeError, match=r"Incompatible shapes .* \(2x2 and 3x1\)"):
            linalg.solve(torch.eye(2), torch.ones(3))


class TestDeterminant:
    def test_gradient_at_a_singular_matrix(self) -> None:
        """The cofactors, which need no inverse."""
        x = torch.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=torch.float64, requires_grad=True)
        linalg.det(x).backward()
        same(x.grad, [[4, -2], [-2, 1]])

    def test_logarithm(self) -> None:
        a = positive(3)
        same(torch.logdet(a), np.linalg.slogdet(a.numpy())[1])
        assert bool(torch.logdet(-torch.eye(3)).isnan())
        sign, logarithm = torch.slogdet(-torch.eye(3))
        assert (sign.item(), logarithm.item()) == (-1, 0)


class TestFactors:
    def test_cholesky(self) -> None:
        a = positive(3)
        lower = linalg.cholesky(a)
        same(lower @ lower.mT, a.numpy())
        same(linalg.cholesky(a, upper=True), lower.mT.numpy())
        same(linalg.cholesky(a + a.new_ones(3, 3).triu(1)), lower.numpy())  # lower part is read
        with pytest.raises(linalg.LinAlgError, match="not positive-definite"):
            linalg.cholesky(-a)

    def test_gradient_of_cholesky_is_symmetric(self) -> None:
        a = positive(3).requires_grad_()
        linalg.cholesky(a).sum().backward()
        same(a.grad, a.grad.mT.numpy())

    def test_qr(self) -> None:
        for shape in ((4, 3), (3, 3), (3, 5)):
            q, r = linalg.qr(made(*shape))
            same(q @ r, made(*shape).numpy())
            same(r, r.triu().numpy())
        assert linalg.qr(made(4, 3), "complete").Q.shape == (4, 4)

    def test_eigenvalues(self) -> None:
        a = positive(3)
        values, vectors = linalg.eigh(a)
        same((vectors * values) @ vectors.mT, a.numpy())
        same(linalg.eigvalsh(a), values.numpy())

    def test_singular_values(self) -> None:
        for shape in ((4, 3), (3, 4)):
            a = made(*shape, grad=True)
            u, s, vh = linalg.svd(a)
            assert u.shape == (shape[0], shape[0])
            assert vh.shape == (shape[1], shape[1])
            same((u[:, :3] * s) @ vh[:3], a.detach().numpy())
            s.sum().backward()
            same(a.grad, (u[:, :3] @ vh[:3]).detach().numpy())
        u, s, v = torch.svd(made(4, 3))
        same((u * s) @ v.mT, made(4, 3).numpy())

    def test_pinv_and_rank(self) -> None:
        a = made(4, 2) @ made(2, 3)
        same(linalg.pinv(a), np.linalg.pinv(a.numpy()))
        assert linalg.matrix_rank(a).item() == 2


class TestNorms:
    @pytest.mark.parametrize("ord", ["fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
    def test_matrix(self, ord: object) -> None:
        a = made(2, 3, 4)
        want = np.linalg.norm(a.numpy(), ord, axis=(1, 2))
        same(linalg.matrix_norm(a, ord), want)
        same(linalg.norm(a, ord, (1, 2), keepdim=True), want[:, None, None])

    def test_vector(self) -> None:
        same(linalg.norm(made(2, 3)), np.linalg.norm(made(2, 3).numpy()))
        same(linalg.norm(made(3), 3), np.linalg.norm(made(3).numpy(), 3))
        same(linalg.norm(made(2, 3), 1, 1), np.abs(made(2, 3).numpy()).sum(1))
        same(linalg.vecdot(made(2, 3), made(3)), made(2, 3).numpy() @ made(3).numpy())

    def test_condition(self) -> None:
        a = made(3, 3)
        for p in (None, 1, 2, -2, "fro", "nuc"):
            same(linalg.cond(a, p), np.linalg.cond(a.numpy(), p))

    def test_chain(self) -> None:
        a, b, v = made(2, 3), made(3, 4), made(4)
        same(linalg.multi_dot([a, b, v]), a.numpy() @ b.numpy() @ v.numpy())


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_derivatives_of_a_determinant_without_an_inverse(dtype: torch.dtype) -> None:
    row = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    x = torch.stack([row, row.square() + 1, 2 * row]).to(dtype)  # rank 2
    x = torch.stack([x, torch.zeros_like(x), torch.eye(3, dtype=dtype)]).requires_grad_()
    t = torch.linspace(-1, 1, 27, dtype=torch.float64).reshape(3, 3, 3).to(dtype)
    (first,) = torch.autograd.grad(torch.linalg.det(x).sum().real, x)
    again, moved = torch.func.jvp(torch.linalg.det, (x.detach(),), (t,))
    same(again, torch.linalg.det(x).detach().numpy())
    same(moved, (first.conj() * t).sum((1, 2)).numpy())
    assert torch.autograd.gradcheck(torch.linalg.det, x)
    assert torch.autograd.gradgradcheck(torch.linalg.det, x)


def test_cumulative_logarithms_in_forward_mode() -> None:
    x = torch.tensor([-math.inf, -1000.0, -1.0])
    _, moved = torch.func.jvp(lambda v: torch.logcumsumexp(v, 0), (x,), (torch.ones(3),))
    assert moved.tolist() == [0.0, 1.0, 1.0]
