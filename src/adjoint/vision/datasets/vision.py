"""Floor 5, vision: what all data sets of pictures share: root, transforms, and how they print."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.autograd.tensor import Tensor
from adjoint.data import Dataset
from adjoint.vision.image import from_array

__all__ = ["StandardTransform", "VisionDataset"]


class StandardTransform:
    """Transforms of picture and target side by side, as one function of both."""

    def __init__(
        self,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
    ) -> None:
        self.transform = transform
        self.target_transform = target_transform

    def __call__(self, input: Any, target: Any) -> tuple[Any, Any]:
        if self.transform is not None:
            input = self.transform(input)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return input, target

    def __repr__(self) -> str:
        lines = [type(self).__name__]
        for head, transform in (
            ("Transform: ", self.transform),
            ("Target transform: ", self.target_transform),
        ):
            if transform is not None:
                first, *others = repr(transform).splitlines()
                lines += [head + first, *(" " * len(head) + line for line in others)]
        return "\n".join(lines)


class VisionDataset(Dataset):
    """Base of data sets that yield (picture, target); give it __getitem__ and __len__.

    root: folder of the data; a leading ~ is the home folder. transforms: function of (picture,
    target). transform, target_transform: functions of one of them.
    Errors: ValueError if `transforms` comes together with one of the others.

    >>> from adjoint.vision import datasets
    >>> class Blank(datasets.VisionDataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, index):
    ...         return torch.zeros(1, 2, 2), index
    >>> len(Blank("data"))
    3
    """

    _repr_indent = 4

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        transforms: Callable[[Any, Any], tuple[Any, Any]] | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
    ) -> None:
        self.root = None if root is None else os.path.expanduser(root)
        separate = transform is not None or target_transform is not None
        if transforms is not None and separate:
            raise ValueError(
                "Only transforms or transform/target_transform can be passed as argument"
            )
        self.transform = transform
        self.target_transform = target_transform
        self.transforms = StandardTransform(transform, target_transform) if separate else transforms

    def __repr__(self) -> str:
        body = [f"Number of datapoints: {len(self)}"]  # type: ignore[arg-type]
        if self.root is not None:
            body.append(f"Root location: {self.root}")
        body += self.extra_repr().splitlines()
        if self.transforms is not None:
            body += [repr(self.transforms)]
        lines = [f"Dataset {type(self).__name__}", *(" " * self._repr_indent + b for b in body)]
        return "\n".join(lines)

    def extra_repr(self) -> str:
        """Further lines of the description."""
        return ""


class LabelledImages(VisionDataset):
    """Pictures in memory: `data` (N, height, width[, channels]) uint8, `targets` (N,) int64."""

    data: Any
    targets: Any
    classes: list[str]

    @property
    def class_to_idx(self) -> dict[str, int]:
        """From the name of a class to its number."""
        return {name: index for index, name in enumerate(self.classes)}

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """(picture, number of its class), each after its transform. index: from -N to N - 1."""
        image = from_array(_as_array(self.data)[index])
        target = int(_as_array(self.targets)[index])
        if self.transforms is not None:
            return self.transforms(image, target)
        return image, target


def _as_array(values: Any) -> Any:
    """NumPy's view, whose rows are much cheaper to take than a tensor's."""
    return values.numpy() if isinstance(values, Tensor) else np.asarray(values)
