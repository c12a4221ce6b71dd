"""Floor 0: arrays as text, character for character as torch prints tensors.

Pure functions of NumPy arrays and names; what a gradient function or a Parameter is, the caller
knows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class PrintOptions:
    """How tensors are printed; `sci_mode=None` lets the values decide."""

    def __init__(self) -> None:
        self.precision = 4
        self.threshold: float = 1000
        self.edgeitems = 3
        self.linewidth = 80
        self.sci_mode: bool | None = None


OPTIONS = PrintOptions()
_PROFILES: dict[str, dict[str, float]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors are printed from here on; None leaves an option as it is.

    precision: digits after the point (4). threshold: elements above which the middle is left out
    (1000). edgeitems: elements kept at each end of a dimension then (3). linewidth: characters a
    line (80). profile: "default", "short" or "full", applied before the others. sci_mode: True,
    False, or None to let the values decide; every call sets it, as in torch.

    >>> set_printoptions(precision=2)
    >>> get_printoptions()["precision"]
    2
    >>> set_printoptions(profile="default")
    """
    changes = dict(_PROFILES.get(profile, {})) if profile is not None else {}
    given = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    changes.update({name: value for name, value in given.items() if value is not None})
    for name, value in changes.items():
        setattr(OPTIONS, name, value)
    OPTIONS.sci_mode = sci_mode


def get_printoptions() -> dict[str, Any]:
    """The options in force, as keyword arguments for `set_printoptions`."""
    return dict(vars(OPTIONS))


@contextmanager
def printoptions(**options: Any) -> Iterator[None]:
    """Use the given `set_printoptions` arguments within a `with` block only."""
    before = get_printoptions()
    set_printoptions(**options)
    try:
        yield
    finally:
        set_printoptions(**before)


def tensor_repr(
    array: Array,
    *,
    dtype_name: str,
    show_dtype: bool | None = None,
    default_dtype: str = "torch.float32",
    requires_grad: bool = False,
    grad_fn_name: str | None = None,
    device: str | None = None,
    tangent: str | None = None,
    prefix: str = "tensor(",
    heading: str = "",
) -> str:
    r"""The `repr` of a tensor with these values.

    `dtype_name` is printed as it is (`torch.float16`), where torch would: not for the default
    dtype, its complex partner, int64 and bool, unless the tensor is empty; `show_dtype` overrules.
    `device` and `tangent` are suffixes that are shown when given, `grad_fn_name` (MulBackward0)
    goes before `requires_grad`. `heading` is put in front: `"Parameter containing:\n"`.

    >>> tensor_repr(np.array([1.5, -2.0], np.float32), dtype_name="torch.float32")
    'tensor([ 1.5000, -2.0000])'
    """
    suffixes = [] if device is None else [f"device='{device}'"]
    if array.size == 0:
        text = "[]"
        if array.ndim != 1:
            suffixes.append(f"size={array.shape}")
        plain = dtype_name == default_dtype
    else:
        text = values_text(array, len(prefix))
        if not OPTIONS.edgeitems:
            suffixes.append(f"size={array.shape}")
        partner = "torch.complex128" if default_dtype == "torch.float64" else "torch.complex64"
        plain = dtype_name in (default_dtype, partner, "torch.int64", "torch.bool")
    if show_dtype or (show_dtype is None and not plain):
        suffixes.append(f"dtype={dtype_name}")
    if grad_fn_name is not None:
        suffixes.append(f"grad_fn=<{grad_fn_name}>")
    elif requires_grad:
        suffixes.append("requires_grad=True")
    if tangent is not None:
        suffixes.append(f"tangent={tangent}")
    return heading + with_suffixes(prefix + text, suffixes, len(prefix)) + ")"


def values_text(array: Array, indent: int) -> str:
    """The nested lists of values, their later lines indented for a text of `indent` before."""
    if type(array) is not np.ndarray:  # made in a run on shapes alone
        known: Any = getattr(array, "value", None)
        if known is None:
            return f"..., size={array.shape}"
        array = known
    if array.size == 0:
        return "[]"
    shortened = array.size > OPTIONS.threshold
    shown = _edges(array) if shortened else array
    cuts = [shortened and length > 2 * OPTIONS.edgeitems for length in array.shape]
    cells, width = _cells(shown)
    if not array.ndim:
        return cells[0]
    return _nested(cells, shown.shape, cuts, indent, width)


