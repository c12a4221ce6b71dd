"""The laws, held against every operation of the registry; none is named here."""

from __future__ import annotations

import pytest
from tests.laws.samples import OPERATIONS

from adjoint.ops.batching import batching_kind
from adjoint.ops.operation import REGISTRY
from adjoint.testing.laws import LAWS, check_law


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_law(operation: str, law: str) -> None:
    check_law(REGISTRY[operation], law)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_vmap_is_no_loop(operation: str) -> None:
    """All examples together: the loop is for operations that users register without a rule."""
    assert batching_kind(REGISTRY[operation]) != "loop"
