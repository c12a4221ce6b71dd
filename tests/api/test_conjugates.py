"""Conjugates are copies; what would change the other tensor in torch is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import adjoint as torch

MADE: dict[str, Callable[[Any], Any]] = {
    "conj": lambda z: z.conj(),
    "torch.conj": torch.conj,
    "mH": lambda z: z.mH,
    "H": lambda z: z.H,
    "adjoint": lambda z: z.adjoint(),
    "of a conjugate": lambda z: z.conj().conj(),
    "of a view": lambda z: z[0].conj(),
    "a view": lambda z: z.conj()[0],
    "real part": lambda z: z.conj().real,
    "detached": lambda z: z.conj().detach(),
}
WRITES: dict[str, Callable[[Any], Any]] = {
    "mul_": lambda c: c.mul_(2),
    "zero_": lambda c: c.zero_(),
    "an element": lambda c: c.__setitem__(0, 1),
    "+=": lambda c: c.__iadd__(1),
    "out": lambda c: torch.add(c, 1, out=c),
}


def values() -> Any:
    return torch.tensor([[1 + 2j, 3 - 1j], [0.5j, 2]])


BOTH = [(w, t) for w in WRITES for t in (False, True) if w != "out" or not t]


@pytest.mark.parametrize(("write", "tracked"), BOTH)
@pytest.mark.parametrize("made", MADE)
def test_a_write_is_refused_while_the_other_is_there(made: str, tracked: bool, write: str) -> None:
    z = values()
    if tracked:
        z = z.requires_grad_() * 1
    c = MADE[made](z)
    before = c.tolist()
    with pytest.raises(RuntimeError, match=r"is the conjugate of another.*\.clone\(\)"):
        WRITES[write](c)
    assert c.tolist() == before and z.tolist() == values().tolist() and c._version == 0


@pytest.mark.parametrize(("write", "tracked"), BOTH)
@pytest.mark.parametrize("made", [m for m in MADE if m != "real part"])
def test_a_copy_is_written(made: str, tracked: bool, write: str) -> None:
    z = values()
    if tracked:
        z = z.requires_grad_() * 1
    for copied in (torch.Tensor.clone, torch.resolve_conj):
        WRITES[write](copied(MADE[made](z)))
    WRITES[write](z.conj_physical())
    assert z.tolist() == values().tolist()
    assert z.resolve_conj() is z


def test_the_conjugate_of_what_nobody_holds_is_written() -> None:
    assert (values() * 2).conj().mul_(2)[0, 0].item() == 4 - 8j
    assert values().mH.add_(1)[0, 1].item() == 1 - 0.5j


def test_gradients_are_written() -> None:
    w = values().requires_grad_()
    (gradient,) = torch.autograd.grad((w.conj() * w.conj()).real.sum(), w, create_graph=True)
    gradient.mul_(2)
    (w.conj() * values()).real.sum().backward()
    w.grad.mul_(2)


def test_a_real_tensor_is_its_own_conjugate() -> None:
    x = torch.ones(2)
    assert x.conj() is x and x.conj_physical() is x
    assert x.conj().mul_(2).tolist() == [2, 2]


def test_a_refused_out_is_as_it_was() -> None:
    out = torch.zeros(3, dtype=torch.int64)
    with pytest.raises(RuntimeError, match="can't be cast"):
        torch.mul(torch.ones(2), 2.0, out=out)
    assert out.shape == (3,)
    with pytest.raises(RuntimeError, match="more than one element"):
        torch.mul(torch.ones(2), 2.0, out=torch.zeros(1).expand(2))
