"""Floor 3: functions of complex numbers, their parts, and the questions about them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import dtypes
from ..autograd.inplace import mirror, mirrored
from ..autograd.tensor import Tensor
from ..ops import complex as ops
from .registration import public
from .unary import accept, attach, unary

ANY = "fVciub"

angle = unary(ops.angle, "angle", kinds="fVcF", in_place=False)


@public()
def real(input: Tensor) -> Tensor:
    """The real part of a complex tensor, sharing memory; a real tensor as it is.

    >>> torch.real(torch.tensor([1 + 2j]))
    tensor([1.])
    """
    return ops.real(input) if accept(input, "real", ANY).is_complex() else input


@public()
def imag(input: Tensor) -> Tensor:
    """The imaginary part of a complex tensor, sharing memory; RuntimeError for real tensors.

    >>> torch.imag(torch.tensor([1 + 2j]))
    tensor([2.])
    """
    if not accept(input, "imag", ANY).is_complex():
        raise RuntimeError(
            f"imag is not implemented for tensors with non-complex dtypes, such as {input.dtype}"
        )
    result: Tensor = ops.imag(input)
    return result


def _set_real(self: Tensor, value: Any) -> None:
    real(self).copy_(value)


def _set_imag(self: Tensor, value: Any) -> None:
    imag(self).copy_(value)


attach("real", property(real, _set_real, doc=real.__doc__))
attach("imag", property(imag, _set_imag, doc=imag.__doc__))


@public()
def conj(input: Tensor) -> Tensor:
    """The complex conjugate, in memory of its own; a real tensor as it is.

    In torch it is a view: what is written into it changes `input`. So writing in place into the
    result is an error here while `input` is there; clone it, or use `conj_physical`.

    >>> torch.conj(torch.tensor([1 + 2j]))
    tensor([1.-2.j])
    """
    if not accept(input, "conj", ANY).is_complex():
        return input
    result: Tensor = ops.conj(input)
    if result._data.__class__ is np.ndarray:
        mirror(result, input)
    return result


@public("conj_physical", in_place=True)
def conj_physical(input: Tensor) -> Tensor:
    """The complex conjugate, which may be written in place; a real tensor as it is.

    >>> torch.conj_physical(torch.tensor([1 + 2j]))
    tensor([1.-2.j])
    """
    return ops.conj(input) if accept(input, "conj_physical", ANY).is_complex() else input


@public("resolve_conj", "resolve_neg")
def resolve_conj(input: Tensor) -> Tensor:
    """The tensor itself: conjugates and negatives are never pending here.

    But of a conjugate a copy, as in torch: that may be written in place.

    >>> x = torch.tensor([1 + 2j])
    >>> torch.equal(x.conj().resolve_conj(), x.conj())
    True
    """
    accept(input, "resolve_conj", ANY)
    return input.clone() if mirrored(input) else input


@public("is_conj", "is_neg")
def is_conj(input: Tensor) -> bool:
    """False: conjugates and negatives are never pending here.

    >>> torch.is_conj(torch.tensor([1 + 2j]))
    False
    """
    accept(input, "is_conj", ANY)
    return False


_REALS = (dtypes.float16, dtypes.float32, dtypes.float64)


def _check_pair(a: Tensor, b: Tensor, name: str) -> None:
    """Two real tensors of one dtype make complex ones."""
    accept(a, name, ANY)
    accept(b, name, ANY)
    if a.dtype not in _REALS or b.dtype not in _REALS:
        raise RuntimeError(
            "Expected both inputs to be Half, Float or Double tensors but got "
            f"{a.dtype.short} and {b.dtype.short}"
        )
    if a.dtype is not b.dtype:
        raise RuntimeError(
            f"Expected object of scalar type {a.dtype.short} but got scalar type {b.dtype.short} "
            f"for second argument of {name}()"
        )


@public("complex", method=False)
def complex(real: Tensor, imag: Tensor) -> Tensor:
    """The complex tensor with these real and imaginary parts, of one float dtype.

    >>> torch.complex(torch.tensor([1.0]), torch.tensor([2.0]))
    tensor([1.+2.j])
    """
    _check_pair(real, imag, "complex")
    result: Tensor = ops.complex(real, imag)
    return result


@public("polar", method=False)
def polar(abs: Tensor, angle: Tensor) -> Tensor:
    """The complex tensor of these sizes and angles: abs e^(i angle).

    >>> torch.polar(torch.tensor([2.0]), torch.tensor([0.0]))
    tensor([2.+0.j])
    """
    _check_pair(abs, angle, "polar")
    result: Tensor = ops.polar(abs, angle)
    return result


@public("view_as_real", method=False)
def view_as_real(input: Tensor) -> Tensor:
    """A complex tensor as pairs of reals along a new last dim, sharing memory.

    >>> torch.view_as_real(torch.tensor([1 + 2j]))
    tensor([[1., 2.]])
    """
    if not accept(input, "view_as_real", ANY).is_complex():
        raise RuntimeError(f"view_as_real is only supported for complex tensors, not {input.dtype}")
    result: Tensor = ops.view_as_real(input)
    return result


@public("view_as_complex", method=False)
def view_as_complex(input: Tensor) -> Tensor:
    """Pairs along the last dim as complex numbers, sharing memory: (..., 2) -> (...).

    RuntimeError unless the last dim has size 2 and its elements are adjacent in memory.

    >>> torch.view_as_complex(torch.tensor([[1.0, 2.0]]))
    tensor([1.+2.j])
    """
    array = accept(input, "view_as_complex", ANY)._data
    if input.dtype not in _REALS[1:]:  # there is no complex type of two halves here
        raise RuntimeError(
            "view_as_complex is only supported for float and double tensors, but got a tensor of "
            f"scalar type: {input.dtype.short}"
        )
    if array.ndim == 0 or array.shape[-1] != 2:
        raise RuntimeError(
            f"Tensor must have a last dimension of size 2, but its shape is {list(array.shape)}"
        )
    if array.strides[-1] != array.dtype.itemsize:
        raise RuntimeError(
            "Tensor must have a last dimension with stride 1; call .contiguous() first"
        )
    result: Tensor = ops.view_as_complex(input)
    return result
