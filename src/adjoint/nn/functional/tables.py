"""Floor 5: embedding tables and one-hot marks."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.api.examples import depends_on_values, flattened, mapped_levels, on_values
from adjoint.arrays import dtypes
from adjoint.arrays.checks import is_any, reaches
from adjoint.autograd.lifted import level_of, values_of
from adjoint.autograd.tensor import Tensor, storage_of
from adjoint.ops import embedding as ops

from .arguments import expect_tensor, place


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Rows of weight (count, d) at the indices input (...): output (..., d).

    Row `padding_idx` gets no gradient. With `max_norm`, rows in use that are longer are first
    rescaled in place.

    >>> torch.nn.functional.embedding(torch.tensor([1]), torch.tensor([[1.0], [2.0]]))
    tensor([[2.]])
    """
    expect_tensor(input, "embedding", "indices", 1)
    expect_tensor(weight, "embedding", "weight", 2)
    indices, table = input._data, weight._data
    if indices.dtype not in (dtypes.NP_INT64, dtypes.int32.numpy):
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: "
            f"Long, Int; but got torch.{input.dtype.short}Tensor instead (while checking "
            f"arguments for embedding){place()}; convert with .long()"
        )
    if table.ndim != 2:
        raise RuntimeError(
            f"'weight' must be 2-D: embedding got a table of shape {list(table.shape)}{place()}"
        )
    if sparse:
        raise NotImplementedError(
            "embedding: sparse gradients are not supported; leave out sparse=True"
        )
    count = table.shape[0]
    check_indices(values_of(input), count)
    skip = _padding(padding_idx, count)
    if max_norm is not None:
        _shorten(weight, input, max_norm, norm_type)
    if scale_grad_by_freq:

        def shares(n: int, at: Any) -> Any:
            rows = flattened(n, at)
            counts = np.apply_along_axis(np.bincount, -1, rows, None, count).clip(1)
            return (1 / counts).astype(table.dtype)[..., None]

        scale = on_values(shares, input)
        # Equal in value, with the gradient of each row divided by how often it occurs.
        weight = weight.detach() + (weight - weight.detach()) * scale
    out: Tensor = ops.embedding(weight, input, skip=skip)
    return out


def check_indices(indices: Any, count: int) -> None:
    """IndexError that names an index outside [0, count) and its place."""
    if indices.size == 0:
        return
    unsigned = indices.view(f"u{indices.dtype.itemsize}")  # negative ones become large
    if not reaches(unsigned, count):
        return
    at = np.unravel_index(int(np.flatnonzero(unsigned.reshape(-1) >= count)[0]), indices.shape)
    where = f" at position {list(map(int, at))}" if at else ""
    raise IndexError(
        f"index out of range in self: embedding has {count} rows, but got index "
        f"{indices[at]}{where}{place()}; indices go from 0 to {count - 1}"
    )


def _padding(padding_idx: int | None, count: int) -> int | None:
    if padding_idx is None:
        return None
    if not -count <= padding_idx < count:
        raise AssertionError(
            f"Padding_idx must be within num_embeddings: got {padding_idx} for {count} rows"
        )
    return padding_idx % count


def _shorten(weight: Tensor, indices: Tensor, max_norm: float, p: float) -> None:
    """Scale rows in use down to `max_norm`, in place and unrecorded."""
    if level_of(weight) is not None:
        raise RuntimeError(
            "embedding: max_norm rescales rows of the weight in place, which a transform (vmap, "
            "jvp) of the weight does not support; rescale the weight before, outside of it"
        )
    used = np.unique(values_of(indices))
    table = weight._data
    lengths = np.linalg.norm(table[used], p, axis=1)
    long = lengths > max_norm
    if long.any():
        table[used[long]] *= (max_norm / (lengths[long] + 1e-7))[:, None].astype(table.dtype)
        storage_of(weight).bump(None)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """1 at each class, 0 elsewhere: (...) -> (..., num_classes), int64.

    >>> torch.nn.functional.one_hot(torch.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    expect_tensor(tensor, "one_hot", "self", 1)
    classes = tensor._data
    if classes.dtype != dtypes.NP_INT64:
        raise RuntimeError(
            "one_hot is only applicable to index tensor of type LongTensor, but got "
            f"{tensor.dtype}; convert with .long()"
        )
    if num_classes == -1 and mapped_levels(tensor):
        raise RuntimeError(depends_on_values("one_hot without num_classes"))
    classes = values_of(tensor)
    if classes.size == 0 and num_classes <= 0:
        raise RuntimeError(
            "Can not infer total number of classes from empty tensor; pass num_classes"
        )
    if is_any(classes < 0):
        raise RuntimeError(f"Class values must be non-negative, but got {classes.min()}")
    if num_classes == -1:
        num_classes = int(classes.max()) + 1
    elif num_classes < 1:
        raise RuntimeError(f"num_classes should be positive, but got {num_classes}")
    elif classes.size and reaches(classes, num_classes):
        raise RuntimeError(
            f"Class values must be smaller than num_classes, but got class {classes.max()} with "
            f"num_classes={num_classes}"
        )
    found: Tensor = on_values(
        lambda n, at: (at[..., None] == np.arange(num_classes)).astype(np.int64), tensor
    )
    return found
