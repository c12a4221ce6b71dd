"""Floor 1: anomaly mode: where a NaN, or an error in backward, comes from.

The engine hands each node to the Detector while it is on; recording tells it of each new node.
"""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays.checks import is_any
from . import modes, origin
from .hooks import hooks_of
from .tape import Node, node_line

if TYPE_CHECKING:
    from .engine import Run
    from .tensor import Tensor

_BACKWARD_ADVICE = (
    "Look at that line for an infinite slope or a 0 · inf: sqrt or a norm at 0, log or a division "
    "by 0, 0 ** 0.5. Keep its input away from there (torch.clamp, + eps), or select a safe input "
    "before the operation, not after it (torch.where on its input)."
)
_AFTER_ADVICE = (
    "So that gradient was wrong already: look at what is computed from this value and at the "
    "gradient that backward was given."
)
_FORWARD_ADVICE = (
    "Keep the input inside the operation's domain (torch.clamp, + eps, a smaller step), or mask "
    "it before the operation."
)


class Detector:
    """What is checked while anomaly mode is on, in every thread."""

    def __init__(self, check_nan: bool, check_forward: bool, check_inf: bool) -> None:
        self.check_nan = check_nan
        self.check_forward = check_forward
        self.check_inf = check_inf
        self.running: list[Node] = []  # nodes being run, for those that they record

    def recorded(self, node: Node, inputs: Sequence[Tensor], results: Sequence[Tensor]) -> None:
        """Note how the program came to a new node; check what it computed."""
        notes = hooks_of(node).metadata
        notes["traceback_"] = _stack()
        if self.running:
            notes["parent_"] = self.running[-1]
        if not self.check_forward:
            return
        for number, result in enumerate(results):
            kind = self._fault(result._data)
            if kind is not None and not (kind == "inf" and _is_masking(result, inputs)):
                taken = "; ".join(_statistics(t._data) for t in inputs)
                raise RuntimeError(
                    f"Operation '{node.name()}' computed {kind} values in output {number}, at "
                    f"{node_line(node)}. Its inputs: {taken}. {_FORWARD_ADVICE}"
                )

    def run(self, node: Node, apply: Callable[[Any, Run], Any], ct: Any, run: Run) -> Any:
        """Run a node of a backward pass by `apply`; tell of its forward call when that fails."""
        self.running.append(node)
        try:
            cts = apply(ct, run)
            if self.check_nan:
                self._check(node, ct, cts)
        except RuntimeWarning:  # the user turned NumPy's warnings into errors: the engine retries
            raise
        except Exception:
            _warn(node)
            raise
        finally:
            self.running.pop()
        return cts

    def _check(self, node: Node, ct: Any, cts: Sequence[Any]) -> None:
        places = node.plan if hasattr(node, "plan") else None
        for i, g in enumerate(cts):
            kind = None if g is None else self._fault(_array(g))
            if kind is None:
                continue
            number = i if places is None else places.shown.index(places.needed[i])
            came = [_array(c) for c in (ct.values() if isinstance(ct, dict) else (ct,))]
            before = ", ".join([_statistics(c) for c in came])
            advice = _AFTER_ADVICE if any(self._fault(c) for c in came) else _BACKWARD_ADVICE
            raise RuntimeError(
                f"Function '{node.name()}' returned {kind} values in its {number}th output. The "
                f"forward call was at {node_line(node)}. It was given a gradient of {before}. "
                f"{advice}"
            )

    def _fault(self, array: Any) -> str | None:
        if array.dtype.kind not in "fcV":
            return None
        if is_any(np.isnan(array)):
            return "nan"
        return "inf" if self.check_inf and is_any(np.isinf(array)) else None


def _is_masking(result: Tensor, inputs: Sequence[Tensor]) -> bool:
    """Whether infinities are those of a mask: negative ones, which an operand has brought."""
    minus = np.isneginf(result._data.real)
    if np.count_nonzero(minus) != np.count_nonzero(np.isinf(result._data)):
        return False
    return any(t._data.dtype.kind in "fV" and is_any(np.isneginf(t._data)) for t in inputs)


def _array(value: Any) -> Any:
    return getattr(value, "_data", value)


