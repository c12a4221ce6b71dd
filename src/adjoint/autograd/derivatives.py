"""Floor 1: asking for derivatives: `backward` and `grad`, their arguments and what they refuse.

The walk itself is in `engine.py`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays.dtypes import FROM_NUMPY
from . import modes, second_pass
from .captures import Captures, place_of
from .engine import Run, execute
from .lifted import Batched, Level, Lifted, lift, spread, tracked_below, unrecorded
from .origin import caller, getframe, is_internal
from .tape import GradientEdge, Node, node_line
from .tensor import Tensor, is_cut, wrap

if TYPE_CHECKING:
    from .tensor import Edge

_ones: dict[Any, Any] = {}  # the cotangent 1, by dtype; shared


def _one(dtype: Any) -> Any:
    """The number 1 as an array, not to be written; `np.ones` takes 0.7 µs."""
    one = _ones.get(dtype)
    if one is None:
        one = _ones[dtype] = np.ones((), FROM_NUMPY[dtype].numpy)
        one.flags.writeable = False
    return one


def as_tuple(value: Any) -> tuple[Any, ...]:
    """A tensor (or GradientEdge) alone, or an iterable of them, as a tuple."""
    if isinstance(value, (Tensor, GradientEdge)):
        return (value,)
    return tuple(value) if isinstance(value, (tuple, list, Iterator)) else (value,)


def _is_lifted(roots: Sequence[Any], gradients: Sequence[Any]) -> bool:
    """Whether data of a transform take part, so that rules have to run on Tensors."""
    return bool(modes.lifted) and any(
        isinstance(t._data, Lifted) for t in (*roots, *gradients) if isinstance(t, Tensor)
    )


def _check_roots(tensors: Sequence[Any]) -> None:
    for i, t in enumerate(tensors):
        if isinstance(t, GradientEdge):
            continue
        if not isinstance(t, Tensor):
            raise TypeError(f"expected a Tensor to differentiate, but got {type(t).__name__}")
        if not t.requires_grad or is_cut(t):
            kind = tracked_below(t)
            if kind is not None:
                raise RuntimeError(
                    "backward() called inside a functorch transform. This is not supported: the "
                    f"history of what comes from outside of {kind} is kept outside. Use "
                    "torch.func.grad or torch.func.vjp inside, or differentiate what the "
                    "transformed function returns"
                )
            raise RuntimeError(
                f"element {i} of tensors does not require grad and does not have a grad_fn: it "
                f"{_unrecorded(t)}. Were its inputs created with requires_grad=True, "
                "outside torch.no_grad(), and not cut by .detach(), .data, .item() or .numpy()? "
                "debug.explain_grad(parameter, function_that_computes_it) names the line."
            )


def _unrecorded(t: Tensor) -> str:
    """Why a tensor may have no graph, as far as it shows."""
    if t._data.dtype.kind in "biu":
        return f"has dtype {t._data.dtype}, which has no derivative"
    if t._storage is not None and t._storage.inference:
        return "was made in inference mode"
    return "was made without recording"


def _check_inputs(inputs: Sequence[Any]) -> None:
    for t in inputs:
        if isinstance(t, GradientEdge):
            continue
        if not isinstance(t, Tensor):
            raise TypeError(f"inputs must be Tensors, but got {type(t).__name__}")
        if not t.requires_grad:
            raise RuntimeError(
                "One of the differentiated Tensors does not require grad; call "
                ".requires_grad_() on it before it is used"
            )


def _cotangent_for(place: Edge, gradient: Any, index: int) -> Any:
    """The starting cotangent of one root: what the user gave, checked, or 1 for a real scalar."""
    node, output = place
    shape, dtype = node.metas_of(output)
    if gradient is None:
        if prod(shape) != 1:
            raise RuntimeError(
                "grad can be implicitly created only for scalar outputs, but this one has shape "
                f"{list(shape)}{made_at(node)}; reduce it with .sum() or .mean(), or pass "
                "gradient= of that shape"
            )
        if dtype.kind == "c":
            raise RuntimeError(
                "grad can be implicitly created only for real scalar outputs but got "
                f"{FROM_NUMPY[dtype]}; pass gradient= of that dtype, or take .real or .abs()"
            )
        return wrap(np.ones(shape, FROM_NUMPY[dtype].numpy) if shape else _one(dtype).copy())
    if not isinstance(gradient, Tensor):
        raise TypeError(
            f"gradients can be either Tensors or None, but got {type(gradient).__name__}"
        )
    if gradient._data.shape != shape:
        raise RuntimeError(
            f"Mismatch in shape: grad_output[{index}] has a shape of "
            f"torch.Size({list(gradient._data.shape)}) and output[{index}] has a shape of "
            f"torch.Size({list(shape)}){made_at(node)}. The gradient must have the output's shape."
        )
    if (gradient._data.dtype.kind == "c") != (dtype.kind == "c"):
        raise RuntimeError(
            f"For complex Tensors, both grad_output and output are required to have the same "
            f"dtype. Mismatch in dtype: grad_output[{index}] has a dtype of {gradient.dtype} and "
            f"output[{index}] has a dtype of {FROM_NUMPY[dtype]}."
        )
    return gradient


def made_at(node: Node) -> str:
    """`, made at file.py:3: y = x * 2`; nothing for a leaf."""
    return "" if node.origin is None else f", made at {node_line(node)}"


def _gradients(places: Sequence[Edge], given: Any, name: str) -> list[Any]:
    given = (None,) * len(places) if given is None else as_tuple(given)
    if len(given) != len(places):
        raise RuntimeError(
            f"got {len(places)} tensors and {len(given)} gradients: {name} needs one for each "
            "(None for scalars)"
        )
    return [_cotangent_for(place, g, i) for i, (place, g) in enumerate(zip(places, given))]


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Accumulate the derivatives of `tensors` into `.grad` of the leaves (or of `inputs`).

    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> torch.autograd.backward(x * x)
    >>> x.grad
    tensor(6.)
    """
    if grad_variables is not None:
        warnings.warn("grad_variables is deprecated; use grad_tensors", FutureWarning, stacklevel=2)
        grad_tensors = grad_variables
    if isinstance(inputs, dict):
        inputs = tuple(inputs.values())
    wanted = None if inputs is None else as_tuple(inputs)
    if wanted == ():
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    roots = as_tuple(tensors)
    _check_roots(roots)
    places = [place_of(t) for t in roots]
    gradients = _gradients(places, grad_tensors, "backward()")
    if create_graph:
        warnings.warn(
            "Using backward() with create_graph=True will create a reference cycle between the "
            "parameter and its gradient which can cause a memory leak. We recommend using "
            "autograd.grad when creating the graph to avoid this. If you have to use this "
            "function, make sure to reset the .grad fields of your parameters to None after use "
            "to break the cycle and avoid the leak.",
            UserWarning,
            stacklevel=3,
        )
    keep = create_graph if retain_graph is None else retain_graph
    run = Run(create_graph, keep, _is_lifted(roots, gradients))
    if wanted is not None:
        run.captures = _accumulating_into(wanted, places)
    execute(run, places, gradients)


