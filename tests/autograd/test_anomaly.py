"""Anomaly mode: NaN and errors in backward, told with their forward line."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import pytest

import adjoint as torch
from adjoint import nn


@pytest.fixture
def x() -> torch.Tensor:
    return torch.tensor([0.0, 1.0], requires_grad=True)


def messages(run: Any) -> tuple[str, list[str]]:
    """The error and the warnings of `run()`."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        with pytest.raises(RuntimeError) as raised:
            run()
    texts = [str(w.message) for w in caught if w.category is UserWarning]
    return str(raised.value), texts


def test_nan_in_backward_names_the_forward_line(x) -> None:
    def run() -> None:
        with torch.autograd.detect_anomaly():
            y = x.sqrt() * 0  # here
            y.sum().backward()

    error, texts = messages(run)
    assert error.startswith("Function 'SqrtBackward0' returned nan values in its 0th output.")
    assert "y = x.sqrt() * 0  # here" in error
    assert "torch.where on its input" in error
    assert texts[0].startswith("Anomaly Detection has been enabled.")
    assert texts[1].startswith(
        "Error detected in SqrtBackward0. Traceback of forward call that caused the error:\n"
    )
    lines = texts[1].rstrip().splitlines()
    assert lines[-1].strip() == "y = x.sqrt() * 0  # here"
    assert "in messages" in texts[1]


def test_forward_outside_the_block_is_told_by_its_line(x) -> None:
    y = (x.sqrt() * 0).sum()  # outside

    def run() -> None:
        with torch.autograd.set_detect_anomaly(True):
            y.backward()

    error, texts = messages(run)
    assert "# outside" in error
    assert len(texts) == 1
    assert "# outside" in texts[0]


def test_the_module_path_is_named(x) -> None:
    class Root(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.sqrt() * 0

    model = nn.Sequential(nn.Identity(), Root())
    out = model(x).sum()

    def run() -> None:
        with torch.autograd.set_detect_anomaly(True):
            out.backward()

    assert "(in module Sequential.1)" in messages(run)[0]


def test_the_output_is_counted_among_all_inputs() -> None:
    a = torch.ones(1)
    b = torch.ones(1, requires_grad=True)

    def run() -> None:
        with torch.autograd.set_detect_anomaly(True):
            (a * float("nan") * b).backward()

    assert "'MulBackward0' returned nan values in its 1th output" in messages(run)[0]


def test_a_gradient_that_was_nan_already_is_told(x) -> None:
    def run() -> None:
        with torch.autograd.set_detect_anomaly(True):
            (x * 2).sum().backward(torch.tensor(float("nan")))

    error, _ = messages(run)
    assert "'SumBackward0'" in error
    assert "was wrong already" in error


def test_any_error_in_backward_is_traced(x) -> None:
    class Failing(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("broken")

    def run() -> None:
        with torch.autograd.set_detect_anomaly(True):
            Failing.apply(x).sum().backward()  # applied

    error, texts = messages(run)
    assert error == "broken"
    assert texts[0].startswith("Error detected in FailingBackward. Traceback")
    assert texts[0].rstrip().endswith("Failing.apply(x).sum().backward()  # applied")


def test_double_backward_tells_what_induced_it() -> None:
    x = torch.tensor([1.0], requires_grad=True)

    def run() -> None:
        with torch.autograd.set_detect_anomaly(True):
            y = (x - 1).abs().pow(1.5)  # first
            (g,) = torch.autograd.grad(y, x, create_graph=True)
            (g * 0).backward()

    error, texts = messages(run)
    assert "returned nan" in error
    assert any(t.startswith("Previous calculation was induced by PowBackward0") for t in texts)
    assert "# first" in texts[-1]


def test_check_nan_may_be_left_out(x) -> None:
    with torch.autograd.set_detect_anomaly(True, check_nan=False):
        assert torch.is_anomaly_enabled()
        assert not torch.is_anomaly_check_nan_enabled()
        (x.sqrt() * 0).sum().backward()
    assert x.grad.isnan().tolist() == [True, False]
    assert not torch.is_anomaly_enabled()
    assert torch.is_anomaly_check_nan_enabled()


def test_it_is_a_switch_too() -> None:
    torch.autograd.set_detect_anomaly(True)
    assert torch.is_anomaly_enabled()
    torch.autograd.set_detect_anomaly(False)
    assert not torch.is_anomaly_enabled()


def test_it_holds_in_every_thread(x) -> None:
    errors: list[str] = []

    def run() -> None:
        try:
            (x.sqrt() * 0).sum().backward()
        except RuntimeError as error:
            errors.append(str(error))

    with warnings.catch_warnings(), torch.autograd.set_detect_anomaly(True):
        warnings.simplefilter("ignore")
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    assert len(errors) == 1


def test_sound_programs_run_as_without(x) -> None:
    def run() -> list[float]:
        y = (x + 1).log().sum()
        (g,) = torch.autograd.grad(y, x, create_graph=True)
        return torch.autograd.grad((g * g).sum(), x)[0].tolist()

    plain = run()
    with torch.autograd.set_detect_anomaly(True, check_forward=True, check_inf=True):
        assert run() == plain
        assert list((x * 2).grad_fn.metadata) == ["traceback_"]
    assert (x * 2).grad_fn.metadata == {}


def test_forward_is_checked_on_request(x) -> None:
    def run() -> None:
        with torch.autograd.set_detect_anomaly(True, check_forward=True):
            (x - 2).log()  # negative

    error, _ = messages(run)
    assert error.startswith("Operation 'LogBackward0' computed nan values in output 0, at ")
    assert "# negative" in error
    assert "from -2 to -1" in error


def test_infinities_are_checked_on_request(x) -> None:
    def forward() -> None:
        with torch.autograd.set_detect_anomaly(True, check_forward=True, check_inf=True):
            x.log()

    def backward() -> None:
        with torch.autograd.set_detect_anomaly(True, check_inf=True):
            x.sqrt().sum().backward()

    assert "'LogBackward0' computed inf values" in messages(forward)[0]
    assert "'SqrtBackward0' returned inf values in its 0th output" in messages(backward)[0]
