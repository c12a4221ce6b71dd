"""Data sets, samplers and collation: values as torch's, and clear errors."""

from __future__ import annotations

import collections
from collections import OrderedDict, UserDict, UserList
from typing import Any

import numpy as np
import pytest

import adjoint as torch
from adjoint import data

Pair = collections.namedtuple("Pair", "x y")


def rows() -> data.TensorDataset:
    return data.TensorDataset(torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([4, 5, 6]))


def described(value: Any) -> Any:
    """Tensors as (dtype, values), everything else as it is."""
    if isinstance(value, torch.Tensor):
        return str(value.dtype), value.tolist()
    if isinstance(value, dict):
        return {key: described(v) for key, v in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(described, value))
    if isinstance(value, (list, tuple)):
        return type(value)(map(described, value))
    return value


def test_tensor_dataset_gives_rows() -> None:
    dataset = rows()
    assert len(dataset) == 3
    assert described(dataset[1]) == (("torch.float32", [2.0]), ("torch.int64", 5))
    assert described(dataset[-1])[1] == ("torch.int64", 6)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ([torch.tensor([1]), torch.tensor([1, 2])], "Size mismatch"),
        ([torch.tensor(1)], "at least one dimension"),
        ([], "at least one dimension"),
    ],
)
def test_tensor_dataset_refuses(tensors: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        data.TensorDataset(*tensors)


def test_stack_concat_chain_and_subset() -> None:
    stacked = data.StackDataset(rows(), [7, 8, 9])
    assert stacked[0][1] == 7
    assert [s[1] for s in stacked.__getitems__([2, 0])] == [9, 7]
    named = data.StackDataset(a=[1, 2], b=["x", "y"])
    assert named[1] == {"a": 2, "b": "y"}
    assert named.__getitems__([1]) == [{"a": 2, "b": "y"}]
    joined = rows() + rows()
    assert isinstance(joined, data.ConcatDataset)
    assert len(joined) == 6
    assert [joined[i][1].item() for i in (0, 3, 5, -1, -6)] == [4, 4, 6, 6, 4]
    part = data.Subset(data.Subset(list("abcdef"), [5, 3, 1]), [2, 0])
    assert (part[0], part[1], len(part)) == ("b", "f", 2)
    assert part.__getitems__([1, 0]) == ["f", "b"]


class Stream(data.IterableDataset[int]):
    def __init__(self, *items: int) -> None:
        self.items = items

    def __iter__(self) -> Any:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def test_streams_chain() -> None:
    chained = Stream(1, 2) + Stream(3)
    assert isinstance(chained, data.ChainDataset)
    assert (list(chained), len(chained)) == ([1, 2, 3], 3)
    with pytest.raises(AssertionError, match="only supports IterableDataset"):
        list(data.ChainDataset([[1]]))
    with pytest.raises(AssertionError, match="does not support IterableDataset"):
        data.ConcatDataset([Stream(1)])


class Halved(data.Subset):
    def __getitem__(self, index: int) -> Any:
        return self.dataset[index] / 2


class Mismatched(data.Dataset[int]):
    def __len__(self) -> int:
        return 2

    def __getitems__(self, indices: list[int]) -> list[int]:
        return [0]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: data.StackDataset(), ValueError, "At least one dataset"),
        (lambda: data.StackDataset([1], [1, 2]), ValueError, "Size mismatch"),
        (lambda: data.StackDataset([1], a=[1]), ValueError, "both types are given"),
        (lambda: data.StackDataset(Mismatched()).__getitems__([0, 1]), ValueError, "Expected 2"),
        (lambda: data.ConcatDataset([]), AssertionError, "empty iterable"),
        (lambda: data.ConcatDataset([[1]])[-2], ValueError, "absolute value"),
        (lambda: data.ConcatDataset([[1]])[1], IndexError, "out of range"),
        (lambda: Halved([1], [0]), NotImplementedError, "__getitems__"),
        (lambda: data.Dataset()[0], NotImplementedError, "__getitem__"),
        (lambda: iter(data.IterableDataset()), NotImplementedError, "__iter__"),
        (lambda: iter(data.Sampler()), NotImplementedError, "__iter__"),
        (lambda: data.random_split([1, 2], [1, 2]), ValueError, "does not equal the length"),
        (lambda: data.random_split([1, 2], [1.5, -0.5]), ValueError, "not between 0 and 1"),
        (lambda: data.RandomSampler([1], replacement=1), TypeError, "boolean"),
        (lambda: data.RandomSampler([]), ValueError, "num_samples=0"),
        (lambda: data.WeightedRandomSampler([1.0], 0), ValueError, "num_samples=0"),
        (lambda: data.WeightedRandomSampler([[1.0]], 1), ValueError, "1d sequence"),
        (lambda: data.WeightedRandomSampler([1.0], 1, replacement=None), ValueError, "boolean"),
        (lambda: data.BatchSampler([1], 0, False), ValueError, "batch_size=0"),
        (lambda: data.BatchSampler([1], True, False), ValueError, "batch_size=True"),
        (lambda: data.BatchSampler([1], 1, 0), ValueError, "drop_last"),
    ],
)
def test_wrong_use_is_told(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_empty_parts_of_a_split_warn() -> None:
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        first, second = data.random_split([1, 2], [1.0, 0.0])
    assert (len(first), len(second)) == (2, 0)


def test_batch_sampler() -> None:
    assert list(data.BatchSampler(range(5), 2, False)) == [[0, 1], [2, 3], [4]]
    assert list(data.BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert len(data.BatchSampler(range(5), 2, False)) == 3
    assert len(data.BatchSampler(range(5), 2, True)) == 2
    assert len(data.SubsetRandomSampler([1, 2])) == 2
    assert len(data.WeightedRandomSampler([1.0], 5)) == 5
    assert len(data.RandomSampler([1, 2])) == 2
    assert list(data.SequentialSampler("abc")) == [0, 1, 2]


# What torch 2.13 gives for the same batches.
COLLATED = [
    ([torch.tensor([1, 2]), torch.tensor([3, 4])], ("torch.int64", [[1, 2], [3, 4]])),
    ([torch.tensor(1.0), torch.tensor(2.0)], ("torch.float32", [1.0, 2.0])),
    ([np.array([1.0]), np.array([2.0])], ("torch.float64", [[1.0], [2.0]])),
    ([1, 2], ("torch.int64", [1, 2])),
    ([True, False], ("torch.bool", [True, False])),
    ([1.5, 2], ("torch.float64", [1.5, 2.0])),
    ([1, 2.5], ("torch.float32", [1.0, 2.5])),
    ([np.float32(1), np.float32(2)], ("torch.float32", [1.0, 2.0])),
    ([np.float64(1)], ("torch.float64", [1.0])),
    ([np.int32(1)], ("torch.int32", [1])),
    ([np.bool_(True)], ("torch.bool", [True])),
    (["a", "b"], ["a", "b"]),
    ([b"a"], [b"a"]),
    ([(1, "a"), (2, "b")], [("torch.int64", [1, 2]), ("a", "b")]),
    ([[1, 2.0], [3, 4.0]], [("torch.int64", [1, 3]), ("torch.float64", [2.0, 4.0])]),
    ([{"a": 1}, {"a": 2}], {"a": ("torch.int64", [1, 2])}),
    ([Pair(1, 2), Pair(3, 4)], Pair(("torch.int64", [1, 3]), ("torch.int64", [2, 4]))),
]


@pytest.mark.parametrize(("batch", "expected"), COLLATED)
def test_collation_is_torchs(batch: Any, expected: Any) -> None:
    collated = data.default_collate(batch)
    assert type(described(collated)) is type(expected)
    assert described(collated) == expected


def test_collation_keeps_containers_and_history() -> None:
    ordered = data.default_collate([OrderedDict(a=1), OrderedDict(a=2)])
    assert type(ordered) is OrderedDict
    custom = data.default_collate([UserDict(a=1), UserDict(a=2)])
    assert type(custom) is UserDict and custom["a"].tolist() == [1, 2]
    assert type(data.default_collate([UserList([1]), UserList([2])])) is UserList
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    assert data.default_collate([x, x]).requires_grad


@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        ([{1, 2}], TypeError, "must contain tensors.*found <class 'set'>"),
        ([None], TypeError, "found <class 'NoneType'>"),
        ([1 + 2j], TypeError, "found <class 'complex'>"),
        ([np.array(["a"])], TypeError, "found <U1"),
        ([[1, 2], [1]], RuntimeError, "should be of equal size"),
        ([torch.tensor([1]), torch.tensor([1, 2])], RuntimeError, "equal size"),
    ],
)
def test_collation_refuses(batch: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        data.default_collate(batch)


def test_conversion() -> None:
    converted = data.default_convert(
        {"a": np.array([1]), "b": (np.float32(2), "x"), "c": Pair(np.array([3]), [np.int64(4)])}
    )
    assert described(converted) == {
        "a": ("torch.int64", [1]),
        "b": [("torch.float32", 2.0), "x"],
        "c": Pair(("torch.int64", [3]), [("torch.int64", 4)]),
    }
    words = np.array(["a"])
    assert data.default_convert(words) is words
    assert data.default_convert(None) is None


def test_a_batch_at_once_is_the_batch_of_samples() -> None:
    dataset = data.Subset(rows(), [2, 0, 1])
    whole = list(data.DataLoader(dataset, batch_size=2))
    single = list(
        data.DataLoader(dataset, batch_size=2, collate_fn=lambda b: data.default_collate(b))
    )
    assert described(whole) == described(single)
    whole[0][0][0, 0] = 100.0
    assert rows().tensors[0].tolist() == [[1.0], [2.0], [3.0]]
    with pytest.raises(IndexError, match="out of bounds"):
        list(data.DataLoader(rows(), batch_sampler=[[0, 7]]))


class Doubled(data.TensorDataset):
    def __getitem__(self, index: Any) -> Any:
        return tuple(2 * t for t in super().__getitem__(index))


def test_a_changed_getitem_is_used() -> None:
    ((batch,),) = data.DataLoader(Doubled(torch.tensor([1.0, 2.0])), batch_size=2)
    assert batch.tolist() == [2.0, 4.0]


def test_gradients_reach_the_rows() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    ((batch,),) = data.DataLoader(data.TensorDataset(x), batch_size=2)
    assert batch.requires_grad


def test_utils_data_is_data() -> None:
    assert torch.utils.data.DataLoader is data.DataLoader
    assert set(data.__all__) <= set(dir(torch.utils.data))
