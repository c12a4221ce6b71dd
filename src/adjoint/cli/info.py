"""Floor 5: `adjoint info`: versions, BLAS, threads, dtypes and extras, for bug reports."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

# extra -> the distribution that it brings
EXTRAS = {
    "plots": "matplotlib",
    "compile": "llvmlite",
    "cuda": "cupy-cuda12x",
    "onnx": "onnx",
    "distributed": "mpi4py",
}
NEEDED = ("numpy", "scipy", "ml_dtypes", "safetensors", "tqdm")


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Add the `info` subcommand to the command line."""
    return subparsers.add_parser(
        "info",
        help="print versions, BLAS, threads, dtypes and extras found",
        description="Print what a bug report should say about this installation.",
    )


def version_of(distribution: str) -> str | None:
    """The installed version of a distribution, or None."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def blas() -> str:
    """The BLAS that NumPy was built with."""
    import numpy as np

    config: Any = np.show_config(mode="dicts")
    found = config.get("Build Dependencies", {}).get("blas", {})
    return f"{found.get('name', 'unknown')} {found.get('version', '')}".strip()


def threads() -> str:
    """How many threads BLAS may use: the environment's word, else the machine's cores."""
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        if os.environ.get(name):
            return f"{os.environ[name]} ({name})"
    return f"{os.cpu_count()} (one for each core; OMP_NUM_THREADS sets another number)"


def rows() -> list[tuple[str, str]]:
    """What is printed, as (name, value)."""
    import adjoint
    from adjoint.arrays import dtypes

    lines = [
        ("adjoint", adjoint.__version__),
        ("location", os.path.dirname(adjoint.__file__)),
        ("python", f"{platform.python_version()} ({platform.python_implementation()})"),
        ("platform", platform.platform()),
        ("blas", blas()),
        ("threads", threads()),
        ("dtypes", ", ".join(d.name for d in dtypes.ALL)),
        ("default dtype", str(dtypes.get_default_dtype())),
        ("devices", "cpu"),
    ]
    lines += [(name, version_of(name) or "missing") for name in NEEDED]
    for extra, distribution in EXTRAS.items():
        found = version_of(distribution)
        have = f"{distribution} {found}" if found else f"missing: pip install 'adjoint[{extra}]'"
        lines.append((f"extra {extra}", have))
    return lines


def main(args: argparse.Namespace) -> int:
    """Print the table."""
    for name, value in rows():
        print(f"{name:18} {value}")
    return 0
