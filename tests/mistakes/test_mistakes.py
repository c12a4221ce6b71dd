"""Each common mistake gives one clear error, of the class torch raises, and changes nothing.

The mistakes are in `mistakes.txt`; an error tells what was expected, what came, and the way out.
"""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.mistakes.table import Mistake, namespace, read

import adjoint as torch

MISTAKES = list(read())


def state_of(value: Any, seen: dict[int, Any]) -> Any:
    """All that a mistake might change in a value."""
    if id(value) in seen:
        return seen[id(value)]
    seen[id(value)] = type(value).__name__  # what refers to itself ends here
    if isinstance(value, torch.Tensor):
        history = None if value.is_leaf else id(value.grad_fn)
        gradient = state_of(value.grad, seen) if value.is_leaf or value.retains_grad else None
        flags = value._version, value.requires_grad, value.dtype, tuple(value.shape)
        seen[id(value)] = (value.detach().numpy().tobytes(), *flags, history, gradient)
    elif isinstance(value, torch.nn.Module):
        values = {**value.state_dict(), **dict(value.named_parameters())}
        texts = [repr(value), *(m.training for m in value.modules())]
        seen[id(value)] = texts, {k: state_of(v, seen) for k, v in values.items()}
    elif isinstance(value, torch.optim.Optimizer):
        seen[id(value)] = state_of(value.state_dict(), seen), state_of(value.param_groups, seen)
    elif isinstance(value, dict):
        seen[id(value)] = {key: state_of(item, seen) for key, item in value.items()}
    elif isinstance(value, (list, tuple)):
        seen[id(value)] = [state_of(item, seen) for item in value]
    elif isinstance(value, (int, float, str, bytes)):
        seen[id(value)] = value
    return seen[id(value)]


def state(names: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The state of everything in sight: values, files, modes and random numbers."""
    kept: dict[int, Any] = {}
    files = {p.name: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    return {
        "names": {k: state_of(v, kept) for k, v in names.items() if not k.startswith("__")},
        "files": files,
        "modes": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "default dtype": torch.get_default_dtype(),
        "random": bytes(torch.get_rng_state().tolist()),
    }


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A function that fills the disk: what is opened for writing then takes no byte."""
    usual = os.open

    def opened(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        handle = usual(path, flags, *args, **kwargs)
        if flags & os.O_WRONLY:
            full = usual("/dev/full", os.O_WRONLY)
            os.dup2(full, handle)
            os.close(full)
        return handle

    return lambda: monkeypatch.setattr(os, "open", opened)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.name)
def test_mistake(mistake: Mistake, tmp_path: Path, full_disk: Callable[[], None]) -> None:
    if "full_disk" in mistake.setup and not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full to stand for a full disk")
    names = namespace(torch, tmp_path) | {"full_disk": full_disk}
    exec(mistake.setup, names)
    before = state(names, tmp_path)
    expected: Any = getattr(builtins, mistake.error)
    with pytest.raises(expected) as caught:
        exec(mistake.code, names)
    text = str(caught.value)
    assert [word for word in mistake.words if word not in text] == [], text
    after = state(names, tmp_path)
    assert {k: v for k, v in after.items() if v != before[k]} == {}


@pytest.mark.parametrize(
    "change",
    [
        "x[0] = 5",
        "x.data[0] = 5",
        "x.add_(0)",
        "x.requires_grad_()",
        "w.grad = torch.ones(2)",
        "w.grad.add_(1)",
        "m.eval()",
        "m.weight.data.zero_()",
        "m.register_buffer('a', x)",
        "o.param_groups[0]['lr'] = 2",
        "o.step()",
        "torch.rand(1)",
        "torch.set_grad_enabled(False)",
        "torch.set_default_dtype(torch.float64)",
        "(tmp / 'file').write_text('b')",
        "(tmp / 'other').write_text('b')",
    ],
)
def test_a_change_is_noticed(change: str, tmp_path: Path) -> None:
    names = namespace(torch, tmp_path)
    exec(
        "x = torch.ones(2); w = torch.ones(2, requires_grad=True); w.grad = torch.zeros(2)\n"
        "m = nn.Linear(2, 2); o = torch.optim.Adam([w]); (tmp / 'file').write_text('a')",
        names,
    )
    before = state(names, tmp_path)
    assert state(names, tmp_path) == before
    try:
        exec(change, names)
        assert state(names, tmp_path) != before
    finally:
        torch.set_grad_enabled(True)
        torch.set_default_dtype(torch.float32)


def test_there_are_enough() -> None:
    assert len(MISTAKES) >= 60
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES)
