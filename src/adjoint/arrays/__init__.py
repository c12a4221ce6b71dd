"""Floor 0: the array namespaces, dtypes, devices, the random stream, printing, and error classes.

Knows NumPy (and, lazily, SciPy); knows nothing of tensors or derivatives.
"""
