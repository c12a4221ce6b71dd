"""Subscripts, assignment, and the functions that read and write at given places."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import adjoint as torch


@pytest.fixture
def x() -> torch.Tensor:
    return torch.from_numpy(np.arange(24, dtype=np.float32).reshape(2, 3, 4))


def index_of(*values: int) -> torch.Tensor:
    return torch.tensor(values)


slices = st.builds(
    slice,
    st.none() | st.integers(-5, 5),
    st.none() | st.integers(-5, 5),
    st.none() | st.integers(1, 3),
)
keys = st.lists(st.integers(-2, 1) | slices | st.none(), max_size=3).map(tuple)


@given(keys, st.booleans())
def test_basic_subscripts_are_numpys(key, ellipsis) -> None:
    array = np.arange(24.0).reshape(2, 3, 4)
    key = (*key, ...) if ellipsis else key
    got = torch.from_numpy(array)[key]
    assert got.tolist() == array[key].tolist()
    assert got.shape == array[key].shape


@given(keys, st.integers(0, 9))
def test_basic_assignment_is_numpys(key, value) -> None:
    array = np.arange(24.0).reshape(2, 3, 4)
    x = torch.from_numpy(array.copy())
    x[key] = value
    array[key] = value
    assert x.tolist() == array.tolist()


@pytest.mark.parametrize(
    "key",
    [
        ([0, 1],),
        ([0, 1], [1, 2]),
        (slice(None), [2, 0]),
        ([0, 1], slice(None), [1, 3]),
        (slice(None), [0, 1], [1, 3]),
        (slice(None), [[0, 1]], [[0], [1]]),
        (..., [1, 3]),
        (None, [0, 1]),
        ([0, -1], None, [0, 1]),
        (np.array([True, False]),),
        (np.array([[True, False, True], [False, False, True]]), slice(1, 3)),
        (slice(None), np.array([False, True, True]), [1, 2]),
        ([],),
        (True,),
        (False,),
    ],
)
def test_picking_is_numpys(x, key) -> None:
    array = x.numpy().copy()
    places = tuple(np.array(k, int) if isinstance(k, list) else k for k in key)
    want = array[places]
    got = x[key]
    assert got.shape == want.shape
    assert got.tolist() == want.tolist()
    tensors = tuple(torch.from_numpy(k) if isinstance(k, np.ndarray) else k for k in places)
    assert x[tensors].tolist() == want.tolist()
    x[key] = 100.0
    array[places] = 100.0
    assert x.tolist() == array.tolist()


def test_ints_select_before_tensors_pick(x) -> None:
    """torch: a dimension that an int takes does not move what the tensors pick (NumPy's does)."""
    assert x[0, :, [0, 1]].shape == (3, 2)
    assert x.numpy()[0, :, [0, 1]].shape == (2, 3)
    assert x[torch.tensor(1), :, torch.tensor([0, 1])].tolist()[0] == [12, 13]


@pytest.mark.parametrize(
    ("key", "kind", "message"),
    [
        (5, IndexError, "index 5 is out of bounds for dimension 0 with size 2"),
        ((0, -4), IndexError, "index -4 is out of bounds for dimension 1 with size 3"),
        ((0, 0, 0, 0), IndexError, "too many indices for tensor of dimension 3"),
        (1.0, IndexError, "only integers, slices"),
        ("a", TypeError, "invalid data type 'str'"),
        (slice(None, None, -1), ValueError, "step must be greater than zero"),
        (slice(None, None, 0), ValueError, "slice step cannot be zero"),
        ([0, 5], IndexError, "index 5 is out of bounds for dimension 0 with size 2"),
        (([0, 1], [0, 1, 2]), IndexError, "could not be broadcast together with shapes [2], [3]"),
        (
            np.array([True, False, True]),
            IndexError,
            "The shape of the mask [3] at index 0 does not match the shape of the indexed tensor "
            "[2, 3, 4] at index 0",
        ),
        (
            (slice(None), np.array([True])),
            IndexError,
            "The shape of the mask [1] at index 0 does not match the shape of the indexed tensor "
            "[2, 3, 4] at index 1",
        ),
        (np.array([0.5]), IndexError, "must be long, int, byte or bool tensors"),
    ],
)
def test_bad_subscripts(x, key, kind, message) -> None:
    with pytest.raises(kind) as caught:
        x[key]
    assert message in str(caught.value)
    before = x.tolist()
    with pytest.raises(kind):
        x[key] = 1.0
    assert x.tolist() == before
    assert x._version == 0


def test_scalars_have_no_dimensions() -> None:
    x = torch.tensor(3.0)
    assert x[...].item() == x[()].item() == 3.0
    assert x[None].shape == x[True].shape == (1,)
    with pytest.raises(IndexError, match="0-dim tensor"):
        x[0]
    with pytest.raises(IndexError, match="0-dim tensor"):
        x[:]
    with pytest.raises(TypeError, match="does not support deleting"):
        del x[0]


def test_lists_of_sequences_count_as_tuples_for_now(x) -> None:
    with pytest.warns(UserWarning, match="non-tuple sequence"):
        assert x[[[0, 1], [1, 0]]].shape == (2, 4)
    with pytest.warns(UserWarning, match="uint8 is now deprecated"):
        assert x[torch.tensor([0, 1], dtype=torch.uint8)].shape == (1, 3, 4)


@pytest.mark.parametrize("key", [0, (slice(None), 1), [0, 1], (..., None)])
def test_assigned_values_broadcast_and_convert(key) -> None:
    x = torch.zeros(2, 2, dtype=torch.int64)
    x[key] = 1.9
    assert 1 in x.flatten().tolist()
    x[0] = torch.tensor([[2.9, 3.9]])
    assert x[0].tolist() == [2, 3]


@pytest.mark.parametrize(
    ("key", "value", "kind", "message"),
    [
        (0, torch.ones(2), RuntimeError, "expanded size of the tensor (3) must match"),
        ([0, 1], torch.ones(2), RuntimeError, "shape [2] cannot be broadcast to indexing result"),
        (0, [1, 2, 3], TypeError, "can't assign a list to a torch.FloatTensor"),
        (0, None, TypeError, "can't assign a NoneType"),
        (0, 1j, RuntimeError, "without overflow"),
        ([0], torch.ones(3, dtype=torch.float64), RuntimeError, "dtypes match"),
    ],
)
def test_bad_assignment_changes_nothing(key, value, kind, message) -> None:
    x = torch.zeros(3, 3)
    with pytest.raises(kind) as caught:
        x[key] = value
    assert message in str(caught.value)
    assert not x.any()


def test_assignment_from_an_overlapping_part() -> None:
    x = torch.from_numpy(np.arange(5))
    x[1:] = x[:-1]
    assert x.tolist() == [0, 0, 1, 2, 3]


@pytest.mark.parametrize(
    ("write", "gradient"),
    [
        (lambda y, v: y.__setitem__(0, v), ([0, 1, 1], 1)),
        (lambda y, v: y.__setitem__(y > 1.5, v), ([1, 0, 0], 2)),
        (lambda y, v: y.__setitem__([0, 1], v * 2), ([0, 0, 1], 4)),
        (lambda y, v: y.__setitem__(slice(1, None), v), ([1, 0, 0], 2)),
        (lambda y, v: y[1:].mul_(v), ([1, 5, 5], 5)),
        (lambda y, v: y.__setitem__(0, 7.0), ([0, 1, 1], None)),
        (lambda y, v: y.__setitem__(..., v), ([0, 0, 0], 3)),
    ],
)
def test_gradients_of_assignment(write, gradient) -> None:
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    v = torch.tensor(5.0, requires_grad=True)
    y = x * 1
    write(y, v)
    y.sum().backward()
    assert x.grad.tolist() == gradient[0]
    assert v.grad is None if gradient[1] is None else v.grad.item() == gradient[1]


def test_augmented_assignment_to_parts() -> None:
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 1
    y[0] += x[1]
    y[[1, 2]] *= 3
    y[y > 8.5] -= 1
    assert y.tolist() == [3.0, 6.0, 8.0]
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 4.0, 3.0]


