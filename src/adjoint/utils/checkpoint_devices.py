"""Floor 5: what programs that checkpoint by hand ask of torch about devices and groups of passes.

The CPU's random state is `get_rng_state()`; there is no other device that has one.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from adjoint.autograd.tensor import Tensor


class DefaultDeviceType:
    """The kind of device whose random state is kept when no argument lies on one: the CPU.

    >>> torch.utils.checkpoint.DefaultDeviceType.get_device_type()
    'cpu'
    """

    _default_device_type = "cpu"

    @staticmethod
    def set_device_type(device: str = "cpu") -> None:
        """Choose it; "cpu" is all there is (ValueError)."""
        if device != "cpu":
            raise ValueError(
                f"DefaultDeviceType.set_device_type: expected 'cpu', got {device!r}; no other "
                "device has a random state here"
            )

    @staticmethod
    def get_device_type() -> str:
        """The kind of device."""
        return DefaultDeviceType._default_device_type


def get_device_states(*args: Any) -> tuple[list[int], list[Tensor]]:
    """The devices beside the CPU that `args` lie on, and their random states: none.

    >>> torch.utils.checkpoint.get_device_states(torch.ones(2))
    ([], [])
    """
    return [], []


def set_device_states(
    devices: Sequence[int], states: Sequence[Tensor], *, device_type: str | None = None
) -> None:
    """Give devices the random states of `get_device_states`; ValueError when there are any.

    >>> torch.utils.checkpoint.set_device_states([], [])
    """
    if devices or states:
        raise ValueError(
            f"set_device_states: expected no devices beside the CPU, got {list(devices)}; the "
            "CPU's random state is set by torch.set_rng_state()"
        )


class _Groups(threading.local):
    current: Any = None


_groups = _Groups()


class GraphExecGroup:
    """A block of several backward passes, over parts of one graph, that compute a part once.

    Checkpoints do so anyway: what one pass has computed again and not used stays for the next.
    Where two passes need the same value it is computed again, which torch refuses.

    RuntimeError for a group inside a group.

    >>> x = torch.ones(2, requires_grad=True)
    >>> a, b = torch.utils.checkpoint.checkpoint(lambda t: (t.exp().sin(), t.cos().tanh()), x)
    >>> with torch.utils.checkpoint.GraphExecGroup():
    ...     a.sum().backward(retain_graph=True)
    ...     b.sum().backward()
    """

    def __enter__(self) -> GraphExecGroup:
        if _groups.current is not None:
            raise RuntimeError(
                "GraphExecGroup contexts cannot be nested. Already inside group "
                f"{_groups.current}; leave it first"
            )
        _groups.current = self
        return self

    def __exit__(self, *exc: object) -> None:
        _groups.current = None
