"""Shapes: argument forms, what is a view and what a copy, padding, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as torch


def numbers(*shape: int) -> torch.Tensor:
    return torch.from_numpy(np.arange(np.prod(shape), dtype=np.float32).reshape(shape))


@pytest.fixture
def x() -> torch.Tensor:
    return numbers(2, 3, 4)


def shares(a: torch.Tensor, b: torch.Tensor) -> bool:
    return np.shares_memory(a.detach().numpy(), b.detach().numpy())


@pytest.mark.parametrize(
    "reshaped",
    [
        lambda x: x.reshape(6, 4),
        lambda x: x.reshape((6, 4)),
        lambda x: x.reshape([-1, 4]),
        lambda x: torch.reshape(x, (6, -1)),
        lambda x: x.reshape(torch.Size([6, 4])),
        lambda x: x.view(6, -1),
        lambda x: x.view((6, 4)),
        lambda x: x.view(np.int64(6), torch.tensor(4)),
        lambda x: x.view_as(torch.zeros(6, 4)),
        lambda x: x.reshape_as(torch.zeros(6, 4)),
        lambda x: x.flatten(0, 1),
        lambda x: x.flatten().unflatten(0, (6, -1)),
    ],
)
def test_one_reshape_in_many_forms(x, reshaped) -> None:
    y = reshaped(x)
    assert y.shape == (6, 4)
    assert y.flatten().tolist() == list(range(24))
    assert shares(x, y)


def test_reshape_copies_only_when_the_layout_needs_it(x) -> None:
    turned = x.transpose(0, 1)
    assert not shares(x, turned.reshape(6, 4))
    assert shares(x, turned.reshape(3, 2, 2, 2))
    assert turned.reshape(-1)[:8].tolist() == [0, 1, 2, 3, 12, 13, 14, 15]
    assert x.flatten(1, 1) is x
    assert torch.tensor(3.0).flatten().shape == (1,)
    assert torch.zeros(0, 3).reshape(-1).shape == (0,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: x.view(5, 5), "shape '[5, 5]' is invalid for input of size 24"),
        (lambda x: x.view(-1, -1), "only one dimension can be inferred"),
        (lambda x: x.reshape(7, -1), "shape '[7, -1]' is invalid for input of size 24"),
        (lambda x: x.reshape(-2, 12), "invalid shape dimension -2"),
        (lambda x: x.reshape(0, -1), "is invalid for input of size 24"),
        (lambda x: x[:0].reshape(0, -1), "ambiguous"),
        (lambda x: x.transpose(0, 1).view(24), "Use .reshape(...) instead"),
        (lambda x: x.flatten(2, 1), "start_dim cannot come after end_dim"),
        (lambda x: x.unflatten(2, (2, 3)), "don't multiply up to the size of dim 2 (4)"),
        (lambda x: x.t(), "t() expects a tensor with <= 2 dimensions, but self is 3D"),
        (lambda x: x.permute(0, 1), "input.dim() = 3 is not equal to len(dims) = 2"),
        (lambda x: x.permute(0, 0, 1), "duplicate dims are not allowed"),
        (lambda x: x.H, "only supported on matrices"),
        (lambda x: x[0, 0].mT, "matrices or batches of matrices"),
        (lambda x: x.expand(3, 3, 4), "The expanded size of the tensor (3) must match"),
        (lambda x: x.expand(3, 4), "must be greater or equal to the number of dimensions"),
        (lambda x: x.expand(-1, 2, 3, 4), "leading, non-existing dimension 0"),
        (lambda x: x.squeeze((0, 0)), "dim 0 appears multiple times"),
        (lambda x: x.movedim((0, 0), (0, 1)), "repeated dim in `source`"),
        (lambda x: x.repeat(2), "can not be smaller than number of dimensions"),
        (lambda x: x.roll((1, 2), (0,)), "shifts: 2, dims:1"),
        (lambda x: x[0, 0].fliplr(), "Input must be >= 2-d"),
        (lambda x: torch.rot90(x, 1, (0, 0)), "rotation dims to be different"),
        (lambda x: x[0, 0].tril(), "must have at least 2 dimensions"),
        (lambda x: x.diag(), "Supports 1D or 2D tensors. Got 3D"),
        (lambda x: x.diagonal(0, 1, 1), "diagonal dimensions cannot be identical"),
        (lambda x: x.trace(), "expected a matrix, but got tensor with dim 3"),
        (lambda x: x.unfold(0, 3, 1), "maximum size for tensor at dimension 0 is 2"),
        (lambda x: x.as_strided((2,), (100,)), "out of bounds for storage of size 96"),
        (lambda x: x.view(torch.float64)[0].T.view(torch.float32), "stride(-1) must be 1"),
    ],
)
def test_what_cannot_be_reshaped_is_a_runtime_error(x, call, message) -> None:
    with pytest.raises(RuntimeError) as caught:
        call(x)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.transpose(0, 3),
        lambda x: x.unsqueeze(5),
        lambda x: x.flip(4),
        lambda x: x.squeeze(-4),
        lambda x: x.movedim(0, 3),
        lambda x: x.select(3, 0),
        lambda x: x.roll(1, 7),
    ],
)
def test_dims_out_of_range_are_index_errors(x, call) -> None:
    with pytest.raises(IndexError, match="Dimension out of range"):
        call(x)


@pytest.mark.parametrize(
    "call",
    [lambda x: x.reshape(2.0, 12), lambda x: x.permute("abc"), lambda x: torch.reshape(3, (3,))],
)
def test_arguments_of_other_types_are_type_errors(x, call) -> None:
    with pytest.raises(TypeError):
        call(x)


def test_transposed_attributes() -> None:
    z = torch.tensor([[1 + 2j, 3j]])
    assert z.T.tolist() == [[1 + 2j], [3j]]
    assert z.H.tolist() == z.mH.tolist() == [[1 - 2j], [-3j]]
    assert numbers(2, 3, 4).mT.shape == (2, 4, 3)
    assert numbers(2, 3, 4).T.shape == (4, 3, 2)


def test_squeeze_takes_only_ones() -> None:
    x = torch.zeros(1, 2, 1)
    assert x.squeeze().shape == (2,)
    assert x.squeeze(1).shape == x.squeeze((1,)).shape == (1, 2, 1)
    assert x.squeeze((0, -1)).shape == (2,)


@pytest.mark.parametrize(
    "moved",
    [
        lambda x: x.movedim(0, 2),
        lambda x: torch.moveaxis(x, 0, -1),
        lambda x: x.permute(1, 2, 0),
        lambda x: x.swapaxes(0, 1).swapdims(1, 2),
        lambda x: torch.movedim(x, (1, 2), (0, 1)),
    ],
)
def test_dimensions_move(x, moved) -> None:
    assert moved(x).stride() == (4, 1, 12)
    assert moved(x)[2, 3, 1].item() == 23


def test_parts_are_views(x) -> None:
    for parts in (x.split(2, 1), x.chunk(2, 1), x.tensor_split((2,), 1), x.split([2, 1], 1)):
        assert [tuple(p.shape) for p in parts] == [(2, 2, 4), (2, 1, 4)]
        assert all(shares(x, p) for p in parts)
    assert len(x.unbind(2)) == 4
    assert [p.shape[1] for p in x.tensor_split(2, 1)] == [2, 1]
    assert [p.shape[2] for p in x.dsplit(2)] == [2, 2]
    assert torch.zeros(0).split(0)[0].shape == (0,)


def test_views_of_another_dtype_see_the_same_bytes() -> None:
    x = torch.tensor([1.0, -2.0])
    bits = x.view(torch.int32)
    assert bits.tolist() == [0x3F800000, -0x40000000]
    bits[0] = 0x40000000
    assert x[0].item() == 2.0
    assert x._version == 1
    assert x.view(torch.uint8).shape == (8,)
    assert x.view(torch.float64).shape == (1,)


def test_windows_diagonals_and_strides() -> None:
    x = numbers(6)
    assert x.unfold(0, 3, 2).tolist() == [[0, 1, 2], [2, 3, 4]]
    assert x.as_strided((2, 2), (1, 3), 1).tolist() == [[1, 4], [2, 5]]
    assert x.view(2, 3).diagonal(1).tolist() == [1, 5]
    y = x.clone().requires_grad_()
    (y.as_strided((5, 2), (1, 1)) * 1.0).sum().backward()
    assert y.grad.tolist() == [1, 2, 2, 2, 2, 1]


def test_copies_share_nothing(x) -> None:
    for y in (x.flip(0), x.roll(0), x.roll(0, 0), x.rot90(4), x.repeat(1, 1, 1), x.tril()):
        assert not shares(x, y)
        assert min(y.stride()) > 0


def test_contiguous_lays_elements_in_order(x) -> None:
    turned = x.transpose(0, 2)
    assert x.contiguous() is x
    assert turned.contiguous().stride() == (6, 2, 1)
    assert turned.contiguous().tolist() == turned.tolist()


def test_repeated_elements() -> None:
    x = torch.tensor([1, 2])
    assert x.repeat(2, 2).tolist() == [[1, 2, 1, 2], [1, 2, 1, 2]]
    assert torch.tile(numbers(1, 2), (2,)).tolist() == [[0, 1, 0, 1]]
    assert x.repeat_interleave(torch.tensor([2, 1])).tolist() == [1, 1, 2]
    assert torch.repeat_interleave(torch.tensor([0, 2])).tolist() == [1, 1]
    with pytest.raises(RuntimeError, match=r"repeats.size\(0\) = 3 and input.size\(0\) = 2"):
        x.repeat_interleave(torch.tensor([1, 2, 3]))


@pytest.mark.parametrize(
    ("mode", "padded"),
    [
        ("reflect", [3, 2, 1, 2, 3, 2]),
        ("replicate", [1, 1, 1, 2, 3, 3]),
        ("circular", [2, 3, 1, 2, 3, 1]),
    ],
)
def test_padding_continues_in_three_ways(mode, padded) -> None:
    x = torch.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    y = torch.nn.functional.pad(x, (2, 1), mode=mode)
    assert y.tolist() == [padded]
    y.sum().backward()
    assert x.grad.tolist() == [[padded.count(v) for v in (1, 2, 3)]]


def test_padding_with_a_constant() -> None:
    pad = torch.nn.functional.pad
    assert pad(torch.tensor([1, 2]), (1, 2), value=7).tolist() == [7, 1, 2, 7, 7]
    assert pad(torch.tensor([1, 2, 3]), (-1, 1)).tolist() == [2, 3, 0]
    assert pad(torch.zeros(1, 2, 3), (1, 1, 2, 0)).shape == (1, 4, 5)
    with pytest.raises(RuntimeError, match="divisible by 2"):
        pad(torch.zeros(3), (1,))
    with pytest.raises(RuntimeError, match="should be less than the corresponding"):
        pad(torch.zeros(1, 3), (3, 0), mode="reflect")
    with pytest.raises(NotImplementedError, match="Unrecognised padding mode"):
        pad(torch.zeros(1, 3), (1, 0), mode="mirror")
    with pytest.raises(NotImplementedError, match="not supported for 1D"):
        pad(torch.zeros(3), (1, 0), mode="reflect")


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("ViewBackward0", lambda x: x.reshape(-1)),
        ("UnsafeViewBackward0", lambda x: x.T.reshape(-1)),
        ("TBackward0", lambda x: x.t()),
        ("PermuteBackward0", lambda x: x.T),
        ("TransposeBackward0", lambda x: x.mT),
        ("SqueezeBackward0", lambda x: x.squeeze()),
        ("SqueezeBackward1", lambda x: x.squeeze(0)),
        ("SqueezeBackward2", lambda x: x.squeeze((0,))),
        ("UnsqueezeBackward0", lambda x: x[None]),
        ("ExpandBackward0", lambda x: x.expand(2, -1, -1)),
        ("SelectBackward0", lambda x: x[0]),
        ("SliceBackward0", lambda x: x[:, 1:]),
        ("AliasBackward0", lambda x: x[...]),
        ("SplitBackward0", lambda x: x.chunk(2)[0]),
        ("UnbindBackward0", lambda x: x.unbind()[0]),
        ("IndexBackward0", lambda x: x[[0, 1]]),
        ("RepeatBackward0", lambda x: x.tile(2)),
        ("ConstantPadNdBackward0", lambda x: torch.nn.functional.pad(x, (1, 1))),
    ],
)
def test_nodes_have_the_names_of_torch(name, call) -> None:
    assert call(torch.zeros(2, 3, requires_grad=True)).grad_fn.name() == name
