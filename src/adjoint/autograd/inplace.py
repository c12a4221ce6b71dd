"""Floor 1: writing in place, with torch's rules about leaves, views and saved values.

An in-place operation is its out-of-place form on the old value, whose result is then written into
the tensor's memory and whose history the tensor adopts.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import dtypes
from . import lifted_writing, modes, origin
from .lifted import Lifted, top_level
from .saved import tell_moved
from .storage import Reshaped
from .tape import edge_of, next_sequence_number
from .tensor import (
    Tensor,
    born,
    check_inference,
    new,
    refresh,
    relink,
    share_with_saved,
    storage_of,
    version_of,
)
from .views import check_creation, rebase


def check_writable(x: Tensor, name: str, target: Any = None) -> None:
    """Refuse what torch refuses, before anything is computed.

    `target`: the part of x's array that will be written, if it is not all of it.
    """
    if x._view is not None and modes.state.grad:
        refresh(x)
    check_history(x, name)
    if not x._data.flags.writeable or _overlaps(x._data if target is None else target):
        _check_shared(x, name)
    check_inference(x, name)
    if mirrored(x):
        raise RuntimeError(
            f"{name}: this tensor is the conjugate of another, which is there still. In torch it "
            "would be a view, and the write change both; here it has memory of its own. Write to "
            "a copy (.clone(), .resolve_conj() or .conj_physical()), or to the other one"
        )
    # A view makes its base's storage without telling the alias by which a node saved the base.
    owner = x if x._view is None else x._view.of
    if owner._edge is not None and owner._storage is not None:
        share_with_saved(owner, owner._storage)
    if modes.guard is not None:
        modes.guard.preserve(storage_of(x))


# What may write to an expanded tensor, whose elements share memory: it writes one value to all that
# share a place, or (with torch's warning) says which places it writes.
_UNIFORM = frozenset(["fill_", "zero_"])
_PLACED = frozenset(["masked_fill_", "index_fill_", "index_put_", "x[index] = ..."])


def _check_shared(x: Tensor, name: str) -> None:
    """Refuse to write where elements share memory, or NumPy forbids it, but for a few."""
    if x._data.flags.writeable:
        if name in _UNIFORM:
            return
        if name in _PLACED:
            shown = "index_put_" if name.startswith("x[") else name
            warnings.warn(
                f"Use of {shown} on expanded tensors is deprecated. Please clone() the tensor "
                "before performing this operation. This also applies to advanced indexing e.g. "
                "tensor[indices] = tensor",
                UserWarning,
                stacklevel=6,
            )
            return
    _refuse_shared(name)


def _refuse_shared(name: str) -> None:
    raise RuntimeError(
        f"{name}: unsupported operation: more than one element of the written-to tensor may "
        "refer to a single memory location (or its NumPy array is read-only). Please clone() "
        "the tensor before performing the operation."
    )


def check_history(x: Tensor, name: str) -> None:
    """Refuse to change a leaf, or a view whose base's history cannot be rewritten."""
    if not modes.state.grad:
        return
    view = x._view
    if view is None:
        if x._requires_grad and x._edge is None:
            raise RuntimeError(
                f"a leaf Variable that requires grad is being used in an in-place operation. "
                f"({name} on a leaf of shape {list(x._data.shape)}: use the out-of-place form, or "
                "write inside `with torch.no_grad():`)"
            )
    elif view.base._requires_grad or x._requires_grad:
        check_creation(view, f"is being modified inplace by {name}", x)
        if view.base._edge is None:
            raise RuntimeError(
                "a view of a leaf Variable that requires grad is being used in an in-place "
                f"operation. ({name} on a view of shape {list(x._data.shape)}: write inside "
                "`with torch.no_grad():`, or to a clone)"
            )


def mirror(x: Tensor, of: Tensor) -> None:
    """Note that `x` is a conjugate, which torch has in the memory of the other tensor."""
    storage = storage_of(of)
    storage_of(x).mirrored = storage.mirrored or weakref.ref(storage)


def mirrored(x: Tensor) -> bool:
    """Whether `x` is a conjugate of what is there still."""
    storage = x._storage
    return storage is not None and storage.mirrored is not None and bool(storage.mirrored())


def check_captured(x: Tensor, name: str) -> None:
    """Refuse to record a write into what the transform that runs (grad, vjp) did not make.

    Its history would lead to the transform's own inputs, and outlive them. (torch refuses every
    write to it; a value without a history, as of running statistics, does no harm here.)
    """
    if born(x) < modes.state.since:
        raise RuntimeError(
            "During a grad (vjp, jvp, grad, etc) transform, the function provided attempted to "
            f"call in-place operation ({name}) that would mutate a captured Tensor. This is not "
            "supported; please rewrite the function being transformed to explicitly accept the "
            "mutated Tensor(s) as inputs, or to write to a clone of it "
            f"(here one of shape {list(x._data.shape)}, made before the transform began)"
        )


def is_recorded(t: Tensor) -> bool:
    """Whether a tensor has a history, here or in a level below."""
    if t._requires_grad or not isinstance(t._data, Lifted):
        return t._requires_grad
    return any(part is not None and is_recorded(part) for part in t._data.parts())


