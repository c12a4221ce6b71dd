"""Safe branches: zero times anything is zero, and what is finite without them stays as it is."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import pytest
from tests.pages import commented_values, programs

import adjoint as torch
from adjoint.autograd import modes
from adjoint.ops.operation import REGISTRY

F = torch.nn.functional
inf, nan = math.inf, math.nan
third = 1 / 3

MASK = torch.tensor([[True, True], [False, False]])


def attention(q: Any, k: Any, v: Any) -> Any:
    """Attention whose second query may look at nothing; its row is replaced afterwards."""
    scores = (q @ k.T).masked_fill(~MASK, -inf)
    return torch.where(MASK.any(1, keepdim=True), scores.softmax(-1) @ v, 0)


def vectors(x: Any) -> Any:
    """A sum of eigenvectors' elements, all with different weights."""
    weights = torch.arange(9.0, dtype=x.dtype).reshape(3, 3)
    return torch.linalg.eigh(x)[1] * weights


EYE = np.eye(3).tolist()
NOTHING = [[nan] * 3] * 3
NOWHERE = [[nan] * 2] * 2
# name: function, inputs, torch's gradients (2.13, float64), gradients with safe branches.
POINTS: dict[str, tuple[Any, list[Any], list[Any], list[Any]]] = {
    "where": (
        lambda x: torch.where(x > 0, x.sqrt(), x),
        [[-1.0, 0.0, 4.0]],
        [[nan, nan, 0.25]],
        [[1.0, 1.0, 0.25]],
    ),
    "masked_fill": (
        lambda x: x.log().masked_fill(x <= 0, 0),
        [[0.0, -1.0, 2.0]],
        [[nan, 0.0, 0.5]],
        [[0.0, 0.0, 0.5]],
    ),
    "clamp": (lambda x: x.sqrt().clamp(min=1), [[0.0, 4.0]], [[nan, 0.25]], [[0.0, 0.25]]),
    "sqrt of squares": (lambda x: (x**2).sum().sqrt(), [[0.0, 0.0]], [[nan, nan]], [[0.0, 0.0]]),
    "norm": (lambda x: x.norm(), [[0.0, 0.0]], [[0.0, 0.0]], [[0.0, 0.0]]),
    "logarithm of a determinant": (
        lambda x: torch.where(torch.linalg.det(x).detach() > 0, torch.logdet(x), 0),
        [[[[1.0, 1.0], [1.0, 1.0]], [[2.0, 0.0], [0.0, 4.0]]]],
        [[NOWHERE, [[0.5, 0.0], [0.0, 0.25]]]],
        [[[[0.0, 0.0], [0.0, 0.0]], [[0.5, 0.0], [0.0, 0.25]]]],
    ),
    "hypot": (
        torch.hypot,
        [[0.0, 3.0], [0.0, 4.0]],
        [[nan, 0.6], [nan, 0.8]],
        [[0.0, 0.6], [0.0, 0.8]],
    ),
    "xlogy": (
        torch.xlogy,
        [[0.0, 2.0], [0.0, 4.0]],
        [[0.0, math.log(4)], [nan, 0.5]],
        [[0.0, math.log(4)], [0.0, 0.5]],
    ),
    "xlog1py": (torch.special.xlog1py, [[0.0], [-1.0]], [[0.0], [nan]], [[0.0], [0.0]]),
    "logaddexp": (
        torch.logaddexp,
        [[-inf, -inf, inf], [-inf, 0.0, inf]],
        [[nan, 0.0, nan], [nan, 1.0, nan]],
        [[0.5, 0.0, 0.5], [0.5, 1.0, 0.5]],
    ),
    "logaddexp2": (torch.logaddexp2, [[-inf], [-inf]], [[nan], [nan]], [[0.5], [0.5]]),
    "logsumexp": (
        lambda x: torch.logsumexp(x, 1),
        [[[-inf] * 3, [-inf, 0.0, 0.0], [inf, inf, 0.0]]],
        [[[nan] * 3, [0.0, 0.5, 0.5], [nan, nan, 0.0]]],
        [[[third] * 3, [0.0, 0.5, 0.5], [0.5, 0.5, 0.0]]],
    ),
    "quotient": (
        lambda x, y: torch.where(y != 0, x / y, 0),
        [[1.0, 0.0], [0.0, 0.0]],
        [[nan, nan], [nan, nan]],
        [[0.0, 0.0], [0.0, 0.0]],
    ),
    "attention": (
        attention,
        [[[0.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 2.0]]],
        [[[-0.25, 0.25], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]], [[nan, nan], [nan, nan]]],
        [[[-0.25, 0.25], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]], [[0.5, 0.5], [0.5, 0.5]]],
    ),
    "eigh": (vectors, [EYE], [NOTHING], [[[0.0] * 3] * 3]),
    "eigvalsh": (torch.linalg.eigvalsh, [EYE], [EYE], [EYE]),
    "svdvals": (torch.linalg.svdvals, [EYE], [EYE], [EYE]),
    "matrix_norm": (lambda x: torch.linalg.matrix_norm(x, "nuc"), [EYE], [EYE], [EYE]),
    "svd": (
        lambda x: torch.linalg.svd(x, full_matrices=False)[0] * torch.tensor([[1.0], [2], [3]]),
        [np.eye(3)[:, :2].tolist()],
        [[[nan, nan]] * 3],
        [[[0.0, 0.0], [0.0, 0.0], [3.0, 3.0]]],
    ),
    # An infinite slope that is used, and values that are not numbers, stay what they are.
    "sqrt": (torch.sqrt, [[0.0, 1.0]], [[inf, 0.5]], [[inf, 0.5]]),
    "pow": (torch.pow, [[-2.0], [2.0]], [[-4.0], [nan]], [[-4.0], [nan]]),
    "normalize": (lambda x: F.normalize(x, dim=0), [[0.0, 0.0]], [[1e12] * 2], [[1e12] * 2]),
    "std of one": (lambda x: x.std(1), [[[1.0]]], [[[nan]]], [[[nan]]]),
    "std of one, unused": (
        lambda x: torch.where(torch.tensor(False), x[:1].std(), x.std()),
        [[1.0, 1.0]],
        [[nan, 0.0]],
        [[0.0, 0.0]],
    ),
}


