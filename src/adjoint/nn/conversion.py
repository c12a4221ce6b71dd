"""Floor 5: moving and converting a module's parameters and buffers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from adjoint.arrays import device as devices
from adjoint.arrays import dtypes
from adjoint.autograd.modes import no_grad
from adjoint.autograd.tensor import Tensor

C = TypeVar("C", bound="Conversion")


class Conversion:
    """The part of Module that is `to`, `float`, `double` and the like."""

    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]

    def _apply(self: C, fn: Callable[[Tensor], Tensor]) -> C:
        """Replace every parameter's data, its gradient, and every buffer by `fn` of it."""
        for module in self._modules.values():
            if module is not None:
                module._apply(fn)
        with no_grad():
            for parameter in self._parameters.values():
                if parameter is None:
                    continue
                grad = parameter.grad
                parameter.data = fn(parameter.data)
                parameter.grad = None
                if grad is not None:
                    parameter.grad = fn(grad)
            for name, buffer in self._buffers.items():
                if buffer is not None:
                    self._buffers[name] = fn(buffer)
        return self

    def to(self: C, *args: Any, **kwargs: Any) -> C:
        """Convert floating parameters and buffers to a dtype; the only device is the CPU.

        On the device "meta" all of them keep their shapes and lose their values: what remains is
        the structure, for `torch.func.functional_call`.
        """
        dtype, place = kwargs.pop("dtype", None), kwargs.pop("device", None)
        kwargs.pop("non_blocking", None)
        for value in args:
            if isinstance(value, dtypes.dtype):
                dtype = value
            elif isinstance(value, Tensor):
                dtype = value.dtype
            elif value is not None and not isinstance(value, bool):
                place = value
        if place is not None:
            self._move(devices.check(place, meta=True))
        if dtype is None:
            return self
        if not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(
                "nn.Module.to only accepts floating point or complex dtypes, but got desired "
                f"dtype={dtype}"
            )
        return self._apply(lambda t: t.to(dtype) if t.dtype.category >= dtypes.FLOATING else t)

    def _move(self: C, place: devices.device) -> C:
        tensors = [*self.parameters(), *self.buffers()]  # type: ignore[attr-defined]
        if any(t.device.type != place.type for t in tensors):
            self._apply(lambda t: t.to(place))
        return self

    def _to_dtype(self: C, dtype: dtypes.dtype) -> C:
        return self._apply(lambda t: t.to(dtype) if t.dtype.is_floating_point else t)

    def float(self: C) -> C:
        """Convert floating values to float32."""
        return self._to_dtype(dtypes.float32)

    def double(self: C) -> C:
        """Convert floating values to float64."""
        return self._to_dtype(dtypes.float64)

    def half(self: C) -> C:
        """Convert floating values to float16."""
        return self._to_dtype(dtypes.float16)

    def bfloat16(self: C) -> C:
        """Convert floating values to bfloat16."""
        return self._to_dtype(dtypes.bfloat16)

    def type(self: C, dst_type: Any) -> C:
        """Convert all parameters and buffers to `dst_type`."""
        return self._apply(lambda t: t.type(dst_type))

    def cpu(self: C) -> C:
        """The module itself: it is on the CPU. NotImplementedError for one without data."""
        return self._move(devices.CPU)

    def cuda(self: C, device: Any = None) -> C:
        """Raises RuntimeError: adjoint computes on the CPU."""
        devices.check(devices.device("cuda", device if isinstance(device, int) else None))
        return self
