"""Floor 5: the data sets and networks that `adjoint train` offers."""

from __future__ import annotations

import argparse
import math
from typing import Any

from adjoint import nn
from adjoint.vision import datasets, transforms


def load_data(args: argparse.Namespace) -> tuple[Any, Any]:
    """Training and test set; training images are shifted a little at random."""
    from .trainer import UserError

    if args.data == "digits":
        return (
            datasets.Digits(train=True, transform=_transform(8, True)),
            datasets.Digits(train=False, transform=_transform(8, False)),
        )
    if args.root is None:
        raise UserError(
            f"--data {args.data} needs --root DIR, the folder with the MNIST files (or an empty "
            "one, with --download)"
        )
    kind = datasets.MNIST if args.data == "mnist" else datasets.FashionMNIST
    try:
        return (
            kind(args.root, train=True, transform=_transform(28, True), download=args.download),
            kind(args.root, train=False, transform=_transform(28, False)),
        )
    except (RuntimeError, TypeError, ValueError) as error:
        raise UserError(str(error)) from error


def _transform(size: int, train: bool) -> Any:
    steps: list[Any] = [transforms.RandomCrop(size, padding=size // 8)] if train else []
    return transforms.Compose([*steps, transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])


def make_model(name: str, data: Any) -> nn.Module:
    """An untrained network for the images of a data set."""
    shape = tuple(data[0][0].shape)
    classes = len(data.classes)
    return (_mlp if name == "mlp" else _cnn)(shape, classes)


def _mlp(shape: tuple[int, ...], classes: int) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(math.prod(shape), 128),
        nn.ReLU(),
        nn.Linear(128, 64),
        nn.ReLU(),
        nn.Linear(64, classes),
    )


def _cnn(shape: tuple[int, ...], classes: int) -> nn.Module:
    channels, height, width = shape
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(32 * (height // 2) * (width // 2), 64),
        nn.ReLU(),
        nn.Linear(64, classes),
    )
