"""The pictures and cases that the recorder and the tests share; knows neither library."""

from __future__ import annotations

from typing import Any

import numpy as np

RANDOM = {
    "RandomCrop(4, padding=2)": ("L", "uint8"),
    "RandomCrop((3, 5))": ("RGB", "float"),
    "RandomCrop(4, padding=[1, 2], padding_mode='reflect')": ("L", "uint8"),
    "RandomCrop((9, 7), pad_if_needed=True, fill=9)": ("L", "uint8"),
    "RandomHorizontalFlip()": ("L", "float"),
    "RandomHorizontalFlip(p=0.3)": ("L",),
    "RandomVerticalFlip()": ("RGB", "uint8"),
    "RandomApply([T.RandomHorizontalFlip(), T.CenterCrop(4)], p=0.6)": ("L",),
    "RandomRotation(30)": ("L", "RGB"),
    "RandomRotation((10, 80), interpolation=I.BILINEAR, expand=True, fill=7)": ("L",),
    "RandomAffine(15, translate=(0.2, 0.3), scale=(0.7, 1.3), shear=10)": ("L", "RGB"),
    "RandomAffine((0, 9), shear=(0, 5, -5, 0), interpolation=I.BILINEAR, fill=3)": ("L",),
    "RandomResizedCrop(4)": ("L",),
}
FIXED = {
    "CenterCrop(4)": ("L", "RGB", "uint8"),
    "CenterCrop((9, 3))": ("L", "float"),
    "Pad(2)": ("L", "uint8"),
    "Pad((1, 2), fill=9)": ("L", "uint8"),
    "Pad([1, 2, 0, 3], padding_mode='edge')": ("L", "RGB", "uint8"),
    "Pad(2, padding_mode='symmetric')": ("L", "uint8"),
    "Pad(3, padding_mode='reflect')": ("RGB", "float"),
    "Pad(1, fill=(1, 2, 3))": ("RGB",),
    "Pad((-1, 2))": ("L", "float"),
    "Resize(4)": ("L", "uint8", "float"),
    "Resize((3, 5))": ("RGB", "float"),
    "Resize((12, 20))": ("L", "float"),
    "Resize(9, max_size=11)": ("L",),
    "Resize((3, 5), antialias=False)": ("float", "uint8"),
    "Resize((12, 5), interpolation=I.BICUBIC)": ("L", "float", "uint8"),
    "Resize((12, 5), interpolation=I.BICUBIC, antialias=False)": ("float",),
    "Resize((4, 5), interpolation=I.NEAREST)": ("L", "float"),
    "Resize((13, 5), interpolation=I.NEAREST_EXACT)": ("float",),
    "ToTensor()": ("L", "RGB"),
    "PILToTensor()": ("L", "RGB"),
    "ToPILImage()": ("uint8", "float"),
    "ConvertImageDtype(torch.float64)": ("uint8", "float"),
    "ConvertImageDtype(torch.uint8)": ("float",),
    "ConvertImageDtype(torch.int16)": ("uint8", "float"),
    "ConvertImageDtype(torch.int8)": ("uint8",),
    "Normalize((0.5,), (0.25,))": ("float",),
    "Normalize((0.1, 0.2, 0.3), (0.5, 0.6, 0.7))": ("float",),
}
ONLY_REPR = [
    "Lambda(abs)",
    "ToPILImage('L')",
    "Compose([T.ToTensor(), T.Normalize((0.5,), (0.5,))])",
    "Compose([])",
    "RandomChoice([T.Pad(1)])",
    "RandomOrder([T.Pad(1), T.ToTensor()])",
    "RandomAffine(10, fill=2, center=(1, 2), interpolation=I.BILINEAR)",
    "RandomRotation(10, center=(1, 2))",
]
GRIDS = [
    "make_grid(batch)",
    "make_grid(batch, nrow=2, padding=1, pad_value=0.5)",
    "make_grid(batch, nrow=3, normalize=True)",
    "make_grid(batch, normalize=True, scale_each=True, nrow=4)",
    "make_grid(batch, normalize=True, value_range=(0.5, 2.0))",
    "make_grid(list(batch[:2]), padding=0)",
    "make_grid(batch[0])",
    "make_grid(batch[0, 0])",
]
SEEDS = (0, 7)


def pixels(kind: str) -> np.ndarray:
    """A picture of 6 by 8: L and RGB for images, else three planes for tensors."""
    grey = (np.arange(48) * 37 % 251).astype(np.uint8).reshape(6, 8)
    if kind == "L":
        return grey
    planes = [grey, 255 - grey, grey[::-1]]
    if kind == "RGB":
        return np.stack(planes, 2)
    return np.stack(planes) if kind == "uint8" else np.stack(planes).astype(np.float32) / 255


def batch() -> np.ndarray:
    """Five grey pictures for a grid."""
    return (np.arange(60) * 37 % 251).astype(np.float32).reshape(5, 1, 3, 4) / 100


def pack(values: np.ndarray, mode: str) -> dict[str, Any]:
    """The JSON form of a result. mode: of an image, or the dtype of a tensor."""
    packed: dict[str, Any] = {"mode": mode, "shape": list(values.shape)}
    if values.dtype == np.uint8:
        return packed | {"hex": values.tobytes().hex()}
    return packed | {"values": [round(float(v), 7) for v in values.reshape(-1)]}


def unpack(packed: dict[str, Any]) -> np.ndarray:
    """The array of a JSON form."""
    if "hex" in packed:
        return np.frombuffer(bytes.fromhex(packed["hex"]), np.uint8).reshape(packed["shape"])
    return np.array(packed["values"]).reshape(packed["shape"])
