"""Floor 5: curvature: Gauss-Newton and Fisher products, and matrices over a module's parameters.

Products need no matrix: three passes each, through graphs that are recorded once. Modules are known
only by their `named_parameters()`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd.derivatives import grad
from ..autograd.modes import enable_grad
from ..autograd.tensor import Tensor, wrap
from .pytree import Structure, flatten, unflatten

Tensors = Sequence[Tensor]
Curve = Callable[[Tensor], Tensor]  # of a tangent of the outputs, with a matrix over the outputs


def ggn_product(
    model_fn: Callable[[Any], Tensor],
    loss_fn: Callable[[Tensor], Tensor],
    params: Any,
    v: Any = None,
) -> Any:
    """The product of the generalised Gauss-Newton matrix of `loss_fn(model_fn(params))` with v.

    G v = Jᵀ H J v, with J the Jacobian of the outputs by the parameters and H the Hessian of the
    loss by the outputs: the part of the Hessian of the loss that is positive semidefinite wherever
    the loss is convex in the outputs. For a model that is linear in its parameters it is all of it.

    - `model_fn`: takes `params`, returns a Tensor of any shape.
    - `loss_fn`: takes that Tensor, returns a single element.
    - `params`: a Tensor, or tuples, lists and dictionaries of them; floating.
    - `v`: as `params`. Without it, a function of v is returned that keeps the graphs, for solvers.

    Returns a structure like `params`, without history. Raises TypeError (not Tensors), ValueError
    (v unlike params) and RuntimeError (a loss of several elements).

    Source: N. Schraudolph, "Fast Curvature Matrix-Vector Products for Second-Order Gradient
    Descent", Neural Computation 14 (2002), section 3; J. Martens, "New Insights and Perspectives on
    the Natural Gradient Method", JMLR 21 (2020; first 2014), section 8.

    >>> x, y = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.zeros(2)
    >>> model_fn, loss_fn = lambda w: x @ w, lambda out: 0.5 * (out - y).square().sum()
    >>> ggn_product(model_fn, loss_fn, torch.zeros(2), torch.tensor([1.0, 0.0]))  # xᵀ x v
    tensor([10., 14.])
    """
    leaves, structure = _leaves(params, "ggn_product")
    outputs = _outputs(model_fn, unflatten(leaves, structure), "ggn_product")
    curve = _loss_curve(loss_fn, outputs, "ggn_product")
    return _answer(_curved(outputs, leaves, curve), leaves, structure, v, "ggn_product")


def fisher_product(
    model_fn: Callable[[Any], Tensor],
    params: Any,
    v: Any = None,
    *,
    distribution: str = "categorical",
    reduction: str = "mean",
) -> Any:
    """The product of the Fisher information matrix of a model's predictions with v.

    F v = Jᵀ E[∇log p(y|z) ∇log p(y|z)ᵀ] J v, where z are the model's outputs, J their Jacobian by
    the parameters, and y is drawn from the model's own distribution, not from data. In closed form
    the expectation is

    - "categorical": diag(p) - p pᵀ with p = softmax(z) along the last dimension;
    - "bernoulli": p (1 - p) for each element, with p = sigmoid(z);
    - "normal": 1 for each element: z is the mean, the variance is 1.

    It equals the Gauss-Newton matrix of the negative log-likelihood, and is positive semidefinite.

    - `model_fn`: takes `params`, returns z, a Tensor (examples, ...).
    - `params`, `v`: as for `ggn_product`.
    - `reduction`: "sum" over examples, the first dimension of z, or "mean".

    Returns a structure like `params`, without history. Raises TypeError (not Tensors) and
    ValueError (v unlike params, an unknown distribution or reduction).

    Source: J. Martens, "New Insights and Perspectives on the Natural Gradient Method", JMLR 21
    (2020; first 2014), sections 5 and 9.2.

    >>> fisher_product(lambda z: z, torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([[ 0.2500, -0.2500]])
    """
    if distribution not in _EXPECTED:
        raise ValueError(
            f"fisher_product: distribution must be one of {sorted(_EXPECTED)}, but got "
            f"{distribution!r}; for another likelihood give ggn_product its negative logarithm: "
            "that is the same where the outputs are its natural parameters"
        )
    leaves, structure = _leaves(params, "fisher_product")
    outputs = _outputs(model_fn, unflatten(leaves, structure), "fisher_product")
    count = _examples(outputs, reduction, "fisher_product")
    expected = _EXPECTED[distribution](outputs.detach())
    product = _curved(outputs, leaves, lambda u: expected(u) / count)
    return _answer(product, leaves, structure, v, "fisher_product")


def empirical_fisher_product(
    losses_fn: Callable[[Any], Tensor], params: Any, v: Any = None, *, reduction: str = "mean"
) -> Any:
    """The product of the empirical Fisher matrix with v: Σᵢ gᵢ gᵢᵀ v over the examples' gradients.

    gᵢ is the gradient of the loss of example i; with the Jacobian J of all losses, it is Jᵀ J v.
    The labels are the data's, so this is not the Fisher matrix, and no approximation of the Hessian
    far from a good fit (F. Kunstner, L. Balles, P. Hennig, "Limitations of the Empirical Fisher
    Approximation for Natural Gradient Descent", NeurIPS 2019).

    - `losses_fn`: takes `params`, returns the losses of the examples, (examples, ...).
    - `params`, `v`: as for `ggn_product`.
    - `reduction`: "sum" over examples, or "mean".

    Returns a structure like `params`, without history. Raises as `fisher_product`.

    >>> x = torch.tensor([[1.0, 0.0], [1.0, 2.0]])
    >>> empirical_fisher_product(lambda w: x @ w, torch.zeros(2), torch.tensor([0.0, 1.0]))
    tensor([1., 2.])
    """
    name = "empirical_fisher_product"
    leaves, structure = _leaves(params, name)
    outputs = _outputs(losses_fn, unflatten(leaves, structure), name)
    count = _examples(outputs, reduction, name)
    return _answer(_curved(outputs, leaves, lambda u: u / count), leaves, structure, v, name)


class ParameterMatrix(dict[str, dict[str, Tensor]]):
    """A symmetric matrix over the parameters of a module: `h["0.weight"]["2.bias"]` is one block.

    A block has the shape of the one parameter, then that of the other. `matrix()` is the whole.

    >>> model = nn.Linear(2, 1)
    >>> h = parameter_hessian(model, lambda model: model(torch.ones(3, 2)).square().sum())
    >>> h["weight"]["bias"].shape, list(h), h.matrix().shape
    (torch.Size([1, 2, 1]), ['weight', 'bias'], torch.Size([3, 3]))
    """

    def __init__(self, matrix: Tensor, shapes: dict[str, tuple[int, ...]]) -> None:
        sizes = [int(np.prod(shape)) for shape in shapes.values()]
        ends = np.cumsum([0, *sizes]).tolist()
        places = dict(zip(shapes, map(slice, ends, ends[1:]), strict=False))
        super().__init__(
            {
                a: {b: matrix[places[a], places[b]].reshape(*shapes[a], *shapes[b]) for b in shapes}
                for a in shapes
            }
        )
        self._matrix = matrix

    def matrix(self) -> Tensor:
        """The whole matrix (n, n), parameters flattened in the order of their names."""
        return self._matrix


def parameter_hessian(model: Any, loss_fn: Callable[[Any], Tensor]) -> ParameterMatrix:
    """The Hessian of a loss by the parameters of a module, in blocks by their names.

    One recorded gradient, then a backward pass for each element of the parameters.

    - `model`: a Module, or anything with `named_parameters()`; those that require grad count.
    - `loss_fn`: takes the model, returns a single element.

    Returns a `ParameterMatrix` without history; `.grad` is left alone. Raises TypeError (no such
    model or loss) and RuntimeError (a loss of several elements, no parameters).

    >>> model = nn.Linear(1, 1)
    >>> x, y = torch.tensor([[1.0], [2.0]]), torch.zeros(2, 1)
    >>> h = parameter_hessian(model, lambda model: F.mse_loss(model(x), y))
    >>> h["weight"]["weight"], h["bias"]["weight"]
    (tensor([[[[5.]]]]), tensor([[[3.]]]))
    >>> h.matrix()
    tensor([[5., 3.],
            [3., 2.]])
    """
    named = _parameters(model, "parameter_hessian")
    leaves = list(named.values())
    loss = _single(_outputs(loss_fn, model, "parameter_hessian"), "parameter_hessian")
    product = _pulling(_recorded_gradients(loss, leaves), leaves)
    return _matrix_of(product, named)


def parameter_ggn(
    model: Any, outputs_fn: Callable[[Any], Tensor], loss_fn: Callable[[Tensor], Tensor]
) -> ParameterMatrix:
    """The generalised Gauss-Newton matrix of a loss by the parameters of a module.

    As `parameter_hessian`, for the matrix of `ggn_product`: `loss_fn(outputs_fn(model))`.

    >>> model = nn.Linear(1, 1)
    >>> x, y = torch.tensor([[1.0], [2.0]]), torch.zeros(2, 1)
    >>> parameter_ggn(model, lambda model: model(x), lambda z: F.mse_loss(z, y)).matrix()
    tensor([[5., 3.],
            [3., 2.]])
    """
    named = _parameters(model, "parameter_ggn")
    leaves = list(named.values())
    outputs = _outputs(outputs_fn, model, "parameter_ggn")
    curve = _loss_curve(loss_fn, outputs, "parameter_ggn")
    return _matrix_of(_curved(outputs, leaves, curve), named)


# Products of lists of Tensors. A pass backward is linear in its cotangent, so J v is the transpose
# of that pass: both directions come from recorded graphs.

Product = Callable[[Tensors], list[Tensor]]


def _curved(outputs: Tensor, leaves: Tensors, curve: Curve) -> Product:
    """v -> Jᵀ curve(J v)."""
    pull = _pulling([outputs], leaves)
    with enable_grad():
        ct = outputs.detach().clone().requires_grad_()
        pulled = _gradients([outputs], leaves, [ct], create_graph=True)
    push = _pulling(pulled, [ct])
    return lambda v: pull([curve(push(v)[0])])


def _pulling(outputs: Tensors, leaves: Tensors) -> Product:
    """Cotangents of the outputs -> of the leaves, through one recorded graph."""
    return lambda cts: _gradients(outputs, leaves, cts, create_graph=False)


def _gradients(outputs: Tensors, leaves: Tensors, cts: Tensors, create_graph: bool) -> list[Tensor]:
    """`grad` for outputs of which some, or all, have no history."""
    pairs = [(y, ct) for y, ct in zip(outputs, cts, strict=True) if y._requires_grad]
    if not pairs:
        return [wrap(np.zeros_like(leaf._data)) for leaf in leaves]
    ys, given = zip(*pairs, strict=True)
    found = grad(
        ys, leaves, given, retain_graph=True, create_graph=create_graph, materialize_grads=True
    )
    return list(found)


def _recorded_gradients(loss: Tensor, leaves: Tensors) -> list[Tensor]:
    with enable_grad():
        one = wrap(np.ones(loss._data.shape, loss.dtype.numpy))
        return _gradients([loss], leaves, [one], create_graph=True)


def _loss_curve(loss_fn: Callable[[Tensor], Tensor], outputs: Tensor, name: str) -> Curve:
    """u -> H u, with H the Hessian of the loss by the outputs."""
    z = outputs.detach().requires_grad_()
    loss = _single(_outputs(loss_fn, z, name), name)
    product = _pulling(_recorded_gradients(loss, [z]), [z])
    return lambda u: product([u])[0]


def _categorical(z: Tensor) -> Curve:
    p = z.softmax(-1)
    return lambda u: p * u - p * (p * u).sum(-1, keepdim=True)


def _bernoulli(z: Tensor) -> Curve:
    p = z.sigmoid()
    return lambda u: p * (1 - p) * u


def _normal(z: Tensor) -> Curve:
    return lambda u: u


_EXPECTED: dict[str, Callable[[Tensor], Curve]] = {
    "bernoulli": _bernoulli,
    "categorical": _categorical,
    "normal": _normal,
}


def _matrix_of(product: Product, named: dict[str, Tensor]) -> ParameterMatrix:
    """The matrix of a product, a row for each unit vector; made symmetric to the last bit."""
    leaves = list(named.values())
    rows = []
    for k, leaf in enumerate(leaves):
        for i in range(leaf._data.size):
            units = [np.zeros_like(other._data) for other in leaves]
            units[k].reshape(-1)[i] = 1
            found = product([wrap(unit) for unit in units])
            rows.append(np.concatenate([t._data.reshape(-1) for t in found]))
    matrix = np.stack(rows)
    return ParameterMatrix(
        wrap((matrix + matrix.T) / 2), {name: leaf._data.shape for name, leaf in named.items()}
    )


# What callers give, checked.


def _leaves(params: Any, name: str) -> tuple[list[Tensor], Structure]:
    """New leaves of the same values, and how the caller holds them."""
    found, structure = flatten(params)
    for t in found:
        if not isinstance(t, Tensor) or t._data.dtype.kind not in "fV":
            what = f"a Tensor of {t.dtype}" if isinstance(t, Tensor) else type(t).__name__
            raise TypeError(
                f"{name}: params must be real floating Tensors, or tuples, lists and dictionaries "
                f"of them, but there is {what}"
            )
    return [t.detach().requires_grad_() for t in found], structure


def _outputs(f: Callable[[Any], Tensor], argument: Any, name: str) -> Tensor:
    """`f(argument)`, recorded, checked to be a real Tensor."""
    with enable_grad():
        found = f(argument)
    if not isinstance(found, Tensor) or found._data.dtype.kind not in "fV":
        what = f"a Tensor of {found.dtype}" if isinstance(found, Tensor) else type(found).__name__
        raise TypeError(f"{name}: expected a real floating Tensor to be returned, but got {what}")
    return found


def _single(loss: Tensor, name: str) -> Tensor:
    if loss._data.size != 1:
        raise RuntimeError(
            f"{name}: the loss must be a single element, but has shape {list(loss._data.shape)}; "
            "reduce it with .sum() or .mean()"
        )
    return loss


def _examples(outputs: Tensor, reduction: str, name: str) -> int:
    """What the sum over examples is divided by."""
    if reduction not in ("mean", "sum"):
        raise ValueError(f"{name}: reduction must be 'mean' or 'sum', but got {reduction!r}")
    shape = outputs._data.shape
    return max(shape[0], 1) if reduction == "mean" and shape else 1


def _answer(product: Product, leaves: Tensors, structure: Structure, v: Any, name: str) -> Any:
    """The product with v in the form of the parameters; without v, the function of v."""

    def multiply(v: Any) -> Any:
        given, held = flatten(v)
        shapes = [t._data.shape if isinstance(t, Tensor) else None for t in given]
        expected = [leaf._data.shape for leaf in leaves]
        if held != structure or shapes != expected:
            raise ValueError(
                f"{name}: v must be like params: expected {structure} with shapes "
                f"{list(map(list, expected))}, but got {held} with "
                f"{[None if s is None else list(s) for s in shapes]}"
            )
        return unflatten(product([t.detach() for t in given]), structure)

    return multiply if v is None else multiply(v)


def _parameters(model: Any, name: str) -> dict[str, Tensor]:
    """The parameters of a module that require grad, by name."""
    if not hasattr(model, "named_parameters"):
        raise TypeError(
            f"{name}: expected a module, with named_parameters(), but got {type(model).__name__}"
        )
    named = {key: t for key, t in model.named_parameters() if t.requires_grad}
    if not named:
        raise RuntimeError(
            f"{name}: no parameter of this {type(model).__name__} requires grad; call "
            ".requires_grad_() on those that are to count"
        )
    return named
