"""Floor 1: the Tensor: an array, and its place in the graph.

Only what autograd needs is here; the operators and the many methods are attached by the api floor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..arrays import device as devices
from ..arrays import dtypes
from . import modes, origin
from .modes import state
from .storage import Reshaped, Storage, View

if TYPE_CHECKING:
    from .tape import Node

    Edge = tuple[Node, int]

new: Callable[[type], Any] = object.__new__


class AutogradMeta:
    """What only some tensors have: a gradient, an accumulation node, hooks."""

    __slots__ = (
        "grad", "accumulator", "spent", "hooks", "post_accumulate", "retains_grad", "name",
        "transient", "grad_dtype", "any_grad_dtype",
    )  # fmt: skip

    def __init__(self) -> None:
        self.grad: Tensor | None = None
        self.accumulator: Any = None  # weak: the node holds the tensor
        self.spent: Any = None  # that node once a pass is through with it: for the next graph
        self.hooks: dict[int, Callable[..., Any]] | None = None
        self.post_accumulate: dict[int, Callable[..., Any]] | None = None
        self.retains_grad = False
        self.name: str | None = None
        # The point at which a transform differentiates, nobody else's: when it was made, or 0.
        self.transient = 0
        # What `Tensor.grad_dtype` was set to: a dtype, or None for any (then the flag is set).
        self.grad_dtype: Any = None
        self.any_grad_dtype = False


class Tensor:
    """A multi-dimensional array that records what is done to it, as torch.Tensor.

    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    # Slots, not a dict: reading one is 5 ns, and the fast path reads many. `__dict__` is there for
    # attributes that users set.
    __slots__ = (
        "_data",
        "_requires_grad",
        "_edge",
        "_storage",
        "_view",
        "_meta",
        "__dict__",
        "__weakref__",
    )

    _data: Any  # the array; its type decides the namespace
    _requires_grad: bool
    _edge: Edge | None  # (node, output number) that made it; None for a leaf
    _storage: Storage | None
    _view: View | None
    _meta: AutogradMeta | None

    legacy_constructor: ClassVar[Callable[..., Tensor]]

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...  # methods attached by the api floor
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __getitem__(self, key: Any) -> Tensor: ...
        def __setitem__(self, key: Any, value: Any) -> None: ...
        def __lt__(self, other: Any) -> Any: ...
        def __le__(self, other: Any) -> Any: ...
        def __gt__(self, other: Any) -> Any: ...
        def __ge__(self, other: Any) -> Any: ...
        def __iter__(self) -> Any: ...
        def __len__(self) -> int: ...
        def __float__(self) -> float: ...
        def __int__(self) -> int: ...

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return Tensor.legacy_constructor(cls, *args, **kwargs)

    @property
    def data(self) -> Tensor:
        """The same memory without history; writes through it are not counted (as in torch).

        >>> x = torch.ones(2, requires_grad=True)
        >>> x.data
        tensor([1., 1.])
        """
        result: Tensor = wrap(self._data if self._data.__class__ is np.ndarray else self._cut())
        if state.inference or self.is_inference():  # its kind is that of this tensor
            result._storage = _kind_of(self)
        return result

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(
                f"Variable data has to be a tensor, but got {type(value).__name__}; "
                "wrap it with torch.tensor(...)"
            )
        if self.requires_grad and value._data.dtype.kind not in "fcV":
            raise RuntimeError(
                "data set to a tensor that requires gradients must be floating point or complex "
                f"dtype, but got {value.dtype}"
            )
        if self._view is not None:  # it shares no memory with its base any more
            self._requires_grad, self._view = self.requires_grad, None
        self._data = value._data

    def _cut(self) -> Any:
        """Inside a transform: the data without history at any level."""
        return self._data.detached()

    @property
    def dtype(self) -> dtypes.dtype:
        """The element type.

        >>> torch.tensor([1]).dtype
        torch.int64
        """
        return dtypes.FROM_NUMPY[self._data.dtype]

    @property
    def device(self) -> devices.device:
        """Where the tensor lives.

        >>> torch.tensor([1]).device
        device(type='cpu')
        """
        if self._data.__class__ is np.ndarray:
            return devices.CPU
        return getattr(self._data, "place", devices.CPU)

    @property
    def requires_grad(self) -> bool:
        """Whether operations on this tensor are recorded.

        >>> x = torch.ones(2, requires_grad=True)
        >>> (x * 2).requires_grad
        True
        """
        view = self._view
        if view is None:
            return self._requires_grad
        return view.base._requires_grad or (self._requires_grad and not view.inherited)

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set in place whether operations on this leaf are recorded; returns the tensor.

        >>> torch.zeros(2).requires_grad_()
        tensor([0., 0.], requires_grad=True)
        """
        if self._view is not None:
            refresh(self)
        if self._edge is not None and not requires_grad:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a "
                "computed variable in a subgraph that doesn't require differentiation use "
                "var_no_grad = var.detach(). This one was made at "
                f"{origin.describe(self._edge[0].origin)}."
            )
        if requires_grad and self._data.dtype.kind not in "fcV":
            raise RuntimeError(
                "only Tensors of floating point and complex dtype can require gradients, but this "
                f"one is {self.dtype}; convert it first, for example with .float()"
            )
        if requires_grad and self.is_inference() and not state.inference:
            raise RuntimeError(
                "Setting requires_grad=True on inference tensor outside InferenceMode is not "
                "allowed; use .clone() to get a normal tensor"
            )
        if self._view is not None:
            self._own(bool(requires_grad))
        else:
            self._requires_grad = bool(requires_grad)
        return self

    def _own(self, requires_grad: bool) -> None:
        """Make a view's `requires_grad` its own, no longer its base's; it cannot be less."""
        view = self._view
        assert view is not None
        if requires_grad and view.inherited and self._meta is not None:
            self._meta.accumulator = None  # it led nowhere
        view.inherited = not requires_grad and view.of._requires_grad
        self._requires_grad = requires_grad or view.inherited

    @property
    def is_leaf(self) -> bool:
        """Whether the user made it, not an operation that was recorded.

        >>> x = torch.ones(2, requires_grad=True)
        >>> x.is_leaf, (x * 2).is_leaf
        (True, False)
        """
        if self._view is not None:
            refresh(self)
        return self._edge is None

    @property
    def grad_fn(self) -> Node | None:
        """The node of the graph that made this tensor; None for leaves.

        >>> x = torch.ones(2, requires_grad=True)
        >>> (x * 2).grad_fn.name()
        'MulBackward0'
        """
        if self._view is not None:
            refresh(self)
        return None if self._edge is None else self._edge[0].public

    @property
    def output_nr(self) -> int:
        """Which output of `grad_fn` this tensor is.

        >>> x = torch.ones(2, requires_grad=True)
        >>> [part.output_nr for part in x.unbind()]
        [0, 1]
        """
        return 0 if self._edge is None else self._edge[1]

    @property
    def grad(self) -> Tensor | None:
        """The gradient accumulated by `backward`; None until there is one.

        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> x.square().sum().backward()
        >>> x.grad
        tensor([2., 4.])
        """
        meta = self._meta
        grad = None if meta is None else meta.grad
        if grad is None and self._edge is not None and not (meta and meta.retains_grad):
            import warnings

            warnings.warn(
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its "
                ".grad attribute won't be populated during autograd.backward(). If you indeed "
                "want the .grad field to be populated for a non-leaf Tensor, use .retain_grad() "
                "on the non-leaf Tensor.",
                UserWarning,
                stacklevel=2,
            )
        return grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            check_grad(self, value)
        meta_of(self).grad = value

    @grad.deleter
    def grad(self) -> None:
        meta_of(self).grad = None

    @property
    def grad_dtype(self) -> dtypes.dtype | None:
        """The dtype that gradients of this leaf have: its own, unless set; None allows any.

        Gradients that arrive are cast to it; with None they come in the leaf's own dtype, and
        `.grad` may be set to a tensor of any. RuntimeError for a tensor that is no leaf, and where
        there is a gradient of another dtype already.

        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> x.grad_dtype
        torch.float32
        >>> x.grad_dtype = torch.float64
        >>> x.square().sum().backward()
        >>> x.grad
        tensor([2., 4.], dtype=torch.float64)
        """
        if not self.is_leaf:
            raise RuntimeError("grad_dtype can only be accessed on leaf tensors.")
        meta = self._meta
        if meta is not None and meta.any_grad_dtype:
            return None
        return dtypes.FROM_NUMPY[grad_dtype_of(self)]

    @grad_dtype.setter
    def grad_dtype(self, value: dtypes.dtype | None) -> None:
        if not self.is_leaf:
            raise RuntimeError(
                "grad_dtype can only be set on leaf tensors: detach() first, or set it on the leaf"
            )
        if value is not None and not isinstance(value, dtypes.dtype):
            raise RuntimeError(
                f"grad_dtype must be a torch.dtype or None, but got {type(value).__name__}"
            )
        meta = meta_of(self)
        if value is not None and meta.grad is not None and meta.grad.dtype != value:
            raise RuntimeError(
                f"Cannot set grad_dtype to {value} because there is already a gradient of "
                f"{meta.grad.dtype}; clear it first (.grad = None)"
            )
        meta.any_grad_dtype = value is None
        meta.grad_dtype = None if value is None else value.numpy
        held = None if meta.accumulator is None else meta.accumulator()
        if held is not None:  # graphs that hold the leaf deliver in the new dtype, too
            held.dtype = grad_dtype_of(self)

    @property
    def retains_grad(self) -> bool:
        """Whether `retain_grad` was called on this non-leaf tensor.

        >>> x = torch.ones(2, requires_grad=True) * 2
        >>> x.retain_grad()
        >>> x.retains_grad
        True
        """
        return self._edge is not None and self._meta is not None and self._meta.retains_grad

    @property
    def _version(self) -> int:
        """How often this memory was written in place."""
        if self.is_inference() and not storage_of(self).counted:
            raise RuntimeError(
                "Inference tensors do not track version counter. Use .clone() to get a normal "
                "tensor."
            )
        return version_of(self)

    @property
    def _base(self) -> Tensor | None:
        """The tensor whose memory this one views, if any."""
        return self._view.of if self._is_view() else None  # type: ignore[union-attr]

    def _is_view(self) -> bool:
        """Whether autograd tracks this tensor as a view of another."""
        return self._view is not None and self._view.__class__ is not Reshaped

    def is_inference(self) -> bool:
        """Whether the tensor was made inside `inference_mode`.

        >>> with torch.inference_mode():
        ...     x = torch.ones(2)
        >>> x.is_inference()
        True
        """
        return self._storage is not None and self._storage.inference

    def detach(self) -> Tensor:
        """The same memory and version counter, outside the graph.

        >>> x = torch.ones(2, requires_grad=True)
        >>> (x * 2).detach()
        tensor([2., 2.])
        """
        result: Tensor = wrap(self._data if self._data.__class__ is np.ndarray else self._cut())
        storage = storage_of(self)
        result._storage = _kind_of(self) if storage.inference else storage
        return result

    def detach_(self) -> Tensor:
        """Cut this tensor from its history, in place; views cannot be cut.

        >>> x = torch.ones(2, requires_grad=True) * 2
        >>> x.detach_()
        tensor([2., 2.])
        """
        if self._is_view():
            raise RuntimeError(
                "Can't detach views in-place. Use detach() instead. If you are using "
                "DistributedDataParallel (DDP) for training, and gradient_as_bucket_view is set "
                "as True, gradients are views of DDP buckets, and hence detach_() cannot be "
                "called on these gradients."
            )
        for t in (self,) if self._view is None else (self, self._view.of):
            t._edge = None
            t._requires_grad = False
        if self._meta is not None:
            self._meta.retains_grad = False
        return self

    backward: Callable[..., None]  # defined by the engine

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Any:
        """Call `hook(grad)` whenever the gradient of this tensor is computed; it may replace it.

        >>> x = torch.ones(2, requires_grad=True)
        >>> handle = x.register_hook(lambda grad: 10 * grad)
        >>> x.sum().backward()
        >>> x.grad
        tensor([10., 10.])
        """
        from .hooks import register_tensor_hook

        return register_tensor_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> Any:
        """Call `hook(tensor)` after a gradient was accumulated into this leaf's `.grad`.

        >>> x = torch.ones(2, requires_grad=True)
        >>> handle = x.register_post_accumulate_grad_hook(lambda leaf: print(leaf.grad))
        >>> x.sum().backward()
        tensor([1., 1.])
        """
        from .hooks import register_post_accumulate_hook

        return register_post_accumulate_hook(self, hook)

    def retain_grad(self) -> None:
        """Keep the gradient of this non-leaf tensor in `.grad` at the next backward.

        >>> x = torch.ones(2, requires_grad=True)
        >>> y = x * 2
        >>> y.retain_grad()
        >>> y.sum().backward()
        >>> y.grad
        tensor([1., 1.])
        """
        from .hooks import retain_grad

        retain_grad(self)


def wrap(array: Any) -> Any:
    """A leaf Tensor on `array` (which may be a NumPy scalar), requiring no gradient."""
    t = new(Tensor)
    if array.__class__ is not np.ndarray and not hasattr(array, "level"):
        array = np.asarray(array)
    t._data = array
    t._requires_grad = False
    t._edge = t._storage = t._view = t._meta = None
    if state.inference:
        storage_of(t).inference = True
    if modes.reversing:
        mark_born(t)
    return t


def mark_born(t: Tensor) -> None:
    """Note of a tensor just made that the transform now in force made it, if there is one.

    A tensor with a history tells so by its node; see `inplace.check_captured`.
    """
    if state.since:
        storage_of(t).born = state.since


def born(t: Tensor) -> int:
    """Since when a tensor is known to be there: its node, or the transform that made it; or 0."""
    owner = t if t._view is None else t._view.of
    if owner._edge is not None:
        return owner._edge[0].seq
    return 0 if owner._storage is None else owner._storage.born


def _kind_of(t: Tensor) -> Storage:
    """A storage of its own for a handle on the memory of an inference tensor, or made in the mode.

    Made outside the mode it counts writes, and so may be written.
    """
    storage = Storage()
    storage.inference = t.is_inference()
    storage.counted = not state.inference
    return storage


def check_inference(t: Tensor, name: str) -> None:
    """Refuse to write an inference tensor outside the mode."""
    if t.is_inference() and not state.inference and not storage_of(t).counted:
        raise RuntimeError(
            f"{name}: Inplace update to inference tensor outside InferenceMode is not allowed. "
            "You can make a clone to get a normal tensor before doing inplace update."
        )


def version_of(t: Tensor) -> int:
    """How often the memory was written in place, also where users may not ask for it."""
    return 0 if t._storage is None else t._storage.version


def storage_of(t: Tensor) -> Storage:
    """The tensor's storage, made when first asked for."""
    storage = t._storage
    if storage is None:
        storage = t._storage = Storage()
        if t._edge is not None:
            storage.born = t._edge[0].seq
            share_with_saved(t, storage)
    return storage


