"""Record torch's orders of samples into `data.json`. Run by hand, where torch is installed.

python tests/golden/record_data.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils import data


class Numbers(data.Dataset):
    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> int:
        return index


class Draws(Numbers):
    """What a worker's generators give first."""

    def __getitem__(self, index: int) -> list[float]:
        import random

        info = data.get_worker_info()
        return [info.seed % 2**31, random.random(), np.random.rand(), torch.rand(()).item()]


def orders(loader: Any, epochs: int = 2) -> list[Any]:
    return [[batch.tolist() for batch in loader] for _ in range(epochs)]


def record() -> dict[str, Any]:
    found: dict[str, Any] = {"source": f"torch {torch.__version__}", "loaders": []}
    for seed in (0, 1, 7, 42, 123456):
        for n in (1, 10, 37):
            entry: dict[str, Any] = {"seed": seed, "n": n}
            torch.manual_seed(seed)
            entry["shuffled"] = orders(data.DataLoader(Numbers(n), batch_size=4, shuffle=True))
            torch.manual_seed(seed)
            entry["plain"] = orders(data.DataLoader(Numbers(n), batch_size=4), 1)
            entry["after plain"] = torch.randint(1000, (3,)).tolist()
            generator = torch.Generator().manual_seed(seed)
            entry["with generator"] = orders(
                data.DataLoader(
                    Numbers(n), batch_size=4, shuffle=True, generator=generator, drop_last=True
                )
            )
            entry["after"] = torch.randint(1000, (3,), generator=generator).tolist()
            torch.manual_seed(seed)
            entry["replacement"] = list(data.RandomSampler(range(n), True, 70))
            entry["many"] = list(data.RandomSampler(range(n), num_samples=2 * n + 1))
            entry["weighted"] = list(data.WeightedRandomSampler(range(1, n + 1), 12))
            entry["weighted once"] = list(data.WeightedRandomSampler(range(1, n + 1), n, False))
            entry["subset"] = list(data.SubsetRandomSampler(range(0, 3 * n, 3)))
            parts = data.random_split(Numbers(n), [n - n // 3, n // 3])
            entry["split"] = [part.indices for part in parts]
            found["loaders"].append(entry)
    torch.manual_seed(3)
    parts = data.random_split(Numbers(37), [0.5, 0.3, 0.2])
    found["fractions"] = [part.indices for part in parts]
    torch.manual_seed(5)
    loader = data.DataLoader(Draws(4), batch_size=None, num_workers=2)
    found["workers"] = list(loader)
    return found


if __name__ == "__main__":
    target = Path(__file__).with_name("data.json")
    target.write_text(json.dumps(record()) + "\n", encoding="utf-8")
    print(f"{target}: {target.stat().st_size} bytes")
