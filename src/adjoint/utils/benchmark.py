"""Floor 5: torch.utils.benchmark: how long a statement takes, with warm-up and one thread."""

from __future__ import annotations

import statistics
import timeit
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from adjoint.arrays.threads import get_num_threads, set_num_threads

__all__ = ["Measurement", "TaskSpec", "Timer"]

_UNITS = (("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9))


class TaskSpec(NamedTuple):
    """What is measured, and how it is called in reports."""

    stmt: str
    setup: str
    label: str | None
    sub_label: str | None
    description: str | None
    env: str | None
    num_threads: int

    @property
    def title(self) -> str:
        """`label: sub_label`, or the statement."""
        if self.label is not None:
            return self.label + (f": {self.sub_label}" if self.sub_label else "")
        return self.stmt if "\n" not in self.stmt else f"stmt:\n{_indented(self.stmt)}\n"


class Measurement:
    """The times that a Timer took: `times`, one of a run each, in seconds, and their statistics.

    >>> from adjoint.utils.benchmark import Measurement, TaskSpec
    >>> spec = TaskSpec("x + 1", "pass", None, None, None, None, 1)
    >>> print(Measurement(10, [2e-5, 4e-5, 3e-5], spec).report())
    x + 1
      Median: 3.00 us
      IQR:    1.00 us (2.50 to 3.50)
      3 measurements, 10 runs per measurement, 1 thread
    """

    def __init__(self, number_per_run: int, raw_times: list[float], task_spec: TaskSpec) -> None:
        self.number_per_run = number_per_run
        self.raw_times = raw_times
        self.task_spec = task_spec

    @property
    def times(self) -> list[float]:
        """Seconds of one run, for each block of runs."""
        return [t / self.number_per_run for t in self.raw_times]

    @property
    def title(self) -> str:
        """What was measured."""
        return self.task_spec.title

    @property
    def mean(self) -> float:
        """The mean of `times`, in seconds."""
        return statistics.fmean(self.times)

    @property
    def median(self) -> float:
        """The median of `times`, in seconds."""
        return statistics.median(self.times)

    @property
    def iqr(self) -> float:
        """The range in which the middle half of `times` lies, in seconds."""
        low, high = self._quartiles()
        return high - low

    def _quartiles(self) -> tuple[float, float]:
        times = self.times
        if len(times) == 1:
            return times[0], times[0]
        low, _, high = statistics.quantiles(times, n=4, method="inclusive")
        return low, high

    def report(self) -> str:
        """The measurement in words: what, how long, of how many runs."""
        spec, n = self.task_spec, len(self.times)
        unit, size = next((u for u in _UNITS if self.median >= u[1]), _UNITS[-1])
        lines = [spec.title]
        if spec.label is not None and spec.description:
            lines.append(spec.description)
        if spec.setup != "pass":
            lines.append(
                f"setup:\n{_indented(spec.setup)}\n"
                if "\n" in spec.setup
                else f"setup: {spec.setup}"
            )
        middle = f"{self.median / size:.2f} {unit}"
        if n == 1:
            lines.append(f"  {middle}")
            runs = f"1 measurement, {self.number_per_run} runs , "
        else:
            low, high = self._quartiles()
            lines.append(f"  Median: {middle}")
            lines.append(
                f"  IQR:    {self.iqr / size:.2f} {unit} ({low / size:.2f} to {high / size:.2f})"
            )
            runs = f"{n} measurements, {self.number_per_run} runs per measurement, "
        threads = spec.num_threads
        lines.append(f"  {runs}{threads} thread{'s' if threads > 1 else ''}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"{object.__repr__(self)}\n{self.report()}"


class Timer:
    """Times a statement, as `timeit.Timer`, after warm-up and with a given number of threads.

    stmt, setup: str, code in the names of `globals`. label, sub_label, description, env: what
    reports call it. num_threads: int, for matrix products while it runs.

    >>> from adjoint.utils.benchmark import Timer
    >>> x = torch.ones(3)
    >>> measured = Timer("x + x", globals={"x": x}).timeit(10)
    >>> measured.number_per_run, measured.mean > 0
    (10, True)
    """

    def __init__(
        self,
        stmt: str = "pass",
        setup: str = "pass",
        global_setup: str = "",
        timer: Callable[[], float] = timeit.default_timer,
        globals: dict[str, Any] | None = None,
        label: str | None = None,
        sub_label: str | None = None,
        description: str | None = None,
        env: str | None = None,
        num_threads: int = 1,
        language: Any = "python",
    ) -> None:
        if global_setup or str(language).rpartition(".")[2].lower() not in ("python", "py"):
            raise ValueError("Timer: statements are in Python; there is no compiler for others")
        self._spec = TaskSpec(stmt, setup, label, sub_label, description, env, num_threads)
        self._timer = timeit.Timer(stmt, setup, timer, {} if globals is None else dict(globals))

    @contextmanager
    def _threads(self) -> Iterator[None]:
        before = get_num_threads()
        set_num_threads(self._spec.num_threads)
        try:
            yield
        finally:
            set_num_threads(before)

    def timeit(self, number: int = 1_000_000) -> Measurement:
        """Run `number` times in one block, after a hundredth of that (at least 2) to warm up."""
        with self._threads():
            self._timer.timeit(max(number // 100, 2))
            return Measurement(number, [self._timer.timeit(number)], self._spec)

    def blocked_autorange(
        self,
        callback: Callable[[int, float], Any] | None = None,
        min_run_time: float = 0.2,
    ) -> Measurement:
        """Run blocks, large enough that the clock does not matter, for `min_run_time` seconds.

        `callback(number, seconds)` is called after each.
        """
        with self._threads():
            number, taken = 1, self._timer.timeit(1)
            while taken < min_run_time / 1000 or taken < 1e-4:
                number *= 10
                taken = self._timer.timeit(number)
            times: list[float] = []
            while sum(times) < min_run_time:
                times.append(self._timer.timeit(number))
                if callback is not None:
                    callback(number, times[-1])
            return Measurement(number, times, self._spec)

    def adaptive_autorange(
        self,
        threshold: float = 0.1,
        *,
        min_run_time: float = 0.01,
        max_run_time: float = 10.0,
        callback: Callable[[int, float], Any] | None = None,
    ) -> Measurement:
        """Run blocks until the middle half lies within `threshold` of the median, or time is up."""
        found = self.blocked_autorange(callback, min_run_time)
        while sum(found.raw_times) < max_run_time and (
            len(found.times) < 4 or found.iqr > threshold * found.median
        ):
            with self._threads():
                found.raw_times.append(self._timer.timeit(found.number_per_run))
            if callback is not None:
                callback(found.number_per_run, found.raw_times[-1])
        return found


def _indented(code: str) -> str:
    return "\n".join(f"  {line}" for line in code.strip().splitlines())
