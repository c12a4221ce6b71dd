"""Making tensors: dtypes inferred from data, sizes in every form, ranges, old constructors."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import adjoint as torch


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1, torch.int64),
        (1.0, torch.float32),
        (True, torch.bool),
        (1j, torch.complex64),
        ([1, 2.0], torch.float32),
        ([True, 2], torch.int64),
        ([], torch.float32),
        ([[], []], torch.float32),
        (range(3), torch.int64),
        (np.float64(1), torch.float64),
        (np.ones(2, np.float16), torch.float16),
        ([np.float64(1)], torch.float64),
        ([np.int32(1), 2], torch.int64),
        ([torch.tensor(1), 2.5], torch.float32),
        ([torch.tensor(1.0, dtype=torch.float64)], torch.float64),
        ([np.ones(2), np.zeros(2)], torch.float64),
    ],
)
def test_dtype_inferred_from_data(data, dtype) -> None:
    assert torch.tensor(data).dtype is dtype


@pytest.mark.parametrize(
    ("data", "error", "text"),
    [
        ([[1, 2], [3]], ValueError, r"length 2 at dim 1 \(got 1\)"),
        ([[[1, 2], [3]]], ValueError, r"length 2 at dim 2 \(got 1\)"),
        ([[1, 2], 3], TypeError, "not a sequence"),
        ([1, [2, 3]], TypeError, "mixes numbers and sequences"),
        ("a", TypeError, "invalid data type 'str'"),
        (["a"], ValueError, "too many dimensions 'str'"),
        ([1, "a"], TypeError, "invalid data type 'str'"),
        (None, RuntimeError, "Could not infer dtype of NoneType"),
        ([1, None], RuntimeError, "Could not infer dtype of NoneType"),
        ({}, RuntimeError, "Could not infer dtype of dict"),
        (2**70, ValueError, "Overflow when unpacking long long"),
        ([2**70], ValueError, "Overflow when unpacking long long"),
        ([torch.ones(2)], ValueError, "torch.stack"),
        (np.array(["a"]), TypeError, "can't convert np.ndarray"),
    ],
)
def test_unusable_data(data, error, text) -> None:
    with pytest.raises(error, match=text):
        torch.tensor(data)


def test_values_that_do_not_fit() -> None:
    assert torch.tensor([1.7, -1.7], dtype=torch.int64).tolist() == [1, -1]
    assert torch.tensor([1e40]).tolist() == [float("inf")]
    with pytest.raises(RuntimeError, match="without overflow"):
        torch.tensor(300, dtype=torch.uint8)
    with pytest.raises(TypeError, match="must be real number"):
        torch.tensor([1j], dtype=torch.float32)
    with pytest.raises(RuntimeError, match="can require gradients"):
        torch.tensor([1], requires_grad=True)


def test_copies_and_aliases() -> None:
    array = np.zeros(3)
    copied, shared = torch.tensor(array), torch.as_tensor(array)
    array[0] = 1
    assert copied[0].item() == 0 and shared[0].item() == torch.from_numpy(array)[0].item() == 1
    assert torch.as_tensor(shared) is shared and torch.asarray(shared) is shared
    assert torch.asarray(array, copy=True).data_ptr() != shared.data_ptr()
    with pytest.raises(ValueError, match="cannot alias"):
        torch.asarray([1.0], copy=False)
    with pytest.raises(ValueError, match="negative"):
        torch.from_numpy(array[::-1])
    with pytest.raises(TypeError, match=r"expected np\.ndarray"):
        torch.from_numpy([1.0])
    with pytest.warns(UserWarning, match="clone"):
        torch.tensor(shared)


def test_frombuffer() -> None:
    buffer = bytearray(np.arange(4, dtype=np.float32).tobytes())
    t = torch.frombuffer(buffer, dtype=torch.float32, count=2, offset=4)
    assert t.tolist() == [1, 2]
    t[0] = 7
    assert np.frombuffer(buffer, np.float32)[1] == 7
    for bad in ({"offset": 99}, {"count": 99}, {"offset": 1}, {"count": 0}):
        with pytest.raises(ValueError):
            torch.frombuffer(buffer, dtype=torch.float32, **bad)


@pytest.mark.parametrize("make", [torch.zeros, torch.ones, torch.empty, torch.rand, torch.randn])
def test_forms_of_sizes(make) -> None:
    assert make(2, 3).shape == make((2, 3)).shape == make([2, 3]).shape == (2, 3)
    assert make(size=(2,)).shape == make(torch.tensor(2)).shape == make(np.int64(2)).shape == (2,)
    assert make(()).shape == () and make(torch.Size([2, 1])).shape == (2, 1)
    assert make(2, dtype=torch.float64, device="cpu", requires_grad=True).requires_grad
    with pytest.raises(TypeError, match='missing 1 required positional arguments: "size"'):
        make()
    with pytest.raises(TypeError, match="unexpected keyword argument 'foo'"):
        make(2, foo=1)
    with pytest.raises(TypeError, match="must be tuple of ints"):
        make(2.0)
    with pytest.raises(RuntimeError, match="negative dimension -1"):
        make(2, -1)
    with pytest.raises(RuntimeError, match="cuda"):
        make(2, device="cuda")


def test_full_infers_its_dtype() -> None:
    dtypes = [torch.full((1,), v).dtype for v in (1, 1.0, True, 1j, torch.tensor(2))]
    assert dtypes == [torch.int64, torch.float32, torch.bool, torch.complex64, torch.int64]
    assert torch.full((2,), 1, dtype=torch.float64).tolist() == [1.0, 1.0]
    with pytest.raises(TypeError, match=r"write \(2,\)"):
        torch.full(2, 1)


def test_like() -> None:
    x = torch.ones(2, 3, dtype=torch.float64).t()
    assert torch.zeros_like(x).dtype is torch.float64 and torch.zeros_like(x).stride() == (1, 3)
    assert torch.full_like(x, 7, dtype=torch.int64).tolist() == [[7, 7]] * 3
    assert torch.ones_like(x, requires_grad=True).requires_grad
    assert x.new_tensor([1]).dtype is x.new_zeros(2).dtype is torch.float64
    assert x.new_full((2,), 3).tolist() == [3, 3] and x.new_ones((1, 2)).shape == (1, 2)
    with pytest.raises(TypeError, match="must be Tensor, not int"):
        torch.zeros_like(3)


@pytest.mark.parametrize(
    ("args", "options", "expected"),
    [
        ((5,), {}, [0, 1, 2, 3, 4]),
        ((1, 4), {}, [1, 2, 3]),
        ((5, 0, -2), {}, [5, 3, 1]),
        ((1, 2.5, 0.5), {}, [1.0, 1.5, 2.0]),
        ((), {"end": 3}, [0, 1, 2]),
        ((), {"start": 1, "end": 3}, [1, 2]),
        ((3,), {"dtype": torch.float32}, [0.0, 1.0, 2.0]),
        ((0.0, 3), {"dtype": torch.int64}, [0, 1, 2]),
        ((torch.tensor(2),), {}, [0, 1]),
        ((0,), {}, []),
    ],
)
def test_arange(args, options, expected) -> None:
    found = torch.arange(*args, **options)
    assert found.tolist() == expected
    if expected and "dtype" not in options:
        is_integer = isinstance(expected[0], int)
        assert found.dtype is (torch.int64 if is_integer else torch.float32)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: torch.arange(1, 5, 0), RuntimeError, "step must be nonzero"),
        (lambda: torch.arange(1, 5, -1), RuntimeError, "inconsistent with step sign"),
        (lambda: torch.arange(float("nan")), RuntimeError, "unsupported range"),
        (lambda: torch.arange("a"), TypeError, "expected a Number"),
        (lambda: torch.arange(), TypeError, "takes"),
        (lambda: torch.linspace(0, 1, -1), RuntimeError, "non-negative"),
        (lambda: torch.eye(-1), RuntimeError, "greater or equal to 0"),
        (lambda: torch.meshgrid(torch.ones(2, 2)), RuntimeError, "0D or 1D"),
        (lambda: torch.meshgrid(torch.ones(2), indexing="yx"), RuntimeError, "received: yx"),
        (lambda: torch.combinations(torch.ones(2, 2)), RuntimeError, "1D vector"),
    ],
)
def test_errors_of_ranges(call, error, text) -> None:
    with pytest.raises(error, match=text):
        call()


def test_spaced() -> None:
    assert torch.linspace(0, 1, 5).tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert torch.linspace(0, 10, 3, dtype=torch.int64).tolist() == [0, 5, 10]
    assert torch.linspace(1, 2, 1).tolist() == [1] and torch.linspace(0, 1, 0).shape == (0,)
    assert torch.linspace(0, 1j, 3).dtype is torch.complex64
    assert torch.logspace(0, 2, 3, base=2).tolist() == [1, 2, 4]
    assert torch.range(1, 2, 0.5).tolist() == [1, 1.5, 2]


def test_grids() -> None:
    a, b = torch.arange(2), torch.arange(3)
    rows, columns = torch.meshgrid(a, b, indexing="ij")
    assert rows.tolist() == [[0, 0, 0], [1, 1, 1]] and columns.shape == (2, 3)
    assert torch.meshgrid([a, b], indexing="xy")[0].tolist() == [[0, 1]] * 3
    assert torch.cartesian_prod(a, b).shape == (6, 2) and torch.cartesian_prod(a) is a
    assert torch.combinations(b, 2, with_replacement=True).shape == (6, 2)
    assert torch.combinations(a, 3).shape == (0, 3) and torch.combinations(a, 0).shape == (0,)
    assert torch.eye(2, 3).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert torch.tril_indices(2, 3, -1).tolist() == [[1], [0]]
    assert torch.triu_indices(2, 3, 1).tolist() == [[0, 0, 1], [1, 2, 2]]


def test_old_constructors() -> None:
    assert torch.Tensor(2, 3).shape == (2, 3) and torch.Tensor().shape == (0,)
    assert torch.Tensor([1, 2]).dtype is torch.float32 and torch.Tensor((2, 3)).tolist() == [2, 3]
    assert torch.Tensor(torch.Size([2])).shape == (2,)
    assert torch.LongTensor([1, 2]).dtype is torch.int64 and torch.BoolTensor([1, 0]).any()
    assert isinstance(torch.ones(1), torch.FloatTensor)
    assert not isinstance(torch.ones(1), torch.LongTensor)
    assert torch.ones(1).type(torch.LongTensor).type() == "torch.LongTensor"
    with pytest.raises(TypeError, match="data must be a sequence"):
        torch.Tensor(2.5)
    with pytest.raises(TypeError, match=r"a tensor of torch\.int64"):
        torch.LongTensor(torch.ones(1))
    with pytest.raises(TypeError, match="dtype"):
        torch.Tensor([1], dtype=torch.int64)


def test_subclasses_are_made_of_their_class() -> None:
    class Mine(torch.Tensor):
        pass

    assert type(Mine([1.0, 2.0])) is Mine and Mine([1.0, 2.0]).tolist() == [1, 2]


def test_default_dtype() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        made = [torch.tensor(1.0), torch.zeros(1), torch.arange(1.0), torch.rand(1), torch.eye(1)]
        assert {t.dtype for t in made} == {torch.float64}
        assert torch.tensor(1j).dtype is torch.complex128
        torch.set_default_tensor_type("torch.FloatTensor")
        assert torch.get_default_dtype() is torch.float32
    finally:
        torch.set_default_dtype(torch.float32)


def test_out() -> None:
    out = torch.empty(0)
    assert torch.zeros(2, 2, out=out) is out and out.tolist() == [[0, 0], [0, 0]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.arange(3, out=torch.empty(3))
