"""Transforms where they meet the rest: gradients, dtypes, and what they refuse."""

import pickle

import numpy as np
import pytest

import adjoint as torch
from adjoint.vision import image as images
from adjoint.vision import transforms as T
from adjoint.vision.image import Image
from adjoint.vision.transforms import functional as F

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8)


def tensor_image(requires_grad=False):
    values = np.arange(96, dtype=np.float32).reshape(2, 6, 8) / 96
    return torch.tensor(values, requires_grad=requires_grad)


@pytest.mark.parametrize(
    "transform",
    [
        T.CenterCrop(4),
        T.CenterCrop(9),
        T.Pad((1, 2)),
        T.Pad(2, padding_mode="reflect"),
        T.Resize((3, 5)),
        T.Resize((9, 4), antialias=False),
        T.Resize((3, 4), interpolation=T.InterpolationMode.NEAREST),
        T.RandomHorizontalFlip(p=1.0),
        T.RandomVerticalFlip(p=1.0),
        T.Normalize((0.1, 0.2), (0.5, 0.25)),
    ],
    ids=repr,
)
def test_gradients_flow_through_tensor_transforms(transform):
    """Every one is affine, so <ones, J v> is what backward promises."""
    image = tensor_image(requires_grad=True)
    transform(image).sum().backward()
    direction = torch.tensor(np.random.default_rng(0).normal(size=(2, 6, 8)).astype(np.float32))
    moved = transform(image.detach() + direction) - transform(image.detach())
    promised = (image.grad * direction).sum().item()
    assert abs(moved.sum().item() - promised) <= 1e-4 * max(1.0, abs(promised))


def test_leading_dimensions():
    batch = torch.tensor(np.random.default_rng(0).random((2, 4, 3, 6, 8), dtype=np.float32))
    for transform in (
        T.CenterCrop(3),
        T.Pad(1),
        T.Resize((4, 4)),
        T.Normalize((0.5,) * 3, (0.5,) * 3),
    ):
        whole = transform(batch)
        assert torch.equal(whole[1, 2], transform(batch[1, 2]))


def test_to_tensor_follows_the_default_dtype():
    torch.set_default_dtype(torch.float64)
    try:
        result = F.to_tensor(GREY)
    finally:
        torch.set_default_dtype(torch.float32)
    assert result.dtype == torch.float64
    assert np.array_equal(result.numpy()[0], GREY / 255)


@pytest.mark.parametrize("dtype", ["int16", "int32", "int64", "float32", "float64"])
def test_to_tensor_leaves_other_types_alone(dtype):
    result = F.to_tensor(GREY.astype(dtype)[:, :, None])
    assert result.shape == (1, 6, 8)
    assert result.numpy().dtype == dtype
    assert np.array_equal(result.numpy()[0], GREY)


@pytest.mark.parametrize(
    ("mode", "dtype"), [("L", "uint8"), ("I", "int32"), ("F", "float32"), ("I;16", "int16")]
)
def test_image_modes_to_tensor(mode, dtype):
    image = Image(GREY.astype({"I;16": "uint16"}.get(mode, dtype)), mode)
    assert np.array_equal(F.pil_to_tensor(image).numpy()[0], GREY)
    assert F.pil_to_tensor(image).numpy().dtype == dtype
    scaled = F.to_tensor(image).numpy()[0]
    assert np.allclose(scaled, GREY / 255 if mode == "L" else GREY)


def test_bits_to_tensor():
    pillow = pytest.importorskip("PIL.Image")
    image = pillow.fromarray(GREY).point(lambda v: 255 * (v > 20), mode="1")
    assert np.array_equal(F.to_tensor(image).numpy()[0], GREY > 20)


def test_tensors_own_their_memory():
    pixels = GREY.copy()
    image = Image(pixels, "L")
    tensors = [F.to_tensor(pixels.astype(np.float32)), F.pil_to_tensor(image), F.to_tensor(image)]
    before = [t.numpy().copy() for t in tensors]
    pixels[...] = 0
    for tensor, values in zip(tensors, before):
        assert np.array_equal(tensor.numpy(), values)


@pytest.mark.parametrize("backend", ["PIL", "adjoint"])
@pytest.mark.parametrize(
    ("shape", "dtype", "mode"),
    [
        ((4, 5, 1), "uint8", "L"),
        ((4, 5, 2), "uint8", "LA"),
        ((4, 5, 3), "uint8", "RGB"),
        ((4, 5, 4), "uint8", "RGBA"),
        ((4, 5), "int32", "I"),
        ((4, 5), "int16", "I;16"),
    ],
)
def test_to_pil_image_and_back(monkeypatch, backend, shape, dtype, mode):
    if backend == "PIL":
        pytest.importorskip("PIL")
    monkeypatch.setattr(images, "_chosen", backend)
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    image = F.to_pil_image(values)
    assert image.mode == mode
    back = F.pil_to_tensor(image).numpy().transpose(1, 2, 0)
    assert np.array_equal(back.reshape(shape), values)


