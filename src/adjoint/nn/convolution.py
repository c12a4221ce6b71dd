"""Floor 5: convolution layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from adjoint.api.creation import empty
from adjoint.autograd.tensor import Tensor

from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter


def expand(value: Any, n: int) -> tuple[int, ...]:
    """An int for each of n dimensions, or a sequence as it is."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * n


class _Conv(Module):
    """What convolutions of every dimension share."""

    dims: int
    transposed: bool = False
    bias: Parameter | None
    output_padding: tuple[int, ...]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self._check(in_channels, out_channels, groups, padding, stride, padding_mode)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = expand(kernel_size, self.dims)
        self.stride = expand(stride, self.dims)
        self.padding = padding if isinstance(padding, str) else expand(padding, self.dims)
        self.dilation = expand(dilation, self.dims)
        self.groups = groups
        self.padding_mode = padding_mode
        first, second = out_channels, in_channels // groups
        if self.transposed:
            first, second = in_channels, out_channels // groups
        shape = (first, second, *self.kernel_size)
        self.weight = Parameter(empty(shape, dtype=dtype, device=device))
        if bias:
            self.bias = Parameter(empty(out_channels, dtype=dtype, device=device))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _check(
        self, inputs: int, outputs: int, groups: int, padding: Any, stride: Any, mode: str
    ) -> None:
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if inputs % groups:
            raise ValueError("in_channels must be divisible by groups")
        if outputs % groups:
            raise ValueError("out_channels must be divisible by groups")
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(
                    f"Invalid padding string {padding!r}, should be one of {{'valid', 'same'}}"
                )
            if padding == "same" and any(s != 1 for s in expand(stride, self.dims)):
                raise ValueError("padding='same' is not supported for strided convolutions")
        modes = ("zeros", "reflect", "replicate", "circular")
        if mode not in modes:
            raise ValueError(f"padding_mode must be one of {set(modes)}, but got {mode!r}")

    def reset_parameters(self) -> None:
        """Draw new values from U(-b, b), b = 1/sqrt(fan_in)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._fans(self.weight)
            if fan_in:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def _padded(self, input: Tensor) -> tuple[Tensor, Any]:
        """The input padded by another mode than zeros, and what padding is left to do."""
        if self.padding_mode == "zeros":
            return input, self.padding
        sides: list[int] = []
        for k, d, p in zip(
            reversed(self.kernel_size),
            reversed(self.dilation),
            reversed(self.padding) if not isinstance(self.padding, str) else [None] * self.dims,
            strict=True,
        ):
            if p is None:
                total = d * (k - 1) if self.padding == "same" else 0
                sides += [total // 2, total - total // 2]
            else:
                sides += [p, p]
        return F.pad(input, sides, mode=self.padding_mode), 0

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"
        text += f", stride={self.stride}"
        if self.padding != (0,) * self.dims:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * self.dims:
            text += f", dilation={self.dilation}"
        if self.transposed and self.output_padding != (0,) * self.dims:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


class Conv1d(_Conv):
    """Cross-correlation over (N, C, L): see torch.nn.functional.conv1d.

    >>> nn.Conv1d(2, 4, kernel_size=3, padding=1)(torch.zeros(1, 2, 10)).shape
    torch.Size([1, 4, 10])
    """

    dims = 1

    def forward(self, input: Tensor) -> Tensor:
        input, padding = self._padded(input)
        return F.conv1d(
            input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )


class Conv2d(_Conv):
    """Cross-correlation over (N, C, H, W): see torch.nn.functional.conv2d.

    >>> torch.nn.Conv2d(1, 8, 3, padding=1)
    Conv2d(1, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
    """

    dims = 2

    def forward(self, input: Tensor) -> Tensor:
        input, padding = self._padded(input)
        return F.conv2d(
            input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )


class _ConvTranspose(_Conv):
    """The transpose of a convolution with respect to its input."""

    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError('Only "zeros" padding mode is supported for ' + type(self).__name__)
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )
        self.output_padding = expand(output_padding, self.dims)

    def output_padding_for(
        self, input: Tensor, output_size: Sequence[int] | None
    ) -> tuple[int, ...]:
        """The padding with which the output has this size, with or without batch and channels.

        A stride of s takes s sizes of output to one size of input; which one is meant, the
        padding tells. ValueError for a size that is none of them.
        """
        if output_size is None:
            return self.output_padding
        n, given = self.dims, tuple(output_size)
        size = given[-n:] if len(given) == input.dim() else given
        if len(size) != n:
            raise ValueError(
                f"{type(self).__name__}: for {input.dim()}D input, output_size must have {n} or "
                f"{input.dim()} elements (got {len(given)})"
            )
        assert not isinstance(self.padding, str)
        least = [
            (m - 1) * s - 2 * p + d * (k - 1) + 1
            for m, s, p, d, k in zip(
                input.shape[-n:], self.stride, self.padding, self.dilation, self.kernel_size
            )
        ]
        if any(not low <= m < low + s for m, low, s in zip(size, least, self.stride)):
            most = [low + s - 1 for low, s in zip(least, self.stride)]
            raise ValueError(
                f"requested an output size of {size}, but valid sizes range from {least} to "
                f"{most} (for an input of {input.shape[-n:]})"
            )
        return tuple([m - low for m, low in zip(size, least)])


class ConvTranspose1d(_ConvTranspose):
    """Transposed convolution over (N, C, L).

    >>> nn.ConvTranspose1d(4, 2, kernel_size=2, stride=2)(torch.zeros(1, 4, 5)).shape
    torch.Size([1, 2, 10])
    """

    dims = 1

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        return F.conv_transpose1d(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.output_padding_for(input, output_size),
            self.groups,
            self.dilation,
        )


class ConvTranspose2d(_ConvTranspose):
    """Transposed convolution over (N, C, H, W).

    >>> nn.ConvTranspose2d(4, 2, kernel_size=2, stride=2)(torch.zeros(1, 4, 5, 5)).shape
    torch.Size([1, 2, 10, 10])
    """

    dims = 2

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        return F.conv_transpose2d(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.output_padding_for(input, output_size),
            self.groups,
            self.dilation,
        )
