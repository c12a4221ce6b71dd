"""A script runs as under `python script.py`: same names, same traceback, same exit status."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from pathlib import Path

import pytest

import adjoint
from adjoint.compat.script import run_script

# Files of the runner, none of which may show in a user's traceback.
RUNNER_FILES = ("compat", "cli", "importlib", "runpy")


def write(folder: Path, text: str, name: str = "job.py") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def python(path: str, *args: str) -> subprocess.CompletedProcess[str]:
    """What Python itself makes of a script, to compare with."""
    return subprocess.run(
        [sys.executable, path, *args], capture_output=True, text=True, check=False, timeout=60
    )


def test_names_are_those_of_a_script(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "value = 5\n", "neighbour.py")
    path = write(
        tmp_path,
        "import sys, neighbour\n"
        "print(__name__, __file__, __package__, __spec__, __doc__, __cached__)\n"
        "print(sys.argv, sys.path[0], neighbour.value)\n"
        "print(sys.modules['__main__'].__dict__ is globals(), type(__builtins__).__name__)\n",
    )
    assert run_script(path, ["--lr", "0.1", "-h"]) == 0
    sys.modules.pop("neighbour")
    assert capfd.readouterr().out == python(path, "--lr", "0.1", "-h").stdout


def test_torch_is_adjoint_during_the_run_only(tmp_path: Path) -> None:
    before = sys.argv, list(sys.path), sys.modules["__main__"], list(sys.meta_path)
    path = write(tmp_path, "import adjoint, torch\nassert torch is adjoint\n")
    assert run_script(path) == 0
    assert (sys.argv, sys.path, sys.modules["__main__"], sys.meta_path) == before
    assert sys.modules.get("torch") is not adjoint


@pytest.mark.parametrize(
    "code",
    [
        "",
        "import sys; sys.exit()",
        "import sys; sys.exit(3)",
        "raise SystemExit('no data')",
        "def f(x):\n    return 1 / x\nf(0)",
        "try:\n    {}['a']\nexcept KeyError as e:\n    raise ValueError('bad') from e",
        "try:\n    {}['a']\nexcept KeyError:\n    open('/nonexistent/file')",
        "x = 1\nif x\n    pass",
        "import nothing_of_this_name",
        "from json import nothing",
        "import json\njson.nothing",
        "import sys\nsys.excepthook = lambda *a: print('mine:', a[0].__name__, a[1])\n1 / 0",
    ],
)
def test_ends_as_under_python(
    code: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    path = write(tmp_path, code)
    expected = python(path)
    assert run_script(path) == expected.returncode
    seen = capfd.readouterr()
    assert (seen.out, seen.err) == (expected.stdout, expected.stderr)


def test_an_interrupt_is_reported_as_the_shell_does(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_script(write(tmp_path, "raise KeyboardInterrupt")) == 130
    assert capfd.readouterr().err.endswith("KeyboardInterrupt\n")


@pytest.mark.parametrize(
    ("code", "missing"),
    [
        ("import torch.nothing", "ModuleNotFoundError: adjoint has no torch.nothing: "),
        ("from torch.nn import Nothing", "ImportError: adjoint has no torch.nn.Nothing: "),
        ("import torch\ntorch.nothing(1)", "AttributeError: adjoint has no torch.nothing: "),
    ],
)
def test_what_is_missing_ends_a_short_traceback(
    code: str, missing: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, code)
    assert run_script(path) == 1
    error = capfd.readouterr().err
    last = [line for line in error.splitlines() if missing in line]
    assert len(last) == 1
    files = [line for line in error.splitlines() if line.startswith("  File ")]
    assert files == [f'  File "{path}", line {len(code.splitlines())}, in <module>']


def test_frames_of_the_library_stay(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "import torch\ntorch.ones(2) @ torch.ones(3)\n")
    assert run_script(path) == 1
    files = [line for line in capfd.readouterr().err.splitlines() if line.startswith("  File ")]
    assert files[0].startswith(f'  File "{path}", line 2')
    assert len(files) > 1
    assert not any(f"/adjoint/{room}/" in line for line in files for room in RUNNER_FILES)


def test_threads_that_a_script_leaves_behind_finish_first(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write(
        tmp_path,
        "import threading, time\n"
        "def late():\n"
        "    time.sleep(0.05)\n"
        "    import torch, adjoint\n"
        "    print(torch is adjoint)\n"
        "threading.Thread(target=late).start()\n",
    )
    assert run_script(path) == 0
    assert capfd.readouterr().out == "True\n"


def test_classes_of_a_script_can_be_pickled(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "import copy, pickle, torch\n"
        "class Item:\n"
        "    def __init__(self): self.t = torch.ones(2)\n"
        "assert pickle.loads(pickle.dumps(Item())).t.tolist() == [1, 1]\n"
        "assert copy.deepcopy(torch.ones(1)).item() == 1\n",
    )
    assert run_script(path) == 0


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_processes_that_a_script_starts_see_torch_too(method: str, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "import multiprocessing, adjoint, torch\n"
        "SIZE = 2\n"
        "class Item: pass\n"
        "def work(item):\n"
        "    import torch.nn\n"
        "    assert isinstance(item, Item) and torch is adjoint\n"
        "    return torch.ones(SIZE).tolist(), torch.nn.__name__\n"
        "if __name__ == '__main__':\n"
        f"    with multiprocessing.get_context({method!r}).Pool(1) as pool:\n"
        "        print(pool.map(work, [Item()]))\n",
    )
    result = subprocess.run(
        [sys.executable, "-m", "adjoint", "run", path],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (result.returncode, result.stdout) == (0, "[([1.0, 1.0], 'adjoint.nn')]\n")


def test_a_file_that_is_not_there_is_the_callers_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run_script(str(tmp_path / "absent.py"))
