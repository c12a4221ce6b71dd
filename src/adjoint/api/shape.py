"""Floor 3: the same elements in another shape or order: reshape, transpose, squeeze, expand."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from ..arrays.strides import broadcast_to as stretch
from ..arrays.strides import is_viewable
from ..autograd.lifted import layout_of
from ..autograd.tensor import Tensor
from ..ops import shape as ops
from .dims import canonical_dim
from .registration import public

_ALL = slice(None)


def expect_tensor(value: Any, name: str) -> Tensor:
    """The first argument, which has to be a Tensor."""
    if value.__class__ is not Tensor and not isinstance(value, Tensor):
        raise TypeError(
            f"{name}(): argument 'input' (position 1) must be Tensor, not {type(value).__name__}"
        )
    return value


def sizes_of(args: Sequence[Any], name: str, argument: str = "shape") -> tuple[int, ...]:
    """`f(2, 3)`, `f((2, 3))` and `f([2, 3])` as (2, 3)."""
    if len(args) == 1 and not hasattr(args[0], "__index__"):
        args = args[0]
    sizes = []
    try:
        for n in args:
            if n.__class__ is not int:
                if isinstance(n, (bool, float)):
                    raise TypeError
                n = n.__index__()
            sizes.append(n)
    except (TypeError, AttributeError):
        raise TypeError(
            f"{name}(): argument '{argument}' must be tuple of ints, but got {args!r}"
        ) from None
    return tuple(sizes)


def filled_in(shape: Sequence[int], numel: int) -> tuple[int, ...]:
    """`shape` with its one -1 replaced by what makes `numel` elements; torch's errors."""
    invalid = RuntimeError(
        f"shape '{list(shape)}' is invalid for input of size {numel}: the product of the sizes has "
        f"to be {numel}"
    )
    unknown = [i for i, n in enumerate(shape) if n == -1]
    if len(unknown) > 1:
        raise RuntimeError(f"only one dimension can be inferred, but shape is {list(shape)}")
    if any(n < -1 for n in shape):
        raise RuntimeError(f"invalid shape dimension {min(shape)}: shape is {list(shape)}")
    if not unknown:
        if prod(shape) != numel:
            raise invalid
        return tuple(shape)
    known = prod([n for n in shape if n != -1])
    if known == 0 and numel == 0:
        raise RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified "
            "dimension size -1 can be any value and is ambiguous"
        )
    if known == 0 or numel % known:
        raise invalid
    at = unknown[0]
    return (*shape[:at], numel // known, *shape[at + 1 :])


@public(out=False)
def reshape(input: Tensor, *shape: Any, **options: Any) -> Tensor:
    """The same elements in another shape; one size may be -1, and is worked out.

    A view of `input` where its layout allows one, otherwise a copy.

    >>> torch.reshape(torch.arange(4.0), (2, -1))
    tensor([[0., 1.],
            [2., 3.]])
    """
    try:
        array = input._data
    except AttributeError:
        expect_tensor(input, "reshape")
        raise
    if array.flags.c_contiguous:
        out = in_shape(array, shape or (options.pop("shape"),), "reshape")
        return ops.view.run_view(input, out, {"shape": out.shape})
    sizes = filled_in(sizes_of(shape or (options.pop("shape"),), "reshape"), array.size)
    if is_viewable(array.shape, array.strides, sizes):
        return ops.view.run_view(input, array.reshape(sizes), {"shape": sizes})
    return ops.unsafe_view(input, shape=sizes)


def in_shape(array: Any, args: Any, name: str) -> Any:
    """A contiguous array in the shape that the arguments of `reshape` or `view` give."""
    sizes = args[0] if len(args) == 1 and args[0].__class__ is not int else args
    try:
        out = array.reshape(sizes)
        if out.shape == sizes or min(sizes_of(args, name)) >= -1:  # NumPy takes -2 for -1
            return out
    except (ValueError, TypeError):
        pass
    return array.reshape(filled_in(sizes_of(args, name), array.size))


def as_view(input: Tensor, sizes: Sequence[int]) -> Tensor:
    """`input` in another shape on the same memory, or torch's error."""
    array = input._data
    sizes = filled_in(sizes, array.size)
    if not array.flags.c_contiguous and not is_viewable(array.shape, array.strides, sizes):
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one "
            "dimension spans across two contiguous subspaces). Use .reshape(...) instead. "
            f"(shape {list(array.shape)}, asked for {list(sizes)})"
        )
    return ops.view.run_view(input, array.reshape(sizes), {"shape": tuple(sizes)})