def test_float_modes():
    values = torch.tensor([[0.0, 0.5, 1.0]])
    assert np.asarray(F.to_pil_image(values)).tolist() == [[0, 127, 255]]
    kept = F.to_pil_image(values, mode="F")
    assert kept.mode == "F"
    assert np.asarray(kept).tolist() == [[0.0, 0.5, 1.0]]


def test_normalize_in_place():
    image = tensor_image()
    expected = T.Normalize(0.5, 0.25)(image)
    result = T.Normalize(0.5, 0.25, inplace=True)(image)
    assert result is image
    assert torch.allclose(image, expected)


def test_normalize_leaves_its_input_alone():
    image = tensor_image()
    before = image.numpy().copy()
    T.Normalize((0.5,), (0.25,))(image)
    assert np.array_equal(image.numpy(), before)


@pytest.mark.parametrize("make", [list, np.array, torch.tensor])
def test_normalize_takes_any_sequence(make):
    image = tensor_image()
    expected = T.Normalize((0.25, 0.5), (0.5, 0.25))(image)
    assert torch.equal(T.Normalize(make([0.25, 0.5]), make([0.5, 0.25]))(image), expected)
    double = T.Normalize(make([0.25, 0.5]), make([0.5, 0.25]))(image.to(torch.float64))
    assert double.dtype == torch.float64


def test_random_order_and_choice():
    torch.manual_seed(0)
    image = Image(GREY, "L")
    assert T.RandomOrder([T.Pad(1), T.Pad(2)])(image).size == (14, 12)
    assert T.RandomChoice([T.Pad(1), T.Pad(2)], p=[0, 1])(image).size == (12, 10)
    assert T.RandomApply([T.Pad(1)], p=0.0)(image) is image
    assert T.RandomApply([T.Pad(1)], p=1.0)(image).size == (10, 8)


def test_random_resized_crop_of_extreme_shapes():
    for shape in ((2, 200), (200, 2)):
        wide = T.RandomResizedCrop((3, 4), scale=(0.9, 1.0))(np.zeros(shape, dtype=np.uint8))
        assert wide.shape == (3, 4)


