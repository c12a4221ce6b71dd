"""Floor 1: what gradcheck compares inside transforms: forward mode, and batches of derivatives.

Forward mode is held to finite differences; a batch to its rows. Knows no options.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .derivatives import as_tuple, grad
from .gradcheck_errors import GradcheckError, batch_mismatch, mismatch, slow_message
from .jacobians import Numerical
from .lifted import Batched, Dual, Level, constant_at, lift, spread
from .tensor import Tensor, wrap

FORWARD = "computed with forward mode "
PARTS = ((1, "real part of complex inputs"), (1j, "imaginary part of complex inputs"))


def push(
    func: Callable[..., Any], inputs: Sequence[Any], tangents: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """The tangent of every output in forward mode; None for an output that is no Tensor."""
    found: list[Tensor | None] = []
    with Level("jvp") as level:
        points = []
        for t, tangent in zip(inputs, tangents, strict=True):
            point = t.detach() if isinstance(t, Tensor) else t
            if tangent is not None:
                point = lift(Dual(level, point, tangent))
            elif isinstance(t, Tensor) and t.requires_grad:
                point = constant_at(level, point)  # which a backward inside may start from
            points.append(point)
        for out in as_tuple(func(*points)):
            if not isinstance(out, Tensor):
                found.append(None)
                continue
            data = out._data
            moved = data.tangent if data.__class__ is Dual and data.level is level else None
            if moved is None:
                moved = wrap(np.zeros(data.shape, data.dtype))
            found.append(moved.detach())
    return found


def check_forward(
    numerical: Numerical,
    places: Sequence[int],
    directions: Callable[[Tensor], Sequence[Any]] | None,
    rtol: float,
    atol: float,
    check_dtypes: bool,
) -> None:
    """Columns of each Jacobian, in forward mode, against finite differences.

    `directions`: those to look along in fast mode; None is every unit vector.
    """
    for number, t in _wanted(numerical.inputs):
        array = numerical.inputs[number]._data
        along = _units(array) if directions is None else directions(t)
        scale = 1.0 if directions is None else float(np.sum(along[0]))
        for factor, part in PARTS if array.dtype.kind == "c" else ((1, ""),):
            rows = [_both(numerical, number, direction * factor) for direction in along]
            for i, place in enumerate(places):
                pairs = [(got[place], want[place]) for got, want in rows]
                if not pairs:
                    continue
                if check_dtypes and any(
                    (g.dtype.kind == "c") != (w.dtype.kind == "c") for g, w in pairs
                ):
                    raise GradcheckError("Forward AD gradient has dtype mismatch.")
                got, want = (np.stack([p[k].reshape(-1) for p in pairs]) for k in (0, 1))
                if np.allclose(got, want, rtol=rtol, atol=atol * scale):
                    continue
                ordinal = [k for k, _ in _wanted(numerical.inputs)].index(number)
                text = mismatch(got, want, i, ordinal, FORWARD, part)
                if directions is not None:
                    whole = [_both(numerical, number, u * factor) for u in _units(array)]
                    g, w = (np.stack([p[k][place].reshape(-1) for p in whole]) for k in (0, 1))
                    text += slow_message(g, w, rtol, atol)
                raise GradcheckError(text)


def _wanted(inputs: Sequence[Any]) -> list[tuple[int, Tensor]]:
    return [(i, t) for i, t in enumerate(inputs) if isinstance(t, Tensor) and t.requires_grad]


def _units(array: Any) -> list[Any]:
    found = []
    for place in np.ndindex(array.shape):
        unit = np.zeros(array.shape, array.dtype)
        unit[place] = 1
        found.append(unit)
    return found


def _both(numerical: Numerical, number: int, direction: Any) -> tuple[list[Any], list[Any]]:
    """The derivative of every output along a direction: forward mode's and that of differences."""
    t = numerical.inputs[number]
    tangents: list[Tensor | None] = [None] * len(numerical.inputs)
    tangents[number] = wrap(np.asarray(direction, t._data.dtype))
    found = push(numerical.func, numerical.inputs, tangents)
    return [None if f is None else f._data for f in found], numerical.along(t, direction)


def check_undefined_forward(
    func: Callable[..., Any], inputs: Sequence[Any], places: Sequence[int]
) -> None:
    """An input that does not move is one whose tangent is zero."""
    rng = np.random.default_rng(0)
    wanted = dict(_wanted(inputs))
    moving = [_drawn(rng, t) if i in wanted else None for i, t in enumerate(inputs)]
    for number, t in wanted.items():
        results = []
        for still in (wrap(np.zeros(t._data.shape, t._data.dtype)), None):
            tangents = [still if i == number else m for i, m in enumerate(moving)]
            results.append(push(func, inputs, tangents))
        for place in places:
            zero, none = (r[place] for r in results)
            if not np.allclose(zero._data, none._data):  # type: ignore[union-attr]
                raise GradcheckError(
                    f"Mismatch in tangent values for output with index: {place} when input "
                    f"{number} has an undefined tangent value: it should be as with a tangent of "
                    "zeros"
                )


def _drawn(rng: np.random.Generator, t: Tensor, lead: tuple[int, ...] = ()) -> Tensor:
    """Random numbers of a Tensor's shape and dtype."""
    values = rng.standard_normal((*lead, *t._data.shape))
    if t._data.dtype.kind == "c":
        values = values + 1j * rng.standard_normal(values.shape)
    found: Tensor = wrap(np.asarray(values, t._data.dtype))
    return found


def check_batched(output: Tensor, number: int, wanted: Sequence[Tensor]) -> None:
    """Backward of two cotangents at once, against one after the other."""
    cts = _drawn(np.random.default_rng(number), output, (2,))
    rows = [
        grad(output, wanted, wrap(ct), retain_graph=True, allow_unused=True, materialize_grads=True)
        for ct in cts._data
    ]
    try:
        found = grad(
            output, wanted, cts,
            retain_graph=True, allow_unused=True, is_grads_batched=True,
        )  # fmt: skip
    except RuntimeError as error:
        raise GradcheckError(f"While computing batched gradients, got: {error}") from error
    for i, column in enumerate(found):
        want = np.stack([row[i]._data for row in rows])
        got = np.zeros_like(want) if column is None else column._data
        if not np.allclose(got, want):
            raise GradcheckError(batch_mismatch(got, want, number, i, "gradient"))


def check_batched_forward(func: Callable[..., Any], inputs: Sequence[Any]) -> None:
    """Forward mode along two tangents at once, against one after the other."""
    rng = np.random.default_rng(0)
    for ordinal, (number, t) in enumerate(_wanted(inputs)):
        tangents = _drawn(rng, t, (2,))

        def pushed(tangent: Tensor, number: int = number) -> list[Tensor | None]:
            return push(
                func, inputs, [tangent if i == number else None for i in range(len(inputs))]
            )

        rows = [pushed(wrap(row)) for row in tangents._data]
        try:
            with Level("vmap", 2) as level:
                found = pushed(lift(Batched(level, tangents)))
                wholes = [None if f is None else spread(f, level) for f in found]
        except RuntimeError as error:
            raise GradcheckError(f"While computing batched gradients, got: {error}") from error
        for i, whole in enumerate(wholes):
            if whole is None:
                continue
            want = np.stack([row[i]._data for row in rows])  # type: ignore[union-attr]
            if not np.allclose(whole._data, want):
                text = batch_mismatch(whole._data, want, i, ordinal, "forward gradient")
                raise GradcheckError(text)
