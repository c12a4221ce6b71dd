"""Record golden.json. Run in an environment with torch 2.13, torchvision 0.29 and Pillow.

python tests/vision/record.py
"""

from __future__ import annotations

import json
import pathlib
from typing import Any

import numpy as np
import torch
import torchvision
from PIL import Image
from tests.vision import pictures
from torchvision import transforms as T
from torchvision import utils


def picture(kind: str) -> Any:
    """An image or a tensor."""
    values = pictures.pixels(kind)
    return Image.fromarray(values) if kind in ("L", "RGB") else torch.from_numpy(values)


def pack(result: Any) -> dict[str, Any]:
    """The JSON form of an image or a tensor."""
    if isinstance(result, Image.Image):
        return pictures.pack(np.asarray(result), result.mode)
    return pictures.pack(result.contiguous().numpy(), str(result.dtype).split(".")[1])


def build(text: str) -> Any:
    """The transform that an expression names."""
    return eval("T." + text, {"T": T, "I": T.InterpolationMode, "torch": torch})


def drawn(text: str, kind: str, seed: int) -> list[Any]:
    """Two results in a row, and what the stream gives next."""
    torch.manual_seed(seed)
    transform = build(text)
    results = [pack(transform(picture(kind))) for _ in range(2)]
    return [text, kind, seed, results, round(torch.rand(1).item(), 7)]


def main() -> None:
    """Write the file."""
    batch = torch.from_numpy(pictures.batch())
    texts = [*pictures.RANDOM, *pictures.FIXED, *pictures.ONLY_REPR]
    record = {
        "source": f"torch {torch.__version__}, torchvision {torchvision.__version__}",
        "random": [
            drawn(text, kind, seed)
            for text, kinds in pictures.RANDOM.items()
            for kind in kinds
            for seed in pictures.SEEDS
        ],
        "fixed": [
            [text, kind, pack(build(text)(picture(kind)))]
            for text, kinds in pictures.FIXED.items()
            for kind in kinds
        ],
        "repr": {text: repr(build(text)) for text in texts},
        "grid": [
            [text, pack(eval("utils." + text, {"utils": utils, "batch": batch}))]
            for text in pictures.GRIDS
        ],
    }
    path = pathlib.Path(__file__).with_name("golden.json")
    path.write_text(json.dumps(record, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
