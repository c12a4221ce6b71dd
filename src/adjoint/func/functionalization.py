"""Floor 5: functionalize: kept so that programs which call it run. The tape needs nothing of it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

_REMOVALS = ("mutations", "mutations_and_views")


def functionalize(func: Callable[..., Any], *, remove: str = "mutations") -> Callable[..., Any]:
    """A function with the values of `func`: changes in place and views in it do not show outside.

    In torch this rewrites what a compiler sees. Here an operation in place is recorded as its
    out-of-place form already, inside of every transform too, so that `func` is called as it is.
    An argument that it changes in place is changed, as in torch.

    - `remove`: `"mutations"` or `"mutations_and_views"`. Raises RuntimeError for anything else.

    >>> def f(a):
    ...     b = a + 1
    ...     b.view(-1).add_(1)
    ...     return b
    >>> torch.func.functionalize(f)(torch.zeros(2))
    tensor([2., 2.])
    """
    if remove not in _REMOVALS:
        raise RuntimeError(
            f"functionalize(f, remove='mutations'): received invalid argument for remove={remove}. "
            'Valid options are:\n     remove="mutations": all inplace and out= operators\n'
            '     remove="mutations_and_views": all inplace, out= and view operators'
        )

    @functools.wraps(func, updated=())
    def called(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    return called