def _statistics(array: Any) -> str:
    """`shape [3], from 0 to 2.5, 1 nan`: what to know of an operand."""
    text = f"shape {list(array.shape)}"
    if array.dtype.kind in "fiu" and array.size:
        finite = array[np.isfinite(array)]
        if finite.size:
            text += f", from {finite.min():.4g} to {finite.max():.4g}"
        nans, infs = int(np.isnan(array).sum()), int(np.isinf(array).sum())
        text += (f", {nans} nan" if nans else "") + (f", {infs} inf" if infs else "")
    return text


def _stack() -> list[str]:
    """The calls that lead here, without adjoint's own."""
    frames = traceback.extract_stack()
    while len(frames) > 1 and origin.is_internal[frames[-1].filename]:
        frames.pop()
    return frames.format()


def _warn(node: Node) -> None:
    """Warn with the forward call of a node, and of those whose backward recorded it."""
    notes = hooks_of(node).metadata
    stack = notes.get("traceback_")
    if stack is None:
        warnings.warn(
            f"Error detected in {node.name()}. Its forward call was at {node_line(node)}. (The "
            "calls that lead there are known when anomaly detection is on during the forward "
            "pass.)",
            UserWarning,
            stacklevel=4,
        )
        return
    warnings.warn(
        f"Error detected in {node.name()}. Traceback of forward call that caused the error:\n"
        + "".join(stack),
        UserWarning,
        stacklevel=4,
    )
    parent = notes.get("parent_")
    while parent is not None:
        notes = hooks_of(parent).metadata
        warnings.warn(
            f"Previous calculation was induced by {parent.name()}. Traceback of forward call that "
            "induced the previous calculation:\n" + "".join(notes.get("traceback_", [])),
            UserWarning,
            stacklevel=4,
        )
        parent = notes.get("parent_")


def _switch(detector: Detector | None) -> Detector | None:
    """Put a detector in force (None: none); returns the one before."""
    before: Detector | None = modes.anomaly
    modes.running += (detector is not None) - (before is not None)
    modes.anomaly = detector
    return before


class set_detect_anomaly:
    """Switch anomaly detection on or off: at once, and until the end of the block in `with`.

    mode: bool. check_nan, check_forward, check_inf: as of `detect_anomaly`.

    >>> with torch.autograd.set_detect_anomaly(True):
    ...     torch.is_anomaly_enabled()
    True
    """

    def __init__(
        self,
        mode: bool,
        check_nan: bool = True,
        *,
        check_forward: bool = False,
        check_inf: bool = False,
    ) -> None:
        detector = Detector(check_nan, check_forward, check_inf) if mode else None
        self._before = _switch(detector)

    def __enter__(self) -> None:
        """The mode was switched when the object was made, as torch does."""

    def __exit__(self, *exc: object) -> None:
        _switch(self._before)


class detect_anomaly:
    """Stop at the first NaN in backward, and tell the forward line of whatever fails there.

    check_nan: bool, stop when a node of a backward pass returns NaN (RuntimeError).
    check_forward: bool, also check what operations compute on the way forward, if recorded.
    check_inf: bool, infinities count as well; on the way forward not the negative ones that an
    operand brings, as masks of scores do.

    Forward calls made inside the block are told with the calls that lead to them; others with
    their line. It is slow: for finding errors only.

    >>> x = torch.tensor([0.0, 1.0], requires_grad=True)
    >>> y = (x.sqrt() * 0).sum()  # the slope of sqrt at 0 is infinite
    >>> with torch.autograd.detect_anomaly():  # doctest: +SKIP
    ...     y.backward()
    RuntimeError: Function 'SqrtBackward0' returned nan values in its 0th output. The forward call
    was at demo.py:2: y = (x.sqrt() * 0).sum(). It was given a gradient of shape [2], from 0 to 0...
    """

    def __init__(
        self, check_nan: bool = True, *, check_forward: bool = False, check_inf: bool = False
    ) -> None:
        self._options = (check_nan, check_forward, check_inf)
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should "
            "only be enabled for debugging.",
            UserWarning,
            stacklevel=2,
        )

    def __enter__(self) -> None:
        self._before = _switch(Detector(*self._options))

    def __exit__(self, *exc: object) -> None:
        _switch(self._before)


def is_anomaly_enabled() -> bool:
    """Whether anomaly detection is on."""
    return modes.anomaly is not None


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly detection, when on, checks gradients for NaN."""
    return modes.anomaly is None or modes.anomaly.check_nan
