"""Floor 5: telling what a file is that is no checkpoint of ours, and what to do about it."""

from __future__ import annotations

__all__ = ["explain"]

_CONVERT = (
    "Convert it once where PyTorch is installed: "
    "`from safetensors.torch import save_file; "
    "save_file(torch.load('x.pt', weights_only=True), 'x.safetensors')` (of a checkpoint, the "
    "state_dict in it), and load that"
)


def explain(begin: bytes) -> str | None:
    """What a file is, judging by how it begins, and the way out; None for what is not known."""
    text = begin.lstrip().lower()
    if begin.startswith(b"PK\x03\x04"):
        return (
            "it is a zip archive, as torch.save of PyTorch writes (.pt, .pth), which holds pickled "
            f"objects, and nothing is unpickled here. {_CONVERT}"
        )
    if begin[:1] == b"\x80" and begin[1:2] in b"\x01\x02\x03\x04\x05" and len(begin) > 1:
        return (
            "it is a pickle, as old versions of PyTorch write, and nothing is unpickled here, "
            f"because a pickle can run any code. {_CONVERT}"
        )
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return (
            "it is a web page: the download fetched an error or a log-in page in place of the file"
        )
    if text.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer, not the file itself: run `git lfs pull`"
    if begin.startswith(b"\x89HDF"):
        return "it is an HDF5 file, as Keras writes"
    if begin.startswith(b"\x93NUMPY"):
        return "it is a NumPy array: use torch.from_numpy(numpy.load(...))"
    if begin.startswith(b"\x1f\x8b"):
        return "it is compressed with gzip: unpack it first"
    if not begin:
        return "it is empty"
    return None
