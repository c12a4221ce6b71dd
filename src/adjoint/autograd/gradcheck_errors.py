"""Floor 1: what gradcheck says when a check fails. Knows arrays and numbers, no graphs."""

from __future__ import annotations

from typing import Any

import numpy as np

from .tensor import wrap


class GradcheckError(RuntimeError):
    """A check of `gradcheck` or `gradgradcheck` failed.

    The usual reasons, in order: the backward is wrong; the input is not float64 (finite differences
    need it); the point is one where the function has a kink; the function draws random numbers.
    """


GradcheckError.__module__ = "adjoint.autograd.gradcheck"


def mismatch(
    got: Any, want: Any, output_number: int, input_number: int, mode: str = "", part: str = ""
) -> str:
    """Torch's message, and where the two differ most.

    `mode` and `part`: how it was computed, and which part of complex numbers was looked at.
    """
    prefix = f"While considering the {part} only, " if part else ""
    message = (
        f"{prefix}Jacobian {mode}mismatch for output {output_number} with respect to input "
        f"{input_number},\nnumerical:{wrap(want)!r}\nanalytical:{wrap(got)!r}\n"
    )
    if np.ndim(got) == 2 and got.size:
        difference = np.nan_to_num(np.abs(got - want), nan=np.inf)
        i, j = np.unravel_index(int(np.argmax(difference)), got.shape)
        message += (
            f"The largest difference is that of output element {j} by input element {i}: "
            f"numerical {want[i, j]:.6g}, analytical {got[i, j]:.6g}.\n"
        )
    return message


def slow_message(got: Any, want: Any, rtol: float, atol: float) -> str:
    """What the whole Jacobians are, for a mismatch that fast mode found."""
    message = (
        "\nThe above quantities relating the numerical and analytical jacobians are computed \nin "
        "fast mode. Below, we recompute numerical and analytical jacobians in slow mode:\n\n"
        f"Numerical:\n {wrap(want)!r}\nAnalytical:\n{wrap(got)!r}\n\n"
        f"The max per-element difference (slow mode) is: {np.max(np.abs(want - got)):.6g}.\n"
    )
    if np.allclose(got, want, rtol=rtol, atol=atol):
        message += (
            "\nFast gradcheck failed but element-wise differences are small. This means that the "
            "test might've passed in slow_mode! Call it with `fast_mode=False`."
        )
    return message


def batch_mismatch(got: Any, want: Any, output_number: int, input_number: int, what: str) -> str:
    """A whole batch computed at once differs from its rows."""
    return (
        f"For output {output_number} and input {input_number}:\n\n"
        f"gradcheck or gradgradcheck failed while testing batched {what} computation: all rows at "
        "once, by vmap, differ from one after the other. An operation in it mixes the rows, or a "
        f"custom Function's vmap rule does.\n\nGot:\n{wrap(got)!r}\n\nExpected:\n{wrap(want)!r}"
    )
