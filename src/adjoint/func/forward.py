"""Floor 5: derivatives by forward mode: jvp, linearize, jacfwd; and hessian, forward over reverse.

Each argument becomes a Dual at a level of its own: a primal and a tangent, moved on together by
the jvp rules of operations (`ops.tangents`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.autograd import derivatives
from adjoint.autograd.forward_ad import widened
from adjoint.autograd.lifted import Dual, Level, lift
from adjoint.autograd.modes import enable_grad, no_grad, state
from adjoint.autograd.tensor import Tensor, wrap

from . import pytree
from .arguments import (
    Inputs,
    Reverse,
    chosen,
    outside,
    replaced,
    tensors_of,
    to_current_level,
    with_aux,
)
from .reverse import jacrev, refuse_complex, standard_bases
from .vmapping import vmap

NAME = "jvp(f, primals, tangents)"


def jvp(
    func: Callable[..., Any],
    primals: Any,
    tangents: Any,
    *,
    strict: bool = False,
    has_aux: bool = False,
) -> Any:
    """The value of `func` at the primals, and the product `J t` of its Jacobian with tangents.

    One run of `func`, in forward mode: its cost does not depend on the size of the input.

    - `primals`: a tuple of arguments, each a Tensor or a tree of Tensors, floating or complex.
    - `tangents`: the same structure and shapes.
    - `strict`: whether an output that does not depend on the primals is an error, not zeros.
    - `has_aux`: whether `func` returns `(output, aux)`; then `(output, tangent, aux)` is returned.

    Raises RuntimeError for primals and tangents that do not match, and for outputs that are no
    Tensors.

    >>> torch.func.jvp(torch.square, (torch.tensor([1.0, 2.0]),), (torch.tensor([1.0, 0.5]),))
    (tensor([1., 4.]), tensor([2., 2.]))
    """
    leaves, directions, structure = _checked(primals, tangents)
    with enable_grad() if state.grad else no_grad(), Level("jvp") as level:
        duals = [lift(Dual(level, p, t)) for p, t in zip(leaves, directions)]
        output = func(*pytree.unflatten(duals, structure))
        aux = None
        if has_aux:
            output, aux = with_aux(output, NAME)
        outs = tensors_of(output, NAME)
        found = [parts(o, level) for o in outs]
        if has_aux:
            aux = pytree.map_leaves(
                lambda t: parts(t, level)[0] if isinstance(t, Tensor) else t, aux
            )
    if strict and any(t is None for _, t in found):
        raise RuntimeError(
            "jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs. "
            "This is not allowed with strict=True."
        )
    shape = pytree.flatten(output)[1]
    value = pytree.unflatten([p for p, _ in found], shape)
    moved = pytree.unflatten([zeros_like(p) if t is None else t for p, t in found], shape)
    return (value, moved, aux) if has_aux else (value, moved)


def parts(t: Tensor, level: Level) -> tuple[Tensor, Tensor | None]:
    """Primal and tangent at a level."""
    data = t._data
    if data.__class__ is Dual and data.level is level:
        return data.primal, data.tangent
    return t, None


def zeros_like(t: Tensor) -> Tensor:
    """Zeros of the shape of one example."""
    found: Tensor = wrap(np.zeros(t._data.shape, t.dtype.numpy))
    return found


def _checked(primals: Any, tangents: Any) -> tuple[list[Tensor], list[Tensor], Any]:
    if not isinstance(primals, tuple):
        raise RuntimeError(
            f"{NAME}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals)."
        )
    leaves, structure = pytree.flatten(primals)
    directions, other = pytree.flatten(tangents)
    if structure != other:
        raise RuntimeError(
            f"{NAME}: Expected primals and tangents to have the same python structure. For "
            "example, if primals is a tuple of 3 tensors, tangents also must be. Got primals with "
            f"structure {structure!r} and tangents with structure {other!r}"
        )
    for values, what in ((leaves, "primals"), (directions, "tangents")):
        if not values:
            raise RuntimeError(f"{NAME}: Expected {what} to contain at least one Tensor.")
        for value in values:
            if not isinstance(value, Tensor):
                raise RuntimeError(
                    f"{NAME}: Expected {what} to only contain Tensors, got {type(value)}"
                )
    directions = [widened(t, p) for p, t in zip(leaves, directions)]
    for p, t in zip(leaves, directions):
        check_tangent(p, t, NAME)
    return leaves, directions, structure


def check_tangent(primal: Tensor, tangent: Tensor, name: str) -> None:
    """A tangent has its primal's shape and dtype."""
    if primal._data.dtype.kind not in "fcV":
        raise ValueError(
            f"{name}: Expected primal to be floating point or complex, but got: {primal.dtype}"
        )
    if primal._data.shape != tangent._data.shape or primal._data.dtype != tangent._data.dtype:
        raise RuntimeError(
            f"{name}: Expected tangent to have the same shape and dtype as its primal, "
            f"{list(primal._data.shape)} and {primal.dtype}, but got "
            f"{list(tangent._data.shape)} and {tangent.dtype}"
        )


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The value of `func` at the primals, and the linear function `t -> J t` there.

    `func` runs once; each product after that costs its linear part only. (The product is the
    transpose of the recorded pull, which is linear in its cotangent.)

    >>> output, push = torch.func.linearize(torch.square, torch.tensor([1.0, 2.0]))
    >>> push(torch.tensor([1.0, 0.5]))
    tensor([2., 2.])
    """
    name = "linearize(f, *primals)"
    recording = state.grad
    with Reverse():
        inputs = Inputs(primals, name)
        output = func(*inputs.trees)
        outs = tensors_of(output, name)
        moving = [o for o in outs if o.requires_grad]
        cts = [to_current_level(zeros_like(o)).requires_grad_() for o in moving]
        pulls: Sequence[Tensor | None] = ()
        if moving:
            pulls = derivatives.grad(
                moving, inputs.points, cts, create_graph=True, allow_unused=True
            )
    keeps = recording and inputs.reaches_outside(outs)
    structure = pytree.flatten(output)[1]

    def push(*tangents: Any) -> Any:
        directions, other = pytree.flatten(tangents)
        if other != inputs.structure:
            raise RuntimeError(
                f"Expected the tangents {other!r} to have the same argspec as the primals "
                f"{inputs.structure!r}"
            )
        for p, t in zip(inputs.points, directions):
            check_tangent(p, t, name)
        pairs = [(p, t) for p, t in zip(pulls, directions) if p is not None and p.requires_grad]
        again = state.grad and (keeps or any(t.requires_grad for t in directions))
        found: Sequence[Any] = [None] * len(cts)
        if pairs:
            found = derivatives.grad(
                [p for p, _ in pairs],
                cts,
                [t for _, t in pairs],
                retain_graph=True,
                create_graph=again,
                allow_unused=True,
            )
        known = {id(o): f for o, f in zip(moving, found)}
        results = [known.get(id(o)) for o in outs]
        return pytree.unflatten(
            [zeros_like(o) if f is None else f for o, f in zip(outs, results)], structure
        )

    return pytree.unflatten([outside(o, keeps) for o in outs], structure), push


def jacfwd(
    func: Callable[..., Any],
    argnums: Any = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
) -> Callable[..., Any]:
    """A function that computes the Jacobian of `func`, by columns: all of them in one forward run.

    `jacfwd(f)(x)[i, j] = ∂f(x)[i]/∂x[j]`, of shape (*output, *input): for many outputs of few
    inputs; `jacrev` for the other case.

    - `argnums`: the positional argument to differentiate, or a tuple of them.
    - `has_aux`: whether `func` returns `(output, aux)`; then `(jacobian, aux)` is returned.
    - `randomness`: as for `vmap`.

    >>> torch.func.jacfwd(torch.square)(torch.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """

    @functools.wraps(func, updated=())
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        numbers = chosen(args, argnums)
        refuse_complex("jacfwd", [args[n] for n in numbers], True)
        leaves, structure = pytree.flatten(tuple([args[n] for n in numbers]))
        kept: list[Any] = []

        def push(*directions: Tensor) -> Any:
            points = tuple([args[n] for n in numbers])
            moved = pytree.unflatten(directions, structure)
            found = jvp(
                lambda *at: func(*replaced(args, numbers, at), **kwargs),
                points,
                moved,
                has_aux=has_aux,
            )
            kept[:] = [found[2]] if has_aux else []
            return found[1]

        columns = vmap(push, out_dims=-1, randomness=randomness)(*standard_bases(leaves))
        refuse_complex("jacfwd", columns, False)
        found = pytree.map_leaves(lambda t: _split(t, leaves, structure, argnums), columns)
        return (found, kept[0]) if has_aux else found

    return jacobian


def _split(columns: Tensor, leaves: Sequence[Tensor], structure: Any, argnums: Any) -> Any:
    """Columns (*output, total) as one Jacobian for each leaf of the arguments."""
    found, start = [], 0
    for leaf in leaves:
        size, shape = leaf._data.size, leaf._data.shape
        part = columns.narrow(-1, start, size)
        found.append(part.reshape((*columns._data.shape[:-1], *shape)))
        start += size
    trees = pytree.unflatten(found, structure)
    return trees[0] if isinstance(argnums, int) else trees


def hessian(func: Callable[..., Any], argnums: Any = 0) -> Callable[..., Any]:
    """A function that computes the Hessian of `func`: forward mode over reverse mode.

    `hessian(f)(x)[i, j] = ∂²f(x)/∂x[i]∂x[j]`, of shape (*output, *input, *input).

    >>> torch.func.hessian(lambda x: (x**3).sum())(torch.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)
