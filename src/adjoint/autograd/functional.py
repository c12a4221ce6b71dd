"""Floor 1: torch.autograd.functional: derivatives of Python functions, as products or matrices.

Forward products differentiate a backward pass by its cotangent, so that they need no jvp rules.
Nothing is accumulated into `.grad`, and the grad mode is left as it was.
"""

from __future__ import annotations

from typing import Any

from .functional_columns import check_forward_mode, forward_mode
from .functional_inputs import (
    Func,
    Maybe,
    Tensors,
    called,
    called_scalar,
    check_first_derivative,
    check_gradients,
    filled,
    input_tuple,
    input_vector,
    prepared,
    pulled,
    returned,
    vector,
    zeros_like,
)
from .functional_rows import reverse_mode
from .modes import enable_grad
from .tensor import Tensor

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]


def vjp(
    func: Func, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs of a function, and the product of a vector with its Jacobian.

    `vᵀ J`, where `J[i, j] = ∂ func(inputs)[i] / ∂ inputs[j]`; in one backward pass.

    - `func`: takes Tensors, returns a Tensor or a tuple of them.
    - `inputs`: a Tensor or a tuple of them, floating or complex; `func(*inputs)` is called.
    - `v`: of the outputs' shapes; may be None where `func` returns a single element.
    - `create_graph`: whether outputs and product can be differentiated.
    - `strict`: whether an input that no output depends on is an error, not a product of zeros.

    Returns `(outputs, product)`; `product` has the inputs' shapes. Each is a tuple where `func`
    returned one, and where `inputs` is one. Raises TypeError (inputs, outputs or `v` that are not
    Tensors) and RuntimeError (`v` missing or of another shape; what `strict` refuses).

    >>> def exp_rows(x):
    ...     return x.exp().sum(dim=1)
    >>> torch.autograd.functional.vjp(exp_rows, torch.zeros(2, 3), torch.tensor([1.0, 2.0]))
    (tensor([3., 3.]), tensor([[1., 1., 1.],
            [2., 2., 2.]]))
    """
    with enable_grad():
        several_in, given = input_tuple(inputs, "vjp")
        points = prepared(given, create_graph)
        several_out, outputs = called(func, points, "vjp", strict)
        if v is not None:
            v = vector(v, outputs, several_out, create_graph, "vjp")
        elif len(outputs) != 1 or outputs[0]._data.size != 1:
            raise RuntimeError(
                "The vector v can only be None if the user-provided function returns a single "
                "Tensor with a single element."
            )
        found = pulled(outputs, points, v, create_graph)
        product = filled(found, points, strict, create_graph, "vjp")
    return (
        returned(outputs, several_out, create_graph),
        returned(product, several_in, create_graph),
    )


def jvp(
    func: Func, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs of a function, and the product of its Jacobian with a vector.

    `J v = ∂(uᵀ J)ᵀ/∂u · v`: the backward pass is linear in its cotangent `u`, so its own backward
    pass gives the forward product (the double-backward trick).

    - `func`: takes Tensors, returns a Tensor or a tuple of them.
    - `inputs`: a Tensor or a tuple of them, floating or complex.
    - `v`: of the inputs' shapes; may be None where the input is a single element.
    - `create_graph`: whether outputs and product can be differentiated.
    - `strict`: whether an input that no output depends on is an error, not a product of zeros.

    Returns `(outputs, product)`, both of the outputs' shapes. Raises TypeError (inputs, outputs or
    `v` that are not Tensors) and RuntimeError (`v` missing or of another shape; what `strict`
    refuses; outputs of an integer dtype).

    >>> x, direction = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.5])
    >>> torch.autograd.functional.jvp(torch.square, x, direction)
    (tensor([1., 4.]), tensor([2., 2.]))
    """
    with enable_grad():
        several_in, given = input_tuple(inputs, "jvp")
        points = prepared(given, create_graph)
        v = input_vector(v, points, several_in, create_graph, "jvp")
        several_out, outputs = called(func, points, "jvp", strict)
        # The backward pass is linear: any finite cotangent does.
        cts = tuple(zeros_like(t).requires_grad_() for t in outputs)
        pulls = pulled(outputs, points, cts, create_graph=True)
        check_gradients(pulls, strict)
        found = pulled(pulls, cts, v, create_graph)
        product = filled(found, outputs, strict, create_graph, "jvp")
    return (
        returned(outputs, several_out, create_graph),
        returned(product, several_out, create_graph),
    )


def jacobian(
    func: Func,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """All partial derivatives of a function.

    `J[o, i] = ∂ func(inputs)[o] / ∂ inputs[i]`. The function runs once; then one backward pass for
    each element of the outputs, or with `vectorize` one for all of them.

    - `func`: takes Tensors, returns a Tensor or a tuple of them.
    - `inputs`: a Tensor or a tuple of them, floating or complex.
    - `create_graph`: whether the Jacobian can be differentiated.
    - `strict`: whether an output that does not depend on an input is an error, not zeros.
    - `vectorize`: all rows in one batched pass, by vmap, which takes the memory of all of them;
      also admits complex outputs (the derivative along 1).
    - `strategy`: `"reverse-mode"`, or `"forward-mode"`, which needs `vectorize=True`: one run of
      the function with all tangents, for where there are more outputs than inputs. As with any
      operation, grad mode and what requires grad decide whether it can be differentiated.

    Returns a Tensor of shape `(*output, *input)`; for a tuple of inputs a tuple of them, for a
    tuple of outputs a tuple of those. Its dtype is the input's (forward mode: the output's). With
    no elements in an output it is empty, where torch raises.
    Raises TypeError (inputs or outputs that are not Tensors), AssertionError (another strategy),
    NotImplementedError and RuntimeError (options that do not go together; what `strict` refuses).

    >>> def exp_rows(x):
    ...     return x.exp().sum(dim=1)
    >>> torch.autograd.functional.jacobian(exp_rows, torch.zeros(2, 2))
    tensor([[[1., 1.],
             [0., 0.]],
    <BLANKLINE>
            [[0., 0.],
             [1., 1.]]])
    """
    _check_strategy(
        strategy,
        " Hint: If your function has more outputs than inputs, "
        '"forward-mode" tends to be more performant. Otherwise, prefer to use "reverse-mode".',
    )
    forward = strategy == "forward-mode"
    if forward:
        check_forward_mode(create_graph, strict, vectorize)
    several_in, given = input_tuple(inputs, "jacobian")
    if forward:
        _check_primals(given)
        several_out, table = forward_mode(
            lambda points: called(func, points, "jacobian", False), given
        )
    else:
        with enable_grad():
            points = prepared(given, create_graph)
            several_out, outputs = called(func, points, "jacobian", strict)
            table = reverse_mode(outputs, points, create_graph, strict, vectorize)
    found = tuple(returned(row, several_in, create_graph or forward) for row in table)
    return returned(found, several_out, True)


def hessian(
    func: Func,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """All second derivatives of a scalar function.

    `H[i, j] = ∂² func(inputs) / ∂ inputs[i] ∂ inputs[j]`. The function and its gradient are
    computed once; then one backward pass through the gradient for each element of the inputs, or
    with `vectorize` one for all of them.

    - `func`: takes Tensors, returns a Tensor with a single element.
    - `inputs`: a Tensor or a tuple of them, floating.
    - `create_graph`: whether the Hessian can be differentiated.
    - `strict`: whether a gradient that does not depend on an input is an error, not zeros.
    - `vectorize`: all rows in one batched pass, by vmap, which takes the memory of all of them.
    - `outer_jacobian_strategy`: `"reverse-mode"`, or `"forward-mode"` over it, which needs
      `vectorize=True`.

    Returns a Tensor of shape `(*input, *input)`; for a tuple of inputs a tuple of tuples, of which
    `H[i][j]` has shape `(*input_i, *input_j)`.
    Raises what `jacobian` does, and RuntimeError where `func` returns more than one element.

    >>> def cubes(x):
    ...     return (x**3).sum()
    >>> torch.autograd.functional.hessian(cubes, torch.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    several, given = input_tuple(inputs, "hessian")
    _check_strategy(outer_jacobian_strategy, "")
    forward = outer_jacobian_strategy == "forward-mode"
    if forward:
        check_forward_mode(create_graph, strict, vectorize)
        _check_primals(given)

    def gradient(points: Tensors) -> tuple[bool, Tensors]:
        with enable_grad():
            points = tuple(t if t.requires_grad else t.requires_grad_() for t in points)
            value = called_scalar(func, points, "hessian", strict)
            found = pulled((value,), points, None, create_graph=True)
        check_first_derivative(found, strict, none=False)
        return several, filled(found, points, False, False, "vjp")

    if forward:
        table = forward_mode(gradient, given)[1]
    else:
        with enable_grad():
            points = prepared(given, create_graph)
            table = reverse_mode(gradient(points)[1], points, create_graph, strict, vectorize)
    result = tuple(returned(row, several, create_graph or forward) for row in table)
    return result if several else result[0]


def _check_strategy(strategy: str, hint: str) -> None:
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            f'Expected strategy to be either "forward-mode" or "reverse-mode".{hint} Got '
            f"{strategy!r}."
        )


def _check_primals(inputs: Tensors) -> None:
    """Forward mode needs what can have tangents."""
    for t in inputs:
        if t._data.dtype.kind not in "fcV":
            raise ValueError(f"Expected primal to be floating point or complex, but got: {t.dtype}")


def _differentiated(
    func: Func, inputs: Any, v: Any, create_graph: bool, strict: bool, name: str
) -> tuple[bool, Tensors, Any, Tensor, Maybe]:
    """What `vhp` and `hvp` begin with: inputs, vector, the scalar and its gradient."""
    several, given = input_tuple(inputs, name)
    points = prepared(given, create_graph)
    v = input_vector(v, points, several, create_graph, name)
    value = called_scalar(func, points, name, strict)
    gradient = pulled((value,), points, None, create_graph=True)
    check_first_derivative(gradient, strict, none=True)
    return several, points, v, value, gradient


def vhp(
    func: Func, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The value of a scalar function, and the product of a vector with its Hessian.

    `vᵀ H`, where `H[i, j] = ∂² func(inputs) / ∂ inputs[i] ∂ inputs[j]`; in two backward passes,
    without the matrix.

    - `func`: takes Tensors, returns a Tensor with a single element.
    - `inputs`: a Tensor or a tuple of them, floating.
    - `v`: of the inputs' shapes; may be None where the input is a single element.
    - `create_graph`: whether value and product can be differentiated.
    - `strict`: whether an input that the gradient does not depend on is an error, not zeros.

    Returns `(value, product)`; `product` has the inputs' shapes. Raises TypeError (inputs, output
    or `v` that are not Tensors) and RuntimeError (an output of more than one element, `v` missing
    or of another shape; what `strict` refuses).

    >>> def cubes(x):
    ...     return (x**3).sum()
    >>> torch.autograd.functional.vhp(cubes, torch.tensor([1.0, 2.0]), torch.tensor([1.0, 10.0]))
    (tensor(9.), tensor([  6., 120.]))
    """
    with enable_grad():
        several, points, v, value, gradient = _differentiated(
            func, inputs, v, create_graph, strict, "vhp"
        )
        found = pulled(gradient, points, v, create_graph)
        product = filled(found, points, strict, create_graph, "vhp")
    return returned((value,), False, create_graph), returned(product, several, create_graph)


def hvp(
    func: Func, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The value of a scalar function, and the product of its Hessian with a vector.

    `H v`, by the double-backward trick on the gradient: three backward passes. Where the Hessian
    is symmetric (func twice continuously differentiable) `vhp` gives the same in two.

    - `func`: takes Tensors, returns a Tensor with a single element.
    - `inputs`: a Tensor or a tuple of them, floating.
    - `v`: of the inputs' shapes; may be None where the input is a single element.
    - `create_graph`: whether value and product can be differentiated.
    - `strict`: whether an input that the gradient does not depend on is an error, not zeros.

    Returns and raises what `vhp` does.

    >>> def cubes(x):
    ...     return (x**3).sum()
    >>> torch.autograd.functional.hvp(cubes, torch.tensor([1.0, 2.0]), torch.tensor([1.0, 10.0]))
    (tensor(9.), tensor([  6., 120.]))
    """
    with enable_grad():
        several, points, v, value, gradient = _differentiated(
            func, inputs, v, create_graph, strict, "hvp"
        )
        cts = tuple(zeros_like(t).requires_grad_() for t in points)
        pulls = pulled(gradient, points, cts, create_graph=True)
        found = pulled(pulls, cts, v, create_graph)
        product = filled(found, points, strict, create_graph, "hvp")
    return returned((value,), False, create_graph), returned(product, several, create_graph)