def _overlaps(array: Any) -> bool:
    """Whether elements share memory as those of an expanded tensor do."""
    strides = array.strides
    if 0 not in strides or array.size == 0:
        return False
    return any(n > 1 and s == 0 for n, s in zip(array.shape, strides))


def check_result(x: Tensor, result: Tensor, name: str) -> None:
    """The result has to have the written tensor's shape, and a type that can be cast to its."""
    if result._data.shape != x._data.shape:
        raise RuntimeError(
            f"output with shape {list(x._data.shape)} doesn't match the broadcast shape "
            f"{list(result._data.shape)} ({name} writes in place and cannot grow its tensor; use "
            "the out-of-place form)"
        )
    check_type(x, result, name)


def check_type(x: Tensor, result: Tensor, name: str) -> None:
    """The result has to have a type that can be cast to that of the written tensor."""
    if not dtypes.can_cast(result.dtype, x.dtype):
        raise RuntimeError(
            f"result type {result.dtype.short} can't be cast to the desired output type "
            f"{x.dtype.short} ({name} writes in place; use the out-of-place form)"
        )


def write(x: Tensor, compute: Callable[[Tensor], Tensor], name: str) -> Tensor:
    """Replace the value and the history of `x` by those of `compute(old x)`; returns `x`.

    Nothing has changed when an error is raised.
    """
    if modes.lifted:
        top_level((x,))  # a view whose base moves since it was made follows
    check_writable(x, name)
    old = _alias(x)
    if modes.lifted:  # the levels below, where a rule may save the old value, see one write
        old._data, old._storage = x._data.copy(), None
    packing = modes.running and modes.state.packing is not None
    if packing:  # what a hook keeps must not change
        old._data, old._storage = old._data.copy(), None
        tell_moved(x, old)
    since = next_sequence_number()
    result = compute(old)
    check_result(x, result, name)
    if modes.reversing and is_recorded(result):
        check_captured(x, name)
    if result._data.__class__ is not np.ndarray:
        lifted_writing.admit(x, result)
    storage = storage_of(x)
    recorded = result._requires_grad and modes.state.grad
    placed = name in _PLACED and _overlaps(x._data)
    if placed and recorded:
        _refuse_shared(name)  # elements that share memory would get different histories
    if recorded and x._view is not None:
        check_creation(x._view, f"is being modified inplace by {name}", x)
    if recorded:
        held = weakref.ref(old)
        array = result._data
        del old
        kept = held()
        if kept is not None:  # a rule saved the value that is about to be overwritten
            _keep(kept, edge_of(result)[0], since)
        storage.bump(origin.caller(2))
        _adopt(x, result, array)
        if packing and x._view is None:
            tell_moved(result, x)
    else:
        storage.bump(origin.caller(2))
    if placed:
        _overwrite_changed(x, result)
    else:
        overwrite(x, result)
    return x


def overwrite(x: Tensor, source: Tensor) -> None:
    """Put the value of `source` into the memory of `x`; of history nothing is said."""
    if x._data.__class__ is np.ndarray is source._data.__class__:
        if source._data is not x._data:
            np.copyto(x._data, source._data, casting="unsafe")
        return
    lifted_writing.overwrite_lifted(x, source)


def _overwrite_changed(x: Tensor, source: Tensor) -> None:
    """As `overwrite`, where elements share memory: what was written wins over what was kept."""
    before, after = x._data, source._data
    same = (before == after) | ((before != before) & (after != after))
    np.copyto(before, after, casting="unsafe", where=~same)


def _keep(old: Tensor, node: Any, since: int) -> None:
    """Give the old value memory of its own, wherever nodes made after `since` saved it.

    A composite operation may have saved a view of it.
    """
    nodes = [node]
    seen = {node}
    while nodes:
        node = nodes.pop()
        for t in getattr(node, "saved", None) or ():
            if t._view is not None and t._view.base is old:
                t._data, t._storage, t._view = t._data.copy(), None, None
        for following, _ in node.edges:
            if following.seq > since and following not in seen:
                seen.add(following)
                nodes.append(following)
    old._data = old._data.copy()
    old._storage = None


def _alias(x: Tensor) -> Tensor:
    """The old value: the same memory, version counter and history, under another handle."""
    old: Tensor = new(Tensor)
    old._data = x._data
    old._requires_grad = x._requires_grad and modes.state.grad
    old._edge = edge_of(x) if old._requires_grad else None
    old._storage = storage_of(x)
    old._view = old._meta = None
    return old


def _adopt(x: Tensor, result: Tensor, array: Any) -> None:
    """Give `x` the history of `result`; what was saved of the result is now in `x`'s memory."""
    edge = edge_of(result)
    node: Any = edge[0]
    saved = getattr(node, "saved", None)
    if saved and x._data.dtype == array.dtype:
        for i, t in enumerate(saved):
            if isinstance(t, Tensor) and t._data is array:
                t._data, t._storage = x._data, x._storage
                versions = list(node.versions or [0] * len(saved))
                versions[i] = version_of(x)
                node.versions = tuple(versions)
    if x._view is not None:
        rebase(x, edge)
        if x._view.__class__ is Reshaped:  # it is all of its base, and keeps the node's name
            relink(x, edge)
            x._view.version = storage_of(x).version
        else:
            refresh(x)
    else:
        relink(x, edge)
