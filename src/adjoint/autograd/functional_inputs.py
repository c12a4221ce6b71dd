"""Floor 1: what the functions of `autograd.functional` take and return: tuples, checks, zeros.

Each error message is torch's. Knows nothing of how the derivatives are computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .derivatives import grad
from .lifted import Lifted, constant_at, level_of
from .size import Size
from .tensor import Tensor, wrap

Tensors = tuple[Tensor, ...]
Maybe = tuple[Tensor | None, ...]
Func = Callable[..., Any]

OUTPUTS = "outputs of the user-provided function"
NOT_STRICT = "This is not allowed in strict mode"


def tupled(value: Any, role: str, name: str) -> tuple[bool, Tensors]:
    """Whether it was a tuple, and the tuple of Tensors it is."""
    several = isinstance(value, tuple)
    tensors = value if several else (value,)
    for i, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            which = f"value at index {i}" if several else f"given {role}"
            raise TypeError(
                f"The {role} given to {name} must be either a Tensor or a tuple of Tensors but "
                f"the {which} has type {type(t)}."
            )
    return several, tensors


def input_tuple(inputs: Any, name: str) -> tuple[bool, Tensors]:
    """The inputs as a tuple, which may not be empty."""
    several, tensors = tupled(inputs, "inputs", name)
    if not tensors:
        raise RuntimeError(
            f"`inputs` argument to `{name}()` cannot be empty; give it a Tensor or a tuple of them"
        )
    return several, tensors


def prepared(tensors: Tensors, create_graph: bool) -> Tensors:
    """New Tensors to differentiate by.

    New, so that what the function uses of the same Tensors behind its arguments is no input; views
    where the result is to be differentiated by the originals.
    """
    return tuple(
        t.view_as(t) if create_graph and t.requires_grad else cut(t).requires_grad_()
        for t in tensors
    )


def cut(t: Tensor) -> Tensor:
    """The Tensor without its history; inside of a transform it moves as before (jvp over vjp)."""
    return wrap(t._data) if isinstance(t._data, Lifted) else t.detach()


def vector(v: Any, other: Tensors, several: bool, create_graph: bool, name: str) -> Tensors:
    """The vector of a product, which has to look like `other`."""
    _, vs = tupled(v, "v", name)
    if len(vs) != len(other):
        if several:
            raise RuntimeError(
                f"v is a tuple of invalid length: should be {len(other)} but got {len(vs)}."
            )
        raise RuntimeError("The given v should contain a single Tensor.")
    for i, (t, like) in enumerate(zip(vs, other)):
        if t._data.shape != like._data.shape:
            entry = f"Entry {i} in " if several else ""
            raise RuntimeError(
                f"{entry}v has invalid size: should be {Size(like._data.shape)} but got "
                f"{Size(t._data.shape)}."
            )
    return tuple(t.view_as(t) if create_graph and t.requires_grad else cut(t) for t in vs)


def input_vector(v: Any, inputs: Tensors, several: bool, create_graph: bool, name: str) -> Any:
    """The vector of a product with the inputs; None stands for 1 when they are one number."""
    if v is not None:
        return vector(v, inputs, several, create_graph, name)
    if len(inputs) != 1 or inputs[0]._data.size != 1:
        raise RuntimeError(
            "The vector v can only be None if the input to the user-provided function is a single "
            "Tensor with a single element."
        )
    return None


def called(func: Func, inputs: Tensors, name: str, strict: bool) -> tuple[bool, Tensors]:
    """What the function returns, as a tuple; `strict` refuses outputs without history."""
    several, outputs = tupled(func(*inputs), OUTPUTS, name)
    if strict:
        for i, t in enumerate(outputs):
            if not t.requires_grad:
                raise RuntimeError(
                    f"Output {i} of the user-provided function does not require gradients. The "
                    "outputs must be computed in a differentiable manner from the input when "
                    "running in strict mode."
                )
    return several, outputs


def called_scalar(func: Func, inputs: Tensors, name: str, strict: bool) -> Tensor:
    """The one number that the function returns."""
    several, outputs = called(func, inputs, name, strict)
    if several:
        raise RuntimeError(f"The function given to {name} should return a single Tensor")
    if outputs[0]._data.size != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {name} should contain a single element"
        )
    return outputs[0]


def pulled(outputs: Maybe, inputs: Tensors, cts: Maybe | None, create_graph: bool) -> Maybe:
    """`grad`, passing over outputs without history; None for inputs that nothing depends on."""
    given = cts or (None,) * len(outputs)
    pairs = [(t, ct) for t, ct in zip(outputs, given) if t is not None and t.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    roots, starts = zip(*pairs)
    found: Maybe = grad(roots, inputs, starts, create_graph=create_graph, allow_unused=True)
    return found


def check_gradients(found: Sequence[Tensor | None], strict: bool) -> None:
    """`strict`: every gradient is there and depends on something (jvp)."""
    for i, t in enumerate(found if strict else ()):
        if t is None:
            raise RuntimeError(
                f"The output of the user-provided function is independent of input {i}. "
                f"{NOT_STRICT}."
            )
        if not t.requires_grad:
            raise RuntimeError(
                f"The gradient with respect to input {i} is independent of the inputs of the "
                f"user-provided function. {NOT_STRICT}."
            )


def check_first_derivative(found: Sequence[Tensor | None], strict: bool, none: bool) -> None:
    """`strict`: the gradient of a scalar depends on its input; `none`: an unused one is named."""
    for i, t in enumerate(found if strict else ()):
        if t is None and none:
            raise RuntimeError(
                f"The output of the user-provided function is independent of input {i}. "
                f"{NOT_STRICT}."
            )
        if t is None or not t.requires_grad:
            raise RuntimeError(
                "While computing the hessian, found that the jacobian of the user-provided "
                f"function with respect to input {i} is independent of the input. {NOT_STRICT}. "
                "You should ensure that your function is twice differentiable and that the "
                "jacobian depends on the inputs (this would be violated by a linear function for "
                "example)."
            )


# For each stage: what to say of a missing product, and which derivative is a constant otherwise.
STAGES = {
    "vjp": ("The output of the user-provided function is independent of input {}. ", "jacobian"),
    "jvp": (
        "The gradient with respect to the input is independent of entry {} in the grad_outputs "
        "when using the double backward trick to compute forward mode gradients. ",
        "jacobian",
    ),
    "vhp": ("The jacobian of the user-provided function is independent of input {}. ", "hessian"),
    "hvp": (
        "The hessian of the user-provided function is independent of entry {} in the "
        "grad_jacobian, which prevents the double backward trick from replacing forward mode. ",
        "hessian",
    ),
}


def filled(found: Maybe, like: Tensors, strict: bool, create_graph: bool, stage: str) -> Tensors:
    """Zeros for what is missing; `strict` refuses it, and constants under `create_graph`."""
    missing, derivative = STAGES[stage]
    result = []
    for i, (t, reference) in enumerate(zip(found, like)):
        if t is None:
            if strict:
                raise RuntimeError(f"{missing.format(i)}{NOT_STRICT}.")
            t = zeros_like(reference)
        elif strict and create_graph and not t.requires_grad:
            raise RuntimeError(
                f"The {derivative} of the user-provided function is independent of input {i}. "
                f"{NOT_STRICT} when create_graph=True."
            )
        result.append(t)
    return tuple(result)


def zeros_like(t: Tensor) -> Tensor:
    """Zeros of the Tensor's shape and dtype, at its level, requiring no gradient."""
    result: Tensor = wrap(np.zeros(t._data.shape, t.dtype.numpy))
    level = level_of(t)
    return result if level is None else constant_at(level, result)


def returned(tensors: Tensors, several: bool, create_graph: bool) -> Any:
    """What the user gets: without history unless asked for, a tuple only for a tuple."""
    if not tensors:
        raise IndexError("the user-provided function returned an empty tuple, expected Tensors")
    found = tensors if create_graph else tuple(cut(t) for t in tensors)
    return found if several else found[0]
