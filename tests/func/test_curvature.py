"""Curvature products against dense matrices made of Jacobians and Hessians."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse.linalg

import adjoint as torch
from adjoint import nn
from adjoint.autograd import functional
from adjoint.func.curvature import (
    ParameterMatrix,
    empirical_fisher_product,
    fisher_product,
    ggn_product,
    parameter_ggn,
    parameter_hessian,
)
from adjoint.nn import functional as F

RNG = np.random.default_rng(0)
X = torch.tensor(RNG.standard_normal((6, 3)))
LABELS = torch.tensor(RNG.integers(0, 2, 6))
SIZES = {"w": (3, 4), "a": (4,), "u": (4, 2)}
PARAMS = {name: torch.tensor(RNG.standard_normal(shape)) for name, shape in SIZES.items()}
N = sum(int(np.prod(shape)) for shape in SIZES.values())


def network(params: dict[str, Any]) -> Any:
    return torch.tanh(X @ params["w"] + params["a"]) @ params["u"]


def split(flat: Any) -> dict[str, Any]:
    parts = torch.split(flat, [int(np.prod(shape)) for shape in SIZES.values()])
    return {name: part.reshape(SIZES[name]) for name, part in zip(SIZES, parts, strict=True)}


FLAT = torch.cat([t.reshape(-1) for t in PARAMS.values()])
JACOBIAN = functional.jacobian(lambda flat: network(split(flat)).reshape(-1), FLAT).numpy()


def matrix_of(product: Any) -> Any:
    """The matrix of a product over PARAMS, column by column."""
    columns = [product(split(torch.eye(N).double()[i])) for i in range(N)]
    return np.stack([np.concatenate([t.numpy().reshape(-1) for t in c.values()]) for c in columns])


LOSSES = {
    "cross_entropy": lambda z: F.cross_entropy(z, LABELS),
    "mse": lambda z: F.mse_loss(z, torch.ones(6, 2).double()),
    "quartic": lambda z: (z**4).sum() + (z[0] * z[1]).sum(),
    "linear": lambda z: z.sum(),
}


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_ggn_is_the_dense_product(name: str) -> None:
    loss_fn = LOSSES[name]
    z = network(PARAMS)
    h = functional.hessian(lambda flat: loss_fn(flat.reshape(z.shape)), z.reshape(-1)).numpy()
    found = matrix_of(ggn_product(network, loss_fn, PARAMS))
    np.testing.assert_allclose(found, JACOBIAN.T @ h @ JACOBIAN, rtol=1e-9, atol=1e-10)
    if name in ("cross_entropy", "mse"):
        assert np.linalg.eigvalsh(found).min() > -1e-10


def test_ggn_of_a_linear_model_is_the_hessian() -> None:
    w = PARAMS["w"]
    v = torch.ones(3, 4).double()
    loss_fn = LOSSES["quartic"]
    product = ggn_product(lambda w: X @ w, loss_fn, w, v)
    _, hvp = functional.hvp(lambda w: loss_fn(X @ w), w, v)
    np.testing.assert_allclose(product.numpy(), hvp.numpy(), rtol=1e-10)


def expected_fisher(distribution: str) -> Any:
    """The mean over examples of E[score scoreᵀ], the expectation as a sum over all outcomes."""
    z = network(PARAMS).numpy().reshape(6, 2)
    total = np.zeros((12, 12))
    for i, row in enumerate(z):
        place = slice(2 * i, 2 * i + 2)
        if distribution == "categorical":
            p = np.exp(row) / np.exp(row).sum()
            scores = [(p[k], np.eye(2)[k] - p) for k in range(2)]
        elif distribution == "bernoulli":
            p = 1 / (1 + np.exp(-row))
            scores = [
                (np.prod(np.where(y, p, 1 - p)), np.array(y) - p)
                for y in ((0, 0), (0, 1), (1, 0), (1, 1))
            ]
        else:
            nodes, weights = np.polynomial.hermite_e.hermegauss(5)  # exact for the square
            weights = weights / weights.sum()
            scores = [
                (a * b, np.array([s, t]))
                for a, s in zip(weights, nodes, strict=True)
                for b, t in zip(weights, nodes, strict=True)
            ]
        total[place, place] = sum(weight * np.outer(s, s) for weight, s in scores)
    return JACOBIAN.T @ total @ JACOBIAN / 6


@pytest.mark.parametrize("distribution", ["bernoulli", "categorical", "normal"])
def test_fisher_is_the_expectation(distribution: str) -> None:
    found = matrix_of(fisher_product(network, PARAMS, distribution=distribution))
    np.testing.assert_allclose(found, expected_fisher(distribution), rtol=1e-9, atol=1e-12)
    assert np.linalg.eigvalsh(found).min() > -1e-10
    total = matrix_of(fisher_product(network, PARAMS, distribution=distribution, reduction="sum"))
    np.testing.assert_allclose(total, 6 * found)


def test_fisher_is_the_gauss_newton_matrix_of_the_likelihood() -> None:
    fisher = matrix_of(fisher_product(network, PARAMS))
    ggn = matrix_of(ggn_product(network, LOSSES["cross_entropy"], PARAMS))
    np.testing.assert_allclose(fisher, ggn, rtol=1e-9, atol=1e-12)


def test_empirical_fisher_is_the_mean_of_outer_products() -> None:
    def losses(params: Any) -> Any:
        return F.cross_entropy(network(params), LABELS, reduction="none")

    g = functional.jacobian(lambda flat: losses(split(flat)), FLAT).numpy()
    found = matrix_of(empirical_fisher_product(losses, PARAMS))
    np.testing.assert_allclose(found, g.T @ g / 6, rtol=1e-9, atol=1e-12)
    found = matrix_of(empirical_fisher_product(losses, PARAMS, reduction="sum"))
    np.testing.assert_allclose(found, g.T @ g, rtol=1e-9, atol=1e-12)


def test_a_solver_takes_the_product() -> None:
    """Conjugate gradients on the damped matrix: what a natural gradient step solves."""
    product = ggn_product(network, LOSSES["mse"], PARAMS)

    def damped(flat: Any) -> Any:
        found = product(split(torch.tensor(flat.reshape(-1))))
        return np.concatenate([t.numpy().reshape(-1) for t in found.values()]) + 0.1 * flat

    operator = scipy.sparse.linalg.LinearOperator((N, N), matvec=damped)
    solution, failed = scipy.sparse.linalg.cg(operator, np.ones(N), rtol=1e-10)
    assert failed == 0
    np.testing.assert_allclose(damped(solution), np.ones(N), rtol=1e-7)


def test_structures_and_history() -> None:
    pair = (PARAMS["w"], [PARAMS["a"]])
    found = ggn_product(
        lambda p: X @ p[0] + p[1][0], lambda z: (z**2).sum(), pair, (PARAMS["w"], [PARAMS["a"]])
    )
    assert isinstance(found, tuple) and isinstance(found[1], list)
    assert found[0].shape == (3, 4) and not found[0].requires_grad
    unused = ggn_product(lambda p: X @ p["w"], lambda z: (z**2).sum(), PARAMS, PARAMS)
    assert unused["u"].count_nonzero() == 0


def small_model() -> Any:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()


def dense_over_parameters(model: Any, f: Any, second: bool) -> Any:
    """Jacobian or Hessian of f(list of parameters) made by hand, by backward passes."""
    params = list(model.parameters())
    y = f(model)
    if second:
        y = torch.cat([g.reshape(-1) for g in torch.autograd.grad(y, params, create_graph=True)])
    rows = [
        torch.autograd.grad(e, params, retain_graph=True, materialize_grads=True)
        for e in y.reshape(-1)
    ]
    return np.stack([np.concatenate([g.numpy().reshape(-1) for g in row]) for row in rows])


def test_hessian_of_a_module() -> None:
    model = small_model()

    def loss(model: Any) -> Any:
        return F.cross_entropy(model(X), LABELS)

    h = parameter_hessian(model, loss)
    dense = dense_over_parameters(model, loss, second=True)
    np.testing.assert_allclose(h.matrix().numpy(), dense, rtol=1e-8, atol=1e-12)
    names = [name for name, _ in model.named_parameters()]
    assert isinstance(h, ParameterMatrix) and list(h) == list(h["2.bias"]) == names
    assert h["0.weight"]["2.bias"].shape == (4, 3, 2)
    np.testing.assert_array_equal(
        h["0.weight"]["2.bias"].numpy().reshape(12, 2),
        h["2.bias"]["0.weight"].numpy().reshape(2, 12).T,
    )
    np.testing.assert_array_equal(h["2.bias"]["2.bias"].numpy(), h.matrix().numpy()[-2:, -2:])
    assert all(p.grad is None for p in model.parameters())
    assert not h.matrix().requires_grad


def test_gauss_newton_matrix_of_a_module() -> None:
    model = small_model()
    h = parameter_ggn(model, lambda model: model(X), LOSSES["cross_entropy"])
    j = dense_over_parameters(model, lambda model: model(X), second=False)
    z = model(X).detach()
    inner = functional.hessian(
        lambda flat: LOSSES["cross_entropy"](flat.reshape(6, 2)), z.reshape(-1)
    ).numpy()
    np.testing.assert_allclose(h.matrix().numpy(), j.T @ inner @ j, rtol=1e-8, atol=1e-12)
    assert np.linalg.eigvalsh(h.matrix().numpy()).min() > -1e-10


def test_frozen_and_shared_parameters() -> None:
    model = small_model()
    model[0].weight.requires_grad_(False)
    h = parameter_hessian(model, lambda model: (model(X) ** 2).sum())
    assert list(h) == ["0.bias", "2.weight", "2.bias"]
    shared = nn.Linear(2, 2).double()
    tied = nn.Sequential(shared, nn.Tanh(), shared)
    assert len(parameter_hessian(tied, lambda model: model(X[:, :2]).sum()).matrix()) == 6


def test_a_loss_without_curvature() -> None:
    h = parameter_hessian(nn.Linear(2, 1), lambda model: model(torch.ones(1, 2)).sum())
    assert h.matrix().count_nonzero() == 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ggn_product(network, LOSSES["mse"], [1.0]), TypeError, "there is float"),
        (lambda: ggn_product(network, lambda z: z, PARAMS), RuntimeError, r"shape \[6, 2\]"),
        (lambda: ggn_product(lambda p: 1, LOSSES["mse"], PARAMS), TypeError, "got int"),
        (lambda: ggn_product(network, LOSSES["mse"], PARAMS, {}), ValueError, "like params"),
        (
            lambda: ggn_product(torch.sin, LOSSES["linear"], X, X[0]),
            ValueError,
            r"expected \* with shapes \[\[6, 3\]\]",
        ),
        (lambda: fisher_product(network, PARAMS, distribution="t"), ValueError, "ggn_product"),
        (lambda: fisher_product(network, PARAMS, reduction="no"), ValueError, "'no'"),
        (lambda: parameter_hessian(3, lambda m: m), TypeError, "named_parameters"),
        (lambda: parameter_hessian(nn.Tanh(), lambda m: m), RuntimeError, "requires grad"),
        (lambda: parameter_hessian(small_model(), lambda m: m(X)), RuntimeError, "single element"),
    ],
)
def test_errors(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()
