"""Matrix products: which ranks multiply to what, einsum's forms, dtypes, and errors."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as torch


def made(*shape: int, dtype: torch.dtype = torch.float64, grad: bool = False) -> torch.Tensor:
    n = int(np.prod(shape))
    values = np.random.default_rng(n).standard_normal(shape)
    return torch.tensor(values, dtype=dtype, requires_grad=grad)


def same(got: torch.Tensor, want: object) -> None:
    np.testing.assert_allclose(got.detach().numpy(), want, rtol=1e-12, atol=1e-12)
    assert got.shape == np.shape(want)


class TestMatmul:
    @pytest.mark.parametrize(
        ("a", "b"),
        [
            ((3,), (3,)),
            ((2, 3), (3,)),
            ((3,), (3, 2)),
            ((2, 3), (3, 4)),
            ((5, 2, 3), (3,)),
            ((3,), (5, 3, 2)),
            ((5, 2, 3), (3, 4)),
            ((2, 3), (5, 3, 4)),
            ((5, 1, 2, 3), (4, 3, 2)),
            ((0, 3), (3, 2)),
            ((2, 0), (0, 3)),
        ],
    )
    def test_ranks(self, a: tuple[int, ...], b: tuple[int, ...]) -> None:
        x, y = made(*a, grad=True), made(*b, grad=True)
        out = x @ y
        same(out, x.detach().numpy() @ y.detach().numpy())
        out.sum().backward()
        assert x.grad.shape == a
        assert y.grad.shape == b
        same(torch.matmul(x, y), out.detach().numpy())

    def test_gradient_of_a_matrix_shared_by_a_batch(self) -> None:
        x, w = made(5, 2, 3), made(3, 4, grad=True)
        (x @ w).backward(torch.ones(5, 2, 4, dtype=torch.float64))
        same(w.grad, x.numpy().sum((0, 1))[:, None] * np.ones(4))

    def test_expanded_operand(self) -> None:
        """Stride 0, as gradients of sums have."""
        x = made(3, 1).expand(3, 4)
        same(x @ made(4, 2), x.numpy().copy() @ made(4, 2).numpy())

    def test_complex_gradient_is_conjugated(self) -> None:
        x = torch.tensor([[1 + 2j]], requires_grad=True)
        y = torch.tensor([[3 - 1j]], requires_grad=True)
        (x @ y).real.sum().backward()
        assert x.grad.item() == 3 + 1j
        assert y.grad.item() == 1 - 2j

    @pytest.mark.parametrize("dtype", [torch.int64, torch.float16, torch.bfloat16, torch.float32])
    def test_dtypes(self, dtype: torch.dtype) -> None:
        x = torch.tensor([[1, 2], [3, 4]]).to(dtype)
        out = x @ x
        assert out.dtype is dtype
        assert out.tolist() == [[7, 10], [15, 22]]

    def test_names_of_nodes(self) -> None:
        x, v = made(2, 2, grad=True), made(2, grad=True)
        assert (x @ x).grad_fn.name() == "MmBackward0"
        assert (x @ v).grad_fn.name() == "MvBackward0"
        assert (v @ v).grad_fn.name() == "DotBackward0"

    @pytest.mark.parametrize(
        ("a", "b", "message"),
        [
            ((2, 3), (2, 3), r"cannot be multiplied \(2x3 and 2x3\)"),
            ((4, 2, 3), (2, 3), r"cannot be multiplied \(8x3 and 2x3\)"),
            ((2, 3), (2,), r"size mismatch, got input \(2\), mat \(2x3\), vec \(2\)"),
            ((3,), (2,), "inconsistent tensor size"),
            ((4, 2, 3), (5, 3, 2), r"tensor a \(4\) must match the size of tensor b \(5\)"),
            ((), (2,), "both arguments to matmul need to be at least 1D"),
        ],
    )
    def test_shape_errors(self, a: object, b: object, message: str) -> None:
        with pytest.raises(RuntimeError, match=message):
            torch.ones(a) @ torch.ones(b)

    def test_other_errors(self) -> None:
        x = torch.ones(2, 2)
        with pytest.raises(RuntimeError, match="same dtype, but got: float != double"):
            x @ x.double()
        with pytest.raises(TypeError, match="unsupported operand"):
            x @ 3
        with pytest.raises(TypeError, match=r"argument 'other' \(position 2\) must be Tensor"):
            torch.matmul(x, np.ones((2, 2)))
        with pytest.raises(NotImplementedError, match="not implemented for 'Bool'"):
            x.bool() @ x.bool()
        with pytest.raises(RuntimeError, match="mat2 must be a matrix"):
            torch.mm(x, x[0])
        with pytest.raises(RuntimeError, match=r"to be: \[1, 2\] but got: \[2, 2\]"):
            torch.bmm(torch.ones(1, 2, 2), torch.ones(2, 2, 2))


class TestAddition:
    def test_addmm(self) -> None:
        c, x, y = made(4), made(2, 3), made(3, 4)
        want = 0.5 * c.numpy() - 2 * (x.numpy() @ y.numpy())
        same(torch.addmm(c, x, y, beta=0.5, alpha=-2), want)
        same(made(2, 4).copy_(c.expand(2, 4)).addmm_(x, y, beta=0.5, alpha=-2), want)

    def test_zero_beta_ignores_nan(self) -> None:
        x = torch.eye(2)
        assert torch.addmm(x * float("nan"), x, x, beta=0).tolist() == [[1, 0], [0, 1]]

    def test_factors_of_integers_are_cut(self) -> None:
        x = torch.ones(2, 2, dtype=torch.int64)
        assert torch.addmm(x, x, x, beta=0.5, alpha=1.6).tolist() == [[2, 2], [2, 2]]

    def test_relatives(self) -> None:
        c, m, v = made(3), made(3, 3), made(3)
        same(torch.addmv(c, m, v), c.numpy() + m.numpy() @ v.numpy())
        same(torch.addr(m, c, v), m.numpy() + np.outer(c.numpy(), v.numpy()))
        b = made(2, 3, 3)
        same(torch.baddbmm(m, b, b), m.numpy() + b.numpy() @ b.numpy())
        same(torch.addbmm(m, b, b), m.numpy() + (b.numpy() @ b.numpy()).sum(0))

    def test_input_has_to_broadcast(self) -> None:
        with pytest.raises(RuntimeError, match=r"expanded size of the tensor \(2\)"):
            torch.addmm(torch.ones(3), torch.ones(2, 2), torch.ones(2, 2))


class TestEinsum:
    @pytest.mark.parametrize(
        ("equation", "shapes"),
        [
            ("ij,jk->ik", [(2, 3), (3, 4)]),
            ("ij,jk", [(2, 3), (3, 4)]),
            ("ba,ca", [(2, 3), (4, 3)]),
            ("bij,bjk->bik", [(5, 2, 3), (5, 3, 4)]),
            ("bhqd,bhkd->bhqk", [(2, 3, 4, 5), (2, 3, 6, 5)]),
            ("i,j->ij", [(2,), (3,)]),
            ("ii->i", [(3, 3)]),
            ("ii", [(3, 3)]),
            ("iij->j", [(2, 2, 3)]),
            ("ij->", [(2, 3)]),
            ("ij->ji", [(2, 3)]),
            ("ij,ij->", [(2, 3), (2, 3)]),
            ("ij,ij->ij", [(2, 3), (2, 3)]),
            ("...ij,...jk->...ik", [(2, 1, 2, 3), (4, 3, 2)]),
            ("...i,i->...", [(2, 3, 4), (4,)]),
            ("i...->...i", [(2, 3, 4)]),
            ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 5)]),
            ("bn,anm,bm->ba", [(2, 3), (5, 3, 4), (2, 4)]),
            ("ab,cd->", [(2, 3), (4, 5)]),
            ("aB,Ba->a", [(2, 3), (3, 2)]),
        ],
    )
    def test_equations(self, equation: str, shapes: list[tuple[int, ...]]) -> None:
        xs = [made(*s, grad=True) for s in shapes]
        out = torch.einsum(equation, *xs)
        arrays = [x.detach().numpy() for x in xs]
        want = np.einsum(equation, *arrays)
        same(out, want)
        ct = made(*want.shape)
        for x, g in zip(xs, torch.autograd.grad(out, xs, ct), strict=True):
            assert g.shape == x.shape
            # linear in every operand: <ct, out> = <g, x>
            assert (g * x).sum().item() == pytest.approx((ct * out).sum().item())

    def test_forms(self) -> None:
        x, y = made(2, 3), made(3, 4)
        want = x.numpy() @ y.numpy()
        same(torch.einsum("ij, jk -> ik", [x, y]), want)
        same(torch.einsum(x, [0, 1], y, [1, 2], [0, 2]), want)
        same(torch.einsum(x, [0, 1], y, [1, 2]), want)
        same(torch.einsum(x, [..., 1], y, [1, 2], [..., 2]), want)

    def test_size_one_is_broadcast(self) -> None:
        x, y = made(2, 1), made(3, 4)
        same(torch.einsum("ij,jk->ik", x, y), x.numpy() * y.numpy().sum(0))
        same(torch.einsum("ij,jk->ijk", x, y), x.numpy()[:, :, None] * y.numpy())

    @pytest.mark.parametrize(
        ("equation", "shapes", "message"),
        [
            ("ij,jk->ik", [(2, 3)], "fewer operands were provided"),
            ("ij", [(2, 3), (2, 3)], "more operands were provided"),
            ("ij->", [(2,)], r"subscripts in the equation \(2\) does not match"),
            ("ij->ii", [(2, 3)], "appears more than once in the output"),
            ("ij->k", [(2, 3)], "output subscript k does not appear"),
            ("ij,jk->ik", [(2, 3), (4, 5)], "subscript j has size 4 for operand 1"),
            ("ii->i", [(2, 3)], "repeated for operand 0 but the sizes don't match"),
            ("i1->i", [(2, 3)], "invalid subscript"),
        ],
    )
    def test_errors(self, equation: str, shapes: list[tuple[int, ...]], message: str) -> None:
        with pytest.raises(RuntimeError, match=message):
            torch.einsum(equation, *[torch.ones(s) for s in shapes])


class TestContractions:
    def test_tensordot(self) -> None:
        x, y = made(2, 3, 4), made(3, 4, 5)
        same(torch.tensordot(x, y), np.tensordot(x.numpy(), y.numpy()))
        same(torch.tensordot(x, y, dims=0), np.tensordot(x.numpy(), y.numpy(), 0))
        pairs = ([1, 2], [0, 1])
        same(torch.tensordot(x, y, dims=pairs), np.tensordot(x.numpy(), y.numpy(), pairs))
        with pytest.raises(RuntimeError, match="contracted dimensions need to match"):
            torch.tensordot(x, y, dims=1)

    def test_kron(self) -> None:
        x, y = made(2, 3), made(4)
        same(torch.kron(x, y), np.kron(x.numpy(), y.numpy()))

    def test_inner_and_outer(self) -> None:
        x, y = made(2, 3), made(4, 3)
        same(torch.inner(x, y), np.inner(x.numpy(), y.numpy()))
        same(torch.outer(x[0], y[1]), np.outer(x[0].numpy(), y[1].numpy()))
        with pytest.raises(RuntimeError, match="Expected 1-D argument self"):
            torch.outer(x, y)

    def test_cross(self) -> None:
        x, y = made(4, 3), made(4, 3)
        same(torch.cross(x, y, dim=1), np.cross(x.numpy(), y.numpy()))
        with pytest.warns(UserWarning, match="without specifying the dim"):
            same(torch.cross(x, y), np.cross(x.numpy(), y.numpy()))

    def test_cdist_and_its_zero(self) -> None:
        x = torch.tensor([[0.0, 0.0], [3.0, 4.0]], dtype=torch.float64, requires_grad=True)
        out = torch.cdist(x, x)
        same(out, [[0, 5], [5, 0]])
        out.sum().backward()
        same(x.grad, [[-1.2, -1.6], [1.2, 1.6]])

    def test_matrix_power_and_chain(self) -> None:
        m = made(3, 3)
        for n in (0, 1, 2, 5):
            same(torch.matrix_power(m, n), np.linalg.matrix_power(m.numpy(), n))
        assert torch.matrix_power(m, 1) is not m
        chain = [made(a, b) for a, b in zip((2, 5, 3), (5, 3, 6))]
        same(torch.chain_matmul(*chain), np.linalg.multi_dot([c.numpy() for c in chain]))
