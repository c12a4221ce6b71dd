"""A load that fails changes nothing, also where hooks looked at what had been loaded."""

from __future__ import annotations

from typing import Any

import pytest

import adjoint as torch
from adjoint import nn


def modules() -> tuple[nn.Module, dict[str, Any]]:
    m = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))
    state = {key: torch.full_like(value, 7) for key, value in m.state_dict().items()}
    return m, state


@pytest.mark.parametrize("assign", [False, True])
@pytest.mark.parametrize("missing", [False, True])
def test_a_failed_load_is_undone(assign: bool, missing: bool) -> None:
    m, state = modules()
    parameters, values = list(m.parameters()), [p.clone() for p in m.parameters()]
    seen = []

    def hook(module: Any, keys: Any) -> Any:
        seen.append((m[0].weight == 7).all().item())
        return None if missing else keys  # returning something is an error

    m.register_load_state_dict_post_hook(hook)
    if missing:
        del state["1.running_mean"]
    with pytest.raises((RuntimeError, AssertionError)):
        m.load_state_dict(state, assign=assign)
    assert seen == [True]
    assert all(a is b for a, b in zip(m.parameters(), parameters, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(m.parameters(), values, strict=True))
    assert m[1].running_mean.tolist() == [0]


def test_a_hook_that_returns_another_dictionary_is_refused() -> None:
    m, _ = modules()
    m.register_state_dict_post_hook(lambda module, state, prefix, local: {})
    with pytest.raises(RuntimeError, match="must return None"):
        m.state_dict()


def test_loading_by_hand_writes_at_once() -> None:
    m, state = modules()
    lists: tuple[list[str], ...] = ([], [], [])
    m[0]._load_from_state_dict(state, "0.", {}, True, *lists)
    assert m[0].weight.tolist() == [[7, 7]]
    assert lists == ([], [], [])
    m[0]._load_from_state_dict({"0.x": torch.ones(1)}, "0.", {}, True, *lists)
    assert lists == (["0.weight", "0.bias"], ["0.x"], [])


def test_a_parametrization_that_fails_leaves_the_module_as_it_was() -> None:
    class Rows(nn.Module):
        def forward(self, x: Any) -> Any:
            return x[:1]

        def right_inverse(self, x: Any) -> Any:
            return x * 2

    m = nn.Linear(2, 2)
    weight, values = m.weight, m.weight.clone()
    with pytest.raises(ValueError, match="may not change the shape"):
        nn.utils.parametrize.register_parametrization(m, "weight", Rows())
    assert m.weight is weight
    assert torch.equal(weight, values)
    assert type(m) is nn.Linear