@pytest.mark.parametrize("angle", [0, 90, 180, 270, 360])
def test_quarter_turns_move_every_pixel(angle):
    square = np.arange(49, dtype=np.uint8).reshape(7, 7)
    assert np.array_equal(F.rotate(square, angle), np.rot90(square, angle // 90))
    expanded = F.rotate(GREY, angle, expand=True)
    assert np.array_equal(expanded, np.rot90(GREY, angle // 90))


def test_rotation_is_pillows():
    pillow = pytest.importorskip("PIL.Image")
    ours, theirs = Image(GREY, "L"), pillow.fromarray(GREY)
    for angle in (10.0, 33.3, -71.0, 180.0, 400.0):
        for expand in (False, True):
            for center in (None, (2, 3)):
                result = F.rotate(ours, angle, expand=expand, center=center, fill=9)
                expected = theirs.rotate(angle, expand=expand, center=center, fillcolor=9)
                assert result.size == expected.size
                assert np.array_equal(np.asarray(result), np.asarray(expected))


def test_transforms_can_be_pickled():
    transform = T.Compose([T.RandomCrop(4, padding=1), T.ToTensor(), T.Normalize((0.5,), (0.5,))])
    assert repr(pickle.loads(pickle.dumps(transform))) == repr(transform)


def test_sizes_may_be_sequences_of_one():
    assert T.CenterCrop([4]).size == T.CenterCrop(4).size == (4, 4)
    assert T.Resize([3])(GREY).shape == T.Resize(3)(GREY).shape == (3, 4)


def test_pad_if_needed_pads_only_what_is_short():
    assert T.RandomCrop((9, 3), pad_if_needed=True)(GREY).shape == (9, 3)
    assert T.RandomCrop((3, 9), pad_if_needed=True)(GREY).shape == (3, 9)


def test_interpolation_by_pillows_number():
    assert T.Resize(4, interpolation=0).interpolation is T.InterpolationMode.NEAREST
    assert T.Resize(4, interpolation=3).interpolation is T.InterpolationMode.BICUBIC


def test_dimensions():
    assert F.get_dimensions(GREY) == [1, 6, 8]
    assert F.get_dimensions(Image(np.zeros((6, 8, 3), np.uint8), "RGB")) == [3, 6, 8]
    assert F.get_dimensions(tensor_image()) == [2, 6, 8]
    assert F.get_image_size(GREY) == [8, 6]
    assert F.get_image_num_channels(tensor_image()[0]) == 1


def test_resize_warns_that_images_are_always_smoothed():
    with pytest.warns(UserWarning, match="antialias is ignored"):
        T.Resize((3, 4), antialias=False)(Image(GREY, "L"))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: T.ToTensor()(tensor_image()), TypeError, "it is a tensor already"),
        (lambda: T.ToTensor()([1, 2]), TypeError, "pic should be PIL Image or ndarray"),
        (lambda: T.ToTensor()(np.zeros(3)), ValueError, "2/3 dimensional. Got 1"),
        (lambda: T.PILToTensor()(GREY), TypeError, "pic should be PIL Image"),
        (lambda: T.ToPILImage()("x"), TypeError, "Tensor or ndarray"),
        (lambda: T.ToPILImage()(np.zeros((2, 2, 5))), ValueError, "> 4 channels. Got 5"),
        (lambda: T.ToPILImage()(np.zeros((1, 2, 2, 3))), ValueError, "2/3 dimensional. Got 4"),
        (lambda: T.ToPILImage("RGB")(GREY), ValueError, r"Incorrect mode \(RGB\).*Should be L"),
        (lambda: T.ToPILImage("L")(np.zeros((2, 2, 3), np.uint8)), ValueError, "Only modes"),
        (lambda: T.ToPILImage()(np.zeros((2, 2, 3), np.int16)), TypeError, "int16"),
        (lambda: T.Normalize((0.5,), (0.0,))(tensor_image()), ValueError, "division by zero"),
        (lambda: T.Normalize((0.5,), (1e-60,))(tensor_image()), ValueError, "std evaluated to"),
        (lambda: T.Normalize((0.5,), (0.5,))(Image(GREY, "L")), TypeError, "ToTensor"),
        (lambda: T.Normalize((0.5,), (0.5,))(torch.tensor([[[1]]])), TypeError, "float tensor"),
        (lambda: T.Normalize((0.5,), (0.5,))(torch.ones(2, 2)), ValueError, r"\(..., C, H, W\)"),
        (
            lambda: T.Normalize((0.5,) * 3, (0.5,) * 3)(torch.ones(1, 2, 2)),
            RuntimeError,
            r"output with shape \[1, 2, 2\] doesn't match.*3 numbers as mean.*1 channel;",
        ),
        (lambda: T.RandomCrop(9)(GREY), ValueError, r"crop size \(9, 9\) is larger.*\(6, 8\)"),
        (lambda: T.RandomCrop((1, 2, 3)), ValueError, "only two dimensions"),
        (lambda: T.RandomCrop(4, padding_mode="wrap"), ValueError, "constant, edge, reflect"),
        (lambda: T.Pad((1, 2, 3)), ValueError, "1, 2, or 4 element tuple, not a 3"),
        (lambda: T.Pad("1"), TypeError, "inappropriate padding"),
        (lambda: T.Pad(1, fill="red"), TypeError, "inappropriate fill"),
        (lambda: T.Pad(1, fill=(1, 2))(GREY), ValueError, r"'fill'.*\(2 != 1\)"),
        (lambda: T.Pad(1, fill=(1, 2))(tensor_image()), TypeError, "one number"),
        (lambda: T.Resize("4x4x4"), ValueError, "1 or 2 values"),
        (lambda: T.Resize(4.0), TypeError, "int or sequence"),
        (lambda: T.Resize(4, interpolation="bilinear"), TypeError, "InterpolationMode"),
        (lambda: T.Resize((4, 4), max_size=5)(GREY), ValueError, "max_size should only"),
        (lambda: T.Resize(4, max_size=4)(GREY), ValueError, "strictly greater"),
        (lambda: T.Resize(4, T.InterpolationMode.BOX)(tensor_image()), ValueError, "box"),
        (lambda: T.RandomRotation(-3), ValueError, "must be positive"),
        (lambda: T.RandomRotation((1, 2, 3)), ValueError, "sequence of length 2"),
        (lambda: T.RandomRotation(9)(tensor_image()), TypeError, "before ToTensor"),
        (lambda: T.RandomAffine(0, translate=(2, 0)), ValueError, "between 0 and 1"),
        (lambda: T.RandomAffine(0, scale=(0, 1)), ValueError, "positive"),
        (lambda: T.RandomAffine(0, shear="x"), ValueError, "2 or 4"),
        (lambda: T.RandomAffine(0, fill=object()), TypeError, "Fill should be"),
        (lambda: F.affine(GREY, 0, (0, 0), 0, 0), ValueError, "scale should be positive"),
        (lambda: F.affine(GREY, 0, (0,), 1, 0), ValueError, "translate should be"),
        (lambda: F.affine(GREY, 0, (0, 0), 1, (1, 2, 3)), ValueError, "Shear should be"),
        (lambda: F.hflip("x"), TypeError, "Got <class 'str'>"),
        (lambda: F.hflip(torch.ones(3)), TypeError, "not a torch image"),
        (lambda: T.Lambda(3), TypeError, "callable, got 'int'"),
        (lambda: T.RandomOrder(T.Pad(1)), TypeError, "should be a sequence"),
        (lambda: T.RandomChoice([T.Pad(1)], p=1), TypeError, "should be a sequence"),
        (lambda: T.RandomResizedCrop(4, scale=1), TypeError, "Scale should be a sequence"),
        (lambda: F.convert_image_dtype(GREY, torch.uint8), TypeError, "Tensor Image"),
        (
            lambda: F.convert_image_dtype(tensor_image(), torch.int32),
            RuntimeError,
            "torch.float32 to torch.int32 cannot be performed safely",
        ),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
