"""torch.autograd.functional: torch's recorded results and messages; what stays untouched."""

from __future__ import annotations

import builtins
import gc
import json
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.golden import functional_api_program as program

import adjoint as torch
from adjoint.autograd import functional, functional_schedule

RECORDED = json.loads(
    (Path(program.__file__).with_name("functional_api.json")).read_text(encoding="utf-8")
)
VALUES = dict(RECORDED["values"])
ERRORS = {name: (kind, message) for name, kind, message in RECORDED["errors"]}

# Messages in which adjoint's own words follow other words than torch's; the class is torch's.
OWN_WORDS = {
    "integer inputs": "only Tensors of floating point and complex dtype can require gradients",
    "integer outputs of jvp": "only Tensors of floating point and complex dtype",
    "no outputs": "the user-provided function returned an empty tuple",
}


def compare(found: Any, expected: Any) -> None:
    if isinstance(expected, list):
        assert isinstance(found, tuple)
        assert len(found) == len(expected)
        for part, recorded in zip(found, expected, strict=True):
            compare(part, recorded)
        return
    got = program.told(torch, found)
    tolerance = 1e-5 if got["dtype"] in ("torch.float32", "torch.complex64") else 1e-11
    np.testing.assert_allclose(
        got.pop("values"), expected["values"], rtol=tolerance, atol=tolerance
    )
    assert got == {k: v for k, v in expected.items() if k != "values"}


@pytest.mark.parametrize("name", list(VALUES))
def test_result_is_torchs(name: str) -> None:
    compare(program.values()[name](torch, functional), VALUES[name])


@pytest.mark.parametrize("name", list(ERRORS))
def test_error_is_torchs(name: str) -> None:
    kind, message = ERRORS[name]
    with pytest.raises(getattr(builtins, kind)) as caught:
        program.errors()[name](torch, functional)
    assert type(caught.value).__name__ == kind
    assert str(caught.value).startswith(OWN_WORDS.get(name, message))


@pytest.mark.parametrize("name", [n for n in VALUES if n.startswith(("jacobian", "hessian"))])
def test_schedule_is_the_engine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduled = program.told(torch, program.values()[name](torch, functional))
    monkeypatch.setattr(functional_schedule.Schedule, "of", lambda *args: None)
    assert program.told(torch, program.values()[name](torch, functional)) == scheduled


def test_every_case_is_recorded() -> None:
    assert list(program.values()) == list(VALUES)
    assert list(program.errors()) == list(ERRORS)
    assert OWN_WORDS.keys() <= ERRORS.keys()


X = [0.3, -1.2, 0.7]
CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "vjp": lambda f, x: functional.vjp(f, x),
    "jvp": lambda f, x: functional.jvp(f, x, x.detach()),
    "vhp": lambda f, x: functional.vhp(f, x, x.detach()),
    "hvp": lambda f, x: functional.hvp(f, x, x.detach()),
    "jacobian": lambda f, x: functional.jacobian(f, x),
    "jacobian, forward": lambda f, x: functional.jacobian(f, x, **program.FORWARD),
    "hessian": lambda f, x: functional.hessian(f, x),
    "hessian, forward": lambda f, x: functional.hessian(f, x, **program.OUTER_FORWARD),
}