def share_with_saved(t: Tensor, storage: Storage) -> None:
    """Tell the alias by which the node of `t` saved it: saving makes no storage, to save 0.2 µs."""
    assert t._edge is not None
    for saved in getattr(t._edge[0], "saved", None) or ():
        if saved.__class__ is Tensor and saved._data is t._data and saved._storage is None:
            saved._storage = storage


def meta_of(t: Tensor) -> AutogradMeta:
    """The tensor's autograd metadata, made when first asked for."""
    meta = t._meta
    if meta is None:
        meta = t._meta = AutogradMeta()
    return meta


def grad_dtype_of(t: Tensor) -> Any:
    """The NumPy dtype in which gradients arrive at a leaf."""
    meta = t._meta
    return t._data.dtype if meta is None or meta.grad_dtype is None else meta.grad_dtype


def check_grad(t: Tensor, grad: Any) -> None:
    """Refuse what cannot be the `.grad` of `t`: not a tensor, other dtype, other shape, itself."""
    if not isinstance(grad, Tensor):
        raise TypeError(
            f"assigned grad expected to be a Tensor or None but got grad of type "
            f"{type(grad).__name__!r}"
        )
    if grad is t:
        raise RuntimeError("can't assign Variable as its own grad")
    own = grad_dtype_of(t)
    if grad._data.dtype != own and (t._meta is None or not t._meta.any_grad_dtype):
        expected = dtypes.FROM_NUMPY[own]
        raise RuntimeError(
            f"assigned grad has data of a different type: expected {expected}, got {grad.dtype}; "
            f"convert it with .to({expected}), or set grad_dtype"
        )
    if grad._data.shape != t._data.shape:
        raise RuntimeError(
            f"assigned grad has data of a different size: expected {list(t._data.shape)}, got "
            f"{list(grad._data.shape)}"
        )


