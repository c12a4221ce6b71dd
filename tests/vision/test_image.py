"""Our images give what Pillow's give, bit for bit, and stand alone where Pillow is missing."""

import copy
import io
import pickle

import numpy as np
import pytest

from adjoint.vision import get_image_backend, set_image_backend
from adjoint.vision import image as images
from adjoint.vision.image import Image, from_array, is_image

CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "F": 1, "I": 1}


@pytest.fixture
def pillow():
    return pytest.importorskip("PIL.Image")


def random_pixels(mode, height=13, width=17, seed=0):
    rng = np.random.default_rng(seed)
    shape = (height, width) if CHANNELS[mode] == 1 else (height, width, CHANNELS[mode])
    if mode == "F":
        return rng.normal(size=shape).astype(np.float32)
    if mode == "I":
        return rng.integers(-1000, 1000, shape, dtype=np.int32)
    return rng.integers(0, 256, shape, dtype=np.uint8)


def pair(pillow, mode, **sizes):
    """The same picture twice: ours, and Pillow's."""
    pixels = random_pixels(mode, **sizes)
    theirs = pillow.frombytes(mode, (pixels.shape[1], pixels.shape[0]), pixels.tobytes())
    return Image(pixels, mode), theirs


def assert_same(ours, theirs):
    assert ours.mode == theirs.mode
    assert ours.size == theirs.size
    expected = np.asarray(theirs)
    assert np.asarray(ours).dtype == expected.dtype
    assert np.array_equal(np.asarray(ours), expected)