def test_repeated_places_add_up_in_gradients() -> None:
    x = torch.zeros(3, 2, requires_grad=True)
    (x[[1, 1, 0, 1]] * torch.tensor([[1.0], [10.0], [100.0], [1000.0]])).sum().backward()
    assert x.grad.tolist() == [[100.0] * 2, [1011.0] * 2, [0.0] * 2]


def test_gather_and_scatter_are_opposites() -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    index = torch.tensor([[1, 0], [0, 0]])
    y = x.gather(1, index)
    assert y.tolist() == [[2, 1], [3, 3]]
    y.sum().backward()
    assert x.grad.tolist() == torch.zeros(2, 2).scatter_add(1, index, torch.ones(2, 2)).tolist()
    assert torch.zeros(2, 2).scatter_(1, index[:, :1], 5.0).tolist() == [[0, 5], [5, 0]]
    assert torch.ones(3).scatter(0, index_of(1), 2.0, reduce="add").tolist() == [1, 3, 1]


@pytest.mark.parametrize(
    ("reduce", "with_self", "without"),
    [
        ("sum", [6, 10], [5, 10]),
        ("prod", [6, 10], [6, 10]),
        ("mean", [2, 10], [2.5, 10]),
        ("amax", [3, 10], [3, 10]),
        ("amin", [1, 10], [2, 10]),
    ],
)
def test_scatter_reduce(reduce, with_self, without) -> None:
    x, src = torch.tensor([1.0, 10.0]), torch.tensor([2.0, 3.0])
    places = index_of(0, 0)
    assert x.scatter_reduce(0, places, src, reduce).tolist() == with_self
    got = x.scatter_reduce(0, places, src, reduce, include_self=False)
    assert got.tolist() == without


