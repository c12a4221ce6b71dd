"""Random numbers inside vmap: torch's, from the same seed, in every mode of `randomness`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.func.randomness_program import CASES, MODES, run

import adjoint as torch
from adjoint.func import grad, jvp, vmap
from adjoint.nn import functional as F

RECORDED = json.loads(Path(__file__).with_name("randomness.json").read_text(encoding="utf-8"))
# torch refuses the same numbers for parameters that differ; where the numbers themselves do not
# depend on the parameters, they are drawn here.
LENIENT = ("torch.normal(", "torch.bernoulli(x, 0.3)")


@pytest.mark.parametrize("text", CASES)
@pytest.mark.parametrize("mode", MODES)
def test_torchs_numbers(text: str, mode: str) -> None:
    got, expected = run(text, mode, torch), RECORDED[text][mode]
    if mode == "same" and text.startswith(LENIENT) and "0.0, 1.0" not in text:
        assert isinstance(expected, str) and len(got) == 12
    elif isinstance(expected, str):
        assert got == expected
    else:
        np.testing.assert_allclose(got, expected, atol=2e-4)


def test_an_error_draws_nothing() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="randomness error mode"):
        vmap(lambda x: x * torch.rand(3))(torch.ones(2, 3))
    assert torch.equal(torch.get_rng_state(), state)


def test_gradients_use_the_numbers_that_were_drawn() -> None:
    x = torch.ones(5, 4)
    torch.manual_seed(2)
    kept = vmap(lambda v: F.dropout(v), randomness="different")(x)
    torch.manual_seed(2)
    slopes = vmap(grad(lambda v: F.dropout(v).sum()), randomness="different")(x)
    assert torch.equal(slopes, kept) and not torch.equal(kept[0], kept[1])
    torch.manual_seed(2)
    _, moved = jvp(vmap(lambda v: F.dropout(v), randomness="different"), (x,), (x,))
    assert torch.equal(moved, kept)


def test_forward_mode_alone_draws_as_ever() -> None:
    torch.manual_seed(3)
    expected = F.dropout(torch.ones(6))
    torch.manual_seed(3)
    value, moved = jvp(F.dropout, (torch.ones(6),), (torch.ones(6),))
    assert torch.equal(value, expected) and torch.equal(moved, expected)


def test_rrelu_has_a_slope_for_each_negative_element() -> None:
    x = -torch.ones(3, 4)
    out = vmap(lambda v: F.rrelu(v, 0.1, 0.3, training=True), randomness="different")(x)
    assert len(set(out.reshape(-1).tolist())) == 12
    assert bool(((out >= -0.3) & (out <= -0.1)).all())


def test_orthogonal_matrices_of_an_ensemble() -> None:
    w = vmap(torch.nn.init.orthogonal_, randomness="different")(torch.zeros(3, 2, 4))
    assert torch.allclose(w @ w.mT, torch.eye(2), atol=1e-6)
    assert not torch.allclose(w[0], w[1])
