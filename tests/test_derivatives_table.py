"""docs/derivatives-table.md is closed: no operation lacks a derivative, a rule or a law."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tools.derivatives_table import COLUMNS, HOLE, PAGE, PHASES, cells, page, rows

from adjoint.library import REGISTRY, cases, elementwise, general, linear, unary

Table = dict[str, list[tuple[str, ...]]]


def planted(kind: Any, rules: dict[str, Any], **options: Any) -> set[str]:
    """The columns in which an operation with these rules has holes."""
    body = {"__doc__": "A formula.", **rules}
    try:
        mine = kind("mine", **{"samples": unary(), **options})(type("mine", (), body))
        row = cells("mine", mine)
    finally:
        REGISTRY.pop("mine", None)
    return {column for column, cell in zip(COLUMNS, row, strict=True) if HOLE in cell}


DOUBLED = {"forward": lambda xp, x: 2 * x, "d_x": lambda xp, x_dtype: 3.0}
CUBE = {
    "forward": lambda xp, x: x * x * x,
    "vjp_x": lambda xp, ct, x: ct * 3 * xp.conj(x) * xp.conj(x),
    "jvp_x": lambda xp, t, x: t * 3 * x * x,
}
FLIPPED = {
    "forward": lambda xp, x, *, dims: xp.flip(x, axis=dims),
    "transpose_x": lambda xp, ct, dims: ct,
}


def test_wrong_rules_are_holes() -> None:
    """A partial that is wrong by a constant is wrong in both modes, and consistently so."""
    assert planted(elementwise, DOUBLED) >= {"vjp", "jvp"}
    assert planted(general, CUBE) == set()
    assert "vjp" in planted(general, {**CUBE, "vjp_x": lambda xp, ct, x: ct * 3 * x})
    assert "complex" in planted(general, {**CUBE, "vjp_x": lambda xp, ct, x: ct * 3 * x * x})
    assert "jvp" in planted(general, {**CUBE, "jvp_x": lambda xp, t, x: t * x * x})
    detached = {**CUBE, "vjp_x": lambda xp, ct, x: ct * (3 * np.square(np.asarray(x)))}
    assert "second" in planted(general, detached)
    samples = cases(((5,), {"dims": (0,)}))
    assert "vjp" in planted(linear, FLIPPED, samples=samples, reference=np.flip)


def test_operations_with_a_phase_are_held_elsewhere() -> None:
    from tests.laws.test_phases import LOSSES

    assert set(PHASES) <= set(LOSSES)


@pytest.fixture(scope="module")
def table() -> Table:
    return rows()


def test_there_is_no_hole(table: Table) -> None:
    holes = [
        f"{row[0]}: {column}"
        for found in table.values()
        for row in found
        for column, cell in zip(COLUMNS, row, strict=True)
        if HOLE in cell
    ]
    assert holes == []


def test_the_page_is_up_to_date(table: Table) -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == page(table), "run python -m tools.derivatives_table"


def test_few_operations_run_one_example_at_a_time(table: Table) -> None:
    batching = [row[COLUMNS.index("batching")] for found in table.values() for row in found]
    assert len(batching) > 300
    assert batching.count("loop") <= 6
