"""Floor 1: saved values under hooks: packed when a node is made, unpacked when it is read.

Knows what a node keeps and how; the context managers that set hooks are in `graph`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from . import modes, origin
from .modes import state
from .tape import OperationNode, edge_of, freed_message
from .tensor import Tensor, meta_of, new, storage_of, version_of, wrap

if TYPE_CHECKING:
    from .storage import Storage
    from .tensor import Edge

Pack = Callable[[Tensor], Any]
Unpack = Callable[[Any], Tensor]


class Packed:
    """Stands for a saved tensor in a node's `saved`: reading its array calls the unpack hook.

    Nothing is known of what the hooks keep, so there is no version to check.
    """

    __slots__ = ("value", "unpack", "edge", "output", "requires_grad", "is_leaf")

    _storage: Storage | None = None  # as those of a tensor that was never written
    _view = None

    def __init__(self, t: Tensor, output: int | None, hooks: tuple[Pack, Unpack]) -> None:
        self.requires_grad = t._requires_grad
        self.is_leaf = t._edge is None
        self.output = output
        # An output's edge would be a cycle: its node is known when it is unpacked.
        self.edge: Edge | None = edge_of(t) if t._requires_grad and output is None else None
        self.unpack = hooks[1]
        self.value = _call_pack(hooks[0], t)

    @property
    def _data(self) -> Any:
        return self._read()._data

    def _read(self) -> Tensor:
        found = self.unpack(self.value)
        if not isinstance(found, Tensor):
            raise TypeError(
                "Output of saved tensor unpack_hook expected to be a Tensor but got result of "
                f"type {type(found).__name__}; return the tensor that pack_hook was given"
            )
        return found

    def tensor(self, node: OperationNode | None) -> Tensor:
        """The unpacked value in the place of the graph where the saved tensor was."""
        found = self._read()
        t: Tensor = wrap(found._data)
        t._storage = found._storage
        t._requires_grad = self.requires_grad
        if self.output is not None:
            if self.requires_grad and node is not None:
                t._edge = (node, self.output)
        elif self.edge is not None and self.is_leaf:
            meta_of(t).accumulator = weakref.ref(self.edge[0])
        else:
            t._edge = self.edge
        return t


def _call_pack(pack: Pack, t: Tensor) -> Any:
    """`pack(t)` without recording; it may not write to its input."""
    before = state.grad
    version = version_of(t)
    state.grad = False
    try:
        value = pack(t)
    finally:
        state.grad = before
    if version_of(t) != version:
        raise RuntimeError(
            "A saved tensor pack hook is modifying its input in place. Tensors provided as input "
            "to pack hook cannot be modified by in-place operations as this can lead to "
            "unexpected side-effects: let it work on a copy, x.clone()."
        )
    return value


class Recorder:
    """Stands in the place of a pack hook, and sees whole applications: a memory budget."""

    def recorded(
        self,
        node: OperationNode,
        tensors: Sequence[Tensor],
        results: Sequence[Tensor],
        params: dict[str, Any] | None,
    ) -> None:
        """A node was made; it packs what the node saved. params: None for a custom Function."""
        raise NotImplementedError  # every recorder defines it

    def moved(self, source: Tensor, target: Tensor) -> None:
        """In-place work puts the value of `source` into the memory of `target`."""
        raise NotImplementedError  # every recorder defines it


def pack_node(
    node: OperationNode,
    tensors: Sequence[Tensor] = (),
    results: Sequence[Tensor] = (),
    params: dict[str, Any] | None = None,
) -> None:
    """Pack what a new node saved with the hooks in force."""
    hooks = state.packing
    if hooks is None:
        return
    if isinstance(hooks[0], Recorder):
        hooks[0].recorded(node, tensors, results, params)
        return
    if not node.saved:
        return
    saved = node.saved
    packed: list[Any] = [
        t if _is_constant(t) else _packed(node, i, t, hooks[:2]) for i, t in enumerate(saved)
    ]
    node.saved = packed
    node.versions = None


def _is_constant(t: Tensor) -> bool:
    """Whether it stands for a Python number, which torch does not save as a tensor."""
    return t._data.ndim == 0 and not t._data.flags.writeable and t._edge is None


def _packed(node: OperationNode, i: int, t: Tensor, hooks: tuple[Pack, Unpack]) -> Packed:
    """A saved value packed; hooks see an output in its place in the graph."""
    output = node.plan.output_number(node.plan.saved_names[i])
    if output is None or output not in node.plan.linked_outputs:
        return Packed(t, output, hooks)
    alias: Tensor = new(Tensor)
    alias._data, alias._storage = t._data, storage_of(t)
    alias._view = alias._meta = None
    alias._edge, alias._requires_grad = (node, output), True
    return Packed(alias, output, hooks)


class SavedTensor:
    """One saved value of a node: `grad_fn._raw_saved_self`, for hooks of its own."""

    __slots__ = ("_node", "_position")

    def __init__(self, node: OperationNode, position: int) -> None:
        self._node = node
        self._position = position

    def register_hooks(self, pack_hook: Pack, unpack_hook: Unpack) -> None:
        """Pack this value now, and unpack it whenever it is read.

        >>> x = torch.tensor([3.0], requires_grad=True)
        >>> y = x * x
        >>> y.grad_fn._raw_saved_self.register_hooks(lambda t: t.numpy(force=True), torch.tensor)
        >>> y.backward(); x.grad
        tensor([6.])
        """
        node, i = self._node, self._position
        if node.saved is None:
            raise RuntimeError(
                "Calling register_hooks on a saved tensor after it has been freed. "
                + freed_message(node)
            )
        t: Any = node.saved[i]
        if isinstance(t, Packed):
            raise RuntimeError(
                "Calling register_hooks on a saved tensor whose hooks have already been set. "
                "Hint: only one pair of hooks is allowed at a time."
            )
        saved: list[Any] = list(node.saved)
        versions = list(node.versions or [0] * len(saved))
        saved[i], versions[i] = _packed(node, i, t, (pack_hook, unpack_hook)), 0
        node.saved, node.versions = saved, versions


class Kept:
    """A tensor kept outside any node as a node keeps it: hooks in force see it."""

    __slots__ = ("value", "version", "where")

    def __init__(self, t: Tensor) -> None:
        self.where = origin.caller(2)
        hooks = state.packing
        self.value: Any = t if hooks is None else Packed(t, None, hooks[:2])
        self.version = version_of(t)

    def tensor(self) -> Tensor:
        """The tensor, which may not have been written since."""
        if isinstance(self.value, Packed):
            return self.value.tensor(None)
        t: Tensor = self.value
        if version_of(t) != self.version:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an "
                f"inplace operation: [torch.{t.dtype.short}Tensor {list(t._data.shape)}] is at "
                f"version {version_of(t)}; expected version {self.version} instead. It was "
                f"kept at {origin.describe(self.where)}; it was overwritten at "
                f"{origin.describe(storage_of(t).writer)}. Write to a copy instead (use the "
                "out-of-place form, or .clone() before writing)."
            )
        return t


def set_hooks(pack: Pack, unpack: Unpack) -> None:
    """Put a pair of hooks in force in this thread, over the present ones."""
    if state.packing_refused is not None:
        raise RuntimeError(state.packing_refused)
    state.packing = (pack, unpack, state.packing)
    modes.running += 1  # recording looks closer


def drop_hooks() -> None:
    """Take the innermost pair out of force."""
    assert state.packing is not None
    state.packing = state.packing[2]
    modes.running -= 1


def tell_moved(source: Tensor, target: Tensor) -> None:
    """Tell a recorder, if one is in force, that in-place work moves a value."""
    hooks = state.packing
    if hooks is not None and isinstance(hooks[0], Recorder):
        hooks[0].moved(source, target)