@public(function=False)
def view_as(self: Tensor, other: Tensor) -> Tensor:
    """This tensor viewed in the shape of `other`.

    >>> torch.arange(4).view_as(torch.zeros(2, 2))
    tensor([[0, 1],
            [2, 3]])
    """
    return as_view(self, expect_tensor(other, "view_as")._data.shape)


@public(function=False)
def reshape_as(self: Tensor, other: Tensor) -> Tensor:
    """This tensor in the shape of `other`; a view if possible.

    >>> torch.arange(4).reshape_as(torch.zeros(2, 2))
    tensor([[0, 1],
            [2, 3]])
    """
    return reshape(self, expect_tensor(other, "reshape_as")._data.shape)


@public(out=False)
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Dimensions `start_dim` to `end_dim` (included) as one; the tensor itself if there is one.

    >>> torch.flatten(torch.zeros(2, 3, 4), 1).shape
    torch.Size([2, 12])
    """
    old = expect_tensor(input, "flatten")._data.shape
    if end_dim == -1 and start_dim in (0, 1) and len(old) > start_dim + 1:
        return reshape(input, -1 if start_dim == 0 else (old[0], prod(old[1:])))
    start = canonical_dim(start_dim, len(old), "flatten")
    end = canonical_dim(end_dim, len(old), "flatten")
    if not old:
        return reshape(input, (1,))
    if start > end:
        raise RuntimeError(
            "flatten() has invalid args: start_dim cannot come after end_dim, but got "
            f"start_dim={start_dim} and end_dim={end_dim}"
        )
    if start == end:
        return input
    return reshape(input, (*old[:start], prod(old[start : end + 1]), *old[end + 1 :]))


@public(out=False)
def ravel(input: Tensor) -> Tensor:
    """All elements in one dimension: a view of contiguous tensors, else a copy.

    >>> torch.ravel(torch.tensor([[1, 2], [3, 4]]))
    tensor([1, 2, 3, 4])
    """
    return reshape(input.contiguous(), (-1,))


@public(out=False)
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Dimension `dim` as several of the given sizes, one of which may be -1.

    >>> torch.unflatten(torch.zeros(2, 6), 1, (3, -1)).shape
    torch.Size([2, 3, 2])
    """
    old = expect_tensor(input, "unflatten")._data.shape
    at = canonical_dim(dim, len(old), "unflatten")
    if not old:
        raise RuntimeError(
            f"unflatten got an unexpected error: Dimension specified as {dim} but tensor has no "
            "dimensions"
        )
    sizes = sizes_of((sizes,), "unflatten", "sizes")
    if not sizes:
        raise RuntimeError("unflatten: sizes must be non-empty")
    n = old[at]
    known = prod([s for s in sizes if s != -1])
    if sizes.count(-1) == 1 and known and n % known == 0:
        sizes = tuple(n // known if s == -1 else s for s in sizes)
    if prod(sizes) != n:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim "
            f"{at} ({n}) in the input tensor"
        )
    return as_view(input, (*old[:at], *sizes, *old[at + 1 :]))


@public("transpose", "swapaxes", "swapdims", out=False)
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """A view with two dimensions swapped.

    >>> torch.transpose(torch.tensor([[1, 2], [3, 4]]), 0, 1)
    tensor([[1, 3],
            [2, 4]])
    """
    array = expect_tensor(input, "transpose")._data
    dim0 = canonical_dim(dim0, array.ndim, "transpose")
    dim1 = canonical_dim(dim1, array.ndim, "transpose")
    if array.ndim == 0:
        return ops.alias.run_view(input, array[...], {"key": (...,)})
    out = array.swapaxes(dim0, dim1)
    return ops.transpose.run_view(input, out, {"dim0": dim0, "dim1": dim1})


