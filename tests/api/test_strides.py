"""Steps in memory as torch 2.13 has them where NumPy says 0: empty tensors, new dimensions."""

from __future__ import annotations

from typing import Any

import pytest

import adjoint as torch

Z = torch.zeros
# Recorded from torch 2.13.
STRIDES: list[tuple[Any, tuple[int, ...]]] = [
    (Z(0), (1,)),
    (Z(0, 3), (3, 1)),
    (Z(3, 0), (1, 1)),
    (Z(2, 0, 3), (3, 3, 1)),
    (Z(4, 5, 0), (5, 1, 1)),
    (Z(0, 3).T, (1, 3)),
    (Z(4, 5, 0).permute(2, 1, 0), (1, 1, 5)),
    (Z(2, 0, 3).unsqueeze(0), (6, 3, 3, 1)),
    (Z(0).unsqueeze(0), (0, 1)),
    (Z(0, 1).expand(0, 4), (1, 0)),
    (Z(0, 4).unfold(1, 2, 1), (4, 1, 1)),
    (Z(0, 3).diagonal(), (4,)),
    (Z(0, 1, 3).squeeze(1), (3, 1)),
    (Z(0, 3).chunk(2, 1)[0], (3, 1)),
    (Z(3, 4)[1:1], (4, 1)),
    (Z(3, 4)[:, 2:2], (4, 1)),
    (torch.cat([Z(0, 3), Z(0, 3)]), (3, 1)),
    (Z(3, 0) @ Z(0, 4), (4, 1)),
    (torch.ones(3, 4)[Z(3).bool()], (4, 1)),
    (torch.zeros_like(Z(0, 3)) * 2, (3, 1)),
    (Z(3).unsqueeze(0), (3, 1)),
    (Z(3)[:, None], (1, 1)),
    (Z(3)[None, None], (3, 3, 1)),
    (Z(3, 4).t().unsqueeze(1), (1, 12, 4)),
    (Z(3, 1).expand(3, 4)[:, :1], (1, 0)),
    (Z(3, 1).expand(3, 4), (1, 0)),
]


@pytest.mark.parametrize(("t", "want"), STRIDES, ids=lambda v: "")
def test_strides(t: Any, want: tuple[int, ...]) -> None:
    assert t.stride() == want
    assert [t.stride(i) for i in range(t.dim())] == list(want)


def test_strides_inside_a_transform() -> None:
    found = []
    torch.func.vmap(lambda x: (x, found.append(x.stride()))[0])(Z(2, 3, 0, 4))
    assert found == [(4, 4, 1)]
