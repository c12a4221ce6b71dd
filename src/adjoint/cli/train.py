"""Floor 5: `adjoint train`: trains an image classifier and leaves a run folder.

This file is the command line: it checks everything it can before anything is trained. The loop
is in `trainer.py`, the run folder's reports in `reports.py`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

DATA = ("digits", "mnist", "fashion-mnist")
MODELS = ("mlp", "cnn")
OPTIMIZERS = ("adamw", "adam", "sgd")


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Add the `train` subcommand to the command line."""
    parser = subparsers.add_parser(
        "train",
        help="train an image classifier",
        description="Train an image classifier: by default a small convolutional network on the "
        "1,797 handwritten digits that come with the package.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data", choices=DATA, default="digits", help="what to train on")
    add("--root", type=Path, default=None, help="folder with the MNIST files (for --data mnist)")
    add("--download", action="store_true", help="download the MNIST files into --root first")
    add("--model", choices=MODELS, default="cnn", help="the network")
    add("--epochs", type=_positive_int, default=10, help="passes over the training data")
    add("--batch-size", type=_positive_int, default=32, help="images in one step")
    add("--optimizer", choices=OPTIMIZERS, default="adamw", help="how parameters are updated")
    add("--lr", type=_positive_float, default=3e-3, help="learning rate at the start")
    add("--seed", type=int, default=0, help="seed of everything random")
    add("--threads", type=_positive_int, default=1, help="BLAS threads; more help large models")
    add("--out", type=Path, default=Path("runs/latest"), help="the run folder")
    add("--resume", action="store_true", help="continue the run in the run folder exactly")
    add("--no-plots", action="store_true", help="make no pictures")
    add("--quiet", action="store_true", help="no progress bar")
    return parser


def _positive_int(text: str) -> int:
    value = int(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"expected a positive whole number, got {text}")
    return value


def _positive_float(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a positive number, got {text}")
    return value


def main(args: argparse.Namespace) -> int:
    """Train; returns 0, 1 when something the user can mend was wrong, 130 after Ctrl-C."""
    from adjoint.arrays.threads import get_num_threads, set_num_threads

    from .trainer import Interrupted, Trainer, UserError

    threads = get_num_threads()
    try:
        # The networks here are small: on a busy machine a second thread made them 3 times slower.
        set_num_threads(args.threads)
        trainer = Trainer(args)
        trainer.prepare()
        accuracy = trainer.train()
    except Interrupted as stop:
        print(f"\n{stop}", file=sys.stderr)
        return 130
    except (UserError, OSError) as error:
        print(f"adjoint train: {error}", file=sys.stderr)
        return 1
    finally:
        set_num_threads(threads)
    print(f"test accuracy: {100 * accuracy:.2f} %")
    return 0
