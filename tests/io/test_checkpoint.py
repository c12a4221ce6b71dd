"""What is saved comes back; what is damaged or foreign is refused; files change whole or not."""

from __future__ import annotations

import errno
import io
import os
import pickle
import resource
import stat
import zipfile
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.numpy

import adjoint as torch
from adjoint.arrays import dtypes
from adjoint.autograd.size import Size
from adjoint.io import load, load_file, save, save_file


def there_and_back(value: Any) -> Any:
    buffer = io.BytesIO()
    save(value, buffer)
    buffer.seek(0)
    return load(buffer)


def same(a: Any, b: Any) -> bool:
    """Equal in type, structure and every bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        return a.requires_grad == b.requires_grad and same(a.detach().numpy(), b.detach().numpy())
    if isinstance(a, np.ndarray):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b) or a != a


@pytest.mark.parametrize("dtype", dtypes.ALL, ids=str)
@pytest.mark.parametrize("shape", [(), (3,), (2, 0, 3), (0,), (2, 1, 3)], ids=str)
@pytest.mark.parametrize("mapped", [False, True])
def test_every_dtype_and_shape(dtype: Any, shape: Any, mapped: bool, tmp_path: Path) -> None:
    array = np.arange(int(np.prod(shape))).reshape(shape)
    array = np.asarray(array * (1 - 2j) if dtype.is_complex else array).astype(dtype.numpy)
    value = {"flag": torch.tensor(True), "x": torch.from_numpy(array), "array": array}
    if dtype is dtypes.bfloat16:
        del value["array"]
    save(value, tmp_path / "f")
    found = load(tmp_path / "f", mmap=mapped)
    assert same(found, value)
    assert found["x"].numpy().flags.writeable


def test_structures() -> None:
    value = {
        "numbers": [1, -(2**70), 1.5, float("inf"), float("nan"), True, None, 1 + 2j],
        "texts": ("", "é\n\x00", b"\x00\xff"),
        3: {"nested": OrderedDict(b=1, a=2), 2.5: {None: [], True: ()}},
        ("a", 1): Counter("hello"),
        "sets": [{1, 2}, frozenset("ab")],
        "torch": [torch.float32, torch.device("cpu"), Size([2, 3])],
        "numpy": np.float64(2.5),
        "tensor": {"like a tag": torch.tensor([1.0], requires_grad=True)},
    }
    found = there_and_back(value)
    expected = {**value, "numpy": 2.5}
    assert same(found, expected)
    assert type(found["numpy"]) is float


@pytest.mark.parametrize("value", [None, 3, "x", [], {}, torch.tensor(2.0)], ids=repr)
def test_anything_may_be_alone(value: Any) -> None:
    assert same(there_and_back(value), value)


def test_a_checkpoint_of_model_and_optimizer() -> None:
    weight = torch.tensor([[1.0, 2.0]], requires_grad=True)
    optimizer = torch.optim.Adam([weight], betas=(0.5, 0.9))
    weight.grad = torch.tensor([[0.5, -0.5]])
    optimizer.step()
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 2, 4])
    saved = {
        "model": OrderedDict(weight=weight.detach()),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "epoch": 3,
    }
    found = there_and_back(saved)
    assert same(found, saved)
    other = torch.optim.Adam([torch.tensor([[0.0, 0.0]], requires_grad=True)])
    other.load_state_dict(found["optimizer"])
    assert other.param_groups[0]["betas"] == (0.5, 0.9)


def test_the_versions_of_a_state_dict_stay() -> None:
    state = OrderedDict(w=torch.tensor([1.0]))
    state._metadata = OrderedDict({"": {"version": 2}})  # type: ignore[attr-defined]
    assert there_and_back(state)._metadata == {"": {"version": 2}}


# Sharing


def test_one_tensor_met_twice_stays_one() -> None:
    t = torch.tensor([1.0, 2.0])
    found = there_and_back({"a": t, "b": [t]})
    assert found["a"] is found["b"][0]


@pytest.mark.parametrize("mapped", [False, True])
def test_tied_tensors_and_views_share_memory_again(mapped: bool, tmp_path: Path) -> None:
    array = np.arange(12.0).reshape(3, 4)
    pairs = np.array([1 + 2j, 3 + 4j])
    value = {
        "row": torch.from_numpy(array[1]),
        "whole": torch.from_numpy(array),
        "tied": torch.from_numpy(array),
        "transposed": torch.from_numpy(array.T),
        "column": torch.from_numpy(array[:, 2]),
        "first": torch.from_numpy(pairs[:1]),
        "last": torch.from_numpy(pairs[1:]),
        "pairs": torch.from_numpy(pairs),
    }
    save(value, tmp_path / "f")
    found = load(tmp_path / "f", mmap=mapped)
    assert same({k: v.clone() for k, v in found.items()}, {k: v.clone() for k, v in value.items()})
    found["whole"].data[1, 2] = 100.0
    assert found["tied"][1, 2].item() == 100.0
    assert found["transposed"][2, 1].item() == 100.0
    assert found["row"][2].item() == found["column"][1].item() == 100.0
    found["pairs"].data[1] = 0
    assert found["last"].tolist() == [0]
    assert set(safetensors.numpy.load_file(tmp_path / "f")) == {"pairs", "whole"}


def test_overlapping_parts_without_a_whole() -> None:
    memory = np.arange(10.0)
    strided = np.arange(8.0).reshape(2, 4).T
    value = {
        "left": torch.from_numpy(memory[:6]),
        "right": torch.from_numpy(memory[4:]),
        "even": torch.from_numpy(np.arange(6.0)[::2]),
        "one": torch.from_numpy(strided),
        "two": torch.from_numpy(strided),
        "one#memory": torch.tensor(7),
    }
    found = there_and_back(value)
    assert same({k: v.clone() for k, v in found.items()}, {k: v.clone() for k, v in value.items()})
    found["left"].data[5] = 50.0
    assert found["right"][1].item() == 50.0
    found["one"].data[0, 1] = 40.0
    assert found["two"][0, 1].item() == 40.0


def test_parts_that_cannot_be_told_as_views_are_stored_apart() -> None:
    memory = np.arange(4.0)
    value = {"forward": memory, "backward": memory[::-1], "bytes": memory.view(np.uint8)}
    assert same(there_and_back(value), value)


# Files by others, and for others


def test_the_package_reads_our_files(tmp_path: Path) -> None:
    state = {
        "0.weight": torch.tensor([[1.0, 2.0]]),
        "flag": torch.tensor(True),
        "half": torch.tensor([1.5], dtype=torch.bfloat16),
        "none": torch.zeros(0, 2),
    }
    for write in (save, save_file):
        write(state, tmp_path / "f")
        found = safetensors.numpy.load_file(tmp_path / "f")
        assert found.keys() == state.keys()
        assert all(same(found[key], state[key].numpy()) for key in state)
        with safetensors.safe_open(tmp_path / "f", framework="np") as file:
            assert (file.metadata() or {}).get("format") == ("pt" if write is save else None)


def test_we_read_files_of_the_package(tmp_path: Path) -> None:
    arrays = {
        "b": np.arange(6, dtype=np.int32).reshape(2, 3),
        "a": np.array([1.5, 2.5], np.float16),
        "scalar": np.array(3.0),
        "empty": np.zeros((0, 2), np.float32),
    }
    safetensors.numpy.save_file(arrays, tmp_path / "f", metadata={"by": "others"})
    for found in (load(tmp_path / "f"), load(tmp_path / "f", mmap=True), load_file(tmp_path / "f")):
        assert {key: same(found[key].numpy(), arrays[key]) for key in found} == dict.fromkeys(
            found, True
        )
        assert found.keys() == arrays.keys()
    save_file({k: torch.from_numpy(v) for k, v in arrays.items()}, tmp_path / "g", {"by": "us"})
    with safetensors.safe_open(tmp_path / "g", framework="np") as file:
        assert file.metadata() == {"by": "us"}


def test_types_without_a_dtype_here_are_told(tmp_path: Path) -> None:
    safetensors.numpy.save_file({"x": np.zeros(3, np.uint32)}, tmp_path / "f")
    with pytest.raises(RuntimeError, match="tensor 'x' is of type U32, which has no dtype here"):
        load(tmp_path / "f")


def test_load_file_reads_ours_without_asking_for_the_checksum(tmp_path: Path) -> None:
    save({"a": torch.tensor([1.0])}, tmp_path / "f")
    damage(tmp_path / "f", -1)
    with pytest.raises(RuntimeError, match="does not have the checksum"):
        load(tmp_path / "f")
    assert list(load_file(tmp_path / "f")) == ["a"]


# Damage


def damage(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def header(text: str, data: bytes = b"") -> bytes:
    return len(text).to_bytes(8, "little") + text.encode() + data


def entry(dtype: str = "F32", shape: str = "[1]", offsets: str = "[0,4]") -> str:
    return f'{{"x":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}}}'


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", "x")
    return buffer.getvalue()


FOREIGN = {
    "zip": (zipped(), r"zip archive.*\.pt.*nothing is unpickled here.*Convert it once"),
    "pickle": (pickle.dumps({"a": 1}, 2), "it is a pickle.*any code.*save_file"),
    "html": (b"\n<!DOCTYPE html><html><head>", "it is a web page"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer.*git lfs pull"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + b"\0" * 9, "HDF5"),
    "npy": (b"\x93NUMPY\x01\x00" + b"\0" * 9, "NumPy array"),
    "gzip": (b"\x1f\x8b\x08\x00" + b"\xff" * 9, "gzip"),
    "empty": (b"", "it is empty"),
    "short": (b"abc", "has only 3 bytes"),
    "text": (b"just some text, of no format", "does not begin like a safetensors file"),
    "header": (header('{"a":'), "not valid JSON"),
    "bytes": (header('{"a":1}').replace(b"a", b"\xff"), "not valid JSON"),
    "list": (header("[]"), "not a table"),
    "deep": (header("[" * 100_000), "not valid JSON"),
    "metadata": (header('{"__metadata__":{"a":1}}'), "metadata that is not text"),
    "entry": (header('{"x":1}'), "damaged at tensor 'x'"),
    "type": (header(entry("F33"), b"1234"), "unknown type 'F33'"),
    "negative": (header(entry(shape="[-1]"), b"1234"), "damaged at tensor 'x'"),
    "float": (header(entry(shape="[1.0]"), b"1234"), "damaged at tensor 'x'"),
    "offsets": (header(entry(offsets="[0]"), b"1234"), "damaged at tensor 'x'"),
    "size": (header(entry(shape="[2]"), b"1234"), "damaged at tensor 'x'"),
    "gap": (header(entry(offsets="[4,8]"), b"12345678"), "a gap or overlap at 'x'"),
    "huge": (header(entry(shape=f"[0,{10**30}]", offsets="[0,0]")), "damaged at tensor 'x'"),
    "truncated": (header(entry(), b"123"), "truncated: it should have"),
    "header cut": (header(entry())[:30], "truncated: its header alone"),
    "long": (header(entry(), b"12345"), "1 bytes too many"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_no_checkpoint_is_told(name: str, tmp_path: Path) -> None:
    content, message = FOREIGN[name]
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    for source, told in ((path, "model.pt"), (io.BytesIO(content), "BytesIO")):
        with pytest.raises(
            RuntimeError, match=f"(?s)^load: .*{told}.* cannot be loaded: .*{message}"
        ):
            load(source)
    with pytest.raises(RuntimeError, match="cannot be loaded"):
        load(path, mmap=True)


def test_no_byte_of_a_file_may_change(tmp_path: Path) -> None:
    value = {"a": torch.tensor([1.0, 2.0]), "b": [torch.tensor(3), 4]}
    path = tmp_path / "f"
    save(value, path)
    whole = path.read_bytes()
    for place in range(len(whole)):
        damage(path, place)
        try:
            found = load(path)
        except RuntimeError:
            found = None
        # Bytes that are only layout may go unnoticed, but never change what is read.
        assert found is None or same(found, value), f"byte {place}"
        path.write_bytes(whole)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(RuntimeError, match="cannot be loaded"):
            load(path)


@pytest.mark.parametrize(
    "structure",
    [
        "[]",
        "{}",
        '{"version":2,"object":null,"views":{},"complex":{}}',
        '{"version":1,"object":{"module":"os"},"views":{},"complex":{}}',
        '{"version":1,"object":{"tensor":"missing"},"views":{},"complex":{}}',
        '{"version":1,"object":[1],"views":{},"complex":{}}',
        '{"version":1,"object":{"dict":[1]},"views":{},"complex":{}}',
        '{"version":1,"object":{"dtype":"int3"},"views":{},"complex":{}}',
        '{"version":1,"object":null,"views":{"v":["x",0,[5],[1]]},"complex":{}}',
        '{"version":1,"object":null,"views":{"v":["x",-1,[1],[1]]},"complex":{}}',
        '{"version":1,"object":null,"views":{"v":["x",0,[9999999999,9999999999],[0,0]]},"complex":{}}',
        '{"version":1,"object":null,"views":{"v":["x",0,[1]]},"complex":{}}',
        '{"version":1,"object":null,"views":{},"complex":{"x":"int64"}}',
        '{"version":1,"object":null,"views":{},"complex":{"x":"complex128"}}',
    ],
)
def test_a_structure_that_lies_is_refused(structure: str, tmp_path: Path) -> None:
    metadata = {"adjoint.structure": structure}
    safetensors.numpy.save_file({"x": np.zeros(3, np.float32)}, tmp_path / "f", metadata)
    with pytest.raises(RuntimeError, match=r"cannot be loaded: .*(structure is|later version)"):
        load(tmp_path / "f")


# What cannot be saved


class Stateful:
    def state_dict(self) -> dict[str, Any]:
        return {}


def itself() -> list[Any]:
    loop: list[Any] = []
    loop.append(loop)
    return loop


def deep() -> Any:
    value: Any = 1
    for _ in range(300):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ({"a": [object()]}, TypeError, r"obj\['a'\]\[0\] is of type object"),
        ({"model": Stateful()}, TypeError, r"obj\['model'\] is of type Stateful.*state_dict\(\)"),
        (print, TypeError, "obj is of type builtin_function"),
        ({"a": np.array(["x"])}, TypeError, r"obj\['a'\] is an array of <U1"),
        ({object(): 1}, TypeError, "is of type object"),
        (itself(), ValueError, "contains itself"),
        (deep(), ValueError, "more than 200 levels"),
    ],
)
def test_what_cannot_be_saved_is_named(
    value: Any, error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        save(value, tmp_path / "f")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"a": 3}, "'a' is of type int"),
        ({1: torch.tensor(1)}, "under strings"),
        ({"a": torch.tensor([1j], dtype=torch.complex128)}, "complex128.*view_as_real"),
    ],
)
def test_save_file_takes_flat_tensors_only(tensors: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=message):
        save_file(tensors, tmp_path / "f")


# Files


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "f"
    save({"a": torch.tensor([1.0])}, path)
    old = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"no room for 4000[0-9]* bytes.*Nothing was changed"):
            save({"a": torch.from_numpy(np.zeros(1_000_000, np.float32))}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_an_os_error() -> None:
    with pytest.raises(OSError, match="No space left on device: no room for") as caught:
        save({"a": torch.tensor([1.0])}, "/dev/full")
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == "/dev/full"


def test_places(tmp_path: Path) -> None:
    value = {"a": torch.tensor([1.0])}
    with pytest.raises(RuntimeError, match=r"Parent directory .*missing does not exist"):
        save(value, tmp_path / "missing" / "f")
    with pytest.raises(IsADirectoryError):
        save(value, tmp_path)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "f")
    path, link = tmp_path / "f", tmp_path / "link"
    path.write_bytes(b"")
    path.chmod(0o640)
    link.symlink_to(path)
    save(value, str(link))
    assert link.is_symlink()
    assert same(load(path), value)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    with open(path, "wb") as file:
        save(value, file)
    with open(path, "rb") as file:
        assert same(load(file), value)


def test_new_files_have_the_usual_rights(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        save(1, tmp_path / "f")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o640


def test_open_files_of_the_wrong_kind(tmp_path: Path) -> None:
    with pytest.raises(AttributeError, match="no callable attribute 'write'"):
        save(1, 3)  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="no callable attribute 'read'"):
        load(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="open as text"):
        load(io.StringIO("x"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must be a file path in order to use the mmap"):
        load(io.BytesIO(), mmap=True)


def test_what_is_mapped_is_not_written_back(tmp_path: Path) -> None:
    save({"a": torch.tensor([1.0])}, tmp_path / "f")
    found = load(tmp_path / "f", mmap=True)
    found["a"].data[0] = 5.0
    assert load(tmp_path / "f")["a"].tolist() == [1.0]


def test_locations(tmp_path: Path) -> None:
    save(torch.tensor([1.0]), tmp_path / "f")
    for location in (None, "cpu", torch.device("cpu"), {"cuda:0": "cpu"}, lambda s, where: s):
        assert load(tmp_path / "f", map_location=location, weights_only=False).tolist() == [1.0]
    for location in ("cuda", {"cpu": "cuda"}):
        with pytest.raises(RuntimeError, match="'cuda' is not available"):
            load(tmp_path / "f", map_location=location)
