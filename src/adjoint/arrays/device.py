"""Floor 0: devices. Tensors live on the CPU, or have no data (meta); others are a clear error."""

from __future__ import annotations

from typing import Any

_KNOWN = ("cpu", "cuda", "mps", "xpu", "meta", "mkldnn", "hpu", "xla")


class device:
    """A place where tensors live: `device('cpu')`; `type` and `index` as torch has them.

    Naming another known device makes the object, so that scripts can compare; putting a tensor
    there raises DeviceError.

    >>> torch.device("cpu"), torch.device("cuda:1").index
    (device(type='cpu'), 1)
    """

    __slots__ = ("type", "index")

    type: str
    index: int | None

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        given: Any = type
        if isinstance(given, device):
            given, index = given.type, given.index
        elif isinstance(given, int):
            given, index = "cuda", given
        name, colon, number = str(given).partition(":")
        if name not in _KNOWN or (colon and not number.isdigit()):
            raise RuntimeError(
                f"Expected one of {', '.join(_KNOWN)} device type at start of device string: "
                f"{given}"
            )
        self.type = name
        self.index = int(number) if colon else index

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __enter__(self) -> device:
        """A block in which new tensors go there: for the CPU only."""
        check(self)
        return self

    def __exit__(self, *exc: object) -> None:
        """New tensors go where they went: to the CPU, too."""

    def __reduce__(self) -> Any:
        return device, (self.type, self.index)


CPU = device("cpu")
META = device("meta")  # no memory: what is there has a shape and a dtype


class DeviceError(RuntimeError, AssertionError):
    """A device that is not there: torch raises one class or the other, depending on its build."""


def check(value: Any, *, meta: bool = False) -> device:
    """The device meant by `value` (None, str, int or device); DeviceError unless it is the CPU.

    With `meta`, where a Tensor without data will do as well.
    """
    if value is None or value is CPU:
        return CPU
    found = device(value)
    if found.type != "cpu" and not (meta and found.type == "meta"):
        raise DeviceError(
            f"device '{found}' is not available here: adjoint computes on the CPU. "
            "Use device='cpu', or choose with "
            "'cuda' if torch.cuda.is_available() else 'cpu'."
        )
    return found


def is_meta(value: Any) -> bool:
    """Whether the meta device is meant; DeviceError for one that is not there."""
    if value is None or value is CPU or device(value).type != "meta":
        check(value)
        return False
    return True
