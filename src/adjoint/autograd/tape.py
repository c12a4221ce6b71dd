"""Floor 1: the tape: nodes, edges, and the values they keep.

A Node is one application of an operation. It is made when an operation runs on a tensor that
requires grad, links to the nodes of its inputs, and holds what its derivative rules named.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from itertools import count
from sys import getrefcount
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from numpy import add, ndarray

from . import origin
from .layout import laid_out
from .saved_names import torch_name
from .tensor import Tensor, check_inference, is_cut, meta_of, new, refresh, storage_of, wrap

if TYPE_CHECKING:
    from .engine import Run
    from .hooks import NodeHooks
    from .tensor import Edge

next_sequence_number = count(1).__next__  # 0 is before all


class Node:
    """A place in the graph: `next_functions` lead to the nodes that made its inputs.

    `shape` and `dtype` describe the cotangent it expects; for a node of several outputs `shape` is
    None and `metas` holds a (shape, dtype) for each.
    """

    __slots__ = ("edges", "seq", "shape", "dtype", "hooks", "__weakref__")

    constant: ClassVar[bool] = False  # see `constant_gradient`

    edges: Sequence[Edge]  # only to inputs that need a gradient
    seq: int
    shape: tuple[int, ...] | None
    dtype: Any
    hooks: NodeHooks | None

    def apply(self, ct: Any, run: Run) -> Any:
        """The cotangents for `edges`, in their order (None: no contribution)."""
        raise NotImplementedError  # every node class defines it

    def apply_none(self, ct: Any, run: Run) -> Any:
        """As `apply`, where a custom Function above gave None: it is handed on. `ct` is empty."""
        return [None] * len(self.edges)

    def apply_for(self, ct: Any, run: Run, needed: set[Node]) -> Any:
        """As `apply`; what leads to no node in `needed` may be None."""
        return self.apply(ct, run)

    def name(self) -> str:
        """The node's name, as torch has it: `MulBackward0`."""
        return type(self).__name__

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """For each tensor input, the node and the output number it came from."""
        return tuple([(node.public, output) for node, output in self.edges])

    @property
    def public(self) -> Any:
        """What users see as `grad_fn`: the node, but for a custom Function its context."""
        return self

    @property
    def metadata(self) -> dict[str, Any]:
        """A dictionary for the user's notes about this node."""
        from .hooks import hooks_of

        return hooks_of(self).metadata

    def _sequence_nr(self) -> int:
        return self.seq

    @property
    def origin(self) -> origin.Origin | None:
        """The user's line that made this node."""
        return None

    def metas_of(self, output: int) -> tuple[tuple[int, ...], Any]:
        """Shape and dtype of one output."""
        assert self.shape is not None
        return self.shape, self.dtype

    @property
    def output_count(self) -> int:
        """How many outputs the node has."""
        return 1

    def register_hook(self, hook: Any) -> Any:
        """Call `hook(grad_inputs, grad_outputs)` after this node ran; it may replace the former."""
        from .hooks import register_node_hook

        return register_node_hook(self, hook, post=True)

    def register_prehook(self, hook: Any) -> Any:
        """Call `hook(grad_outputs)` before this node runs; it may replace them."""
        from .hooks import register_node_hook

        return register_node_hook(self, hook, post=False)


class GradientEdge(NamedTuple):
    """A place in the graph where a gradient arrives; `backward` and `grad` take it for a tensor."""

    node: Any
    output_nr: int
    ownership_token: Any = None  # torch's; here the node itself keeps the graph alive


