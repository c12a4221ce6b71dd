"""Floor 3: torch's products: matmul and its special cases, linear, inner and outer."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.dtypes import NP_BOOL, dtype
from ..autograd import modes
from ..autograd.modes import state
from ..autograd.tape import module_path
from ..autograd.tensor import Tensor
from ..autograd.views import own
from ..ops import products as ops
from .registration import public


def expect_tensor(value: Any, name: str, argument: str, position: int) -> None:
    """TypeError as torch's argument parser raises it."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name}(): argument '{argument}' (position {position}) must be Tensor, not "
            f"{type(value).__name__}"
        )


def expect_ndim(x: Tensor, n: int, name: str, argument: str) -> None:
    """RuntimeError unless `x` has n dimensions."""
    if x._data.ndim != n:
        kind = "matrix" if n == 2 else "3D tensor"
        raise RuntimeError(
            f"{argument} must be a {kind}, got {x._data.ndim}-D tensor of shape "
            f"{list(x._data.shape)} ({name}); torch.matmul takes other ranks"
        )


def c_name(d: dtype) -> str:
    """torch's name of a dtype in messages of its C++ side: `float`, `double`, `long int`."""
    names = {"float32": "float", "float64": "double", "int64": "long int", "int32": "int"}
    return names.get(d.name, d.name)


def _place() -> str:
    """The path of the module being run, for messages."""
    return "" if state.module is None else f" (in module {module_path(state.module)})"


def shape_error(a: tuple[int, ...], b: tuple[int, ...], hint: str) -> RuntimeError:
    """torch's complaint about inner sizes, with the way out."""
    rows = int(np.prod(a[:-1])) if len(a) != 1 else 1
    second = f"{b[0]}x{b[1]}" if len(b) == 2 else f"{b[0]}"
    return RuntimeError(
        f"mat1 and mat2 shapes cannot be multiplied ({rows}x{a[-1]} and {second}){_place()}: {hint}"
    )


def same_dtype(x: Tensor, y: Tensor, name: str) -> None:
    """Refuse mixed dtypes, as torch's products do."""
    if x._data.dtype != y._data.dtype:
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {c_name(x.dtype)} != "
            f"{c_name(y.dtype)} in {name}{_place()}; convert one of them, for example with "
            f".to({x.dtype})"
        )
    if x._data.dtype == NP_BOOL:
        raise NotImplementedError(
            f"\"{name}\" not implemented for 'Bool'; convert with .long() or .float() first"
        )


@public()
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """Matrix product of input (m, k) and mat2 (k, n).

    >>> torch.mm(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0], [4.0]]))
    tensor([[11.]])
    """
    expect_tensor(input, "mm", "input", 1)
    expect_tensor(mat2, "mm", "mat2", 2)
    expect_ndim(input, 2, "mm", "self")
    expect_ndim(mat2, 2, "mm", "mat2")
    same_dtype(input, mat2, "mm")
    a, b = input._data.shape, mat2._data.shape
    if a[1] != b[0]:
        way = "; the second fits as .T" if a[1] == b[1] else ""
        raise shape_error(a, b, f"mm needs (m, k) and (k, n){way}")
    return ops.mm(input, mat2)


@public()
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """A matrix product for each of b: input (b, m, k), mat2 (b, k, n) -> (b, m, n).

    >>> torch.bmm(torch.ones(1, 2, 3), torch.ones(1, 3, 1))
    tensor([[[3.],
             [3.]]])
    """
    expect_tensor(input, "bmm", "input", 1)
    expect_tensor(mat2, "bmm", "mat2", 2)
    expect_ndim(input, 3, "bmm", "batch1")
    expect_ndim(mat2, 3, "bmm", "batch2")
    a, b = input._data.shape, mat2._data.shape
    if a[0] != b[0] or a[2] != b[1]:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{a[0]}, {a[2]}] but "
            f"got: [{b[0]}, {b[1]}]; bmm needs (b, m, k) and (b, k, n)"
        )
    same_dtype(input, mat2, "bmm")
    return ops.bmm(input, mat2)


@public()
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """Matrix (m, k) times vector (k,).

    >>> torch.mv(torch.eye(2), torch.tensor([1.0, 2.0]))
    tensor([1., 2.])
    """
    expect_tensor(input, "mv", "input", 1)
    expect_tensor(vec, "mv", "vec", 2)
    a, b = input._data.shape, vec._data.shape
    if len(a) != 2 or len(b) != 1:
        raise RuntimeError(
            f"vector + matrix @ vector expected, got {len(b)}, {len(a)}, {len(b)}: mv needs a "
            f"matrix and a vector, but got shapes {list(a)} and {list(b)}"
        )
    same_dtype(input, vec, "mv")
    if a[1] != b[0]:
        raise RuntimeError(
            f"size mismatch, got input ({a[0]}), mat ({a[0]}x{a[1]}), vec ({b[0]}): mv needs "
            "(m, k) and (k,)"
        )
    return ops.mv(input, vec)


