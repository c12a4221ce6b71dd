"""Floor 5: modules that only call one function with settings kept from the constructor.

`FunctionModule` makes constructor, forward and repr from the declared settings, so that an
activation or a pooling layer is its name, its settings and its function.
"""

from __future__ import annotations

from typing import Any, ClassVar

from adjoint.autograd.tensor import Tensor

from .module import Module

REQUIRED: Any = object()


class FunctionModule(Module):
    """A module whose forward is `function(input, **settings)`.

    `settings` gives names and defaults in constructor order; `shown` says which the repr names:
    a sequence of names, each as `name=value`, or only the value when it begins with "=".
    """

    function: ClassVar[Any]  # a staticmethod
    settings: ClassVar[dict[str, Any]] = {}
    shown: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        names = list(self.settings)
        if len(args) > len(names):
            raise TypeError(
                f"{type(self).__name__}.__init__() takes from 1 to {len(names) + 1} positional "
                f"arguments but {len(args) + 1} were given"
            )
        values = dict(zip(names, args, strict=False))
        for name, value in kwargs.items():
            if name not in self.settings:
                raise TypeError(
                    f"{type(self).__name__}.__init__() got an unexpected keyword argument '{name}'"
                )
            if name in values:
                raise TypeError(
                    f"{type(self).__name__}.__init__() got multiple values for argument '{name}'"
                )
            values[name] = value
        for name, default in self.settings.items():
            if default is REQUIRED and name not in values:
                raise TypeError(
                    f"{type(self).__name__}.__init__() missing 1 required positional argument: "
                    f"'{name}'"
                )
            setattr(self, name, values.get(name, default))

    def forward(self, input: Tensor) -> Any:
        """The function of the input, with the module's settings."""
        if not self.settings:
            return self.function(input)
        return self.function(input, **{name: getattr(self, name) for name in self.settings})

    def extra_repr(self) -> str:
        parts = []
        for name in self.shown:
            bare = name.lstrip("=?")
            value = getattr(self, bare)
            if name.startswith("?") and not value:  # shown only when set, as torch's inplace
                continue
            parts.append(f"{value}" if name.startswith("=") else f"{bare}={value}")
        return ", ".join(parts)
