"""Grad modes: as blocks, as decorators, per thread, and never left behind."""

from __future__ import annotations

import threading

import pytest

import adjoint as torch


@pytest.fixture
def x() -> torch.Tensor:
    return torch.ones(2, requires_grad=True)


def test_no_grad_block(x) -> None:
    with torch.no_grad():
        assert not (x * 2).requires_grad
        with torch.enable_grad():
            assert (x * 2).requires_grad
        assert not torch.is_grad_enabled()
    assert (x * 2).requires_grad


def test_an_error_does_not_leave_the_mode_behind() -> None:
    with pytest.raises(KeyError), torch.no_grad():
        raise KeyError
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("decorator", [torch.no_grad(), torch.no_grad])
def test_as_decorator(decorator, x) -> None:
    @decorator
    def double(value):
        """Doubles."""
        return value * 2

    assert not double(x).requires_grad
    assert double.__doc__ == "Doubles."
    assert torch.is_grad_enabled()


def test_decorated_generators_hold_the_mode_only_while_they_run(x) -> None:
    @torch.no_grad()
    def values():
        received = yield torch.is_grad_enabled()
        yield received, torch.is_grad_enabled()

    generator = values()
    assert next(generator) is False
    assert torch.is_grad_enabled()
    assert generator.send("sent") == ("sent", False)
    assert torch.is_grad_enabled()


@pytest.mark.filterwarnings("ignore:Decorating classes is deprecated:FutureWarning")
def test_decorated_class(x) -> None:
    @torch.no_grad()
    class Holder:
        def __init__(self, value):
            self.doubled = value * 2

    assert not Holder(x).doubled.requires_grad


def test_set_grad_enabled_acts_at_once_and_as_block(x) -> None:
    try:
        torch.set_grad_enabled(False)
        assert not (x * 2).requires_grad
    finally:
        torch.set_grad_enabled(True)
    with torch.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    assert torch.is_grad_enabled()

    @torch.set_grad_enabled(False)
    def double(value):
        return value * 2

    assert torch.is_grad_enabled()
    assert not double(x).requires_grad


def test_modes_belong_to_their_thread(x) -> None:
    seen = []
    with torch.no_grad():
        thread = threading.Thread(target=lambda: seen.append(torch.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_inference_tensors(x) -> None:
    with torch.inference_mode():
        y = torch.ones(2) * 3
        assert torch.is_inference_mode_enabled()
        assert not (x * 2).requires_grad
    assert y.is_inference()
    assert not torch.is_inference_mode_enabled()
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        x * y
    with pytest.raises(RuntimeError, match="outside InferenceMode"):
        y.add_(1)
    assert (x * y.clone()).requires_grad


def test_nothing_records_inside_inference_mode(x) -> None:
    with torch.inference_mode(), torch.enable_grad():
        assert not (x * 2).requires_grad
    with torch.inference_mode():
        torch.set_grad_enabled(True)
        assert not (x * 2).requires_grad


def test_requires_grad_rules(x) -> None:
    with pytest.raises(RuntimeError, match="floating point and complex"):
        torch.ones(2, dtype=torch.int64).requires_grad_()
    with pytest.raises(RuntimeError, match="leaf variables"):
        (x * 2).requires_grad_(False)
    y = torch.ones(2)
    assert y.requires_grad_() is y
    assert y.requires_grad
    y.requires_grad = False
    assert not y.requires_grad


def test_detach_shares_memory_and_version(x) -> None:
    y = (x * 2).detach()
    assert not y.requires_grad
    assert y.is_leaf
    z = x.detach()
    with torch.no_grad():
        x.add_(1)
    assert z.tolist() == [2.0, 2.0]
    assert z._version == x._version == 1
    assert x.data._version == 0


def test_detach_in_place(x) -> None:
    y = x * 2
    assert y.detach_() is y
    assert y.is_leaf
    assert not y.requires_grad
    with pytest.raises(RuntimeError, match="Can't detach views in-place"):
        (x * 2)[0].detach_()


def test_grad_mode_is_told_inside_inference_mode_and_records_nothing(x) -> None:
    with torch.inference_mode():
        with torch.enable_grad():
            assert torch.is_grad_enabled() and not (x * 2).requires_grad
            with torch.no_grad():
                assert not torch.is_grad_enabled()
            with torch.inference_mode():
                assert not torch.is_grad_enabled()
            with torch.inference_mode(False):
                assert torch.is_grad_enabled() and (x * 2).requires_grad
                with torch.no_grad():
                    assert not (x * 2).requires_grad
            assert torch.is_grad_enabled()
        assert not torch.is_grad_enabled()
        with torch.set_grad_enabled(True):
            assert torch.is_grad_enabled() and not (x * 2).requires_grad
        torch.set_grad_enabled(True)
        assert torch.is_grad_enabled()
    assert torch.is_grad_enabled() and (x * 2).requires_grad
    with torch.no_grad(), torch.inference_mode():
        torch.set_grad_enabled(True)
    assert torch.is_grad_enabled() and (x * 2).requires_grad


def test_nothing_accumulates_into_an_inference_gradient(x) -> None:
    with torch.inference_mode():
        x.grad = torch.ones(2)
    out = (x * 2).sum()
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor"):
        out.backward(retain_graph=True)
    assert x.grad.tolist() == [1, 1]
    with torch.inference_mode():
        out.backward(retain_graph=True)
    assert x.grad.tolist() == [3, 3]
    x.grad = None
    out.backward()
    assert x.grad.tolist() == [2, 2]


def test_a_detached_inference_tensor_is_one_that_may_be_written(x) -> None:
    with torch.inference_mode():
        y = torch.ones(2)
        inside = y.detach()
    for made in (y, inside):
        with pytest.raises(RuntimeError, match="Inplace update to inference tensor"):
            made.add_(1)
    z = y.detach()
    assert z.is_inference() and z._version == 0 and not z.requires_grad
    z.add_(1)
    assert z._version == 1 and y.tolist() == inside.tolist() == [2, 2]
    y.data.add_(1)
    assert y.tolist() == [3, 3]
    with pytest.raises(RuntimeError, match="cannot be saved"):
        x * z
    with pytest.raises(RuntimeError, match="requires_grad=True on inference"):
        z.requires_grad_()
    assert not z.clone().is_inference()
