"""Floor 5: pictures: data sets of them, transforms on them, grids and files of them.

The names are torchvision's. Every part is loaded when it is first touched, so that importing this
package costs nothing; so is Pillow, which is used for images if it is installed (see `image`).
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import datasets, transforms, utils
    from .image import get_image_backend, set_image_backend

__all__ = ["datasets", "get_image_backend", "set_image_backend", "transforms", "utils"]

_MODULES = {"datasets", "download", "idx", "image", "png", "transforms", "utils"}


def __getattr__(name: str) -> ModuleType | Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name in ("get_image_backend", "set_image_backend"):
        return getattr(import_module(f"{__name__}.image"), name)
    if name == "__version__":
        return import_module("adjoint").__version__
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *__all__})
