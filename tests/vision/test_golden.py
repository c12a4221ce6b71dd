"""Transforms and grids against what torchvision gave (golden.json, written by record.py)."""

import json
import pathlib
from typing import Any

import numpy as np
import pytest
from tests.vision import pictures
from tests.vision.pictures import unpack

import adjoint as torch
from adjoint.vision import image as images
from adjoint.vision import transforms as T
from adjoint.vision import utils
from adjoint.vision.image import Image, is_image

GOLDEN = json.loads(pathlib.Path(__file__).with_name("golden.json").read_text())
BACKENDS = ["PIL", "adjoint"]


@pytest.fixture(params=BACKENDS)
def backend(request, monkeypatch):
    if request.param == "PIL":
        pytest.importorskip("PIL")
    monkeypatch.setattr(images, "_chosen", request.param)
    return request.param


def picture(kind: str) -> Any:
    values = pictures.pixels(kind)
    return images.from_array(values) if kind in ("L", "RGB") else torch.from_numpy(values)


def build(text: str) -> Any:
    return eval("T." + text, {"T": T, "I": T.InterpolationMode, "torch": torch})


def assert_equal(result: Any, packed: dict[str, Any], slack: int = 0) -> None:
    """Equal in kind, shape and value: bytes up to `slack`, floats up to rounding."""
    expected = unpack(packed)
    if is_image(result):
        assert result.mode == packed["mode"]
        values = np.asarray(result)
    else:
        assert result.dtype == getattr(torch, packed["mode"])
        values = result.numpy()
    assert values.shape == expected.shape
    difference = np.abs(values.astype(float) - expected.astype(float)).max(initial=0)
    assert difference <= (slack if values.dtype == np.uint8 else 2e-6 * max(expected.max(), 1))


@pytest.mark.parametrize(("text", "kind", "seed", "results", "following"), GOLDEN["random"])
def test_same_seed_same_augmentation(backend, text, kind, seed, results, following):
    torch.manual_seed(seed)
    transform = build(text)
    for packed in results:
        assert_equal(transform(picture(kind)), packed)
    assert round(torch.rand(1).item(), 7) == following  # as many numbers were drawn


@pytest.mark.parametrize(("text", "kind", "packed"), GOLDEN["fixed"])
def test_fixed_transforms(backend, text, kind, packed):
    # Pillow 13 may resize the other axis first; tensors are summed in another order
    slack = 1 if text.startswith("Resize") else 0
    assert_equal(build(text)(picture(kind)), packed, slack)


@pytest.mark.parametrize("text", GOLDEN["repr"])
def test_repr(text):
    assert repr(build(text)) == GOLDEN["repr"][text]


@pytest.mark.parametrize(("text", "packed"), GOLDEN["grid"])
def test_grid(text, packed):
    batch = torch.from_numpy(pictures.batch())
    assert_equal(eval("utils." + text, {"utils": utils, "batch": batch}), packed)


def test_the_record_covers_what_it_should():
    assert {entry[0] for entry in GOLDEN["random"]} == set(pictures.RANDOM)
    assert {entry[0] for entry in GOLDEN["fixed"]} == set(pictures.FIXED)


@pytest.mark.parametrize("text", [*pictures.RANDOM, *pictures.FIXED])
def test_arrays_as_images(monkeypatch, text):
    """A transform of an array gives the pixels that it gives of an image."""
    kinds = [kind for kind in (pictures.RANDOM | pictures.FIXED)[text] if kind in ("L", "RGB")]
    if "PILToTensor" in text:
        return
    monkeypatch.setattr(images, "_chosen", "adjoint")
    for kind in kinds:
        torch.manual_seed(3)
        expected = build(text)(picture(kind))
        torch.manual_seed(3)
        result = build(text)(pictures.pixels(kind))
        expected = np.asarray(expected) if isinstance(expected, Image) else expected.numpy()
        result = result if isinstance(result, np.ndarray) else result.numpy()
        assert np.array_equal(result, expected)
