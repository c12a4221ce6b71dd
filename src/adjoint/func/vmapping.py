"""Floor 5: vmap: a function of one example, run for a whole batch of them at once.

Each mapped argument becomes Batched at a level of its own; operations see one example. What an
operation does with the hidden axis is `ops.batching`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import adjoint.api as api
from adjoint.api.random import get_rng_state, set_rng_state
from adjoint.autograd.lifted import Batched, Level, lift, spread
from adjoint.autograd.tensor import Tensor

from . import pytree


def name_of(func: Any) -> str:
    """What errors call a function."""
    if hasattr(func, "__name__"):
        return str(func.__name__)
    if isinstance(func, functools.partial):
        return f"functools.partial({name_of(func.func)}, ...)"
    return repr(func)


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """A function that maps `func` over a dimension of its arguments: out[i] = func(x[i]).

    All examples run together, in one call of `func` whose operations see one example.

    - `in_dims`: which dimension of each argument is mapped (None: the same for all examples); an
      int, or a tuple with an entry for each argument, nested as the arguments are.
    - `out_dims`: where the mapped dimension is in each output.
    - `randomness`: what random functions do inside: `"error"`, `"different"` numbers for each
      example, or the `"same"` for all (all chunks, too).
    - `chunk_size`: how many examples run together at most (None: all), which bounds memory.

    Tensor arguments share the size of the mapped dimension, and the outputs are Tensors. Raises
    ValueError for arguments, `in_dims` or outputs that do not fit, and RuntimeError where `func`
    depends on values: `if x > 0`, `.item()`, boolean masks. Keyword arguments are passed on as
    they are, the same for all examples.

    >>> dot = torch.func.vmap(torch.dot)
    >>> dot(torch.ones(2, 3), torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    tensor([ 6., 15.])
    >>> torch.vmap(lambda x: x * 2, in_dims=1)(torch.tensor([[1, 2, 3]]))
    tensor([[2],
            [4],
            [6]])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            "Only allowed values for randomness are 'error', 'different', or 'same'. Got "
            f"{randomness}"
        )
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func, updated=())
    def mapped(*args: Any, **kwargs: Any) -> Any:
        _check_out_dims(func, out_dims)
        leaves, structure, dims = _inputs(func, in_dims, args)
        size = _batch_size(func, in_dims, leaves, dims)

        def run(values: Sequence[Any], count: int) -> Any:
            return func(*pytree.unflatten(values, structure), **kwargs)

        step = size if chunk_size is None else chunk_size
        if step >= size:
            return _run(func, run, leaves, dims, size, randomness, out_dims)
        parts = []
        numbers = get_rng_state() if randomness == "same" else None
        for start in range(0, size, step):
            if numbers is not None:
                set_rng_state(numbers)
            count = min(step, size - start)
            chunk = [
                leaf if dim is None else leaf.narrow(dim, start, count)
                for leaf, dim in zip(leaves, dims)
            ]
            parts.append(_run(func, run, chunk, dims, count, randomness, out_dims))
        return _joined(parts, out_dims)

    return mapped


def _run(
    func: Any,
    run: Callable[[Sequence[Any], int], Any],
    leaves: Sequence[Any],
    dims: Sequence[int | None],
    size: int,
    randomness: str,
    out_dims: Any,
) -> Any:
    """One call for `size` examples."""
    with Level("vmap", size, randomness) as level:
        values = [
            leaf if dim is None else lift(Batched(level, leaf.movedim(dim, 0) if dim else leaf))
            for leaf, dim in zip(leaves, dims)
        ]
        out = run(values, size)
        outs, structure = pytree.flatten(out)
        places = _out_places(func, out, out_dims, structure)
        found = [_taken(func, o, place, level) for o, place in zip(outs, places)]
    return pytree.unflatten(found, structure)


def _taken(func: Any, out: Any, place: int | None, level: Level) -> Any:
    """One output with its mapped dimension in place."""
    is_tensor = isinstance(out, Tensor)
    if place is None:
        if is_tensor and isinstance(out._data, Batched) and out._data.level is level:
            if out._data.batched:
                name = name_of(func)
                raise ValueError(
                    f"vmap({name}, ...): `{name}` can not return a BatchedTensor when out_dim is "
                    "None"
                )
            return out._data.value
        return out
    if not is_tensor:
        name = name_of(func)
        raise ValueError(
            f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(out)}. Did you "
            "mean to set out_dims= to None for output?"
        )
    whole = spread(out, level)
    rank = whole._data.ndim
    if not -rank <= place < rank:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], but got "
            f"{place})"
        )
    return whole.movedim(0, place) if place else whole


