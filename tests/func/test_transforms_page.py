"""docs/transforms.md: every program prints what is shown below it."""

from __future__ import annotations

import pytest
from tests.pages import examples, printed

PAGE = "transforms.md"


@pytest.mark.parametrize(("code", "shown"), examples(PAGE))
def test_the_page_prints_what_it_shows(code: str, shown: str) -> None:
    assert printed(code, PAGE) == shown
