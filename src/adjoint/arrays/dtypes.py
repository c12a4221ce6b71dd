"""Floor 0: torch's dtypes as objects, their NumPy counterparts, and the promotion rules.

Knows nothing of tensors. Arrays carry NumPy dtypes; users see the `dtype` objects of this module.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

BOOL, INTEGER, FLOATING, COMPLEX = range(4)


class dtype:
    """An element type, printed as torch prints it (`torch.float32`).

    `numpy` is the NumPy dtype that arrays of this type carry, `category` one of
    BOOL < INTEGER < FLOATING < COMPLEX, which promotion compares first.

    >>> torch.float64, torch.float64.itemsize, torch.float64.is_floating_point
    (torch.float64, 8, True)
    """

    __slots__ = ("name", "numpy", "category", "itemsize", "short")

    def __init__(self, name: str, numpy: Any, category: int, short: str) -> None:
        self.name = name
        self.numpy: np.dtype[Any] = np.dtype(numpy)
        self.category = category
        self.itemsize = self.numpy.itemsize
        self.short = short

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name

    @property
    def is_floating_point(self) -> bool:
        return self.category == FLOATING

    @property
    def is_complex(self) -> bool:
        return self.category == COMPLEX

    @property
    def is_signed(self) -> bool:
        return self.numpy.kind != "u" and self.category != BOOL

    def to_real(self) -> dtype:
        """The real type of the same precision: complex64 -> float32."""
        return {complex64: float32, complex128: float64}.get(self, self)

    def to_complex(self) -> dtype:
        """The complex type of the same precision: float32 -> complex64."""
        return complex128 if self in (float64, complex128) else complex64


float16 = dtype("float16", np.float16, FLOATING, "Half")
bfloat16 = dtype("bfloat16", ml_dtypes.bfloat16, FLOATING, "BFloat16")
float32 = dtype("float32", np.float32, FLOATING, "Float")
float64 = dtype("float64", np.float64, FLOATING, "Double")
complex64 = dtype("complex64", np.complex64, COMPLEX, "ComplexFloat")
complex128 = dtype("complex128", np.complex128, COMPLEX, "ComplexDouble")
uint8 = dtype("uint8", np.uint8, INTEGER, "Byte")
int8 = dtype("int8", np.int8, INTEGER, "Char")
int16 = dtype("int16", np.int16, INTEGER, "Short")
int32 = dtype("int32", np.int32, INTEGER, "Int")
int64 = dtype("int64", np.int64, INTEGER, "Long")
bool_ = dtype("bool", np.bool_, BOOL, "Bool")

ALL = (
    float16,
    bfloat16,
    float32,
    float64,
    complex64,
    complex128,
    uint8,
    int8,
    int16,
    int32,
    int64,
    bool_,
)
FROM_NUMPY: dict[np.dtype[Any], dtype] = {d.numpy: d for d in ALL}

# Identity with these four is the fast path's whole promotion check.
NP_FLOAT32 = float32.numpy
NP_FLOAT64 = float64.numpy
NP_BOOL = bool_.numpy
NP_INT64 = int64.numpy
# NumPy computes these through float32 and not always back: results are cast to the promised type.
LOW_PRECISION = frozenset({float16.numpy, bfloat16.numpy})

_default: list[dtype] = [float32]


def from_numpy(array_dtype: np.dtype[Any]) -> dtype:
    """The dtype whose arrays carry `array_dtype`; TypeError names the ones there are."""
    found = FROM_NUMPY.get(array_dtype)
    if found is None:
        names = ", ".join(d.name for d in ALL)
        raise TypeError(
            f"can't convert np.ndarray of type {array_dtype}. The only supported types are: "
            f"{names}. Convert the array first, for example with array.astype('float32')."
        )
    return found


def canonical(array: Any) -> Any:
    """The array under NumPy's own dtype object, which fast paths ask for by identity.

    Unpickled arrays bring a copy of it, and what is kept by dtype would spread that.
    """
    own = FROM_NUMPY[array.dtype].numpy
    return array if array.dtype is own else array.view(own)


def as_dtype(value: Any) -> dtype:
    """Accept a dtype, a Python type (float, int, bool, complex) or a NumPy dtype."""
    if isinstance(value, dtype):
        return value
    if value is float:  # as torch has it: not the default dtype
        return float64
    if value is int:
        return int64
    if value is bool:
        return bool_
    if value is complex:
        return complex128
    try:
        return from_numpy(np.dtype(value))
    except TypeError:
        raise TypeError(
            f"expected a dtype such as torch.float32, but got {value!r} "
            f"(type {type(value).__name__})"
        ) from None


def get_default_dtype() -> dtype:
    """The dtype of floats made from Python numbers (float32 unless set).

    >>> torch.get_default_dtype()
    torch.float32
    """
    return _default[0]


def set_default_dtype(d: dtype) -> None:
    """Set the dtype of floats made from Python numbers; only floating types are allowed.

    >>> torch.set_default_dtype(torch.float64)
    >>> torch.tensor(1.5).dtype
    torch.float64
    """
    if not isinstance(d, dtype) or not d.is_floating_point:
        raise TypeError(
            f"only floating-point types are supported as the default type, but got {d!r}; "
            "use torch.float32 or torch.float64"
        )
    _default[0] = d


def default_complex() -> dtype:
    """complex64, or complex128 when the default dtype is float64."""
    return complex128 if _default[0] is float64 else complex64


_INTEGER_ORDER = {int8: 0, int16: 1, int32: 2, int64: 3}


def promote_types(a: dtype, b: dtype) -> dtype:
    """The smallest type that holds both, as torch's table has it: i8+u8 -> i16, f16+bf16 -> f32.

    >>> torch.promote_types(torch.int8, torch.uint8)
    torch.int16
    """
    if a is b:
        return a
    if a.category != b.category:
        low, high = (a, b) if a.category < b.category else (b, a)
        if high.category == COMPLEX and low is float64:
            return complex128
        return high
    if a.category == INTEGER:
        if uint8 in (a, b):
            other = b if a is uint8 else a
            return int16 if other is int8 else other
        return a if _INTEGER_ORDER[a] > _INTEGER_ORDER[b] else b
    if a.itemsize == b.itemsize:  # float16 with bfloat16
        return float32
    return a if a.itemsize > b.itemsize else b


def can_cast(a: dtype, to: dtype) -> bool:
    """Whether in-place results of type `a` may be written to `to` (category must not fall).

    >>> torch.can_cast(torch.float32, torch.int32)
    False
    """
    return a.category <= to.category


def of_scalar(value: Any) -> dtype:
    """The dtype a Python number takes by itself: bool, int64, the default float or complex."""
    if isinstance(value, (bool, np.bool_)):
        return bool_
    if isinstance(value, (int, np.integer)):
        return int64
    if isinstance(value, (float, np.floating)):
        return _default[0]
    return default_complex()


class finfo:
    """Numerical properties of a floating type: bits, eps, max, min, tiny, resolution.

    >>> torch.finfo(torch.float16).max
    65504.0
    """

    def __init__(self, of: dtype | None = None) -> None:
        d = _default[0] if of is None else of
        if d.category < FLOATING:
            raise TypeError(
                f"torch.finfo() requires a floating point input type. Use torch.iinfo to handle "
                f"'{d!r}'"
            )
        info: Any = ml_dtypes.finfo(d.to_real().numpy)  # type: ignore[no-untyped-call]
        self.dtype = d.to_real().name
        self.bits = int(info.bits)
        self.eps, self.max, self.min = float(info.eps), float(info.max), float(info.min)
        self.tiny = self.smallest_normal = float(info.smallest_normal)
        self.resolution = float(info.resolution)

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, "
            f"eps={self.eps:g}, smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, "
            f"dtype={self.dtype})"
        )


class iinfo:
    """Numerical properties of an integer type: bits, min, max.

    >>> torch.iinfo(torch.int8).min, torch.iinfo(torch.int8).max
    (-128, 127)
    """

    def __init__(self, of: dtype) -> None:
        if of.category != INTEGER:
            raise TypeError(
                f"torch.iinfo() requires an integer input type. Use torch.finfo to handle '{of!r}'"
            )
        info = np.iinfo(of.numpy)
        self.dtype, self.bits = of.name, int(info.bits)
        self.min, self.max = int(info.min), int(info.max)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
