"""What a Tensor can do inside vmap and jvp: conversions, shapes, indices, writing in place."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as torch
from adjoint import nn
from adjoint.func import functional_call, grad, jvp, stack_module_state, vmap
from adjoint.nn import functional as F

X = torch.arange(12.0).reshape(4, 3) / 12 + 0.1


def loop(function: Callable[[Any], Any], x: Any = X) -> Any:
    return torch.stack([function(row) for row in x])


# Conversions to Python and NumPy, and what tells of memory.
@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x[0].item(), r"calling \.item\(\)"),
        (lambda x: float(x[0]), r"calling \.item\(\)"),
        (lambda x: int(x[0]), r"calling \.item\(\)"),
        (lambda x: f"{x.sum():.2f}", r"calling \.item\(\)"),
        (lambda x: x[: x.argmax()], r"calling \.item\(\)"),
        (lambda x: x if x.sum() > 0 else -x, "data-dependent control flow"),
        (lambda x: 0.1 in x, "data-dependent control flow"),
        (lambda x: torch.is_nonzero(x[0]), "data-dependent control flow"),
        (lambda x: x.tolist(), "outside of vmap"),
        (lambda x: x.numpy(), "outside of vmap"),
        (lambda x: np.sin(x), "outside of vmap"),
        (lambda x: torch.allclose(x, x), "outside of vmap"),
        (lambda x: x[x > 0.5], "torch.where"),
        (lambda x: x.nonzero(), "torch.where"),
        (lambda x: torch.unique(x), "torch.where"),
        (lambda x: F.one_hot(x.argmax()), "one_hot without num_classes"),
        (lambda x: torch.sin(x, out=torch.zeros(3)), "the result that the function returns"),
        (lambda x: x.data_ptr(), "doesn't have storage"),
        (lambda x: x.untyped_storage(), "doesn't have storage"),
        (lambda x: x.clone().resize_(1), "reshape"),
        (lambda x: pickle.dumps(x), "pickled"),
        (lambda x: torch.save(x, io.BytesIO()), "save it outside"),
    ],
)
def test_what_depends_on_values_says_so(function: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        vmap(function)(X)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * len(x) * x.shape[0] * x.dim() * x.numel() * x.size(0),
        lambda x: sum(list(x)),
        lambda x: x if x.grad is None else -x,
        lambda x: copy.deepcopy(x) * 2,
        lambda x: x.clone().contiguous().to("cpu"),
        lambda x: x.to(torch.float64).type(torch.int64),
        lambda x: x.masked_select(torch.tensor([True, False, True])),
        lambda x: x[torch.tensor([True, False, True])],
        lambda x: x.as_strided((2, 2), (1, 1)),
        lambda x: x.data * 2,
        lambda x: torch.tensor([1.0, 2.0, 3.0]) * torch.full_like(x, 2),
        lambda x: x * x.stride(0) * x.is_contiguous(),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_depends_on_shapes_works(function: Callable[[Any], Any]) -> None:
    assert torch.equal(vmap(function)(X), loop(function))


def test_repr_shows_all_examples() -> None:
    seen: list[str] = []
    vmap(lambda x: seen.append(repr(x)) or x)(torch.tensor([1.0, 2.0]))
    assert seen[0].startswith("BatchedTensor(lvl=") and "tensor([1., 2.])" in seen[0]


def test_unmapped_values_are_known() -> None:
    shared = torch.tensor(2.0)
    assert torch.equal(vmap(lambda x: x * shared.item() if shared > 1 else x)(X), X * 2)


# Indices and writing in place.
def writes_of() -> list[Callable[[Any], None]]:
    def first(z: Any) -> None:
        z[0] += 1

    def through_a_view(z: Any) -> None:
        z.reshape(3, 1).T.mul_(2)

    def through_a_slice(z: Any) -> None:
        part = z[1:]
        part.mul_(3)
        part[0] = 7.0

    def at_integers(z: Any) -> None:
        z[torch.tensor([0, 2])] = z[:2].clone()

    def at_own_integer(z: Any) -> None:
        z[z.argmax()] = 9.0

    def at_own_mask(z: Any) -> None:
        z[z > 0.5] = 0.0

    def at_a_mask(z: Any) -> None:
        z[torch.tensor([True, False, True])] = 0.0

    def functions(z: Any) -> None:
        torch.sin_(z).clamp_(0.2, 0.5).sqrt_()

    return [
        first, through_a_view, through_a_slice, at_integers, at_own_integer, at_own_mask, at_a_mask,
        functions,
    ]  # fmt: skip


@pytest.mark.parametrize("write", writes_of(), ids=lambda f: f.__name__)
def test_writing_in_place(write: Callable[[Any], None]) -> None:
    def function(x: Any) -> Any:
        z = x.clone()
        write(z)
        return z

    assert torch.equal(vmap(function)(X), loop(function))
    slopes = vmap(grad(lambda x: (function(x) * x).sum()))(X)
    assert torch.allclose(slopes, loop(grad(lambda x: (function(x) * x).sum())))
    moved = vmap(lambda x: jvp(function, (x,), (torch.ones(3),))[1])(X)
    assert torch.allclose(moved, loop(lambda x: jvp(function, (x,), (torch.ones(3),))[1]))


@pytest.mark.parametrize(
    "write", [lambda z, x: z.add_(x), lambda z, x: z.copy_(x), lambda z, x: z.__setitem__(0, x[0])]
)
def test_a_shared_tensor_cannot_take_what_differs(write: Callable[[Any, Any], Any]) -> None:
    shared = torch.zeros(3)
    with pytest.raises(RuntimeError, match="is not possible because"):
        vmap(lambda x: write(shared, x))(X)
    assert torch.equal(shared, torch.zeros(3))
    with pytest.raises(RuntimeError, match="is not possible because"):
        vmap(lambda x: shared.__setitem__(x.argmax(), 1.0) or x)(X)
    assert torch.equal(shared, torch.zeros(3))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x[x.argmax()],
        lambda x: torch.arange(3)[x.argmax()],
        lambda x: x[None, x.argmax(), ...],
        lambda x: x[x.argsort(descending=True)],
        lambda x: torch.stack(x.unbind()).expand(2, 3)[1, x.argsort()],
        lambda x: F.embedding(x.argsort(), x[:, None]),
        lambda x: F.one_hot(x.argmax(), 3),
        lambda x: torch.searchsorted(x, x[1] + 0.01),
        lambda x: torch.isin(x, x[1]),
        lambda x: torch.quantile(x, 0.4),
        lambda x: torch.linalg.matrix_rank(torch.outer(x, x)),
    ],
)
def test_indices_of_each_example(function: Callable[[Any], Any]) -> None:
    assert torch.equal(vmap(function)(X), loop(function))


def test_no_examples() -> None:
    for function in (
        lambda x: x.argmax(), lambda x: torch.searchsorted(x, x), lambda x: x.topk(2).values,
        lambda x: F.cross_entropy(x, x.argmax()), lambda x: torch.any(x, 0),
    ):  # fmt: skip
        assert vmap(function)(X[:0]).shape == (0, *function(X[0]).shape)


# Losses and modules as users put them in vmap.
@pytest.mark.parametrize(
    "loss",
    [
        lambda x, t: F.cross_entropy(x, t),
        lambda x, t: F.cross_entropy(x, t, ignore_index=0),
        lambda x, t: F.cross_entropy(x, t, weight=torch.tensor([1.0, 2.0, 3.0]), ignore_index=1),
        lambda x, t: F.cross_entropy(x, t, label_smoothing=0.1, reduction="sum"),
        lambda x, t: F.nll_loss(x.log_softmax(1), t, reduction="none").sum(),
        lambda x, t: F.multi_margin_loss(x, t, p=2),
        lambda x, t: F.binary_cross_entropy(x.sigmoid(), F.one_hot(t, 3).float()),
        lambda x, t: F.mse_loss(x.sum(1), t.float(), reduction="sum"),
    ],
)
def test_gradients_of_losses(loss: Callable[[Any, Any], Any]) -> None:
    x = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([[0, 1, 2, 1, 0], [2, 2, 2, 2, 2], [1, 1, 0, 0, 2], [0, 0, 0, 0, 0]])
    got = vmap(grad(loss))(x, t)
    expected = torch.stack([grad(loss)(a, b) for a, b in zip(x, t)])
    assert torch.allclose(got, expected, atol=1e-6, equal_nan=True)


def test_a_class_that_does_not_exist_is_named() -> None:
    t = torch.tensor([[0, 1], [2, 7]])
    with pytest.raises(IndexError, match="Target 7 is out of bounds"):
        vmap(F.cross_entropy)(torch.zeros(2, 2, 3), t)


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(4, 4, 3, stride=2, groups=2), nn.BatchNorm2d(4), nn.GELU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(4),
        )  # fmt: skip
        self.mix = nn.Linear(4, 12)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Any) -> Any:
        z = self.features(x).unsqueeze(1)
        z = z + F.scaled_dot_product_attention(*self.mix(z).chunk(3, -1))
        return self.head(z.squeeze(1))


def test_gradients_of_each_sample_of_a_network() -> None:
    torch.manual_seed(0)
    model = Network().eval()
    x, t = torch.randn(3, 1, 8, 8), torch.tensor([0, 2, 1])
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    buffers = dict(model.named_buffers())

    def loss(parameters: Any, x: Any, t: Any) -> Any:
        out = functional_call(model, (parameters, buffers), (x.unsqueeze(0),))
        return F.cross_entropy(out, t.unsqueeze(0))

    got = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, x, t)
    for i in range(3):
        for name, expected in grad(loss)(parameters, x[i], t[i]).items():
            assert torch.allclose(got[name][i], expected, atol=1e-5), name


def test_an_ensemble() -> None:
    torch.manual_seed(1)
    models = [Network().eval() for _ in range(3)]
    parameters, buffers = stack_module_state(models)
    x = torch.randn(2, 1, 8, 8)

    def call(parameters: Any, buffers: Any, x: Any) -> Any:
        return functional_call(models[0], (parameters, buffers), (x,))

    got = vmap(call, in_dims=(0, 0, None))(parameters, buffers, x)
    for out, model in zip(got, models):
        assert torch.allclose(out, model(x), atol=1e-5)


def test_moments_that_all_examples_share_are_not_written() -> None:
    norm = nn.BatchNorm1d(3)
    before = norm.running_mean.clone()
    with pytest.raises(RuntimeError, match="Batch norm got a batched tensor"):
        vmap(norm)(torch.randn(4, 5, 3))
    assert torch.equal(norm.running_mean, before)


def test_moments_of_each_example_are_written() -> None:
    torch.manual_seed(2)
    x, means, variances = torch.randn(4, 5, 3), torch.zeros(4, 3), torch.ones(4, 3)

    def call(x: Any, mean: Any, variance: Any) -> Any:
        return F.batch_norm(x, mean, variance, training=True), mean, variance

    expected = [call(*(t.clone() for t in row)) for row in zip(x, means, variances)]
    got = vmap(call)(x, means, variances)
    for k in range(3):
        assert torch.allclose(got[k], torch.stack([row[k] for row in expected]), atol=1e-6)
    assert torch.equal(means, got[1])  # in place, as without vmap


def test_a_tensor_that_outlives_vmap_says_so() -> None:
    kept: list[Any] = []
    vmap(lambda x: kept.append(x) or x)(torch.ones(3, 4))
    for use in (lambda x: x + 1, lambda x: x.sum(), lambda x: x[0].item(), lambda x: x.tolist()):
        with pytest.raises(RuntimeError, match="made inside vmap and is used after it has ended"):
            use(kept[0])
    vmap(lambda x: kept.append(x) or x)(torch.ones(3))
    with pytest.raises(RuntimeError, match="after it has ended"):
        bool(kept[1])


def test_levels_are_counted_from_the_outermost() -> None:
    seen: list[str] = []
    for _ in range(2):
        vmap(vmap(lambda x: seen.append(repr(x)) or x))(torch.ones(2, 2))
    assert seen[0] == seen[1] and seen[0].startswith("BatchedTensor(lvl=2, ")


def test_histograms_and_ranks_of_no_examples() -> None:
    none = torch.ones(0, 3)
    assert vmap(lambda x: torch.histc(x, 2))(none).shape == (0, 2)
    assert vmap(torch.searchsorted)(none, none).shape == (0, 3)
    assert vmap(torch.isin)(none, none).shape == (0, 3)
    assert vmap(torch.linalg.matrix_rank)(torch.ones(0, 3, 2)).shape == (0,)


def test_counts_that_depend_on_values_are_refused() -> None:
    with pytest.raises(RuntimeError, match="bincount without a minlength above all values"):
        vmap(lambda x: torch.bincount(x, minlength=2))(torch.tensor([[0, 1], [1, 2]]))


def test_backward_inside_by_what_is_outside_says_what_to_do() -> None:
    w = torch.ones(4, requires_grad=True)
    for transform in (vmap, lambda f: lambda x: torch.func.jvp(f, (x,), (x,))):
        with pytest.raises(RuntimeError, match=r"inside a functorch transform.*func\.grad"):
            transform(lambda x: (x * w).sum().backward())(torch.ones(3, 4))
    assert w.grad is None
