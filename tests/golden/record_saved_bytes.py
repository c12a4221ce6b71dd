"""Prints the bytes torch keeps for the steps of tests/autograd/test_memory.py; run by hand.

/path/to/python-with-torch tests/golden/record_saved_bytes.py
"""

from __future__ import annotations

import torch
from torch import nn


def saved_bytes(make_loss) -> int:
    """Bytes of the distinct storages that torch saves, parameters aside."""
    kept = {}

    def pack(t):
        if not (t.requires_grad and t.is_leaf) and not isinstance(t, nn.Parameter):
            storage = t.untyped_storage()
            if storage.data_ptr() not in parameters:
                kept[storage.data_ptr()] = (storage.nbytes(), t)
        return t

    model, inputs, labels = make_loss()
    parameters = {p.untyped_storage().data_ptr() for p in model.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        loss = nn.functional.cross_entropy(model(inputs), labels)
    assert loss.requires_grad
    return sum(size for size, _ in kept.values())


def mlp():
    model = nn.Sequential(
        nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
    )
    return model, torch.randn(64, 784), torch.randint(0, 10, (64,))


def cnn():
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
    return model, torch.randn(32, 1, 28, 28), torch.randint(0, 10, (32,))


if __name__ == "__main__":
    for case in (mlp, cnn):
        print(case.__name__, saved_bytes(case))
