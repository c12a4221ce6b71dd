"""assert_close: what is close, and torch's words for what is not."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as torch
from adjoint.testing import assert_close

T = torch.tensor
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("actual", "expected", "options"),
    [
        (T([1.0, 2.0]), T([1.0, 2.0 + 1e-6]), {}),
        (T([1.0]), T([1.000001], dtype=torch.float64), {"check_dtype": False}),
        (T([INF, -INF]), T([INF, -INF]), {}),
        (T([NAN]), T([NAN]), {"equal_nan": True}),
        (NAN, NAN, {"equal_nan": True}),
        (T([1.0]), T([1.05]), {"rtol": 0, "atol": 0.1}),
        (T([1.0]), T([1.05]), {"rtol": 0.1, "atol": 0}),
        (T([1.0], dtype=torch.float16), T([1.001], dtype=torch.float16), {}),
        (T([1.0], dtype=torch.bfloat16), T([1.01], dtype=torch.bfloat16), {}),
        (T([1 + 1j]), T([1 + 1.000001j]), {}),
        (T([1, 2]), T([1, 2]), {}),
        (torch.ones(2, 3), torch.ones(3, 2).t(), {}),
        (torch.ones(0), torch.ones(0), {}),
        (torch.ones(2, requires_grad=True), torch.ones(2), {}),
        (torch.nn.Parameter(torch.ones(1)), torch.ones(1), {}),
        (np.ones(2), np.ones(2), {}),
        (1.0, 1.0 + 1e-9, {}),
        (1, 1.0, {"check_dtype": False}),
        (np.float32(1), np.float32(1), {}),
        (True, True, {}),
        (None, None, {}),
        ((T(1.0), {"a": T(2.0)}), [T(1.0), {"a": T(2.0)}], {}),
    ],
)
def test_close(actual, expected, options) -> None:
    assert_close(actual, expected, **options)


# Recorded from torch.
MISMATCHES = [
    (
        T([1.0, 2.0, 3.0]),
        T([1.0, 2.5, 3.1]),
        "Tensor-likes are not close!\n\nMismatched elements: 2 / 3 (66.7%)\n"
        "Greatest absolute difference: 0.5 at index (1,) (up to 1e-05 allowed)\n"
        "Greatest relative difference: 0.20000000298023224 at index (1,) (up to 1.3e-06 allowed)",
    ),
    (
        T([[1.0, 2.0], [3.0, 4.0]]),
        T([[1.0, 2.5], [3.0, 9.0]]),
        "Tensor-likes are not close!\n\nMismatched elements: 2 / 4 (50.0%)\n"
        "Greatest absolute difference: 5.0 at index (1, 1) (up to 1e-05 allowed)\n"
        "Greatest relative difference: 0.5555555820465088 at index (1, 1) (up to 1.3e-06 allowed)",
    ),
    (
        T([INF, 1.0]),
        T([1.0, INF]),
        "Tensor-likes are not close!\n\nMismatched elements: 2 / 2 (100.0%)\n"
        "Greatest absolute difference: inf at index (0,) (up to 1e-05 allowed)\n"
        "Greatest relative difference: nan at index (1,) (up to 1.3e-06 allowed)",
    ),
    (
        T([1, 2, 3]),
        T([1, 2, 4]),
        "Tensor-likes are not equal!\n\nMismatched elements: 1 / 3 (33.3%)\n"
        "Greatest absolute difference: 1 at index (2,)\n"
        "Greatest relative difference: 0.25 at index (2,)",
    ),
    (
        T([1], dtype=torch.uint8),
        T([200], dtype=torch.uint8),
        "Tensor-likes are not equal!\n\nMismatched elements: 1 / 1 (100.0%)\n"
        "Greatest absolute difference: 199 at index (0,)\n"
        "Greatest relative difference: 0.9950000047683716 at index (0,)",
    ),
    (
        T(1.0),
        T(2.0),
        "Scalars are not close!\n\nExpected 2.0 but got 1.0.\n"
        "Absolute difference: 1.0 (up to 1e-05 allowed)\n"
        "Relative difference: 0.5 (up to 1.3e-06 allowed)",
    ),
    (
        1,
        2,
        "Scalars are not equal!\n\nExpected 2 but got 1.\nAbsolute difference: 1\n"
        "Relative difference: 0.5",
    ),
    (
        -1.0,
        0.0,
        "Scalars are not close!\n\nExpected 0.0 but got -1.0.\n"
        "Absolute difference: 1.0 (up to 1e-07 allowed)\n"
        "Relative difference: inf (up to 1e-07 allowed)",
    ),
    (
        {"a": [T(1.0), {"k": T(2.0)}]},
        {"a": [T(1.0), {"k": T(3.0)}]},
        "Scalars are not close!\n\nExpected 3.0 but got 2.0.\n"
        "Absolute difference: 1.0 (up to 1e-05 allowed)\n"
        "Relative difference: 0.3333333333333333 (up to 1.3e-06 allowed)\n\n"
        "The failure occurred for item ['a'][1]['k']",
    ),
    (
        T([1.0, 2.0]),
        T([[1.0, 2.0]]),
        "The values for attribute 'shape' do not match: torch.Size([2]) != torch.Size([1, 2]).",
    ),
    (
        T([1.0]),
        T([1.0], dtype=torch.float64),
        "The values for attribute 'dtype' do not match: torch.float32 != torch.float64.",
    ),
    (1, 1.0, "The (d)types do not match: <class 'int'> != <class 'float'>."),
    (True, False, "Booleans mismatch: True is not False"),
    (None, 1, "None mismatch: None is not 1"),
    ([1], [1, 2], "The length of the sequences mismatch: 1 != 2"),
    (
        {"a": 1.0},
        {"b": 1.0},
        "The keys of the mappings do not match:\nMissing keys in the actual mapping: ['b']\n"
        "Additional keys in the actual mapping: ['a']",
    ),
]


@pytest.mark.parametrize(("actual", "expected", "message"), MISMATCHES)
def test_mismatch(actual, expected, message) -> None:
    with pytest.raises(AssertionError) as caught:
        assert_close(actual, expected)
    assert str(caught.value) == message


def test_strides_are_compared_when_asked() -> None:
    with pytest.raises(AssertionError, match=r"'stride\(\)' do not match: \(3, 1\) != \(1, 2\)"):
        assert_close(torch.ones(2, 3), torch.ones(3, 2).t(), check_stride=True)


def test_nan_differs_from_nan() -> None:
    with pytest.raises(AssertionError, match="Greatest absolute difference: nan at index"):
        assert_close(T([NAN, 1.0]), T([NAN, 1.0]))


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        ("a", "a"),
        (T([1.0]), [1.0]),
        (T(1.0), 1.0),
        (1.0, T(1.0)),
        (np.ones(1), T([1.0])),
        (np.array("a"), np.array("a")),
    ],
)
def test_what_cannot_be_compared(actual, expected) -> None:
    with pytest.raises(TypeError, match="No comparison pair was able to handle inputs of type"):
        assert_close(actual, expected)
    with pytest.raises(TypeError, match=r"The failure occurred for item \[0\]"):
        assert_close([actual], [expected])


def test_subclasses() -> None:
    with pytest.raises(TypeError, match="No comparison pair"):
        assert_close(torch.nn.Parameter(torch.ones(1)), torch.ones(1), allow_subclasses=False)


def test_tolerances_come_in_pairs() -> None:
    with pytest.raises(ValueError, match="must be either specified or omitted, but got no atol"):
        assert_close(1.0, 1.0, rtol=1e-3)
    with pytest.raises(ValueError, match="must not be negative"):
        assert_close(1.0, 1.0, rtol=-1, atol=0)


def test_the_message_can_be_replaced() -> None:
    with pytest.raises(AssertionError, match=r"^mine$"):
        assert_close(1.0, 2.0, msg="mine")
    with pytest.raises(AssertionError, match=r"^mine: Scalars are not close!"):
        assert_close(1.0, 2.0, msg=lambda found: f"mine: {found}")


def test_a_boolean_is_no_number() -> None:
    for actual, expected in ((True, 1), (1, True)):
        with pytest.raises(AssertionError, match=r"The \(d\)types do not match"):
            assert_close(actual, expected)
        assert_close(actual, expected, check_dtype=False)