def with_suffixes(text: str, suffixes: Sequence[str], indent: int) -> str:
    """Append each suffix on the same line, or on a new one where it would be too long."""
    parts = [text]
    # Counts one character more than there are, as torch does.
    last_line = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if last_line + len(suffix) + 2 > OPTIONS.linewidth:
            parts.append(",\n" + " " * indent + suffix)
            last_line = indent + len(suffix)
        else:
            parts.append(", " + suffix)
            last_line += len(suffix) + 2
    return "".join(parts)


def _edges(array: Array) -> Array:
    """Only the elements that a shortened text shows, taken without copying the others."""
    edge = OPTIONS.edgeitems
    kept = [
        [*range(edge), *range(length - edge, length)] if length > 2 * edge else range(length)
        for length in array.shape
    ]
    return array[np.ix_(*kept)] if kept else array


def _nested(
    cells: Sequence[str], shape: tuple[int, ...], cuts: Sequence[bool], indent: int, width: int
) -> str:
    """Brackets, commas and lines around the cells, with `...` where a dimension is cut."""
    edge = OPTIONS.edgeitems
    if len(shape) == 1:
        items = list(cells)
        if cuts[0]:
            # torch puts a space before the dots in a row, unless they stand alone
            items[edge:edge] = [" ..."] if edge else ["..."]
        per_line = max(1, (OPTIONS.linewidth - indent) // (width + 2))
        lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    step = len(cells) // shape[0] if shape[0] else 0
    parts = [
        _nested(cells[i * step : (i + 1) * step], shape[1:], cuts[1:], indent + 1, width)
        for i in range(shape[0])
    ]
    if cuts[0]:
        parts[edge:edge] = ["..."]
    return "[" + ("," + "\n" * (len(shape) - 1) + " " * (indent + 1)).join(parts) + "]"


def _cells(shown: Array) -> tuple[list[str], int]:
    """Each value's text, in C order, and the width that lines are broken by."""
    if shown.dtype.kind == "c":
        real, real_width = _real_cells(shown.real)
        imaginary, imaginary_width = _real_cells(shown.imag)
        joined = [a + _signed(b) for a, b in zip(real, imaginary)]
        return joined, real_width + imaginary_width + 1
    return _real_cells(shown)


def _signed(imaginary: str) -> str:
    """An imaginary part with its sign and j."""
    text = (imaginary + "j").lstrip()
    return text if text[0] in "+-" else "+" + text


def _real_cells(values: Array) -> tuple[list[str], int]:
    """Each value's text, padded to the width of the widest finite nonzero value."""
    if values.dtype.kind in "biu":
        cells = [str(value) for value in values.ravel().tolist()]
        width = max(map(len, cells), default=1)
    else:
        wide = values.ravel().astype(np.float64)
        counted = np.isfinite(wide) & (wide != 0)
        write = _float_writer(wide[counted])
        cells = [write(value) for value in wide.tolist()]
        width = max((len(cells[i]) for i in np.flatnonzero(counted).tolist()), default=1)
    return [cell.rjust(width) for cell in cells], width


def _float_writer(counted: Array) -> Callable[[float], str]:
    """How to write floats, chosen by the finite nonzero values among them."""
    if not counted.size:
        return _write_whole
    magnitude = np.abs(counted)
    least, largest = float(magnitude.min()), float(magnitude.max())
    is_scientific = OPTIONS.sci_mode
    if is_scientific is None:
        is_scientific = largest / least > 1000.0 or largest > 1.0e8 or least < 1.0e-4
    if is_scientific:
        return f"{{:.{OPTIONS.precision}e}}".format
    if (counted == np.ceil(counted)).all():
        return _write_whole
    return f"{{:.{OPTIONS.precision}f}}".format


def _write_whole(value: float) -> str:
    """1 as `1.`, so that it is seen to be a float; inf and nan as they are."""
    return f"{value:.0f}." if math.isfinite(value) else f"{value:.0f}"