class OperationNode(Node):
    """A node made by a registered operation; each operation has a subclass named as in torch."""

    __slots__ = (
        "plan", "saved", "versions", "constants", "code", "offset", "module", "metas", "freed_at",
    )  # fmt: skip

    operation: ClassVar[Any]

    plan: Any  # which inputs need gradients, the rules to run and what they take
    saved: Sequence[Tensor] | None  # None once freed
    versions: Sequence[int] | None  # None: all were 0
    constants: Sequence[Any]  # shapes and parameters that rules named
    # Where it was made (no tuple, to spare making it), and the module being run.
    code: Any
    offset: int
    module: Any
    metas: tuple[tuple[tuple[int, ...], Any], ...]  # only set when there are several outputs
    freed_at: origin.Origin | None  # only set once freed: where that pass was asked for

    @property
    def origin(self) -> origin.Origin:
        return self.code, self.offset

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        edges: Any = self.plan.spread(self.edges)
        return tuple([(n if n is None else n.public, output) for n, output in edges])

    def metas_of(self, output: int) -> tuple[tuple[int, ...], Any]:
        if self.shape is not None:
            return self.shape, self.dtype
        return self.metas[output]

    @property
    def output_count(self) -> int:
        return 1 if self.shape is not None else len(self.metas)

    def apply(self, ct: Any, run: Run) -> Any:
        saved = self.saved
        if saved is None or run.on_tensors:
            values = self._values(run)
        else:  # what `_values` does, inlined: one slot read for values that were never written
            values = []
            versions = self.versions
            if versions is None:
                for tensor in saved:
                    storage = tensor._storage
                    if storage is not None and storage.version:
                        raise RuntimeError(modified_message(self, tensor, 0))
                    values.append(tensor._data)
            else:  # parameters: written when they were initialised, and by every step
                for tensor, version in zip(saved, versions):
                    storage = tensor._storage
                    if storage is not None and storage.version != version:
                        raise RuntimeError(modified_message(self, tensor, version))
                    values.append(tensor._data)
        if self.constants:
            values.extend(self.constants)
        cts = self.plan.pull(run.xp, ct, values)
        if saved and not run.retain_graph:
            self.saved = None
            self.freed_at = run.origin
        return cts

    def apply_none(self, ct: Any, run: Run) -> Any:
        if self.saved and not run.retain_graph:
            self.saved = None
            self.freed_at = run.origin
        return [None] * len(self.edges)

    def apply_for(self, ct: Any, run: Run, needed: set[Node]) -> Any:
        wanted = tuple([edge[0] in needed for edge in self.edges])
        if False not in wanted:
            return self.apply(ct, run)
        values = self._values(run)
        if self.constants:
            values.extend(self.constants)
        cts = self.plan.part(wanted)(run.xp, ct, values)
        if self.saved and not run.retain_graph:
            self.saved = None
            self.freed_at = run.origin
        return cts

    def _values(self, run: Run) -> list[Any]:
        """The saved values, checked: arrays, or Tensors where rules run on those."""
        saved = self.saved
        if saved is None:
            raise freed_error(self)
        if run.on_tensors:
            return self._read_all(saved, run.create_graph)
        values = []
        for tensor, version in zip(saved, self.versions or [0] * len(saved), strict=True):
            storage = tensor._storage
            if storage is not None and storage.version != version:
                raise RuntimeError(modified_message(self, tensor, version))
            values.append(tensor._data)
        return values

    def _read_all(self, saved: Sequence[Tensor], linked: bool = True) -> list[Any]:
        """Saved values as Tensors, checked; of the graph only when it is recorded again."""
        numbers, versions, found = self.plan.saved_outputs, self.versions, []
        for i, tensor in enumerate(saved):
            if linked and numbers[i] is None and isinstance(tensor, Tensor):
                storage = tensor._storage
                version = 0 if storage is None else storage.version
                if tensor._requires_grad and version == (versions[i] if versions else 0):
                    found.append(tensor)  # an input as it was: most are
                    continue
            tensor = self._read(i, tensor)
            found.append(tensor if linked else wrap(tensor._data))
        return found

    def _read(self, i: int, tensor: Any) -> Any:
        """One saved value as a Tensor of the graph: an output is linked to this node again."""
        if not isinstance(tensor, Tensor):
            return tensor.tensor(self)  # packed by a hook
        version = 0 if self.versions is None else self.versions[i]
        if tensor._storage is not None and tensor._storage.version != version:
            raise RuntimeError(modified_message(self, tensor, version))
        output = self.plan.saved_outputs[i]
        if output is None:
            self._check_history(i, tensor)
            return tensor
        if output not in self.plan.linked_outputs:
            return tensor
        alias = wrap(tensor._data)
        alias._storage = tensor._storage
        alias._edge, alias._requires_grad = (self, output), True
        return alias

    def _check_history(self, i: int, tensor: Tensor) -> None:
        """Refuse a saved input whose gradient would be lost because it was cut since."""
        if tensor._requires_grad or tensor._edge is not None:
            return
        number = self.plan.saved_sources[i][1]
        if number in self.plan.needed:
            edge = self.edges[self.plan.needed.index(number)]
            if not isinstance(edge[0], AccumulateGrad):
                raise RuntimeError(
                    "Trying to use a saved tensor that has been detached in-place, i.e. with "
                    f".detach_(). It is an input of {self.name()}, made at {node_line(self)}; use "
                    "out-of-place `.detach()` instead"
                )

    def saved_value(self, name: str) -> Any:
        """What is kept of an input, output or parameter of the operation, by its name."""
        plan = self.plan
        if name in plan.saved_names:
            if self.saved is None:
                raise RuntimeError(freed_message(self))
            i = plan.saved_names.index(name)
            return self._read(i, self.saved[i])
        if name in plan.constant_names:
            return self.constants[plan.constant_names.index(name)]
        return self._refuse(name)

    def raw_saved_value(self, name: str) -> Any:
        """The place where a saved input or output is kept, to give it hooks of its own."""
        from .saved import SavedTensor

        names = self.plan.saved_names
        return SavedTensor(self, names.index(name)) if name in names else self._refuse(name)

    def _refuse(self, name: str) -> Any:
        plan = self.plan
        kept = ", ".join(plan.saved_names + plan.constant_names) or "nothing"
        raise AttributeError(f"{type(self).__name__!r} keeps no {name!r}; it keeps {kept}")