@pytest.mark.parametrize("mode", CHANNELS)
def test_description(pillow, mode):
    ours, theirs = pair(pillow, mode)
    assert_same(ours, theirs)
    for name in ("size", "width", "height", "mode"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert ours.getbands() == theirs.getbands()
    assert ours.tobytes() == theirs.tobytes()
    assert ours.getpixel((3, 2)) == theirs.getpixel((3, 2))


@pytest.mark.parametrize("mode", CHANNELS)
@pytest.mark.parametrize("box", [(2, 3, 9, 8), (-4, -2, 5, 5), (10, 10, 30, 20), (-9, -9, 40, 40)])
def test_crop(pillow, mode, box):
    ours, theirs = pair(pillow, mode)
    assert_same(ours.crop(box), theirs.crop(box))


@pytest.mark.parametrize("mode", CHANNELS)
@pytest.mark.parametrize("method", [0, 1])
def test_transpose(pillow, mode, method):
    ours, theirs = pair(pillow, mode)
    assert_same(ours.transpose(method), theirs.transpose(method))


@pytest.mark.parametrize("mode", ["L", "RGB", "F"])
@pytest.mark.parametrize("sides", [(1, 2, 3, 4), (0, 0, 5, 0), (-2, 3, -1, -4)])
def test_expand(pillow, mode, sides):
    ops = pytest.importorskip("PIL.ImageOps")
    ours, theirs = pair(pillow, mode)
    fill = (5, 60, 200) if mode == "RGB" else 7
    assert_same(ours.expand(sides, fill), ops.expand(theirs, sides, fill))


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("kind", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("size", [(8, 8), (17, 5), (40, 31), (1, 1), (17, 13), (16, 12), (100, 3)])
def test_resize_is_bit_exact(pillow, mode, kind, size):
    ours, theirs = pair(pillow, mode)
    # Two steps, because since version 13 Pillow takes whichever axis first is less work
    by_axis = theirs.resize((size[0], theirs.height), kind).resize(size, kind)
    assert_same(ours.resize(size, kind), by_axis)
    if size[1] >= theirs.height:
        assert_same(ours.resize(size, kind), theirs.resize(size, kind))


@pytest.mark.parametrize("kind", [0, 2, 3])
def test_resize_in_other_modes(pillow, kind):
    ours, theirs = pair(pillow, "F")
    mine, his = np.asarray(ours.resize((9, 20), kind)), np.asarray(theirs.resize((9, 20), kind))
    assert np.allclose(mine, his, rtol=0, atol=1e-6)
    ours, theirs = pair(pillow, "I")
    assert_same(ours.resize((9, 20), kind), theirs.resize((9, 20), kind))


def test_resize_is_bit_exact_at_many_sizes(pillow):
    rng = np.random.default_rng(1)
    for _ in range(60):
        height, width, to_height, to_width = rng.integers(1, 90, 4).tolist()
        ours, theirs = pair(pillow, "L", height=height, width=width, seed=2)
        by_axis = theirs.resize((to_width, height), 2).resize((to_width, to_height), 2)
        assert_same(ours.resize((to_width, to_height), 2), by_axis)


@pytest.mark.parametrize("mode", ["L", "RGB", "F"])
@pytest.mark.parametrize("kind", [0, 2])
def test_affine_is_bit_exact(pillow, mode, kind):
    rng = np.random.default_rng(2)
    ours, theirs = pair(pillow, mode)
    fill = (5, 60, 200) if mode == "RGB" else 7
    for trial in range(30):
        matrix = rng.normal(size=6) * [1, 0.5, 6, 0.5, 1, 6]
        if trial % 3 == 0:
            matrix[[1, 3]] = 0
        size = tuple(rng.integers(1, 30, 2).tolist())
        mine = ours.transform(size, 0, matrix.tolist(), kind, fillcolor=fill)
        his = theirs.transform(size, 0, matrix.tolist(), kind, fillcolor=fill)
        assert mine.size == his.size
        assert np.allclose(np.asarray(mine), np.asarray(his), rtol=0, atol=1e-6)


def test_affine_far_away_does_not_overflow(pillow):
    ours, theirs = pair(pillow, "L")
    matrix = (1e5, 1.0, -3e5, 1.0, 1e5, -3e5)
    assert_same(ours.transform((9, 9), 0, matrix), theirs.transform((9, 9), 0, matrix))


@pytest.mark.parametrize("source", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("target", ["L", "LA", "RGB", "RGBA"])
def test_convert(pillow, source, target):
    ours, theirs = pair(pillow, source)
    assert_same(ours.convert(target), theirs.convert(target))


@pytest.mark.parametrize("target", ["I", "F"])
def test_convert_to_wide_modes(pillow, target):
    ours, theirs = pair(pillow, "L")
    assert_same(ours.convert(target), theirs.convert(target))


def test_save(pillow, tmp_path):
    ours, _ = pair(pillow, "RGB")
    ours.save(tmp_path / "x.png")
    stream = io.BytesIO()
    ours.transpose(0).save(stream, format="PNG")
    with pillow.open(tmp_path / "x.png") as first, pillow.open(stream) as second:
        assert_same(ours, first)
        assert_same(ours.transpose(0), second)
    with pytest.raises(ValueError, match="'jpg' needs Pillow"):
        ours.save(tmp_path / "x.jpg")


def test_copies():
    image = Image(random_pixels("RGB"), "RGB")
    for other in (image.copy(), copy.deepcopy(image), pickle.loads(pickle.dumps(image))):
        assert other == image
        assert not np.shares_memory(np.asarray(other), np.asarray(image))
    assert image != image.transpose(0)
    assert image != "image"
    assert repr(image) == "<adjoint.vision.image.Image mode=RGB size=17x13>"


def test_resize_to_its_own_size_is_a_copy():
    image = Image(random_pixels("L"), "L")
    assert not np.shares_memory(np.asarray(image.resize(image.size)), np.asarray(image))


def test_backend(monkeypatch, pillow):
    monkeypatch.setattr(images, "_chosen", None)
    assert get_image_backend() == "PIL"
    assert isinstance(from_array(random_pixels("L")), pillow.Image)
    set_image_backend("adjoint")
    assert get_image_backend() == "adjoint"
    assert isinstance(from_array(random_pixels("L")), Image)
    with pytest.raises(ValueError, match="Options are 'PIL' and 'adjoint'"):
        set_image_backend("accimage")


def test_backend_without_pillow(monkeypatch):
    monkeypatch.setattr(images, "_chosen", None)
    monkeypatch.setattr(images, "_has_pillow", lambda: False)
    assert get_image_backend() == "adjoint"
    with pytest.raises(ImportError, match="pip install pillow"):
        set_image_backend("PIL")


@pytest.mark.parametrize("backend", ["PIL", "adjoint"])
@pytest.mark.parametrize("mode", CHANNELS)
def test_from_array(monkeypatch, backend, mode):
    if backend == "PIL":
        pytest.importorskip("PIL")
    monkeypatch.setattr(images, "_chosen", backend)
    pixels = random_pixels(mode)
    image = from_array(pixels)
    assert image.mode == mode
    assert is_image(image)
    before = pixels.copy()
    pixels[...] = 0
    assert np.array_equal(np.asarray(image), before)


def test_sixteen_bits(pillow):
    pixels = np.arange(6, dtype=np.int16).reshape(2, 3)
    for backend in (Image(pixels, "I;16"), from_array(pixels)):
        assert backend.mode == "I;16"
        assert np.array_equal(np.asarray(backend), pixels)


def test_is_image():
    assert not is_image(np.zeros((2, 2)))
    assert not is_image(None)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Image(np.zeros((2, 2), np.uint8), "CMYK"), "pip install pillow"),
        (lambda: Image(np.zeros((2, 2), np.uint8), "RGB"), "mode RGB has 3 channels"),
        (lambda: Image(np.zeros((2, 2, 3), np.uint8), "RGB").transpose(4), "method 0 or 1"),
        (lambda: Image(np.zeros((2, 2, 4), np.uint8), "RGBA").resize((1, 1)), "alpha channel"),
        (lambda: Image(np.zeros((2, 2), np.uint8), "L").transform((1, 1), 2, ()), "only AFFINE"),
        (lambda: Image(np.zeros((2, 2), np.uint8), "L").convert("HSV"), "from L to HSV"),
    ],
)
def test_what_needs_pillow_says_so(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_no_mode_fits():
    with pytest.raises(TypeError, match="1 channels of float64"):
        from_array(np.zeros((2, 2)))
