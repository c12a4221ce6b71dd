"""A small package with adjoint's shape, so that the import machinery is tested by itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILES = {
    "engine/__init__.py": """
        class Tensor: pass
        def ones(n): return [1.0] * n
        def __getattr__(name):
            if name == "lazy":
                import engine.lazy
                return engine.lazy
            raise AttributeError(f"module 'engine' has no attribute {name!r}")
    """,
    "engine/lazy.py": "value = 3",
    "engine/nn/__init__.py": """
        from engine.nn.layers import Linear
        from engine.nn import functional
    """,
    "engine/nn/layers.py": "class Linear: pass",
    "engine/nn/functional.py": "def relu(x): return max(x, 0)",
    "engine/vision/__init__.py": "from engine.vision import datasets",
    "engine/vision/datasets.py": "class MNIST: pass",
    "engine/needy.py": "import a_dependency_that_nobody_has",
    "engine/circle/__init__.py": "from engine.circle import one",
    "engine/circle/one.py": "from engine.circle import two",
    "engine/circle/two.py": "from engine.circle import one",
    # An installed torch, which has to lose.
    "torch/__init__.py": "real = True",
    "torch/only_real.py": "",
}
ALIASES = {"torch": "engine", "torchvision": "engine.vision", "torch.pictures": "engine.vision"}


@contextmanager
def fake_packages(folder: Path) -> Iterator[None]:
    """Write `engine` and a rival `torch` under `folder`, importable inside the block only."""
    for name, text in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = [line.removeprefix("        ") for line in text.splitlines()]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in list(sys.modules):
            if name.partition(".")[0] in ("engine", "torch", "torchvision"):
                del sys.modules[name]
