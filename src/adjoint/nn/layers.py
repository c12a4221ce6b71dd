"""Floor 5: pooling, dropout, and layers that change shape."""

from __future__ import annotations

from typing import Any

from adjoint.autograd.tensor import Tensor

from . import functional as F
from .functions import REQUIRED, FunctionModule
from .module import Module


class _MaxPool(FunctionModule):
    """The largest value in each window."""

    stride: Any
    settings = {
        "kernel_size": REQUIRED,
        "stride": None,
        "padding": 0,
        "dilation": 1,
        "return_indices": False,
        "ceil_mode": False,
    }
    shown = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stride = self.kernel_size if self.stride is None else self.stride


class MaxPool1d(_MaxPool):
    """The largest value in each window of (N, C, L).

    >>> nn.MaxPool1d(2)(torch.tensor([[[1.0, 3.0, 5.0, 2.0]]]))
    tensor([[[3., 5.]]])
    """

    function = staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPool):
    """The largest value in each window of (N, C, H, W).

    >>> torch.nn.MaxPool2d(2)
    MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
    """

    function = staticmethod(F.max_pool2d)


class AvgPool1d(FunctionModule):
    """The mean of each window of (N, C, L).

    >>> nn.AvgPool1d(2)(torch.tensor([[[1.0, 3.0, 5.0, 7.0]]]))
    tensor([[[2., 6.]]])
    """

    settings = {
        "kernel_size": REQUIRED,
        "stride": None,
        "padding": 0,
        "ceil_mode": False,
        "count_include_pad": True,
    }
    function = staticmethod(F.avg_pool1d)

    def extra_repr(self) -> str:
        k, s, p = (
            v if isinstance(v, tuple) else (v,)
            for v in (self.kernel_size, self.stride or self.kernel_size, self.padding)
        )
        return f"kernel_size={k}, stride={s}, padding={p}"


class AvgPool2d(FunctionModule):
    """The mean of each window of (N, C, H, W).

    >>> nn.AvgPool2d(2)(torch.tensor([[[1.0, 3.0], [5.0, 7.0]]]))
    tensor([[[4.]]])
    """

    stride: Any
    settings = {
        "kernel_size": REQUIRED,
        "stride": None,
        "padding": 0,
        "ceil_mode": False,
        "count_include_pad": True,
        "divisor_override": None,
    }
    shown = ("kernel_size", "stride", "padding")
    function = staticmethod(F.avg_pool2d)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stride = self.kernel_size if self.stride is None else self.stride


class AdaptiveAvgPool1d(FunctionModule):
    """Means over windows chosen to give `output_size` values.

    >>> nn.AdaptiveAvgPool1d(2)(torch.tensor([[[1.0, 3.0, 5.0, 7.0]]]))
    tensor([[[2., 6.]]])
    """

    settings = {"output_size": REQUIRED}
    shown = ("output_size",)
    function = staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(FunctionModule):
    """Means over windows chosen to give `output_size` values in each dimension.

    >>> nn.AdaptiveAvgPool2d(1)(torch.arange(6.0).reshape(1, 1, 2, 3))
    tensor([[[[2.5000]]]])
    """

    settings = {"output_size": REQUIRED}
    shown = ("output_size",)
    function = staticmethod(F.adaptive_avg_pool2d)


class AdaptiveMaxPool2d(FunctionModule):
    """Maxima over windows chosen to give `output_size` values in each dimension.

    >>> nn.AdaptiveMaxPool2d(1)(torch.arange(6.0).reshape(1, 1, 2, 3))
    tensor([[[[5.]]]])
    """

    settings = {"output_size": REQUIRED, "return_indices": False}
    shown = ("output_size",)
    function = staticmethod(F.adaptive_max_pool2d)


class _Dropout(Module):
    """In training, zeroes with probability p and scales the rest by 1/(1 - p)."""

    function: Any

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        result: Tensor = self.function(input, self.p, self.training, self.inplace)
        return result

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """Drops elements (Hinton et al. 2012), the same ones as torch from the same seed.

    >>> torch.nn.Dropout(0.2)
    Dropout(p=0.2, inplace=False)
    """

    function = staticmethod(F.dropout)


class Dropout1d(_Dropout):
    """Drops whole channels of (N, C, L).

    >>> nn.Dropout1d(0.5)(torch.ones(1, 4, 3))
    tensor([[[0., 0., 0.],
             [0., 0., 0.],
             [2., 2., 2.],
             [0., 0., 0.]]])
    """

    function = staticmethod(F.dropout1d)


class Dropout2d(_Dropout):
    """Drops whole channels of (N, C, H, W).

    >>> nn.Dropout2d(0.5)(torch.ones(1, 4, 2, 2)).sum((2, 3))
    tensor([[0., 0., 8., 0.]])
    """

    function = staticmethod(F.dropout2d)


class AlphaDropout(_Dropout):
    """Dropout that keeps mean and variance of SELU networks (Klambauer et al. 2017).

    >>> nn.AlphaDropout(0.5).eval()(torch.tensor([1.0, 2.0]))
    tensor([1., 2.])
    """

    function = staticmethod(F.alpha_dropout)


class Flatten(Module):
    """Joins the dimensions from start_dim to end_dim into one.

    >>> torch.nn.Flatten()(torch.zeros(2, 3, 4)).shape
    torch.Size([2, 12])
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        result: Tensor = input.flatten(self.start_dim, self.end_dim)
        return result

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Splits one dimension into several.

    >>> nn.Unflatten(1, (2, 3))(torch.zeros(4, 6)).shape
    torch.Size([4, 2, 3])
    """

    def __init__(self, dim: int, unflattened_size: Any) -> None:
        super().__init__()
        self.dim = dim
        self.unflattened_size = unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        result: Tensor = input.unflatten(self.dim, self.unflattened_size)
        return result

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


class PixelShuffle(FunctionModule):
    """Channels into space: (N, C r^2, H, W) -> (N, C, H r, W r).

    >>> nn.PixelShuffle(2)(torch.arange(4.0).reshape(1, 4, 1, 1))
    tensor([[[[0., 1.],
              [2., 3.]]]])
    """

    settings = {"upscale_factor": REQUIRED}
    shown = ("upscale_factor",)
    function = staticmethod(F.pixel_shuffle)


class Upsample(FunctionModule):
    """Resizes (N, C, H, W): see torch.nn.functional.interpolate.

    >>> nn.Upsample(scale_factor=2)(torch.tensor([[[[1.0, 2.0]]]]))
    tensor([[[[1., 1., 2., 2.],
              [1., 1., 2., 2.]]]])
    """

    settings = {"size": None, "scale_factor": None, "mode": "nearest", "align_corners": None}
    function = staticmethod(F.interpolate)

    def extra_repr(self) -> str:
        scale = self.scale_factor
        if scale is None:
            first = f"size={self.size!r}"
        else:
            scale = tuple(map(float, scale)) if isinstance(scale, (tuple, list)) else float(scale)
            first = f"scale_factor={scale!r}"
        return f"{first}, mode={self.mode!r}"


class CosineSimilarity(Module):
    """x1 . x2 / (|x1| |x2|) along a dimension.

    >>> nn.CosineSimilarity(dim=1)(torch.tensor([[1.0, 0.0]]), torch.tensor([[3.0, 4.0]]))
    tensor([0.6000])
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """The p-norm of x1 - x2 along the last dimension.

    >>> nn.PairwiseDistance()(torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2))
    tensor([5.0000])
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
