"""Floor 3: max, min, amax, amin, aminmax, argmax, argmin."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..arrays.dtypes import NP_FLOAT32, NP_FLOAT64
from ..autograd import modes
from ..autograd.tensor import Tensor, wrap
from ..ops import extremes as ops
from .creation import check_tensor
from .dims import canonical_dim, canonical_dims
from .examples import flattened, on_values
from .reduction import check_keepdim
from .registration import FUNCTIONS, public
from .results import result_type_of

MaxResult = result_type_of("max", ("values", "indices"))
MinResult = result_type_of("min", ("values", "indices"))
AminmaxResult = result_type_of("aminmax", ("min", "max"))


def require_ordered(input: Tensor, name: str) -> None:
    """Complex numbers have no order."""
    if input._data.dtype.kind == "c":
        raise NotImplementedError(
            f"\"{name}\" not implemented for '{input.dtype.short}': complex numbers have no order; "
            "use .abs() or .real"
        )


def require_elements(input: Tensor, dim: int | None, name: str, error: Any = RuntimeError) -> None:
    """An extreme of nothing does not exist."""
    array = input._data
    if dim is None:
        if array.size == 0:
            raise error(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
                "Specify the reduction dim with the 'dim' argument."
            )
    elif array.ndim and array.shape[dim] == 0:
        raise IndexError(
            f"{name}(): Expected reduction dim {dim} to have non-zero size, but the input is "
            f"{list(array.shape)}"
        )


def selected(operation: Any, result: Any, input: Tensor, dim: int, name: str, **params: Any) -> Any:
    """`operation` over one dim, with indices; a 0-d tensor is treated as one of one element."""
    require_ordered(input, name)
    if input._data.ndim == 0:
        return result(*operation(input.reshape(1), dim=0, **{**params, "keepdim": False}))
    require_elements(input, dim, name)
    return result(*operation(input, dim=dim, **params))


def _extreme(name: str, full: Any, along: Any, result: Any, pairwise: str) -> Any:
    def extreme(
        input: Any,
        dim: Any = None,
        keepdim: bool = False,
        *,
        other: Any = None,
        axis: Any = None,
        keepdims: bool = False,
    ) -> Any:
        check_tensor(input, name)
        if isinstance(other, Tensor):
            dim = other
        if isinstance(dim, Tensor):
            return FUNCTIONS[pairwise](input, dim)
        if dim is None:
            dim = axis
        if dim is None:
            require_ordered(input, name)
            require_elements(input, None, name)
            d = input._data.dtype
            return full.run_one(input) if d is NP_FLOAT32 or d is NP_FLOAT64 else full(input)
        keepdim = keepdim or keepdims
        check_keepdim(keepdim, name)
        dim = canonical_dim(dim, input._data.ndim, name)
        return selected(along, result, input, dim, name, keepdim=keepdim)

    extreme.__name__ = extreme.__qualname__ = name
    adjective = "largest" if name == "max" else "smallest"
    extreme.__doc__ = (
        f"The {adjective} element; over `dim` a named tuple (values, indices); of two tensors, "
        f"the {adjective} of each pair.\n\n"
        "Equal extremes share the gradient evenly, except along `dim`, where the first takes it."
        f"\n\n>>> torch.{name}(torch.tensor([[1, 5], [7, 2]]), dim=1)\n"
        f"torch.return_types.{name}(\nvalues=tensor([{'5, 7' if name == 'max' else '1, 2'}]),\n"
        f"indices=tensor([{'1, 0' if name == 'max' else '0, 1'}]))"
    )
    return public(name)(extreme)


max_ = _extreme("max", ops.max_, ops.max_dim, MaxResult, "maximum")
min_ = _extreme("min", ops.min_, ops.min_dim, MinResult, "minimum")


@public("amax")
def amax(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The largest element over `dim` (all by default); ties share the gradient evenly.

    >>> torch.amax(torch.tensor([[1.0, 4.0], [3.0, 2.0]]), dim=1)
    tensor([4., 3.])
    """
    return _over_dims(ops.amax, input, dim, keepdim, "amax")


@public("amin")
def amin(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The smallest element over `dim` (all by default); ties share the gradient evenly.

    >>> torch.amin(torch.tensor([[1.0, 4.0], [3.0, 2.0]]), dim=1)
    tensor([1., 2.])
    """
    return _over_dims(ops.amin, input, dim, keepdim, "amin")


def _over_dims(operation: Any, input: Tensor, dim: Any, keepdim: bool, name: str) -> Tensor:
    check_tensor(input, name)
    require_ordered(input, name)
    check_keepdim(keepdim, name)
    dims = canonical_dims(dim, input._data.ndim, name)
    if dims is None:
        require_elements(input, None, name)
    else:
        for d in dims:
            require_elements(input, d, name)
    result: Tensor = operation(input, dim=dims, keepdim=keepdim)
    return result


@public("aminmax")
def aminmax(input: Tensor, *, dim: Any = None, keepdim: bool = False) -> Any:
    """Smallest and largest element, over one `dim` or all, as a named tuple (min, max).

    >>> low, high = torch.aminmax(torch.tensor([3.0, 1.0, 2.0]))
    >>> low, high
    (tensor(1.), tensor(3.))
    """
    check_tensor(input, "aminmax")
    require_ordered(input, "aminmax")
    found = None if dim is None else canonical_dim(dim, input._data.ndim, "aminmax")
    require_elements(input, found, "aminmax")
    dims = None if found is None else (found,) if input._data.ndim else ()
    return AminmaxResult(*ops.aminmax(input, dim=dims, keepdim=keepdim))


@public("argmax")
def argmax(input: Tensor, dim: Any = None, keepdim: bool = False, *, axis: Any = None) -> Tensor:
    """Index of the largest element (the first of equal ones), in the flattened tensor or in `dim`.

    >>> torch.argmax(torch.tensor([[1.0, 4.0], [3.0, 2.0]]), dim=1)
    tensor([1, 0])
    """
    return _index_of(np.argmax, input, axis if dim is None else dim, keepdim, "argmax")


@public("argmin")
def argmin(input: Tensor, dim: Any = None, keepdim: bool = False, *, axis: Any = None) -> Tensor:
    """Index of the smallest element (the first of equal ones), flattened or in `dim`.

    >>> torch.argmin(torch.tensor([[1.0, 4.0], [3.0, 2.0]]), dim=1)
    tensor([0, 1])
    """
    return _index_of(np.argmin, input, axis if dim is None else dim, keepdim, "argmin")


def _index_of(search: Any, input: Tensor, dim: Any, keepdim: bool, name: str) -> Tensor:
    check_tensor(input, name)
    require_ordered(input, name)
    array = input._data
    if array.dtype.kind == "b":
        raise RuntimeError(f"{name}(): does not support bool input; convert with .int()")
    if dim is None:
        require_elements(input, None, name, IndexError)
        if not modes.lifted:
            return wrap(search(array, keepdims=keepdim))
        return on_values(functools.partial(_index_of_all, search, keepdim), input)
    dim = canonical_dim(dim, array.ndim, name)
    require_elements(input, dim, name)
    if array.ndim == 0:
        return wrap(np.zeros((), np.int64))
    if not modes.lifted:
        return wrap(search(array, axis=dim, keepdims=keepdim))
    return on_values(lambda n, x: search(x, axis=dim + n, keepdims=keepdim), input)


def _index_of_all(search: Any, keepdim: bool, n: int, x: Any) -> Any:
    """Where in the flattened tensor, of each example."""
    found = search(flattened(n, x), axis=n)
    return found.reshape(*x.shape[:n], *(1,) * (x.ndim - n)) if keepdim else found