@public()
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The sum of products of two vectors, without conjugation.

    >>> torch.dot(torch.tensor([2, 3]), torch.tensor([2, 1]))
    tensor(7)
    """
    expect_tensor(input, "dot", "input", 1)
    expect_tensor(tensor, "dot", "tensor", 2)
    a, b = input._data.shape, tensor._data.shape
    if len(a) != 1 or len(b) != 1:
        raise RuntimeError(
            f"1D tensors expected, but got {len(a)}D and {len(b)}D tensors: dot takes vectors; "
            "use (x * y).sum() or torch.matmul"
        )
    if input._data.dtype != tensor._data.dtype:
        raise RuntimeError(
            "dot : expected both vectors to have same dtype, but found "
            f"{input.dtype.short} and {tensor.dtype.short}"
        )
    same_dtype(input, tensor, "dot")
    if a != b:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{a[0]}] and src [{b[0]}] to have the same "
            f"number of elements, but got {a[0]} and {b[0]} elements respectively"
        )
    return ops.dot(input, tensor)


@public()
def vdot(input: Tensor, other: Tensor) -> Tensor:
    """The sum of products of two vectors, the first conjugated.

    >>> torch.vdot(torch.tensor([2.0, 3.0]), torch.tensor([2.0, 1.0]))
    tensor(7.)
    """
    expect_tensor(input, "vdot", "input", 1)
    return dot(input.conj() if input._data.dtype.kind == "c" else input, other)


@public()
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """Matrix product of tensors of any rank, as `@`.

    Two vectors: their dot product. Matrices: (m, k) @ (k, n). A vector on the left is a row, on
    the right a column, and its axis goes from the result. More axes: the leading ones are
    broadcast, (..., m, k) @ (..., k, n).

    >>> torch.matmul(torch.tensor([[1.0, 2.0]]), torch.tensor([3.0, 4.0]))
    tensor([11.])
    """
    try:
        a, b = input._data, other._data
    except AttributeError:
        expect_tensor(input, "matmul", "input", 1)
        expect_tensor(other, "matmul", "other", 2)
        raise
    if a.ndim == 2 and b.ndim == 2 and a.shape[1] == b.shape[0]:
        dtype = a.dtype
        known = a.__class__ is np.ndarray is b.__class__  # nothing of a transform
        if known and dtype == b.dtype and dtype is not NP_BOOL:
            return ops.mm.run_two(input, other)
    return _matmul_general(input, other)


def _matmul_general(x: Tensor, y: Tensor) -> Tensor:
    a, b = x._data.shape, y._data.shape
    if not a or not b:
        raise RuntimeError(
            f"both arguments to matmul need to be at least 1D, but they are {len(a)}D and "
            f"{len(b)}D; use * for numbers"
        )
    if len(a) == 1 and len(b) == 1:
        return dot(x, y)
    same_dtype(x, y, "matmul")
    inner = b[0] if len(b) == 1 else b[-2]
    if a[-1] != inner:
        _raise_inner(a, b)
    if len(a) == 2 and len(b) == 1:
        return ops.mv(x, y)
    if len(a) == 1:
        return ops.mv(y.mT, x) if len(b) == 2 else own(ops.matmul(x.unsqueeze(0), y).squeeze(-2))
    if len(b) == 1:
        return own(ops.matmul(x, y.unsqueeze(1)).squeeze(-1))
    if len(a) == 2 and len(b) == 2:
        return ops.mm(x, y)
    try:
        np.broadcast_shapes(a[:-2], b[:-2])
    except ValueError:
        raise_broadcast(a[:-2], b[:-2], " (the leading axes of a matmul are broadcast)")
    return ops.matmul(x, y)


def _raise_inner(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """The error for inner sizes that differ."""
    way = f"the last size of {list(a)} has to be the {'last but one' if len(b) > 1 else 'only'} "
    way += f"size of {list(b)}; did you mean to transpose one of them?"
    if len(a) >= 2 and len(b) == 1:
        rows = int(np.prod(a[:-1]))
        raise RuntimeError(
            f"size mismatch, got input ({rows}), mat ({rows}x{a[-1]}), vec ({b[0]}){_place()}: "
            f"{way}"
        )
    if len(b) == 2:
        raise shape_error(a, b, way)
    raise RuntimeError(
        f"Expected size for first two dimensions of batch2 tensor to be: [{b[-3]}, {a[-1]}] but "
        f"got: [{b[-3]}, {b[-2]}].{_place()} {way}"
    )


def raise_broadcast(a: tuple[int, ...], b: tuple[int, ...], what: str = "") -> None:
    """torch's error for sizes that do not broadcast; `what` says whose they are."""
    rank = max(len(a), len(b))
    padded = [(1,) * (rank - len(s)) + tuple(s) for s in (a, b)]
    for dim, (m, n) in enumerate(zip(*padded)):
        if m != n and 1 not in (m, n):
            raise RuntimeError(
                f"The size of tensor a ({m}) must match the size of tensor b ({n}) at "
                f"non-singleton dimension {dim}{what}"
            )


