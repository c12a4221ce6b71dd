"""Floor 5: jet: derivatives of high order of a function along a curve, in Taylor mode."""

from __future__ import annotations

from collections.abc import Callable
from math import factorial
from typing import Any

from adjoint.autograd.lifted import Level, Series, lift
from adjoint.autograd.tensor import Tensor

from . import pytree
from .arguments import tensors_of
from .forward import zeros_like


def jet(func: Callable[..., Any], primals: Any, series: Any) -> tuple[Any, Any]:
    """The value of `func` and its derivatives along a curve, to the order of the series given.

    For x(t) = primal + Σ series[k-1] tᵏ / k!, the derivatives of y(t) = func(x(t)) at t = 0: y, and
    [y', y'', ...]. Taylor mode: the number of array operations grows linearly with the order, where
    each nested jvp multiplies it; inside another transform, or recorded, products
    are summed term by term, and it grows with its square. Functions whose derivative is a new
    function each time (lgamma, powers that are no whole number) take more, the third power at
    most. Source: Griewank and Walther, Evaluating Derivatives (2008), chapter 13.

    - `primals`: a tuple of Tensors, floating or complex.
    - `series`: for each of them the list of its derivatives, of its shape; all of one length.

    Returns `(output, derivatives)`: a Tensor and a list of them, or a tree of such. Raises
    ValueError when the series do not match the primals.

    >>> x, one, zero = torch.tensor(0.0), torch.tensor(1.0), torch.tensor(0.0)
    >>> torch.func.jet(torch.exp, (x,), ([one, zero, zero],))
    (tensor(1.), [tensor(1.), tensor(1.), tensor(1.)])
    """
    if not isinstance(primals, (tuple, list)) or len(primals) != len(series):
        raise ValueError(
            "jet: expected a tuple of primals and for each of them a list of derivatives, but got "
            f"{len(series)} lists for {_count(primals)}"
        )
    orders = {len(terms) for terms in series}
    if len(orders) != 1:
        raise ValueError(f"jet: series of different lengths: {sorted(orders)}; fill with zeros")
    order = orders.pop()
    for primal, terms in zip(primals, series):
        for term in terms:
            if not isinstance(term, Tensor) or term._data.shape != primal._data.shape:
                raise ValueError(
                    "jet: every derivative has to be a Tensor of its primal's shape "
                    f"{list(primal._data.shape)}, but one is {_told(term)}"
                )
    with Level("jet") as level:
        points = [
            lift(Series(level, [p, *[t / factorial(k) for k, t in enumerate(terms, 1)]]))
            for p, terms in zip(primals, series)
        ]
        output = func(*points)
        outs = tensors_of(output, "jet(f, primals, series)")
        found = [_derivatives(o, level, order) for o in outs]
    structure = pytree.flatten(output)[1]
    values = pytree.unflatten([f[0] for f in found], structure)
    return values, pytree.unflatten([f[1] for f in found], structure)


def _count(primals: Any) -> str:
    if isinstance(primals, (tuple, list)):
        return f"{len(primals)} primals"
    return f"a {type(primals).__name__} in place of the tuple"


def _told(term: Any) -> str:
    return f"of shape {list(term._data.shape)}" if isinstance(term, Tensor) else f"{type(term)}"


def _derivatives(t: Tensor, level: Level, order: int) -> tuple[Tensor, list[Tensor]]:
    """Coefficients of t**k times k!."""
    data = t._data
    if data.__class__ is not Series or data.level is not level:
        return t, [zeros_like(t) for _ in range(order)]
    terms = (*data.terms, *(None,) * (order + 1 - len(data.terms)))
    first = data.primal
    return first, [
        zeros_like(first) if c is None else c * factorial(k) for k, c in enumerate(terms[1:], 1)
    ]
