"""Floor 5: `viz.graph`: what it takes, and what it refuses."""

from __future__ import annotations

from typing import Any

from adjoint.autograd.modes import enable_grad
from adjoint.autograd.tape import AccumulateGrad, Node, edge_of
from adjoint.autograd.tensor import Tensor, is_cut

from .collection import Calls, collect, named, nodes_behind, tensors_in
from .graph import LEAF, Graph, Group, Place
from .measurement import measure_backward, time_forward


def graph(
    value: Any, *inputs: Any, params: Any = None, measure: bool = False, **options: Any
) -> Graph:
    """The graph behind a tensor, several tensors, or what a module computes.

    value: a Tensor that requires grad, a tuple, list or dict of such, or a Module.
    inputs, options: what the module is called with, once, as it is (a module in training mode
    updates its running statistics). Without any, the tree of its parameters. After a tensor: a
    module, whose parameters get their names.
    params: dict or pairs of (name, tensor) (`model.named_parameters()`), names of leaves;
    parameters of modules that were called have theirs anyway.
    measure: bool, run backward once, from the sum of the results, and note each node's milliseconds
    and the 2-norm of the gradient that arrives there; with a module also the milliseconds forward
    (of the operation and the Python code before it). `.grad` stays as it is, the graph is kept, and
    hooks are not called.

    Returns a Graph: `.text()`, `.dot()`, `.svg()`, `.html()`, `.save(path)`.
    Errors: TypeError for what is no tensor; RuntimeError for a tensor without a graph, and with
    `measure` when the graph was freed.

    >>> x = torch.ones(2, requires_grad=True)
    >>> [p.name for p in torch.viz.graph((x * 2).sum()).places]
    ['result', 'SumBackward0', 'MulBackward0', 'leaf']
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    >>> [p.name for p in torch.viz.graph(model, torch.ones(1, 2)).places]
    ['result', 'TanhBackward0', 'AddmmBackward0', '0.bias', '0.weight']
    >>> torch.viz.graph((x * 2).sum(), params={"x": x}, measure=True).places[-1].gradient_norm
    2.8284271247461903
    """
    forward: dict[Node, float] = {}
    names = named(params)
    known: list[Any] = [] if params is None else _tensors_of(params)
    if _is_module(value):
        if not inputs and not options:
            return parameter_tree(value)
        names = {**named(value), **names}
        known += _tensors_of(value)
        title = type(value).__name__
        with enable_grad():
            if measure:
                found, forward = time_forward(lambda: value(*inputs, **options))
            else:
                found = value(*inputs, **options)
        roots = _differentiable(found, value)
    else:
        for module in inputs:
            if not _is_module(module):
                raise TypeError(
                    "viz.graph: after a tensor comes the module whose parameters are named, but "
                    f"got {type(module).__name__}; several tensors go in a list: graph([a, b])"
                )
            names = {**named(module), **names}
            known += _tensors_of(module)
        if options:
            raise TypeError(f"viz.graph: unexpected argument {next(iter(options))!r}")
        title = type(inputs[0]).__name__ if inputs else "graph"
        roots = _checked(value)
    drawn = collect(roots, names, title)
    if measure:
        _note(drawn, roots, known, forward)
    return drawn


def _is_module(value: Any) -> bool:
    return callable(value) and hasattr(value, "named_parameters")


def _tensors_of(params: Any) -> list[Any]:
    if hasattr(params, "parameters"):
        return list(params.parameters())
    return list(params.values()) if isinstance(params, dict) else [p for _, p in params]


def _checked(value: Any) -> list[Tensor]:
    """The tensors that were given, each with a graph."""
    parts = list(value) if isinstance(value, (tuple, list)) else [value]
    if isinstance(value, dict):
        parts = list(value.values())
    for t in parts:
        if not isinstance(t, Tensor):
            raise TypeError(f"viz.graph: expected a Tensor, but got {type(t).__name__}")
        if not t.requires_grad or is_cut(t):
            raise RuntimeError(
                "viz.graph: this tensor does not require grad, so there is no graph behind it. "
                "Were its inputs created with requires_grad=True, outside torch.no_grad(), and not "
                "cut by .detach()?"
            )
    if not parts:
        raise TypeError("viz.graph: expected a Tensor, but got none")
    return parts


def _differentiable(found: Any, module: Any) -> list[Tensor]:
    """The results of a module that have a graph."""
    roots = [t for t in tensors_in(found) if t.requires_grad and not is_cut(t)]
    if not roots:
        raise RuntimeError(
            f"viz.graph: nothing that {type(module).__name__} returned requires grad, so there is "
            "no graph behind it: are all its parameters frozen, or does it detach its result? "
            "viz.graph(module) without inputs shows its parameters"
        )
    return roots


def _note(drawn: Graph, roots: list[Tensor], known: list[Any], forward: dict[Node, float]) -> None:
    """Measure, and write the numbers to the places."""
    nodes = nodes_behind(roots)
    leaves = [node.variable for node in nodes if isinstance(node, AccumulateGrad)]
    measures = measure_backward(roots, [*leaves, *known])
    for place, node in zip(drawn.places[len(roots) :], nodes, strict=True):
        place.backward_ms, place.gradient_norm = measures.get(node, (None, None))
        place.forward_ms = forward.get(node)
    for place, t in zip(drawn.places, roots, strict=False):
        place.gradient_norm = measures[edge_of(t)[0]][1] if len(roots) == 1 else None


def parameter_tree(module: Any) -> Graph:
    """The parameters of a module, grouped by the modules that own them; nothing is linked."""
    calls = Calls()
    groups: dict[str, int] = {}
    title = type(module).__name__
    for path, inner in module.named_modules():
        outer = path.rpartition(".")[0]
        parent = groups[outer] if path else -1
        name = path.rpartition(".")[2] or title
        full = f"{title}.{path}" if path else title
        groups[path] = len(calls.groups)
        calls.groups.append(Group(len(calls.groups), name, type(inner).__name__, parent, full))
    places: list[Place] = []
    for name, p in module.named_parameters():
        place = Place(len(places), LEAF, name, tuple(p.shape), p.dtype.name)
        place.group = groups.get(name.rpartition(".")[0], 0)
        places.append(place)
    if not places:
        raise RuntimeError(
            f"viz.graph: {title} has no parameters; give its inputs to see what it computes: "
            "viz.graph(module, x)"
        )
    return Graph(places, calls.groups, title)
