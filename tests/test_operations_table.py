"""docs/operations.md says what the registry holds."""

from __future__ import annotations

import pytest
from tools.operations_table import PAGE, families, page, users


@pytest.fixture(scope="module")
def generated() -> str:
    return page()


def test_the_page_is_up_to_date(generated: str) -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == generated, "run python tools/operations_table.py"


def test_every_operation_has_a_row(generated: str) -> None:
    names = [name for operations in families().values() for name, _ in operations]
    assert len(names) > 300
    for name in names:
        assert generated.count(f"\n| `{name}` |") == 1, name


def test_what_is_kept_and_who_uses_it_is_told(generated: str) -> None:
    rows = {line.split("`")[1]: line for line in generated.splitlines() if line.startswith("| `")}
    assert "| x: out | `ExpBackward0` | `torch.exp`" in rows["exp"]
    assert "| x: y; y: x | `MulBackward0` |" in rows["mul"]
    assert "| no gradient | – |" in rows["eq"]
    found = users()
    assert "torch.exp" in found["exp"] and "torch.matmul" in found["matmul"]
