"""torch.nn.utils: norms over all gradients, clipping, and parameters as a vector."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import adjoint as torch
from adjoint.nn import utils


def params(*gradients: Any) -> list[torch.Tensor]:
    made = []
    for gradient in gradients:
        array = np.asarray(gradient)
        p = torch.from_numpy(np.zeros_like(array)).requires_grad_()
        p.grad = torch.from_numpy(array.copy())
        made.append(p)
    return made


@pytest.mark.parametrize("order", [2.0, 1.0, 3.5, math.inf, -math.inf, 0.0])
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_norms(order: float, dtype: Any) -> None:
    rng = np.random.default_rng(0)
    gradients = [rng.standard_normal(shape).astype(dtype) for shape in ((3, 4), (5,), ())]
    made = params(*gradients)
    norms = [np.linalg.norm(g.reshape(-1), order) for g in gradients]
    expected = np.linalg.norm(norms, order)
    total = utils.clip_grad_norm_(iter(made), 1e9, order)
    assert (total.shape, total.dtype) == ((), torch.float64)
    np.testing.assert_allclose(total.item(), expected, rtol=1e-12)
    assert [p.grad.tolist() for p in made] == [g.tolist() for g in gradients]


def test_clipping_by_norm_scales_all_alike() -> None:
    made = [*params(np.array([3.0]), np.array([[4.0]])), torch.tensor([1.0])]
    assert utils.clip_grad_norm_(made, 2.5).item() == 5.0
    factor = 2.5 / (5.0 + 1e-6)
    assert made[0].grad.tolist() == [3 * factor]
    assert made[1].grad.tolist() == [[4 * factor]]
    assert made[0].grad._version == 1


def test_a_single_tensor_and_none_at_all() -> None:
    (p,) = params(np.array([3.0, 4.0], np.float32))
    assert utils.clip_grad_norm_(p, 10.0).item() == 5.0
    assert utils.clip_grad_norm_([], 1.0).item() == 0.0
    assert utils.get_total_norm([]).item() == 0.0
    with pytest.warns(UserWarning, match="empty generator"):
        utils.clip_grad_norm_((p for p in []), 1.0)
    with pytest.warns(FutureWarning, match="deprecated"):
        utils.clip_grad_norm([p], 1.0)


def test_large_and_small_gradients_do_not_leave_the_range() -> None:
    large, small = params(np.full(3, 1e30, np.float32), np.full(3, 1e-30, np.float32))
    np.testing.assert_allclose(utils.get_total_norm(large.grad).item(), 3**0.5 * 1e30, rtol=1e-6)
    np.testing.assert_allclose(utils.get_total_norm(small.grad).item(), 3**0.5 * 1e-30, rtol=1e-6)
    half = torch.tensor([300.0, 400.0], dtype=torch.float16)
    assert utils.get_total_norm([half, torch.zeros(0)]).item() == 500.0


def test_infinite_norms() -> None:
    made = params(np.array([math.inf, 1.0]))
    with pytest.raises(RuntimeError, match="non-finite"):
        utils.clip_grad_norm_(made, 1.0, error_if_nonfinite=True)
    assert made[0].grad.tolist() == [math.inf, 1.0]
    utils.clip_grad_norm_(made, 1.0)
    assert made[0].grad[1].item() == 0.0


def test_clipping_by_value() -> None:
    made = params(np.array([-3.0, 0.25, 3.0], np.float32))
    utils.clip_grad_value_(made, 0.5)
    assert made[0].grad.tolist() == [-0.5, 0.25, 0.5]


def test_parameters_as_a_vector_and_back() -> None:
    a = torch.tensor([[1.0, 2.0]], requires_grad=True)
    b = torch.tensor(3.0, requires_grad=True)
    vector = utils.parameters_to_vector([a, b])
    assert vector.tolist() == [1.0, 2.0, 3.0]
    vector.backward(torch.tensor([4.0, 5.0, 6.0]))
    assert (a.grad.tolist(), b.grad.tolist()) == ([[4.0, 5.0]], 6.0)
    fresh = torch.tensor([7.0, 8.0, 9.0])
    utils.vector_to_parameters(fresh, [a, b])
    assert (a.tolist(), b.tolist()) == ([[7.0, 8.0]], 9.0)
    fresh.data[0] = 0.0
    assert a.tolist() == [[0.0, 8.0]]
    with pytest.raises(TypeError, match=r"expected torch\.Tensor, but got: list"):
        utils.vector_to_parameters([1.0], [a])
    with pytest.raises(RuntimeError, match="2 elements, but the parameters have 3"):
        utils.vector_to_parameters(torch.tensor([1.0, 2.0]), [a, b])
    assert a.tolist() == [[0.0, 8.0]]
