"""A training that is stopped, saved and resumed is the training that was not stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import adjoint as torch
from adjoint import nn
from adjoint.nn.utils import clip_grad_norm_


def setting() -> dict[str, Any]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
    return {
        "model": model,
        "optimizer": optimizer,
        "scheduler": torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=6),
    }


def train(parts: dict[str, Any], epochs: range) -> float:
    x = torch.arange(80.0).reshape(20, 4).sin()
    y = torch.arange(20) % 3
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(x, y), batch_size=6, shuffle=True
    )
    total = 0.0
    for _ in epochs:
        for batch, target in loader:
            parts["optimizer"].zero_grad()
            loss = nn.functional.cross_entropy(parts["model"](batch), target)
            loss.backward()
            clip_grad_norm_(parts["model"].parameters(), 1.0)
            parts["optimizer"].step()
            total = loss.item()
        parts["scheduler"].step()
    return total


def test_resuming_goes_on_exactly(tmp_path: Path) -> None:
    whole = setting()
    expected = train(whole, range(6))

    first = setting()
    train(first, range(3))
    saved = {name: part.state_dict() for name, part in first.items()}
    torch.save({**saved, "random": torch.get_rng_state()}, tmp_path / "checkpoint.safetensors")

    resumed = setting()
    checkpoint = torch.load(tmp_path / "checkpoint.safetensors")
    for name, part in resumed.items():
        part.load_state_dict(checkpoint[name])
    torch.set_rng_state(checkpoint["random"])
    assert train(resumed, range(3, 6)) == expected
    for p, q in zip(whole["model"].parameters(), resumed["model"].parameters(), strict=True):
        assert p.tolist() == q.tolist()


def test_a_whole_module_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"obj is of type Linear.*Save its state_dict\(\) instead"):
        torch.save(nn.Linear(2, 3), tmp_path / "f")
    with pytest.raises(TypeError, match=r"obj\['optimizer'\] is of type SGD"):
        torch.save({"optimizer": torch.optim.SGD([torch.ones(1, requires_grad=True)])}, "f")


def test_tied_weights_stay_tied(tmp_path: Path) -> None:
    model = nn.ModuleList([nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)])
    model[1].weight = model[0].weight
    torch.save(model.state_dict(), tmp_path / "f")
    state = torch.load(tmp_path / "f")
    state["0.weight"][0, 0] = 7.0
    assert state["1.weight"][0, 0].item() == 7.0