def tensors(values: list[Any]) -> list[Any]:
    return [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in values]


def same(found: Any, expected: Any) -> None:
    assert len(found) == len(expected)
    for g, e in zip(found, expected):
        np.testing.assert_allclose(g.detach().numpy(), e, rtol=1e-12, atol=1e-14)


def gradients(f: Any, xs: Any, **options: Any) -> Any:
    return torch.autograd.grad(f(*xs).sum(), xs, **options)


@pytest.mark.filterwarnings("ignore:std")
@pytest.mark.parametrize("point", POINTS)
class TestPoint:
    def test_default_is_torch(self, point: str) -> None:
        f, values, default, _ = POINTS[point]
        same(gradients(f, tensors(values)), default)

    def test_backward(self, point: str) -> None:
        f, values, _, safe = POINTS[point]
        with torch.safe_branches():
            same(gradients(f, tensors(values)), safe)

    def test_recorded(self, point: str) -> None:
        """With create_graph the values are the same; finite ones have finite derivatives."""
        f, values, _, safe = POINTS[point]
        xs = tensors(values)
        with torch.safe_branches():
            found = gradients(f, xs, create_graph=True)
            same(found, safe)
            if np.isfinite(np.concatenate([np.ravel(s) for s in safe])).all():
                total = sum(g.sum() for g in found)
                again = torch.autograd.grad(total, xs, materialize_grads=True)
                assert all(torch.isfinite(g).all() for g in again)

    def test_forward_mode(self, point: str) -> None:
        f, values, _, safe = POINTS[point]
        places = tuple(range(len(values)))
        with torch.safe_branches():
            found = torch.func.jacfwd(lambda *xs: f(*xs).sum(), argnums=places)(*tensors(values))
        same(found, safe)

    def test_gradients_of_examples(self, point: str) -> None:
        f, values, _, safe = POINTS[point]
        grad = torch.func.grad(lambda *xs: f(*xs).sum(), argnums=tuple(range(len(values))))
        examples = [torch.stack([x.detach()] * 2) for x in tensors(values)]
        with torch.safe_branches():
            found = torch.func.vmap(grad)(*examples)
        same([g[1] for g in found], safe)