def _joined(parts: Sequence[Any], out_dims: Any) -> Any:
    """The outputs of all chunks, one after the other."""
    flat = [pytree.flatten(part) for part in parts]
    structure = flat[0][1]
    places = _out_places(None, parts[0], out_dims, structure)
    columns = zip(*[leaves for leaves, _ in flat])
    found = [
        column[0] if place is None else api.FUNCTIONS["cat"](list(column), place)
        for column, place in zip(columns, places)
    ]
    return pytree.unflatten(found, structure)


def _inputs(func: Any, in_dims: Any, args: Any) -> tuple[list[Any], Any, list[int | None]]:
    """Leaves, structure, and the mapped dimension of each leaf."""
    if not isinstance(in_dims, (int, tuple)):
        raise ValueError(
            f"{_call_of(func, in_dims)}: expected `in_dims` to be int or a (potentially nested) "
            f"tuple matching the structure of inputs, got: {type(in_dims)}."
        )
    if not args:
        raise ValueError(
            f"vmap({name_of(func)})(<inputs>): got no inputs. Maybe you forgot to add inputs, or "
            "you are trying to vmap over a function with no inputs. The latter is unsupported."
        )
    leaves, structure = pytree.flatten(args)
    dims = pytree.spread_prefix(in_dims, structure)
    if dims is None:
        raise ValueError(
            f"{_call_of(func, in_dims)}: in_dims is not compatible with the structure of "
            f"`inputs`. in_dims has structure {pytree.flatten(in_dims)[1]!r} but inputs has "
            f"structure {structure!r}."
        )
    for i, (leaf, dim) in enumerate(zip(leaves, dims)):
        if dim is not None:
            dims[i] = _checked(func, in_dims, leaf, dim)
    return leaves, structure, dims


def _call_of(func: Any, in_dims: Any) -> str:
    """What errors call the application of a function."""
    return f"vmap({name_of(func)}, in_dims={in_dims}, ...)(<inputs>)"


def _checked(func: Any, in_dims: Any, leaf: Any, dim: Any) -> int:
    """The dimension counted from the front."""
    if isinstance(dim, int) and isinstance(leaf, Tensor):
        rank = leaf._data.ndim
        if -rank <= dim < rank:
            return dim % rank
    name = _call_of(func, in_dims)
    if not isinstance(dim, int):
        raise ValueError(
            f"{name}: Got in_dim={dim} for an input but in_dim must be either an integer dimension "
            "or None."
        )
    if not isinstance(leaf, Tensor):
        raise ValueError(
            f"{name}: Got in_dim={dim} for an input but the input is of type {type(leaf)}. We "
            "cannot vmap over non-Tensor arguments, please use None as the respective in_dim"
        )
    raise ValueError(
        f"{name}: Got in_dim={dim} for some input, but that input is a Tensor of "
        f"dimensionality {rank} so expected in_dim to satisfy -{rank} <= in_dim < {rank}."
    )


def _batch_size(func: Any, in_dims: Any, leaves: Sequence[Any], dims: Sequence[int | None]) -> int:
    sizes = [leaf._data.shape[dim] for leaf, dim in zip(leaves, dims) if dim is not None]
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over")
    if any(size != sizes[0] for size in sizes):
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    return int(sizes[0])


def _check_out_dims(func: Any, out_dims: Any) -> None:
    for place in pytree.flatten(out_dims)[0]:
        if place is not None and not isinstance(place, int):
            raise ValueError(
                f"vmap({name_of(func)}, ..., out_dims={out_dims}): `out_dims` must be an int, None "
                "or a python collection of ints representing where in the outputs the vmapped "
                "dimension should appear."
            )


def _out_places(func: Any, out: Any, out_dims: Any, structure: Any) -> list[int | None]:
    """Where the mapped dimension goes in each output."""
    if isinstance(out, Tensor) and isinstance(out_dims, tuple) and len(out_dims) == 1:
        out_dims = out_dims[0]
    places = pytree.spread_prefix(out_dims, structure)
    if places is None or (structure == pytree.LEAF and not isinstance(out_dims, (int, type(None)))):
        raise ValueError(
            f"vmap({name_of(func)}, ..., out_dims={out_dims})(<inputs>): out_dims is not "
            f"compatible with the structure of `outputs`. out_dims has structure "
            f"{pytree.flatten(out_dims)[1]!r} but outputs has structure {structure!r}."
        )
    return places