def test_slices_by_index() -> None:
    x = torch.zeros(3, 2)
    assert x.index_select(1, index_of(1)).shape == (3, 1)
    assert x.index_add(0, index_of(0, 0), torch.ones(2, 2), alpha=2)[0].tolist() == [4, 4]
    assert x.index_copy(0, index_of(2), torch.ones(1, 2))[2].tolist() == [1, 1]
    assert x.index_fill(1, index_of(-1), 7)[0].tolist() == [0, 7]
    assert x.index_put((index_of(1), index_of(0)), torch.tensor([3.0]))[1].tolist() == [3, 0]
    assert x.put(index_of(5), torch.tensor([9.0]))[2, 1].item() == 9
    assert x.take(index_of(0, -1)).shape == (2,)
    assert x.index_reduce(0, index_of(0, 0), torch.full((2, 2), 3.0), "amax")[0, 0].item() == 3


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda x: x.gather(0, torch.tensor([[5]])), RuntimeError, "index 5 is out of bounds"),
        (lambda x: x.gather(0, torch.tensor([[-1]])), RuntimeError, "index -1 is out of bounds"),
        (lambda x: x.gather(0, torch.tensor([0])), RuntimeError, "same number of dimensions"),
        (lambda x: x.gather(0, torch.tensor([[0.0]])), RuntimeError, "int32/int64 for index"),
        (
            lambda x: x.gather(0, torch.zeros(1, 3, dtype=torch.int64)),
            RuntimeError,
            "no larger than self [3, 2] apart from dimension 0",
        ),
        (
            lambda x: x.scatter(0, torch.tensor([[0]]), torch.tensor([[1]])),
            RuntimeError,
            "Expected self.dtype to be equal to src.dtype",
        ),
        (
            lambda x: x.scatter_reduce(0, torch.tensor([[0]]), x, "most"),
            RuntimeError,
            "sum, prod, mean, amax or amin",
        ),
        (lambda x: x.index_select(0, index_of(3)), IndexError, "index out of range in self"),
        (lambda x: x.index_select(0, torch.tensor([[0]])), IndexError, "vector"),
        (lambda x: x.index_add(0, index_of(0), x), RuntimeError, "Number of indices (1)"),
        (lambda x: x.take(index_of(6)), IndexError, "tried to access index 6"),
        (lambda x: x.masked_fill(x, 1.0), RuntimeError, "only supports boolean masks"),
        (lambda x: x.masked_fill(x > 0, torch.ones(1)), RuntimeError, "0-dimensional value"),
        (lambda x: x.masked_scatter(x == 0, torch.ones(1)), RuntimeError, "Number of elements"),
        (lambda x: x.narrow(0, 2, 2), RuntimeError, "exceeds dimension size (3)"),
        (lambda x: x.select(0, 3), IndexError, "index 3 out of range"),
        (lambda x: x.unbind(2), IndexError, "Dimension out of range"),
        (lambda x: x.split([1, 1]), RuntimeError, "sum exactly to 3"),
        (lambda x: x.chunk(0), RuntimeError, "greater than 0"),
        (lambda x: torch.select_scatter(x, x, 0, 0), RuntimeError, "slice size = [2]"),
    ],
)
def test_bad_places(call, kind, message) -> None:
    with pytest.raises(kind) as caught:
        call(torch.zeros(3, 2))
    assert message in str(caught.value)


def test_masks() -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    mask = torch.tensor([True, False])
    assert x.masked_fill(mask, 0).tolist() == [[0, 2], [0, 4]]
    assert x.masked_select(mask).tolist() == [1, 3]
    source = torch.tensor([10.0, 20.0, 30.0], requires_grad=True)
    y = x.masked_scatter(mask, source)
    assert y.tolist() == [[10, 2], [20, 4]]
    y.sum().backward()
    assert x.grad.tolist() == [[0, 1], [0, 1]]
    assert source.grad.tolist() == [1, 1, 0]
    assert torch.nonzero(x > 1.5).tolist() == torch.argwhere(x > 1.5).tolist()
    rows, columns = torch.nonzero(x > 1.5, as_tuple=True)
    assert (rows.tolist(), columns.tolist()) == ([0, 1, 1], [1, 0, 1])


def test_parts_replaced_in_copies() -> None:
    x = torch.zeros(2, 2)
    assert torch.diagonal_scatter(x, torch.ones(2)).tolist() == [[1, 0], [0, 1]]
    assert torch.select_scatter(x, torch.ones(2), 1, -1).tolist() == [[0, 1], [0, 1]]
    assert torch.slice_scatter(x, torch.ones(1, 2), start=1).tolist() == [[0, 0], [1, 1]]
    assert torch.as_strided_scatter(x, torch.ones(2), (2,), (2,)).tolist() == [[1, 0], [1, 0]]
    assert x.fill_diagonal_(3).tolist() == [[3, 0], [0, 3]]
    assert torch.zeros(5, 2).fill_diagonal_(1, wrap=True)[3:].tolist() == [[1, 0], [0, 1]]
