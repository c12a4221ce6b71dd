"""check_operation: a right operation passes, and each law finds the operation that breaks it."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import adjoint as torch
from adjoint.library import REGISTRY, Sample, cases, elementwise, general, linear, unary
from adjoint.testing import LAWS, LawError, check_operation


@pytest.fixture(autouse=True)
def _leave_the_registry_as_it_was():
    names = set(REGISTRY)
    yield
    for name in set(REGISTRY) - names:
        del REGISTRY[name]


def define(kind, rules, samples=None, **options):
    """An operation called `mine` from its rules."""
    body = {"__doc__": "A formula.", **rules}
    return kind("mine", samples=samples or unary(), **options)(type("mine", (), body))


CUBE = {"forward": lambda xp, x: x * x * x, "d_x": lambda xp, x: 3 * x * x}


def test_a_right_operation_passes() -> None:
    mine = define(elementwise, CUBE, reference=lambda x: x**3)
    check_operation(mine)
    x = torch.tensor([2.0], requires_grad=True)
    y = mine(x)
    assert y.grad_fn.name() == "MineBackward0"
    y.sum().backward()
    assert x.grad.tolist() == [12.0]


def test_operations_without_derivative_pass() -> None:
    whole = {"forward": lambda xp, x: xp.floor(x)}
    check_operation(define(general, whole, reference=np.floor))


def scaled(xp, x):
    """Twice x, which also writes to x."""
    x *= 1
    return x + x


calls: list[int] = []


def noisy(xp, x):
    """A cube whose NumPy warning no filter takes."""
    warnings.warn("mine", UserWarning, stacklevel=1)
    return x * x * x


def remembering(xp, ct, x):
    """A rule of which no recording is made: it computes on bare arrays."""
    array = getattr(x, "_data", x)
    found = getattr(ct, "_data", ct) * 3 * array * array
    return found if xp.__name__ == "adjoint.arrays.cpu" else torch.tensor(found)


BROKEN = {
    "reference_value": lambda: define(elementwise, CUBE, reference=lambda x: x**2),
    "jvp_is_the_finite_difference": lambda: define(
        elementwise, {**CUBE, "d_x": lambda xp, x: 2 * x * x}
    ),
    "transpose_identity": lambda: define(
        general,
        {
            "forward": CUBE["forward"],
            "jvp_x": lambda xp, t, x: 3 * x * x * t,
            "vjp_x": lambda xp, ct, x: 2 * x * x * ct,
        },
    ),
    "lower_precision": lambda: define(
        elementwise,
        {**CUBE, "forward": lambda xp, x: (x * x * x).astype(np.float64)},
        cases(((3,),)),
    ),
    "inputs_are_not_written": lambda: define(
        elementwise,
        {"forward": lambda xp, x: np.multiply(x, 2, x), "d_x": lambda xp: 2.0},
        cases(((3,),)),
    ),
    "gradients_own_their_memory": lambda: define(
        general,
        {
            "forward": lambda xp, x, y: x + y,
            "jvp_x": lambda xp, t: t,
            "vjp_x": lambda xp, ct: ct,
            "jvp_y": lambda xp, t: t,
            "vjp_y": lambda xp, ct, x: x,
        },
        cases(((3,), (3,))),
    ),
    "special_values_do_not_warn": lambda: define(elementwise, {**CUBE, "forward": noisy}),
    "non_contiguous_inputs": lambda: define(
        elementwise,
        {**CUBE, "forward": lambda xp, x: x * x * x * (x.strides == x.copy().strides)},
        cases(((3,),)),
    ),
}


@pytest.mark.filterwarnings("ignore:mine")
@pytest.mark.parametrize("law", BROKEN)
def test_each_law_finds_who_breaks_it(law) -> None:
    with pytest.raises(LawError, match=f"operation 'mine' breaks the law {law} on sample"):
        check_operation(BROKEN[law](), [law])


def test_a_gradient_that_is_not_recorded_is_found() -> None:
    rules = {
        "forward": CUBE["forward"],
        "jvp_x": lambda xp, t, x: 3 * x * x * t,
        "vjp_x": remembering,
    }
    with pytest.raises(LawError, match="second_order"):
        check_operation(define(general, rules), ["second_order"])


def test_a_reference_cycle_is_found() -> None:
    class Cyclic:
        """Twice x."""

        def forward(xp, x):
            return x + x

        def transpose_x(xp, ct):
            return ct + ct

    mine = linear("mine", samples=unary())(Cyclic)
    kept = []
    apply = type(mine).__call__

    class Keeping(type(mine)):
        def __call__(self, *tensors, **params):
            out = apply(self, *tensors, **params)
            kept.append(out)
            return out

    mine.__class__ = Keeping
    with pytest.raises(LawError, match="are in a reference cycle"):
        check_operation(mine, ["freed_without_the_collector"])


def test_an_operation_can_be_excepted_from_a_law() -> None:
    wrong = define(elementwise, CUBE, reference=lambda x: x**2, except_laws=["reference_value"])
    check_operation(wrong)


def test_the_message_names_sample_and_parameters() -> None:
    samples = cases(Sample((np.ones(2),), {}), Sample((np.full((1, 3), 2.0),), {}))
    wrong = define(elementwise, CUBE, samples, reference=lambda x: x)
    with pytest.raises(LawError, match=re.escape("sample 1 (inputs of shape [(1, 3)]")):
        check_operation(wrong)


def test_what_cannot_be_checked() -> None:
    with pytest.raises(TypeError, match="takes an operation"):
        check_operation(torch.tanh)
    with pytest.raises(ValueError, match="no law is called 'gravity'; there are reference_value,"):
        check_operation(REGISTRY["tanh"], ["gravity"])
    with pytest.raises(LawError, match="has no samples"):
        check_operation(define(elementwise, CUBE, list))


def test_every_law_says_what_it_holds() -> None:
    assert all(law.__doc__ for law in LAWS.values())


def test_the_page_about_custom_operations_runs() -> None:
    page = Path(__file__).parents[2] / "docs" / "custom-operations.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 4
    scope: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(page), "exec"), scope)