def smooth(x: Any) -> Any:
    """Many operations at once, all differentiable where the inputs are."""
    symmetric = x @ x.mT + torch.diag(torch.arange(1.0, 4.0, dtype=x.dtype))
    values, axes = torch.linalg.eigh(symmetric)
    u, s, vh = torch.linalg.svd(x + 2 * torch.eye(3, dtype=x.dtype), full_matrices=False)
    parts = [
        (values * axes.square()).sum(),
        (u * s * vh.mT).square().sum() + s.prod(),
        torch.hypot(x, x + 1).sum() + torch.logaddexp(x, -x).sum(),
        torch.logsumexp(x, 0).sum() + torch.xlogy(x.square(), x.square() + 1).sum(),
        torch.where(x > 0, x.sin(), x.exp()).std() + x.norm(3) + x.softmax(1).square().sum(),
        F.layer_norm(x, (3,), x[0], x[1]).tanh().sum(),
    ]
    return sum(parts)


def draws() -> Any:
    return torch.tensor(np.random.default_rng(3).standard_normal((3, 3)), requires_grad=True)


def test_finite_gradients_keep_their_bits() -> None:
    x = draws()

    def everything() -> list[Any]:
        first = torch.autograd.grad(smooth(x), x, create_graph=True)[0]
        again = torch.autograd.grad(first.square().sum(), x)[0]
        tangent = torch.func.jvp(smooth, (x.detach(),), (torch.ones(3, 3).double(),))[1]
        whole = torch.autograd.functional.hessian(smooth, x.detach())
        return [torch.autograd.grad(smooth(x), x)[0], first, again, tangent, whole]

    plain = everything()
    with torch.safe_branches():
        safe = everything()
    for p, s in zip(plain, safe, strict=True):
        assert p.detach().numpy().tobytes() == s.detach().numpy().tobytes()


def test_gradients_away_from_singular_points_agree_with_differences() -> None:
    with torch.safe_branches():
        assert torch.autograd.gradcheck(smooth, (draws(),), check_forward_ad=True)
        assert torch.autograd.gradgradcheck(lambda x: torch.hypot(x, x * x).sum(), (draws(),))


W = torch.tensor([[0.5, -1.0, 2.0], [1.0, 0.25, -0.5], [0.0, 1.0, 1.0]], dtype=torch.float64)
ROWS = {
    "linear": lambda x, w: F.linear(x, w, w[0]),
    "matmul": lambda x, w: x @ w,
    "softmax": lambda x, w: (x * w[0]).softmax(1) @ w,
    "log_softmax": lambda x, w: (x @ w).log_softmax(1),
    "layer_norm": lambda x, w: F.layer_norm(x @ w, (3,), w[0], w[1]),
    "norm": lambda x, w: (x @ w).norm(dim=1, keepdim=True),
    "std": lambda x, w: (x @ w).std(1, keepdim=True),
    "cumprod": lambda x, w: (x * w[0]).cumprod(1),
    "conv1d": lambda x, w: F.conv1d(x[:, None], w[:1, None, :2])[:, 0],
    "einsum": lambda x, w: torch.einsum("ni,ij->nj", x, w).tanh(),
    "bmm": lambda x, w: (x[:, None] @ w.expand(len(x), 3, 3))[:, 0],
}


@pytest.mark.parametrize("bad", [nan, inf, -inf])
@pytest.mark.parametrize("name", ROWS)
def test_a_row_that_does_not_count_does_not_spoil_what_rows_share(name: str, bad: float) -> None:
    f = ROWS[name]
    good = torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64)
    rows = torch.cat([good, torch.full((1, 3), bad, dtype=torch.float64)])

    def masked(w: Any) -> Any:
        out = f(rows, w)
        return torch.where(torch.tensor([[True], [False]]), out, 0).square().sum()

    w = W.clone().requires_grad_()
    alone = torch.autograd.grad(f(good, w).square().sum(), w, create_graph=True)[0]
    with torch.safe_branches():
        found = torch.autograd.grad(masked(w), w, create_graph=True)[0]
        again = torch.autograd.grad(found.square().sum(), w)[0]
    np.testing.assert_allclose(found.detach().numpy(), alone.detach().numpy(), rtol=1e-12)
    expected = torch.autograd.grad(alone.square().sum(), w)[0]
    np.testing.assert_allclose(again.numpy(), expected.numpy(), rtol=1e-10, atol=1e-10)


