"""The project builds one pure wheel that holds the whole package, and works once installed."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALLED_CAP = 5_000_000  # bytes


def run(*command: str | Path, **options: object) -> str:
    child = subprocess.run(command, capture_output=True, text=True, **options)  # type: ignore[call-overload]
    assert child.returncode == 0, child.stdout + child.stderr
    return str(child.stdout)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # The build backend is called directly, so no build environment is fetched from a package index.
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (built,) = folder.iterdir()
    return built


def test_wheel_is_pure_and_holds_every_file_of_the_package(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    source = ROOT / "src"
    expected = {
        path.relative_to(source).as_posix()
        for path in (source / "adjoint").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "adjoint/py.typed" in expected
    assert {name for name in sizes if name.startswith("adjoint/")} == expected
    assert sum(sizes.values()) <= INSTALLED_CAP


def test_wheel_installs_and_works_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    run(*pip, "install", "--no-deps", "--no-index", "--no-compile", "--target", target, wheel)
    assert (target / "bin" / "adjoint").is_file()

    env = {**os.environ, "PYTHONPATH": str(target)}
    where = "import adjoint; print(adjoint.__file__)"
    assert Path(run(sys.executable, "-c", where, env=env, cwd=tmp_path).strip()).parent == (
        target / "adjoint"
    )
    assert "train" in run(sys.executable, "-m", "adjoint", "--help", env=env, cwd=tmp_path)
