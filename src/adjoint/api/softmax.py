"""Floor 3: softmax, log_softmax, softmin."""

from __future__ import annotations

from typing import Any

from ..autograd.tensor import Tensor
from ..autograd.views import own
from ..ops import softmax as ops
from .creation import check_tensor
from .dims import canonical_dim
from .reduction import converted
from .registration import public


def _along(operation: Any, input: Tensor, dim: Any, dtype: Any, name: str) -> Tensor:
    check_tensor(input, name)
    input = converted(input, dtype)
    array = input._data
    if array.dtype.kind not in "fV":
        raise NotImplementedError(
            f"\"{name}_kernel_impl\" not implemented for '{input.dtype.short}': {name} is for "
            "floating tensors; convert with .float(), or pass dtype="
        )
    dim = canonical_dim(dim, array.ndim, name)
    result: Tensor
    if array.ndim == 0:
        result = own(operation(input.reshape(1), dim=0).reshape(()))
    else:
        result = operation(input, dim=dim)
    return result


@public("softmax")
def softmax(input: Tensor, dim: Any, dtype: Any = None) -> Tensor:
    """exp(x) / sum(exp(x)) along `dim`: positive numbers that sum to 1.

    >>> torch.softmax(torch.tensor([0.0, 0.0]), dim=0)
    tensor([0.5000, 0.5000])
    """
    return _along(ops.softmax, input, dim, dtype, "softmax")


@public("log_softmax")
def log_softmax(input: Tensor, dim: Any, dtype: Any = None) -> Tensor:
    """The logarithm of softmax along `dim`, x - log(sum(exp(x))), without overflow.

    >>> torch.log_softmax(torch.tensor([0.0, 0.0]), dim=0)
    tensor([-0.6931, -0.6931])
    """
    return _along(ops.log_softmax, input, dim, dtype, "log_softmax")


def softmin(input: Tensor, dim: Any, dtype: Any = None) -> Tensor:
    """softmax(-x) along `dim` (in torch's API as `nn.functional.softmin`)."""
    return _along(ops.softmax, -input, dim, dtype, "softmax")
