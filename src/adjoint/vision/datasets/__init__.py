"""Floor 5, vision: data sets of pictures. The names are torchvision's; `Digits` is our own."""

from .digits import Digits
from .mnist import KMNIST, MNIST, FashionMNIST
from .vision import VisionDataset

__all__ = ["KMNIST", "MNIST", "Digits", "FashionMNIST", "VisionDataset"]