@public(out=False)
def t(input: Tensor) -> Tensor:
    """A matrix transposed; tensors of 0 and 1 dimensions as they are. A view.

    >>> torch.t(torch.tensor([[1, 2, 3]])).shape
    torch.Size([3, 1])
    """
    array = expect_tensor(input, "t")._data
    if array.ndim == 2:
        return ops.t.run_view(input, array.T, {"dim0": 0, "dim1": 1})
    if array.ndim > 2:
        raise RuntimeError(
            f"t() expects a tensor with <= 2 dimensions, but self is {array.ndim}D; use "
            "transpose(dim0, dim1), or .mT for batches of matrices"
        )
    if array.ndim == 1:
        return ops.t.run_view(input, array[...], {"dim0": 0, "dim1": 0})
    return ops.alias.run_view(input, array[...], {"key": (...,)})


@public(out=False)
def permute(input: Tensor, *dims: Any, **options: Any) -> Tensor:
    """A view with the dimensions in the order `dims`.

    >>> torch.permute(torch.zeros(2, 3, 4), (2, 0, 1)).shape
    torch.Size([4, 2, 3])
    """
    ndim = expect_tensor(input, "permute")._data.ndim
    order = sizes_of(dims or (options.pop("dims", ()),), "permute", "dims")
    if len(order) != ndim:
        raise RuntimeError(
            "permute: number of dimensions in the tensor input does not match the length of the "
            f"desired ordering of dimensions i.e. input.dim() = {ndim} is not equal to len(dims) = "
            f"{len(order)}; name every dimension once"
        )
    order = tuple([canonical_dim(d, ndim, "permute") for d in order])
    if len(set(order)) != ndim:
        raise RuntimeError(f"permute(): duplicate dims are not allowed, but dims is {list(order)}")
    return ops.permute.run_view(input, input._data.transpose(order), {"dims": order})


@public("movedim", "moveaxis", out=False)
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """A view with the dimensions `source` moved to `destination`; the others keep their order.

    >>> torch.movedim(torch.zeros(2, 3, 4), 0, -1).shape
    torch.Size([3, 4, 2])
    """
    ndim = expect_tensor(input, "movedim")._data.ndim
    given = [(s,) if hasattr(s, "__index__") else tuple(s) for s in (source, destination)]
    if len(given[0]) != len(given[1]):
        raise RuntimeError(
            "movedim: Invalid source or destination dims: source "
            f"({list(given[0])} dims) should contain the same number of dims as destination "
            f"({list(given[1])} dims)"
        )
    start, end = ([canonical_dim(d, ndim, "movedim") for d in dims] for dims in given)
    for name, dims in (("source", start), ("destination", end)):
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({dims})")
    if ndim == 0:
        return ops.alias.run_view(input, input._data[...], {"key": (...,)})
    order = [d for d in range(ndim) if d not in start]
    for to, moved in sorted(zip(end, start)):
        order.insert(to, moved)
    return permute(input, tuple(order))


@public(out=False)
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """A view without the dimensions of size 1: all of them, or those named by `dim`.

    >>> torch.squeeze(torch.zeros(1, 3, 1)).shape
    torch.Size([3])
    """
    array = expect_tensor(input, "squeeze")._data
    operation = ops.squeeze_dim
    if dim is None:
        dims = tuple([i for i, n in enumerate(array.shape) if n == 1])
        operation = ops.squeeze_all
    elif isinstance(dim, (tuple, list)):
        named = [canonical_dim(d, array.ndim, "squeeze") for d in dim]
        if len(set(named)) != len(named):
            twice = next(d for i, d in enumerate(named) if d in named[:i])
            raise RuntimeError(f"dim {twice} appears multiple times in the list of dims")
        dims = tuple([d for d in sorted(named) if array.ndim and array.shape[d] == 1])
        operation = ops.squeeze_dims
    else:
        d = canonical_dim(dim, array.ndim, "squeeze")
        dims = (d,) if array.ndim and array.shape[d] == 1 else ()
    return operation.run_view(input, array.squeeze(dims) if dims else array[...], {"dims": dims})


@public(out=False)
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """A view with a dimension of size 1 at `dim`.

    >>> torch.unsqueeze(torch.tensor([1, 2]), 1)
    tensor([[1],
            [2]])
    """
    array = expect_tensor(input, "unsqueeze")._data
    at = canonical_dim(dim, array.ndim + 1, "unsqueeze")
    key = (_ALL,) * at + (None,)
    return ops.unsqueeze.run_view(input, array[key], {"key": key})


