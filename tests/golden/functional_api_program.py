"""What is run on torch to record `functional_api.json`, and on adjoint to be compared with it.

A case is a function of the module under torch's name; its inputs are written out, so that both
start from the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Case = Callable[[Any, Any], Any]  # (torch, torch.autograd.functional) -> tensors, nested

FORWARD = {"vectorize": True, "strategy": "forward-mode"}
OUTER_FORWARD = {"vectorize": True, "outer_jacobian_strategy": "forward-mode"}


def point(torch: Any, *values: Any, **options: Any) -> Any:
    return torch.tensor(values or (0.3, -1.2, 0.7), **{"dtype": torch.float64, **options})


def matrix(torch: Any) -> Any:
    return torch.tensor([[0.1, 0.8], [-0.5, 1.3], [2.0, -0.4]], dtype=torch.float64)


def pair(torch: Any) -> Any:
    return point(torch), point(torch, 1.5, 0.2)


def square(x: Any) -> Any:
    return x * x


def mixed(x: Any) -> Any:
    return x.tanh() * x.sum()


def rows(x: Any) -> Any:
    return x.exp().sum(dim=1)


def outer(x: Any, y: Any) -> Any:
    return x.sin().unsqueeze(1) * y


def two(x: Any) -> Any:
    return x * x.sum(), x.prod()


def crossed(x: Any, y: Any) -> Any:
    return (x * x).sum() * y, x + y.exp().sum()


def scalar(x: Any) -> Any:
    return (x.tanh() * x.sum()).exp().sum()


def rosenbrock(x: Any) -> Any:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def coupled(x: Any, y: Any) -> Any:
    return (x.sin().sum() * y.square().sum()).exp()


def linear(x: Any) -> Any:
    return 2 * x


def unused(x: Any, y: Any) -> Any:
    return (x**3).sum()


def apart(x: Any, y: Any) -> Any:
    return (x**3).sum() + (y**2).sum()


def values() -> dict[str, Case]:
    """Cases that return tensors."""
    return {
        "jacobian of a vector": lambda t, f: f.jacobian(mixed, point(t)),
        "jacobian of a matrix": lambda t, f: f.jacobian(rows, matrix(t)),
        "jacobian of a scalar": lambda t, f: f.jacobian(scalar, point(t)),
        "jacobian at a number": lambda t, f: f.jacobian(square, t.tensor(3.0)),
        "jacobian of the identity": lambda t, f: f.jacobian(lambda x: x, point(t)),
        "jacobian of a view": lambda t, f: f.jacobian(lambda x: x.t(), matrix(t)),
        "jacobian of two inputs": lambda t, f: f.jacobian(outer, pair(t)),
        "jacobian of two outputs": lambda t, f: f.jacobian(two, point(t)),
        "jacobian of two by two": lambda t, f: f.jacobian(crossed, pair(t)),
        "jacobian of a tuple of one": lambda t, f: f.jacobian(lambda x: (x.exp(),), (point(t),)),
        "jacobian of an unused input": lambda t, f: f.jacobian(lambda x, y: x * 2, pair(t)),
        "jacobian of a constant": lambda t, f: f.jacobian(lambda x: t.ones(2), point(t)),
        "jacobian of an integer output": lambda t, f: f.jacobian(
            lambda x: t.tensor([1, 2]), point(t)
        ),
        "jacobian of a linear function": lambda t, f: f.jacobian(linear, point(t)),
        "jacobian of no input elements": lambda t, f: f.jacobian(lambda x: x.sum(), t.ones(0)),
        "jacobian of two dtypes": lambda t, f: f.jacobian(
            lambda x, y: x * y, (t.tensor([1.0, 2.0]), point(t, 3.0, 4.0))
        ),
        "jacobian of float32": lambda t, f: f.jacobian(mixed, t.tensor([0.5, -0.25])),
        "jacobian with create_graph": lambda t, f: f.jacobian(
            mixed, point(t, requires_grad=True), create_graph=True
        ),
        "jacobian with create_graph, plain input": lambda t, f: f.jacobian(
            mixed, point(t), create_graph=True
        ),
        "jacobian of a linear function with create_graph": lambda t, f: f.jacobian(
            linear, point(t, requires_grad=True), create_graph=True
        ),
        "jacobian of an input that requires grad": lambda t, f: f.jacobian(
            mixed, point(t, requires_grad=True)
        ),
        "jacobian, strict": lambda t, f: f.jacobian(crossed, pair(t), strict=True),
        "jacobian, vectorized": lambda t, f: f.jacobian(crossed, pair(t), vectorize=True),
        "jacobian, vectorized, unused input": lambda t, f: f.jacobian(
            lambda x, y: x * 2, pair(t), vectorize=True
        ),
        "jacobian, vectorized, with create_graph": lambda t, f: f.jacobian(
            mixed, point(t, requires_grad=True), create_graph=True, vectorize=True
        ),
        "jacobian, vectorized, complex": lambda t, f: f.jacobian(
            lambda z: z * z.conj() + z, point(t, 1 + 2j, 3 - 1j, dtype=t.complex128), vectorize=True
        ),
        "jacobian, complex to real": lambda t, f: f.jacobian(
            lambda z: z.abs(), point(t, 1 + 2j, 3 - 1j, dtype=t.complex128)
        ),
        "jacobian, forward": lambda t, f: f.jacobian(mixed, point(t), **FORWARD),
        "jacobian, forward, two by two": lambda t, f: f.jacobian(crossed, pair(t), **FORWARD),
        "jacobian, forward, matrix": lambda t, f: f.jacobian(rows, matrix(t), **FORWARD),
        "jacobian, forward, constant": lambda t, f: f.jacobian(
            lambda x: t.ones(2), point(t), **FORWARD
        ),
        "jacobian, forward, complex": lambda t, f: f.jacobian(
            lambda z: z * z + z.abs(), point(t, 1 + 2j, 3 - 1j, dtype=t.complex128), **FORWARD
        ),
        "jacobian, forward, complex to real": lambda t, f: f.jacobian(
            lambda z: z.abs() ** 2, point(t, 1 + 2j, 3 - 1j, dtype=t.complex128), **FORWARD
        ),
        "jacobian, forward, input that requires grad": lambda t, f: f.jacobian(
            mixed, point(t, requires_grad=True), **FORWARD
        ),
        "hessian": lambda t, f: f.hessian(scalar, point(t)),
        "hessian of Rosenbrock's function": lambda t, f: f.hessian(rosenbrock, point(t)),
        "hessian of a matrix": lambda t, f: f.hessian(scalar, matrix(t)),
        "hessian at a number": lambda t, f: f.hessian(lambda x: x**3, t.tensor(2.0)),
        "hessian of two inputs": lambda t, f: f.hessian(coupled, pair(t)),
        "hessian of a tuple of one": lambda t, f: f.hessian(scalar, (point(t),)),
        "hessian of separate inputs": lambda t, f: f.hessian(apart, pair(t)),
        "hessian of an unused input": lambda t, f: f.hessian(unused, pair(t)),
        "hessian of a linear function": lambda t, f: f.hessian(lambda x: x.sum(), point(t)),
        "hessian of shape (1, 1)": lambda t, f: f.hessian(
            lambda x: scalar(x).reshape(1, 1), point(t)
        ),
        "hessian with create_graph": lambda t, f: f.hessian(
            scalar, point(t, requires_grad=True), create_graph=True
        ),
        "hessian, strict": lambda t, f: f.hessian(coupled, pair(t), strict=True),
        "hessian, vectorized": lambda t, f: f.hessian(coupled, pair(t), vectorize=True),
        "hessian, outer forward": lambda t, f: f.hessian(
            coupled, tuple(x.requires_grad_() for x in pair(t)), **OUTER_FORWARD
        ),
        "vjp": lambda t, f: f.vjp(mixed, point(t), point(t, 1.0, 2.0, 3.0)),
        "vjp without v": lambda t, f: f.vjp(scalar, point(t)),
        "vjp of two by two": lambda t, f: f.vjp(
            crossed, pair(t), (point(t, 1.0, 2.0), point(t, 3.0, 4.0, 5.0))
        ),
        "vjp of an unused input": lambda t, f: f.vjp(unused, pair(t)),
        "vjp with create_graph": lambda t, f: f.vjp(
            mixed, point(t, requires_grad=True), point(t), create_graph=True
        ),
        "vjp of a complex function": lambda t, f: f.vjp(
            square,
            point(t, 1 + 2j, 3 - 1j, dtype=t.complex128),
            point(t, 1j, 2, dtype=t.complex128),
        ),
        "vjp with an integer v": lambda t, f: f.vjp(square, point(t), t.tensor([1, 2, 3])),
        "jvp": lambda t, f: f.jvp(mixed, point(t), point(t, 1.0, 2.0, 3.0)),
        "jvp without v": lambda t, f: f.jvp(lambda x: (x.exp(), x**2), t.tensor([2.0])),
        "jvp of two by two": lambda t, f: f.jvp(crossed, pair(t), pair(t)),
        "jvp of a constant": lambda t, f: f.jvp(lambda x: t.ones(2), point(t), point(t)),
        "jvp with create_graph": lambda t, f: f.jvp(
            mixed, point(t, requires_grad=True), point(t), create_graph=True
        ),
        "jvp of a complex function": lambda t, f: f.jvp(
            square,
            point(t, 1 + 2j, 3 - 1j, dtype=t.complex128),
            point(t, 1j, 2, dtype=t.complex128),
        ),
        "vhp": lambda t, f: f.vhp(scalar, point(t), point(t, 1.0, 2.0, 3.0)),
        "vhp without v": lambda t, f: f.vhp(lambda x: x**3, t.tensor(2.0)),
        "vhp of two inputs": lambda t, f: f.vhp(coupled, pair(t), pair(t)),
        "vhp of an unused input": lambda t, f: f.vhp(unused, pair(t), pair(t)),
        "vhp with create_graph": lambda t, f: f.vhp(
            scalar, point(t, requires_grad=True), point(t), create_graph=True
        ),
        "hvp": lambda t, f: f.hvp(scalar, point(t), point(t, 1.0, 2.0, 3.0)),
        "hvp without v": lambda t, f: f.hvp(lambda x: x**3, t.tensor(2.0)),
        "hvp of two inputs": lambda t, f: f.hvp(coupled, pair(t), pair(t)),
        "hvp of an unused input": lambda t, f: f.hvp(unused, pair(t), pair(t)),
        "hvp of a linear function": lambda t, f: f.hvp(lambda x: x.sum(), point(t), point(t)),
        "hvp with create_graph": lambda t, f: f.hvp(
            scalar, point(t, requires_grad=True), point(t), create_graph=True
        ),
        "third derivative": third,
        "gradient through a jacobian": through,
    }


def third(t: Any, f: Any) -> Any:
    """The Jacobian of a Hessian."""
    return f.jacobian(lambda x: f.hessian(scalar, x, create_graph=True), point(t))


def through(t: Any, f: Any) -> Any:
    """The `.grad` of the original input of a differentiable Jacobian."""
    x = point(t, requires_grad=True)
    f.jacobian(mixed, x, create_graph=True).square().sum().backward()
    return x.grad


def errors() -> dict[str, Case]:
    """Cases that raise."""
    return {
        "a list of inputs": lambda t, f: f.jacobian(square, [point(t)]),
        "a number among the inputs": lambda t, f: f.vjp(outer, (point(t), 3)),
        "a number as output": lambda t, f: f.hvp(lambda x: 3.0, point(t), point(t)),
        "a list as output": lambda t, f: f.jacobian(lambda x: [x], point(t)),
        "a number as v": lambda t, f: f.jvp(square, point(t), 2.0),
        "integer inputs": lambda t, f: f.jacobian(square, t.tensor([1, 2])),
        "integer inputs, forward": lambda t, f: f.jacobian(square, t.tensor([1]), **FORWARD),
        "integer outputs of jvp": lambda t, f: f.jvp(
            lambda x: t.tensor([1, 2]), point(t), point(t)
        ),
        "no outputs": lambda t, f: f.jacobian(lambda x: (), point(t)),
        "vjp needs v": lambda t, f: f.vjp(square, point(t)),
        "jvp needs v": lambda t, f: f.jvp(square, point(t)),
        "vhp needs v": lambda t, f: f.vhp(scalar, point(t)),
        "hvp needs v": lambda t, f: f.hvp(scalar, point(t)),
        "v of another shape": lambda t, f: f.vjp(square, point(t), t.ones(2)),
        "v with a wrong entry": lambda t, f: f.jvp(outer, pair(t), (t.ones(3), t.ones(3))),
        "v too long": lambda t, f: f.vjp(square, point(t), (t.ones(3), t.ones(3))),
        "v too short": lambda t, f: f.vjp(two, point(t), t.ones(3)),
        "v complex": lambda t, f: f.vjp(square, point(t), t.ones(3, dtype=t.complex128)),
        "complex outputs": lambda t, f: f.jacobian(square, point(t, 1 + 2j, dtype=t.complex128)),
        "another strategy": lambda t, f: f.jacobian(square, point(t), strategy="sideways"),
        "another outer strategy": lambda t, f: f.hessian(
            scalar, point(t), outer_jacobian_strategy="sideways"
        ),
        "forward with create_graph": lambda t, f: f.jacobian(
            square, point(t), create_graph=True, **FORWARD
        ),
        "forward and strict": lambda t, f: f.jacobian(square, point(t), strict=True, **FORWARD),
        "hessian, forward with create_graph": lambda t, f: f.hessian(
            scalar, point(t), create_graph=True, **OUTER_FORWARD
        ),
        "vectorized and strict": lambda t, f: f.jacobian(
            square, point(t), strict=True, vectorize=True
        ),
        "hessian of a vector": lambda t, f: f.hessian(square, point(t)),
        "hessian of a tuple": lambda t, f: f.hessian(lambda x: (scalar(x),), point(t)),
        "vhp of a vector": lambda t, f: f.vhp(square, point(t), point(t)),
        "hvp of a tuple": lambda t, f: f.hvp(lambda x: (scalar(x),), point(t), point(t)),
        "strict: detached output": lambda t, f: f.jacobian(
            lambda x: x.detach(), point(t), strict=True
        ),
        "strict: unused input of jacobian": lambda t, f: f.jacobian(unused, pair(t), strict=True),
        "strict: linear jacobian with create_graph": lambda t, f: f.jacobian(
            linear, point(t), create_graph=True, strict=True
        ),
        "strict: unused input of vjp": lambda t, f: f.vjp(unused, pair(t), strict=True),
        "strict: linear vjp with create_graph": lambda t, f: f.vjp(
            linear, point(t), t.ones(3), create_graph=True, strict=True
        ),
        "strict: unused input of jvp": lambda t, f: f.jvp(unused, pair(t), pair(t), strict=True),
        "strict: linear jvp with create_graph": lambda t, f: f.jvp(
            linear, point(t), t.ones(3), create_graph=True, strict=True
        ),
        "strict: linear hessian": lambda t, f: f.hessian(lambda x: x.sum(), point(t), strict=True),
        "strict: hessian of separate inputs": lambda t, f: f.hessian(apart, pair(t), strict=True),
        "strict: hessian of a square with create_graph": lambda t, f: f.hessian(
            lambda x: (x * x).sum(), point(t), create_graph=True, strict=True
        ),
        "strict: unused input of vhp": lambda t, f: f.vhp(unused, pair(t), pair(t), strict=True),
        "strict: vhp of a square with create_graph": lambda t, f: f.vhp(
            lambda x: (x * x).sum(), point(t), point(t), create_graph=True, strict=True
        ),
        "strict: unused input of hvp": lambda t, f: f.hvp(unused, pair(t), pair(t), strict=True),
        "strict: linear hvp": lambda t, f: f.hvp(
            lambda x: x.sum(), point(t), point(t), strict=True
        ),
        "strict: hvp of a square with create_graph": lambda t, f: f.hvp(
            lambda x: (x * x).sum(), point(t), point(t), create_graph=True, strict=True
        ),
    }


def flat(tensor: Any) -> list[float]:
    """The values as Python floats; complex ones as pairs."""
    found = tensor.detach().reshape(-1).tolist()
    if found and isinstance(found[0], complex):
        return [part for z in found for part in (z.real, z.imag)]
    return [float(v) for v in found]


def told(torch: Any, result: Any) -> Any:
    """A result in JSON's terms: nested lists of [shape, dtype, requires_grad, values]."""
    if isinstance(result, torch.Tensor):
        return {
            "shape": list(result.shape),
            "dtype": str(result.dtype),
            "requires_grad": result.requires_grad,
            "values": flat(result),
        }
    assert isinstance(result, (tuple, list)), type(result)  # lists: torch in forward mode
    return [told(torch, part) for part in result]
