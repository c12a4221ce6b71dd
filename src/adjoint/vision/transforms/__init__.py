"""Floor 5, vision: transforms of images and tensors, with torchvision's names and random draws.

The classes work on images (Pillow's or ours), on arrays (height, width[, channels]) and on
tensors (..., channels, height, width); `functional` has the same as functions.
"""

from . import functional
from .affine import RandomAffine, RandomRotation
from .arguments import InterpolationMode
from .conversion import ConvertImageDtype, Normalize, PILToTensor, ToPILImage, ToTensor
from .fixed import CenterCrop, Compose, Lambda, Pad, Resize
from .random import (
    RandomApply,
    RandomChoice,
    RandomCrop,
    RandomHorizontalFlip,
    RandomOrder,
    RandomResizedCrop,
    RandomVerticalFlip,
)

__all__ = [
    "CenterCrop",
    "Compose",
    "ConvertImageDtype",
    "InterpolationMode",
    "Lambda",
    "Normalize",
    "PILToTensor",
    "Pad",
    "RandomAffine",
    "RandomApply",
    "RandomChoice",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomOrder",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomVerticalFlip",
    "Resize",
    "ToPILImage",
    "ToTensor",
    "functional",
]
