"""torch.nn.functional: argument forms, statistics, random numbers, errors that say what to do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import adjoint as torch
from adjoint.autograd.tensor import Tensor
from adjoint.nn import functional as F

F64 = torch.float64


def made(*shape: int, grad: bool = False) -> Tensor:
    values = np.random.default_rng(int(np.prod(shape))).standard_normal(shape)
    return torch.tensor(values, requires_grad=grad)


def same(got: Tensor, want: Any, tolerance: float = 1e-12) -> None:
    np.testing.assert_allclose(got.detach().numpy(), want, rtol=tolerance, atol=tolerance)
    assert got.shape == np.shape(want)


def agree(f: Any, g: Any, *inputs: Tensor) -> None:
    """Two ways to compute one thing: equal values, equal gradients."""
    a, b = f(*inputs), g(*inputs)
    same(a, b.detach().numpy(), 1e-10)
    wanted = [x for x in inputs if x.requires_grad]
    ct = made(*a.shape)
    for p, q in zip(torch.autograd.grad(a, wanted, ct), torch.autograd.grad(b, wanted, ct)):
        same(p, q.numpy(), 1e-9)


class TestLinear:
    def test_ranks(self) -> None:
        w, b = made(4, 3, grad=True), made(4, grad=True)
        for shape in ((3,), (2, 3), (5, 2, 3), (0, 3)):
            x = made(*shape, grad=True)
            agree(F.linear, lambda x, w, b: x @ w.T + b, x, w, b)
            agree(F.linear, lambda x, w: x @ w.T, x, w)

    def test_weight_gradient_is_contiguous_and_its_own(self) -> None:
        w = made(4, 3, grad=True)
        F.linear(made(2, 3), w, made(4)).sum().backward()
        assert w.grad._data.flags.c_contiguous
        assert w.grad._data.base is None

    def test_vector_weight(self) -> None:
        same(F.linear(made(2, 3), made(3)), made(2, 3).numpy() @ made(3).numpy())

    def test_errors_say_what_the_layer_takes(self) -> None:
        x = torch.ones(3, 5)
        with pytest.raises(RuntimeError, match=r"\(3x5 and 4x2\): the layer takes 4 features"):
            F.linear(x, torch.ones(2, 4))
        with pytest.raises(RuntimeError, match="same dtype, but got: double != float"):
            F.linear(x.double(), torch.ones(2, 5))
        with pytest.raises(RuntimeError, match=r"bias of a linear layer has shape \[2\]"):
            F.linear(x, torch.ones(2, 5), torch.ones(3))
        with pytest.raises(TypeError, match=r"argument 'input' \(position 1\) must be Tensor"):
            F.linear(np.ones((3, 5)), torch.ones(2, 5))

    def test_bilinear(self) -> None:
        x, y, w = made(2, 3), made(2, 4), made(5, 3, 4)
        want = np.einsum("bi,kij,bj->bk", x.numpy(), w.numpy(), y.numpy())
        same(F.bilinear(x, y, w, made(5)), want + made(5).numpy())


class TestConvolution:
    def test_is_a_sum_over_shifted_inputs(self) -> None:
        x, w, b = made(2, 3, 5, 6, grad=True), made(4, 3, 2, 3, grad=True), made(4, grad=True)

        def shifted(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
            out = b.reshape(1, 4, 1, 1)
            for i in range(2):
                for j in range(3):
                    part = x[:, :, i : i + 4, j : j + 4]
                    out = out + torch.einsum("nchw,oc->nohw", part, w[:, :, i, j])
            return out

        agree(F.conv2d, shifted, x, w, b)

    def test_options_against_plain_ones(self) -> None:
        x, w = made(1, 4, 7, 7, grad=True), made(6, 4, 3, 3, grad=True)
        padded = F.pad(x, (1, 1, 2, 2))
        same(F.conv2d(x, w, padding=(2, 1)), F.conv2d(padded, w).detach().numpy())
        same(F.conv2d(x, w, padding="valid"), F.conv2d(x, w).detach().numpy())
        assert F.conv2d(x, w, padding="same", dilation=2).shape == (1, 6, 7, 7)
        same(F.conv2d(x, w, stride=2), F.conv2d(x, w)[:, :, ::2, ::2].detach().numpy())
        spread = torch.zeros(6, 4, 5, 5, dtype=F64)
        spread[:, :, ::2, ::2] = w.detach()
        same(F.conv2d(x, w, dilation=2), F.conv2d(x, spread).detach().numpy())

    def test_groups(self) -> None:
        x, w = made(2, 4, 5, grad=True), made(6, 2, 3, grad=True)

        def apart(x: Tensor, w: Tensor) -> Tensor:
            return torch.cat([F.conv1d(x[:, :2], w[:3]), F.conv1d(x[:, 2:], w[3:])], 1)

        agree(lambda x, w: F.conv1d(x, w, groups=2), apart, x, w)

    def test_joined_and_single_samples_agree(self) -> None:
        """Small images are multiplied together, large ones one by one."""
        for size in (4, 16):
            x, w = made(3, 2, size, size), made(2, 2, 3, 3)
            rows = [F.conv2d(x[i : i + 1], w).numpy() for i in range(3)]
            same(F.conv2d(x, w), np.concatenate(rows))

    def test_transposed_is_the_transpose(self) -> None:
        for options in ({}, {"stride": 2, "padding": 1}, {"dilation": 2}, {"groups": 2}):
            w = made(4, 2 if "groups" in options else 3, 3, 3)
            x = made(2, w.shape[1] * options.get("groups", 1), 9, 9, grad=True)
            out = F.conv2d(x, w, **options)
            ct = made(*out.shape)
            (want,) = torch.autograd.grad(out, x, ct)
            same(F.conv_transpose2d(ct, w, **options), want.numpy(), 1e-10)

    def test_volumes_and_no_batch(self) -> None:
        x, w = made(2, 4, 4, 4), made(3, 2, 2, 2, 2)
        same(F.conv3d(x, w), F.conv3d(x.unsqueeze(0), w)[0].numpy())

    def test_saves_no_columns(self) -> None:
        x, w = made(2, 3, 8, 8, grad=True), made(4, 3, 3, 3, grad=True)
        node = F.conv2d(x, w).grad_fn
        assert node.name() == "ConvolutionBackward0"
        assert {t._data.size for t in node.saved} == {x.numel(), w.numel()}

    @pytest.mark.parametrize(
        ("shapes", "options", "message"),
        [
            (((1, 4, 5, 5), (3, 2, 3, 3)), {}, "to have 2 channels, but got 4 channels instead"),
            (((1, 2, 2, 2), (3, 2, 3, 3)), {}, r"per channel: \(2 x 2\). Kernel size: \(3 x 3\)"),
            (((5, 5), (3, 2, 3, 3)), {}, r"Expected 3D \(unbatched\) or 4D \(batched\) input"),
            (((1, 2, 5, 5), (3, 2, 3, 3)), {"stride": 0}, "non-positive stride"),
            (((1, 2, 5, 5), (3, 2, 3, 3)), {"padding": -1}, "negative padding"),
            (((1, 2, 5, 5), (3, 2, 3, 3)), {"stride": 2, "padding": "same"}, "strided"),
            (((1, 2, 5, 5), (3, 2, 3, 3)), {"bias": torch.ones(2)}, "expected bias to be"),
        ],
    )
    def test_errors(self, shapes: Any, options: dict[str, Any], message: str) -> None:
        with pytest.raises(RuntimeError, match=message):
            F.conv2d(torch.ones(shapes[0]), torch.ones(shapes[1]), **options)


class TestPooling:
    def test_max_takes_the_first_of_equals(self) -> None:
        x = torch.ones(1, 1, 2, 4, requires_grad=True)
        out, indices = F.max_pool2d(x, 2, return_indices=True)
        assert indices.tolist() == [[[[0, 2]]]]
        out.sum().backward()
        assert x.grad.tolist() == [[[[1, 0, 1, 0], [0, 0, 0, 0]]]]

    def test_overlapping_windows_add_up(self) -> None:
        x = torch.tensor([[[0.0, 5.0, 1.0, 2.0]]], requires_grad=True)
        F.max_pool1d(x, 2, stride=1).sum().backward()
        assert x.grad.tolist() == [[[0, 2, 0, 1]]]

    def test_ceil_mode_and_padding(self) -> None:
        x = torch.arange(5.0).reshape(1, 1, 5)
        assert F.max_pool1d(x, 2).tolist() == [[[1, 3]]]
        assert F.max_pool1d(x, 2, ceil_mode=True).tolist() == [[[1, 3, 4]]]
        assert F.max_pool1d(-x - 1, 3, stride=2, padding=1).tolist() == [[[-1, -2, -4]]]

    def test_average_counts(self) -> None:
        x = torch.ones(1, 1, 5)
        two_thirds = pytest.approx(2 / 3)
        got = F.avg_pool1d(x, 3, stride=2, padding=1)[0, 0].tolist()
        assert got == [two_thirds, 1, two_thirds]
        inside = F.avg_pool1d(x, 3, stride=2, padding=1, count_include_pad=False)
        assert inside.tolist() == [[[1, 1, 1]]]
        assert F.avg_pool1d(x, 2, ceil_mode=True).tolist() == [[[1, 1, 1]]]
        assert F.avg_pool2d(torch.ones(1, 2, 2), 2, divisor_override=3).item() == pytest.approx(
            4 / 3
        )

    def test_adaptive(self) -> None:
        x = made(2, 3, 5, 7, grad=True)
        same(F.adaptive_avg_pool2d(x, 1)[..., 0, 0], x.detach().numpy().mean((2, 3)))
        out = F.adaptive_avg_pool2d(x, (2, None))
        assert out.shape == (2, 3, 2, 7)
        same(out[:, :, 0], x.detach().numpy()[:, :, :3].mean(2))
        same(F.adaptive_max_pool2d(x, (2, 7))[:, :, 1], x.detach().numpy()[:, :, 2:].max(2))

    def test_unpooling_puts_maxima_back(self) -> None:
        x = made(1, 2, 4, 4)
        out, indices = F.max_pool2d(x, 2, return_indices=True)
        back = F.max_unpool2d(out, indices, 2)
        same(back[back != 0], x.numpy()[back.numpy() != 0])
        assert int((back != 0).sum()) == 8

    def test_keeps_a_byte_per_window(self) -> None:
        node = F.max_pool2d(made(1, 2, 4, 4, grad=True), 2).grad_fn
        assert [t._data.nbytes for t in node.saved] == [8]

    def test_errors(self) -> None:
        x = torch.ones(1, 1, 4, 4)
        with pytest.raises(RuntimeError, match="at most half of effective kernel size"):
            F.max_pool2d(x, 2, padding=2)
        with pytest.raises(RuntimeError, match="Output size is too small"):
            F.avg_pool2d(x, 5)
        with pytest.raises(RuntimeError, match="must be an int, or 2 ints"):
            F.max_pool2d(x, (2, 2, 2))


class TestNormalization:
    def test_running_statistics(self) -> None:
        x = torch.tensor([[1.0], [3.0], [5.0]])
        mean, var = torch.zeros(1), torch.ones(1)
        F.batch_norm(x, mean, var, training=True, momentum=0.1)
        assert mean.item() == pytest.approx(0.3)
        assert var.item() == pytest.approx(0.9 + 0.1 * 4)  # unbiased
        assert mean._version == 1
        want = (x.numpy() - 0.3) / math.sqrt(1.3 + 1e-5)
        same(F.batch_norm(x, mean, var), want, 1e-6)
        assert mean._version == 1

    def test_each_is_the_formula(self) -> None:
        def formula(x: Tensor, dims: Any) -> Tensor:
            mean = x.mean(dims, keepdim=True)
            var = ((x - mean) ** 2).mean(dims, keepdim=True)
            return (x - mean) / (var + 1e-5).sqrt()

        x, w, b = made(3, 4, 5, grad=True), made(4, grad=True), made(4, grad=True)
        w1, b1 = (lambda w: w.reshape(1, 4, 1)), (lambda b: b.reshape(1, 4, 1))
        agree(
            lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True),
            lambda x, w, b: formula(x, (0, 2)) * w1(w) + b1(b),
            x,
            w,
            b,
        )
        agree(
            lambda x, w, b: F.instance_norm(x, weight=w, bias=b),
            lambda x, w, b: formula(x, (2,)) * w1(w) + b1(b),
            x,
            w,
            b,
        )
        agree(
            lambda x, w, b: F.group_norm(x, 2, w, b),
            lambda x, w, b: formula(x.reshape(3, 2, 10), (2,)).reshape(3, 4, 5) * w1(w) + b1(b),
            x,
            w,
            b,
        )
        agree(lambda x: F.layer_norm(x, (4, 5)), lambda x: formula(x, (1, 2)), x)
        agree(lambda x: F.layer_norm(x, (5,), made(5)), lambda x: formula(x, (2,)) * made(5), x)

    def test_rms_norm_and_normalize(self) -> None:
        x = made(3, 4)
        rms = np.sqrt((x.numpy() ** 2).mean(1, keepdims=True))
        same(F.rms_norm(x, (4,)), x.numpy() / rms)
        same(F.normalize(x), x.numpy() / np.linalg.norm(x.numpy(), axis=1, keepdims=True))
        zero = torch.zeros(1, 2, requires_grad=True)
        F.normalize(zero).sum().backward()
        same(zero.grad, [[1e12, 1e12]], 1e-6)

    def test_errors(self) -> None:
        with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
            F.batch_norm(torch.ones(1, 3), None, None, training=True)
        with pytest.raises(RuntimeError, match="running_mean should contain 3 elements not 4"):
            F.batch_norm(torch.ones(2, 3), torch.ones(4), torch.ones(4))
        with pytest.raises(RuntimeError, match=r"Given normalized_shape=\[4\]"):
            F.layer_norm(torch.ones(2, 3), (4,))
        with pytest.raises(RuntimeError, match="divisible by num_groups"):
            F.group_norm(torch.ones(2, 3), 2)


class TestDropout:
    def test_torch_draws(self) -> None:
        """Recorded from torch 2.13, seed 0."""
        torch.manual_seed(0)
        assert F.dropout(torch.ones(8), 0.5).tolist() == [0, 0, 2, 0, 0, 0, 2, 2]

    def test_off(self) -> None:
        x = made(4)
        assert F.dropout(x, training=False) is x
        assert F.dropout(x, 0.0) is x
        assert F.dropout(x, 1.0).tolist() == [0, 0, 0, 0]
        y = x.clone()
        assert F.dropout(y, 0.5, inplace=True) is y

    def test_channels(self) -> None:
        torch.manual_seed(0)
        out = F.dropout2d(torch.ones(4, 8, 3, 3), 0.5)
        assert set(out.mean((2, 3)).reshape(-1).tolist()) == {0.0, 2.0}

    def test_alpha_keeps_moments(self) -> None:
        torch.manual_seed(0)
        out = F.alpha_dropout(torch.randn(100_000), 0.3, training=True)
        assert abs(out.mean().item()) < 0.02
        assert abs(out.std().item() - 1) < 0.02

    def test_probability(self) -> None:
        with pytest.raises(ValueError, match=r"between 0 and 1, but got 1\.5"):
            F.dropout(torch.ones(2), 1.5)


class TestEmbedding:
    def test_repeated_rows_add_up(self) -> None:
        w = made(5, 2, grad=True)
        out = F.embedding(torch.tensor([[1, 3], [3, 3]]), w)
        same(out, w.detach().numpy()[[[1, 3], [3, 3]]])
        out.sum().backward()
        assert w.grad[:, 0].tolist() == [0, 1, 0, 3, 0]

    def test_large_tables_add_the_same(self) -> None:
        w = made(50, 64, grad=True)
        indices = torch.tensor(np.random.default_rng(0).integers(0, 50, 600))
        ct = made(600, 64)
        (g,) = torch.autograd.grad(F.embedding(indices, w), w, ct)
        want = np.zeros((50, 64))
        np.add.at(want, indices.numpy(), ct.numpy())
        same(g, want)

    def test_padding_row_gets_no_gradient(self) -> None:
        w = made(3, 2, grad=True)
        F.embedding(torch.tensor([0, 2]), w, padding_idx=-1).sum().backward()
        assert w.grad.tolist() == [[1, 1], [0, 0], [0, 0]]

    def test_max_norm_shortens_in_place(self) -> None:
        w = torch.tensor([[3.0, 4.0], [3.0, 4.0]])
        same(F.embedding(torch.tensor([0]), w, max_norm=1.0), [[0.6, 0.8]], 1e-6)
        assert w[1].tolist() == [3, 4]

    def test_errors_name_the_index(self) -> None:
        w = torch.ones(3, 2)
        with pytest.raises(IndexError, match=r"3 rows, but got index 7 at position \[1, 0\]"):
            F.embedding(torch.tensor([[0], [7]]), w)
        with pytest.raises(IndexError, match="got index -1"):
            F.embedding(torch.tensor([-1]), w)
        with pytest.raises(RuntimeError, match="scalar types: Long, Int"):
            F.embedding(torch.ones(2), w)

    def test_one_hot(self) -> None:
        assert F.one_hot(torch.tensor([0, 2])).tolist() == [[1, 0, 0], [0, 0, 1]]
        assert F.one_hot(torch.tensor([0]), 2).dtype is torch.int64
        with pytest.raises(RuntimeError, match="smaller than num_classes"):
            F.one_hot(torch.tensor([3]), 3)


class TestCrossEntropy:
    def test_fused_equals_composite(self) -> None:
        x, t = made(4, 5, grad=True), torch.tensor([0, 4, 2, 2])
        for reduction in ("mean", "sum", "none"):
            agree(
                lambda x, r=reduction: F.cross_entropy(x, t, reduction=r),
                lambda x, r=reduction: F.nll_loss(F.log_softmax(x, 1), t, reduction=r),
                x,
            )

    def test_large_scores(self) -> None:
        x = torch.tensor([[1000.0, -1000.0]], requires_grad=True)
        loss = F.cross_entropy(x, torch.tensor([1]))
        loss.backward()
        assert loss.item() == 2000
        assert x.grad.tolist() == [[1, -1]]

    def test_ignored_and_weighted(self) -> None:
        x, w = made(3, 4), made(4).abs()
        logp = F.log_softmax(x, 1).numpy()
        t = torch.tensor([1, -100, 3])
        want = -(logp[0, 1] * w.numpy()[1] + logp[2, 3] * w.numpy()[3])
        total = w.numpy()[1] + w.numpy()[3]
        assert F.cross_entropy(x, t, w).item() == pytest.approx(want / total)
        assert F.cross_entropy(x, t, w, reduction="none")[1].item() == 0
        assert math.isnan(F.cross_entropy(x, torch.full((3,), -100)).item())

    def test_smoothing_is_a_mixture_of_targets(self) -> None:
        x, t = made(3, 4, grad=True), torch.tensor([1, 0, 3])
        mixed = F.one_hot(t, 4).to(F64) * 0.8 + 0.2 / 4
        agree(
            lambda x: F.cross_entropy(x, t, label_smoothing=0.2),
            lambda x: F.cross_entropy(x, mixed),
            x,
        )

    def test_other_ranks(self) -> None:
        x, t = made(2, 3, 4, 5), torch.ones(2, 4, 5, dtype=torch.int64)
        flat = x.permute(0, 2, 3, 1).reshape(-1, 3)
        want = F.cross_entropy(flat, t.reshape(-1)).item()
        assert F.cross_entropy(x, t).item() == pytest.approx(want)
        one = F.cross_entropy(made(3), torch.tensor(1))
        assert one.item() == pytest.approx(-F.log_softmax(made(3), 0)[1].item())

    def test_name_of_the_node(self) -> None:
        loss = F.cross_entropy(made(2, 3, grad=True), torch.tensor([0, 1]))
        assert loss.grad_fn.name() == "NllLossBackward0"

    @pytest.mark.parametrize(
        ("target", "error", "message"),
        [
            ([0, 5, 1], IndexError, r"Target 5 is out of bounds. \(position \[1\]"),
            ([0, -1, 1], IndexError, "Target -1 is out of bounds"),
            ([0.0, 1.0, 2.0], RuntimeError, "Long or Byte, but got Float"),
            ([0, 1], ValueError, r"batch_size \(3\) to match target batch_size \(2\)"),
            ([[0], [1], [2]], RuntimeError, "multi-target not supported"),
        ],
    )
    def test_wrong_targets(self, target: Any, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            F.cross_entropy(torch.ones(3, 5), torch.tensor(target))


class TestLosses:
    def test_kinks(self) -> None:
        d = torch.tensor([-2.0, -1.0, 0.0, 0.5, 1.0], requires_grad=True)
        zero = torch.zeros(5)
        same(F.smooth_l1_loss(d, zero, reduction="none"), [1.5, 0.5, 0, 0.125, 0.5])
        same(F.huber_loss(d, zero, reduction="none", delta=0.5), [0.875, 0.375, 0, 0.125, 0.375])
        (g,) = torch.autograd.grad(F.l1_loss(d, zero, reduction="sum"), d)
        same(g, [-1, -1, 0, 1, 1])

    def test_probabilities_and_logits_agree(self) -> None:
        x, t = made(3, 4, grad=True), made(3, 4).sigmoid()
        agree(
            lambda x: F.binary_cross_entropy_with_logits(x, t),
            lambda x: F.binary_cross_entropy(x.sigmoid(), t),
            x,
        )
        agree(
            lambda x: F.binary_cross_entropy_with_logits(x, t, pos_weight=made(4).abs()),
            lambda x: -(made(4).abs() * t * F.logsigmoid(x) + (1 - t) * F.logsigmoid(-x)).mean(),
            x,
        )

    def test_bce_stays_finite(self) -> None:
        x, t = torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.0])
        assert F.binary_cross_entropy(x, t).item() == 100

    def test_divergence(self) -> None:
        p, q = torch.tensor([[0.5, 0.5]]), torch.tensor([[0.25, 0.75]])
        want = (0.25 * math.log(0.5) + 0.75 * math.log(1.5)) / 1
        got = F.kl_div(p.log(), q, reduction="batchmean").item()
        assert got == pytest.approx(want, rel=1e-6)
        with pytest.warns(UserWarning, match="divides the total loss by both"):
            F.kl_div(p.log(), q)

    def test_old_reduction_arguments(self) -> None:
        x, y = made(3), made(3)[:3] * 2
        with pytest.warns(UserWarning, match="reduction='sum'"):
            got = F.mse_loss(x, y, size_average=False)
        same(got, ((x - y) ** 2).sum().numpy())
        with pytest.raises(ValueError, match="not a valid value for reduction"):
            F.mse_loss(x, y, reduction="average")

    def test_shapes(self) -> None:
        with pytest.warns(UserWarning, match="likely lead to incorrect results"):
            F.mse_loss(torch.ones(3, 1), torch.ones(3))
        with pytest.raises(ValueError, match="different to the input size"):
            F.binary_cross_entropy(torch.ones(3), torch.ones(3, 1))
        with pytest.raises(RuntimeError, match="should be between 0 and 1"):
            F.binary_cross_entropy(torch.tensor([2.0]), torch.tensor([1.0]))

    def test_pairs(self) -> None:
        x, y = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
        assert F.cosine_similarity(x, y).item() == 0
        assert F.pairwise_distance(x, y, eps=0).item() == pytest.approx(math.sqrt(2))
        assert F.triplet_margin_loss(x, x, y, eps=0, margin=2.0).item() == pytest.approx(
            2 - math.sqrt(2)
        )
        same(F.margin_ranking_loss(x[0], y[0], torch.ones(2), reduction="none"), [0, 1])
        same(F.hinge_embedding_loss(x[0], torch.tensor([1.0, -1.0]), reduction="none"), [1, 1])


class TestImages:
    def test_pixel_shuffle_and_back(self) -> None:
        x = made(2, 8, 3, 3)
        same(F.pixel_unshuffle(F.pixel_shuffle(x, 2), 2), x.numpy())

    def test_unfold_and_fold(self) -> None:
        x = made(2, 3, 5, 4)
        columns = F.unfold(x, (3, 2), padding=1)
        w = made(4, 3, 3, 2)
        product = (w.reshape(4, -1) @ columns).reshape(2, 4, 5, 5)
        same(product, F.conv2d(x, w, padding=1).numpy(), 1e-10)
        counts = F.fold(F.unfold(torch.ones(1, 1, 3, 3), 2), (3, 3), 2)
        assert counts.tolist() == [[[[1, 2, 1], [2, 4, 2], [1, 2, 1]]]]

    def test_interpolate(self) -> None:
        x = torch.tensor([[[0.0, 1.0]]])
        same(F.interpolate(x, size=4), [[[0, 0, 1, 1]]])
        same(F.interpolate(x, size=4, mode="linear"), [[[0, 0.25, 0.75, 1]]])
        aligned = F.interpolate(x, size=3, mode="linear", align_corners=True)
        same(aligned, [[[0, 0.5, 1]]])
        assert F.interpolate(torch.ones(1, 1, 3, 4), scale_factor=2, mode="bicubic").shape == (
            1,
            1,
            6,
            8,
        )
        with pytest.raises(ValueError, match="only one of size or scale_factor"):
            F.interpolate(x, size=2, scale_factor=2)

    def test_attention(self) -> None:
        q, k, v = made(2, 3, 4), made(2, 5, 4), made(2, 5, 6)
        weights = F.softmax(q @ k.mT / 2, -1)
        same(F.scaled_dot_product_attention(q, k, v), (weights @ v).numpy())
        causal = F.scaled_dot_product_attention(k, k, v, is_causal=True)
        same(causal[:, 0], v.numpy()[:, 0])
        mask = torch.tensor([[True, False, False, False, False]] * 3)
        masked = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        same(masked[:, 1], v.numpy()[:, 0])


class TestSoftmax:
    def test_implicit_dim_warns(self) -> None:
        with pytest.warns(UserWarning, match="Implicit dimension choice"):
            same(F.softmax(torch.zeros(2, 4)), np.full((2, 4), 0.25))

    def test_gumbel_hard_is_one_hot(self) -> None:
        torch.manual_seed(0)
        x = made(3, 4, grad=True)
        out = F.gumbel_softmax(x, hard=True)
        assert sorted(set(out.detach().numpy().round(12).reshape(-1).tolist())) == [0, 1]
        out[:, 0].sum().backward()
        assert (x.grad != 0).any()
