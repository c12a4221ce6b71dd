"""What is timed: the same code for torch and for adjoint, which is imported under torch's name.

Each case is a function of the module that returns a step to be repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

Step = Callable[[], Any]


def small_graph(torch: Any) -> Step:
    x = torch.rand(10, requires_grad=True)
    y = torch.rand(10, requires_grad=True)

    def step() -> None:
        (x * y + y).tanh().sum().backward()

    return step


def chain_of_100(torch: Any) -> Step:
    x = torch.rand(10, requires_grad=True)

    def step() -> None:
        z = x
        for _ in range(100):
            z = z * 1.01
        z.sum().backward()
        x.grad = None

    return step


def _mlp(torch: Any, optimizer: Callable[[Any], Any]) -> Step:
    nn = torch.nn
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
    )
    criterion = nn.CrossEntropyLoss()
    optim = optimizer(model.parameters())
    images = torch.randn(64, 784)
    labels = torch.randint(0, 10, (64,))

    def step() -> None:
        optim.zero_grad()
        criterion(model(images), labels).backward()
        optim.step()

    return step


def mlp_sgd(torch: Any) -> Step:
    return _mlp(torch, lambda p: torch.optim.SGD(p, lr=0.01))


def mlp_adamw(torch: Any) -> Step:
    return _mlp(torch, lambda p: torch.optim.AdamW(p, lr=1e-3))


def cnn_step(torch: Any) -> Step:
    nn = torch.nn
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 7 * 7, 10),
    )
    criterion = nn.CrossEntropyLoss()
    optim = torch.optim.SGD(model.parameters(), lr=0.01)
    images = torch.randn(32, 1, 28, 28)
    labels = torch.randint(0, 10, (32,))

    def step() -> None:
        optim.zero_grad()
        criterion(model(images), labels).backward()
        optim.step()

    return step


def elementwise_4m(torch: Any) -> Step:
    x = torch.rand(4_000_000, requires_grad=True)

    def step() -> None:
        (torch.exp(-x * x / 2) * torch.sin(3 * x) + torch.tanh(x)).sum().backward()
        x.grad = None

    return step


def hessian_of_20(torch: Any) -> Step:
    x = torch.rand(20)

    def rosenbrock(x: Any) -> Any:
        return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()

    def step() -> None:
        torch.autograd.functional.hessian(rosenbrock, x)

    return step


def _double_backward(torch: Any, sizes: tuple[int, ...]) -> Step:
    """Gradient penalty of a tanh network: backward of a recorded backward."""
    nn = torch.nn
    torch.manual_seed(0)
    layers: list[Any] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.Tanh()]
    model = nn.Sequential(*layers[:-1])
    x = torch.randn(8, sizes[0], requires_grad=True)

    def step() -> None:
        (slope,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
        (slope**2).sum().backward()
        model.zero_grad()
        x.grad = None

    return step


def double_backward(torch: Any) -> Step:
    return _double_backward(torch, (4, 16, 1))


def double_backward_deeper(torch: Any) -> Step:
    return _double_backward(torch, (4, 16, 16, 1))


def _per_sample(torch: Any, sizes: tuple[int, ...], batch: int) -> Step:
    from_func = __import__(f"{torch.__name__}.func", fromlist=["vmap"])
    nn = torch.nn
    torch.manual_seed(0)
    layers: list[Any] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    criterion = nn.CrossEntropyLoss()
    params = {name: p.detach() for name, p in model.named_parameters()}
    images = torch.randn(batch, sizes[0])
    labels = torch.randint(0, sizes[-1], (batch,))

    def loss(params: Any, image: Any, label: Any) -> Any:
        scores = from_func.functional_call(model, params, (image.unsqueeze(0),))
        return criterion(scores, label.unsqueeze(0))

    gradients = from_func.vmap(from_func.grad(loss), in_dims=(None, 0, 0))
    return lambda: gradients(params, images, labels)


def per_sample_mlp(torch: Any) -> Step:
    return _per_sample(torch, (784, 128, 64, 10), 64)


def per_sample_small(torch: Any) -> Step:
    return _per_sample(torch, (16, 32, 10), 32)


def sixth_derivative(torch: Any) -> Step:
    """Of a small network of one variable, by nesting func.grad."""
    from_func = __import__(f"{torch.__name__}.func", fromlist=["grad"])
    torch.manual_seed(0)
    inner, outer = torch.randn(8), torch.randn(8)

    def network(t: Any) -> Any:
        return (torch.tanh(t * inner) * outer).sum()

    nested = network
    for _ in range(6):
        nested = from_func.grad(nested)
    t = torch.tensor(0.3)
    return lambda: nested(t)


def func_hessian(torch: Any) -> Step:
    from_func = __import__(f"{torch.__name__}.func", fromlist=["hessian"])
    x = torch.rand(20)
    hessian = from_func.hessian(lambda v: (v.tanh() * v.exp()).sum())
    return lambda: hessian(x)


# name -> (case, steps in one timing, the ratio that has to hold, or None for information)
CASES: dict[str, tuple[Callable[[Any], Step], int, float | None]] = {
    "small graph (x*y+y).tanh().sum().backward(), 10 elements": (small_graph, 1000, 2.2),
    "chain of 100 z*1.01, forward and backward": (chain_of_100, 50, 1.8),
    "MLP 784-128-64-10 step, batch 64, SGD": (mlp_sgd, 100, 1.5),
    "MLP 784-128-64-10 step, batch 64, AdamW": (mlp_adamw, 100, 1.3),
    "CNN 8-16 channels on 28x28 step, batch 32, SGD": (cnn_step, 10, None),
    "exp, sin, tanh over 4 M elements, forward and backward": (elementwise_4m, 1, None),
    "functional.hessian of 20 variables": (hessian_of_20, 20, 3.0),
    "double backward of a tanh network 4-16-1, batch 8": (double_backward, 100, 1.5),
    "double backward of a tanh network 4-16-16-1, batch 8": (double_backward_deeper, 100, None),
    "per-sample gradients of the MLP 784-128-64-10, batch 64": (per_sample_mlp, 3, 1.0),
    "per-sample gradients of an MLP 16-32-10, batch 32": (per_sample_small, 20, 1.0),
    "6th derivative of a small network, nested func.grad": (sixth_derivative, 5, 1.0),
    "func.hessian of 20 variables": (func_hessian, 20, None),
}