def test_a_product_with_something_that_counts_stays_infinite() -> None:
    x = torch.tensor([[1.0, 0.0], [2.0, 3.0]], requires_grad=True)
    w = torch.tensor([[inf, 1.0], [1.0, 1.0]])
    with torch.safe_branches():
        (g,) = torch.autograd.grad((x @ w), x, torch.tensor([[1.0, 1.0], [0.0, 1.0]]))
    assert g.tolist() == [[inf, 2.0], [1.0, 1.0]]


def test_slope_of_zero_lets_no_infinity_through_in_both_modes() -> None:
    def f(x: Any) -> Any:
        return (0 * x).sqrt() + 0 * x.sqrt()

    x = torch.zeros(2, requires_grad=True)
    with torch.safe_branches():
        (g,) = torch.autograd.grad(f(x).sum(), x)
        tangent = torch.func.jvp(f, (torch.zeros(2),), (torch.ones(2),))[1]
    assert g.tolist() == tangent.tolist() == [0.0, 0.0]


PAIRS = {
    "mse_loss": F.mse_loss,
    "with_logits": F.binary_cross_entropy_with_logits,
    "cross_entropy": lambda x, y, reduction: F.cross_entropy(
        x, torch.tensor([1, 0]), reduction=reduction
    ),
    "cross_entropy of shares": lambda x, y, reduction: F.cross_entropy(
        x, y.softmax(1), reduction=reduction
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_losses_of_examples_that_do_not_count(name: str) -> None:
    x = torch.tensor([[1.0, -2.0], [nan, 0.5]], requires_grad=True)
    y = torch.tensor([[0.0, 1.0], [1.0, 0.0]])

    def loss(x: Any) -> Any:
        losses = PAIRS[name](x, y, reduction="none")
        return losses.masked_fill(losses.isnan(), 0).sum()

    (plain,) = torch.autograd.grad(loss(x), x)
    with torch.safe_branches():
        (g,) = torch.autograd.grad(loss(x), x)
    assert plain.isnan().any()
    assert torch.isfinite(g).all()
    assert torch.equal(g[0], plain[0])
    assert g[1, 0] == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.complex64])
def test_dtypes(dtype: Any) -> None:
    x = torch.zeros(3, dtype=dtype, requires_grad=True)
    with torch.safe_branches():
        (g,) = torch.autograd.grad((x.sqrt() * 0).abs().sum(), x)
    assert g.dtype == dtype
    assert g.tolist() == [0, 0, 0]


def test_nested_transforms() -> None:
    def f(x: Any) -> Any:
        return torch.where(x > 0, x.sqrt(), x.square())

    xs = torch.tensor([0.0, 4.0, -1.0], dtype=torch.float64)
    func = torch.func
    with torch.safe_branches():
        found = [
            func.vmap(func.grad(func.grad(f)))(xs),
            func.grad(lambda v: func.vmap(func.grad(f))(v).sum())(xs),
            func.vmap(func.jacfwd(func.grad(f)))(xs),
            func.vmap(func.grad(func.jacfwd(f)))(xs),
            torch.diagonal(func.hessian(lambda v: f(v).sum())(xs)),
        ]
    for second in found:
        np.testing.assert_allclose(second.numpy(), [2.0, -1 / 32, 2.0])


@pytest.mark.filterwarnings("error")
def test_numpy_warnings_as_errors() -> None:
    x = torch.tensor([-1.0, 0.0, 4.0], requires_grad=True)
    with torch.safe_branches():
        (g,) = torch.autograd.grad(torch.where(x > 0, x.sqrt(), x).sum(), x)
    assert g.tolist() == [1.0, 1.0, 0.25]


def test_written_in_place_through_a_view() -> None:
    x = torch.tensor([0.0, 4.0], requires_grad=True)
    y = x * 1
    y[:1].sqrt_()
    with torch.safe_branches():
        (g,) = torch.autograd.grad((y * torch.tensor([0.0, 2.0])).sum(), x)
    assert g.tolist() == [0.0, 2.0]


def test_graph_is_freed_and_can_be_retained() -> None:
    x = torch.zeros(2, requires_grad=True)
    y = (x.sqrt() * 0).sum()
    with torch.safe_branches():
        y.backward(retain_graph=True)
        y.backward()
        assert x.grad.tolist() == [0.0, 0.0]
        with pytest.raises(RuntimeError, match="second time"):
            y.backward()


