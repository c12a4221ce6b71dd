"""What all optimizers have in common: groups, state, hooks, and which arrays they take."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Any

import numpy as np
import pytest

import adjoint as torch
from adjoint import optim

ELEMENTWISE = [
    optim.SGD,
    optim.Adam,
    optim.AdamW,
    optim.RMSprop,
    optim.Adagrad,
    optim.Adadelta,
    optim.Adamax,
    optim.NAdam,
    optim.RAdam,
    optim.ASGD,
    optim.Rprop,
]


def leaf(*values: float, **options: Any) -> torch.Tensor:
    return torch.tensor(list(values), requires_grad=True, **options)


def with_gradient(array: Any, gradient: Any) -> torch.Tensor:
    p = torch.from_numpy(array).requires_grad_()
    p.grad = torch.from_numpy(np.asarray(gradient, array.dtype))
    return p


def values(p: torch.Tensor) -> Any:
    return p.detach().numpy()


class Descent(optim.Optimizer):
    """What a user writes."""

    def __init__(self, params: Any, lr: float = 0.5) -> None:
        super().__init__(params, {"lr": lr})

    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for p in group["params"]:
                p.data -= group["lr"] * p.grad
        return "stepped"


class Nested(Descent):
    def step(self, closure: Any = None) -> Any:
        return super().step(closure)


# Parameter groups


def test_groups_take_defaults_and_their_own_options() -> None:
    x, y, z = leaf(1.0), leaf(2.0), leaf(3.0)
    optimizer = optim.SGD([{"params": x}, {"params": [y], "lr": 0.5}], lr=0.1, momentum=0.9)
    optimizer.add_param_group({"params": (p for p in [z]), "momentum": 0.0})
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.5, 0.1]
    assert [group["momentum"] for group in optimizer.param_groups] == [0.9, 0.9, 0.0]
    assert all(isinstance(group["params"], list) for group in optimizer.param_groups)


def test_named_parameters_keep_their_names() -> None:
    optimizer = optim.SGD([("a", leaf(1.0)), ("b", leaf(2.0))])
    assert optimizer.param_groups[0]["param_names"] == ["a", "b"]
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["a", "b"]
    with pytest.raises(ValueError, match="cannot add param group without names"):
        optimizer.add_param_group({"params": [leaf(3.0)]})


X = leaf(1.0)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: optim.SGD(X), TypeError, "iterable of Tensors or dicts, but got torch.FloatTen"),
        (lambda: optim.SGD([]), ValueError, "optimizer got an empty parameter list"),
        (lambda: optim.SGD([{"params": {X}}]), TypeError, "ordered collections"),
        (lambda: optim.SGD([{"params": 3}]), TypeError, "must be tensors in a list"),
        (lambda: optim.SGD([{"weights": [X]}]), KeyError, "no key 'params'"),
        (lambda: optim.SGD([1.0]), TypeError, "one of the params is float"),
        (lambda: optim.SGD([X * 2]), ValueError, "can't optimize a non-leaf Tensor"),
        (lambda: optim.SGD([{"params": [X]}, {"params": [X]}]), ValueError, "more than one"),
        (lambda: optim.SGD([("x", X), leaf(1.0)]), ValueError, "names are missing"),
        (lambda: optim.SGD([X]).add_param_group([X]), TypeError, "must be a dict"),
        (lambda: optim.Optimizer([X], {}).step(), NotImplementedError, "does not define step"),
        (lambda: optim.SGD([X], lr=-1), ValueError, "Invalid learning rate: -1"),
        (lambda: optim.SGD([X], momentum=-1), ValueError, "Invalid momentum value: -1"),
        (lambda: optim.SGD([X], weight_decay=-1), ValueError, "Invalid weight_decay value: -1"),
        (lambda: optim.SGD([X], nesterov=True), ValueError, "Nesterov momentum requires"),
        (lambda: optim.Adam([X], betas=(1.0, 0.9)), ValueError, "beta parameter at index 0: 1.0"),
        (lambda: optim.Adam([X], betas=(0.9, -1.0)), ValueError, "beta parameter at index 1"),
        (lambda: optim.Adam([X], eps=-1), ValueError, "Invalid epsilon value: -1"),
        (lambda: optim.Adam([X], lr=torch.tensor([1.0, 2.0])), ValueError, "must be 1-element"),
        (lambda: optim.Adam([X], lr=torch.tensor(1.0), foreach=True), ValueError, "lr as a Tensor"),
        (lambda: optim.Adam([X], betas=(0.9, torch.tensor(0.9))), ValueError, "either both"),
        (lambda: optim.Adam([X], fused=True, foreach=True), RuntimeError, "`fused` and `foreach`"),
        (lambda: optim.SGD([X], fused=True, differentiable=True), RuntimeError, "does not support"),
        (lambda: optim.SGD([X], differentiable=True), NotImplementedError, "differentiable=True"),
        (lambda: optim.RMSprop([X], alpha=-1), ValueError, "Invalid alpha value: -1"),
        (lambda: optim.Adagrad([X], lr_decay=-1), ValueError, "Invalid lr_decay value: -1"),
        (lambda: optim.Adadelta([X], rho=2), ValueError, "Invalid rho value: 2"),
        (lambda: optim.Rprop([X], etas=(2, 3)), ValueError, "Invalid eta values: 2, 3"),
        (lambda: optim.LBFGS([{"params": [X]}, {"params": [leaf(1.0)]}]), ValueError, "LBFGS"),
        (lambda: optim.LBFGS([X]).step(), TypeError, "needs a closure"),
        (lambda: optim.LBFGS([X], line_search_fn="x").step(print), RuntimeError, "strong_wolfe"),
    ],
)
def test_wrong_options_are_told(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_a_required_option_and_duplicates() -> None:
    with pytest.raises(ValueError, match="required optimization parameter lr"):
        optim.Optimizer([{"params": [X]}], {"lr": optim.optimizer.required})
    with pytest.warns(UserWarning, match="duplicate parameters"):
        optim.SGD([X, X])


def test_read_only_memory_is_refused_at_once() -> None:
    array = np.ones(3)
    array.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        optim.SGD([torch.from_numpy(array).requires_grad_()])


# Steps


@pytest.mark.parametrize("kind", ELEMENTWISE)
def test_parameters_without_gradient_are_left_alone(kind: Any) -> None:
    x, y = leaf(1.0), leaf(2.0)
    optimizer = kind([x, y], lr=0.1)
    y.grad = torch.tensor([1.0])
    optimizer.step()
    assert x.tolist() == [1.0]
    assert y.tolist() != [2.0]
    assert kind is optim.Adagrad or x not in optimizer.state


@pytest.mark.parametrize("kind", ELEMENTWISE)
def test_gradients_are_not_changed_and_memory_stays(kind: Any) -> None:
    array = np.array([1.0, -2.0])
    p = with_gradient(array, [3.0, 4.0])
    options = {} if kind is optim.Rprop else {"weight_decay": 0.1}
    kind([p], maximize=True, **options).step()
    assert p.grad is not None and p.grad.tolist() == [3.0, 4.0]
    assert p.tolist() == array.tolist() != [1.0, -2.0]


@pytest.mark.parametrize("kind", ELEMENTWISE)
def test_layouts_and_sizes_make_no_difference(kind: Any) -> None:
    rng = np.random.default_rng(0)
    shape = (300, 700)  # above the size that is worked through in blocks
    start, gradients = rng.standard_normal(shape), rng.standard_normal((3, *shape))

    def run(array: Any, transposed: bool, rows: slice = slice(None)) -> Any:
        p = torch.from_numpy(array).requires_grad_()
        optimizer = kind([p], lr=0.01)
        for gradient in gradients:
            part = gradient[rows]
            p.grad = torch.from_numpy(np.asfortranarray(part) if transposed else part.copy())
            optimizer.step()
        return values(p)

    plain = run(start.copy(), False)
    np.testing.assert_array_equal(run(np.asfortranarray(start), True), plain)
    wide = np.zeros((300, 1400))
    wide[:, ::2] = start
    np.testing.assert_array_equal(run(wide[:, ::2], False), plain)
    np.testing.assert_array_equal(run(start[:7].copy(), False, slice(7)), plain[:7])


@pytest.mark.parametrize("kind", ELEMENTWISE)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_rounded_only_at_the_end(kind: Any, dtype: Any) -> None:
    rng = np.random.default_rng(0)
    start, gradient = rng.standard_normal((2, 50)).astype(np.float32)
    narrow = torch.tensor(start, requires_grad=True, dtype=dtype)
    narrow.grad = torch.tensor(gradient, dtype=dtype)
    wide = torch.tensor(values(narrow).astype(np.float32), requires_grad=True)
    wide.grad = torch.tensor(narrow.grad.numpy().astype(np.float32))
    for p in (narrow, wide):
        kind([p], lr=0.125).step()
    assert narrow.dtype is dtype
    expected = values(wide).astype(values(narrow).dtype)
    np.testing.assert_array_equal(values(narrow).view(np.int16), expected.view(np.int16))


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.AdamW])
def test_the_rate_may_be_a_tensor(kind: Any) -> None:
    results = []
    for lr in (0.1, torch.tensor(0.1, dtype=torch.float64), torch.tensor([0.1]).double()):
        p = with_gradient(np.array([1.0, 2.0]), [0.5, -0.5])
        kind([p], lr=lr).step()
        results.append(values(p))
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_allclose(results[0], results[2], rtol=1e-7)


def test_a_closure_is_called_with_recording_and_its_loss_returned() -> None:
    x = leaf(2.0)
    optimizer = optim.SGD([x], lr=0.25)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = x * x
        loss.backward(torch.tensor([1.0]))
        return loss

    with torch.no_grad():
        loss = optimizer.step(closure)
    assert loss.tolist() == [4.0]
    assert x.tolist() == [1.0]


def test_an_option_may_be_switched_on_later() -> None:
    x = leaf(1.0)
    optimizer = optim.RMSprop([x], centered=True)
    for momentum in (0.0, 0.5):
        optimizer.param_groups[0]["momentum"] = momentum
        x.grad = torch.tensor([1.0])
        optimizer.step()
    assert set(optimizer.state[x]) == {"step", "square_avg", "grad_avg", "momentum_buffer"}


def test_a_step_counts_as_a_write() -> None:
    x = leaf(2.0)
    y = (x * x).exp()
    x.grad = torch.tensor([1.0])
    optim.SGD([x]).step()
    assert x._version == 1
    here = re.escape(__file__)
    with pytest.raises(RuntimeError, match=f"modified by an inplace.*overwritten at {here}"):
        y.backward(torch.tensor([1.0]))


def test_zero_grad() -> None:
    x = leaf(1.0)
    optimizer = optim.SGD([x])
    optimizer.zero_grad()
    x.grad = torch.tensor([3.0])
    kept = x.grad
    optimizer.zero_grad(set_to_none=False)
    assert x.grad is kept and kept.tolist() == [0.0]
    optimizer.zero_grad()
    assert x.grad is None


# Subclasses and hooks


def test_hooks_run_around_the_step_once() -> None:
    x = leaf(1.0)
    optimizer = Nested([x])
    x.grad = torch.tensor([1.0])
    calls: list[Any] = []
    before = optimizer.register_step_pre_hook(lambda o, args, kw: calls.append((o, args, kw)))
    optimizer.register_step_post_hook(lambda o, args, kw: calls.append(o.step))
    assert optimizer.step() == "stepped"
    assert calls == [(optimizer, (optimizer,), {}), optimizer.step]
    before.remove()
    optimizer.step()
    assert len(calls) == 3


def test_a_pre_hook_may_replace_arguments() -> None:
    x = leaf(1.0)
    optimizer = optim.SGD([x])
    optimizer.register_step_pre_hook(lambda o, args, kw: ((o, lambda: "loss"), {}))
    assert optimizer.step() == "loss"
    optimizer.register_step_pre_hook(lambda o, args, kw: "nonsense")
    with pytest.raises(RuntimeError, match="must return None or a tuple"):
        optimizer.step()
    assert optimizer.register_step_pre_hook(print).id is not None


def test_state_dict_hooks() -> None:
    optimizer = optim.SGD([leaf(1.0)], lr=0.1)
    order: list[str] = []
    optimizer.register_state_dict_pre_hook(lambda o: order.append("second"))
    optimizer.register_state_dict_pre_hook(lambda o: order.append("first"), prepend=True)
    optimizer.register_state_dict_post_hook(lambda o, s: {**s, "extra": 1})
    optimizer.register_load_state_dict_pre_hook(
        lambda o, s: {"state": s["state"], "param_groups": s["param_groups"]}
    )
    optimizer.register_load_state_dict_post_hook(lambda o: order.append("loaded"))
    state = optimizer.state_dict()
    assert state["extra"] == 1
    optimizer.load_state_dict(state)
    assert order == ["first", "second", "loaded"]


# Saving and loading


def adam_after_a_step() -> tuple[torch.Tensor, optim.Adam]:
    p = with_gradient(np.array([1.0, 2.0], np.float32), [0.5, -0.5])
    optimizer = optim.Adam([p])
    optimizer.step()
    return p, optimizer


def test_state_dict_has_torchs_form() -> None:
    _, optimizer = adam_after_a_step()
    optimizer.add_param_group({"params": [leaf(1.0), leaf(2.0)]})
    state = optimizer.state_dict()
    assert [group["params"] for group in state["param_groups"]] == [[0], [1, 2]]
    assert list(state["state"]) == [0]
    assert list(state["state"][0]) == ["step", "exp_avg", "exp_avg_sq"]
    assert state["state"][0]["step"].tolist() == 1.0


def test_loading_copies_and_converts() -> None:
    _, optimizer = adam_after_a_step()
    saved = optimizer.state_dict()
    double = with_gradient(np.array([1.0, 2.0]), [0.5, -0.5])
    other = optim.Adam([double], lr=7)
    other.load_state_dict(saved)
    state = other.state[double]
    assert state["exp_avg"].dtype is torch.float64
    assert state["step"].dtype is torch.float32
    assert other.param_groups[0]["lr"] == 1e-3
    other.step()
    assert saved["state"][0]["step"].tolist() == 1.0


def test_old_step_counts_are_numbers() -> None:
    p, optimizer = adam_after_a_step()
    saved = optimizer.state_dict()
    saved["state"][0]["step"] = 5
    optimizer.load_state_dict(saved)
    optimizer.step()
    assert optimizer.state[p]["step"].tolist() == 6.0


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda s: s["param_groups"].append({}), ValueError, "different number of parameter"),
        (lambda s: s["param_groups"][0]["params"].append(1), ValueError, "doesn't match the size"),
        (lambda s: s.pop("state"), TypeError, "keys 'state' and 'param_groups'"),
        (
            lambda s: s["state"][0].update(exp_avg=torch.tensor([1.0])),
            ValueError,
            r"exp_avg of parameter 0 has shape \[1\]",
        ),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(
    change: Any, error: type[Exception], message: str
) -> None:
    p, optimizer = adam_after_a_step()
    saved = copy.deepcopy(optimizer.state_dict())
    change(saved)
    before = values(optimizer.state[p]["exp_avg"]).copy()
    with pytest.raises(error, match=message):
        optimizer.load_state_dict(saved)
    np.testing.assert_array_equal(values(optimizer.state[p]["exp_avg"]), before)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_pickle_and_deepcopy(duplicate: Any) -> None:
    p, optimizer = adam_after_a_step()
    twin = duplicate(optimizer)
    (q,) = twin.param_groups[0]["params"]
    q.grad = torch.tensor([1.0, 1.0])
    before = values(p).copy()
    twin.step()
    np.testing.assert_array_equal(values(p), before)
    p.grad = torch.tensor([1.0, 1.0])
    optimizer.step()
    np.testing.assert_array_equal(values(p), values(q))
