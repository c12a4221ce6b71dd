"""Floor 5, vision: MNIST and the sets published in its format, from IDX files.

The folders, names, addresses and checksums are torchvision's, so that both find each other's files.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from adjoint.api import from_numpy
from adjoint.autograd.tensor import Tensor
from adjoint.vision.download import extract_gzip, fetch
from adjoint.vision.idx import check_idx, read_idx

from .vision import LabelledImages

__all__ = ["KMNIST", "MNIST", "FashionMNIST"]


class MNIST(LabelledImages):
    """70,000 handwritten digits, 28×28 (LeCun, Cortes and Burges, http://yann.lecun.com/exdb/mnist).

    root: the files are root/MNIST/raw/train-images-idx3-ubyte and so on, compressed (.gz) or not.
    train: the 60,000 to train on, or the 10,000 to test on. transform, target_transform: functions
    of the picture and of its label. download: fetch what is missing, from `mirrors` in turn.

    `data`: (N, 28, 28) uint8; `targets`: (N,) int64. Item: (image of mode L, int).
    Errors: RuntimeError if files are missing (and cannot be fetched), saying what belongs where;
    ValueError for a file that is damaged or holds something else.

    >>> from adjoint.vision import datasets
    >>> datasets.MNIST.classes[7]
    '7 - seven'
    """

    mirrors: ClassVar[list[str]] = [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    ]
    resources: ClassVar[list[tuple[str, str | None]]] = [
        ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ]
    classes = [
        "0 - zero",
        "1 - one",
        "2 - two",
        "3 - three",
        "4 - four",
        "5 - five",
        "6 - six",
        "7 - seven",
        "8 - eight",
        "9 - nine",
    ]

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        if download:
            self.download()
        self.data, self.targets = self._load_data()

    @property
    def raw_folder(self) -> str:
        """Where the files are: root/<name of the set>/raw."""
        return os.path.join(str(self.root), type(self).__name__, "raw")

    def download(self) -> None:
        """Fetch and unpack the files that are not there yet, or not whole."""
        for name, checksum in self.resources:
            file = os.path.basename(name)
            unpacked = os.path.join(self.raw_folder, os.path.splitext(file)[0])
            if _is_sound(unpacked):
                continue
            urls = [f"{mirror.rstrip('/')}/{name}" for mirror in self.mirrors]
            try:
                packed = fetch(urls, self.raw_folder, file, checksum)
            except RuntimeError as error:
                raise RuntimeError(f"{error}\n{self._wanted()}") from error
            extract_gzip(packed, unpacked)

    def extra_repr(self) -> str:
        """Which part of the set it is."""
        return f"Split: {'Train' if self.train is True else 'Test'}"

    def _load_data(self) -> tuple[Tensor, Tensor]:
        part = "train" if self.train else "t10k"
        images_file = self._find(f"{part}-images-idx3-ubyte")
        labels_file = self._find(f"{part}-labels-idx1-ubyte")
        images = _read(images_file, 3)
        labels = _read(labels_file, 1).astype(np.int64)
        if len(images) != len(labels):
            raise ValueError(
                f"{type(self).__name__}: {images_file!r} holds {len(images)} pictures, but "
                f"{labels_file!r} {len(labels)} labels; they are not of the same set"
            )
        if len(labels) and labels.max() >= len(self.classes):
            raise ValueError(
                f"{type(self).__name__}: {labels_file!r} holds the label {labels.max()}; expected "
                f"0 to {len(self.classes) - 1}"
            )
        return from_numpy(images), from_numpy(labels)

    def _find(self, name: str) -> str:
        """The path of a file, unpacked if it is there so."""
        for path in (os.path.join(self.raw_folder, name + suffix) for suffix in ("", ".gz")):
            if os.path.isfile(path):
                return path
        raise RuntimeError(
            "Dataset not found. You can use download=True to download it. "
            f"{name} is not in {os.path.abspath(self.raw_folder)}. {self._wanted()}"
        )

    def _wanted(self) -> str:
        names = ", ".join(os.path.basename(name) for name, _ in self.resources)
        return (
            f"{type(self).__name__} reads from {os.path.abspath(self.raw_folder)} the files "
            f"{names}, compressed or not."
        )

    @property
    def train_labels(self) -> Any:
        """Former name of `targets`."""
        warnings.warn("train_labels has been renamed targets", stacklevel=2)
        return self.targets

    @property
    def test_labels(self) -> Any:
        """Former name of `targets`."""
        warnings.warn("test_labels has been renamed targets", stacklevel=2)
        return self.targets

    @property
    def train_data(self) -> Any:
        """Former name of `data`."""
        warnings.warn("train_data has been renamed data", stacklevel=2)
        return self.data

    @property
    def test_data(self) -> Any:
        """Former name of `data`."""
        warnings.warn("test_data has been renamed data", stacklevel=2)
        return self.data


class FashionMNIST(MNIST):
    """70,000 pictures of clothes, 28×28, in MNIST's format (Xiao, Rasul and Vollgraf, 2017).

    https://github.com/zalandoresearch/fashion-mnist. Arguments and errors as `MNIST`.

    >>> from adjoint.vision import datasets
    >>> datasets.FashionMNIST.classes[1]
    'Trouser'
    """

    mirrors = ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"]
    resources = [
        ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    ]
    classes = [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ]


class KMNIST(MNIST):
    """70,000 cursive Japanese characters, 28×28, in MNIST's format (Clanuwat and others, 2018).

    https://github.com/rois-codh/kmnist. Arguments and errors as `MNIST`.

    >>> from adjoint.vision import datasets
    >>> len(datasets.KMNIST.classes)
    10
    """

    mirrors = ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"]
    resources = [
        ("train-images-idx3-ubyte.gz", "bdb82020997e1d708af4cf47b453dcf7"),
        ("train-labels-idx1-ubyte.gz", "e144d726b3acfaa3e44228e80efcd344"),
        ("t10k-images-idx3-ubyte.gz", "5c965bf0a639b31b8f53240b1b52f4d7"),
        ("t10k-labels-idx1-ubyte.gz", "7320c461ea6c1c855c0b718fb2a4b134"),
    ]
    classes = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]


def _is_sound(path: str) -> bool:
    """Whether a whole IDX file is there."""
    try:
        check_idx(path)
    except (FileNotFoundError, ValueError):
        return False
    return True


def _read(path: str, ndim: int) -> Any:
    """An array of bytes with the given number of dimensions."""
    values = read_idx(path)
    if values.dtype != np.uint8:
        raise TypeError(f"{path!r} should be of dtype torch.uint8 instead of {values.dtype}")
    if values.ndim != ndim:
        raise ValueError(f"{path!r} should have {ndim} dimensions instead of {values.ndim}")
    return values
