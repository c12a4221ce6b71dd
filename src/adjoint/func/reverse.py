"""Floor 5: derivatives by reverse mode: grad, vjp, jacrev.

A function runs at fresh Tensors on the ordinary tape; nothing is accumulated into `.grad`. Results
keep a history only where something outside is differentiated too, so the transforms nest.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.autograd import derivatives
from adjoint.autograd.modes import enable_grad, no_grad, state
from adjoint.autograd.tensor import Tensor, wrap

from . import pytree
from .arguments import Inputs, Reverse, chosen, outside, replaced, tensors_of, with_aux
from .vmapping import vmap


def grad(func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that computes the gradient of `func`, which returns a scalar.

    `grad(f)(x)[i] = ∂f(x)/∂x[i]`; for complex x torch's convention, ∂/∂Re + i ∂/∂Im.

    - `argnums`: the positional argument to differentiate, or a tuple of them; each a Tensor or a
      tree (tuples, lists, dictionaries) of Tensors, floating or complex.
    - `has_aux`: whether `func` returns `(scalar, aux)`; then `(gradient, aux)` is returned.

    The result has the structure and shapes of the argument. Raises RuntimeError for an output that
    is no scalar Tensor and ValueError for arguments that are no Tensors. Nests with every other
    transform.

    >>> torch.func.grad(torch.sin)(torch.tensor(0.0))
    tensor(1.)
    >>> torch.func.grad(torch.func.grad(lambda x: x**3))(torch.tensor(2.0))
    tensor(12.)
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func, updated=())
    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def grad_and_value(
    func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that computes the gradient of `func` and its value: `(gradient, value)`.

    As `grad`; with `has_aux` the value is `(value, aux)`.

    >>> torch.func.grad_and_value(torch.square)(torch.tensor(3.0))
    (tensor(6.), tensor(9.))
    """
    name = "grad_and_value(f)(*args)"

    @functools.wraps(func, updated=())
    def both(*args: Any, **kwargs: Any) -> Any:
        numbers = chosen(args, argnums)
        recording = state.grad
        with Reverse():
            inputs = Inputs([args[n] for n in numbers], name)
            output = func(*replaced(args, numbers, inputs.trees), **kwargs)
            aux = None
            if has_aux:
                output, aux = with_aux(output, name)
            _check_scalar(output, name)
        keeps = recording and inputs.reaches_outside([output])
        found = _pulled([output], inputs.points, [None], keeps)
        trees = pytree.unflatten(found, inputs.structure)
        value = outside(output, keeps)
        if has_aux:
            value = value, pytree.map_leaves(lambda t: outside(t, keeps), aux)
        return (trees[0] if isinstance(argnums, int) else trees), value

    return both


def _check_scalar(output: Any, name: str) -> None:
    if not isinstance(output, Tensor):
        raise RuntimeError(f"{name}: Expected f(*args) to return a Tensor, got {type(output)}")
    if output._data.ndim:
        raise RuntimeError(
            f"{name}: Expected f(*args) to return a scalar Tensor, got tensor with "
            f"{output._data.ndim} dims. Maybe you wanted to use the vjp or jacrev APIs instead? "
            "Or reduce it with .sum() or .mean()."
        )


def _pulled(
    outputs: Sequence[Tensor],
    points: Sequence[Tensor],
    cts: Sequence[Tensor | None],
    create_graph: bool,
    retain_graph: bool | None = None,
) -> list[Tensor]:
    """Cotangents of the points; zeros where no output depends on one."""
    moving = [(o, ct) for o, ct in zip(outputs, cts) if o.requires_grad]
    found: Sequence[Tensor | None] = [None] * len(points)
    if moving:
        outs, given = zip(*moving)
        found = derivatives.grad(outs, points, given, retain_graph, create_graph, allow_unused=True)
    return [
        wrap(np.zeros(p._data.shape, p.dtype.numpy)) if f is None else f
        for f, p in zip(found, points)
    ]


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """The value of `func` at the primals, and a function for products with its Jacobian.

    `output, pull = vjp(f, x)`; `pull(ct)` is `ctᵀ J` in a tuple, one entry for each primal, for
    any number of cotangents of the output's structure and shapes. With `has_aux`, `func` returns
    `(output, aux)`, and `(output, pull, aux)` is returned.

    >>> output, pull = torch.func.vjp(torch.sin, torch.zeros(2))
    >>> pull(torch.tensor([1.0, 2.0]))
    (tensor([1., 2.]),)
    """
    name = "vjp(f, *primals)"
    recording = state.grad
    with Reverse():
        inputs = Inputs(primals, name)
        output = func(*inputs.trees)
        aux = None
        if has_aux:
            output, aux = with_aux(output, name)
        outs = tensors_of(output, name)
        for out in outs:
            if out._data.dtype.kind not in "fcV":
                raise RuntimeError(
                    "vjp(f, ...): All outputs of f must be floating-point or complex Tensors, got "
                    f"Tensor with dtype {out.dtype}"
                )
    keeps = recording and inputs.reaches_outside(outs)
    structure = pytree.flatten(output)[1]

    def pull(
        cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None
    ) -> tuple[Any, ...]:
        cts, given = pytree.flatten(cotangents)
        if given != structure:
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of "
                f"outputs to the function. cotangents: {given!r}, primal output: {structure!r}"
            )
        again = create_graph
        if again is None:
            again = state.grad and (keeps or any(ct.requires_grad for ct in cts))
        found = _pulled(outs, inputs.points, cts, again, retain_graph)
        trees: tuple[Any, ...] = pytree.unflatten(found, inputs.structure)
        return trees

    result = pytree.unflatten([outside(o, keeps) for o in outs], structure)
    if has_aux:
        return result, pull, pytree.map_leaves(lambda t: outside(t, keeps), aux)
    return result, pull


