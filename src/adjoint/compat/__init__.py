"""Run code written for torch on adjoint, unchanged.

Floor 5. `install()` makes `import torch` and `import torchvision` give adjoint's modules; the
other files here run scripts, notebooks and documents that way. It knows no operation and no layer:
only names.
"""

from adjoint.compat.imports import Installation, install, uninstall

__all__ = ["Installation", "install", "uninstall"]
