"""Floor 5: torch.save and torch.load, on safetensors files; nothing is ever pickled or unpickled.

A file holds the tensors under their paths, so that any reader of safetensors can read them, and in
its metadata the structure around them and a checksum.
"""

from __future__ import annotations

import hashlib
import json
import mmap as memory_map
import os
from collections.abc import Callable, Mapping
from typing import IO, Any

import numpy as np

from adjoint.arrays import device as devices
from adjoint.autograd.tensor import Tensor, wrap

from .container import (
    DamageError,
    Header,
    as_bytes,
    build_header,
    parse_header,
    read_arrays,
)
from .foreign import explain
from .placement import write_whole
from .sharing import gather, restore
from .structure import Encoder, decode

__all__ = ["load", "load_file", "save", "save_file"]

Array = Any
Path = str | os.PathLike[str]

STRUCTURE = "adjoint.structure"
CHECKSUM = "adjoint.sha256"
_VERSION = 1


def save(obj: Any, f: Path | IO[bytes], *ignored: Any, **options: Any) -> None:
    """Save tensors and the dicts, lists, numbers and strings around them to a safetensors file.

    obj: a `state_dict()`, or any nesting of dicts, lists, tuples, sets, numbers, strings, bytes,
    None, dtypes, devices, arrays and tensors. Tensors that share memory share it again after
    loading. f: a path, or a file open for writing bytes. A path gets the new content whole or, on
    any error, keeps the old one. torch's further arguments (pickle_module ...) are ignored.

    Errors: TypeError for what would need pickle, as a whole Module: save its state_dict().
    RuntimeError if the folder does not exist; OSError if the disk is full.

    >>> import io
    >>> f = io.BytesIO()
    >>> torch.save({"step": 3, "weight": torch.tensor([1.0, 2.0])}, f)
    >>> _ = f.seek(0)
    >>> torch.load(f)
    {'step': 3, 'weight': tensor([1., 2.])}
    """
    encoder = Encoder()
    form = encoder.encode(obj)
    leaves = {
        name: leaf._data if isinstance(leaf, Tensor) else leaf
        for name, leaf in encoder.leaves.items()
    }
    stored, views = gather(leaves)
    complex_names = {name: a.dtype.name for name, a in stored.items() if a.dtype.kind == "c"}
    structure = {"version": _VERSION, "object": form, "views": views, "complex": complex_names}
    metadata = {"format": "pt", STRUCTURE: json.dumps(structure, separators=(",", ":"))}
    _write(f, {name: _portable(array) for name, array in stored.items()}, metadata, checked=True)


def save_file(
    tensors: Mapping[str, Tensor], filename: Path, metadata: Mapping[str, str] | None = None
) -> None:
    """Save a flat dict of tensors as a plain safetensors file, as `safetensors.torch.save_file`.

    metadata: texts to put in the header. Tensors that share memory are stored each by itself.
    Errors: TypeError unless all are tensors under strings; those of `save` for the file.

    >>> import adjoint.io
    >>> adjoint.io.save_file({"w": torch.ones(2)}, "weights.safetensors")
    >>> adjoint.io.load_file("weights.safetensors")
    {'w': tensor([1., 1.])}
    """
    for name, t in tensors.items():
        if not isinstance(t, Tensor) or not isinstance(name, str):
            raise TypeError(
                f"save_file: expected tensors under strings, but {name!r} is of type "
                f"{type(t).__name__}; use save() for nested data"
            )
    arrays = {
        name: np.ascontiguousarray(t._data).reshape(t._data.shape) for name, t in tensors.items()
    }
    wide = [name for name, a in arrays.items() if a.dtype == np.complex128]
    if wide:
        raise TypeError(
            f"save_file: {wide[0]!r} is complex128, which safetensors does not have; use save(), "
            "or torch.view_as_real(tensor)"
        )
    _write(filename, arrays, dict(metadata or {}), checked=False)


