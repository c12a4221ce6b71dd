"""Floor 2: `torch.ops.aten`: names of operations, for policies that choose among them.

Handles to compare and print, nothing to call: `torch.ops.aten.mm.default`.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

from .operation import REGISTRY


class Overload:
    """One operation by torch's name, as `torch.ops.aten.mm.default`; equal by that name.

    torch's overloads (`add.Tensor`, `add.Scalar`) are one operation here, so they are equal.
    """

    __slots__ = ("packet", "overload")

    def __init__(self, packet: str, overload: str = "default") -> None:
        self.packet = packet
        self.overload = overload

    def name(self) -> str:
        """`aten::mm`."""
        return f"aten::{self.packet}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Overload) and other.packet == self.packet

    def __hash__(self) -> int:
        return hash(self.packet)

    def __repr__(self) -> str:
        return f"<OpOverload(op='aten.{self.packet}', overload='{self.overload}')>"

    def __str__(self) -> str:
        return f"aten.{self.packet}.{self.overload}"


class Packet:
    """All overloads of one name: `torch.ops.aten.mm`."""

    __slots__ = ("packet",)

    def __init__(self, packet: str) -> None:
        self.packet = packet

    def __getattr__(self, overload: str) -> Overload:
        if overload.startswith("__"):
            raise AttributeError(overload)
        return Overload(self.packet, overload)

    def __repr__(self) -> str:
        return f"<OpOverloadPacket(op='aten.{self.packet}')>"


def torch_name(operation: Any) -> str:
    """torch's name of an operation, read off its node: `AddmmBackward0` is `addmm`."""
    stem = re.sub(r"Backward\d*$", "", operation.node_class.__name__)
    snake = re.sub(r"(?<=[A-Za-z0-9])(?=[A-Z][a-z])", "_", stem).lower()
    same = operation.name.replace("_", "") == snake.replace("_", "")
    return str(operation.name) if same else snake  # `deg2rad`: where words end is lost in Deg2Rad


class Namespace:
    """`torch.ops.aten`: a Packet for the name of every registered operation.

    >>> torch.ops.aten.mm.default
    <OpOverload(op='aten.mm', overload='default')>
    >>> torch.ops.aten.add.Tensor == torch.ops.aten.add.Scalar
    True
    """

    def __getattr__(self, name: str) -> Packet:
        if name.startswith("__"):
            raise AttributeError(name)
        names = {torch_name(operation) for operation in REGISTRY.values()}
        packet = name.lstrip("_")
        if packet not in names:
            if packet not in REGISTRY:
                close = get_close_matches(packet, sorted(names), 3)
                hint = f"; there is {', '.join(close)}" if close else ""
                raise AttributeError(f"torch.ops.aten has no operation {name!r}{hint}")
            packet = torch_name(REGISTRY[packet])
        return Packet(packet)

    def __repr__(self) -> str:
        return "<module 'torch.ops.aten'>"


class CustomNamespace:
    """`torch.ops.<name>`: the custom operations of one namespace."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._operations: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        found = None if name.startswith("__") else self._operations.get(name)
        if found is None:
            raise AttributeError(f"torch.ops.{self._name} has no operation {name!r}")
        return found

    def __repr__(self) -> str:
        return f"<module 'torch.ops.{self._name}'>"


NAMESPACES: dict[str, CustomNamespace] = {}

aten = Namespace()
