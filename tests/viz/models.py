"""Models that the drawings are tested on."""

from __future__ import annotations

import adjoint as torch
from adjoint import nn


class Block(nn.Module):
    """A residual block whose one activation is called twice."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = self.relu(self.norm(self.first(x)))
        return self.relu(self.second(inner) + x)


class Residual(nn.Module):
    """A stem, stages of blocks and a linear layer."""

    def __init__(self, blocks: int, stages: int = 2, channels: int = 3) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, channels, 3), nn.ReLU())
        self.stages = nn.ModuleList(
            nn.Sequential(*[Block(channels) for _ in range(blocks)]) for _ in range(stages)
        )
        self.head = nn.Linear(channels, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return self.head(x.mean((2, 3)))


def perceptron() -> nn.Module:
    """Two linear layers and a tanh."""
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))


IMAGE = (1, 3, 6, 6)
