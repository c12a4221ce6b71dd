"""What is kept alive, for how long, and that deep graphs neither recurse nor leak."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

import adjoint as torch
from adjoint import nn
from adjoint.autograd.tape import OperationNode


@pytest.fixture
def collector_off() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def saved_bytes(loss: torch.Tensor) -> int:
    """Bytes of the distinct buffers that the graph behind `loss` keeps, parameters aside."""
    kept = {}
    stack, seen = [loss.grad_fn], set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node, OperationNode):
            for t in node.saved:
                array = t._data
                while array.base is not None and isinstance(array.base, np.ndarray):
                    array = array.base
                if not (t.requires_grad and t.is_leaf):
                    kept[id(array)] = array.nbytes
        stack.extend(following for following, _ in node.edges)
    return sum(kept.values())


def mlp_loss() -> torch.Tensor:
    model = nn.Sequential(
        nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
    )
    return nn.functional.cross_entropy(model(torch.randn(64, 784)), torch.randint(0, 10, (64,)))


def cnn_loss() -> torch.Tensor:
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(16 * 7 * 7, 10),
    )
    return nn.functional.cross_entropy(
        model(torch.randn(32, 1, 28, 28)), torch.randint(0, 10, (32,))
    )


# What torch 2.13 keeps for the same steps (torch.autograd.graph.saved_tensors_hooks, distinct
# storages, parameters aside); `tests/golden/record_saved_bytes.py` prints these numbers.
TORCH_SAVED_BYTES = {mlp_loss: 252_932, cnn_loss: 3_112_580}


@pytest.mark.parametrize("loss", [mlp_loss, cnn_loss])
def test_saves_no_more_than_torch(loss) -> None:
    assert 0 < saved_bytes(loss()) <= TORCH_SAVED_BYTES[loss]


def test_nothing_of_a_step_stays_alive(collector_off) -> None:
    loss = cnn_loss()
    nodes, stack = [], [loss.grad_fn]
    while stack:
        node = stack.pop()
        nodes.append(weakref.ref(node))
        stack.extend(following for following, _ in node.edges)
    del node
    loss.backward()
    del loss
    assert [n() for n in nodes if n() is not None] == []


def test_outputs_go_without_the_collector(collector_off) -> None:
    x = torch.ones(3, requires_grad=True)
    y = x.exp().tanh()
    watched = weakref.ref(y)
    del y
    assert watched() is None


def test_the_graph_goes_with_its_result_even_without_backward(collector_off) -> None:
    x = torch.ones(3, requires_grad=True)
    y = (x * x).exp()
    node = weakref.ref(y.grad_fn)
    del y
    assert node() is None


MILLION = """
import adjoint as torch

x = torch.ones(1, requires_grad=True)
z = x
for _ in range(1_000_000):
    z = z + 0.0
z.sum().backward()
print(x.grad.item())
del z
"""


def test_a_chain_of_a_million_nodes() -> None:
    """Backward and freeing are iterative: no recursion limit, no stack overflow.

    In a process of its own, because a stack overflow would take the tests with it.
    """
    done = subprocess.run([sys.executable, "-c", MILLION], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "1.0\n")


def test_saved_values_go_as_backward_passes_them() -> None:
    x = torch.ones(2, requires_grad=True)
    a = x * x
    b = a.exp()
    inner = a.grad_fn
    seen = []
    a.register_hook(lambda g: seen.append(b.grad_fn.saved))
    b.sum().backward()
    assert seen == [None]
    assert inner.saved is None