def _operator(self: Tensor, other: Any) -> Any:
    return matmul(self, other) if isinstance(other, Tensor) else NotImplemented


def _reflected(self: Tensor, other: Any) -> Any:
    return matmul(other, self) if isinstance(other, Tensor) else NotImplemented


Tensor.__matmul__ = _operator  # type: ignore[method-assign]
Tensor.__rmatmul__ = _reflected  # type: ignore[attr-defined]


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A linear layer: out = input weightᵀ + bias.

    input: (..., in), weight: (out, in) or (in,), bias: (out,) -> (..., out).

    >>> torch.nn.functional.linear(torch.ones(1, 2), torch.ones(3, 2), torch.zeros(3))
    tensor([[2., 2., 2.]])
    """
    try:
        x, w = input._data, weight._data
        dtype = w.dtype
        n, k = w.shape
        plain = x.shape[-1] == k and x.dtype is dtype and dtype.kind == "f"
        if x.__class__ is not np.ndarray or w.__class__ is not np.ndarray:
            plain = False  # data of a transform
        elif plain and bias is not None:
            plain = bias._data.shape == (n,) and bias._data.dtype is dtype
    except AttributeError:
        expect_tensor(input, "linear", "input", 1)
        expect_tensor(weight, "linear", "weight", 2)
        if bias is not None:
            expect_tensor(bias, "linear", "bias", 3)
        raise
    except (ValueError, IndexError):  # a weight that is no matrix, or an input without axes
        plain = False
    if plain:
        if bias is None:
            return ops.project.run_two(input, weight)
        return ops.run_linear(input, weight, bias)
    return _linear_general(input, weight, bias)


def _linear_general(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Rare forms of `linear`, and its errors."""
    a, w = input._data.shape, weight._data.shape
    if len(w) not in (1, 2):
        raise RuntimeError(
            f"linear: weight must be (out, in), or (in,), but has shape {list(w)}{_place()}"
        )
    if not a:
        raise RuntimeError(
            f"both arguments to linear need to be at least 1D, but they are 0D and {len(w)}D"
            f"{_place()}"
        )
    if a[-1] != w[-1]:
        rows = int(np.prod(a[:-1]))
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({rows}x{a[-1]} and {w[-1]}x{w[0]})"
            f"{_place()}: the layer takes {w[-1]} features, but the last size of the input "
            f"{list(a)} is {a[-1]}"
        )
    for t in (weight, *(() if bias is None else (bias,))):
        if t._data.dtype != input._data.dtype:
            raise RuntimeError(
                f"expected m1 and m2 to have the same dtype, but got: {c_name(input.dtype)} != "
                f"{c_name(t.dtype)}{_place()}; convert the input with .to({t.dtype})"
            )
    if input._data.dtype == NP_BOOL:
        same_dtype(input, weight, "linear")
    if modes.lifted and len(w) == 2 and bias is not None and bias._data.shape == w[:1]:
        return ops.linear_layer(input, weight, bias)  # one operation at each level, not two
    out = matmul(input, weight) if len(w) == 1 else ops.project(input, weight)
    if bias is None:
        return out
    try:
        np.broadcast_shapes(bias._data.shape, out._data.shape)
    except ValueError:
        raise RuntimeError(
            f"The expanded size of the tensor ({w[0]}) must match the existing size "
            f"({bias._data.shape[-1]}) at non-singleton dimension 1{_place()}: the bias of a "
            f"linear layer has shape [{w[0]}], not {list(bias._data.shape)}"
        ) from None
    return out + bias


@public()
def inner(input: Tensor, other: Tensor) -> Tensor:
    """Products summed over the last axes: (..., k), (..., k) -> their other axes in order.

    >>> torch.inner(torch.tensor([1, 2, 3]), torch.tensor([0, 2, 1]))
    tensor(7)
    """
    expect_tensor(input, "inner", "input", 1)
    a, b = input._data.shape, other._data.shape
    if not a or not b:
        return input * other
    if a[-1] != b[-1]:
        raise RuntimeError(
            f"inner() the last dimension must match on both input tensors but got shapes "
            f"{list(a)} and {list(b)}"
        )
    same_dtype(input, other, "inner")
    return ops.project(input, other.reshape(-1, b[-1])).reshape(a[:-1] + b[:-1])


@public("outer", "ger")
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """All products of two vectors: (n,), (m,) -> (n, m).

    >>> torch.outer(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    for x, argument, position in ((input, "self", 1), (vec2, "vec2", 2)):
        expect_tensor(x, "outer", argument, position)
        if x._data.ndim != 1:
            raise RuntimeError(
                f"outer: Expected 1-D argument {argument}, but got {x._data.ndim}-D; flatten it "
                "first"
            )
    return input.unsqueeze(1) * vec2