def jacrev(
    func: Callable[..., Any],
    argnums: Any = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable[..., Any]:
    """A function that computes the Jacobian of `func`, by rows: all of them in one reverse pass.

    `jacrev(f)(x)[i, j] = ∂f(x)[i]/∂x[j]`, of shape (*output, *input): for few outputs of many
    inputs; `jacfwd` for the other case.

    - `argnums`: the positional argument to differentiate, or a tuple of them.
    - `has_aux`: whether `func` returns `(output, aux)`; then `(jacobian, aux)` is returned.
    - `chunk_size`: how many rows are computed together at most, which bounds memory.

    >>> torch.func.jacrev(torch.square)(torch.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @functools.wraps(func, updated=())
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        numbers = chosen(args, argnums)
        refuse_complex("jacrev", [args[n] for n in numbers], True)

        def moving(*points: Any) -> Any:
            return func(*replaced(args, numbers, points), **kwargs)

        found = vjp(moving, *[args[n] for n in numbers], has_aux=has_aux)
        output, pull = found[:2]
        outs, structure = pytree.flatten(output)
        refuse_complex("jacrev", outs, False)
        with _silent(pull, outs):
            rows = _rows(outs, structure, pull, chunk_size)
        trees = pytree.unflatten(rows, structure)
        if isinstance(argnums, int):
            trees = pytree.unflatten([row[0] for row in rows], structure)
        return (trees, found[2]) if has_aux else trees

    return jacobian


def _silent(pull: Any, outs: Sequence[Tensor]) -> Any:
    """Grad mode for the rows: nothing to record where no output has a history."""
    return enable_grad() if state.grad and any(o.requires_grad for o in outs) else no_grad()


def _rows(outs: Sequence[Tensor], structure: Any, pull: Any, chunk_size: int | None) -> list[Any]:
    """For each output its Jacobians: the pull of every unit cotangent, as one batch."""
    bases = standard_bases(outs)

    def pull_row(*cts: Tensor) -> Any:
        return pull(pytree.unflatten(cts, structure))

    stacked = vmap(pull_row, chunk_size=chunk_size)(*bases)
    found, start = [], 0
    for out in outs:
        rows = slice(start, start + out._data.size)
        found.append(_reshaped(stacked, rows, out._data.shape))
        start = rows.stop
    return found


def _reshaped(stacked: Any, rows: slice, shape: tuple[int, ...]) -> Any:
    """The rows of one output, along its own dimensions."""
    return pytree.map_leaves(lambda t: t[rows].reshape((*shape, *t._data.shape[1:])), stacked)


def standard_bases(tensors: Sequence[Tensor]) -> list[Tensor]:
    """For each Tensor the unit directions of all of them together: (total, *shape)."""
    total = sum(t._data.size for t in tensors)
    found, start = [], 0
    for t in tensors:
        size = t._data.size
        basis = np.zeros((total, size), t.dtype.numpy)
        basis[np.arange(start, start + size), np.arange(size)] = 1
        found.append(wrap(basis.reshape(total, *t._data.shape)))
        start += size
    return found


def refuse_complex(name: str, tree: Any, is_input: bool) -> None:
    """Jacobians of complex functions have no one convention."""
    for t in pytree.flatten(tree)[0]:
        if isinstance(t, Tensor) and t._data.dtype.kind == "c":
            raise RuntimeError(
                f"{name}: Expected all {'inputs' if is_input else 'outputs'} to be real but "
                f"received complex tensor at flattened {'input' if is_input else 'output'} idx: 0; "
                "differentiate its real and imaginary parts (torch.view_as_real)"
            )
