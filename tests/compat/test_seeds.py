"""The five autograd documents run as written and print what stands in them.

Each runs cell by cell from a fixed seed. What does not depend on random values has to equal the
document's output character by character, but for the address of an object; what does has to equal
it in form, and every output has to equal what torch itself printed from the same seed.
"""

from __future__ import annotations

import contextlib
import functools
import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.compat.documents import FOLDER, NAMES, RECORDED, Piece, form, read, without_addresses

import adjoint
from adjoint.compat import install
from adjoint.compat.cells import Cell
from adjoint.compat.notebook import Session

# Outputs that random numbers go into. test_random_outputs_are_these holds this list to the truth.
RANDOM = {
    "000": {"In [15]", "In [16]", "In [17]"},
    "001": {"block 11", "block 13"},
    "002": {"In [19]"},
    "003": {"paragraph 29"},
    "004": {"In [2]", "In [3]", "In [5]", "In [8]", "In [9]", "In [15]", "In [16]"},
}

# The page shows no output to compare with; what torch printed takes its place.
LOST = {
    "001": {
        "block 2": "the scan kept `Out:` and dropped the box under it",
        "block 3": "the scan kept `Out:` and dropped the box under it",
        "block 5": "the scan kept `Out:` and dropped the box under it",
    },
    "003": dict.fromkeys(
        [piece.label for piece in read("003")], "the page was built without running its code"
    ),
}

# The scan joined the lines of these outputs, so only the words can be compared.
JOINED = {"001": {"block 9", "block 15", "block 16"}}

Documents = Callable[[str, int], "Transcript"]

PIECES = [(name, piece) for name in NAMES for piece in read(name)]
EACH_PIECE = pytest.mark.parametrize(
    ("name", "piece"), PIECES, ids=[f"{name}-{piece.label}" for name, piece in PIECES]
)


@dataclass(frozen=True)
class Transcript:
    """What each piece of a document printed, its names at the end, and the warnings given."""

    outputs: dict[str, str]
    names: dict[str, Any]
    warnings: list[str]


def run_document(name: str, seed: int) -> Transcript:
    main = ModuleType("__main__")
    session = Session(main)
    outputs = {}
    adjoint.manual_seed(seed)
    with install(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for piece in read(name):
            with contextlib.redirect_stdout(io.StringIO()) as shown:
                session.run(Cell(piece.code, f"{piece.label} of {name}"))
            outputs[piece.label] = shown.getvalue().rstrip("\n")
    return Transcript(outputs, main.__dict__, [str(warning.message) for warning in caught])


@pytest.fixture(scope="module")
def documents(served_mnist: None) -> Documents:
    """Runs documents; each only once from a seed."""
    return functools.cache(run_document)


@EACH_PIECE
def test_prints_what_the_document_shows(name: str, piece: Piece, documents: Documents) -> None:
    shown = without_addresses(documents(name, 0).outputs[piece.label])
    if piece.output is None:
        assert piece.label in LOST[name]
        return
    expected = without_addresses(piece.output)
    if piece.label in RANDOM[name]:
        shown, expected = form(shown), form(expected)
    if piece.label in JOINED.get(name, ()):
        assert shown.split() == expected.split()
    else:
        assert shown == expected


@EACH_PIECE
def test_prints_what_torch_prints(name: str, piece: Piece, documents: Documents) -> None:
    recorded = without_addresses(RECORDED[name][piece.label])
    assert without_addresses(documents(name, 0).outputs[piece.label]) == recorded


@pytest.mark.parametrize("name", NAMES)
def test_random_outputs_are_these(name: str, documents: Documents) -> None:
    # From 0 and 1, `y` is doubled equally often, and its gradient is the same.
    runs = [documents(name, seed).outputs for seed in (0, 1, 5)]
    changing = {
        label for label in runs[0] if len({without_addresses(run[label]) for run in runs}) > 1
    }
    assert changing == RANDOM[name]


@pytest.mark.parametrize("name", NAMES)
def test_warnings_are_torchs(name: str, documents: Documents) -> None:
    given = documents(name, 0).warnings
    # In 004 alone, `z.grad` is read twice though z is no leaf.
    assert len(given) in ((1, 2) if name == "004" else (0,)), given
    assert all("not a leaf" in text for text in given)


def test_mnist_was_fetched_from_the_mirror(documents: Documents) -> None:
    names = documents("004", 0).names
    assert len(names["trainset"]) == 200
    assert tuple(names["images"].shape) == (64, 784)
    assert Path("~/.pytorch/MNIST_data/MNIST/raw").expanduser().is_dir()


def test_the_error_that_004_announces_is_raised(documents: Documents) -> None:
    y = documents("004", 0).names["y"]
    with pytest.raises(RuntimeError) as caught:
        y.backward()
    assert str(caught.value).startswith("grad can be implicitly created only for scalar outputs")


def test_exceptions_name_pieces_that_exist() -> None:
    labels = {name: {piece.label for piece in read(name)} for name in NAMES}
    for table in (RANDOM, LOST, JOINED):
        assert all(set(listed) <= labels[name] for name, listed in table.items())
    lost = {(name, piece.label) for name, piece in PIECES if piece.output is None}
    assert lost == {(name, label) for name, reasons in LOST.items() for label in reasons}
    assert {name: set(outputs) for name, outputs in RECORDED.items()} == labels


def test_every_line_of_code_was_extracted() -> None:
    """Counted by hand in the documents: pieces, and lines in them that are not blank."""
    sizes = {
        name: (
            len(read(name)),
            sum(1 for piece in read(name) for line in piece.code.splitlines() if line.strip()),
        )
        for name in NAMES
    }
    assert sizes == {
        "000": (13, 37),
        "001": (12, 34),
        "002": (9, 37),
        "003": (14, 37),
        "004": (15, 47),
    }


def test_nothing_between_the_pieces_is_code() -> None:
    """What the extractor left over of the documents holds none of their statements."""
    statements = []
    for name in NAMES:
        (path,) = FOLDER.glob(f"{name}_*.txt")
        rest = path.read_text(encoding="utf-8")
        for piece in read(name):
            for part in (piece.code, piece.output or ""):
                assert part in rest
                rest = rest.replace(part, "", 1)
        statements += re.findall(r"^(?:print\(|import \w+$|\w+ = [^\\\n]*$).*", rest, re.MULTILINE)
    # The example with prompts in the prose of 004, which test_run.py runs.
    assert statements == ["x = torch.zeros(1, requires_grad=True)"]