def _portable(array: Array) -> Array:
    """What is stored: C-contiguous, complex numbers as pairs of real ones."""
    array = np.ascontiguousarray(array).reshape(array.shape)
    if array.dtype.kind != "c":
        return array
    return array.reshape(*array.shape, 1).view(array.real.dtype)


def _write(
    f: Path | IO[bytes], arrays: Mapping[str, Array], metadata: dict[str, str], checked: bool
) -> None:
    head, ordered = build_header(arrays, metadata)
    if checked:
        digest = _new_digest(parse_header(_reader(head), _whole_size(head, ordered)))
        for array in ordered:
            digest.update(as_bytes(array))
        head, ordered = build_header(arrays, {**metadata, CHECKSUM: digest.hexdigest()})

    def write(file: IO[bytes]) -> None:
        file.write(head)
        for array in ordered:
            file.write(as_bytes(array))

    if isinstance(f, (str, os.PathLike)):
        write_whole(f, write, _whole_size(head, ordered))
    elif callable(getattr(f, "write", None)):
        write(f)
    else:
        raise AttributeError(
            f"save: expected a path or a file open for writing bytes, but got {type(f).__name__}, "
            "which has no callable attribute 'write'"
        )


def _whole_size(head: bytes, ordered: list[Array]) -> int:
    return len(head) + sum(array.nbytes for array in ordered)


def _reader(data: bytes) -> Callable[[int], bytes]:
    import io

    return io.BytesIO(data).read


def _new_digest(header: Header) -> Any:
    """A SHA-256 that has seen everything of the header but the checksum itself."""
    metadata = {key: value for key, value in header.metadata.items() if key != CHECKSUM}
    entries = [list(entry) for entry in header.entries]
    return hashlib.sha256(json.dumps([metadata, entries], sort_keys=True).encode())


def load(
    f: Path | IO[bytes],
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **options: Any,
) -> Any:
    """Load what `save` saved, or any safetensors file, as a dict of tensors.

    f: a path, or a file open for reading bytes. map_location: the CPU, in any of torch's forms.
    mmap: leave the tensors in the file until they are read; writing to them does not change it,
    and the checksum is not looked at. weights_only and pickle_module make no difference: nothing
    is unpickled in any case.

    Errors: FileNotFoundError; RuntimeError naming the file for one that is truncated, damaged, or
    of another format, a torch `.pt` among them; ValueError for mmap of an open file.

    >>> torch.save({"w": torch.ones(2), "epoch": 3}, "run.safetensors")
    >>> torch.load("run.safetensors")
    {'w': tensor([1., 1.]), 'epoch': 3}
    """
    _check_location(map_location)
    header, arrays = _read(f, bool(mmap), check=True)
    text = header.metadata.get(STRUCTURE)
    if text is None:
        return {name: wrap(array) for name, array in arrays.items()}
    try:
        structure = json.loads(text)
        if structure["version"] > _VERSION:
            raise DamageError("it was saved by a later version of adjoint; update it")
        for name, dtype in structure["complex"].items():
            arrays[name] = _as_complex(arrays[name], dtype)
        views = {name: restore(view, arrays) for name, view in structure["views"].items()}
        return decode(structure["object"], {**arrays, **views}.__getitem__)
    except DamageError as error:
        raise _refuse(f, str(error)) from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise _refuse(f, "its structure is damaged") from None


def load_file(filename: Path, device: Any = "cpu") -> dict[str, Tensor]:
    """The tensors of a safetensors file by name, as `safetensors.torch.load_file`.

    Reads files that `save` made too, and then does not look at structure and checksum.
    Errors: as of `load`.

    >>> import adjoint.io
    >>> adjoint.io.save_file({"w": torch.ones(2)}, "weights.safetensors")
    >>> adjoint.io.load_file("weights.safetensors")
    {'w': tensor([1., 1.])}
    """
    devices.check(device)
    return {name: wrap(array) for name, array in _read(filename, False, check=False)[1].items()}


