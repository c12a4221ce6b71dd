"""Floor 5: the pictures in a run folder: curves, confusion matrix, misclassified images, graph."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

import adjoint as torch
from adjoint import nn, viz


def has_matplotlib() -> bool:
    """Whether the extra `plots` is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def draw_all(history: Any, scores: Any, labels: Any, test_set: Any, out: Path) -> None:
    """Every picture that matplotlib makes."""
    predictions = scores.argmax(1).numpy()
    targets = labels.numpy()
    draw_curves(history, out / "curves.png")
    draw_confusion(targets, predictions, list(test_set.classes), out / "confusion.png")
    draw_mistakes(test_set, targets, predictions, out / "misclassified.png")


def _figure(width: float, height: float) -> Any:
    """A figure that needs no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", dpi=120)
    FigureCanvasAgg(figure)
    return figure


def draw_curves(history: list[dict[str, Any]], path: Path) -> None:
    """Loss and accuracy of both sets by epoch."""
    figure = _figure(9, 3.5)
    epochs = [row["epoch"] for row in history]
    for axes, quantity, scale in zip(
        figure.subplots(1, 2), ("loss", "accuracy"), (1, 100), strict=True
    ):
        for part in ("train", "test"):
            values = [scale * row[f"{part}_{quantity}"] for row in history]
            axes.plot(epochs, values, marker=".", label=part)
        axes.set_xlabel("epoch")
        axes.set_ylabel("loss" if quantity == "loss" else "accuracy, %")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path)


def confusion_matrix(targets: Any, predictions: Any, classes: int) -> Any:
    """counts[i, j]: images of class i that were taken for class j."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (targets, predictions), 1)
    return counts


def draw_confusion(targets: Any, predictions: Any, classes: list[str], path: Path) -> None:
    """The confusion matrix as a table of counts, coloured by share of the row."""
    counts = confusion_matrix(targets, predictions, len(classes))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = _figure(6, 5.5)
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for i, j in np.ndindex(counts.shape):
        if counts[i, j]:
            colour = "white" if shares[i, j] > 0.5 else "black"
            axes.text(j, i, str(counts[i, j]), ha="center", va="center", color=colour, fontsize=8)
    ticks = range(len(classes))
    axes.set_xticks(ticks, classes, rotation=45 if max(map(len, classes)) > 2 else 0)
    axes.set_yticks(ticks, classes)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    accuracy = 100 * np.trace(counts) / max(counts.sum(), 1)
    axes.set_title(f"{accuracy:.2f} % of {counts.sum()} test images")
    figure.savefig(path)


def draw_mistakes(test_set: Any, targets: Any, predictions: Any, path: Path) -> None:
    """Up to 40 misclassified images, with the true and the predicted class."""
    wrong = np.flatnonzero(targets != predictions)
    shown = wrong[:40]
    columns = 8
    rows = max(1, -(-len(shown) // columns))
    figure = _figure(columns * 1.1, rows * 1.4 + 0.5)
    figure.suptitle(f"{len(wrong)} of {len(targets)} test images misclassified")
    axes = figure.subplots(rows, columns, squeeze=False)
    for place in axes.flat:
        place.axis("off")
    for place, index in zip(axes.flat, shown, strict=False):
        place.imshow(test_set.data[int(index)].numpy(), cmap="gray_r")
        true, taken = test_set.classes[targets[index]], test_set.classes[predictions[index]]
        place.set_title(f"{true} → {taken}", fontsize=8)
    figure.savefig(path)


def draw_graph(model: nn.Module, data: Any, out: Path) -> None:
    """The autograd graph of one training step, as SVG."""
    images, labels = zip(*(data[i] for i in range(2)), strict=True)
    model.eval()
    loss = nn.functional.cross_entropy(model(torch.stack(images)), torch.tensor(labels))
    (out / "graph.svg").write_text(viz.graph(loss, model).svg(), encoding="utf-8")
