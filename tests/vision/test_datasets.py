"""Data sets: files found or fetched, what an item is, and how each mistake is told."""

import gzip
import hashlib
import io
import os
import pickle

import numpy as np
import pytest

import adjoint as torch
from adjoint.data import Dataset
from adjoint.vision import datasets
from adjoint.vision import image as images
from adjoint.vision import transforms as T
from adjoint.vision.idx import write_idx
from adjoint.vision.image import is_image

RNG = np.random.default_rng(0)
FILES = {
    "train-images-idx3-ubyte": RNG.integers(0, 256, (20, 28, 28), dtype=np.uint8),
    "train-labels-idx1-ubyte": np.arange(20, dtype=np.uint8) % 10,
    "t10k-images-idx3-ubyte": RNG.integers(0, 256, (10, 28, 28), dtype=np.uint8),
    "t10k-labels-idx1-ubyte": np.arange(10, dtype=np.uint8),
}


def write_files(root, name="MNIST", suffix="", files=FILES):
    folder = root / name / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    for file, values in files.items():
        write_idx(folder / (file + suffix), values)
    return folder


class Served(datasets.MNIST):
    """MNIST with small files of our own; `mirrors` is set by each test."""

    resources = ()


@pytest.fixture
def served(server, monkeypatch, tmp_path):
    """A class whose files are on the server."""
    resources = []
    for file, values in FILES.items():
        write_idx(tmp_path / "packed.gz", values)
        content = (tmp_path / "packed.gz").read_bytes()
        (tmp_path / "packed.gz").unlink()
        server.files[f"/mnist/{file}.gz"] = content
        resources.append((file + ".gz", hashlib.md5(content).hexdigest()))
    monkeypatch.setattr(Served, "resources", resources)
    monkeypatch.setattr(Served, "mirrors", [server.url + "/mnist/"])
    return Served


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST", "KMNIST"])
@pytest.mark.parametrize("train", [True, False])
def test_local_files(tmp_path, suffix, name, train):
    write_files(tmp_path, name, suffix)
    dataset = getattr(datasets, name)(tmp_path, train=train)
    part = "train" if train else "t10k"
    assert isinstance(dataset, Dataset)
    assert len(dataset) == (20 if train else 10)
    assert dataset.data.dtype == torch.uint8
    assert dataset.data.shape == (len(dataset), 28, 28)
    assert dataset.targets.dtype == torch.int64
    assert np.array_equal(dataset.data.numpy(), FILES[f"{part}-images-idx3-ubyte"])
    assert np.array_equal(dataset.targets.numpy(), FILES[f"{part}-labels-idx1-ubyte"])
    assert len(dataset.classes) == 10
    assert dataset.class_to_idx[dataset.classes[3]] == 3


@pytest.mark.parametrize("backend", ["PIL", "adjoint"])
def test_items(tmp_path, monkeypatch, backend):
    if backend == "PIL":
        pytest.importorskip("PIL")
    monkeypatch.setattr(images, "_chosen", backend)
    write_files(tmp_path)
    dataset = datasets.MNIST(tmp_path)
    image, target = dataset[13]
    assert is_image(image)
    assert (image.mode, image.size) == ("L", (28, 28))
    assert np.array_equal(np.asarray(image), FILES["train-images-idx3-ubyte"][13])
    assert type(target) is int
    assert target == 3
    assert dataset[-1][1] == 9
    with pytest.raises(IndexError):
        dataset[20]


def test_transforms_are_applied(tmp_path):
    write_files(tmp_path)
    dataset = datasets.MNIST(
        tmp_path,
        transform=T.Compose([T.ToTensor(), T.Normalize((0.5,), (0.5,))]),
        target_transform=lambda label: label + 100,
    )
    image, target = dataset[5]
    expected = FILES["train-images-idx3-ubyte"][5].astype(np.float32) / 255
    assert image.shape == (1, 28, 28)
    assert np.allclose(image.numpy()[0], (expected - 0.5) / 0.5, atol=1e-6)
    assert target == 105


def test_data_may_be_replaced(tmp_path):
    write_files(tmp_path)
    dataset = datasets.MNIST(tmp_path)
    dataset.data, dataset.targets = dataset.data[:3], dataset.targets[:3]
    assert [target for _, target in dataset] == [0, 1, 2]
    dataset.targets = [7, 8, 9]
    assert dataset[1][1] == 8


def test_repr(tmp_path):
    write_files(tmp_path)
    assert repr(datasets.MNIST(tmp_path)) == (
        f"Dataset MNIST\n    Number of datapoints: 20\n    Root location: {tmp_path}\n"
        "    Split: Train"
    )
    transform = T.Compose([T.ToTensor(), T.Normalize((0.5,), (0.5,))])
    dataset = datasets.MNIST(tmp_path, train=False, transform=transform, target_transform=abs)
    assert repr(dataset) == (
        f"Dataset MNIST\n    Number of datapoints: 10\n    Root location: {tmp_path}\n"
        "    Split: Test\n"
        "    StandardTransform\n"
        "Transform: Compose(\n"
        "               ToTensor()\n"
        "               Normalize(mean=(0.5,), std=(0.5,))\n"
        "           )\n"
        "Target transform: <built-in function abs>"
    )


