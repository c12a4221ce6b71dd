"""Floor 0: the array namespaces, dtypes, devices, the random stream, printing, and error classes.

Knows NumPy (and, lazily, SciPy); knows nothing of tensors or derivatives.
"""

import warnings


def ignore_numpy_warnings() -> None:
    """Drop NumPy's floating-point warnings when they come from adjoint's own modules.

    `log(0)` is -inf in torch, without a word. The user's own NumPy code warns as before. See
    docs/decisions/0004-numpy-warnings.md.
    """
    warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"adjoint\.")


ignore_numpy_warnings()
