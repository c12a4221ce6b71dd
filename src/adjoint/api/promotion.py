"""Floor 3: torch's type promotion, and Python numbers as operands.

Python numbers are weak: they only raise the category (bool < int < float < complex). 0-d tensors
are weak against tensors with dimensions, in the same way.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import dtypes
from ..arrays.dtypes import dtype
from ..autograd.tensor import Tensor, new, wrap
from ..ops.conversion import cast

Number = (int, float, complex, np.number, np.bool_)

# Constants by value, one dict for each NumPy dtype: an array that is there already is 40 ns, a
# Python number that NumPy has to convert 300 ns.
_constants: dict[Any, dict[Any, Tensor]] = {}


def constant(value: Any, array_dtype: Any) -> Tensor:
    """A 0-d Tensor for a Python number, shared between calls; never given to the user."""
    table = _constants.get(array_dtype)
    if table is None:
        table = _constants[array_dtype] = {}
    found = table.get(value)
    if found is None:
        found = new(Tensor)
        # NumPy's own dtype object: of a transform's data it is another, and this one is shared.
        found._data = number_array(value, dtypes.FROM_NUMPY[array_dtype].numpy)
        found._data.flags.writeable = False  # by which saved-tensor hooks know what is no user's
        found._requires_grad = False
        found._edge = found._storage = found._view = found._meta = None
        if len(table) > 1000:
            table.clear()
        if value != 0:  # 0.0 and -0.0 are one key
            table[value] = found
    return found


def number_array(value: Any, array_dtype: Any) -> Any:
    """A 0-d array of a number; overflow to inf and integer wrap-around as torch has them."""
    if isinstance(value, complex) and array_dtype.kind not in "cb":
        raise RuntimeError(
            f"value cannot be converted to type {array_dtype.name} without overflow: {value} is "
            "complex; pass a real number, or take a complex dtype"
        )
    with np.errstate(all="ignore"):
        if array_dtype.kind in "iu":
            return np.array(int(value)).astype(array_dtype)
        return np.array(value).astype(array_dtype)


def result_type(*operands: Any) -> dtype:
    """The dtype that torch computes in, for Tensors and Python numbers together."""
    best: list[dtype | None] = [None, None, None]  # tensors with dimensions, 0-d tensors, numbers
    for operand in operands:
        if isinstance(operand, Tensor):
            rank, d = (0 if operand._data.ndim else 1), operand.dtype
        elif isinstance(operand, Number):
            rank, d = 2, dtypes.of_scalar(operand)
        else:
            raise TypeError(f"expected a Tensor or a number, but got {type(operand).__name__}")
        known = best[rank]
        best[rank] = d if known is None else dtypes.promote_types(known, d)
    result: dtype | None = None
    for d_or_none in best:
        result = _weaker(result, d_or_none)
    assert result is not None
    return result


def _weaker(strong: dtype | None, weak: dtype | None) -> dtype | None:
    """`weak` matters only when its category is higher; then it also decides the width."""
    if strong is None or weak is None:
        return strong or weak
    if weak.category <= strong.category:
        return strong
    if weak.category == dtypes.COMPLEX and strong.category == dtypes.FLOATING:
        return dtypes.promote_types(strong.to_complex(), weak if weak is strong else strong)
    return weak


def operand(value: Any, d: dtype, name: str = "operation") -> Tensor:
    """A Tensor of dtype `d` for a Tensor (cast on the tape) or a Python number."""
    if isinstance(value, Tensor):
        return value if value._data.dtype == d.numpy else cast(value, dtype=d.numpy)
    if isinstance(value, Number):
        return constant(value, d.numpy)
    raise TypeError(f"{name}(): argument must be Tensor or Number, not {type(value).__name__}")


def to_common(x: Any, y: Any, name: str = "operation") -> tuple[Tensor, Tensor]:
    """Both operands as Tensors of the dtype torch computes in."""
    d = result_type(x, y)
    return operand(x, d, name), operand(y, d, name)


def to_float(x: Any, name: str = "operation") -> Tensor:
    """For functions that are defined on reals: integers and bools become the default float."""
    if not isinstance(x, Tensor):
        raise TypeError(
            f"{name}(): argument 'input' (position 1) must be Tensor, not {type(x).__name__}"
        )
    if x._data.dtype.kind in "biu":
        return cast(x, dtype=dtypes.get_default_dtype().numpy)
    return x


def as_tensor_like(value: Any, name: str) -> Tensor:
    """A Tensor as it is, or a number as a 0-d Tensor of its own dtype."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Number):
        return wrap(number_array(value, dtypes.of_scalar(value).numpy))
    raise TypeError(f"{name}(): argument must be Tensor or Number, not {type(value).__name__}")