class Root(torch.autograd.Function):
    """A user's operation with an infinite slope at 0."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x.sqrt()

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g / (2 * ctx.saved_tensors[0].sqrt())


def test_a_function_of_the_users_gives_zeros_for_zeros() -> None:
    x = torch.zeros(2, requires_grad=True)
    with torch.safe_branches():
        (g,) = torch.autograd.grad((Root.apply(x) * 0).sum(), x)
    assert g.tolist() == [0.0, 0.0]


@pytest.mark.filterwarnings("ignore:Anomaly", "ignore:Error detected")
def test_anomaly_mode_looks_at_what_is_left() -> None:
    x = torch.zeros(2, requires_grad=True)
    with torch.autograd.detect_anomaly(), torch.safe_branches():
        (x.sqrt() * 0).sum().backward()
        y = torch.tensor(2.0, requires_grad=True)
        power = torch.tensor(-2.0) ** y
        with pytest.raises(RuntimeError, match="PowBackward1"):
            power.backward()
    assert x.grad.tolist() == [0.0, 0.0]


def gradient_at_zero() -> float:
    x = torch.zeros((), requires_grad=True)
    (x.sqrt() * 0).backward()
    return x.grad.item()


def off() -> bool:
    return modes.state.safe is None and modes.safe == 0 and math.isnan(gradient_at_zero())


def test_as_decorator_and_in_generators() -> None:
    @torch.safe_branches
    def plain() -> float:
        return gradient_at_zero()

    @torch.safe_branches()
    def called() -> float:
        return gradient_at_zero()

    @torch.safe_branches()
    def steps() -> Any:
        yield gradient_at_zero()
        yield gradient_at_zero()

    assert plain() == called() == 0.0
    for found in steps():
        assert found == 0.0
        assert off()


def test_what_was_on_is_restored() -> None:
    mode = torch.safe_branches()
    with mode:
        with mode:
            assert gradient_at_zero() == 0.0
        assert gradient_at_zero() == 0.0
    assert off()
    with pytest.raises(KeyError), torch.safe_branches():
        raise KeyError
    assert off()

    def fail(ct: Any) -> Any:
        raise ZeroDivisionError

    x = torch.zeros(2, requires_grad=True)
    y = x.sqrt()
    y.register_hook(fail)
    with pytest.raises(ZeroDivisionError), torch.safe_branches():
        (y * 0).sum().backward()
    assert off()
    assert torch.is_grad_enabled()


def test_other_threads_are_not_concerned() -> None:
    found = []
    thread = threading.Thread(target=lambda: found.append(gradient_at_zero()))
    with torch.safe_branches():
        thread.start()
        thread.join()
        assert gradient_at_zero() == 0.0
    assert math.isnan(found[0])
    assert off()


def test_the_mode_counts_when_backward_runs() -> None:
    x = torch.zeros((), requires_grad=True)
    with torch.safe_branches():
        y = x.sqrt() * 0
    y.backward(retain_graph=True)
    assert math.isnan(x.grad.item())
    x.grad = None
    with torch.safe_branches():
        y.backward()
    assert x.grad.item() == 0.0


def test_spectral_sums_over_equal_eigenvalues() -> None:
    """Exact for what does not tell equal eigenvalues apart: a projector on their whole space."""
    g = torch.tensor(np.random.default_rng(1).standard_normal((3, 3)))

    def projected(a: Any) -> Any:
        v = torch.linalg.eigh(a)[1][:, :2]
        return (g * (v @ v.mT)).sum()

    a = torch.diag(torch.tensor([1.0, 1.0, 3.0], dtype=torch.float64)).requires_grad_()
    with torch.safe_branches():
        (found,) = torch.autograd.grad(projected(a), a)
    h, expected = 1e-6, np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            step = np.zeros((3, 3))
            step[i, j] += h / 2
            step[j, i] += h / 2
            moved = [projected(a.detach() + torch.tensor(s * step)).item() for s in (1, -1)]
            expected[i, j] = (moved[0] - moved[1]) / (2 * h)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-8)


def application(operation: Any, arrays: Any, params: Any) -> tuple[list[Any], list[Any]]:
    """The inputs that have derivatives, and the outputs that have, of one call."""
    inputs = [torch.from_numpy(np.array(a)) for a in arrays]
    last = len(operation.inputs) - 1
    moving = [
        t.requires_grad_()
        for i, t in enumerate(inputs)
        if t.is_floating_point() and (min(i, last) if operation.variadic else i) in operation.vjps
    ]
    out = operation(*inputs, **params)
    outs = list(out) if operation.several else [out]
    return moving, [o for o in outs if o.requires_grad]


def spoiled(array: Any, number: int) -> Any:
    """A copy in which every third number or so is 0, infinite or nan."""
    rng = np.random.default_rng(number)
    bad = rng.choice([0.0, inf, -inf, nan, 0.0], array.shape)
    return np.where(rng.random(array.shape) < 0.3, bad, array).astype(array.dtype)


# Raise for what is not finite, or have an input that must not be changed.
STRICT = {"eigh", "svd", "pinv", "cholesky", "inv", "solve", "det", "slogdet", "qr"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_operation(name: str) -> None:
    """What is finite keeps its bits, and of zeros come zeros, also at singular points."""
    operation = REGISTRY[name]
    for number, sample in enumerate(operation.samples()):
        for harm in (False, True):
            if harm and name in STRICT:
                continue
            arrays = [
                spoiled(a, number) if harm and np.asarray(a).dtype.kind == "f" else a
                for a in sample.inputs
            ]
            moving, outs = application(operation, arrays, sample.params)
            if not moving or not outs:
                continue
            options: dict[str, Any] = {"retain_graph": True, "materialize_grads": True}
            rng = np.random.default_rng(number)
            cts = [
                torch.from_numpy(
                    np.asarray(rng.integers(-1, 2, o.shape), dtype=o.detach().numpy().dtype)
                )
                for o in outs
            ]
            plain = torch.autograd.grad(outs, moving, cts, **options)
            zeros = [torch.zeros_like(ct) for ct in cts]
            with torch.safe_branches():
                safe = torch.autograd.grad(outs, moving, cts, **options)
                recorded = torch.autograd.grad(outs, moving, zeros, create_graph=True, **options)
                nothing = torch.autograd.grad(outs, moving, zeros, **options)
            for p, s, n, r in zip(plain, safe, nothing, recorded):
                finite = np.isfinite(p.numpy())
                assert p.numpy()[finite].tobytes() == s.numpy()[finite].tobytes()
                assert np.all(n.numpy() == 0)
                assert np.all(r.detach().numpy() == 0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_operation_forward(name: str) -> None:
    """The same of tangents."""
    operation = REGISTRY[name]
    last = len(operation.inputs) - 1
    for number, sample in enumerate(operation.samples()):
        for harm in (False, True):
            if harm and name in STRICT:
                continue
            arrays = [
                spoiled(a, number) if harm and np.asarray(a).dtype.kind == "f" else np.array(a)
                for a in sample.inputs
            ]
            inputs = [torch.from_numpy(np.array(a)) for a in arrays]
            moving = [
                i
                for i, t in enumerate(inputs)
                if t.is_floating_point()
                and (min(i, last) if operation.variadic else i) in operation.vjps
            ]
            if not moving:
                continue

            def f(*xs: Any, inputs: Any = inputs, moving: Any = moving, s: Any = sample) -> Any:
                given = list(inputs)
                for i, x in zip(moving, xs):
                    given[i] = x
                out = operation(*given, **s.params)
                outs = out if operation.several else (out,)
                return tuple([o for o in outs if o.is_floating_point()])

            primals = tuple(inputs[i] for i in moving)
            if not f(*primals):
                continue
            rng = np.random.default_rng(number)
            tangents = tuple(
                torch.from_numpy(np.asarray(rng.integers(-1, 2, p.shape), dtype=p.numpy().dtype))
                for p in primals
            )
            zeros = tuple(torch.zeros_like(p) for p in primals)
            plain = torch.func.jvp(f, primals, tangents)[1]
            with torch.safe_branches():
                safe = torch.func.jvp(f, primals, tangents)[1]
                nothing = torch.func.jvp(f, primals, zeros)[1]
            for p, s, n in zip(plain, safe, nothing, strict=True):
                finite = np.isfinite(p.numpy())
                assert p.numpy()[finite].tobytes() == s.numpy()[finite].tobytes()
                assert np.all(n.numpy() == 0)


def test_the_page_says_what_its_programs_compute() -> None:
    scope: dict[str, Any] = {}
    pairs = [
        pair
        for code in programs("safe-branches.md")
        for pair in commented_values(code, "safe-branches.md", scope)
    ]
    assert len(pairs) == 5
    assert [value for value, _ in pairs] == [comment for _, comment in pairs]
