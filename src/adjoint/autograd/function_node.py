"""Floor 1: the node of a custom Function: keeps what its user saved, and runs its backward.

The node is the engine's; its user sees a context, which shares the node's dictionary of
attributes. So `ctx.shape = x.shape` cannot disturb the engine, and there is no reference cycle.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays.dtypes import FROM_NUMPY
from . import modes
from .modes import state
from .saved import pack_node
from .tape import OperationNode, freed_error, modified_message, node_line
from .tensor import Tensor, new, storage_of, wrap

if TYPE_CHECKING:
    from .engine import Run


class Places:
    """Which arguments of one application are tensors, and which of them need a gradient."""

    __slots__ = ("args", "needs", "outputs", "count")

    constant_names: tuple[str, ...] = ()

    def __init__(self, args: tuple[Any, ...], needs: tuple[bool, ...]) -> None:
        self.args = tuple([isinstance(a, Tensor) for a in args])
        self.needs = needs
        self.outputs: dict[str, int] = {}  # names of saved values that are outputs
        self.count = 0  # of saved values

    @property
    def saved_names(self) -> list[str]:
        """What saved tensors are called in errors."""
        return [f"saved_tensors[{i}]" for i in range(self.count)]

    @property
    def shown(self) -> tuple[int, ...]:
        """Tensor arguments: what `next_functions` lists."""
        return tuple([i for i, is_tensor in enumerate(self.args) if is_tensor])

    @property
    def needed(self) -> tuple[int, ...]:
        """Arguments that need a gradient: what the node has edges for."""
        return tuple([i for i, need in enumerate(self.needs) if need])

    def spread(self, edges: Sequence[Any]) -> tuple[Any, ...]:
        """Edges (or cotangents) in the places of all tensor arguments; else (None, 0)."""
        full: list[Any] = [(None, 0)] * len(self.args)
        for i, edge in zip(self.needed, edges, strict=True):
            full[i] = edge
        return tuple([full[i] for i in self.shown])

    @property
    def linked_outputs(self) -> frozenset[int]:
        """The numbers of saved outputs."""
        return frozenset(self.outputs.values())

    def output_number(self, name: str) -> int | None:
        """The number of the output saved under `name`, or None."""
        return self.outputs.get(name)

    @property
    def saved_outputs(self) -> list[int | None]:
        """For each saved value the number of the output that it is, or None."""
        return [self.outputs.get(name) for name in self.saved_names]


class FunctionNode(OperationNode):
    """One application of a custom Function."""

    __slots__ = ("function", "attributes", "layout", "freed", "context")

    function: Any  # the user's class
    attributes: dict[str, Any]  # what the context's user set
    layout: Sequence[int | None]  # for each argument of save_for_backward, its place in `saved`
    freed: bool
    context: Any  # weak reference to the context, so that it stays one object while it is held

    def name(self) -> str:
        return f"{self.function.__name__}Backward"

    @property
    def public(self) -> Any:
        found = None if self.context is None else self.context()
        if found is None:
            found = new(self.function._backward_cls)
            found._node = self
            found.__dict__ = self.attributes
            self.context = weakref.ref(found)
        return found

    def keep(self, tensors: Sequence[Any]) -> None:
        """Keep what `save_for_backward` was given; outputs as aliases, linked when unpacked."""
        saved: list[Tensor] = []
        layout: list[int | None] = []
        versions = []
        for number, t in enumerate(tensors):
            if t is None:
                layout.append(None)
                continue
            if not isinstance(t, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {number} is of type "
                    f"{type(t).__name__}; set it as an attribute instead: ctx.name = value"
                )
            storage = t._storage
            if storage is not None and storage.inference:
                raise RuntimeError(
                    "Inference tensors cannot be saved for backward. To work around you can make "
                    "a clone to get a normal tensor and use it in autograd."
                )
            if t._edge is not None and t._edge[0] is self:
                self.plan.outputs[f"saved_tensors[{len(saved)}]"] = t._edge[1]
                alias = wrap(t._data)
                storage = alias._storage = storage_of(t)
                t = alias
            layout.append(len(saved))
            versions.append(0 if storage is None else storage.version)
            saved.append(t)
        self.saved, self.layout, self.versions = saved, layout, versions
        self.plan.count = len(saved)
        if state.packing is not None:
            pack_node(self)

    def unpack(self) -> tuple[Any, ...]:
        """`ctx.saved_tensors`: checked, and outputs linked to this node again."""
        if self.freed or self.saved is None:
            raise freed_error(self)
        values = self.saved
        if self.plan.outputs or not all(isinstance(t, Tensor) for t in values):
            values = self._read_all(values)
        else:  # the usual case
            assert self.versions is not None
            for t, version in zip(values, self.versions, strict=True):
                if t._storage is not None and t._storage.version != version:
                    raise RuntimeError(modified_message(self, t, version))
        if self.function.clear_saved_tensors_on_access:
            self.saved, self.freed = (), True
        return tuple([None if i is None else values[i] for i in self.layout])

    def _check_history(self, i: int, tensor: Tensor) -> None:
        """What a custom Function saves need not be an input: it may have no history."""

    def apply(self, ct: Any, run: Run) -> Any:
        """Run the user's backward on Tensors, and check what it returns."""
        context = self.public
        if self.function._wants_pass:
            self.attributes["_pass"] = run
        found = context.apply(*self._gradients(ct, run))
        cts = self._checked(found, run)
        if not run.retain_graph:
            self.saved, self.freed, self.freed_at = None, True, run.origin
        shared = run.shared
        for edge in self.edges:  # the user may keep what was returned, or return it twice
            shared.add(edge[0])
        return cts

    def apply_none(self, ct: Any, run: Run) -> Any:
        """The user's backward runs: with zeros, or with None where it does not want them."""
        return (
            self.apply(ct, run)
            if modes.anomaly is None
            else modes.anomaly.run(self, self.apply, ct, run)
        )

    def apply_for(self, ct: Any, run: Run, needed: set[Any]) -> Any:
        """The user's backward computes all of its gradients."""
        return self.apply(ct, run)

    def _gradients(self, ct: Any, run: Run) -> list[Any]:
        """The user's `grad_outputs`: a Tensor for each output, None for what is no tensor."""
        fill = self.attributes.get("materialize_grads", True)
        if self.shape is not None:
            if ct is not None:
                return [_as_tensor(ct, run)]
            return [_zeros(self.shape, self.dtype) if fill else None]
        found = []
        for number, (shape, dtype) in enumerate(self.metas):
            if number in ct:
                found.append(_as_tensor(ct[number], run))
            elif dtype is None or not fill:
                found.append(None)
            else:
                found.append(_zeros(shape, dtype))
        return found

    def without_cotangents(self) -> tuple[Any, ...]:
        """What the user's backward returns where no cotangent arrives: None, or zeros, for each."""
        fill = self.attributes.get("materialize_grads", True)
        metas = self.metas if self.shape is None else [(self.shape, self.dtype)]
        cts = [
            _zeros(shape, dtype) if fill and dtype is not None else None for shape, dtype in metas
        ]
        found = self.public.apply(*cts)
        return found if isinstance(found, tuple) else (found,)

    def _checked(self, found: Any, run: Run) -> list[Any]:
        """The cotangents of the arguments that need one, from what backward returned."""
        given = found if isinstance(found, tuple) else (found,)
        places = self.plan
        count = len(places.args)
        if len(given) < count or any(g is not None for g in given[count:]):
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients (expected "
                f"{count}, got {len(given)}): backward returns one for each argument of forward, "
                f"None where there is none{self._lines()}"
            )
        cts: list[Any] = []
        edges = iter(self.edges)
        for i, (grad, need) in enumerate(zip(given, places.needs)):
            edge = next(edges) if need else None
            if grad is not None:
                self._check_gradient(i, grad, edge)
            if need:
                if grad is None:
                    run.hands_none = True
                cts.append(grad if grad is None or run.on_tensors else grad._data)
        return cts

    def _lines(self) -> str:
        """Where the Function was applied and where its backward is, for errors."""
        code = getattr(self.function._user_backward(), "__code__", None)
        written = "" if code is None else f"; backward: {code.co_filename}:{code.co_firstlineno}"
        return f" (applied at {node_line(self)}{written})"

    def _check_gradient(self, i: int, grad: Any, edge: Any) -> None:
        """Refuse a gradient that cannot be that of argument `i`."""
        if not self.plan.args[i]:
            raise RuntimeError(
                f"function {self.name()} returned a gradient different than None at position "
                f"{i + 1}, but the corresponding forward input was not a Variable; return None "
                f"there{self._lines()}"
            )
        if not isinstance(grad, Tensor):
            raise RuntimeError(
                f"expected Variable or None (got {type(grad).__name__}) as the gradient that "
                f"{self.name()} returned at position {i + 1}; wrap it with torch.as_tensor(...)"
                f"{self._lines()}"
            )
        if edge is None:
            return
        shape, dtype = edge[0].metas_of(edge[1])
        got = grad._data.shape
        if got != shape and not _reduces_to(got, shape):
            raise RuntimeError(
                f"Function {self.name()} returned an invalid gradient at index "
                f"{self.plan.shown.index(i)} - got {list(got)} but expected shape compatible with "
                f"{list(shape)}, the shape of argument {i} of forward{self._lines()}"
            )
        if grad._data.dtype.kind == "c" and dtype.kind != "c":
            raise RuntimeError(
                f"Function {self.name()} returned a complex gradient at index "
                f"{self.plan.shown.index(i)} for an argument that is real; return its .real"
                f"{self._lines()}"
            )


def _zeros(shape: tuple[int, ...], dtype: Any) -> Tensor:
    result: Tensor = wrap(np.zeros(shape, FROM_NUMPY[dtype].numpy))
    return result


def _as_tensor(ct: Any, run: Run) -> Any:
    if run.on_tensors:
        return ct
    if ct.ndim == 0 and not ct.flags.writeable:
        ct = ct.copy()  # the engine's shared 1: users may write to their gradient
    return wrap(ct)


def _reduces_to(got: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether summing a gradient of shape `got` over broadcast dimensions gives `shape`."""
    extra = len(got) - len(shape)
    return extra >= 0 and all(want in (1, n) for n, want in zip(got[extra:], shape, strict=True))
