"""Tensors to and from Python and NumPy, their attributes, dtypes and copies."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import adjoint as torch


def matrix() -> torch.Tensor:
    return torch.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: x.item(), RuntimeError, "6 elements cannot be converted to Scalar"),
        (lambda x: float(x), ValueError, "only one element tensors"),
        (lambda x: int(x), ValueError, "only one element tensors"),
        (lambda x: complex(x), ValueError, "only one element tensors"),
        (lambda x: bool(x), RuntimeError, "more than one value is ambiguous"),
        (lambda x: bool(x[:0]), RuntimeError, "no values is ambiguous"),
        (lambda x: range(x), TypeError, "only integer tensors of a single element"),
        (lambda x: [1, 2][x[0, 0]], TypeError, "only integer tensors of a single element"),
        (lambda x: len(x[0, 0]), TypeError, r"len\(\) of a 0-d tensor"),
        (lambda x: list(x[0, 0]), TypeError, "iteration over a 0-d tensor"),
        (lambda x: "a" in x, RuntimeError, "only supports Tensor or scalar"),
        (lambda x: f"{x:.2f}", TypeError, "unsupported format string"),
        (lambda x: x.size(5), IndexError, "Dimension out of range"),
        (lambda x: x.requires_grad_().numpy(), RuntimeError, r"tensor.detach\(\).numpy\(\)"),
        (lambda x: np.asarray(x.requires_grad_()), RuntimeError, r"tensor.detach\(\).numpy\(\)"),
        (lambda x: x.cuda(), RuntimeError, "cuda"),
        (lambda x: x.to("cuda:1"), RuntimeError, "cuda:1"),
        (lambda x: x.to("float32"), RuntimeError, "float32"),
        (lambda x: x.to(colour="red"), TypeError, "colour"),
        (lambda x: x.type("torch.RedTensor"), ValueError, "RedTensor"),
        (lambda x: float(torch.tensor(3 + 4j)), RuntimeError, "without overflow"),
        (lambda x: x.fill_(torch.ones(2)), RuntimeError, "0-dimension value tensor"),
        (lambda x: x.fill_("a"), TypeError, "must be Number or Tensor, not str"),
        (lambda x: x.copy_(torch.ones(4)), RuntimeError, r"\[4\] of the source"),
        (lambda x: x.copy_([1, 2]), TypeError, "must be Tensor, not list"),
        (lambda x: x.to(memory_format=torch.channels_last), RuntimeError, "rank 4"),
        (lambda x: x.clone(memory_format="C"), TypeError, "must be torch.memory_format"),
    ],
)
def test_errors_say_what_is_wrong(call, error, text) -> None:
    with pytest.raises(error, match=text):
        call(matrix())


def test_numbers() -> None:
    three = torch.tensor(3.7)
    assert float(three) == pytest.approx(3.7) and int(three) == 3 and complex(three).imag == 0
    assert [1, 2, 3][torch.tensor(1)] == 2 and list(range(torch.tensor(2))) == [0, 1]
    assert type(torch.tensor(True).item()) is bool and type(torch.tensor(1).item()) is int
    assert type(torch.tensor(1.0).bfloat16().item()) is float
    assert torch.tensor(1 + 2j).item() == 1 + 2j and torch.tensor([[5]]).item() == 5
    assert torch.ones(1).bfloat16().tolist() == [1.0]
    assert f"{three:.2f}" == "3.70" and f"{three.requires_grad_():.1f}" == "3.7"
    assert torch.tensor([0.0]) or not torch.tensor([0.0]).is_nonzero()


def test_containers() -> None:
    x = matrix()
    assert len(x) == 2 and [row.tolist() for row in x] == x.tolist()
    assert 3 in x and 9 not in x and torch.tensor([0.0, 1.0, 2.0]) in x
    assert {x: 1}[x] == 1 and hash(x) != hash(x.clone())


def test_numpy_shares_memory() -> None:
    x = matrix()
    array = x.numpy()
    array[0, 0] = 9
    assert x[0, 0].item() == 9 and x.numpy().dtype == np.float32
    array.resize(6, refcheck=False)  # the shape of the array, not of what it shares
    assert x.shape == (2, 3)
    assert np.asarray(x, dtype=np.float64).dtype == np.float64
    assert np.add(x, 1)[0, 0] == 10
    assert x.requires_grad_().numpy(force=True)[0, 0] == 9
    assert str(torch.ones(1).bfloat16().numpy().dtype) == "bfloat16"


@pytest.mark.parametrize("name", ["float32", "float64", "complex64", "int64"])
def test_what_was_unpickled_has_the_dtype_that_fast_paths_ask_for(name: str) -> None:
    dtype = getattr(torch, name)
    array = pickle.loads(pickle.dumps(torch.ones(2, dtype=dtype).numpy()))
    assert array.dtype is not dtype.numpy  # a copy of NumPy's object
    tensors = [
        torch.tensor(array),
        torch.as_tensor(array),
        torch.from_numpy(array),
        pickle.loads(pickle.dumps(torch.ones(2, dtype=dtype))),
    ]
    assert [t._data.dtype is dtype.numpy for t in tensors] == [True] * 4
    tensors[2][0] = 3
    assert array[0] == 3  # still the memory of the array


def test_size() -> None:
    s = matrix().shape
    assert repr(s) == "torch.Size([2, 3])" and s == (2, 3) and s.numel() == 6
    assert (
        type(s[:1]) is type(s.__add__((2,))) is type(s.__radd__((1,))) is type(s * 2) is torch.Size
    )
    assert repr((1, *s)) == "(1, 2, 3)" and repr(s.__radd__((1,))) == "torch.Size([1, 2, 3])"
    assert pickle.loads(pickle.dumps(s)) == s and torch.Size([torch.tensor(2)]) == (2,)
    assert isinstance(s, tuple) and s[0] == 2 and len({s: 0}) == 1


def test_attributes() -> None:
    x = matrix()
    assert (x.ndim, x.dim(), x.numel(), x.nelement(), torch.numel(x)) == (2, 2, 6, 6, 6)
    assert (x.itemsize, x.element_size(), x.nbytes) == (4, 4, 24)
    assert x.size() == x.shape and x.size(-1) == 3
    assert x.stride() == (3, 1) and x.t().stride() == (1, 3) and x.stride(0) == 3
    assert x[1].storage_offset() == 3 and x[1].data_ptr() == x.data_ptr() + 12
    assert x.is_contiguous() and not x.t().is_contiguous()
    assert x.is_floating_point() and not x.is_complex() and x.is_signed()
    assert x.is_same_size(x + 1) and torch.is_tensor(x) and not torch.is_tensor(1)
    assert (x.is_cuda, x.is_cpu, x.is_sparse, x.get_device()) == (False, True, False, -1)
    assert repr(x.layout) == "torch.strided" and x.cpu() is x and x.pin_memory() is x
    assert x.share_memory_() is x and not x.is_shared()


@pytest.mark.parametrize(
    ("call", "dtype"),
    [
        (lambda x: x.to(torch.float64), torch.float64),
        (lambda x: x.to("cpu", torch.int32), torch.int32),
        (lambda x: x.to(torch.device("cpu"), dtype=torch.int8, non_blocking=True), torch.int8),
        (lambda x: x.to(torch.ones(1).half()), torch.float16),
        (lambda x: x.to(None), torch.float32),
        (lambda x: x.double(), torch.float64),
        (lambda x: x.bfloat16(), torch.bfloat16),
        (lambda x: x.byte(), torch.uint8),
        (lambda x: x.bool(), torch.bool),
        (lambda x: x.cfloat(), torch.complex64),
        (lambda x: x.type(torch.int64), torch.int64),
        (lambda x: x.type("torch.LongTensor"), torch.int64),
        (lambda x: x.type_as(torch.ones(1).double()), torch.float64),
    ],
)
def test_casts(call, dtype) -> None:
    assert call(matrix()).dtype is dtype


def test_casts_that_change_nothing_return_the_tensor() -> None:
    x = matrix()
    assert x.to(torch.float32) is x.to("cpu") is x.float() is x.contiguous() is x
    assert x.to(torch.float32, copy=True) is not x
    assert x.to("cpu", torch.float32, False, True).data_ptr() != x.data_ptr()


def test_gradients_through_casts() -> None:
    x = matrix().requires_grad_()
    y = x.double()
    assert type(y.grad_fn).__name__ == "ToCopyBackward0"
    y.sum().backward()
    assert x.grad.dtype is torch.float32
    assert not x.long().requires_grad and not x.bool().requires_grad
    with pytest.warns(UserWarning, match="discards the imaginary part"):
        z = (x * 1j).float()
    assert z.abs().sum().item() == 0


def test_layouts() -> None:
    x = torch.arange(24.0).reshape(1, 2, 3, 4)
    last = x.to(memory_format=torch.channels_last)
    assert last.stride() == (24, 1, 8, 2) and torch.equal(last, x)
    assert last.is_contiguous(memory_format=torch.channels_last) and not last.is_contiguous()
    assert last.clone().stride() == last.stride()
    assert last.clone(memory_format=torch.contiguous_format).is_contiguous()
    t = matrix().t()
    assert t.clone().stride() == (1, 3) and t.contiguous().stride() == (2, 1)
    assert type(t.requires_grad_().contiguous().grad_fn).__name__ == "CloneBackward0"


def test_copy_and_fill() -> None:
    x, source = torch.zeros(2, 3), torch.tensor([1, 2, 3], requires_grad=False)
    assert x.copy_(source) is x and x.tolist() == [[1, 2, 3]] * 2
    version = x._version
    assert x.fill_(7)._version == version + 1 and x.sum().item() == 42
    assert x.zero_().sum().item() == 0 and torch.fill(x, 3).sum().item() == 18
    assert x.fill_(torch.tensor(2)).sum().item() == 12


def test_gradients_of_copy_and_fill() -> None:
    x = torch.ones(2, 3, requires_grad=True)
    source = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 2
    y.copy_(source)
    assert type(y.grad_fn).__name__ == "CopyBackwards"
    y.sum().backward()
    assert x.grad.tolist() == [[0.0] * 3] * 2 and source.grad.tolist() == [2, 2, 2]
    z = x * 2
    z[0].zero_()
    z.sum().backward()
    assert x.grad.tolist() == [[0.0] * 3, [2.0] * 3]


def test_apply_and_map() -> None:
    x = torch.tensor([1.0, 2.0])
    assert x.apply_(lambda v: v + 1).tolist() == [2, 3]
    assert x.map_(torch.tensor([10.0, 20.0]), lambda a, b: a * b).tolist() == [20, 60]


def test_pickle() -> None:
    x = matrix().requires_grad_()
    y = pickle.loads(pickle.dumps(x))
    assert torch.equal(x, y) and y.requires_grad and y.is_leaf
    assert pickle.loads(pickle.dumps(x.detach().bfloat16())).dtype is torch.bfloat16
    assert pickle.loads(pickle.dumps(torch.float32)) is torch.float32
    z = pickle.loads(pickle.dumps(x * 2))
    assert z.is_leaf and z.requires_grad


def test_deepcopy_keeps_gradients_attributes_and_shared_memory() -> None:
    x = torch.ones(2, 3, requires_grad=True)
    (x * 2).sum().backward()
    x.note = ["kept"]
    y = copy.deepcopy(x)
    assert y.grad.tolist() == x.grad.tolist() and y.grad is not x.grad
    assert y.note == ["kept"] and y.note is not x.note and y.requires_grad
    base = torch.zeros(2, 3)
    again, row, same = copy.deepcopy([base, base[1], base])
    again[1, 0] = 5
    assert row.tolist() == [5, 0, 0] and same is again and base.sum().item() == 0
    with pytest.raises(RuntimeError, match="graph leaves"):
        copy.deepcopy(x * 2)


def test_repr() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    assert repr(x) == "tensor([1., 2.], requires_grad=True)"
    assert repr(x * 2) == "tensor([2., 4.], grad_fn=<MulBackward0>)"
    assert repr(x.detach().double()) == "tensor([1., 2.], dtype=torch.float64)"
    assert str(torch.tensor(3)) == "tensor(3)"


def test_numpy_functions_of_tensors_give_tensors() -> None:
    x = torch.tensor([1.0, 4.0])
    assert isinstance(np.sqrt(x), torch.Tensor) and np.sqrt(x).tolist() == [1, 2]
    assert np.from_dlpack(x)[1] == 4 and torch.from_dlpack(np.ones(2)).sum().item() == 2
    assert [v.item() for v in reversed(x)] == [4, 1]
    with pytest.raises(BufferError, match="require gradient"):
        np.from_dlpack(x.requires_grad_())


def test_memory_and_kinds() -> None:
    x = matrix()
    assert x[1].untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
    assert x[1].untyped_storage().nbytes() == 24 and x.is_set_to(x.detach())
    assert not x.is_set_to(x[0]) and torch.typename(x) == "torch.FloatTensor"
    assert torch.typename([]) == "list" and x.new(2).shape == (2,) and x.new([1]).tolist() == [1]

    class Mine(torch.Tensor):
        pass

    y = x.requires_grad_().as_subclass(Mine)
    assert type(y) is Mine and y.requires_grad and torch.equal(y.detach(), x.detach())
