"""Floor 5, vision: the transforms as functions, under torchvision's names."""

from .affine import affine, rotate
from .arguments import InterpolationMode
from .conversion import (
    convert_image_dtype,
    normalize,
    pil_to_tensor,
    to_pil_image,
    to_tensor,
)
from .geometry import (
    center_crop,
    crop,
    get_dimensions,
    get_image_num_channels,
    get_image_size,
    hflip,
    pad,
    resize,
    resized_crop,
    vflip,
)

__all__ = [
    "InterpolationMode",
    "affine",
    "center_crop",
    "convert_image_dtype",
    "crop",
    "get_dimensions",
    "get_image_num_channels",
    "get_image_size",
    "hflip",
    "normalize",
    "pad",
    "pil_to_tensor",
    "resize",
    "resized_crop",
    "rotate",
    "to_pil_image",
    "to_tensor",
    "vflip",
]