@public(function=False)
def expand(self: Tensor, *size: Any, implicit: bool = False, **options: Any) -> Tensor:
    """A view repeated without a copy along new dimensions and those of size 1; -1 keeps a size.

    >>> torch.tensor([1, 2]).expand(2, -1)
    tensor([[1, 2],
            [1, 2]])
    """
    target = sizes_of(size or (options.pop("size"),), "expand", "size")
    return _expand(self, target)


def _expand(x: Tensor, target: tuple[int, ...]) -> Tensor:
    old = x._data.shape
    if old == target:
        return ops.expand.run_view(x, x._data[...], {"shape": old})
    lead = len(target) - len(old)
    if lead < 0:
        raise RuntimeError(
            f"expand(torch.{x.dtype.short}Tensor{{{list(old)}}}, size={list(target)}): the number "
            f"of sizes provided ({len(target)}) must be greater or equal to the number of "
            f"dimensions in the tensor ({len(old)})"
        )
    found = []
    for i, n in enumerate(target):
        own = old[i - lead] if i >= lead else None
        if n == -1 and own is None:
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) isn't allowed in a leading, non-existing "
                f"dimension {i}"
            )
        if own is not None and own not in (1, n) and n != -1:
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({own}) at "
                f"non-singleton dimension {i}.  Target sizes: {list(target)}.  Tensor sizes: "
                f"{list(old)}"
            )
        if n < -1:
            raise RuntimeError(f"expand: sizes cannot be negative, but size is {list(target)}")
        found.append(own if n == -1 else n)
    shape = tuple(found)
    return ops.expand.run_view(x, stretch(layout_of(x), shape), {"shape": shape})


@public(out=False)
def broadcast_to(input: Tensor, *size: Any, **options: Any) -> Tensor:
    """A view of `input` broadcast to the shape `size`.

    >>> torch.broadcast_to(torch.tensor([1, 2]), (2, 2))
    tensor([[1, 2],
            [1, 2]])
    """
    return _expand(
        expect_tensor(input, "broadcast_to"),
        sizes_of(size or (options.pop("size"),), "broadcast_to", "size"),
    )


@public(function=False)
def expand_as(self: Tensor, other: Tensor) -> Tensor:
    """This tensor expanded to the shape of `other`.

    >>> torch.tensor([1, 2]).expand_as(torch.zeros(2, 2))
    tensor([[1, 2],
            [1, 2]])
    """
    return _expand(self, expect_tensor(other, "expand_as")._data.shape)


def matrix_attribute(name: str, hermitian: bool, batches: bool) -> property:
    """`x.T`, `x.H`, `x.mT`, `x.mH`."""

    def read(self: Tensor) -> Tensor:
        ndim = self._data.ndim
        if name == "T" and ndim != 2:
            return permute(self, tuple(range(ndim))[::-1])
        if ndim == 0:
            return transpose(self, 0, 0)
        if ndim < 2 or (ndim > 2 and not batches):
            wanted = "matrices or batches of matrices" if batches else "matrices (2-D tensors)"
            raise RuntimeError(
                f"tensor.{name} is only supported on {wanted}. Got {ndim}-D tensor."
                + (" For batches of matrices, consider using tensor.mH" if ndim > 2 else "")
            )
        if name == "T":
            return ops.permute.run_view(self, self._data.T, {"dims": (1, 0)})
        flipped = transpose(self, -2, -1)
        return flipped.conj() if hermitian and self.dtype.is_complex else flipped

    what = "conjugated and transposed" if hermitian else "transposed"
    text = f"The {'matrices' if batches else 'matrix'} {what}."
    example = f">>> torch.zeros(2, 3).{name}.shape\ntorch.Size([3, 2])"
    return property(read, doc=f"{text}\n\n{example}")


for _name, _hermitian, _batches in (
    ("T", False, False),
    ("H", True, False),
    ("mT", False, True),
    ("mH", True, True),
):
    setattr(Tensor, _name, matrix_attribute(_name, _hermitian, _batches))


@public(out=False)
def adjoint(input: Tensor) -> Tensor:
    """The last two dimensions transposed, and conjugated if complex.

    >>> torch.adjoint(torch.zeros(2, 3)).shape
    torch.Size([3, 2])
    """
    if expect_tensor(input, "adjoint")._data.ndim == 1:
        raise RuntimeError(
            "tensor.adjoint() is only supported on matrices or batches of matrices. Got 1-D tensor."
        )
    found: Tensor = input.mH
    return found
