"""An error in a backward pass tells the node it was at; the user's own words stay as they are."""

from __future__ import annotations

import sys
from typing import Any

import pytest

import adjoint as torch


class Failing(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 2

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        raise KeyError("mine")


def dividing(grad: Any) -> None:
    raise ZeroDivisionError("mine")


def notes(error: BaseException) -> str:
    return " ".join(getattr(error, "__notes__", ()))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exceptions have notes from 3.11 on")
def test_an_error_of_the_users_backward_has_a_note() -> None:
    y = Failing.apply(torch.ones(2, requires_grad=True))
    with pytest.raises(KeyError) as caught:
        (y * 3).sum().backward()
    assert caught.value.args == ("mine",)
    assert "at FailingBackward, made at" in notes(caught.value)
    assert "Failing.apply(torch.ones" in notes(caught.value)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exceptions have notes from 3.11 on")
def test_an_error_of_a_hook_has_a_note() -> None:
    x = torch.ones(2, requires_grad=True)
    y = x.sin()
    y.register_hook(dividing)
    with pytest.raises(ZeroDivisionError) as caught:
        torch.autograd.grad(y.sum(), x)
    assert "at SinBackward0, made at" in notes(caught.value)
    assert "y = x.sin()" in notes(caught.value)


@pytest.mark.parametrize("graph", [False, True])
def test_an_error_of_a_rule_has_the_line(graph: bool) -> None:
    x, w = torch.ones(1, 2, requires_grad=True), torch.ones(2, 2)
    y = x @ w
    w.data = torch.ones(3, 3)
    with pytest.raises((ValueError, RuntimeError), match=r"MmBackward0, made at .*y = x @ w"):
        torch.autograd.grad(y.sum(), x, create_graph=graph)


def test_a_line_is_told_once() -> None:
    x = torch.ones(2, requires_grad=True)
    y = x.exp()
    y += 1
    with pytest.raises(RuntimeError, match="modified by an inplace") as caught:
        y.sum().backward()
    assert "This happened" not in str(caught.value) + notes(caught.value)


def test_memory_can_be_asked_for_inside_a_custom_function() -> None:
    class Asking(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            assert torch.debug.memory().total > 0
            return x * 2

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * 2

    x = torch.ones(2, requires_grad=True)
    Asking.apply(x)
    with torch.no_grad():
        Asking.apply(x)


def test_memory_can_be_asked_for_while_something_was_left_half_made() -> None:
    with torch.inference_mode():
        data = torch.ones(2)
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved") as raised:
        x * data
    half: Any = object.__new__(torch.Tensor)
    assert torch.debug.memory().total > 0
    assert torch.debug.predict_memory(lambda: torch.ones(1000)).bytes == 4000
    assert raised.tb is not None and half is not None  # they were alive