def node_class(name: str, operation: Any, values: Sequence[str]) -> type[OperationNode]:
    """The node class of an operation, with `_saved_` properties for each of its named values.

    Properties, not `__getattr__`: that would slow down every attribute of every node threefold.
    It is in module builtins, so that it prints as torch's: `<MulBackward0 object at 0x...>`.
    """
    members: dict[str, Any] = {"__slots__": (), "operation": operation, "__module__": "builtins"}
    for value in values:
        read, raw = _saved_properties(value)
        for shown in (value, torch_name(name, value)):
            members[f"_saved_{shown}"], members[f"_raw_saved_{shown}"] = read, raw
    return type(name, (OperationNode,), members)


def _saved_properties(value: str) -> tuple[property, property]:
    def read(self: OperationNode) -> Any:
        return self.saved_value(value)

    def raw(self: OperationNode) -> Any:
        return self.raw_saved_value(value)

    return property(read), property(raw)


class AccumulateGrad(Node):
    """The end of an edge at a leaf: adds what arrives to the leaf's `.grad`."""

    __slots__ = ("kept", "leaf")

    edges: Sequence[Edge] = ()
    kept: Tensor | None  # the leaf, which a graph keeps alive; None once spent: no cycle then
    leaf: weakref.ref[Tensor]

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"

    @property
    def variable(self) -> Any:
        """The leaf; None when nobody holds it any more after a pass."""
        return self.leaf() if self.kept is None else self.kept

    def apply(self, ct: Any, run: Run) -> Any:
        """Torch's rules: the first gradient is taken over when nobody else holds its memory.

        Later ones are added in place; with create_graph always out of place.
        """
        variable = self.kept
        if variable is None:  # a second pass through a graph
            variable = self.leaf()
            if variable is None:
                return ()
        if not variable._requires_grad or variable._edge is not None:
            return self._refuse(variable)
        meta: Any = variable._meta  # it has one: this node is named there
        alone = len(_threads) == 1
        if not alone:
            _accumulating.acquire()
        try:
            grad = meta.grad
            if run.on_tensors:
                meta.grad = _recorded_as(ct, variable) if grad is None else grad + ct
            elif grad is None:
                if (
                    ct.__class__ is not ndarray
                    or ct.base is not None
                    or self in run.shared
                    or (ct.ndim > 1 and ct.strides != variable._data.strides)
                ):
                    ct = laid_out(ct, variable._data, self in run.shared)
                grad = new(Tensor)
                grad._data = ct
                grad._requires_grad = False
                grad._edge = grad._storage = grad._view = grad._meta = None
                meta.grad = grad
            else:  # also where an earlier create_graph left a history, as torch does
                storage = grad._storage or storage_of(grad)
                if storage.inference:
                    check_inference(grad, "accumulation into .grad")
                array = grad._data
                try:
                    add(array, ct, array)
                except RuntimeWarning:
                    pass  # the user made an error of it; NumPy raises when all is written
                storage.bump(None)  # a graph may have saved it
        finally:
            if not alone:
                _accumulating.release()
        if meta.post_accumulate is not None:
            for hook in list(meta.post_accumulate.values()):
                hook(variable)
        # Kept for the next graph, which spares half the cost of a leaf, if somebody besides this
        # node, this frame and the call of getrefcount holds the leaf.
        elif self.hooks is None and not run.retain_graph and getrefcount(variable) > 3:
            meta.spent, self.kept = self, None
        return ()

    def apply_none(self, ct: Any, run: Run) -> Any:
        """Accumulate nothing; post-accumulate hooks are called all the same."""
        variable = self.variable
        meta = None if variable is None else variable._meta
        for hook in list(((meta and meta.post_accumulate) or {}).values()):
            hook(variable)
        return ()

    def _refuse(self, variable: Tensor) -> tuple[()]:
        """Accumulate nothing: the variable needs no gradient any more, or is no leaf any more."""
        if variable._edge is not None:
            raise RuntimeError(
                "leaf variable has been moved into the graph interior: a leaf of shape "
                f"{list(variable._data.shape)} was used, then written in place with "
                f"requires_grad off, at {node_line(self.variable._edge[0])}; write to a clone"
            )
        return ()