def _read(f: Path | IO[bytes], mapped: bool, check: bool) -> tuple[Header, dict[str, Array]]:
    """The checked header and the arrays of a file; RuntimeError for anything else."""
    try:
        if not isinstance(f, (str, os.PathLike)):
            if mapped:
                raise ValueError("f must be a file path in order to use the mmap argument")
            return _read_from(_Stream(f), check)
        with open(f, "rb") as file:
            return _map(file) if mapped else _read_from(file, check)
    except DamageError as error:
        raise _refuse(f, str(error)) from None


class _Stream:
    """The rest of a file-like object, of which only `read` is asked."""

    def __init__(self, f: Any) -> None:
        if not callable(getattr(f, "read", None)):
            raise AttributeError(
                f"load: expected a path or a file open for reading bytes, but got "
                f"{type(f).__name__}, which has no callable attribute 'read'"
            )
        data = f.read()
        if not isinstance(data, bytes):
            raise TypeError("load: the file is open as text; open it with mode 'rb'")
        self.data = memoryview(data)
        self.place = 0

    def read(self, count: int) -> bytes:
        return bytes(self._take(count))

    def readinto(self, view: memoryview) -> int:
        part = self._take(len(view))
        view[: len(part)] = part
        return len(part)

    def _take(self, count: int) -> memoryview:
        part = self.data[self.place : self.place + count]
        self.place += len(part)
        return part


def _size_of(file: Any) -> int:
    return len(file.data) if isinstance(file, _Stream) else os.fstat(file.fileno()).st_size


def _parse(file: Any) -> Header:
    size = _size_of(file)
    begin: list[bytes] = []

    def read(count: int) -> bytes:
        part: bytes = file.read(count)
        begin.append(part)
        return part

    try:
        return parse_header(read, size)
    except DamageError:
        if not begin:
            read(64)
        known = explain(b"".join(begin)[:64] + file.read(64))
        if known is None:
            raise
        raise DamageError(known) from None


def _read_from(file: Any, check: bool) -> tuple[Header, dict[str, Array]]:
    header = _parse(file)
    arrays = {}
    expected = header.metadata.get(CHECKSUM) if check else None
    digest = None if expected is None else _new_digest(header)
    for name, array in read_arrays(header.entries, file.readinto):
        arrays[name] = array
        if digest is not None:
            digest.update(as_bytes(array))
    if digest is not None and digest.hexdigest() != expected:
        raise DamageError(
            "its content does not have the checksum that it was saved with, so it is damaged, or "
            "was changed by another program (adjoint.io.load_file reads it as it is)"
        )
    return header, arrays


def _map(file: Any) -> tuple[Header, dict[str, Array]]:
    header = _parse(file)
    memory = memory_map.mmap(file.fileno(), 0, access=memory_map.ACCESS_COPY)
    arrays = {}
    for entry in header.entries:
        count = (entry.end - entry.start) // entry.dtype.itemsize
        flat = np.frombuffer(memory, entry.dtype, count, header.length + entry.start)
        arrays[entry.name] = flat.reshape(entry.shape)
    return header, arrays


def _as_complex(pairs: Array, name: str) -> Array:
    if name not in ("complex64", "complex128"):
        raise DamageError("its structure is damaged (a complex dtype that is none)")
    return pairs.view(name).reshape(pairs.shape[:-1])


def _refuse(f: Any, reason: str) -> RuntimeError:
    name = repr(os.fspath(f)) if isinstance(f, (str, os.PathLike)) else type(f).__name__
    return RuntimeError(
        f"load: {name} cannot be loaded: {reason}. What can be: files that torch.save of adjoint "
        "wrote, and safetensors files"
    )


def _check_location(location: Any) -> None:
    """Accept torch's forms, as long as they lead to the CPU."""
    if isinstance(location, dict):
        for target in location.values():
            devices.check(target)
    elif location is not None and not callable(location):
        devices.check(location)
