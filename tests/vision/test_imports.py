"""The package is light: what is heavy comes when it is used."""

import subprocess
import sys

import pytest

import adjoint
from adjoint import vision

HEAVY = ("PIL", "tqdm", "matplotlib", "urllib.request", "http.client", "adjoint.vision.image")


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import adjoint.vision", HEAVY),
        ("from adjoint.vision import datasets; datasets.Digits()", HEAVY[:-1]),
        ("from adjoint.vision import transforms; transforms.ToTensor()", HEAVY[:-1]),
    ],
)
def test_what_is_loaded(statement, heavy):
    code = (
        "import sys, adjoint, numpy; before = set(sys.modules); "
        f"{statement}; print(*(set({heavy!r}) & (set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_names():
    assert set(vision.__all__) <= set(dir(vision))
    assert vision.transforms.Compose.__name__ == "Compose"
    assert vision.__version__ == adjoint.__version__
    assert vision.get_image_backend() in ("PIL", "adjoint")
    with pytest.raises(AttributeError, match=r"'adjoint\.vision' has no attribute 'models'"):
        vision.models
