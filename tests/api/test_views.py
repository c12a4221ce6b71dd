"""Views: shared memory, versions, and what writing in place does to histories."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as torch


@pytest.fixture
def x() -> torch.Tensor:
    return torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)


VIEWS = [
    lambda y: y[0],
    lambda y: y[:, 1:],
    lambda y: y[..., ::2],
    lambda y: y.T,
    lambda y: y.t(),
    lambda y: y.mT,
    lambda y: y.view(-1),
    lambda y: y.reshape(3, 2),
    lambda y: y.unsqueeze(1),
    lambda y: y[None].squeeze(0),
    lambda y: y.diagonal(1),
    lambda y: y.narrow(1, 1, 2),
    lambda y: y.select(1, -1),
    lambda y: y.permute(1, 0)[1],
    lambda y: y.movedim(0, 1).unsqueeze(0)[0, 1:],
    lambda y: y.view_as(y),
    lambda y: y[:],
    lambda y: y.tensor_split(2)[1],
    lambda y: y.as_strided((2, 2), (3, 1), 1),
    lambda y: y.unflatten(1, (3, 1)),
    lambda y: y.T[1:].T[0],
]
COPY = [lambda y: y.movedim(0, 1).flatten()]


@pytest.mark.parametrize("make", VIEWS)
def test_views_share_memory_storage_and_base(make) -> None:
    y = torch.zeros(2, 3)
    v = make(y)
    assert v._is_view()
    assert v._base is y
    assert not y._is_view()
    before = v._version
    y.add_(1)
    assert v._version == y._version == before + 1
    assert v.flatten().tolist() == [1.0] * v.numel()
    v.add_(1)
    assert y._version == before + 2


@pytest.mark.parametrize("make", VIEWS + COPY)
def test_writing_through_a_view_rewrites_the_base(x, make) -> None:
    """The gradient is that of the same program without shared memory."""
    y = x * 1
    v = make(y)
    places = make(torch.arange(6).reshape(2, 3)).flatten().tolist()
    v.mul_(10)
    factors = torch.ones(6)
    if v._is_view():
        assert type(y.grad_fn).__name__ == "CopySlices"
        factors[places] = 10.0
    (y * y).sum().backward()
    want = 2 * x.detach() * (factors**2).view(2, 3)
    assert x.grad.tolist() == want.tolist()


@pytest.mark.parametrize("make", VIEWS + COPY)
def test_writing_to_the_base_renews_the_views(x, make) -> None:
    y = x * 1
    v = make(y)
    shared = v._is_view()
    y.mul_(3)
    assert v.grad_fn.name() == ("AsStridedBackward0" if shared else "UnsafeViewBackward0")
    v.sum().backward()
    places = make(torch.arange(6).reshape(2, 3)).flatten().tolist()
    want = [(3.0 if shared else 1.0) * places.count(i) for i in range(6)]
    assert x.grad.flatten().tolist() == want


def test_a_view_of_a_view_written_then_another(x) -> None:
    y = x * 1
    rows, column = y[1], y[:, 0]
    rows[1:].mul_(x[0, 1:])
    column.copy_(torch.zeros(2))
    assert y.tolist() == [[0, 2, 3], [0, 10, 18]]
    y.sum().backward()
    assert x.grad.tolist() == [[0, 6, 7], [0, 2, 3]]


def test_history_through_reshaped_views_of_a_base_in_another_order(x) -> None:
    y = x.T * 2  # in memory as x lies, so that y.T.reshape(-1) is a view of it
    v = y.T.reshape(-1)
    assert v._base is y
    v[:2].mul_(10)
    v[4] = 1.0
    (y * y).sum().backward()
    assert x.grad.tolist() == [[800, 1600, 24], [32, 0, 48]]


def test_complex_parts_are_views_too() -> None:
    z = torch.tensor([1 + 1j, 2 + 0j], requires_grad=True)
    w = z * 1
    w.real.mul_(3)
    assert w.tolist() == [3 + 1j, 6 + 0j]
    torch.view_as_real(w)[0, 1] = 5
    assert w[0].item() == 3 + 5j
    (w * w.conj()).real.sum().backward()
    assert z.grad.tolist() == [18 + 0j, 36 + 0j]


def test_second_derivatives_through_written_views(x) -> None:
    y = x * 2
    y[0] = x[1] * x[1]
    y.view(-1)[1:4].mul_(x[0])
    (g,) = torch.autograd.grad((y**3).sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    step = 1e-3
    with torch.no_grad():
        shifted = []
        for sign in (1, -1):
            u = (x + sign * step).double().requires_grad_()
            with torch.enable_grad():
                y = u * 2
                y[0] = u[1] * u[1]
                y.view(-1)[1:4].mul_(u[0])
                shifted.append(torch.autograd.grad((y**3).sum(), u)[0])
    assert np.allclose(h.numpy(), ((shifted[0] - shifted[1]) / (2 * step)).numpy(), rtol=1e-3)


def test_leaves_and_their_views_are_protected(x) -> None:
    for write in (
        lambda: x.add_(1),
        lambda: x.t_(),
        lambda: x.__setitem__([0], 1.0),
        lambda: x.__setitem__(x > 0, 1.0),
    ):
        with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
            write()
    for write in (lambda: x[0].add_(1), lambda: x.__setitem__(0, 1.0), lambda: x.T.zero_()):
        with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
            write()
    assert x._version == 0
    with torch.no_grad():
        x[0] = 0.0
        x.T.mul_(2)
    assert x.tolist() == [[0, 0, 0], [8, 10, 12]]
    assert x.is_leaf


@pytest.mark.parametrize("parts", [torch.unbind, torch.chunk, torch.split])
def test_one_of_several_views_cannot_be_written(x, parts) -> None:
    y = x * 1
    part = parts(y)[0] if parts is torch.unbind else parts(y, 1)[0]
    with pytest.raises(RuntimeError, match="returns multiple views"):
        part.mul_(2)
    with torch.no_grad():
        part.mul_(2)
    plain = torch.zeros(2, 2)
    plain.unbind()[0].add_(1)
    assert plain.tolist() == [[1, 1], [0, 0]]


def test_views_made_without_recording_cannot_be_written_with_it(x) -> None:
    y = x * 1
    with torch.no_grad():
        v = y[0]
    assert v.is_leaf
    assert v.requires_grad
    with pytest.raises(RuntimeError, match="A view was created in no_grad mode"):
        v.mul_(2)
    with torch.no_grad():
        w = torch.zeros(3)[1:]
    with pytest.raises(RuntimeError, match="A view was created in no_grad mode"):
        w.mul_(x[0, :2])
    assert w.mul_(2)._version == 1


def test_expanded_memory_cannot_be_written() -> None:
    x = torch.zeros(3)
    wide = x.expand(2, 3)
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        wide.add_(1)
    wide[0].add_(1)
    assert wide.tolist() == [[1] * 3] * 2
    x.expand(1, 3).add_(1)
    assert x.tolist() == [2] * 3


def test_saved_values_are_guarded_across_views(x) -> None:
    y = x * 1
    z = y.T.exp()
    w = y * y
    y[0] += 1
    z.sum().backward()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        w.sum().backward()


def test_memory_is_shared_with_numpy() -> None:
    array = np.zeros((2, 3))
    x = torch.from_numpy(array)
    x.T[1] = 5
    assert array[:, 1].tolist() == [5, 5]
    array[0] = 7
    assert x[0].tolist() == [7] * 3
    assert np.shares_memory(x[1:].numpy(), array)
    fixed = np.zeros(3)
    fixed.flags.writeable = False
    with pytest.raises(RuntimeError, match="read-only"):
        torch.from_numpy(fixed).add_(1)


def test_detached_tensors_share_versions_but_not_history(x) -> None:
    y = x * 1
    d = y.detach()
    d.add_(1)
    assert y._version == 1
    assert not d.requires_grad
    v = d[0]
    assert v._base is d


@pytest.mark.parametrize(
    ("change", "shape"),
    [
        (lambda y: y.t_(), (3, 2)),
        (lambda y: y.transpose_(0, 1), (3, 2)),
        (lambda y: y.swapaxes_(0, -1), (3, 2)),
        (lambda y: y.unsqueeze_(1), (2, 1, 3)),
        (lambda y: y.unsqueeze_(0).squeeze_(), (2, 3)),
        (lambda y: y.as_strided_((3,), (2,)), (3,)),
    ],
)
def test_shapes_change_in_place(x, change, shape) -> None:
    """Earlier views of the tensor keep their gradients, and the tensor its own."""
    y = x * 1
    row = y[0]
    assert change(y) is y
    assert y.shape == shape
    assert y._version >= 1
    assert row._base is y
    assert not y._is_view()
    row.mul_(10)
    (y.sum() + row.sum()).backward()
    in_y = np.ones(6) if y.numel() == 6 else np.array([1, 0, 1, 0, 1, 0])
    in_row = np.array([1, 1, 1, 0, 0, 0])
    assert x.grad.flatten().tolist() == (np.where(in_row, 10, 1) * (in_y + in_row)).tolist()


def test_resize_keeps_elements_in_order() -> None:
    x = torch.from_numpy(np.arange(6))
    assert x.resize_(2, 2).tolist() == [[0, 1], [2, 3]]
    assert x.resize_(5).shape == (5,)
    with pytest.raises(RuntimeError, match="cannot resize variables that require grad"):
        torch.zeros(2, requires_grad=True).resize_(1)


def test_in_place_compositions_keep_the_old_value_they_saved() -> None:
    """A rule that saved a reshaped view of the old value finds it unchanged."""
    x = torch.tensor(2.0, requires_grad=True)
    y = x * 1
    y.index_reduce_(0, torch.tensor([0]), torch.tensor(3.0), "prod")
    y.backward()
    assert x.grad.item() == 3.0
