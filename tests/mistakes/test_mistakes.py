"""Each common mistake gives one clear error, of the class torch raises, and changes nothing.

The mistakes are in `mistakes.txt`; an error tells what was expected, what came, and the way out.
"""

from __future__ import annotations

import builtins
import errno
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
    """A function that fills the disk: from then on no file takes a byte."""

    def write(*args: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    class Full:
        """A file that is open for writing and cannot be written."""

        def __init__(self, file: Any) -> None:
            self.file = file

        def write(self, data: Any) -> int:
            return write(data)

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *error: object) -> None:
            self.file.close()

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

    def fill() -> None:
        usual, usual_fd = builtins.open, os.fdopen
        monkeypatch.setattr(os, "write", write)
        monkeypatch.setattr(os, "writev", write, raising=False)
        for module, name, f in ((builtins, "open", usual), (os, "fdopen", usual_fd)):
            monkeypatch.setattr(module, name, opener(f))

    def opener(usual: Any) -> Any:
        def opened(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            found = usual(file, mode, *args, **kwargs)
            return Full(found) if set(mode) & set("wax+") else found

        return opened

    return fill


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.name)
def test_mistake(mistake: Mistake, tmp_path: Path, full_disk: Callable[[], None]) -> None:
    names = namespace(torch, tmp_path) | {"full_disk": full_disk}
    exec(mistake.setup, names)
    before = state(names, tmp_path)
    expected: Any = getattr(builtins, mistake.error)
    with pytest.raises(expected) as caught:
        exec(mistake.code, names)
    text = str(caught.value)
    print(f"{mistake.name}\n    {type(caught.value).__name__}: {text}")
    missing = [w for w in mistake.words if not any(part in text for part in w.split(" or "))]
    assert missing == [], text
    names.pop("x_new", None)
    after = state(names, tmp_path)
    assert {k: v for k, v in after.items() if v != before[k]} == {}


def test_there_are_enough() -> None:
    assert len(MISTAKES) >= 60
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES)
