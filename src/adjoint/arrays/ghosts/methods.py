"""Floor 0: the methods of arrays without values that are functions of NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import attach
from .functions import array_function
from .indexing import write


def _method(function: Any) -> Any:
    return lambda self, *args, **kwargs: function(self, *args, **kwargs)


for _name, _function in {
    "sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min, "any": np.any, "all": np.all,
    "mean": np.mean, "var": np.var, "std": np.std, "argmax": np.argmax, "argmin": np.argmin,
    "argsort": np.argsort, "cumsum": np.cumsum, "cumprod": np.cumprod, "take": np.take,
    "dot": np.dot, "repeat": np.repeat, "nonzero": np.nonzero, "clip": np.clip, "round": np.round,
    "trace": np.trace, "searchsorted": np.searchsorted, "conj": np.conjugate,
    "conjugate": np.conjugate, "compress": np.compress,
}.items():  # fmt: skip
    attach(**{_name: _method(_function)})


def _fill(self: Any, value: Any) -> None:
    write(self, value)


def _sort(self: Any, *args: Any, **kwargs: Any) -> None:
    self._buffer.is_known = False


attach(
    fill=_fill,
    sort=_sort,
    partition=_sort,
    flatten=lambda self, order="C": self.copy(order).reshape(-1),
    flat=property(lambda self: self.reshape(-1)),
    __array_function__=array_function,
)
