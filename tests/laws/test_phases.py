"""Complex singular vectors and eigenvectors have a free phase, which these losses do not see."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as torch

STEP = 1e-6


def _matrix(*shape: int) -> Any:
    rng = np.random.default_rng(sum(shape))
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def _svd_all(a: torch.Tensor) -> torch.Tensor:
    u, s, vh = torch.linalg.svd(a, full_matrices=False)
    product = (u * s.tanh().unsqueeze(-2)) @ vh
    return (product * (1 - 2j)).real.sum() + (u.abs() ** 3).sum() + (vh.abs() ** 3)[..., 0].sum()


def _svd_values(a: torch.Tensor) -> torch.Tensor:
    return (torch.linalg.svdvals(a) ** 3).sum()


def _projector(a: torch.Tensor) -> torch.Tensor:
    first = torch.linalg.svd(a, full_matrices=False)[0][..., :1]
    return ((first @ first.mH) * (2 + 1j)).real.cumsum(-1).sum()


def _eigh_all(a: torch.Tensor) -> torch.Tensor:
    values, vectors = torch.linalg.eigh((a + a.mH) / 2)
    function = (vectors * values.sin().unsqueeze(-2)) @ vectors.mH
    return (function * (1 - 2j)).real.cumsum(-1).sum() + (vectors.abs() ** 3)[..., 0].sum()


def _eigenvalues(a: torch.Tensor) -> torch.Tensor:
    return (torch.linalg.eigvalsh((a + a.mH) / 2) ** 3).sum()


LOSSES = {
    "svd": (_svd_all, ((3, 3), (4, 2), (2, 4), (2, 3, 2))),
    "svdvals": (_svd_values, ((3, 3), (4, 2))),
    "projector": (_projector, ((3, 3), (4, 2), (2, 3))),
    "eigh": (_eigh_all, ((3, 3), (2, 2, 2))),
    "eigvalsh": (_eigenvalues, ((3, 3),)),
    "nuclear norm": (lambda a: torch.linalg.matrix_norm(a, "nuc"), ((3, 2),)),
}
CASES = [(name, shape) for name, (_, shapes) in LOSSES.items() for shape in shapes]


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_first_and_second_derivative(name: str, shape: tuple[int, ...]) -> None:
    loss, start, direction = LOSSES[name][0], _matrix(*shape), _matrix(*shape, 1)[..., 0]

    def slope(array: Any) -> Any:
        a = torch.tensor(array, requires_grad=True)
        (found,) = torch.autograd.grad(loss(a), a, create_graph=True)
        return a, found

    def along(gradient: Any) -> Any:
        return (torch.tensor(np.conj(direction)) * gradient).real.sum()

    a, first = slope(start)
    moved = [start + sign * STEP * direction for sign in (1, -1)]
    values = [loss(torch.tensor(m)).item() for m in moved]
    want = (values[0] - values[1]) / (2 * STEP)
    np.testing.assert_allclose(along(first).item(), want, rtol=1e-6, atol=1e-7)
    (second,) = torch.autograd.grad(along(first), a)
    slopes = [slope(m)[1].detach().numpy() for m in moved]
    difference = (slopes[0] - slopes[1]) / (2 * STEP)
    np.testing.assert_allclose(second.numpy(), difference, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
def test_svd_forward_mode(shape: tuple[int, ...]) -> None:
    """u diag(s) vh stays x: the tangents of the three make up the tangent of x."""
    from adjoint.arrays import cpu
    from adjoint.ops.svd import svd

    x, t = _matrix(*shape), _matrix(*shape, 1)[..., 0]
    (u, s, vh), (du, ds, dvh) = svd.jvp(cpu, [x], [t])
    np.testing.assert_allclose((du * s + u * ds) @ vh + u * s @ dvh, t, rtol=1e-10, atol=1e-10)
    turning = u.conj().T @ du
    np.testing.assert_allclose(turning, -turning.conj().T, atol=1e-10)