def test_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write_files(tmp_path / "data")
    dataset = datasets.MNIST("~/data/")
    assert len(dataset) == 20
    assert dataset.root == f"{tmp_path}/data/"


def test_pickle(tmp_path):
    write_files(tmp_path)
    dataset = datasets.MNIST(tmp_path, transform=T.ToTensor())
    copy = pickle.loads(pickle.dumps(dataset))
    assert torch.equal(copy[3][0], dataset[3][0])


def test_download(served, server, tmp_path):
    dataset = served(tmp_path / "root", download=True)
    assert np.array_equal(dataset.data.numpy(), FILES["train-images-idx3-ubyte"])
    names = sorted(os.listdir(dataset.raw_folder))
    assert names == sorted([*FILES, *(name + ".gz" for name in FILES)])
    assert dataset.raw_folder == str(tmp_path / "root" / "Served" / "raw")
    asked = len(server.seen)
    assert asked == 4
    served(tmp_path / "root", train=False, download=True)
    assert len(server.seen) == asked


def test_download_mends_what_is_not_whole(served, server, tmp_path):
    raw = served(tmp_path, download=True).raw_folder
    for file in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz"):
        path = os.path.join(raw, file)
        os.truncate(path, 30)
    os.remove(os.path.join(raw, "train-labels-idx1-ubyte"))
    server.seen.clear()
    dataset = served(tmp_path, download=True)
    # The first is unpacked again from what is there; only the second has to be fetched
    assert [path for path, _, _ in server.seen] == ["/mnist/train-labels-idx1-ubyte.gz"]
    assert np.array_equal(dataset.data.numpy(), FILES["train-images-idx3-ubyte"])
    assert np.array_equal(dataset.targets.numpy(), FILES["train-labels-idx1-ubyte"])


def test_second_mirror(served, server, tmp_path, monkeypatch):
    monkeypatch.setattr(Served, "mirrors", [server.url + "/gone/", server.url + "/mnist"])
    assert len(served(tmp_path, download=True)) == 20


def test_offline(served, tmp_path, monkeypatch):
    monkeypatch.setattr(Served, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(RuntimeError, match="Error downloading") as caught:
        served(tmp_path, download=True)
    message = str(caught.value)
    assert str(tmp_path / "Served" / "raw") in message
    for file in FILES:
        assert file in message


def test_not_found(tmp_path):
    with pytest.raises(
        RuntimeError, match=r"Dataset not found\. You can use download=True to download it"
    ) as caught:
        datasets.MNIST(tmp_path)
    message = str(caught.value)
    assert f"train-images-idx3-ubyte is not in {tmp_path / 'MNIST' / 'raw'}" in message
    assert "t10k-labels-idx1-ubyte.gz" in message
    assert os.listdir(tmp_path) == []


def test_one_part_is_enough(tmp_path):
    write_files(tmp_path, files={k: v for k, v in FILES.items() if k.startswith("t10k")})
    assert len(datasets.MNIST(tmp_path, train=False)) == 10
    with pytest.raises(RuntimeError, match="Dataset not found"):
        datasets.MNIST(tmp_path, train=True)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"train-images-idx3-ubyte": np.zeros((20, 784), np.uint8)}, ValueError, "3 dimensions"),
        ({"train-images-idx3-ubyte": np.zeros((20, 28, 28), np.int16)}, TypeError, "uint8"),
        ({"train-images-idx3-ubyte": np.zeros((19, 28, 28), np.uint8)}, ValueError, "19 pictures"),
        ({"train-labels-idx1-ubyte": np.zeros((20, 1), np.uint8)}, ValueError, "1 dimensions"),
        ({"train-labels-idx1-ubyte": np.full(20, 10, np.uint8)}, ValueError, "label 10; expected"),
    ],
)
def test_wrong_files(tmp_path, changes, error, message):
    write_files(tmp_path, files=FILES | changes)
    with pytest.raises(error, match=message) as caught:
        datasets.MNIST(tmp_path)
    assert next(iter(changes)) in str(caught.value)


def test_truncated_file(tmp_path):
    folder = write_files(tmp_path)
    os.truncate(folder / "train-images-idx3-ubyte", 5000)
    with pytest.raises(ValueError, match="takes 15696 bytes with the header; found 5000"):
        datasets.MNIST(tmp_path)


