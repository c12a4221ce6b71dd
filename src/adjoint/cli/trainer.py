"""Floor 5: the training loop of `adjoint train`, its checkpoints, and exact continuation.

A checkpoint holds the model, the optimizer, the schedule, the history and the state of the random
stream, at any batch: a continued run ends in the same bits as one that was never stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import adjoint as torch
from adjoint import nn
from adjoint.data import BatchSampler, DataLoader, RandomSampler

from .networks import load_data, make_model

CHECKPOINT = "checkpoint.safetensors"
MODEL = "model.safetensors"
METRICS = "metrics.jsonl"
# What must not differ when a run is continued: it would not be the same run.
FIXED = ("data", "model", "epochs", "batch_size", "optimizer", "lr", "seed")


class UserError(Exception):
    """Something the user can mend; told in one line."""


class Interrupted(Exception):
    """Ctrl-C, after the state was saved."""


class Trainer:
    """One run: `prepare` checks and sets up, `train` runs and reports."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.out: Path = args.out
        self.settings = {name: getattr(args, name) for name in FIXED}
        self.epoch = 0
        self.batches_done = 0
        self.running = {"loss": 0.0, "correct": 0, "seen": 0}
        self.history: list[dict[str, Any]] = []
        self.epoch_start: Any = None  # random state at the start of the epoch
        self.interrupted = False

    def prepare(self) -> None:
        """Check the folder, load the data, build everything, and restore when resuming."""
        self._check_folder()
        if not self.args.no_plots:
            self._check_plots()
        torch.manual_seed(self.args.seed)
        self.train_set, self.test_set = load_data(self.args)
        self.model = make_model(self.args.model, self.train_set)
        self.optimizer = self._make_optimizer()
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
            self.optimizer, T_max=self.args.epochs
        )
        self.criterion = nn.CrossEntropyLoss()
        if self.args.resume:
            self._restore()

    def _check_folder(self) -> None:
        if self.args.resume:
            if not (self.out / CHECKPOINT).exists():
                raise UserError(
                    f"nothing to resume: {self.out / CHECKPOINT} does not exist; start without "
                    "--resume, or name the run folder with --out"
                )
            return
        self.out.mkdir(parents=True, exist_ok=True)
        if not os.access(self.out, os.W_OK):
            raise UserError(f"the run folder {self.out} cannot be written; choose another --out")

    def _check_plots(self) -> None:
        from .reports import has_matplotlib

        if not has_matplotlib():
            raise UserError(
                "pictures need matplotlib: pip install 'adjoint[plots]', or train with --no-plots"
            )

    def _make_optimizer(self) -> Any:
        parameters = self.model.parameters()
        if self.args.optimizer == "sgd":
            return torch.optim.SGD(parameters, lr=self.args.lr, momentum=0.9)
        kind = torch.optim.AdamW if self.args.optimizer == "adamw" else torch.optim.Adam
        return kind(parameters, lr=self.args.lr)

    def train(self) -> float:
        """Run the epochs that are left; returns the accuracy on the test set, in [0, 1]."""
        start = time.perf_counter()
        if self.epoch == 0 and self.batches_done == 0:
            (self.out / METRICS).write_text("")
            self._print_start()
        with self._ctrl_c_waits_for_the_step():
            while self.epoch < self.args.epochs:
                self._run_epoch()
        torch.save(self.model.state_dict(), self.out / MODEL)
        accuracy = self.history[-1]["test_accuracy"]
        self._report()
        print(f"{self.args.epochs} epochs in {time.perf_counter() - start:.1f} s -> {self.out}/")
        return float(accuracy)

    @contextlib.contextmanager
    def _ctrl_c_waits_for_the_step(self) -> Iterator[None]:
        """Let Ctrl-C act between two steps, where the state is whole; a second one acts at once."""

        def note(signum: int, frame: Any) -> None:
            if self.interrupted:
                raise KeyboardInterrupt
            self.interrupted = True

        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread may set handlers
            return
        before = signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _stop_if_interrupted(self) -> None:
        if self.interrupted:
            self._save()
            raise Interrupted(
                f"interrupted in epoch {self.epoch + 1}, saved; continue with the same command and "
                "--resume"
            )

    def _print_start(self) -> None:
        count = sum(p.numel() for p in self.model.parameters())
        print(
            f"{self.args.data}: {len(self.train_set)} images to train on, {len(self.test_set)} to "
            f"test on; {self.args.model} with {count:,} parameters"
        )

    def _batches(self) -> list[list[int]]:
        """The epoch's batches: the order is drawn from the random stream at the epoch's start."""
        if self.epoch_start is None:
            self.epoch_start = torch.get_rng_state()
        else:
            torch.set_rng_state(self.epoch_start)
        return list(BatchSampler(RandomSampler(self.train_set), self.args.batch_size, False))

    def _run_epoch(self) -> None:
        resumed = torch.get_rng_state() if self.batches_done else None
        batches = self._batches()
        loader: Any = iter(DataLoader(self.train_set, batch_sampler=batches[self.batches_done :]))
        if resumed is not None:
            torch.set_rng_state(resumed)
        self.model.train()
        with self._bar(len(batches)) as bar:
            for images, labels in loader:
                self._step(images, labels)
                bar.update(1)
                bar.set_postfix(self._summary(), refresh=False)
                if self.batches_done < len(batches):
                    self._stop_if_interrupted()
        self._end_epoch()
        if self.epoch < self.args.epochs:
            self._stop_if_interrupted()

    def _step(self, images: Any, labels: Any) -> None:
        """One update. Nothing the checkpoint holds changes before the step is whole."""
        self.optimizer.zero_grad()
        scores = self.model(images)
        loss = self.criterion(scores, labels)
        loss.backward()
        value = loss.item()
        if value != value:
            raise UserError(
                f"the loss became NaN in epoch {self.epoch + 1}; try a smaller --lr than "
                f"{self.args.lr:g}"
            )
        self.optimizer.step()
        self.batches_done += 1
        self.running["loss"] += value * len(labels)
        self.running["correct"] += int((scores.argmax(1) == labels).sum())
        self.running["seen"] += len(labels)

    def _summary(self) -> dict[str, str]:
        seen = max(self.running["seen"], 1)
        return {
            "loss": f"{self.running['loss'] / seen:.4f}",
            "accuracy": f"{100 * self.running['correct'] / seen:.1f}%",
        }

    def _bar(self, total: int) -> Any:
        from tqdm import tqdm

        return tqdm(
            total=total,
            initial=self.batches_done,
            desc=f"epoch {self.epoch + 1}/{self.args.epochs}",
            disable=True if self.args.quiet else None,  # None: only on a terminal
            leave=False,
        )

    def _end_epoch(self) -> None:
        seen = self.running["seen"]
        scores, labels = self.predict()
        row = {
            "epoch": self.epoch + 1,
            "lr": self.schedule.get_last_lr()[0],
            "train_loss": self.running["loss"] / seen,
            "train_accuracy": self.running["correct"] / seen,
            "test_loss": float(nn.functional.cross_entropy(scores, labels)),
            "test_accuracy": float((scores.argmax(1) == labels).float().mean()),
        }
        self.history.append(row)
        self.schedule.step()
        self.epoch += 1
        self.batches_done = 0
        self.running = {"loss": 0.0, "correct": 0, "seen": 0}
        self.epoch_start = None
        self._save()
        with open(self.out / METRICS, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(r) + "\n" for r in self.history)
        if not self.args.quiet:
            print(
                f"epoch {row['epoch']:3}/{self.args.epochs}  loss {row['train_loss']:.4f}  "
                f"train {100 * row['train_accuracy']:6.2f} %  test "
                f"{100 * row['test_accuracy']:6.2f} %",
                flush=True,
            )

    def predict(self) -> tuple[Any, Any]:
        """Scores and labels of the test set."""
        self.model.eval()
        scores, labels = [], []
        with torch.no_grad():
            batches: Any = DataLoader(self.test_set, batch_size=256, generator=torch.Generator())
            for images, targets in batches:
                scores.append(self.model(images))
                labels.append(targets)
        return torch.cat(scores), torch.cat(labels)

    def _save(self) -> None:
        torch.save(
            {
                "settings": self.settings,
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "epoch": self.epoch,
                "batches_done": self.batches_done,
                "running": self.running,
                "history": self.history,
                "epoch_start": self.epoch_start,
                "random": torch.get_rng_state(),
            },
            self.out / CHECKPOINT,
        )

    def _restore(self) -> None:
        try:
            found = torch.load(self.out / CHECKPOINT)
        except (RuntimeError, ValueError) as error:
            raise UserError(f"cannot resume: {error}") from error
        for name, value in found["settings"].items():
            if self.settings[name] != value:
                raise UserError(
                    f"cannot resume {self.out}: it was started with --{name.replace('_', '-')} "
                    f"{value}, not {self.settings[name]}; use the same, or another --out"
                )
        self.model.load_state_dict(found["model"])
        self.optimizer.load_state_dict(found["optimizer"])
        self.schedule.load_state_dict(found["schedule"])
        self.epoch, self.batches_done = found["epoch"], found["batches_done"]
        self.running, self.history = found["running"], found["history"]
        self.epoch_start = found["epoch_start"]
        torch.set_rng_state(found["random"])

    def _report(self) -> None:
        from . import reports

        scores, labels = self.predict()
        reports.draw_graph(self.model, self.test_set, self.out)
        if not self.args.no_plots:
            reports.draw_all(self.history, scores, labels, self.test_set, self.out)
