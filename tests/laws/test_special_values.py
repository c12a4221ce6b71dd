"""Values and gradients at infinities, zeros of either sign and nan, as torch 2.13 has them."""

from __future__ import annotations

import math

import numpy as np
import pytest

import adjoint as torch


def test_the_entropy_of_zero_is_plus_zero() -> None:
    found = torch.special.entr(torch.tensor([0.0, -0.0, 1.0, -1.0, math.inf])).numpy()
    np.testing.assert_array_equal(found, [0, 0, 0, -math.inf, -math.inf])
    np.testing.assert_array_equal(np.signbit(found), [False, False, True, True, True])


def test_the_remainder_by_an_infinity_of_the_other_sign_moves_with_it() -> None:
    y = torch.tensor([-math.inf, math.inf, math.inf], requires_grad=True)
    torch.remainder(torch.tensor([1.0, -1.0, 1.0]), y).sum().backward()
    assert y.grad.tolist() == [1, 1, 0]


def test_each_part_of_a_complex_number_is_replaced_alone() -> None:
    values = [complex(1, math.nan), complex(math.inf, 2), 1 + 1j]
    z = torch.tensor(values, dtype=torch.complex128, requires_grad=True)
    (torch.nan_to_num(z) * (1 - 1j)).real.sum().backward()
    assert z.grad.tolist() == [1, 1j, 1 + 1j]


def test_only_the_normalization_without_a_mean_is_for_complex_numbers() -> None:
    z = torch.full((2, 3), 3 + 4j, dtype=torch.complex64)
    divided = torch.nn.functional.rms_norm(z, (3,)).numpy()
    np.testing.assert_allclose(np.abs(divided), np.ones((2, 3)), rtol=1e-6)
    with pytest.raises(NotImplementedError, match="normalization is not implemented for complex64"):
        torch.nn.functional.layer_norm(z, (3,))
