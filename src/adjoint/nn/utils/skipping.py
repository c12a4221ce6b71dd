"""Floor 5: making a module without the time that drawing its first values takes."""

from __future__ import annotations

import inspect
from typing import Any

from adjoint.nn.module import Module


def skip_init(module_cls: type[Module], *args: Any, **kwargs: Any) -> Module:
    """A module whose parameters are not initialised: for values that are loaded in any case.

    module_cls: a Module class that takes `device`. Errors: RuntimeError unless it does.

    >>> m = torch.nn.utils.skip_init(nn.Linear, 5, 1)
    >>> m.weight.shape
    torch.Size([1, 5])
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    device = kwargs.pop("device", "cpu")
    return module_cls(*args, device="meta", **kwargs).to_empty(device=device)