def refresh(t: Tensor) -> None:
    """Bring a view's edge up to date after its base was written in place.

    The base's history then includes the write; the view's is made anew from it (torch:
    AsStridedBackward0). Called wherever a view's edge is read.
    """
    view = t._view
    assert view is not None
    storage = t._storage
    if storage is not None and storage.version != view.version:
        base = view.base
        if base._data.__class__ is not t._data.__class__:
            raise RuntimeError(
                f"a view of shape {list(t._data.shape)} was made before its base was written with "
                "a value that a transform moves (jvp), and does not move with it; make the view "
                "again after the write"
            )
        if t._edge is not None or base._requires_grad:
            from .views import replay

            relink(t, replay(view, t))  # may refuse: the version must not be noted then
            view.version = storage.version
    of = view.of._requires_grad
    if t._edge is None and t._requires_grad is not of and (view.inherited or of):
        t._requires_grad = view.inherited = of


def relink(t: Tensor, edge: Edge) -> None:
    """Give `t` a new place in the graph; the gradient that it retains is then the one there."""
    if t._edge is not None and t._meta is not None and t._meta.retains_grad:
        from .hooks import move_retained

        move_retained(t._edge, edge)
    t._edge, t._requires_grad = edge, True


def is_cut(t: Tensor) -> bool:
    """Whether `t` requires grad only because its base does: made unrecorded, it leads nowhere."""
    if t._view is None:
        return False
    refresh(t)
    return t._edge is None and t._view.inherited
