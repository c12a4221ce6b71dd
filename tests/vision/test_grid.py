"""Grids of pictures and picture files, beyond the recorded values."""

import io
import os

import numpy as np
import pytest

import adjoint as torch
from adjoint.vision import png
from adjoint.vision.utils import make_grid, save_image


def read(file):
    image = pytest.importorskip("PIL.Image")
    with image.open(file) as opened:
        return np.asarray(opened)


def test_save_rounds_and_clips(tmp_path):
    values = torch.tensor([[-0.2, 0.0, 0.5], [0.999, 1.0, 7.0]])
    save_image(values, tmp_path / "x.png")
    expected = np.array([[0, 0, 128], [255, 255, 255]])
    assert np.array_equal(read(tmp_path / "x.png"), np.stack([expected] * 3, 2))
    assert os.listdir(tmp_path) == ["x.png"]


def test_save_a_grid_to_a_stream():
    stream = io.BytesIO()
    batch = torch.rand(5, 3, 4, 6)
    save_image(batch, stream, format="png", nrow=3, padding=1)
    expected = (make_grid(batch, nrow=3, padding=1).numpy() * 255 + 0.5).astype(np.uint8)
    assert np.array_equal(read(stream), expected.transpose(1, 2, 0))


def test_other_formats_by_pillow(tmp_path):
    pytest.importorskip("PIL")
    save_image(torch.ones(3, 8, 8), tmp_path / "x.bmp")
    assert read(tmp_path / "x.bmp").min() == 255
    stream = io.BytesIO()
    save_image(torch.ones(3, 8, 8), stream, format="jpg")
    assert read(stream).shape == (8, 8, 3)


def test_a_gradient_is_not_recorded(tmp_path):
    batch = torch.rand(2, 3, 4, 4).requires_grad_()
    assert not make_grid(batch).requires_grad
    save_image(batch, tmp_path / "x.png")
    assert (tmp_path / "x.png").exists()


def test_normalize_leaves_its_input_alone():
    batch = torch.rand(2, 3, 4, 4)
    before = batch.numpy().copy()
    make_grid(batch, normalize=True, scale_each=True)
    assert np.array_equal(batch.numpy(), before)


def test_a_failed_save_leaves_what_was_there(tmp_path, monkeypatch):
    (tmp_path / "x.png").write_bytes(b"old")

    def fail(*args):
        raise OSError("no space left")

    monkeypatch.setattr(png.zlib, "compress", fail)
    with pytest.raises(OSError, match="no space"):
        save_image(torch.ones(3, 4, 4), tmp_path / "x.png")
    assert os.listdir(tmp_path) == ["x.png"]
    assert (tmp_path / "x.png").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: make_grid("x"), TypeError, "got <class 'str'>"),
        (lambda: make_grid([torch.ones(2), 3]), TypeError, "a list containing <class 'int'>"),
        (lambda: make_grid(torch.ones(3)), ValueError, r"got \(3,\)"),
        (
            lambda: make_grid(torch.ones(2, 3, 4, 4), normalize=True, value_range=3),
            TypeError,
            "value_range has to be a tuple",
        ),
        (lambda: save_image(torch.ones(3, 4, 4), "/tmp/name"), ValueError, "format='png'"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
