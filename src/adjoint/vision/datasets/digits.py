"""Floor 5, vision: the 1,797 handwritten digits that come with the package."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from adjoint.api import from_numpy

from .vision import LabelledImages

__all__ = ["Digits"]

_FILE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "data", "digits.npz")
_EVERY = 5  # one of five pictures of every class is for testing
_TAIL = 360


class Digits(LabelledImages):
    """1,797 handwritten digits, 8×8, of the UCI repository; nothing has to be downloaded.

    Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, 1998, CC BY 4.0; the part
    `optdigits.tes`, which scikit-learn's `load_digits` returns, in its order.

    root, download: taken for the sake of a common signature, not used.
    train: True for the part to train on, False for the part to test on, None for all 1,797.
    split: how the two parts are made, always the same way.
      "stratified": of each class every fifth picture in the order of the file is for testing: 1,442
      and 355. Both parts have all 13 writers and every class in the same proportion: new pictures,
      known hands. This is what a shuffled split gives, without its luck.
      "tail": the last 360 are for testing, 1,437 for training. The file goes through its writers
      one after the other, so most of these hands are new. Harder: about 5 percentage points.

    `data`: (N, 8, 8) uint8, the ink of 0 to 16 scaled to 0 to 255; `targets`: (N,) int64.
    Item: (image of mode L, int). Errors: ValueError for another split.

    >>> len(Digits(train=True)), len(Digits(train=False))
    (1442, 355)
    """

    classes = [str(digit) for digit in range(10)]
    splits: ClassVar[tuple[str, ...]] = ("stratified", "tail")

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool | None = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
        split: str = "stratified",
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        if split not in self.splits:
            raise ValueError(f"Digits: expected split {' or '.join(self.splits)}, got {split!r}")
        self.train = train
        self.split = split
        with np.load(_FILE, allow_pickle=False) as file:
            ink, labels = file["images"], file["labels"].astype(np.int64)
        chosen = np.full(len(labels), True)
        if train is not None:
            chosen = _is_for_test(labels, split) != train
        self.data = from_numpy(scale_ink(ink[chosen]))
        self.targets = from_numpy(labels[chosen])

    def extra_repr(self) -> str:
        """Which part of the set it is."""
        part = {True: "Train", False: "Test", None: "All"}[self.train]
        return f"Split: {part}" + ("" if self.train is None else f" ({self.split})")


def scale_ink(ink: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Counts of 0 to 16 as grey of 0 to 255; `(grey * 16 + 127) // 255` undoes it."""
    return ((ink.astype(np.uint16) * 255 + 8) // 16).astype(np.uint8)


def _is_for_test(labels: npt.NDArray[Any], split: str) -> npt.NDArray[np.bool_]:
    test = np.full(len(labels), False)
    if split == "tail":
        test[-_TAIL:] = True
    else:
        for label in range(10):
            test[np.flatnonzero(labels == label)[_EVERY - 1 :: _EVERY]] = True
    return test