def _backward_scalar(loss: Tensor, edge: Any, retain_graph: bool) -> None:
    """`loss.backward()` of a 0-d real tensor: the usual call, without the general one's checks."""
    run = Run(False, retain_graph)
    frame = getframe(2)  # of the call of `_tensor_backward`, mostly the user's
    code = frame.f_code
    run.origin = caller(3) if is_internal[code.co_filename] else (code, frame.f_lasti)
    one = _one(loss._data.dtype)
    node, output = edge
    run.pending[node] = one if node.shape is not None else {output: one}
    run.heap.append((-node.seq, node))
    run.shared.add(node)
    state = modes.state
    before = state.grad
    state.grad = False
    try:
        run.walk()
    except Exception as error:
        second_pass.tell(error, [node])
        raise
    finally:
        state.grad = before


def _accumulating_into(inputs: Sequence[Any], places: Sequence[Edge]) -> Captures:
    """`backward(inputs=)`: accumulate into these only; non-leaves retain theirs from then on."""
    _check_inputs(inputs)
    for t in inputs:
        if isinstance(t, Tensor):
            t.retain_grad()
    return Captures(inputs, places, accumulate=True)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> Any:
    """The derivatives of `outputs` with respect to `inputs`, returned instead of accumulated.

    Returns a tuple of Tensors, one for each input (a dict when `inputs` is a dict).

    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> torch.autograd.grad(x * x, x)
    (tensor(6.),)
    """
    if isinstance(inputs, dict):
        found = grad(
            outputs,
            tuple(inputs.values()),
            grad_outputs,
            retain_graph,
            create_graph,
            allow_unused,
            is_grads_batched,
            materialize_grads,
        )
        return dict(zip(inputs, found, strict=True))
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
            "allow_unused=False."
        )
    roots, wanted = as_tuple(outputs), as_tuple(inputs)
    if not wanted:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    _check_roots(roots)
    _check_inputs(wanted)
    if materialize_grads and any(isinstance(t, GradientEdge) for t in wanted):
        raise RuntimeError(
            "materialize_grads cannot be used when the given input is a GradientEdge; pass the "
            "tensor itself"
        )
    if is_grads_batched:
        return _batched(
            roots, wanted, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads
        )
    places = [place_of(t) for t in roots]
    gradients = _gradients(places, grad_outputs, "grad()")
    keep = create_graph if retain_graph is None else retain_graph
    run = Run(create_graph, keep, _is_lifted(roots, gradients))
    run.captures = captures = Captures(wanted, places, accumulate=False)
    execute(run, places, gradients)
    if run.on_tensors and not create_graph:
        captures.results = [unrecorded(ct) for ct in captures.results]
    return _results(
        captures.results, wanted, gradients, bool(allow_unused), materialize_grads, create_graph
    )


