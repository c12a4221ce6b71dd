"""The DataLoader's options, and what its workers do when something goes wrong."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import adjoint as torch
from adjoint import data

BAD = 7


class Numbers(data.Dataset[Any]):
    def __init__(self, n: int = 20) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Any:
        return index


class Raising(Numbers):
    """Raises at one sample; classes that are hard to make again, too."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def __getitem__(self, index: int) -> Any:
        if index == BAD:
            raise self.error
        return index


class Stubborn(Exception):
    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"{a} and {b}")


class Dying(Numbers):
    def __getitem__(self, index: int) -> Any:
        if index == BAD:
            os.kill(os.getpid(), signal.SIGKILL)
        return index


class Slow(Numbers):
    def __getitem__(self, index: int) -> Any:
        time.sleep(30)
        return index


class Uneven(Numbers):
    """Later samples are ready first."""

    def __getitem__(self, index: int) -> Any:
        time.sleep(0.1 if index == 0 else 0)
        return index


class Arrays(Numbers):
    def __getitem__(self, index: int) -> Any:
        return {
            "big": torch.tensor(np.full((200, 300), index, np.float32)),
            "transposed": torch.tensor(np.arange(6.0).reshape(2, 3)).t(),
            "half": torch.tensor(np.array([index, 0.5], ml_dtypes.bfloat16)),
            "empty": torch.tensor(np.zeros((0, 3), np.int64)),
            "scalar": torch.tensor(index),
            "text": "abc",
        }


class Parts(data.IterableDataset[int]):
    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Any:
        info = data.get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        return iter(range(first, self.n, step))


def first(batch: list[Any]) -> Any:
    return batch[0]


def fail_to_start(worker: int) -> None:
    raise ZeroDivisionError("no start")


def numbers(loader: Any) -> list[list[int]]:
    return [batch.tolist() for batch in loader]


@pytest.mark.parametrize("workers", [0, 2])
def test_batches(workers: int) -> None:
    loader = data.DataLoader(Numbers(7), batch_size=3, num_workers=workers)
    assert numbers(loader) == [[0, 1, 2], [3, 4, 5], [6]]
    assert len(loader) == 3
    loader = data.DataLoader(Numbers(7), batch_size=3, drop_last=True, num_workers=workers)
    assert numbers(loader) == [[0, 1, 2], [3, 4, 5]]
    assert len(loader) == 2
    loader = data.DataLoader(Numbers(3), batch_size=None, num_workers=workers)
    assert list(loader) == [0, 1, 2]
    loader = data.DataLoader(Numbers(), batch_sampler=[[4, 2], [0]], num_workers=workers)
    assert numbers(loader) == [[4, 2], [0]]
    loader = data.DataLoader(Numbers(), sampler=[5, 1], num_workers=workers, collate_fn=first)
    assert list(loader) == [5, 1]


def test_streams() -> None:
    assert numbers(data.DataLoader(Parts(5), batch_size=2)) == [[0, 1], [2, 3], [4]]
    assert numbers(data.DataLoader(Parts(5), batch_size=2, drop_last=True)) == [[0, 1], [2, 3]]
    assert list(data.DataLoader(Parts(3), batch_size=None)) == [0, 1, 2]
    for batch_size, drop_last, length in ((2, False, 3), (2, True, 2), (None, False, 5)):
        loader = data.DataLoader(Parts(5), batch_size=batch_size, drop_last=drop_last)
        assert len(loader) == length
    loader = data.DataLoader(Parts(9), batch_size=2, num_workers=2, persistent_workers=True)
    for _ in range(2):  # torch's order: the workers take turns, and one ends before the other
        assert numbers(loader) == [[0, 2], [1, 3], [4, 6], [5, 7], [8]]


