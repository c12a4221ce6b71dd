"""Floor 5: assert_close: tensors, arrays and numbers compared with torch's tolerances and words."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..arrays import dtypes
from ..autograd.tensor import Tensor, wrap

TOLERANCES: dict[Any, tuple[float, float]] = {  # dtype -> (rtol, atol); others compare exactly
    dtypes.float16: (1e-3, 1e-5),
    dtypes.bfloat16: (1.6e-2, 1e-5),
    dtypes.float32: (1.3e-6, 1e-5),
    dtypes.float64: (1e-7, 1e-7),
    dtypes.complex64: (1.3e-6, 1e-5),
    dtypes.complex128: (1e-7, 1e-7),
}


class _Comparison:
    """The options of one call, and the comparisons of pairs."""

    def __init__(
        self,
        rtol: float | None,
        atol: float | None,
        equal_nan: bool,
        allow_subclasses: bool,
        checked: tuple[str, ...],
    ) -> None:
        if (rtol is None) != (atol is None):
            raise ValueError(
                "Both 'rtol' and 'atol' must be either specified or omitted, but got no "
                f"{'rtol' if rtol is None else 'atol'}."
            )
        self.given = None if rtol is None or atol is None else (rtol, atol)
        if self.given is not None and min(self.given) < 0:
            raise ValueError(f"rtol and atol must not be negative, but got {rtol} and {atol}")
        self.equal_nan = equal_nan
        self.allow_subclasses = allow_subclasses
        self.checked = checked  # attributes of tensors that have to agree

    def pairs(self, actual: Any, expected: Any, path: str = "") -> Iterator[tuple[Any, Any, str]]:
        """The leaves of two nested structures, paired; refuses structures that differ."""
        if isinstance(actual, Mapping) and isinstance(expected, Mapping):
            missing, more = expected.keys() - actual.keys(), actual.keys() - expected.keys()
            if missing or more:
                raise AssertionError(
                    "The keys of the mappings do not match:\n"
                    f"Missing keys in the actual mapping: {sorted(missing)}\n"
                    f"Additional keys in the actual mapping: {sorted(more)}{_where(path)}"
                )
            for key in sorted(actual, key=repr):
                yield from self.pairs(actual[key], expected[key], f"{path}[{key!r}]")
        elif _is_sequence(actual) and _is_sequence(expected):
            if len(actual) != len(expected):
                raise AssertionError(
                    f"The length of the sequences mismatch: {len(actual)} != {len(expected)}"
                    f"{_where(path)}"
                )
            for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
                yield from self.pairs(a, e, f"{path}[{i}]")
        elif self._is_comparable(actual, expected):
            yield actual, expected, path
        else:
            raise TypeError(
                "No comparison pair was able to handle inputs of type "
                f"{type(actual)} and {type(expected)}.{_where(path)}"
            )

    def _is_comparable(self, actual: Any, expected: Any) -> bool:
        if actual is None or expected is None:
            return True
        for kinds in ((bool, np.bool_), (numbers.Number, np.number)):
            if isinstance(actual, kinds) and isinstance(expected, kinds):
                return True
        if not (_is_tensor_like(actual) and _is_tensor_like(expected)):
            return False
        if self.allow_subclasses:
            return isinstance(actual, type(expected)) or isinstance(expected, type(actual))
        return type(actual) is type(expected)

    def message(self, actual: Any, expected: Any) -> str | None:
        """What differs between two leaves; None when they are close."""
        if actual is None or expected is None:
            return None if actual is expected else f"None mismatch: {actual} is not {expected}"
        if isinstance(actual, (bool, np.bool_)) and isinstance(expected, (bool, np.bool_)):
            return None if actual == expected else f"Booleans mismatch: {actual} is not {expected}"
        if _is_tensor_like(actual):
            return self._tensors(_as_tensor(actual), _as_tensor(expected))
        return self._numbers(actual, expected)

    def _numbers(self, actual: Any, expected: Any) -> str | None:
        actual, expected = [x.item() if isinstance(x, np.number) else x for x in (actual, expected)]
        if "dtype" in self.checked and type(actual) is not type(expected):
            return f"The (d)types do not match: {type(actual)} != {type(expected)}."
        kinds = {int: dtypes.int64, float: dtypes.float64, complex: dtypes.complex128}
        rtol, atol = self._tolerances(*[kinds.get(type(x)) for x in (actual, expected)])
        if _matches(np.asarray(actual), np.asarray(expected), rtol, atol, self.equal_nan).all():
            return None
        return _scalar_message(actual, expected, rtol, atol)

    def _tolerances(self, *types: Any) -> tuple[float, float]:
        if self.given is not None:
            return self.given
        found = [TOLERANCES.get(d, (0.0, 0.0)) for d in types]
        return max(r for r, _ in found), max(a for _, a in found)

    def _tensors(self, actual: Tensor, expected: Tensor) -> str | None:
        attributes: dict[str, Any] = {
            "shape": lambda t: t.shape,
            "device": lambda t: t.device,
            "layout": lambda t: "strided",
            "stride()": lambda t: t.stride(),
            "dtype": lambda t: t.dtype,
        }
        for name, read in attributes.items():
            a, e = read(actual), read(expected)
            if (name == "shape" or name in self.checked) and a != e:
                return f"The values for attribute '{name}' do not match: {a} != {e}."
        rtol, atol = self._tolerances(actual.dtype, expected.dtype)
        a, e = _widened(actual._data, expected._data)
        matches = _matches(a, e, rtol, atol, self.equal_nan)
        if matches.all():
            return None
        if not matches.shape:
            return _scalar_message(actual._data.item(), expected._data.item(), rtol, atol)
        return _tensor_message(a, e, matches, rtol, atol)


def _where(path: str) -> str:
    return f"\n\nThe failure occurred for item {path}" if path else ""


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, Tensor))


def _is_tensor_like(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind not in "USOMm"  # texts, objects and dates have no torch dtype
    return isinstance(value, Tensor)


def _as_tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else wrap(value)


def _widened(a: Any, b: Any) -> tuple[Any, Any]:
    """Both in one type that holds their difference."""
    if a.dtype != b.dtype:
        common = dtypes.promote_types(dtypes.FROM_NUMPY[a.dtype], dtypes.FROM_NUMPY[b.dtype])
        a, b = a.astype(common.numpy), b.astype(common.numpy)
    if a.dtype.kind in "biu":
        return a.astype(np.int64), b.astype(np.int64)
    if a.dtype in (dtypes.bfloat16.numpy, dtypes.float16.numpy):
        return a.astype(np.float32), b.astype(np.float32)
    return a, b


def _matches(a: Any, b: Any, rtol: float, atol: float, equal_nan: bool) -> Any:
    """Where |a - b| <= atol + rtol |b|; infinities have to be equal."""
    with np.errstate(all="ignore"):
        found = a == b
        if rtol or atol:
            found = found | (np.isfinite(a) & np.isfinite(b) & (abs(a - b) <= atol + rtol * abs(b)))
        if equal_nan:
            found = found | (np.isnan(a) & np.isnan(b))
    return found


def _scalar_message(actual: Any, expected: Any, rtol: float, atol: float) -> str:
    difference = abs(actual - expected)
    relative = float("inf") if expected == 0 else difference / abs(expected)
    exact = rtol == 0 and atol == 0
    return (
        f"Scalars are not {'equal' if exact else 'close'}!\n\n"
        f"Expected {expected} but got {actual}.\n"
        f"Absolute difference: {difference}{'' if exact else f' (up to {atol} allowed)'}\n"
        f"Relative difference: {relative}{'' if exact else f' (up to {rtol} allowed)'}"
    )


def _tensor_message(a: Any, b: Any, matches: Any, rtol: float, atol: float) -> str:
    wrong, total = int((~matches).sum()), matches.size
    exact = rtol == 0 and atol == 0
    with np.errstate(all="ignore"):
        difference = np.where(matches, 0, abs(a - b))
        divisor = abs(b) if b.dtype.kind in "fc" else abs(b).astype(np.float32)
        relative = np.where(matches, 0, difference / divisor).astype(divisor.dtype)
    lines = [
        f"Tensor-likes are not {'equal' if exact else 'close'}!\n",
        f"Mismatched elements: {wrong} / {total} ({wrong / total:.1%})",
    ]
    for name, values, limit in (("absolute", difference, atol), ("relative", relative, rtol)):
        place = tuple(int(i) for i in np.unravel_index(int(np.argmax(values)), values.shape))
        allowed = "" if exact else f" (up to {limit} allowed)"
        lines.append(
            f"Greatest {name} difference: {values[place].item()} at index {place}{allowed}"
        )
    return "\n".join(lines)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Raise AssertionError unless |actual − expected| ≤ atol + rtol |expected| everywhere.

    Tensors (or NumPy arrays, or numbers), and sequences and mappings of them. The tolerances go by
    dtype unless both are given: rtol 1.3e-6 and atol 1e-5 for float32, 1e-7 for float64, 0 for
    integers. Infinities have to be equal; NaN differs from NaN unless `equal_nan`. `msg`: what to
    raise instead, or a function from the message to it.

    >>> torch.testing.assert_close(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0 + 1e-6]))
    """
    flags = {"device": check_device, "dtype": check_dtype, "layout": check_layout}
    checked = [name for name, flag in flags.items() if flag] + ["stride()"] * check_stride
    comparison = _Comparison(rtol, atol, equal_nan, allow_subclasses, tuple(checked))
    try:
        for a, e, path in list(comparison.pairs(actual, expected)):
            found = comparison.message(a, e)
            if found is not None:
                raise AssertionError(found + _where(path))
    except AssertionError as error:
        if msg is None:
            raise
        raise AssertionError(msg(str(error)) if callable(msg) else msg) from None
