"""`adjoint train`: a run folder, exact continuation, and early clear errors."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pytest

import adjoint as torch
from adjoint.cli import main
from adjoint.cli.trainer import CHECKPOINT, METRICS, MODEL, Trainer

QUICK = ["--epochs", "2", "--model", "mlp", "--batch-size", "128", "--quiet"]


def train(out: Path, *options: str) -> int:
    return main(["train", *QUICK, "--out", str(out), *options])


def test_the_run_folder(tmp_path, capsys) -> None:
    assert train(tmp_path) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("test accuracy: ")
    rows = [json.loads(line) for line in (tmp_path / METRICS).read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2]
    assert rows[1]["train_loss"] < rows[0]["train_loss"]
    assert set(torch.load(tmp_path / MODEL)) == {
        f"{layer}.{name}" for layer in (1, 3, 5) for name in ("weight", "bias")
    }
    for picture in ("curves", "confusion", "misclassified"):
        assert (tmp_path / f"{picture}.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert "AddmmBackward0" in (tmp_path / "graph.svg").read_text()


def test_the_same_seed_gives_the_same_model(tmp_path) -> None:
    for name in ("a", "b"):
        assert train(tmp_path / name, "--no-plots") == 0
    a, b = (torch.load(tmp_path / name / MODEL) for name in ("a", "b"))
    assert all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize("model", ["mlp", "cnn"])
@pytest.mark.parametrize("stop_after", [3, 12, 17])
def test_an_interrupted_run_continues_exactly(tmp_path, monkeypatch, stop_after, model) -> None:
    options = ("--no-plots", "--model", model)
    assert train(tmp_path / "whole", *options) == 0
    steps = 0
    original = Trainer._step

    def interrupted(self, images, labels):
        nonlocal steps
        steps += 1
        if steps == stop_after:
            signal.raise_signal(signal.SIGINT)  # in the middle of a step
        original(self, images, labels)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", interrupted)
        assert train(tmp_path / "stopped", *options) == 130
    assert train(tmp_path / "stopped", "--resume", *options) == 0
    whole, stopped = (torch.load(tmp_path / name / MODEL) for name in ("whole", "stopped"))
    for key in whole:
        np.testing.assert_array_equal(whole[key].numpy(), stopped[key].numpy())
    assert (tmp_path / "whole" / METRICS).read_text() == (
        tmp_path / "stopped" / METRICS
    ).read_text()


def test_resuming_nothing(tmp_path, capsys) -> None:
    assert train(tmp_path / "none", "--resume") == 1
    assert "nothing to resume" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_resuming_with_other_settings(tmp_path, capsys) -> None:
    assert train(tmp_path, "--no-plots") == 0
    before = (tmp_path / CHECKPOINT).read_bytes()
    assert train(tmp_path, "--no-plots", "--resume", "--lr", "0.5") == 1
    assert "--lr" in capsys.readouterr().err
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def test_resuming_a_corrupt_checkpoint(tmp_path, capsys) -> None:
    assert train(tmp_path, "--no-plots") == 0
    data = bytearray((tmp_path / CHECKPOINT).read_bytes())
    data[-3] ^= 0xFF
    (tmp_path / CHECKPOINT).write_bytes(data)
    assert train(tmp_path, "--no-plots", "--resume") == 1
    assert "cannot resume" in capsys.readouterr().err


def test_mnist_needs_a_root(tmp_path, capsys) -> None:
    assert train(tmp_path, "--data", "mnist") == 1
    assert "--root" in capsys.readouterr().err


def test_mnist_files_that_are_not_there(tmp_path, capsys) -> None:
    assert train(tmp_path / "out", "--data", "mnist", "--root", str(tmp_path)) == 1
    assert "download" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [("--epochs", "0"), ("--lr", "-1"), ("--lr", "nan"), ("--batch-size", "x"), ("--data", "none")],
)
def test_wrong_options_are_refused(tmp_path, options) -> None:
    with pytest.raises(SystemExit) as caught:
        train(tmp_path / "out", *options)
    assert caught.value.code == 2
    assert not (tmp_path / "out").exists()


def test_a_diverging_run_says_so(tmp_path, capsys) -> None:
    assert train(tmp_path, "--no-plots", "--optimizer", "sgd", "--lr", "1e12") == 1
    assert "smaller --lr" in capsys.readouterr().err


def test_plots_need_matplotlib(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr("adjoint.cli.reports.has_matplotlib", lambda: False)
    assert train(tmp_path) == 1
    assert "adjoint[plots]" in capsys.readouterr().err