def test_a_stream_longer_than_it_says_warns() -> None:
    stream = Parts(3)
    loader = data.DataLoader(stream, batch_size=None)
    assert len(loader) == 3
    stream.n = 4
    with pytest.warns(UserWarning, match="was reported to be 3.*but 4 samples"):
        assert list(loader) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"num_workers": -1}, ValueError, "num_workers option should be non-negative"),
        ({"timeout": -1}, ValueError, "timeout option should be non-negative"),
        ({"prefetch_factor": 2}, ValueError, "could only be specified in multiprocessing"),
        ({"prefetch_factor": 0, "num_workers": 1}, ValueError, "prefetch_factor"),
        ({"persistent_workers": True}, ValueError, "needs num_workers > 0"),
        ({"multiprocessing_context": "fork"}, ValueError, "multi-process loading"),
        ({"multiprocessing_context": "x", "num_workers": 1}, ValueError, "valid start method"),
        ({"multiprocessing_context": 3, "num_workers": 1}, TypeError, "valid context object"),
        ({"sampler": [0], "shuffle": True}, ValueError, "mutually exclusive with shuffle"),
        ({"batch_sampler": [[0]], "batch_size": 2}, ValueError, "batch_sampler option"),
        ({"batch_sampler": [[0]], "drop_last": True}, ValueError, "batch_sampler option"),
        ({"batch_size": None, "drop_last": True}, ValueError, "disables auto-batching"),
        ({"batch_size": 0}, ValueError, "batch_size=0"),
    ],
)
def test_contradictions_are_told(options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        data.DataLoader(Numbers(), **options)


@pytest.mark.parametrize("option", [{"shuffle": True}, {"sampler": [1]}, {"batch_sampler": [[1]]}])
def test_streams_have_no_other_order(option: Any) -> None:
    with pytest.raises(ValueError, match="DataLoader with IterableDataset: expected unspecified"):
        data.DataLoader(Parts(3), **option)


def test_other_warnings_and_refusals() -> None:
    loader = data.DataLoader(Numbers())
    with pytest.raises(ValueError, match="batch_size attribute should not be set"):
        loader.batch_size = 3
    with pytest.raises(NotImplementedError, match="cannot be pickled"):
        iter(loader).__getstate__()
    with pytest.warns(UserWarning, match="no accelerator is found"):
        next(iter(data.DataLoader(Numbers(), pin_memory=True)))
    with pytest.warns(UserWarning, match="will create 500 worker processes"):
        data.DataLoader(Numbers(), num_workers=500)
    with pytest.raises(AssertionError, match="timeout"):
        iter(data.DataLoader(Numbers(), timeout=1))
    assert len(iter(loader)) == 20


def test_arrays_come_back_from_workers_as_they_were() -> None:
    for i, sample in enumerate(data.DataLoader(Arrays(3), batch_size=None, num_workers=2)):
        expected = Arrays()[i]
        assert sample.keys() == expected.keys()
        assert sample["text"] == "abc"
        for key in expected.keys() - {"text"}:
            assert sample[key].dtype is expected[key].dtype
            np.testing.assert_array_equal(sample[key].numpy(), expected[key].numpy())
        assert sample["big"].numpy().flags.writeable


def test_long_lists_of_indices_do_not_block() -> None:
    loader = data.DataLoader(range(400_000), batch_size=100_000, num_workers=1, collate_fn=len)
    assert list(loader) == [100_000] * 4


def test_what_is_ready_first_comes_first_when_allowed() -> None:
    in_order = data.DataLoader(Uneven(6), num_workers=2)
    assert numbers(in_order) == [[i] for i in range(6)]
    loose = numbers(data.DataLoader(Uneven(6), num_workers=2, in_order=False))
    assert sorted(loose) == [[i] for i in range(6)]
    assert loose[0] != [0]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (KeyError("missing"), KeyError),
        (ValueError("bad value"), ValueError),
        (Stubborn(1, 2), RuntimeError),
        (UnicodeDecodeError("utf-8", b"x", 0, 1, "why"), RuntimeError),
    ],
    ids=lambda e: type(e).__name__,
)
def test_errors_of_workers_are_raised_here(error: Exception, expected: type[Exception]) -> None:
    loader = data.DataLoader(Raising(error), batch_size=4, num_workers=2)
    batches = iter(loader)
    assert next(batches).tolist() == [0, 1, 2, 3]
    with pytest.raises(expected) as caught:
        next(batches)
    text = str(caught.value)
    assert f"Caught {type(error).__name__} in DataLoader worker process 1.\nOriginal Trace" in text
    assert "raise self.error" in text
    assert str(error) in text
    assert next(batches).tolist() == [8, 9, 10, 11]