def leaf() -> Any:
    return torch.tensor(X, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("name", list(CALLS))
def test_function_runs_once_and_gradients_stay_empty(name: str) -> None:
    x, weight, calls = leaf(), leaf(), []

    def func(y: Any) -> Any:
        calls.append(y)
        return (y.tanh() * weight).sum().exp()

    CALLS[name](func, x)
    assert len(calls) == 1
    assert calls[0] is not x
    assert x.grad is None
    assert weight.grad is None


@pytest.mark.parametrize("name", list(CALLS))
@pytest.mark.parametrize("before", [True, False])
def test_grad_mode_inside_is_on_and_restored(name: str, before: bool) -> None:
    modes = []

    def failing(y: Any) -> Any:
        modes.append(torch.is_grad_enabled())
        raise KeyError("the user's own")

    with torch.set_grad_enabled(before):
        CALLS[name](program.scalar, leaf())
        assert torch.is_grad_enabled() is before
        with pytest.raises(KeyError, match="the user's own"):
            CALLS[name](failing, leaf())
        assert torch.is_grad_enabled() is before
    assert modes == [before if name == "jacobian, forward" else True]  # as torch has it


@pytest.mark.parametrize("name", list(CALLS))
def test_values_do_not_depend_on_the_outer_grad_mode(name: str) -> None:
    with torch.no_grad():
        quiet = CALLS[name](program.scalar, leaf())
    recorded = program.told(torch, CALLS[name](program.scalar, leaf().detach()))
    assert program.told(torch, quiet) == recorded


@pytest.mark.parametrize("name", list(CALLS))
def test_graph_is_freed_without_the_collector(name: str) -> None:
    alive = []

    def func(y: Any) -> Any:
        inner = y.tanh()
        alive.append(weakref.ref(inner))
        return (inner * y).sum().exp()

    gc.disable()
    try:
        kept = CALLS[name](func, leaf().detach())
        assert [ref() for ref in alive] == [None]
        assert kept is not None
    finally:
        gc.enable()


def test_use_behind_the_arguments_is_no_input() -> None:
    x = leaf()
    assert torch.equal(functional.jacobian(lambda y: y * x, x), torch.diag(x.detach()))
    created = functional.jacobian(lambda y: y * x, x, create_graph=True)
    (through,) = torch.autograd.grad(created.sum(), x)
    assert torch.equal(through, torch.ones(3, dtype=torch.float64))


@pytest.mark.parametrize("options", [{}, {"vectorize": True}, program.FORWARD])
def test_jacobian_has_memory_of_its_own(options: dict[str, Any]) -> None:
    x = torch.ones(3)
    jacobian = functional.jacobian(lambda y: y, x, **options)
    jacobian.fill_(7.0)
    assert x.tolist() == [1.0, 1.0, 1.0]
    assert functional.jacobian(lambda y: y, x, **options).tolist() == torch.eye(3).tolist()


def test_strategies_and_products_agree() -> None:
    x, v = leaf().detach(), torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    backward = functional.jacobian(program.mixed, x)
    forward = functional.jacobian(program.mixed, x, **program.FORWARD)
    torch.testing.assert_close(forward, backward)
    torch.testing.assert_close(functional.jvp(program.mixed, x, v)[1], backward @ v)
    torch.testing.assert_close(functional.vjp(program.mixed, x, v)[1], v @ backward)
    second = functional.hessian(program.scalar, x)
    torch.testing.assert_close(
        functional.hessian(program.scalar, x, **program.OUTER_FORWARD), second
    )
    torch.testing.assert_close(functional.hvp(program.scalar, x, v)[1], second @ v)
    torch.testing.assert_close(functional.vhp(program.scalar, x, v)[1], v @ second)


@pytest.mark.parametrize("create_graph", [False, True])
def test_against_finite_differences(create_graph: bool) -> None:
    x, eps = leaf().detach(), 1e-5
    unit = eps * torch.eye(3, dtype=torch.float64)
    jacobian = functional.jacobian(program.mixed, x, create_graph=create_graph).detach()
    hessian = functional.hessian(program.scalar, x, create_graph=create_graph).detach()
    for i in range(3):
        moved = (program.mixed(x + unit[i]) - program.mixed(x - unit[i])) / (2 * eps)
        torch.testing.assert_close(jacobian[:, i], moved, rtol=1e-7, atol=1e-8)
        slopes = [functional.vjp(program.scalar, x + s * unit[i])[1] for s in (1, -1)]
        moved = (slopes[0] - slopes[1]) / (2 * eps)
        torch.testing.assert_close(hessian[:, i], moved, rtol=1e-7, atol=1e-8)


def test_created_jacobian_passes_gradcheck() -> None:
    def entries(x: Any) -> Any:
        return functional.jacobian(program.mixed, x, create_graph=True)

    assert torch.autograd.gradcheck(entries, (leaf(),))


def test_hooks_of_the_function_see_every_row() -> None:
    seen: list[list[float]] = []

    def func(y: Any) -> Any:
        z = y * 2
        z.register_hook(lambda ct: seen.append(ct.tolist()))
        return z

    jacobian = functional.jacobian(func, torch.ones(2))
    assert jacobian.tolist() == [[2.0, 0.0], [0.0, 2.0]]
    assert seen == [[1.0, 0.0], [0.0, 1.0]]


def test_empty_output_has_an_empty_jacobian() -> None:
    for options in ({}, {"vectorize": True}, program.FORWARD):
        assert functional.jacobian(lambda x: x[:0], torch.ones(2), **options).shape == (0, 2)


def test_empty_tuple_of_inputs_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"`inputs` argument to `hessian\(\)` cannot be empty"):
        functional.hessian(lambda: torch.ones(()), ())


