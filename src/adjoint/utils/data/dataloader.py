"""Floor 5, above the other rooms: torch.utils.data.dataloader, from parts of adjoint.data."""

from adjoint.data import DataLoader, default_collate, default_convert, get_worker_info

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]
