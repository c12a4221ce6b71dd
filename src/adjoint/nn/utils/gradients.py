"""Floor 5: of torch.nn.utils: clipping gradients, and parameters as one vector.

The name is torch's. Clipping works on the arrays of `.grad` in place and is never recorded.
"""

from __future__ import annotations

import math
import types
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from adjoint.api.joining import cat, stack
from adjoint.arrays.checks import is_all, number_of
from adjoint.autograd import modes
from adjoint.autograd.lifted import Lifted, top_level
from adjoint.autograd.tensor import Tensor, storage_of, wrap

__all__ = [
    "clip_grad_norm",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "get_total_norm",
    "parameters_to_vector",
    "vector_to_parameters",
]

Tensors = Tensor | Iterable[Tensor]


def clip_grad_norm_(
    parameters: Tensors,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients together so that their norm is at most max_norm; returns it as it was.

    g <- g * min(1, max_norm / (norm + 1e-6)), with the norm over all elements of all gradients.
    norm_type: the order of the norm; math.inf for the largest element. foreach makes no
    difference. Errors: RuntimeError if the norm is infinite or nan and `error_if_nonfinite`.

    >>> p = torch.tensor([3.0, 4.0], requires_grad=True)
    >>> (p * p).sum().backward()
    >>> torch.nn.utils.clip_grad_norm_([p], max_norm=5.0)
    tensor(10.)
    >>> p.grad
    tensor([3.0000, 4.0000])
    """
    listed = _listed(parameters)
    if not listed and isinstance(parameters, types.GeneratorType):
        warnings.warn(
            "`parameters` is an empty generator, no gradient clipping will occur.",
            UserWarning,
            stacklevel=2,
        )
    norm = get_total_norm(_gradients(listed), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(listed, max_norm, norm)
    return norm


def clip_grad_norm(
    parameters: Tensors,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The old name of `clip_grad_norm_`, deprecated."""
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of "
        "`torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def get_total_norm(
    tensors: Tensors,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of all elements of all tensors together, 0-d; 0 for none at all.

    Errors: RuntimeError if it is infinite or nan and `error_if_nonfinite`.

    >>> torch.nn.utils.get_total_norm([torch.tensor([3.0]), torch.tensor([4.0])])
    tensor(5.)
    """
    order = float(norm_type)
    listed = _listed(tensors)
    if modes.lifted and top_level(listed) is not None:
        norms = [t.detach().norm(order) for t in listed]
        return stack(norms).norm(order)
    arrays = [t._data for t in listed]
    if not arrays:
        result: Tensor = wrap(np.zeros((), np.float32))
        return result
    with np.errstate(all="ignore"):
        each = np.array([_norm(array, order) for array in arrays])
        total = np.linalg.norm(each, order)
    if error_if_nonfinite and not is_all(np.isfinite(total)):
        raise RuntimeError(
            f"The total norm of order {order} for gradients from `parameters` is non-finite "
            f"({total}), so it cannot be clipped. To disable this error and scale the gradients by "
            "the non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    result = wrap(np.asarray(total, np.result_type(*[a.real.dtype for a in arrays])))
    return result


def _norm(array: Any, order: float) -> float:
    if array.size == 0:
        return 0.0
    if array.dtype.itemsize == 2:
        array = array.astype(np.float32)
    flat = array.reshape(-1)
    if order == 2.0:
        square = number_of(np.vdot(flat, flat).real, assumed=1.0)
        if 1e-30 < square < math.inf:  # else squares may have left the range of float32
            return math.sqrt(square)
        flat = np.abs(flat).astype(np.float64)
    return number_of(np.linalg.norm(flat, order))


def clip_grads_with_norm_(
    parameters: Tensors, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale all gradients by min(1, max_norm / (total_norm + 1e-6)), a norm that is known.

    >>> p = torch.nn.Parameter(torch.zeros(2))
    >>> p.grad = torch.tensor([3.0, 4.0])
    >>> nn.utils.clip_grads_with_norm_([p], 1.0, torch.tensor(5.0))
    >>> p.grad
    tensor([0.6000, 0.8000])
    """
    gradients = _gradients(_listed(parameters))
    if modes.lifted and top_level((total_norm, *gradients)) is not None:
        scale = (float(max_norm) / (total_norm.detach() + 1e-6)).clamp(max=1.0)
        for grad in gradients:
            grad.mul_(scale.to(grad.dtype))
        return
    factor = float(max_norm) / (number_of(total_norm._data) + 1e-6)
    if factor >= 1:
        return
    for grad in gradients:
        with np.errstate(all="ignore"):  # infinite gradients become nan, silently as in torch
            grad._data *= np.asarray(factor, grad._data.real.dtype)
        storage_of(grad).bump(None)


def clip_grad_value_(parameters: Tensors, clip_value: float, foreach: bool | None = None) -> None:
    """Limit every element of every gradient to [-clip_value, clip_value].

    >>> p = torch.tensor([3.0, -0.25], requires_grad=True)
    >>> (p * p).sum().backward()
    >>> torch.nn.utils.clip_grad_value_([p], 1.0)
    >>> p.grad
    tensor([ 1.0000, -0.5000])
    """
    limit = float(clip_value)
    for grad in _gradients(_listed(parameters)):
        if isinstance(grad._data, Lifted):
            grad.clamp_(-limit, limit)
            continue
        low, high = np.array([-limit, limit]).astype(grad._data.dtype)
        np.maximum(grad._data, low, out=grad._data)
        np.minimum(grad._data, high, out=grad._data)
        storage_of(grad).bump(None)


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters in one row, one after the other; gradients flow back through it.

    >>> torch.nn.utils.parameters_to_vector([torch.tensor([[1.0, 2.0]]), torch.tensor(3.0)])
    tensor([1., 2., 3.])
    """
    result: Tensor = cat([p.reshape(-1) for p in parameters])
    return result


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Let the parameters be parts of a vector, one after the other, sharing its memory.

    vec: (n,), with at least as many elements as the parameters have together. Errors: TypeError
    unless it is a tensor, RuntimeError if it is too short; nothing has changed then.

    >>> p, q = torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(1))
    >>> nn.utils.vector_to_parameters(torch.tensor([1.0, 2.0, 3.0]), [p, q])
    >>> p, q
    (Parameter containing:
    tensor([1., 2.], requires_grad=True), Parameter containing:
    tensor([3.], requires_grad=True))
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    listed = list(parameters)
    needed = sum(p._data.size for p in listed)
    if vec._data.size < needed:
        raise RuntimeError(
            f"vector_to_parameters: the vector has {vec._data.size} elements, but the parameters "
            f"have {needed}"
        )
    flat = vec.detach().reshape(-1)
    start = 0
    for p in listed:
        end = start + p._data.size
        p._data = flat[start:end].view(p._data.shape)._data
        start = end


def _listed(tensors: Tensors) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _gradients(parameters: list[Tensor]) -> list[Tensor]:
    return [p._meta.grad for p in parameters if p._meta is not None and p._meta.grad is not None]
