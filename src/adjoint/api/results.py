"""Floor 3: the named tuples that functions of several results return.

They print as torch's: `torch.return_types.max(values=..., indices=...)`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from operator import itemgetter
from types import ModuleType
from typing import Any

from .registration import FUNCTIONS


class StructSequence(tuple[Any, ...]):
    """A tuple whose parts also have names; the base of every type in `return_types`."""

    __slots__ = ()

    _fields: tuple[str, ...] = ()

    def __new__(cls, *values: Any) -> Any:
        if len(values) == 1 and len(cls._fields) != 1:
            values = tuple(values[0])
        if len(values) != len(cls._fields):
            raise TypeError(
                f"{cls.__qualname__}() takes {len(cls._fields)} values ({', '.join(cls._fields)}), "
                f"but got {len(values)}"
            )
        return tuple.__new__(cls, values)

    def __repr__(self) -> str:
        parts = [f"{name}={value!r}" for name, value in zip(self._fields, self)]
        return f"torch.return_types.{type(self).__name__}(\n" + ",\n".join(parts) + ")"

    def __reduce__(self) -> Any:
        return type(self), tuple(self)


return_types = ModuleType("adjoint.return_types", "The named tuples that functions return.")
sys.modules[return_types.__name__] = return_types
FUNCTIONS["return_types"] = return_types


def result_type_of(name: str, fields: Sequence[str]) -> Any:
    """Make the type `return_types.<name>` with these fields."""
    namespace: dict[str, Any] = {
        field: property(itemgetter(i), doc=f"Part {i} of the result.")
        for i, field in enumerate(fields)
    }
    namespace |= {"__slots__": (), "_fields": tuple(fields), "__module__": return_types.__name__}
    made = type(name, (StructSequence,), namespace)
    setattr(return_types, name, made)
    return made