def _recorded_as(ct: Tensor, leaf: Tensor) -> Tensor:
    """`laid_out` for a gradient that is recorded."""
    plain = leaf._data.flags.c_contiguous and not ct._data.flags.c_contiguous
    result: Tensor = ct.contiguous() if plain else ct.clone()
    return result


# Passes in several threads may meet at a leaf. A lock costs up to 0.3 µs a leaf, looking whether
# there are other threads 0.02; a lone thread cannot be joined by another while it accumulates.
# Reentrant, because adding gradients with create_graph may run a user's saved-tensor hooks.
_accumulating = threading.RLock()
_threads: dict[int, Any] = threading._active  # type: ignore[attr-defined]

# `type(grad_fn)` prints as torch's: `<AccumulateGrad object at 0x...>`.
AccumulateGrad.__module__ = "builtins"


def accumulator(t: Tensor, alone: bool = False) -> AccumulateGrad:
    """The accumulation node of a leaf: one while any graph holds it, numbered at first use.

    That of a view made without recording, of a tensor that requires grad, accumulates nowhere.
    """
    if not alone and len(_threads) > 1:
        with _accumulating:
            return accumulator(t, alone=True)
    meta = t._meta or meta_of(t)
    spent: AccumulateGrad = meta.spent
    if spent is not None:
        meta.spent = None
        # Two references, this frame's and the argument's: no graph holds it, it is as good as new.
        if getrefcount(spent) == 2 and spent.hooks is None and t._view is None:
            array = t._data
            spent.seq = next_sequence_number()
            spent.shape = array.shape
            spent.dtype = array.dtype if meta.grad_dtype is None else meta.grad_dtype
            spent.kept = t
            return spent
    del spent
    reference = meta.accumulator
    node: AccumulateGrad | None = None if reference is None else reference()
    if node is not None:
        node.kept = node.variable  # a graph that was run may hold it still
    else:
        node = AccumulateGrad()
        node.seq = next_sequence_number()
        node.shape = t._data.shape
        node.dtype = t._data.dtype if meta.grad_dtype is None else meta.grad_dtype
        node.hooks = None
        node.kept = variable = t if t._view is None or not is_cut(t) else wrap(t._data)
        node.leaf = weakref.ref(variable)
        meta.accumulator = weakref.ref(node)
        if meta.hooks is not None and variable is t:
            from .hooks import adopt_leaf_hooks

            adopt_leaf_hooks(t, node)
    return node