def _results(
    cts: Sequence[Any],
    inputs: Sequence[Tensor],
    given: Sequence[Tensor],
    allow_unused: bool,
    materialize: bool,
    create_graph: bool,
) -> tuple[Tensor | None, ...]:
    found: list[Tensor | None] = []
    # One Tensor for one array: cotangents that passed unchanged, from the user or to two inputs.
    tensors = {id(t._data): t for t in given}
    for i, (ct, t) in enumerate(zip(cts, inputs, strict=True)):
        if ct is not None:
            if not isinstance(ct, Tensor):
                ct = tensors.setdefault(id(ct), wrap(ct))
            found.append(_dense(ct, t))
        elif materialize:
            zeros: Tensor = wrap(np.zeros(t._data.shape, t.dtype.numpy))
            found.append(zeros.requires_grad_(create_graph))
        elif allow_unused:
            found.append(None)
        else:
            raise RuntimeError(
                "One of the differentiated Tensors appears to not have been used in the graph "
                f"(input {i}, of shape {_shape(t)}). Set allow_unused=True if this is "
                "the desired behavior. debug.explain_grad(input, output) tells where it was cut "
                "off."
            )
    return tuple(found)


def _dense(ct: Tensor, t: Any) -> Tensor:
    """The gradient of a dense leaf, dense too: `g.view(-1)` works, as it mostly does in torch.

    That of a matrix which was used transposed would lie in memory transposed.
    """
    if isinstance(t, GradientEdge) or t._edge is not None or not _is_dense(t) or _is_dense(ct):
        return ct
    recorded = ct._requires_grad and not modes.state.grad
    return ct if recorded else ct.contiguous()


def _is_dense(t: Tensor) -> bool:
    array = t._data
    return array.__class__ is not np.ndarray or bool(array.flags.c_contiguous)


def _shape(t: Any) -> list[int]:
    node, output = place_of(t)
    return list(node.metas_of(output)[0])


def _batched(
    roots: Sequence[Tensor],
    wanted: Sequence[Tensor],
    grad_outputs: Any,
    retain_graph: bool | None,
    create_graph: bool,
    allow_unused: bool | None,
    materialize: bool,
) -> tuple[Tensor | None, ...]:
    """`is_grads_batched`: one pass for all rows of the cotangents, which are a batch."""
    batches = as_tuple(grad_outputs)
    if any(not isinstance(b, Tensor) or b._data.ndim == 0 for b in batches):
        raise RuntimeError(
            "is_grads_batched=True needs grad_outputs with a leading batch dimension, one Tensor "
            "for each output"
        )
    size = batches[0]._data.shape[0]
    if any(b._data.shape[0] != size for b in batches):
        raise RuntimeError("grad_outputs must all have the same leading batch dimension")
    with Level("vmap", size) as level:
        level.grad = create_graph
        rows = tuple([lift(Batched(level, b)) for b in batches])
        found = grad(
            roots, wanted, rows, retain_graph, create_graph, allow_unused, False, materialize
        )
        return tuple([None if t is None else spread(t, level) for t in found])


def _tensor_backward(
    self: Tensor,
    gradient: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
    retain_variables: bool | None = None,
) -> None:
    """Add the derivative of this tensor to `.grad` of the leaves of its graph.

    For a scalar, `gradient` is 1; otherwise it is the cotangent, of this tensor's shape.
    The graph is freed on the way unless `retain_graph` (by default `create_graph`).

    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """
    if (
        gradient is inputs is retain_variables is None
        and not create_graph
        and self._edge is not None
        and self._view is None
    ):
        array = self._data
        if array.__class__ is np.ndarray and not array.shape and array.dtype.kind == "f":
            _backward_scalar(self, self._edge, retain_graph is True)
            return
    if retain_variables is not None:
        warnings.warn(
            "retain_variables is deprecated; use retain_graph", DeprecationWarning, stacklevel=2
        )
        retain_graph = retain_variables
    backward(self, gradient, retain_graph, create_graph, inputs=inputs)


_tensor_backward.__name__ = "backward"
_tensor_backward.__qualname__ = "Tensor.backward"
Tensor.backward = _tensor_backward
