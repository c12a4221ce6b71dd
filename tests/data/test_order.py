"""Samples come in torch's recorded order for the same seed, and the stream goes on alike."""

from __future__ import annotations

import json
import random as python_random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adjoint as torch
from adjoint import data
from adjoint.arrays import random

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "data.json").read_text("utf-8"))


class Numbers(data.Dataset[int]):
    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> int:
        return index


class Draws(Numbers):
    def __getitem__(self, index: int) -> Any:
        info = data.get_worker_info()
        assert info is not None
        drawn = random.uniform(random.default_generator, (), np.float32).item()
        return [info.seed % 2**31, python_random.random(), np.random.rand(), drawn]


def orders(loader: Any, epochs: int = 2) -> list[Any]:
    return [[batch.tolist() for batch in loader] for _ in range(epochs)]


def draw(generator: random.Generator) -> list[int]:
    return random.integers(generator, (3,), 0, 1000, np.int64).tolist()


def name(entry: dict[str, Any]) -> str:
    return f"{entry['seed']}-{entry['n']}"


@pytest.mark.parametrize("entry", GOLDEN["loaders"], ids=name)
def test_loaders_shuffle_as_torch(entry: dict[str, Any]) -> None:
    n, seed = entry["n"], entry["seed"]
    torch.manual_seed(seed)
    loader = data.DataLoader(Numbers(n), batch_size=4, shuffle=True)
    assert orders(loader) == entry["shuffled"]
    torch.manual_seed(seed)
    assert orders(data.DataLoader(Numbers(n), batch_size=4), 1) == entry["plain"]
    assert draw(random.default_generator) == entry["after plain"]
    generator = torch.Generator().manual_seed(seed)
    loader = data.DataLoader(
        Numbers(n), batch_size=4, shuffle=True, generator=generator, drop_last=True
    )
    assert orders(loader) == entry["with generator"]
    assert draw(generator) == entry["after"]


@pytest.mark.filterwarnings("ignore:Length of split at index 1 is 0")
@pytest.mark.parametrize("entry", GOLDEN["loaders"], ids=name)
def test_samplers_draw_as_torch(entry: dict[str, Any]) -> None:
    n = entry["n"]
    torch.manual_seed(entry["seed"])
    assert list(data.RandomSampler(range(n), True, 70)) == entry["replacement"]
    assert list(data.RandomSampler(range(n), num_samples=2 * n + 1)) == entry["many"]
    weights = list(range(1, n + 1))
    assert list(data.WeightedRandomSampler(weights, 12)) == entry["weighted"]
    assert list(data.WeightedRandomSampler(weights, n, False)) == entry["weighted once"]
    assert list(data.SubsetRandomSampler(range(0, 3 * n, 3))) == entry["subset"]
    parts = data.random_split(Numbers(n), [n - n // 3, n // 3])
    assert [part.indices for part in parts] == entry["split"]


def test_fractions_split_as_torch() -> None:
    torch.manual_seed(3)
    parts = data.random_split(Numbers(37), [0.5, 0.3, 0.2])
    assert [part.indices for part in parts] == GOLDEN["fractions"]


def test_workers_are_seeded_as_torch() -> None:
    torch.manual_seed(5)
    loader = data.DataLoader(Draws(4), batch_size=None, num_workers=2)
    assert list(loader) == GOLDEN["workers"]


@pytest.mark.parametrize("persistent", [False, True])
def test_workers_give_the_same_batches_in_the_same_order(persistent: bool) -> None:
    torch.manual_seed(0)
    expected = orders(data.DataLoader(Numbers(37), batch_size=4, shuffle=True), 1)
    torch.manual_seed(0)
    loader = data.DataLoader(
        Numbers(37), batch_size=4, shuffle=True, num_workers=2, persistent_workers=persistent
    )
    assert orders(loader, 1) == expected
