"""Floor 5, vision: grids of pictures, and picture files. The module has torchvision's name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.api.joining import cat, stack
from adjoint.autograd.modes import no_grad
from adjoint.autograd.tensor import Tensor

from .png import encode_png

__all__ = ["make_grid", "save_image"]


@no_grad()
def make_grid(
    tensor: Tensor | Sequence[Tensor],
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[float, float] | None = None,
    scale_each: bool = False,
    pad_value: float = 0.0,
) -> Tensor:
    """Lay pictures side by side.

    tensor: (B, C, H, W), or a list of pictures of one size, or one picture. nrow: pictures in a
    row. padding: pixels between and around them, of value pad_value. normalize: shift and scale to
    0..1 what lies in value_range, by default from the least to the greatest value of all, or of
    each picture if scale_each.
    Returns (3 or C, rows (H + padding) + padding, columns (W + padding) + padding); grey becomes
    RGB; a single picture is returned without a margin. Records no gradient.
    Errors: TypeError for anything but tensors.

    >>> from adjoint.vision import utils
    >>> utils.make_grid(torch.zeros(4, 1, 8, 8), nrow=2).shape
    torch.Size([3, 22, 22])
    """
    batch = _as_batch(tensor)
    if normalize:
        batch = _normalized(batch, value_range, scale_each)
    if batch.shape[0] == 1:
        return batch.squeeze(0)
    count, channels, height, width = batch.shape
    columns = min(nrow, count)
    rows = -(-count // columns)
    shape = (channels, rows * (height + padding) + padding, columns * (width + padding) + padding)
    grid = batch.new_full(shape, pad_value)
    for index in range(count):
        row, column = divmod(index, columns)
        top, left = row * (height + padding) + padding, column * (width + padding) + padding
        grid[:, top : top + height, left : left + width] = batch[index]
    return grid


def _as_batch(tensor: Any) -> Tensor:
    """(B, C, H, W) with C = 3 for grey pictures."""
    if isinstance(tensor, (list, tuple)):
        for item in tensor:
            if not isinstance(item, Tensor):
                raise TypeError(
                    f"tensor or list of tensors expected, got a list containing {type(item)}"
                )
        tensor = stack(list(tensor), dim=0)
    if not isinstance(tensor, Tensor):
        raise TypeError(f"tensor or list of tensors expected, got {type(tensor)}")
    if tensor.ndim not in (2, 3, 4):
        raise ValueError(
            f"make_grid: expected (H, W), (C, H, W) or (B, C, H, W), got {tuple(tensor.shape)}"
        )
    if tensor.ndim == 2:
        tensor = tensor.unsqueeze(0)
    if tensor.ndim == 3:
        tensor = tensor.unsqueeze(0)
    return cat((tensor, tensor, tensor), 1) if tensor.shape[1] == 1 else tensor


def _normalized(batch: Tensor, value_range: tuple[float, float] | None, scale_each: bool) -> Tensor:
    if value_range is not None and not isinstance(value_range, tuple):
        raise TypeError(
            "value_range has to be a tuple (min, max) if specified. min and max are numbers; got "
            f"{value_range!r}"
        )
    if scale_each:
        return stack([_normalized(picture, value_range, False) for picture in batch])
    low, high = value_range or (float(batch.min()), float(batch.max()))
    return (batch.clamp(min=low, max=high) - low) / max(high - low, 1e-5)


@no_grad()
def save_image(
    tensor: Tensor | Sequence[Tensor], fp: Any, format: str | None = None, **kwargs: Any
) -> None:
    """Write a picture, or a grid of pictures, to a file.

    tensor: as for `make_grid`, values 0..1, rounded to 0..255. fp: a path, or an object open for
    writing bytes. format: by default what the name ends in. PNG is written here; every other
    format by Pillow. A path is written beside and moved into place, so that no half file is left.
    kwargs: the arguments of `make_grid`. Errors: as `make_grid`; ImportError if Pillow is needed.

    >>> import os
    >>> from adjoint.vision import utils
    >>> utils.save_image(torch.zeros(1, 8, 8), "square.png")
    >>> os.path.exists("square.png")
    True
    """
    grid = make_grid(tensor, **kwargs)
    scaled = np.clip(grid.detach().numpy() * 255 + 0.5, 0, 255)
    pixels = np.ascontiguousarray(scaled.astype(np.uint8).transpose(1, 2, 0))
    is_path = isinstance(fp, (str, os.PathLike))
    kind = format or (os.path.splitext(os.fspath(fp))[1][1:] if is_path else "")
    if not kind:
        raise ValueError(f"save_image: unknown file extension in {fp!r}; give format='png'")
    if not is_path:
        _write(pixels, fp, kind)
        return
    part = f"{os.fspath(fp)}.part"
    try:
        with open(part, "wb") as file:
            _write(pixels, file, kind)
        os.replace(part, fp)
    except BaseException:
        if os.path.exists(part):
            os.remove(part)
        raise


def _write(pixels: Any, file: Any, kind: str) -> None:
    if kind.lower() == "png":
        file.write(encode_png(pixels))
        return
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            f"save_image: writing {kind!r} needs Pillow (pip install pillow); PNG does not"
        ) from error
    names = Image.registered_extensions()
    Image.fromarray(pixels).save(file, format=names.get(f".{kind.lower()}", kind))
