"""Floor 3: activation functions. `ACTIVATIONS` holds them all, for nn.functional."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.dtypes import NP_FLOAT32, NP_FLOAT64
from ..arrays.random import default_generator, uniform
from ..autograd import inplace as in_place
from ..autograd.tensor import Tensor
from ..ops import activation as smooth
from ..ops import rectifier as kinked
from ..ops.operation import Operation
from .elementwise import tanh
from .examples import drawn_from
from .registration import FUNCTIONS, in_place_form
from .unary import ANALYTIC, accept, attach, unary

REALS = "fV"
ACTIVATIONS: dict[str, Callable[..., Tensor]] = {}


def activation(f: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Publish in nn.functional."""
    ACTIVATIONS[f.__name__] = f
    return f


def top_level(*names: str, method: bool = False) -> None:
    """Activations that are also torch.name: as Tensor.name, or with torch.name_."""
    for name in names:
        f = ACTIVATIONS[name]
        FUNCTIONS[name] = f
        if method:
            attach(name, f)
        else:
            FUNCTIONS[f"{name}_"] = ACTIVATIONS[f"{name}_"] = in_place_form(f, f"{name}_", "F")


def _run(
    operation: Operation, input: Any, name: str, inplace: bool, kinds: str = REALS, **params: Any
) -> Tensor:
    """The operation, or the tensor overwritten by its result."""
    x = accept(input, name, kinds)
    if inplace:
        return in_place.write(x, lambda old: operation(old, **params), f"{name}_")
    result: Tensor = operation(x, **params)
    return result


sigmoid = activation(unary(smooth.sigmoid, "sigmoid", kinds=ANALYTIC))
_relu = unary(kinked.relu, "relu", kinds="fViu")
_run_relu = kinked.relu.run_one


@activation
def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0), elementwise. The derivative at 0 is 0.

    >>> torch.nn.functional.relu(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    if inplace:
        result: Tensor = input.relu_()
        return result
    if isinstance(input, Tensor):
        dtype = input._data.dtype
        if dtype is NP_FLOAT32 or dtype is NP_FLOAT64:
            return _run_relu(input)
        if dtype.kind == "b":
            raise RuntimeError("Boolean inputs not supported for relu; convert with .float()")
    return _relu(input)


@activation
def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x, 0), 6). The derivative at 0 and 6 is 0.

    >>> F.relu6(torch.tensor([-1.0, 3.0, 9.0]))
    tensor([0., 3., 6.])
    """
    return _run(kinked.hardtanh, input, "relu6", inplace, kinds="fViu", min_val=0, max_val=6)


@activation
def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x for x > 0, else negative_slope x. The derivative at 0 is negative_slope.

    >>> F.leaky_relu(torch.tensor([-2.0, 3.0]), 0.25)
    tensor([-0.5000,  3.0000])
    """
    return _run(
        kinked.leaky_relu, input, "leaky_relu", inplace, negative_slope=float(negative_slope)
    )


@activation
def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x for x > 0, else alpha (e^x - 1). The derivative at 0 is alpha.

    >>> F.elu(torch.tensor([-1.0, 3.0]))
    tensor([-0.6321,  3.0000])
    """
    return _run(smooth.elu, input, "elu", inplace, alpha=float(alpha), scale=1.0, input_scale=1.0)


@activation
def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x for x > 0, else alpha (e^(x / alpha) - 1). The derivative at 0 is 1.

    >>> torch.celu(torch.tensor([-1.0, 3.0]), alpha=2.0)
    tensor([-0.7869,  3.0000])
    """
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return _run(smooth.celu, input, "celu", inplace, alpha=float(alpha))


# Klambauer et al. 2017, "Self-normalizing neural networks": the fixed point of mean 0, variance 1.
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


@activation
def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """scale x for x > 0, else scale alpha (e^x - 1), with the constants of the paper.

    scale = 1.0507..., alpha = 1.6733...; the derivative at 0 is scale alpha.

    >>> torch.selu(torch.tensor([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])
    """
    return _run(
        smooth.elu,
        input,
        "selu",
        inplace,
        alpha=_SELU_ALPHA,
        scale=_SELU_SCALE,
        input_scale=1.0,
    )


@activation
def gelu(input: Tensor, *, approximate: str = "none") -> Tensor:
    """x Phi(x), Phi the normal distribution function; `approximate="tanh"` is faster.

    >>> torch.nn.functional.gelu(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8413])
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError(
            f"approximate argument must be either none or tanh, but it is {approximate!r}"
        )
    return _run(smooth.gelu if approximate == "none" else smooth.gelu_tanh, input, "gelu", False)


@activation
def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x sigmoid(x), also called swish.

    >>> torch.nn.functional.silu(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7311])
    """
    return _run(smooth.silu, input, "silu", inplace, kinds="fVc")


@activation
def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x tanh(log(1 + e^x)).

    >>> F.mish(torch.tensor([-1.0, 2.0]))
    tensor([-0.3034,  1.9440])
    """
    return _run(smooth.mish, input, "mish", inplace)


@activation
def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + e^(beta x)) / beta, and x itself where beta x > threshold.

    >>> torch.nn.functional.softplus(torch.tensor([0.0, 30.0]))
    tensor([ 0.6931, 30.0000])
    """
    return _run(smooth.softplus, input, "softplus", False, beta=beta, threshold=threshold)


@activation
def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)), without overflow.

    >>> torch.nn.functional.logsigmoid(torch.tensor([0.0, -1000.0]))
    tensor([-6.9315e-01, -1.0000e+03])
    """
    return _run(smooth.logsigmoid, input, "log_sigmoid", False)


@activation
def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|).

    >>> F.softsign(torch.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """
    return input / (input.abs() + 1)