def test_former_names(tmp_path):
    write_files(tmp_path)
    dataset = datasets.MNIST(tmp_path)
    for name in ("train_data", "test_data"):
        with pytest.warns(UserWarning, match=f"{name} has been renamed data"):
            assert getattr(dataset, name) is dataset.data
    for name in ("train_labels", "test_labels"):
        with pytest.warns(UserWarning, match=f"{name} has been renamed targets"):
            assert getattr(dataset, name) is dataset.targets


def test_base_class():
    class Pair(datasets.VisionDataset):
        def __len__(self):
            return 2

    dataset = Pair("root", transforms=lambda image, target: (target, image))
    assert dataset.transforms("image", "target") == ("target", "image")
    assert repr(Pair()) == "Dataset Pair\n    Number of datapoints: 2"
    with pytest.raises(ValueError, match="Only transforms or transform/target_transform"):
        Pair("root", transforms=abs, transform=abs)


class TestDigits:
    def test_parts(self):
        train, test = datasets.Digits(), datasets.Digits(train=False)
        assert (len(train), len(test)) == (1442, 355)
        counts = np.bincount(test.targets.numpy())
        assert counts.min() >= 34
        assert counts.max() <= 36
        assert train.data.shape == (1442, 8, 8)
        assert train.data.dtype == torch.uint8
        assert train.targets.dtype == torch.int64
        assert (train.data.numpy().min(), train.data.numpy().max()) == (0, 255)

    @pytest.mark.parametrize("split", ["stratified", "tail"])
    def test_the_parts_are_the_whole(self, split):
        whole = datasets.Digits(train=None)
        assert len(whole) == 1797
        parts = [datasets.Digits(train=part, split=split) for part in (True, False)]
        rows = [
            (*picture.reshape(-1).tolist(), label)
            for dataset in (*parts, whole)
            for picture, label in zip(dataset.data.numpy(), dataset.targets.numpy().tolist())
        ]
        assert sorted(rows[:1797]) == sorted(rows[1797:])

    def test_tail_is_the_end_of_the_file(self):
        test, whole = datasets.Digits(train=False, split="tail"), datasets.Digits(train=None)
        assert len(test) == 360
        assert np.array_equal(test.data.numpy(), whole.data.numpy()[-360:])

    def test_values_are_those_of_the_source(self):
        whole = datasets.Digits(train=None)
        ink = ((whole.data.numpy().astype(int) * 16 + 127) // 255).astype(np.uint8)
        labels = whole.targets.numpy().astype(np.uint8)
        folder = os.path.dirname(datasets.__file__)
        with open(os.path.join(folder, os.pardir, "data", "README.md"), encoding="utf-8") as file:
            note = file.read()
        assert hashlib.sha256(ink.tobytes()).hexdigest() in note
        assert hashlib.sha256(labels.tobytes()).hexdigest() in note
        assert "CC BY 4.0" in note
        assert ink[0].tolist()[0] == [0, 0, 5, 13, 9, 1, 0, 0]
        assert labels[:10].tolist() == list(range(10))

    def test_items_and_repr(self):
        dataset = datasets.Digits(transform=T.ToTensor())
        image, target = dataset[0]
        assert image.shape == (1, 8, 8)
        # the darkest pixel of the first digit has 15 of 16 parts of ink
        assert (round(image.max().item() * 255), target) == (239, 0)
        assert repr(dataset) == (
            "Dataset Digits\n    Number of datapoints: 1442\n    Split: Train (stratified)\n"
            "    StandardTransform\nTransform: ToTensor()"
        )
        assert "Split: All" in repr(datasets.Digits(train=None))
        assert dataset.class_to_idx["7"] == 7

    def test_size_in_the_package(self):
        folder = os.path.dirname(datasets.__file__)
        assert os.path.getsize(os.path.join(folder, os.pardir, "data", "digits.npz")) < 50_000

    def test_wrong_split(self):
        with pytest.raises(ValueError, match="stratified or tail, got 'random'"):
            datasets.Digits(split="random")


def test_a_linear_model_learns_digits():
    """The pictures belong to their labels: least squares to one-hot targets gets most right."""
    train, test = (datasets.Digits(train=part) for part in (True, False))
    inputs = [
        np.c_[d.data.numpy().reshape(len(d), -1) / 255, np.ones(len(d))] for d in (train, test)
    ]
    solution = np.linalg.lstsq(inputs[0], np.eye(10)[train.targets.numpy()], rcond=None)[0]
    assert ((inputs[1] @ solution).argmax(1) == test.targets.numpy()).mean() > 0.9


def test_idx_files_are_what_gzip_says(tmp_path):
    """The compressed file that the server of these tests serves is one that others can read."""
    write_idx(tmp_path / "x.gz", FILES["train-labels-idx1-ubyte"])
    content = gzip.GzipFile(fileobj=io.BytesIO((tmp_path / "x.gz").read_bytes())).read()
    assert content[:8] == bytes([0, 0, 8, 1, 0, 0, 0, 20])
