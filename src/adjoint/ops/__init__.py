"""Floor 2: the operations, one file per family, each written once over an array namespace."""
