"""The tensors that `record_printing.py` prints with torch and `tests/arrays/test_printing.py` here.

A case gives `values` (a list) or a `ramp` (start, step) for a `shape`, a dtype, print options, and
what is printed after the values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Case = dict[str, Any]

INF, NAN = float("inf"), float("nan")
FLOATS = ("float32", "float64", "float16", "bfloat16")
INTEGERS = ("int64", "int32", "int16", "int8", "uint8")
_LISTS: list[list[float]] = [
    [],
    [0.0],
    [-0.0, 0.0],
    [1.0],
    [1.0, 2.0, 3.0],
    [-1.0, 20.0, 300.0],
    [0.1, 0.25, -3.75],
    [1.0, 2.5, NAN],
    [NAN, 1.0],
    [INF, -INF, NAN],
    [INF, 0.5],
    [1e-5, 1.0],
    [1e-5],
    [1e-4, 0.05],
    [1000.0, 1.0],
    [1001.0, 1.0],
    [1234.5, 0.001],
    [30000.0, 0.5],
    [99.99995, 0.12345678],
    [0.99999, 9.99999],
    [0.5, 0.0, -0.0, NAN, 1e-3],
    [3.0, NAN, -INF, 100.0],
    [-0.0, -5.0],
]
_WIDE: list[list[float]] = [
    [1e8, 1.0],
    [1.1e8],
    [1e10, 2e10],
    [123456789.0, 5.0],
    [1e38, 1e-38],
    [3.4028235e38],
    [1.17549435e-38, 1e-45],
    [16777216.0, 1.0, 2.0],
]


def build(case: Case, bfloat16: npt.DTypeLike) -> npt.NDArray[Any]:
    """The array of a case; `bfloat16` is the NumPy dtype to use for it."""
    if "ramp" in case:
        start, step = case["ramp"]
        flat = start + step * np.arange(np.prod(case["shape"], dtype=int))
    else:
        flat = np.array(
            [complex(*v) if isinstance(v, list) else v for v in case["values"]],
            None if case["values"] else float,
        )
    dtype = np.dtype(bfloat16 if case["dtype"] == "bfloat16" else case["dtype"])
    return flat.astype(dtype).reshape(case["shape"])


def _vector(values: list[Any], dtype: str, **more: Any) -> Case:
    return {"values": values, "shape": [len(values)], "dtype": dtype, **more}


def _ramp(shape: list[int], dtype: str = "float32", **more: Any) -> Case:
    return {"ramp": [0, 1], "shape": shape, "dtype": dtype, **more}


def cases() -> list[Case]:
    """Every case, in the order of the recording."""
    return _floats() + _others() + _shapes() + _suffixes() + _options()


def _floats() -> list[Case]:
    found = [_vector(values, dtype) for dtype in FLOATS for values in _LISTS]
    found += [_vector(values, dtype) for dtype in ("float32", "float64") for values in _WIDE]
    scalars = (0.0, -0.0, 1.0, 1.5, -2.75, 1e-7, 1e9, 3.14159265, NAN, -INF)
    found += [
        {"values": [v], "shape": [], "dtype": d} for d in ("float32", "float64") for v in scalars
    ]
    return found


def _others() -> list[Case]:
    found = []
    for dtype in INTEGERS:
        found += [_vector([0, 1, 100], dtype), _vector([], dtype), _ramp([2, 3], dtype)]
    found += [_vector([-1, 12345678901, 3], "int64"), _vector([-128, 127], "int8")]
    found += [_vector([True, False], "bool"), _vector([False] * 30, "bool"), _vector([], "bool")]
    found.append({"values": [True], "shape": [], "dtype": "bool"})
    for dtype in ("complex64", "complex128"):
        found += [
            _vector([[1, 2], [0, -1]], dtype),
            _vector([[0.5, -0.0], [-0.0, 3.25]], dtype),
            _vector([[NAN, 1], [INF, -INF], [1, NAN]], dtype),
            _vector([[1e-6, 1], [100, 1e6]], dtype),
            {"values": [[1.5, -2]], "shape": [], "dtype": dtype},
            {"values": [[i, -i / 4] for i in range(12)], "shape": [3, 4], "dtype": dtype},
            {"values": [[i / 2, -i] for i in range(1200)][:40], "shape": [40], "dtype": dtype},
            _ramp([30, 40], dtype),
        ]
    return found


def _shapes() -> list[Case]:
    found = []
    for shape in ([0, 3], [2, 0], [0, 0], [0], [1, 0, 2]):
        found += [_ramp(shape, dtype) for dtype in ("float32", "int64", "float16")]
    for shape in ([1, 1], [3, 1], [2, 2, 2], [1, 2, 1, 3], [2, 1, 1, 1, 2], [30], [3, 30]):
        found += [_ramp(shape), {**_ramp(shape), "ramp": [-1.5, 0.37]}]
    for shape in ([1000], [1001], [10, 101], [1, 1001], [7, 7, 30], [2, 600], [600, 2], [5, 5, 50]):
        found += [_ramp(shape), _ramp(shape, "int64"), {**_ramp(shape), "ramp": [-0.1, 0.013]}]
    found += [_ramp([1001], "bool"), _ramp([40, 40], "float16"), _ramp([40, 40], "uint8")]
    # A large value in the part left out must not change the format.
    found.append({**_ramp([2000]), "ramp": [0.001, 1e4]})
    return found


def _suffixes() -> list[Case]:
    found: list[Case] = []
    for length in range(4, 13):
        for suffix in ({"grad_fn": "MulBackward0"}, {"requires_grad": True}):
            found.append({**_ramp([length]), "ramp": [0.5, 1.25], **suffix})
    found += [
        _vector([1.0], "float64", grad_fn="MulBackward0"),
        _vector([1.0, 2.0], "float16", requires_grad=True),
        _vector([1.0] * 8, "bfloat16", grad_fn="AVeryLongNameOfAFunctionThatGoesOnBackward"),
        _vector([], "float32", requires_grad=True),
        {**_ramp([0, 3]), "grad_fn": "MulBackward0"},
        {**_ramp([3, 4]), "grad_fn": "MulBackward0"},
        {**_ramp([1, 2, 8]), "ramp": [0.5, 100], "grad_fn": "MulBackward0"},
        {"values": [2.5], "shape": [], "dtype": "float32", "grad_fn": "MulBackward0"},
        {**_ramp([2, 3]), "ramp": [0.5, 1], "parameter": True},
        {**_ramp([40, 40]), "parameter": True, "dtype": "float64"},
        {**_ramp([2, 12]), "ramp": [-3.25, 1], "subclass": "Positions"},
        {**_ramp([3, 9]), "ramp": [-3.25, 1], "subclass": "A", "grad_fn": "AliasBackward0"},
        _vector([1.0, 2.0], "float64", default_dtype="float64"),
        _vector([1.0, 2.0], "float32", default_dtype="float64"),
        _vector([[1, 2]], "complex64", default_dtype="float64"),
        _vector([[1, 2]], "complex128", default_dtype="float64"),
        _vector([], "float32", default_dtype="float64"),
    ]
    return found


def _options() -> list[Case]:
    odd = {**_ramp([3, 7]), "ramp": [-1.23456789, 17.7]}
    small = {**_ramp([4]), "ramp": [1e-3, 2e-3]}
    found = []
    for options in (
        {"precision": 0},
        {"precision": 2},
        {"precision": 10},
        {"sci_mode": True},
        {"sci_mode": False},
        {"sci_mode": True, "precision": 1},
        {"linewidth": 20},
        {"linewidth": 5},
        {"linewidth": 200},
        {"threshold": 5},
        {"threshold": 5, "edgeitems": 1},
        {"threshold": 0, "edgeitems": 0},
        {"edgeitems": 0},
        {"profile": "short"},
        {"profile": "full"},
    ):
        found += [{**case, "options": options} for case in (odd, small, _ramp([9], "int64"))]
        found.append({**odd, "options": options, "grad_fn": "MulBackward0"})
    found += [
        {**_ramp([1200]), "options": {"profile": "full"}},
        {**_ramp([30, 40]), "options": {"profile": "short"}},
        _vector([1e-7, 1.0], "float32", options={"sci_mode": False}),
        _vector([0.0, NAN], "float32", options={"sci_mode": True}),
        _vector([1.0, 2.0], "float32", options={"sci_mode": True}),
        _vector([[1, 2], [3, 4]], "complex64", options={"sci_mode": True}),
        {"values": [3.0], "shape": [], "dtype": "float32", "options": {"threshold": 0}},
    ]
    return found
