"""Floor 5: saving and loading: torch.save and torch.load on safetensors files."""

from .checkpoint import load, load_file, save, save_file

__all__ = ["load", "load_file", "save", "save_file"]