def test_value_overwritten_by_the_function_is_an_error() -> None:
    def func(x: Any) -> Any:
        y = x.exp()
        z = y * y
        y.add_(1)
        return z

    with pytest.raises(RuntimeError, match="modified by an inplace"):
        functional.jacobian(func, torch.ones(2))


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, ct: Any) -> Any:
        return ct * 2 * ctx.saved_tensors[0]


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "several outputs": lambda x: torch.stack(
        [a * b for a, b in zip(x.unbind(), x.flip(0).unbind())]
    ),
    "some outputs": lambda x: x.reshape(3, 1).sort(dim=0)[0].squeeze(1) * x.split(2)[0].sum(),
    "in place": lambda x: (x * 1).mul_(x).exp_(),
    "in place through a view": lambda x: _written(x * 1),
    "custom Function": lambda x: Doubled.apply(x) * x,
    "branches that end": lambda x: x * x.detach() + torch.ones(3, dtype=x.dtype),
    "broadcasting and promotion": lambda x: (x.float() * x.reshape(3, 1)).sum(0),
}


def _written(x: Any) -> Any:
    x[1:].mul_(x[:2].clone())
    return x


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_rows_are_those_of_separate_backward_passes(name: str) -> None:
    func = FUNCTIONS[name]
    x = leaf()
    y = func(x).reshape(-1)
    each = [torch.autograd.grad(part, x, retain_graph=True)[0] for part in y]
    rows = torch.stack(each).tolist()
    assert functional.jacobian(func, x).reshape(-1, 3).tolist() == rows
    created = functional.jacobian(func, x, create_graph=True).reshape(-1, 3)
    assert created.tolist() == rows


def test_packed_values_are_unpacked() -> None:
    packs = (lambda t: t.detach().numpy().copy(), torch.from_numpy)
    with torch.autograd.graph.saved_tensors_hooks(*packs):
        packed = functional.hessian(program.scalar, leaf().detach())
    assert packed.tolist() == functional.hessian(program.scalar, leaf().detach()).tolist()


def test_numpy_warnings_turned_into_errors_do_not_stop_a_row() -> None:
    x = torch.tensor([0.0, 4.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jacobian = functional.jacobian(torch.sqrt, x)
    assert jacobian[:, 1].tolist() == [0.0, 0.25]
    assert jacobian[0, 0].item() == float("inf")


@pytest.mark.filterwarnings("ignore:Anomaly Detection", "ignore:Error detected")
def test_anomaly_mode_names_the_operation_of_a_row() -> None:
    with (
        torch.autograd.detect_anomaly(),
        pytest.raises(RuntimeError, match="Function 'SqrtBackward0' returned nan values"),
    ):
        functional.jacobian(lambda x: torch.sqrt(x) * 0, torch.zeros(2))


def test_example_of_the_documentation_prints_what_it_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = Path(__file__).parents[2] / "docs" / "derivatives.md"
    section = page.read_text(encoding="utf-8").partition("## Jacobians and Hessians")[2]
    code = section.partition("```python\n")[2].partition("```")[0]
    exec(compile(code, str(page), "exec"), {})
    said = [line[2:] for line in code.splitlines() if line.startswith("# ")]
    assert said
    assert capsys.readouterr().out.splitlines() == said
