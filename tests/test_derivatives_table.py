"""docs/derivatives-table.md is closed: no operation lacks a derivative, a rule or a law."""

from __future__ import annotations

import pytest
from tools.derivatives_table import COLUMNS, HOLE, PAGE, page, rows

Table = dict[str, list[tuple[str, ...]]]


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