def test_classes_that_only_the_worker_knows_become_runtime_errors() -> None:
    class Local(Exception):
        pass

    with pytest.raises(RuntimeError, match="Caught Local in DataLoader worker process 0"):
        list(data.DataLoader(Raising(Local("x")), batch_size=20, num_workers=1))


def test_an_error_in_worker_init_is_raised_here() -> None:
    loader = data.DataLoader(Numbers(), num_workers=1, worker_init_fn=fail_to_start)
    with pytest.raises(ZeroDivisionError, match="no start"):
        next(iter(loader))


def test_a_batch_that_cannot_be_sent_is_an_error() -> None:
    loader = data.DataLoader(
        Numbers(), batch_size=None, num_workers=1, collate_fn=lambda x: lambda: x
    )
    with pytest.raises((AttributeError, RuntimeError), match="pickle"):
        next(iter(loader))


def processes_of(batches: Any) -> Any:
    return batches._processes


def test_a_worker_that_dies_is_told_at_once() -> None:
    loader = data.DataLoader(Dying(), batch_size=4, num_workers=2, persistent_workers=True)
    batches = iter(loader)
    with pytest.raises(RuntimeError, match=r"pid\(s\) \d+\) exited unexpectedly: .*signal 9"):
        list(batches)
    assert not any(process.is_alive() for process in processes_of(batches))
    assert numbers(data.DataLoader(Numbers(2), num_workers=2)) == [[0], [1]]
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        list(loader)  # with new workers


def test_a_timeout_is_kept() -> None:
    batches = iter(data.DataLoader(Slow(), num_workers=1, timeout=0.2))
    with pytest.raises(RuntimeError, match=r"DataLoader timed out after 0\.2 seconds"):
        next(batches)
    assert not any(process.is_alive() for process in processes_of(batches))


def test_workers_end_with_their_iterator() -> None:
    batches = iter(data.DataLoader(Numbers(), num_workers=2))
    next(batches)
    processes = processes_of(batches)
    del batches
    assert not any(process.is_alive() for process in processes)


def test_persistent_workers_stay_and_start_again() -> None:
    loader = data.DataLoader(Numbers(6), num_workers=2, persistent_workers=True)
    batches = iter(loader)
    pids = [process.pid for process in processes_of(batches)]
    next(batches)  # what is left of this pass is dropped
    assert numbers(loader) == [[i] for i in range(6)]
    assert [process.pid for process in processes_of(iter(loader))] == pids


def test_spawned_workers() -> None:
    loader = data.DataLoader(
        Numbers(4), batch_size=2, num_workers=1, multiprocessing_context="spawn"
    )
    assert numbers(loader) == [[0, 1], [2, 3]]


def test_what_cannot_be_sent_to_a_spawned_worker_is_told() -> None:
    loader = data.DataLoader(
        Numbers(4), num_workers=1, multiprocessing_context="spawn", collate_fn=lambda batch: batch
    )
    with (
        pytest.warns(UserWarning, match="have to be picklable"),
        pytest.raises((AttributeError, TypeError, pickle.PicklingError)),
    ):
        iter(loader)


INTERRUPTED = """
import os, signal, time
from adjoint import data

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it

class Slow(data.Dataset):
    def __len__(self):
        return 4
    def __getitem__(self, index):
        os.write(1, b"ready\\n")  # whole lines, though two processes write
        time.sleep(60)

try:
    list(data.DataLoader(Slow(), num_workers=2))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_control_c_ends_everything_quietly(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED, encoding="utf-8")
    child = subprocess.Popen(
        [sys.executable, script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(Path(torch.__file__).parents[1])},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does: to the workers too
    try:
        out, err = child.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        raise
    assert out.replace("ready\n", "") == "interrupted\n"
    assert err == ""
    assert child.returncode == 0
