"""Printed arrays, held to the texts recorded from torch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from tests.golden.printing_cases import build, cases

from adjoint.arrays import printing

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "golden" / "printing.json").read_text(encoding="utf-8")
)["texts"]


@pytest.fixture(autouse=True)
def _restored_options() -> Iterator[None]:
    with printing.printoptions():
        yield
    assert printing.get_printoptions()["precision"] == 4


def text_of(case: dict[str, Any]) -> str:
    is_parameter = case.get("parameter", False)
    with printing.printoptions(**case.get("options", {})):
        return printing.tensor_repr(
            build(case, ml_dtypes.bfloat16),
            dtype_name="torch." + case["dtype"],
            default_dtype="torch." + case.get("default_dtype", "float32"),
            requires_grad=case.get("requires_grad", is_parameter),
            grad_fn_name=case.get("grad_fn"),
            prefix=case.get("subclass", "tensor") + "(",
            heading="Parameter containing:\n" if is_parameter else "",
        )


def test_every_recorded_text_is_printed_alike() -> None:
    wrong = [
        (case, text_of(case), expected)
        for case, expected in zip(cases(), GOLDEN, strict=True)
        if text_of(case) != expected
    ]
    assert not wrong
    assert len(GOLDEN) > 250


def test_device_and_tangent_come_where_torch_puts_them() -> None:
    text = printing.tensor_repr(
        np.ones(2, np.float16),
        dtype_name="torch.float16",
        device="cuda:0",
        requires_grad=True,
        tangent="1.0",
    )
    assert text == (
        "tensor([1., 1.], device='cuda:0', dtype=torch.float16, requires_grad=True,\n"
        "       tangent=1.0)"
    )


def test_show_dtype_overrules() -> None:
    array = np.ones(1, np.float32)
    shown = printing.tensor_repr(array, dtype_name="torch.float32", show_dtype=True)
    assert shown == "tensor([1.], dtype=torch.float32)"
    hidden = printing.tensor_repr(array.astype(np.int8), dtype_name="torch.int8", show_dtype=False)
    assert hidden == "tensor([1])"


def test_layout_does_not_matter() -> None:
    array = np.arange(12.0).reshape(3, 4)
    name = "torch.float64"
    copied = printing.tensor_repr(array.T.copy(), dtype_name=name)
    assert printing.tensor_repr(array.T, dtype_name=name) == copied
    assert printing.tensor_repr(array[::-1, ::2], dtype_name=name) == printing.tensor_repr(
        array[::-1, ::2].copy(), dtype_name=name
    )


def test_options_are_set_read_and_restored() -> None:
    printing.set_printoptions(precision=2, linewidth=40)
    assert printing.get_printoptions() == {
        "precision": 2,
        "threshold": 1000,
        "edgeitems": 3,
        "linewidth": 40,
        "sci_mode": None,
    }
    with printing.printoptions(profile="full", sci_mode=True):
        assert printing.get_printoptions()["threshold"] == float("inf")
    assert printing.get_printoptions()["threshold"] == 1000
    assert printing.get_printoptions()["sci_mode"] is None
    printing.set_printoptions(sci_mode=False)
    printing.set_printoptions(precision=3)
    assert printing.get_printoptions()["sci_mode"] is None
    printing.set_printoptions(profile="default")
    assert printing.get_printoptions()["precision"] == 4


def test_a_large_array_is_printed_from_its_edges_only() -> None:
    array = np.broadcast_to(np.float32(1.5), (100_000, 100_000))
    text = printing.tensor_repr(array, dtype_name="torch.float32")
    assert text.count("...") == 7
