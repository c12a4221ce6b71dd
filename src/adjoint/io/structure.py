"""Floor 5: what is saved beside the bytes of tensors: containers, numbers, which tensor is where.

`encode` takes nested Python data apart into JSON and arrays; `decode` puts it together again. Only
types that are named here are made: reading a file runs no code of the file.
"""

from __future__ import annotations

import base64
import math
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.arrays import device as devices
from adjoint.arrays import dtypes
from adjoint.autograd.lifted import Lifted
from adjoint.autograd.size import Size
from adjoint.autograd.tensor import Tensor, wrap

from .container import DamageError

__all__ = ["Encoder", "decode"]

_MAPPINGS = {"dict": dict, "OrderedDict": OrderedDict, "Counter": Counter}
_SEQUENCES: dict[str, Callable[[Any], Any]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "Size": Size,
}
_TAG_OF = {kind: tag for tag, kind in {**_MAPPINGS, **_SEQUENCES}.items()}
_DEEPEST = 200


class Encoder:
    """Takes an object apart. `leaves` then holds each tensor and array met, by its path."""

    def __init__(self) -> None:
        self.leaves: dict[str, Any] = {}
        self._names: dict[int, str] = {}  # of objects, so that one met twice stays one
        self._open: list[int] = []

    def encode(self, value: Any, path: tuple[Any, ...] = ()) -> Any:
        """The JSON form of `value`; TypeError names the path of what cannot be saved."""
        kind = type(value)
        if value is None or kind in (bool, int, str):
            return value
        if kind is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if isinstance(value, (Tensor, np.ndarray)):
            return self._leaf(value, path)
        if kind in _TAG_OF:
            return self._container(value, path)
        if kind is complex:
            return {"complex": [repr(value.real), repr(value.imag)]}
        if kind is bytes:
            return {"bytes": base64.b64encode(value).decode()}
        if kind is dtypes.dtype:
            return {"dtype": value.name}
        if kind is devices.device:
            return {"device": str(value)}
        if isinstance(value, np.generic) and value.dtype.kind in "biufc":
            return self.encode(value.item(), path)
        raise TypeError(_refusal(value, path))

    def _leaf(self, value: Any, path: tuple[Any, ...]) -> Any:
        array = value._data if isinstance(value, Tensor) else value
        if isinstance(array, Lifted):
            raise RuntimeError(
                f"save: {_told(path)} is a tensor of a transform (vmap, jvp), which has no memory "
                "of its own; return it from the transformed function and save it outside"
            )
        if array.dtype not in dtypes.FROM_NUMPY:
            raise TypeError(
                f"save: {_told(path)} is an array of {array.dtype}, which no dtype of tensors "
                "holds; convert it first"
            )
        name = self._names.get(id(value))
        if name is None:
            name = self._unused(".".join(map(str, path)) or "tensor")
            self._names[id(value)] = name
            self.leaves[name] = value
        if not isinstance(value, Tensor):
            return {"array": name}
        return {"tensor": name, "requires_grad": True} if value.requires_grad else {"tensor": name}

    def _unused(self, name: str) -> str:
        found, number = name, 1
        while found in self.leaves or found == "__metadata__":
            number += 1
            found = f"{name}#{number}"
        return found

    def _container(self, value: Any, path: tuple[Any, ...]) -> Any:
        if id(value) in self._open:
            raise ValueError(f"save: {_told(path)} contains itself, which a file cannot hold")
        if len(path) > _DEEPEST:
            raise ValueError(f"save: more than {_DEEPEST} levels of containers: {_told(path[:5])}")
        self._open.append(id(value))
        tag = _TAG_OF[type(value)]
        if tag in _MAPPINGS:
            items = [
                [self.encode(key, (*path, key)), self.encode(item, (*path, key))]
                for key, item in value.items()
            ]
        else:
            items = [self.encode(item, (*path, i)) for i, item in enumerate(value)]
        encoded = {tag: items}
        metadata = getattr(value, "_metadata", None)  # versions that Module.state_dict attaches
        if metadata is not None:
            encoded["_metadata"] = self.encode(metadata, (*path, "_metadata"))
        self._open.pop()
        return encoded


def decode(form: Any, leaves: Callable[[str], Any]) -> Any:
    """The object that `Encoder` took apart; `leaves` gives an array by its name."""
    return _Decoder(leaves).decode(form)


class _Decoder:
    def __init__(self, leaves: Callable[[str], Any]) -> None:
        self.leaves = leaves
        self.made: dict[tuple[str, str], Any] = {}

    def decode(self, form: Any) -> Any:
        if not isinstance(form, dict):
            if isinstance(form, list):
                raise DamageError("its structure is damaged")
            return form
        tag, value = next(iter(form.items()), ("", None))
        if tag in ("tensor", "array") and isinstance(value, str):
            if (tag, value) not in self.made:
                self.made[tag, value] = self.leaf(form, tag, value)
            return self.made[tag, value]
        if tag in _MAPPINGS and isinstance(value, list):
            made: Any = _MAPPINGS[tag]({self.decode(k): self.decode(v) for k, v in value})
            if "_metadata" in form and tag == "OrderedDict":
                made._metadata = self.decode(form["_metadata"])
            return made
        if tag in _SEQUENCES and isinstance(value, list):
            return _SEQUENCES[tag]([self.decode(item) for item in value])
        return _decode_scalar(tag, value)

    def leaf(self, form: dict[str, Any], tag: str, name: str) -> Any:
        array = self.leaves(name)
        if tag == "array":
            return array
        t: Tensor = wrap(array)
        return t.requires_grad_() if form.get("requires_grad") is True else t


def _decode_scalar(tag: str, value: Any) -> Any:
    try:
        if tag == "float":
            return float(value)
        if tag == "complex":
            return complex(float(value[0]), float(value[1]))
        if tag == "bytes":
            return base64.b64decode(value, validate=True)
        if tag == "dtype":
            return next(d for d in dtypes.ALL if d.name == value)
        if tag == "device":
            return devices.device(value)
    except (TypeError, ValueError, IndexError, StopIteration, RuntimeError):
        pass
    raise DamageError(f"its structure is damaged or of a later version (at {tag!r})")


def _told(path: tuple[Any, ...]) -> str:
    """`obj['optimizer']['state'][0]`, as the user would write it."""
    return "obj" + "".join(f"[{key!r}]" for key in path)


def _refusal(value: Any, path: tuple[Any, ...]) -> str:
    kind = type(value).__name__
    text = (
        f"save: {_told(path)} is of type {kind}, which would need pickle, and nothing is pickled. "
    )
    if callable(getattr(value, "state_dict", None)):
        return text + (
            "Save its state_dict() instead, and load it into an object made by the same code: "
            f"torch.save(x.state_dict(), f); x.load_state_dict(torch.load(f)), for x the {kind}."
        )
    return text + (
        "What can be saved: tensors, arrays, dicts, lists, tuples, sets, numbers, strings, bytes, "
        "None, dtypes and devices."
    )