def edge_of(t: Tensor) -> Edge:
    """Where the gradient of `t` flows to; `t` requires grad."""
    if t._view is not None:
        refresh(t)
    edge = t._edge
    return (accumulator(t), 0) if edge is None else edge


def node_line(node: Node) -> str:
    """The user's line that made a node, with the module path, for error messages."""
    module = node.module if isinstance(node, OperationNode) else None
    text = origin.describe(node.origin)
    return f"{text} (in module {module_path(module)})" if module is not None else text


def module_path(frame: tuple[Any, Any] | None) -> str:
    """`encoder.3.fc`: the path of the innermost module, looked up in the outermost."""
    chain = []
    while frame is not None:
        chain.append(frame[0])
        frame = frame[1]
    root, inner = chain[-1], chain[0]
    for name, module in root.named_modules():
        if module is inner:
            return f"{type(root).__name__}.{name}" if name else type(root).__name__
    return type(inner).__name__


def freed_message(node: OperationNode) -> str:
    """What to say when saved values are asked for after they were freed, with both lines."""
    freed_at = getattr(node, "freed_at", None)  # not where the user cleared them
    by = "" if freed_at is None else f", and were freed by backward at {origin.describe(freed_at)}"
    return (
        "Trying to backward through the graph a second time (or directly access saved tensors "
        "after they have already been freed). Saved intermediate values of the graph are freed "
        "when you call .backward() or autograd.grad(). Specify retain_graph=True if you need to "
        "backward through the graph a second time or if you need to access saved tensors after "
        f"calling backward. The freed values belong to {node.name()}, made at {node_line(node)}"
        f"{by}"
    )


def freed_error(node: OperationNode) -> RuntimeError:
    """The error of a pass that needs freed values; it holds the node, for `second_pass`."""
    error = RuntimeError(freed_message(node))
    vars(error)["node"] = node
    return error


def modified_message(node: OperationNode, tensor: Tensor, saved_at: int) -> str:
    """What to say when a saved value was overwritten, with both lines."""
    assert node.saved is not None and tensor._storage is not None
    storage = tensor._storage
    position = next(i for i, t in enumerate(node.saved) if t is tensor)
    name = node.plan.saved_names[position]
    number = node.plan.output_number(name)
    kind = f"input {name!r}" if number is None else f"output {number}"
    return (
        "one of the variables needed for gradient computation has been modified by an inplace "
        f"operation: [torch.{tensor.dtype.short}Tensor {list(tensor._data.shape)}], which is "
        f"{kind} of {node.name()}, is at version {storage.version}; expected version {saved_at} "
        f"instead. It was saved at {node_line(node)}; it was overwritten at "
        f"{origin.describe(storage.writer)}. Write to a copy instead (use the out-of-place form, "
        "or .clone() before writing)."
    )