@activation
def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x).

    >>> F.tanhshrink(torch.tensor([0.0, 2.0]))
    tensor([0.0000, 1.0360])
    """
    return input - input.tanh()


@activation
def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """x limited to [min_val, max_val]. The derivative at an edge is 0.

    >>> F.hardtanh(torch.tensor([-3.0, 0.5, 3.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min_val > max_val:
        raise ValueError(
            f"min_val cannot be greater than max_val, but they are {min_val} and {max_val}"
        )
    if isinstance(input, Tensor) and input._data.dtype.kind in "iu":
        min_val, max_val = int(min_val), int(max_val)
    return _run(
        kinked.hardtanh, input, "hardtanh", inplace, "fViu", min_val=min_val, max_val=max_val
    )


@activation
def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x + 3, 0), 6) / 6. The derivative at -3 and 3 is 0.

    >>> F.hardsigmoid(torch.tensor([-4.0, 0.0, 4.0]))
    tensor([0.0000, 0.5000, 1.0000])
    """
    return _run(kinked.hardsigmoid, input, "hardsigmoid", inplace)


@activation
def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x min(max(x + 3, 0), 6) / 6.

    >>> F.hardswish(torch.tensor([-4.0, 1.0, 4.0]))
    tensor([-0.0000, 0.6667, 4.0000])
    """
    return _run(kinked.hardswish, input, "hardswish", inplace)


@activation
def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x moved towards 0 by lambd, and 0 within lambd of it. The derivative at an edge is 0.

    >>> F.softshrink(torch.tensor([-2.0, 0.25, 2.0]))
    tensor([-1.5000,  0.0000,  1.5000])
    """
    if lambd < 0:
        raise RuntimeError(f"lambda must not be negative for softshrink, but found {lambd}")
    return _run(kinked.softshrink, input, "softshrink", False, lambd=lambd)


@activation
def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x, and 0 within lambd of 0. The derivative at an edge is 0.

    >>> torch.hardshrink(torch.tensor([-2.0, 0.25, 2.0]))
    tensor([-2.,  0.,  2.])
    """
    return _run(kinked.hardshrink, input, "hardshrink", False, lambd=lambd)


@activation
def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where x > threshold, else value.

    >>> torch.threshold(torch.tensor([-1.0, 0.5, 2.0]), 1.0, 20.0)
    tensor([20., 20.,  2.])
    """
    return _run(
        kinked.threshold, input, "threshold", inplace, "fViu", threshold=threshold, value=value
    )


@activation
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x for x > 0, else weight x; weight has 1 element, or one for each channel (dim 1).

    >>> torch.nn.functional.prelu(torch.tensor([-2.0, 3.0]), torch.tensor([0.25]))
    tensor([-0.5000,  3.0000])
    """
    accept(input, "prelu", REALS)
    accept(weight, "prelu", REALS)
    if input.dtype is not weight.dtype:
        raise RuntimeError(
            f"prelu: Type promoting not supported. Got {input.dtype.short} and "
            f"{weight.dtype.short}; convert one with .to()"
        )
    shape, size = input._data.shape, weight._data.size
    if size != 1:
        channels = shape[1] if len(shape) > 1 else 1
        if not shape or channels != size:
            raise RuntimeError(
                f"Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                f"{size} and channel size = {channels}."
            )
    if weight._data.ndim > 1:
        raise RuntimeError(
            "prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = "
            f"{weight._data.ndim}"
        )
    if len(shape) > 1:
        weight = weight.reshape((1, size) + (1,) * (len(shape) - 2))
    elif not shape:
        weight = weight.reshape(())
    result: Tensor = kinked.prelu(input, weight)
    return result


@activation
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """a sigmoid(b), where a and b are the halves of the input along `dim`.

    >>> torch.nn.functional.glu(torch.tensor([1.0, 2.0, 0.0, 0.0]))
    tensor([0.5000, 1.0000])
    """
    shape = accept(input, "glu", REALS)._data.shape
    if not shape:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    if not -len(shape) <= dim < len(shape):
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-len(shape)}, "
            f"{len(shape) - 1}], but got {dim})"
        )
    dim %= len(shape)
    if shape[dim] % 2:
        raise RuntimeError(
            f"Halving dimension must be even, but dimension {dim} is size {shape[dim]}"
        )
    result: Tensor = smooth.glu(input, dim=dim)
    return result


@activation
def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """x for x > 0, else a x; a is drawn from U(lower, upper) in training, else their mean.

    One number is drawn for each element that is not positive, in double precision.

    >>> F.rrelu(torch.tensor([-4.0, 2.0]), 0.25, 0.75)
    tensor([-2.,  2.])
    """
    if lower > upper:
        raise RuntimeError(
            f"Lower bound should be less than or equal to the upper bound, but they are {lower} "
            f"and {upper}"
        )
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)

    def draw(x: Any) -> Any:
        left = x <= 0
        slopes = np.ones(x.shape, x.dtype)
        slopes[left] = uniform(default_generator, (int(left.sum()),), np.float64, lower, upper)
        return slopes

    slopes = drawn_from("rrelu", draw, accept(input, "rrelu", REALS))
    return input.mul_(slopes) if inplace else input * slopes


top_level("celu", "selu", "threshold", "rrelu")
top_level("prelu", "hardshrink", method=True)
for _name in ("elu", "leaky_relu", "hardtanh"):
    ACTIVATIONS[f"{_name}_"] = in_place_form(ACTIVATIONS[_name], f"{_name}_", "F")
ACTIVATIONS["tanh"] = tanh
ACTIVATIONS["relu_"] = FUNCTIONS["relu_"]
